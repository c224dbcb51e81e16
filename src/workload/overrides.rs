//! `--set PATH=VALUE`: changes to the tree before it is read, so that they are checked as if they stood in the file.
//!
//! A path is keys and list indices joined by dots: `keys.count=1M`, `phases.1.mix.rate=10k/s`. A phase may be named by its kind
//! or its name instead of its index (`phases.mix.rate`), and what is not there yet is made.

use super::problem::Place;
use super::words;
use super::yaml::{Content, Node};

/// What the command line changes about a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// What is driven, instead of what the file says; the file's directives stay.
    pub target: Option<String>,
    /// What may be done to an endpoint given as `target`: `flush`, `config`.
    pub allow: Vec<String>,
    /// Clients of every phase that sends requests, 1 to [`limits::CLIENTS`](super::limits::CLIENTS).
    pub clients: Option<u32>,
    /// The seed, instead of the file's.
    pub seed: Option<u64>,
    /// `PATH=VALUE`, in order.
    pub set: Vec<String>,
}

/// Splits `PATH=VALUE`.
///
/// # Errors
///
/// A sentence, where there is no `=` or no path.
pub(super) fn split(setting: &str) -> Result<(&str, &str), String> {
    match setting.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() => Ok((path.trim(), value.trim())),
        _ => Err(
            "write PATH=VALUE, as in --set keys.count=1M or --set phases.mix.rate=10k/s".to_owned(),
        ),
    }
}

/// Puts `value` at `path` below `node`. Places of what is made are `place`.
///
/// # Errors
///
/// A sentence, where the path leads through something that has no keys, or no such index.
pub(super) fn set(node: &mut Node, path: &str, value: Node, place: Place) -> Result<(), String> {
    let mut here = node;
    let mut walked: Vec<&str> = Vec::new();
    for step in path.split('.') {
        if step.is_empty() {
            return Err(format!(
                "the path `{path}` has an empty step; write keys and list indices joined by single dots"
            ));
        }
        here = enter(here, step, &walked.join("."), place)?;
        walked.push(step);
    }
    *here = value;
    Ok(())
}

/// The node at `step` below `node`, which is at `walked`.
fn enter<'a>(
    node: &'a mut Node,
    step: &str,
    walked: &str,
    place: Place,
) -> Result<&'a mut Node, String> {
    open(node, step, place);
    match &mut node.content {
        Content::Map(entries) => Ok(entry(entries, step, place)),
        Content::List(items) => {
            let index = index_of(items, step).ok_or_else(|| no_such_item(items, step, walked))?;
            let item = &mut items[index];
            let entered = if step.parse::<usize>().is_ok() {
                Some(item)
            } else {
                below_its_kind(item, place)
            };
            entered.ok_or_else(|| format!("`{walked}` has no item `{step}` with keys below it"))
        }
        Content::Scalar(text) => Err(format!(
            "`{walked}` is the text `{text}`, which has no key `{step}`; set `{walked}` as a whole"
        )),
        Content::Nothing => Err(format!("`{walked}` is nothing, which has no key `{step}`")),
    }
}

/// What stands below the only key of an item; an item that is nothing but its kind gets a place for it.
fn below_its_kind(item: &mut Node, place: Place) -> Option<&mut Node> {
    if let Some(kind) = item.text().map(str::to_owned) {
        open(item, &kind, place);
    }
    match &mut item.content {
        Content::Map(entries) => entries.first_mut().map(|(_, below)| below),
        _ => None,
    }
}

/// Makes a map of nothing, and of a scalar that is the short form of `step` (`embedded` for `embedded: {}`).
fn open(node: &mut Node, step: &str, place: Place) {
    let made = match &node.content {
        Content::Nothing => Vec::new(),
        Content::Scalar(text) if text == step => {
            let key = Node {
                place: node.place,
                content: Content::Scalar(text.clone()),
            };
            vec![(
                key,
                Node {
                    place,
                    content: Content::Nothing,
                },
            )]
        }
        _ => return,
    };
    node.content = Content::Map(made);
}

fn entry<'a>(entries: &'a mut Vec<(Node, Node)>, key: &str, place: Place) -> &'a mut Node {
    let index = entries
        .iter()
        .position(|(name, _)| name.text() == Some(key))
        .unwrap_or_else(|| {
            let name = Node {
                place,
                content: Content::Scalar(key.to_owned()),
            };
            entries.push((
                name,
                Node {
                    place,
                    content: Content::Nothing,
                },
            ));
            entries.len() - 1
        });
    &mut entries[index].1
}

