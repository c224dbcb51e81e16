//! What a phase sends: names and templates become operations, shares are added up, and each finds what follows it.

use crate::workload::commands;
use crate::workload::limits;
use crate::workload::plan::{Effect, Follow, KeyChoice, Operation, Space, Ttl, When, Word};
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::{At, Given};
use crate::workload::template;
use crate::workload::units::{Command, Count, FromText, Name, Plain, Portion};
use crate::workload::words;
use crate::workload::written::{self, Operations, Sent, Settings};

/// Keys of an operation that takes several and is not told how many.
const SEVERAL: u32 = 10;
/// What `on_miss` and `then` say where nothing follows.
const NOTHING: &str = "nothing";

/// The operations of a phase, which sends `usual` where the file does not say.
pub(super) fn operations(
    usual: Option<&str>,
    written: &written::Load,
    ttl: Ttl,
    spaces: &[Space],
    missing: (Place, &str),
    problems: &mut Vec<Problem>,
) -> Vec<Operation> {
    let mut mix = Mix {
        list: Vec::new(),
        spaces,
        expires: ttl != Ttl::None,
        problems,
    };
    match written.operations.get() {
        Some((Operations::One(text), place)) => mix.add(text, place, 1.0, SEVERAL),
        Some((Operations::Mix(entries), place)) => mix.entries(&entries.0, place),
        None => mix.usual(usual, written.operations.is_given(), missing),
    }
    mix.follow_misses(&written.on_miss);
    mix.note_without_ttl(written, missing.1);
    mix.list
}

/// Operations on their way to a plan. What is wrong with one is noted, and the others go on.
struct Mix<'a> {
    list: Vec<Operation>,
    /// Key spaces that an operation may name.
    spaces: &'a [Space],
    /// Whether the phase has a time to live.
    expires: bool,
    problems: &'a mut Vec<Problem>,
}

