//! The keys there are: of one kind or in spaces, how they are spelt, and which of them a range means.

use std::ops::Range;

use super::{Context, bounded, values};
use crate::workload::limits;
use crate::workload::plan::{KeySpace, Space, Template, Values};
use crate::workload::problem::{Place, Problem, is_meant};
use crate::workload::reader::{At, Given};
use crate::workload::units::{Count, FromText, KeyRange, Name, Text, Weight};
use crate::workload::words;
use crate::workload::written::{self, OneKind, Workload};

/// The keys there are.
pub(super) struct Keys {
    /// Their number; nothing where that is unknown, so that nothing is measured by it.
    pub(super) count: Option<u64>,
    name: Template,
    spaces: Vec<Space>,
}

/// The keys of the workload, under which `values` are stored where a space says nothing else.
pub(super) fn keys(
    written: &Workload,
    context: &Context<'_>,
    values: &Values,
    problems: &mut Vec<Problem>,
) -> Keys {
    match written.keys.get() {
        Some((written::Keys::One(one), place)) => of_one_kind(one, place, problems),
        Some((written::Keys::Spaces(entries), place)) => {
            let mut spaces = Spaces {
                list: Vec::new(),
                context,
                values,
                problems,
            };
            spaces.all(&entries.0, place)
        }
        None => {
            if !written.keys.is_given() && !is_meant("keys", problems) {
                problems.push(Problem::new(
                    context.document,
                    "`keys` is missing; write how many keys there are, as in keys: { count: 10000 }",
                ));
            }
            Keys::unknown()
        }
    }
}

fn of_one_kind(one: &OneKind, place: Place, problems: &mut Vec<Problem>) -> Keys {
    if !one.count.is_given() && !is_meant("count", problems) {
        problems.push(Problem::new(
            place,
            "`count` is missing; write how many keys there are, as in keys: { count: 10000 }",
        ));
    }
    Keys {
        count: count(&one.count, problems),
        name: spelt(&one.name, "key-"),
        spaces: Vec::new(),
    }
}

fn count(written: &Given<Count>, problems: &mut Vec<Problem>) -> Option<u64> {
    written.get()?;
    Some(bounded("count", written, 1, 1, limits::KEYS, problems))
}

/// The template written, or `before` and the number.
fn spelt(written: &Given<Text>, before: &str) -> Template {
    match written.get() {
        Some((Text(template), _)) => template.clone(),
        None => Template {
            before: before.to_owned(),
            width: 0,
            after: String::new(),
        },
    }
}

impl Keys {
    fn unknown() -> Self {
        Self {
            count: None,
            name: spelt(&Given::default(), "key-"),
            spaces: Vec::new(),
        }
    }

    /// The key space; names begin with `prefix`.
    pub(super) fn under(self, prefix: &str) -> KeySpace {
        let under = |template: Template| Template {
            before: format!("{prefix}{}", template.before),
            ..template
        };
        let spaces = self.spaces.into_iter();
        KeySpace {
            name: under(self.name),
            count: self.count.unwrap_or(1),
            spaces: spaces
                .map(|space| Space {
                    spelt: under(space.spelt),
                    ..space
                })
                .collect(),
        }
    }

    /// The parts that have a name, in order.
    pub(super) fn spaces(&self) -> &[Space] {
        &self.spaces
    }

    /// The keys behind `range` that are of the same space; nothing where the number of keys is unknown.
    pub(super) fn behind(&self, range: &Range<u64>) -> Option<Range<u64>> {
        let last = range.end.saturating_sub(1);
        let space = self.spaces.iter().find(|space| space.keys.contains(&last));
        let end = space.map_or(self.count?, |space| space.keys.end);
        Some(range.end..end)
    }

    /// The keys of a range; `others` are names that might have stood in its place.
    pub(super) fn resolve(
        &self,
        range: &KeyRange,
        others: &[&str],
        place: Place,
        problems: &mut Vec<Problem>,
    ) -> Range<u64> {
        let all = 0..self.count.unwrap_or(1);
        let message = match (range, self.count) {
            (KeyRange::All, _) => return all,
            (KeyRange::Some(Range { start, end }), Some(count)) if *end > count => format!(
                "the range {start}..{end} leads beyond the keys there are, 0..{count} (`keys: count`)"
            ),
            (KeyRange::Some(range), _) => return range.clone(),
            (KeyRange::Space(name), _) => {
                if let Some(space) = self.spaces.iter().find(|space| space.name == *name) {
                    return space.keys.clone();
                }
                // It may be one of those that have been told to be wrong.
                if self.count.is_none() && !self.spaces.is_empty() {
                    return all;
                }
                self.unknown_range(name, others)
            }
        };
        problems.push(Problem::new(place, message));
        all
    }

