//! Operations as meant: the words of a command, some of which change from request to request, and what its reply tells.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A command by template, and its share of what a phase sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    /// Unique in its load; recordings count and time by it.
    pub name: String,
    /// Its share of the requests drawn; 0 for an operation that only follows others.
    pub share: f64,
    /// The command's words.
    pub words: Vec<Word>,
    /// What a reply tells of the keys.
    pub effect: Effect,
    /// Which key it is sent for.
    pub key: KeyChoice,
    /// Index into the key space's spaces: keys are drawn from this one, in the load's order. None: from the load's keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<usize>,
    /// What is sent for the same key once the reply has come.
    pub follow: Option<Follow>,
}

/// An argument of a command, or several of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// One argument, its parts joined.
    One(Vec<Part>),
    /// The request's keys, so many of them, an argument each.
    Keys(u32),
    /// The request's keys, so many of them, each followed by its value.
    Pairs(u32),
    /// The fields `field0`, `field1`, …, so many of them, each followed by the value of the key.
    Fields(u32),
}

/// A part of an argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Always the same.
    Text(String),
    /// The name of the request's (first) key.
    Key,
    /// The number of that key in decimal, with at least so many digits.
    KeyNumber(u8),
    /// The value of that key.
    Value,
    /// A number drawn anew for every request, each of the range equally likely.
    Number(Range<u64>),
    /// A message: the value of any key, with room for a stamp at its end.
    Message,
    /// The load's time to live, in milliseconds.
    TtlMs,
    /// The load's time to live, in seconds, rounded up.
    TtlS,
}

/// What a reply tells of the keys: whether it counts as a hit or a miss, and what becomes of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// A read: nil is a miss (`GET`, `HGET`, `ZSCORE`).
    Read,
    /// A read of something that holds many: nil, 0 or nothing at all is a miss (`HGETALL`, `LRANGE`, `SISMEMBER`).
    Search,
    /// A read of several keys: every nil in the array is a miss (`MGET`).
    ReadMany,
    /// As a search, but the key does not count as used (`EXISTS`).
    Exists,
    /// Makes or changes its keys (`SET`, `HSET`, `INCR`).
    Write,
    /// Changes a key that is there; nil or 0 says that there was nothing to change (`EXPIRE`, `LPOP`, `SREM`).
    Alter,
    /// Removes its keys; nil or 0 says that they were not there (`DEL`).
    Delete,
    /// Tells nothing of a key (`PUBLISH`, `PING`).
    Other,
}

impl Word {
    /// Whether it is keys, as they are spelt.
    #[must_use]
    pub fn is_key(&self) -> bool {
        match self {
            Self::One(parts) => parts.as_slice() == [Part::Key],
            Self::Keys(_) | Self::Pairs(_) => true,
            Self::Fields(_) => false,
        }
    }
}

impl Effect {
    /// Whether replies are hits or misses.
    #[must_use]
    pub fn may_miss(self) -> bool {
        matches!(
            self,
            Self::Read | Self::Search | Self::ReadMany | Self::Exists
        )
    }
}

/// Which key an operation is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "key_choice", rename_all = "snake_case")]
pub enum KeyChoice {
    /// One drawn from the load's keys.
    Drawn,
    /// The next one behind the load's keys, up to the end of the key space, and round again.
    New,
}

/// What is sent for the same key once a reply has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Follow {
    /// After which replies.
    pub when: When,
    /// Index into the load's operations.
    pub operation: usize,
}

/// After which replies an operation is followed by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// After a miss: cache-aside.
    Miss,
    /// After every reply but an error: read-modify-write.
    Always,
}

impl Operation {
    /// `GET key`.
    #[must_use]
    pub fn get() -> Self {
        Self::on_key("get", "GET", Effect::Read)
    }

    /// `SET key value`, with the load's time to live where `expires`.
    #[must_use]
    pub fn set(expires: bool) -> Self {
        let mut set = Self::on_key("set", "SET", Effect::Write);
        set.words.push(Word::One(vec![Part::Value]));
        if expires {
            set.expire();
        }
        set
    }

