//! The types of directives: how a value is read, checked and printed.

use thiserror::Error;

use super::{OutputLimit, OutputLimits};
use crate::command::RenameError;
use crate::eviction::PolicyName;

/// Why a value was refused, in Redis's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum ValueError {
    #[error("argument couldn't be parsed into an integer")]
    NotAnInteger,
    #[error("argument must be between {min} and {max} inclusive")]
    OutOfRange { min: i64, max: i64 },
    #[error("argument must be a memory value")]
    NotMemory,
    #[error("percentage argument must be less or equal to 100")]
    TooManyPercent,
    #[error("argument must be 'yes' or 'no'")]
    NotBoolean,
    #[error("argument(s) must be one of the following: {0}")]
    NotAChoice(String),
    #[error("Invalid save parameters")]
    NotSavePoints,
    #[error("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")]
    NotEvents,
    #[error("Wrong number of arguments in buffer limit configuration.")]
    WrongNumber,
    #[error("Invalid client class specified in buffer limit configuration.")]
    NotAClientClass,
    #[error("Error in hard, soft or soft_seconds setting in buffer limit configuration.")]
    NotALimit,
    #[error("Invalid latency-tracking-info-percentiles parameters")]
    NotPercentiles,
    #[error("can't set immutable config")]
    Immutable,
    #[error("can't set protected config")]
    Guarded,
    #[error("No such file or directory")]
    NoSuchFolder,
    #[error("dbfilename can't be a path, just a filename")]
    NotAFileName,
    #[error("wrong number of arguments")]
    WrongNumberOfWords,
    #[error("Invalid master port")]
    NotAMasterPort,
    #[error("Unable to listen on this port. Check server logs.")]
    NoOtherPort,
    #[error("Failed to bind to specified addresses.")]
    NoOtherAddress,
    #[error("duplicate parameter")]
    Duplicate,
    #[error(transparent)]
    NotRenamed(#[from] RenameError),
}

/// The value of a directive.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number, an amount of memory in bytes, or (negative) a percentage of the machine's memory.
    Integer(i64),
    /// `yes` or `no`.
    Boolean(bool),
    /// One of the names that the directive allows.
    Choice(&'static str),
    /// Any bytes.
    Text(Vec<u8>),
    /// Limits by class of client, in the order of [`ClientClass`](super::ClientClass).
    OutputLimits(OutputLimits),
}

/// The type of a directive.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A whole number within bounds.
    Integer {
        /// The least allowed.
        min: i64,
        /// The most allowed.
        max: i64,
    },
    /// Bytes, with a unit (`1k` = 1000, `1kb` = 1024, ...), within bounds.
    Memory {
        /// The least allowed, in bytes.
        min: i64,
        /// The most allowed, in bytes.
        max: i64,
    },
    /// Bytes, or a percentage of the memory limit (`5%`).
    MemoryOrPercent,
    /// `yes` or `no`.
    Boolean,
    /// One of these names.
    Choice(&'static [&'static str]),
    /// Any of these names.
    Choices(&'static [&'static str]),
    /// One of the eviction policies.
    Policy,
    /// Any text.
    Text,
    /// Seconds and changes, in pairs: when to save a snapshot.
    SavePoints,
    /// Letters that choose keyspace events.
    Events,
    /// Numbers between 0 and 100.
    Percentiles,
    /// Limits by class of client.
    OutputLimits,
}

impl Kind {
    /// Reads `text` as a value of this type. Where a value may change in part, `current` is what it changes.
    ///
    /// # Errors
    /// When `text` is none, in Redis's words.
    pub fn parse(self, text: &[u8], current: Option<&Value>) -> Result<Value, ValueError> {
        match self {
            Self::Integer { min, max } => {
                let number = number(text).ok_or(ValueError::NotAnInteger)?;
                within(number, min, max)
            }
            Self::Memory { min, max } => {
                within(memory(text).ok_or(ValueError::NotMemory)?, min, max)
            }
            Self::MemoryOrPercent => memory_or_percent(text),
            Self::Boolean => boolean(text)
                .map(Value::Boolean)
                .ok_or(ValueError::NotBoolean),
            Self::Choice(names) => choice(text, names),
            Self::Choices(names) => choices(text, names),
            Self::Policy => policy(text),
            Self::Text => Ok(Value::Text(text.to_vec())),
            Self::SavePoints => save_points(text),
            Self::Events => events(text),
            Self::Percentiles => percentiles(text),
            Self::OutputLimits => output_limits(text, current),
        }
    }

