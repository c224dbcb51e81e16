//! YAML text to a tree of nodes that know their places. The only file that knows the YAML crate.
//!
//! Scalars stay the text that was written: what `10`, `yes` or `2mb` mean is decided where they are used, so that a
//! directive reaches the server as it stands in the file.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Location, Options, Spanned, UserMessageFormatter, budget::Budget};

use super::limits;
use super::problem::{Place, Problem};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) content: Content,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing was written, or `null` or `~`.
    Nothing,
    /// A text, quotes and escapes resolved.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A map in its order; keys are scalars and differ.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The text, where this is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads `text`, which is source number `source`.
///
/// # Errors
///
/// What the YAML grammar forbids, keys said twice, and documents beyond the [`limits`].
pub(super) fn read(text: &str, source: usize) -> Result<Node, Problem> {
    if text.len() > limits::FILE_BYTES {
        let message = format!(
            "this is {} bytes long; a workload has at most {}",
            text.len(),
            limits::FILE_BYTES
        );
        return Err(Problem {
            place: Place {
                source,
                ..Place::default()
            },
            message,
        });
    }
    match serde_saphyr::from_str_with_options::<Spanned<Written>>(text, options()) {
        Ok(document) => Ok(node(document, text, source)),
        Err(error) => Err(problem(&error, text, source)),
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.with_snippet = false;
    let mut budget = Budget::default();
    budget.max_depth = limits::DEPTH;
    budget.max_nodes = limits::NODES;
    budget.max_events = 4 * limits::NODES;
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = limits::NODES;
    options
}

fn problem(error: &Error, text: &str, source: usize) -> Problem {
    let location = error.location();
    let place = location.map_or(
        Place {
            source,
            ..Place::default()
        },
        |location| place(&location, text, source),
    );
    let said = error.render_with_formatter(&UserMessageFormatter);
    // The place is ours to say; the crate appends it to its sentence.
    let said = said
        .rsplit_once(" at line ")
        .map_or(said.as_str(), |(sentence, _)| sentence);
    Problem {
        place,
        message: format!("not readable as YAML: {said}"),
    }
}

fn place(location: &Location, text: &str, source: usize) -> Place {
    let span = location.span();
    match (span.byte_offset(), span.byte_len()) {
        (Some(start), length) => Place {
            source,
            start: start as usize,
            length: length.unwrap_or(0) as usize,
        },
        (None, _) => Place {
            source,
            start: offset_of(text, location),
            length: 0,
        },
    }
}

/// The byte at a line and column.
fn offset_of(text: &str, location: &Location) -> usize {
    let (line, column) = (
        location.line().max(1) as usize,
        location.column().max(1) as usize,
    );
    let start: usize = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum();
    let rest = text.get(start..).unwrap_or_default();
    start
        + rest
            .chars()
            .take_while(|letter| *letter != '\n')
            .take(column - 1)
            .map(char::len_utf8)
            .sum::<usize>()
}

/// A node as the YAML crate hands it over, typed scalars without their text.
enum Written {
    Nothing,
    Typed,
    Text(String),
    List(Vec<Spanned<Written>>),
    Map(Vec<(Spanned<String>, Spanned<Written>)>),
}

fn node(written: Spanned<Written>, text: &str, source: usize) -> Node {
    let place = place(&written.defined, text, source);
    let content = match written.value {
        Written::Nothing => Content::Nothing,
        Written::Typed => {
            let slice = text.get(place.start..place.start + place.length);
            Content::Scalar(slice.unwrap_or_default().to_owned())
        }
        Written::Text(text) => Content::Scalar(text),
        Written::List(items) => Content::List(
            items
                .into_iter()
                .map(|item| node(item, text, source))
                .collect(),
        ),
        Written::Map(entries) => Content::Map(
            entries
                .into_iter()
                .map(|entry| pair(entry, text, source))
                .collect(),
        ),
    };
    Node { place, content }
}

fn pair(
    (key, value): (Spanned<String>, Spanned<Written>),
    text: &str,
    source: usize,
) -> (Node, Node) {
    let place = place(&key.defined, text, source);
    (
        Node {
            place,
            content: Content::Scalar(key.value),
        },
        node(value, text, source),
    )
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WrittenVisitor)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a list or a map")
    }

    fn visit_unit<E>(self) -> Result<Written, E> {
        Ok(Written::Nothing)
    }

    fn visit_none<E>(self) -> Result<Written, E> {
        Ok(Written::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Written, E> {
        Ok(Written::Typed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Written, E> {
        Ok(Written::Typed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Written, E> {
        Ok(Written::Typed)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Written, E> {
        Ok(Written::Typed)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Written, E> {
        Ok(Written::Typed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Written, E> {
        Ok(Written::Typed)
    }

    fn visit_str<E>(self, text: &str) -> Result<Written, E> {
        Ok(Written::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Written, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Written::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Written, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Written::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        match read(text, 0).unwrap().content {
            Content::Map(entries) => entries
                .iter()
                .map(|(key, value)| {
                    format!("{}={}", key.text().unwrap(), value.text().unwrap_or("?"))
                })
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn scalars_stay_as_written() {
        let text = "a: 0x10\nb: yes\nc: 1_000\nd: 1e3\ne: \"x\\n\"\nf: 2mb\ng:\nh: .5\ni: -0\n";
        assert_eq!(
            texts(text),
            [
                "a=0x10", "b=yes", "c=1_000", "d=1e3", "e=x\n", "f=2mb", "g=?", "h=.5", "i=-0"
            ]
        );
    }

    #[test]
    fn what_an_alias_brings_keeps_its_text_and_its_place() {
        let text = "a: &x 12\nb: *x\n";
        assert_eq!(texts(text), ["a=12", "b=12"]);
        let Content::Map(entries) = read(text, 0).unwrap().content else {
            panic!()
        };
        assert_eq!(
            entries[1].1.place,
            Place {
                source: 0,
                start: 6,
                length: 2
            }
        );
    }

    #[test]
    fn bombs_do_not_go_off() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let below = format!("*a{}", level - 1);
            bomb += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 9].join(", "));
        }
        assert!(read(&bomb, 0).is_err());
        assert!(read(&"[".repeat(100_000), 0).is_err());
        assert!(read(&"- ".repeat(100_000), 0).is_err());
        assert!(read(&"a".repeat(limits::FILE_BYTES + 1), 0).is_err());
        assert!(read(&"- 1\n".repeat(limits::NODES + 1), 0).is_err());
    }
}
