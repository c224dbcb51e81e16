//! What is known of each command beside the table: how long it takes, which arguments it has, where its keys are. Read once
//! from `facts.txt`, which says at its head how it is written.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::command::table::Command;
use crate::command::{Arguments, is};
use crate::text::integer;

const TEXT: &str = include_str!("facts.txt");

/// What is known of a command.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The time it takes.
    pub complexity: Option<&'static str>,
    /// The version since which another command is to be used.
    pub deprecated_since: Option<&'static str>,
    /// Whether it is for the server itself, or for those who work on it.
    pub is_internal: bool,
    /// Hints to clients and proxies.
    pub tips: Vec<&'static str>,
    /// Where its keys are.
    pub keys: Vec<KeySpec>,
    /// What comes behind its name.
    pub arguments: Vec<Argument>,
}

/// Where some of a command's keys are, and what it does with them.
#[derive(Debug)]
pub(super) struct KeySpec {
    pub flags: Vec<&'static str>,
    pub begin: Begin,
    pub find: Find,
}

/// Where the first key is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin {
    /// At this position.
    Index(i64),
    /// Behind this word, which is looked for from a position on; from a negative one on backwards from the end.
    Keyword(&'static str, i64),
    Unknown,
}

/// Which keys follow the first.
#[derive(Debug, Clone, Copy)]
pub(super) enum Find {
    /// Up to one counted from the first, or negative from the end; of the arguments left over by `limit`, if that is above 1.
    Range {
        last: i64,
        step: i64,
        limit: i64,
    },
    /// As many as an argument says; both positions count from where the search began.
    Counted {
        count: i64,
        first: i64,
        step: i64,
    },
    Unknown,
}

/// An argument, or a group of them.
#[derive(Debug)]
pub(super) struct Argument {
    pub name: &'static str,
    pub kind: &'static str,
    pub key_spec: Option<i64>,
    pub flags: Vec<&'static str>,
    pub since: Option<&'static str>,
    pub deprecated_since: Option<&'static str>,
    pub token: Option<&'static str>,
    pub parts: Vec<Argument>,
}

/// What is known of `command`; a test sees to it that there is something of each.
pub(super) fn facts(command: &Command) -> &'static Facts {
    static NOTHING: OnceLock<Facts> = OnceLock::new();
    let known = all().get(command.full_name.as_str());
    known.unwrap_or_else(|| NOTHING.get_or_init(Facts::default))
}

fn all() -> &'static HashMap<&'static str, Facts> {
    static ALL: OnceLock<HashMap<&'static str, Facts>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: HashMap<&str, Facts> = HashMap::new();
        let mut name = "";
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            match line.strip_prefix("  ") {
                None => {
                    name = line;
                    all.entry(name).or_default();
                }
                Some(fact) => all.entry(name).or_default().take_in(fact),
            }
        }
        all
    })
}

impl Facts {
    fn take_in(&mut self, fact: &'static str) {
        let (subject, rest) = fact.split_once(' ').unwrap_or((fact, ""));
        match subject {
            "complexity" => self.complexity = Some(rest),
            "deprecated" => self.deprecated_since = Some(rest),
            "internal" => self.is_internal = true,
            "tips" => self.tips = rest.split(' ').collect(),
            "keys" => self.keys.extend(KeySpec::read(rest)),
            _ => self.arguments = Argument::read_all(&mut { rest }),
        }
    }
}

impl KeySpec {
    /// Reads `RO,access@1:0/1/0`.
    fn read(text: &'static str) -> Option<Self> {
        let (flags, place) = text.split_once('@')?;
        let at = place.find([':', '#'])?;
        let (begin, find) = place.split_at(at);
        Some(Self {
            flags: flags.split(',').collect(),
            begin: match begin.split_once('>') {
                Some((word, from)) => Begin::Keyword(word, from.parse().ok()?),
                None => begin.parse().map_or(Begin::Unknown, Begin::Index),
            },
            find: Find::read(find),
        })
    }

    /// What the keys are for; how much of that is sure is left out.
    pub(super) fn told_flags(&self) -> Vec<&'static str> {
        let flags = self.flags.iter().copied();
        flags
            .filter(|flag| !["variable_flags", "incomplete"].contains(flag))
            .collect()
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.begin, Begin::Unknown)
    }

    /// Whether the argument at `position` is one of these keys.
    pub(super) fn covers(&self, line: &Arguments<'_>, position: usize) -> bool {
        let (len, position) = (number(line.len()), number(position));
        let Some(begin) = self.begin.position(line) else {
            return false;
        };
        let (first, last, step) = match self.find {
            Find::Unknown => return false,
            Find::Range { last, step, limit } => {
                let last = match last {
                    0.. => begin + last,
                    _ if limit > 1 => begin + (len - begin) / limit + last,
                    _ => len + last,
                };
                (begin, last, step)
            }
            Find::Counted { count, first, step } => {
                let stated = usize::try_from(begin + count).ok();
                let stated = stated.and_then(|at| line.get(at)).and_then(integer::parse);
                let first = begin + first;
                (first, first + (stated.unwrap_or(0) - 1) * step, step)
            }
        };
        (first..=last).contains(&position) && (position - first) % step.max(1) == 0
    }
}