    /// `EXISTS key`.
    #[must_use]
    pub fn exists() -> Self {
        Self::on_key("exists", "EXISTS", Effect::Exists)
    }

    /// `PUBLISH channel message`, or `SPUBLISH`.
    #[must_use]
    pub fn publish(is_sharded: bool) -> Self {
        let command = if is_sharded { "SPUBLISH" } else { "PUBLISH" };
        let mut publish = Self::on_key("publish", command, Effect::Other);
        publish.words.push(Word::One(vec![Part::Message]));
        publish
    }

    /// `DEL key`.
    #[must_use]
    pub fn del() -> Self {
        Self::on_key("del", "DEL", Effect::Delete)
    }

    fn on_key(name: &str, command: &str, effect: Effect) -> Self {
        let command = Word::One(vec![Part::Text(command.to_owned())]);
        Self::new(name, vec![command, Word::One(vec![Part::Key])], effect)
    }

    /// An operation that is all that is sent.
    pub(super) fn new(name: &str, words: Vec<Word>, effect: Effect) -> Self {
        Self {
            name: name.to_owned(),
            share: 1.0,
            words,
            effect,
            key: KeyChoice::Drawn,
            space: None,
            follow: None,
        }
    }

    /// Adds `PX` and the load's time to live.
    pub(super) fn expire(&mut self) {
        let option = Word::One(vec![Part::Text("PX".to_owned())]);
        self.words.extend([option, Word::One(vec![Part::TtlMs])]);
    }

    /// Keys of one request.
    #[must_use]
    pub fn keys(&self) -> u32 {
        let keys = |word: &Word| match word {
            Word::Keys(count) | Word::Pairs(count) => *count,
            Word::One(_) | Word::Fields(_) => 1,
        };
        self.words.iter().map(keys).max().unwrap_or(1)
    }

    /// Values that one request carries.
    #[must_use]
    pub fn values(&self) -> u32 {
        let values = |word: &Word| match word {
            Word::One(parts) => {
                u32::from(parts.contains(&Part::Value) || parts.contains(&Part::Message))
            }
            Word::Keys(_) => 0,
            Word::Pairs(count) | Word::Fields(count) => *count,
        };
        self.words.iter().map(values).sum()
    }

    /// The command's name.
    #[must_use]
    pub fn command(&self) -> &str {
        match self.words.first() {
            Some(Word::One(parts)) => match parts.as_slice() {
                [Part::Text(text)] => text,
                _ => "",
            },
            _ => "",
        }
    }

    /// Whether it is the keys of the key space that it is for, spelt as they are; `user:{key}` is another key.
    #[must_use]
    pub fn names_its_keys(&self) -> bool {
        self.words.iter().any(Word::is_key)
    }

    /// Whether it is `GET key`, whose reply is the value as it was written.
    #[must_use]
    pub fn reads_value(&self) -> bool {
        self.command().eq_ignore_ascii_case("get") && self.words.get(1).is_some_and(Word::is_key)
    }

    /// Whether it is `SET key value` or `MSET` of several: what is there after it is the value as it was written, for good.
    #[must_use]
    pub fn keeps_value(&self) -> bool {
        let is_called = |name: &str| self.command().eq_ignore_ascii_case(name);
        match self.words.as_slice() {
            [_, Word::One(key), Word::One(value)] => {
                is_called("set") && key == &[Part::Key] && value == &[Part::Value]
            }
            [_, Word::Pairs(_)] => is_called("mset"),
            _ => false,
        }
    }

    /// Whether it is certain that nothing is changed by it.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        self.effect.may_miss() && !self.command().eq_ignore_ascii_case("getex")
    }

    /// Whether a request tells a time to live.
    #[must_use]
    pub fn expires(&self) -> bool {
        self.words.iter().any(|word| match word {
            Word::One(parts) => parts.contains(&Part::TtlMs) || parts.contains(&Part::TtlS),
            Word::Keys(_) | Word::Pairs(_) | Word::Fields(_) => false,
        })
    }
}