/// An item by index, by `name`, or by its only key where no other item without a name has the same.
fn index_of(items: &[Node], step: &str) -> Option<usize> {
    if let Ok(index) = step.parse::<usize>() {
        return (index < items.len()).then_some(index);
    }
    let named = items.iter().position(|item| name_of(item) == Some(step));
    let is_unnamed = |item: &Node| kind_of(item) == Some(step) && name_of(item).is_none();
    let mut of_kind = (0..items.len()).filter(|index| is_unnamed(&items[*index]));
    named.or_else(|| of_kind.next().filter(|_| of_kind.next().is_none()))
}

fn no_such_item(items: &[Node], step: &str, walked: &str) -> String {
    let names: Vec<&str> = items
        .iter()
        .flat_map(|item| [name_of(item), kind_of(item)])
        .flatten()
        .collect();
    if names.contains(&step) {
        return format!(
            "`{walked}` has several items `{step}`; give the index, from 0 to {}",
            items.len() - 1
        );
    }
    words::unknown(&format!("item of `{walked}`:"), step, &names)
}

/// The only key of a map, or a scalar.
fn kind_of(item: &Node) -> Option<&str> {
    match &item.content {
        Content::Map(entries) => entries.first().filter(|_| entries.len() == 1)?.0.text(),
        _ => item.text(),
    }
}

/// The `name` below the only key of a map.
fn name_of(item: &Node) -> Option<&str> {
    let Content::Map(entries) = &item.content else {
        return None;
    };
    let [(_, below)] = entries.as_slice() else {
        return None;
    };
    let Content::Map(fields) = &below.content else {
        return None;
    };
    fields
        .iter()
        .find(|(key, _)| key.text() == Some("name"))?
        .1
        .text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::yaml;

    fn after(text: &str, path: &str, value: &str) -> Result<Node, String> {
        let mut node = yaml::read(text, 0).unwrap();
        set(
            &mut node,
            path,
            yaml::read(value, 0).unwrap(),
            Place::default(),
        )?;
        Ok(node)
    }

    /// A node as compact text, places left out.
    fn compact(node: &Node) -> String {
        match &node.content {
            Content::Nothing => "~".to_owned(),
            Content::Scalar(text) => text.clone(),
            Content::List(items) => format!(
                "[{}]",
                items.iter().map(compact).collect::<Vec<_>>().join(", ")
            ),
            Content::Map(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| format!("{}: {}", compact(key), compact(value)))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    #[test]
    fn sets_and_makes() {
        let cases = [
            ("a: 1", "a", "2", "{a: 2}"),
            ("a: 1", "b.c", "[x]", "{a: 1, b: {c: [x]}}"),
            ("a: [1, 2]", "a.1", "3", "{a: [1, 3]}"),
            (
                "target: embedded",
                "target.embedded.clock",
                "real",
                "{target: {embedded: {clock: real}}}",
            ),
            (
                "p: [save, mix: {rate: 1}]",
                "p.mix.rate",
                "2",
                "{p: [save, {mix: {rate: 2}}]}",
            ),
            (
                "p: [save, mix: {rate: 1}]",
                "p.save.keys",
                "all",
                "{p: [{save: {keys: all}}, {mix: {rate: 1}}]}",
            ),
            (
                "p: [flood: {name: a}, flood: {name: b}]",
                "p.b.ttl",
                "1s",
                "{p: [{flood: {name: a}}, {flood: {name: b, ttl: 1s}}]}",
            ),
        ];
        for (text, path, value, expected) in cases {
            assert_eq!(
                compact(&after(text, path, value).unwrap()),
                expected,
                "{path}"
            );
        }
    }

    #[test]
    fn says_where_a_path_ends() {
        let cases = [
            (
                "a: 1",
                "a.b",
                "`a` is the text `1`, which has no key `b`; set `a` as a whole",
            ),
            ("a: [x: 1]", "a.7.x", "unknown item of `a`: `7`; known: x"),
            (
                "a: [x: {}, x: {}]",
                "a.x.y",
                "`a` has several items `x`; give the index, from 0 to 1",
            ),
            (
                "a: 1",
                "a..b",
                "the path `a..b` has an empty step; write keys and list indices joined by single dots",
            ),
        ];
        for (text, path, message) in cases {
            assert_eq!(after(text, path, "1").unwrap_err(), message);
        }
    }
}