impl Begin {
    fn position(self, line: &Arguments<'_>) -> Option<i64> {
        let found = |at: usize, word| is(line.get(at).unwrap_or_default(), word);
        match self {
            Self::Index(index) => Some(index),
            Self::Keyword(word, from @ 0..) => {
                let from = usize::try_from(from).ok()?;
                (from..line.len())
                    .find(|at| found(*at, word))
                    .map(|at| number(at) + 1)
            }
            Self::Keyword(word, from) => {
                let from = usize::try_from(number(line.len()) + from).ok()?;
                (1..=from)
                    .rev()
                    .find(|at| found(*at, word))
                    .map(|at| number(at) + 1)
            }
            Self::Unknown => None,
        }
    }
}

impl Find {
    /// Reads `:LAST/STEP/LIMIT`, `#COUNT/FIRST/STEP` or `:?`.
    fn read(text: &str) -> Self {
        let numbers: Vec<i64> = text
            .trim_start_matches([':', '#'])
            .split('/')
            .filter_map(|number| number.parse().ok())
            .collect();
        match numbers[..] {
            [count, first, step] if text.starts_with('#') => Self::Counted { count, first, step },
            [last, step, limit] => Self::Range { last, step, limit },
            _ => Self::Unknown,
        }
    }
}

impl Argument {
    /// Reads the arguments at the start of `text`, up to the brace that closes their group.
    fn read_all(text: &mut &'static str) -> Vec<Self> {
        let mut all = Vec::new();
        loop {
            *text = text.trim_start_matches(' ');
            if let Some(rest) = text.strip_prefix('}') {
                *text = rest;
                return all;
            }
            if text.is_empty() {
                return all;
            }
            all.push(Self::read(text));
        }
    }

    /// Reads `name:type#KEYS?*+@SINCE!DEPRECATED=TOKEN{parts}`, of which all but name and type may be missing.
    fn read(text: &mut &'static str) -> Self {
        let head = up_to(text, &['#', '?', '*', '+', '@', '!', '=', '{', '}', ' ']);
        let (name, kind) = head.rsplit_once(':').unwrap_or((head, ""));
        let mut argument = Self {
            name,
            kind,
            key_spec: None,
            flags: Vec::new(),
            since: None,
            deprecated_since: None,
            token: None,
            parts: Vec::new(),
        };
        while let Some(mark @ ('#' | '?' | '*' | '+' | '@' | '!' | '=' | '{')) = text.chars().next()
        {
            *text = text.get(1..).unwrap_or_default();
            argument.qualify(mark, text);
        }
        argument
    }

    fn qualify(&mut self, mark: char, text: &mut &'static str) {
        const ENDS: &[char] = &['?', '*', '+', '@', '!', '=', '{', '}', ' '];
        match mark {
            '#' => self.key_spec = up_to(text, ENDS).parse().ok(),
            '?' => self.flags.push("optional"),
            '*' => self.flags.push("multiple"),
            '+' => self.flags.push("multiple_token"),
            '@' => self.since = Some(up_to(text, ENDS)),
            '!' => self.deprecated_since = Some(up_to(text, ENDS)),
            '=' => self.token = Some(up_to(text, &['{', '}', ' '])),
            _ => self.parts = Self::read_all(text),
        }
    }
}

/// Takes off the start of `text` what comes before any of `ends`.
fn up_to(text: &mut &'static str, ends: &[char]) -> &'static str {
    let (taken, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
    *text = rest;
    taken
}

fn number(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table::table;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_facts_of_every_command_and_of_nothing_else() {
        let commands: BTreeSet<_> = table()
            .all()
            .iter()
            .map(|command| command.full_name.as_str())
            .filter(|name| *name != "fail")
            .collect();
        let known: BTreeSet<_> = all().keys().copied().collect();
        assert_eq!(commands, known);
    }

    #[test]
    fn arguments_are_read_with_all_that_qualifies_them() {
        let text = "a:key#1?*+@1.0!2.0=TO-KEN{ip:port:string b:pure-token==} c:double";
        let read = Argument::read_all(&mut { text });
        let [a, c] = &read[..] else {
            panic!("{read:?}")
        };
        assert_eq!((a.name, a.kind, a.key_spec), ("a", "key", Some(1)));
        assert_eq!(a.flags, ["optional", "multiple", "multiple_token"]);
        assert_eq!(
            (a.since, a.deprecated_since, a.token),
            (Some("1.0"), Some("2.0"), Some("TO-KEN"))
        );
        let parts: Vec<_> = a.parts.iter().map(|part| (part.name, part.token)).collect();
        assert_eq!(parts, [("ip:port", None), ("b", Some("="))]);
        assert_eq!((c.name, c.kind), ("c", "double"));
    }
}