    fn unknown_range(&self, name: &str, others: &[&str]) -> String {
        let what = if others.is_empty() {
            "range"
        } else {
            "range or distribution"
        };
        let spaces = self.spaces.iter().map(|space| space.name.as_str());
        let known: Vec<&str> = ["all", "0..5000"]
            .into_iter()
            .chain(spaces)
            .chain(others.iter().copied())
            .collect();
        words::unknown(what, name, &known)
    }
}

/// Spaces on their way to a plan. What is wrong with one is noted, and the others go on.
struct Spaces<'a> {
    list: Vec<Space>,
    context: &'a Context<'a>,
    values: &'a Values,
    problems: &'a mut Vec<Problem>,
}

impl Spaces<'_> {
    fn note(&mut self, place: Place, message: impl Into<String>) {
        self.problems.push(Problem::new(place, message));
    }

    fn all(&mut self, entries: &[(At<String>, At<written::Space>)], place: Place) -> Keys {
        if entries.len() > limits::SPACES {
            let (found, most) = (entries.len(), limits::SPACES);
            self.note(place, format!("{found} key spaces; allowed are {most}"));
        }
        let before = self.problems.len();
        for (name, space) in entries {
            self.space(name, space);
        }
        let count = self.list.last().map_or(0, |last| last.keys.end);
        if count > limits::KEYS {
            let most = limits::KEYS;
            self.note(
                place,
                format!("the key spaces have {count} keys together; allowed are {most}"),
            );
        }
        if self.problems.len() > before {
            return Keys {
                spaces: std::mem::take(&mut self.list),
                ..Keys::unknown()
            };
        }
        if self.list.iter().all(|space| space.weight == 0.0) {
            self.note(
                place,
                "no key space has a weight; give one or more of them a `weight` above 0",
            );
        }
        Keys {
            count: Some(count),
            spaces: std::mem::take(&mut self.list),
            ..Keys::unknown()
        }
    }

    fn space(&mut self, name: &At<String>, space: &At<written::Space>) {
        let (Some((name, name_place)), Some((space, place))) = (name.get(), space.get()) else {
            return;
        };
        if let Err(message) = Name::from_text(name) {
            return self.note(name_place, message);
        }
        if name == "all" {
            return self.note(
                name_place,
                "`all` means all keys; give the key space another name",
            );
        }
        if !space.count.is_given() {
            self.note(
                place,
                format!("`count` is missing; write how many keys there are in it, as in {name}: {{ count: 10000 }}"),
            );
        }
        let start = self.list.last().map_or(0, |last| last.keys.end);
        let keys = start..start + count(&space.count, self.problems).unwrap_or(1);
        let spelt = spelt(&space.name, &format!("{name}:"));
        self.note_same_names(&spelt, space.name.place().unwrap_or(name_place));
        let values = values::of_space(&space.values, self.values, self.context, self.problems);
        self.list.push(Space {
            name: name.clone(),
            keys,
            spelt,
            weight: space
                .weight
                .get()
                .map_or(1.0, |(Weight(weight), _)| *weight),
            values,
        });
    }

    fn note_same_names(&mut self, spelt: &Template, place: Place) {
        let same = self.list.iter().find(|space| may_meet(&space.spelt, spelt));
        if let Some(other) = same.map(|space| space.name.clone()) {
            self.note(
                place,
                format!(
                    "keys of this space may be spelt as those of `{other}`; give it another `name`"
                ),
            );
        }
    }
}

/// Whether both may spell the same key: where one surrounds its number by what the other does, but for digits.
fn may_meet(one: &Template, other: &Template) -> bool {
    let but_for_digits = |rest: Option<&str>| {
        rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let (a, b) = (one, other);
    (but_for_digits(a.before.strip_prefix(&b.before))
        || but_for_digits(b.before.strip_prefix(&a.before)))
        && (but_for_digits(a.after.strip_suffix(&b.after))
            || but_for_digits(b.after.strip_suffix(&a.after)))
}