    /// `value` as CONFIG GET prints it.
    #[must_use]
    pub fn print(self, value: &Value) -> String {
        match value {
            Value::Integer(percent) if matches!(self, Self::MemoryOrPercent) && *percent < 0 => {
                format!("{}%", -percent)
            }
            Value::Integer(number) => number.to_string(),
            Value::Boolean(true) => "yes".to_owned(),
            Value::Boolean(false) => "no".to_owned(),
            Value::Choice(name) => (*name).to_owned(),
            Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Value::OutputLimits(limits) => print_output_limits(limits),
        }
    }
}

/// Bytes from `100`, `1k`, `1kb`, `2mb`, `1G`...: `k` counts in thousands, `kb` in 1024s.
#[must_use]
pub fn memory(text: &[u8]) -> Option<i64> {
    let digits = text
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || **byte == b'-')
        .count();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: i64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    std::str::from_utf8(number)
        .ok()?
        .parse::<i64>()
        .ok()?
        .checked_mul(factor)
        .filter(|bytes| *bytes >= 0)
}

fn within(number: i64, min: i64, max: i64) -> Result<Value, ValueError> {
    if (min..=max).contains(&number) {
        Ok(Value::Integer(number))
    } else {
        Err(ValueError::OutOfRange { min, max })
    }
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn memory_or_percent(text: &[u8]) -> Result<Value, ValueError> {
    match text.strip_suffix(b"%") {
        Some(percent) => match number(percent).filter(|percent| *percent >= 0) {
            Some(percent @ 0..=100) => Ok(Value::Integer(-percent)),
            Some(_) => Err(ValueError::TooManyPercent),
            None => Err(ValueError::NotMemory),
        },
        None => memory(text)
            .map(Value::Integer)
            .ok_or(ValueError::NotMemory),
    }
}

fn boolean(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"yes") {
        return Some(true);
    }
    text.eq_ignore_ascii_case(b"no").then_some(false)
}

fn choice(text: &[u8], names: &'static [&'static str]) -> Result<Value, ValueError> {
    let known = names
        .iter()
        .find(|name| text.eq_ignore_ascii_case(name.as_bytes()));
    known
        .map(|name| Value::Choice(name))
        .ok_or_else(|| ValueError::NotAChoice(names.join(", ")))
}

fn choices(text: &[u8], names: &'static [&'static str]) -> Result<Value, ValueError> {
    let named = |word: &[u8]| match choice(word, names)? {
        Value::Choice(name) => Ok(name),
        _ => Err(ValueError::NotAChoice(names.join(", "))),
    };
    let mut chosen: Vec<&str> = words(text)
        .into_iter()
        .map(named)
        .collect::<Result<_, _>>()?;
    if chosen.is_empty() {
        return Err(ValueError::NotAChoice(names.join(", ")));
    }
    chosen.sort_by_key(|word| names.iter().position(|name| name == word));
    chosen.dedup();
    Ok(Value::Text(chosen.join(" ").into_bytes()))
}

fn policy(text: &[u8]) -> Result<Value, ValueError> {
    let known = PolicyName::ALL.map(PolicyName::name);
    let named = known
        .into_iter()
        .find(|name| text.eq_ignore_ascii_case(name.as_bytes()));
    named
        .map(Value::Choice)
        .ok_or_else(|| ValueError::NotAChoice(known.join(", ")))
}

fn words(text: &[u8]) -> Vec<&[u8]> {
    text.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .collect()
}

fn save_points(text: &[u8]) -> Result<Value, ValueError> {
    let words = words(text);
    let valid = words.len().is_multiple_of(2)
        && words
            .iter()
            .all(|word| number(word).is_some_and(|n| n >= 0));
    if !valid {
        return Err(ValueError::NotSavePoints);
    }
    Ok(Value::Text(words.join(&b' ')))
}