impl Mix<'_> {
    fn note(&mut self, place: Place, message: impl Into<String>) {
        self.problems.push(Problem::new(place, message));
    }

    fn usual(&mut self, usual: Option<&str>, is_given: bool, (place, phase): (Place, &str)) {
        if usual.is_none() && !is_given {
            let message =
                format!("`{phase}` needs `operations`, as in operations: {{ get: 95%, set: 5% }}");
            self.note(place, message);
        }
        self.add(usual.unwrap_or("get"), place, 1.0, SEVERAL);
    }

    /// Adds the operation or command that `text` says.
    fn add(&mut self, text: &str, place: Place, share: f64, keys: u32) {
        if let Some(operation) = self.operation(text, place, keys) {
            self.push(Operation { share, ..operation });
        }
    }

    fn push(&mut self, mut operation: Operation) {
        operation.name = self.unique(&operation.name);
        self.list.push(operation);
    }

    /// `hset`, `hset-2`, …
    fn unique(&self, name: &str) -> String {
        let is_free = |name: &String| self.list.iter().all(|known| known.name != *name);
        let mut numbered = (2..).map(|number| format!("{name}-{number}"));
        std::iter::once(name.to_owned())
            .chain(&mut numbered)
            .find(is_free)
            .unwrap_or_default()
    }

    /// The operation called `text`, or the command that it is.
    fn operation(&mut self, text: &str, place: Place, keys: u32) -> Option<Operation> {
        if let Some(mut known) = commands::operation(text, keys) {
            if known.name == "set" && self.expires {
                known.expire();
            }
            return Some(known);
        }
        let is_name = Name::from_text(text).is_ok();
        if is_name && text.chars().any(char::is_lowercase) {
            let message = words::unknown("operation", text, &commands::names());
            self.note(place, format!("{message} (any other is written as a command, \"HSET user:{{key}} field {{value}}\")"));
            return None;
        }
        self.command(text, place, keys)
    }

    /// The operation that sends the command in `text`.
    fn command(&mut self, text: &str, place: Place, keys: u32) -> Option<Operation> {
        match template::parse(text, keys) {
            Ok(words) => {
                let operation = judged(words);
                if commands::changes_its_connection(&operation) {
                    let message = format!(
                        "`{text}` changes what its connection is sent or what requests on it mean, so that nothing could be counted; leave it out (messages are published and heard by a fan_out)"
                    );
                    self.note(place, message);
                    return None;
                }
                Some(operation)
            }
            Err(flaw) => {
                self.problems.push(flaw.at(place, text));
                None
            }
        }
    }

    /// A map of operations.
    fn entries(&mut self, entries: &[(At<String>, At<Sent>)], place: Place) {
        if entries.len() > limits::OPERATIONS {
            let (found, most) = (entries.len(), limits::OPERATIONS);
            return self.note(place, format!("{found} operations; allowed are {most}"));
        }
        let before = self.problems.len();
        for (name, sent) in entries {
            self.entry(name, sent, entries.len() == 1);
        }
        self.note_sum(before, place);
        for (index, (_, sent)) in entries.iter().enumerate() {
            if let Some((Sent::Settings(settings), _)) =
                sent.get().filter(|_| index < self.list.len())
            {
                self.follow(index, &settings.on_miss, When::Miss);
                self.follow(index, &settings.then, When::Always);
            }
        }
    }

    fn entry(&mut self, name: &At<String>, sent: &At<Sent>, is_alone: bool) {
        let (Some((name, name_place)), Some((sent, place))) = (name.get(), sent.get()) else {
            return;
        };
        match sent {
            Sent::Share(share) => {
                let share = self.share(*share, place);
                self.add(name, name_place, share, SEVERAL);
            }
            Sent::Settings(settings) => {
                let share = self.settled_share(settings, name, (name_place, is_alone));
                if let Some(operation) = self.with_settings(name, name_place, settings) {
                    self.push(Operation { share, ..operation });
                }
            }
        }
    }

    fn share(&mut self, Portion(share): Portion, place: Place) -> f64 {
        if share == 0.0 {
            self.note(
                place,
                "a share of zero is never drawn; leave the operation out",
            );
        }
        share
    }

    fn settled_share(
        &mut self,
        settings: &Settings,
        name: &str,
        (place, is_alone): (Place, bool),
    ) -> f64 {
        match settings.share.get() {
            Some((share, place)) => self.share(*share, place),
            None => {
                if !is_alone && !settings.share.is_given() {
                    self.note(
                        place,
                        format!("`{name}` needs its `share`, as in {name}: {{ share: 5% }}"),
                    );
                }
                1.0
            }
        }
    }

    fn with_settings(
        &mut self,
        name: &str,
        place: Place,
        settings: &Settings,
    ) -> Option<Operation> {
        let most = limits::KEYS_PER_REQUEST;
        let keys = super::bounded(
            "keys",
            &settings.keys,
            SEVERAL.into(),
            1,
            most,
            self.problems,
        ) as u32;
        let mut operation = match settings.send.get() {
            Some((Plain(send), send_place)) => {
                self.note_name(name, place);
                let command = self.command(send, send_place, keys)?;
                Operation {
                    name: name.to_owned(),
                    ..command
                }
            }
            None => self.operation(name, place, keys)?,
        };
        if let Some((Count(keys), place)) = settings
            .keys
            .get()
            .filter(|_| operation.keys() == 1 && keys > 1)
        {
            self.note(
                place,
                format!(
                    "`{name}` has no {{keys}} or {{pairs}} that could be {keys}; leave `keys` out"
                ),
            );
        }
        if let Some((effect, _)) = settings.effect.get() {
            operation.effect = *effect;
        }
        if let Some((key, _)) = settings.key.get() {
            operation.key = *key;
        }
        operation.space = self.space(settings);
        Some(operation)
    }

    /// The key space that an operation names.
    fn space(&mut self, settings: &Settings) -> Option<usize> {
        let (Plain(name), place) = settings.keyspace.get()?;
        if let Some((KeyChoice::New, _)) = settings.key.get() {
            self.note(
                place,
                "new keys stand behind those of the phase; leave `keyspace` or `key: new` out",
            );
        }
        let known = self.spaces.iter().position(|space| space.name == *name);
        if known.is_none() {
            let names: Vec<&str> = self.spaces.iter().map(|one| one.name.as_str()).collect();
            let message = match names.as_slice() {
                [] => {
                    "the keys are all of one kind; leave `keyspace` out, or name spaces in `keys`"
                        .to_owned()
                }
                names => words::unknown("key space", name, names),
            };
            self.note(place, message);
        }
        known
    }

    fn note_name(&mut self, name: &str, place: Place) {
        if let Err(message) = Name::from_text(name) {
            self.note(place, message);
        }
    }

    /// Shares are told of only where all of them are known.
    fn note_sum(&mut self, before: usize, place: Place) {
        let sum: f64 = self.list.iter().map(|operation| operation.share).sum();
        if self.problems.len() == before && (sum - 1.0).abs() > 1e-9 {
            let percent = (sum * 1e8).round() / 1e6;
            self.note(
                place,
                format!("the shares add up to {percent}%; they must add up to 100%"),
            );
        }
    }

    /// Lets what `given` says follow the operation at `index`.
    fn follow(&mut self, index: usize, given: &Given<Command>, when: When) {
        let Some((Command(text), place)) = given.get().filter(|(text, _)| text.0 != NOTHING) else {
            return;
        };
        if when == When::Miss && !self.list[index].effect.may_miss() {
            let name = self.list[index].name.clone();
            return self.note(
                place,
                format!("`{name}` reads nothing that could miss; leave `on_miss` out"),
            );
        }
        if self.list[index].follow.is_some() {
            return self.note(
                place,
                "`on_miss` and `then` both say what follows; leave one of them out",
            );
        }
        if let Some(operation) = self.follower(text, place) {
            self.list[index].follow = Some(Follow { when, operation });
        }
    }

    /// What every read that may miss, and is not told otherwise, is followed by.
    fn follow_misses(&mut self, on_miss: &Given<Command>) {
        let Some((Command(text), place)) = on_miss.get().filter(|(text, _)| text.0 != NOTHING)
        else {
            return;
        };
        let reads: Vec<usize> = (0..self.list.len())
            .filter(|index| {
                self.list[*index].effect.may_miss() && self.list[*index].follow.is_none()
            })
            .collect();
        if let Some(operation) = self.follower(text, place) {
            for index in reads {
                self.list[index].follow = Some(Follow {
                    when: When::Miss,
                    operation,
                });
            }
        }
    }

    /// The place in the list of an operation that follows others: one of the mix, or one that is only sent as such.
    fn follower(&mut self, text: &str, place: Place) -> Option<usize> {
        let found = match self.list.iter().position(|known| known.name == text) {
            Some(index) => index,
            None => {
                let operation = self.operation(text, place, 1)?;
                self.push(Operation {
                    share: 0.0,
                    ..operation
                });
                self.list.len() - 1
            }
        };
        let follower = &self.list[found];
        if follower.keys() > 1 || follower.follow.is_some() || follower.key == KeyChoice::New {
            let message = format!(
                "`{text}` cannot follow: what follows is for one key, the same, and nothing follows it"
            );
            self.note(place, message);
            return None;
        }
        Some(found)
    }

    /// A time to live that is sent must be known, and one that is given must be sent.
    fn note_without_ttl(&mut self, written: &written::Load, phase: &str) {
        let sends = self.list.iter().any(Operation::expires);
        match (
            written.ttl.place(),
            self.list.iter().find(|operation| operation.expires()),
        ) {
            (None, Some(operation)) => {
                let message = format!(
                    "`{}` tells a time to live, which `ttl` must say, as in ttl: 1h",
                    operation.name
                );
                let place = written
                    .operations
                    .place()
                    .or(written.on_miss.place())
                    .unwrap_or_default();
                self.note(place, message);
            }
            (Some(_), _) if sends || !self.expires => {}
            (Some(place), _) => {
                self.note(place, format!("`{phase}` sends nothing that tells a time to live; leave `ttl` out, or give it the operation set"));
            }
            (None, None) => {}
        }
    }
}

/// A command whose effect is known by its name.
fn judged(words: Vec<Word>) -> Operation {
    let mut operation = Operation::new("", words, Effect::Other);
    operation.name = operation.command().to_lowercase();
    operation.effect = commands::effect(operation.command());
    // A count of several keys does not say which of them it counts.
    if operation.keys() > 1
        && matches!(
            operation.effect,
            Effect::Exists | Effect::Delete | Effect::Search | Effect::Alter
        )
    {
        operation.effect = Effect::Other;
    }
    operation
}