fn events(text: &[u8]) -> Result<Value, ValueError> {
    match crate::notify::Events::parse(text) {
        Some(events) => Ok(Value::Text(events.print().into_bytes())),
        None => Err(ValueError::NotEvents),
    }
}

fn percentiles(text: &[u8]) -> Result<Value, ValueError> {
    let percentile = |word: &[u8]| {
        let value: f64 = std::str::from_utf8(word).ok()?.parse().ok()?;
        (0.0..=100.0).contains(&value).then(|| value.to_string())
    };
    let read: Option<Vec<String>> = words(text).into_iter().map(percentile).collect();
    let read = read.ok_or(ValueError::NotPercentiles)?;
    Ok(Value::Text(read.join(" ").into_bytes()))
}

fn output_limits(text: &[u8], current: Option<&Value>) -> Result<Value, ValueError> {
    let mut limits = match current {
        Some(Value::OutputLimits(limits)) => *limits,
        _ => OutputLimits::default(),
    };
    let words = words(text);
    if words.is_empty() || !words.len().is_multiple_of(4) {
        return Err(ValueError::WrongNumber);
    }
    for group in words.chunks_exact(4) {
        let &[class, hard, soft, seconds] = group else {
            continue;
        };
        let index = match class.to_ascii_lowercase().as_slice() {
            b"normal" => 0,
            b"slave" | b"replica" => 1,
            b"pubsub" => 2,
            _ => return Err(ValueError::NotAClientClass),
        };
        let bytes = |text| {
            memory(text)
                .and_then(|bytes| u64::try_from(bytes).ok())
                .ok_or(ValueError::NotALimit)
        };
        let seconds = number(seconds)
            .and_then(|n| u64::try_from(n).ok())
            .ok_or(ValueError::NotALimit)?;
        if let Some(limit) = limits.0.get_mut(index) {
            *limit = OutputLimit {
                hard_bytes: bytes(hard)?,
                soft_bytes: bytes(soft)?,
                soft_seconds: seconds,
            };
        }
    }
    Ok(Value::OutputLimits(limits))
}

fn print_output_limits(limits: &OutputLimits) -> String {
    let print = |(class, limit): (&str, &OutputLimit)| {
        format!(
            "{class} {} {} {}",
            limit.hard_bytes, limit.soft_bytes, limit.soft_seconds
        )
    };
    ["normal", "slave", "pubsub"]
        .into_iter()
        .zip(&limits.0)
        .map(print)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_memory() {
        let cases: &[(&str, Option<i64>)] = &[
            ("100", Some(100)),
            ("1k", Some(1000)),
            ("1KB", Some(1024)),
            ("2mb", Some(2 << 20)),
            ("1g", Some(1_000_000_000)),
            ("1Gb", Some(1 << 30)),
            ("-1", None),
            ("1.5mb", None),
            ("mb", None),
            ("", None),
            ("99999999999gb", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(memory(text.as_bytes()), *bytes, "{text}");
        }
    }

    #[test]
    fn output_limits_change_by_class() {
        let normal = OutputLimit {
            hard_bytes: 1 << 20,
            soft_bytes: 1024,
            soft_seconds: 5,
        };
        let before = Kind::OutputLimits.parse(b"normal 1mb 1kb 5", None).unwrap();
        let after = Kind::OutputLimits
            .parse(b"pubsub 9 8 7", Some(&before))
            .unwrap();
        assert_eq!(
            Kind::OutputLimits.print(&after),
            "normal 1048576 1024 5 slave 0 0 0 pubsub 9 8 7"
        );
        assert!(matches!(after, Value::OutputLimits(OutputLimits([first, ..])) if first == normal));
        assert_eq!(
            Kind::OutputLimits.parse(b"vip 1 1 1", None),
            Err(ValueError::NotAClientClass)
        );
    }

    #[test]
    fn a_share_of_memory_is_printed_as_one() {
        let value = Kind::MemoryOrPercent.parse(b"5%", None).unwrap();
        assert_eq!(Kind::MemoryOrPercent.print(&value), "5%");
    }
}
