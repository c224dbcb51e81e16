//! Quantities as people write them: `10k`, `2mb`, `1200ms`, `50k/s`, `95%`, `0..5000`, and names and texts.
//!
//! Each type reads itself from the text of a scalar and describes itself to the schema. Numbers are exact: they are
//! worked out in integers, and what does not come out even is refused.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::limits;
use super::plan::Template;

/// Something that a scalar's text says.
pub(super) trait FromText: Sized {
    /// What it is, with its article and examples, for messages: `a duration such as 1200ms or 30s`.
    const WHAT: &'static str;

    /// Reads it; the error is a whole sentence.
    fn from_text(text: &str) -> Result<Self, String>;
}

/// The sentence for a text that is not a `T` at all.
fn no<T: FromText>(text: &str) -> String {
    format!("`{text}` is not {}", T::WHAT)
}

struct TextVisitor<T>(std::marker::PhantomData<T>);

impl<T: FromText> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text.trim()).map_err(E::custom)
    }
}

/// serde and schema of a type that is [`FromText`]: `$pattern` is what an editor may check beforehand.
macro_rules! scalar {
    ($type:ty, $name:literal, $description:literal, $schema:tt) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(TextVisitor(std::marker::PhantomData))
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = json_schema!($schema);
                schema.insert("description".to_owned(), $description.into());
                schema
            }
        }
    };
}

/// Splits `12.5kb` into the digits and the unit, digits first.
fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != '_')
        .unwrap_or(text.len());
    text.split_at(end)
}

/// `digits` times `scale`, exactly; nothing where that is no whole number or no number at all.
fn scaled(digits: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let starts_with_digit = whole.starts_with(|letter: char| letter.is_ascii_digit());
    if !starts_with_digit || (digits.contains('.') && fraction.is_empty()) || fraction.contains('_')
    {
        return None;
    }
    let whole: u128 = whole.replace('_', "").parse().ok()?;
    let tenths = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = if fraction.is_empty() {
        0
    } else {
        fraction
            .parse::<u128>()
            .ok()?
            .checked_mul(u128::from(scale))?
    };
    let total = whole
        .checked_mul(u128::from(scale))?
        .checked_add(part.checked_div(tenths)?)?;
    if part % tenths == 0 {
        u64::try_from(total).ok()
    } else {
        None
    }
}

/// Reads a number with one of `units`; the first unit that fits is taken.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, unit) = split(text);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    scaled(digits, *scale)
}

/// A count: `5000`, `10k`, `1M`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count(pub(super) u64);

impl FromText for Count {
    const WHAT: &'static str = "a count such as 5000, 10k or 1M";

    fn from_text(text: &str) -> Result<Self, String> {
        let units = [
            ("", 1),
            ("k", 1000),
            ("K", 1000),
            ("M", 1_000_000),
            ("G", 1_000_000_000),
        ];
        quantity(text, &units)
            .map(Self)
            .ok_or_else(|| no::<Self>(text))
    }
}

scalar!(Count, "count", "A count: `5000`, `10k` (10,000), `1M` (1,000,000).", {
    "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": "^[0-9][0-9_.]*[kKMG]?$" }]
});

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

/// Units of size as Redis reads them, and the unmistakable ones.
const SIZES: [(&str, u64); 13] = [
    ("", 1),
    ("b", 1),
    ("k", 1000),
    ("kb", 1 << 10),
    ("kib", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1 << 20),
    ("mib", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1 << 30),
    ("gib", 1 << 30),
    ("tb", 1 << 40),
    ("tib", 1 << 40),
];

impl FromText for Size {
    const WHAT: &'static str = "a size such as 100b, 2mb or 1gib";

    fn from_text(text: &str) -> Result<Self, String> {
        quantity(&text.to_ascii_lowercase(), &SIZES)
            .map(Self)
            .ok_or_else(|| no::<Self>(text))
    }
}

scalar!(Size, "size", "A size: `100b`, `1k` (1,000), `1kb` or `1kib` (1,024), `2mb`, `1gb`, as Redis reads them.", {
    "anyOf": [
        { "type": "integer", "minimum": 0 },
        { "type": "string", "pattern": "^[0-9][0-9_.]*([bB]|[kKmMgG]([iI]?[bB])?|[tT][iI]?[bB])?$" }
    ]
});

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time(pub(super) Duration);

impl FromText for Time {
    const WHAT: &'static str = "a duration such as 500us, 1200ms, 30s, 5m or 1h";

    fn from_text(text: &str) -> Result<Self, String> {
        const S: u64 = 1_000_000_000;
        let units = [
            ("ns", 1),
            ("us", 1000),
            ("µs", 1000),
            ("ms", 1_000_000),
            ("s", S),
            ("m", 60 * S),
            ("h", 3600 * S),
            ("d", 86_400 * S),
        ];
        if let Some(nanoseconds) = quantity(text, &units) {
            return Ok(Self(Duration::from_nanos(nanoseconds)));
        }
        match scaled(text, 1) {
            Some(0) => Ok(Self(Duration::ZERO)),
            Some(number) => Err(format!(
                "`{text}` has no unit; wanted is {}, here perhaps {number}s",
                Self::WHAT
            )),
            None => Err(no::<Self>(text)),
        }
    }
}

scalar!(Time, "duration", "A duration: `500us`, `1200ms`, `30s`, `5m`, `1h`.", {
    "anyOf": [{ "const": 0 }, { "type": "string", "pattern": "^[0-9][0-9_.]*(ns|us|µs|ms|s|m|h|d)$" }]
});

/// Requests per second, or as fast as replies come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rate {
    /// `closed`: the next request is sent when a reply has come.
    Closed,
    /// Requests per second.
    PerSecond(f64),
}

impl FromText for Rate {
    const WHAT: &'static str = "a rate such as 500/s or 50k/s, or closed";

    fn from_text(text: &str) -> Result<Self, String> {
        if text == "closed" {
            return Ok(Self::Closed);
        }
        let Some(count) = text.strip_suffix("/s") else {
            return Err(match Count::from_text(text) {
                Ok(_) => format!(
                    "`{text}` has no unit; wanted is {}, here perhaps {text}/s",
                    Self::WHAT
                ),
                Err(_) => no::<Self>(text),
            });
        };
        match per_second(count.trim()) {
            Some(rate) if rate > 0.0 => Ok(Self::PerSecond(rate)),
            Some(_) => Err("a rate of zero would never send anything; leave `rate` out (or write closed) for a closed loop".to_owned()),
            None => Err(no::<Self>(text)),
        }
    }
}

/// A count that may have a fraction: one request every four seconds is `0.25/s`.
fn per_second(text: &str) -> Option<f64> {
    let thousandths = quantity(
        text,
        &[
            ("", 1000),
            ("k", 1_000_000),
            ("K", 1_000_000),
            ("M", 1_000_000_000),
        ],
    )?;
    Some(thousandths as f64 / 1000.0)
}

scalar!(Rate, "rate", "Requests per second over all clients: `500/s`, `50k/s` (open loop); `closed`: as fast as replies come.", {
    "anyOf": [{ "const": "closed" }, { "type": "string", "pattern": "^[0-9][0-9_.]*[kKM]?/s$" }]
});

/// Threads that drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    /// `auto`: as many as suit the machine.
    Auto,
    /// So many.
    Fixed(u64),
}

impl FromText for Threads {
    const WHAT: &'static str = "a number of threads such as 2, or auto";

    fn from_text(text: &str) -> Result<Self, String> {
        match (text, Count::from_text(text)) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(Count(count))) => Ok(Self::Fixed(count)),
            _ => Err(no::<Self>(text)),
        }
    }
}

scalar!(Threads, "threads", "A number of threads; `auto`: as many as suit the machine.", {
    "anyOf": [{ "const": "auto" }, { "type": "integer", "minimum": 1 }]
});

/// Time to live of what is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ttl {
    /// `none`: what is written stays.
    None,
    /// It expires after this long.
    After(Duration),
    /// It expires after this long, give or take this share of it.
    Around(Duration, f64),
}

impl FromText for Ttl {
    const WHAT: &'static str = "a time to live such as 30s or 30s ± 10%, or none";

    fn from_text(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::None);
        }
        let Some((time, share)) = text.split_once('±').or_else(|| text.split_once("+-")) else {
            return Time::from_text(text).map(|time| Self::After(time.0));
        };
        let Time(time) = Time::from_text(time.trim())?;
        Portion::from_text(share.trim()).map(|share| Self::Around(time, share.0))
    }
}

scalar!(Ttl, "fixed_ttl", "A time to live: `30s`, `5m`, `1h`; `30s ± 10%` (or `+-`): any from 27s to 33s; `none`: what is written stays.", {
    "anyOf": [{ "const": "none" }, { "type": "string", "pattern": "^[0-9][0-9_.]*(ns|us|µs|ms|s|m|h|d)( *(±|\\+-) *[0-9.]+%?)?$" }]
});

/// How fast recorded requests are sent again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Speed {
    /// When they were recorded, so many times faster.
    Times(f64),
    /// `as_fast_as_possible`: when a reply has come.
    Unpaced,
}

impl FromText for Speed {
    const WHAT: &'static str = "a speed such as as_recorded, 10x or as_fast_as_possible";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "as_recorded" => Ok(Self::Times(1.0)),
            "as_fast_as_possible" => Ok(Self::Unpaced),
            other => other
                .strip_suffix('x')
                .and_then(decimal)
                .map(Self::Times)
                .ok_or_else(|| no::<Self>(text)),
        }
    }
}

scalar!(Speed, "speed", "How fast recorded requests are sent again: `as_recorded`, so many times faster (`10x`), `as_fast_as_possible`.", {
    "anyOf": [{ "enum": ["as_recorded", "as_fast_as_possible"] }, { "type": "string", "pattern": "^[0-9][0-9_.]*x$" }]
});

/// A share: 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Portion(pub(super) f64);

impl FromText for Portion {
    const WHAT: &'static str = "a share such as 95% or 0.95";

    fn from_text(text: &str) -> Result<Self, String> {
        let share = match text.strip_suffix('%') {
            Some(percent) => decimal(percent).map(|percent| percent / 100.0),
            None => decimal(text),
        };
        match share {
            Some(share) if share <= 1.0 => Ok(Self(share)),
            Some(_) => Err(format!(
                "`{text}` is more than all; wanted is {}",
                Self::WHAT
            )),
            None => Err(no::<Self>(text)),
        }
    }
}

scalar!(Portion, "share", "A share: `95%` or `0.95`.", {
    "anyOf": [{ "type": "number", "minimum": 0, "maximum": 1 }, { "type": "string", "pattern": "^[0-9.]+%?$" }]
});

/// How often something comes, in proportion to others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weight(pub(super) f64);

impl FromText for Weight {
    const WHAT: &'static str = "a weight such as 30% or 12";

    fn from_text(text: &str) -> Result<Self, String> {
        let weight = match text.strip_suffix('%') {
            Some(percent) => decimal(percent).map(|percent| percent / 100.0),
            None => decimal(text),
        };
        weight.map(Self).ok_or_else(|| no::<Self>(text))
    }
}

scalar!(Weight, "weight", "How often, in proportion to the others: `30%`, or a count.", {
    "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": "^[0-9.]+%?$" }]
});

/// A plain decimal number, not negative: `0.99`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number(pub(super) f64);

impl FromText for Number {
    const WHAT: &'static str = "a number such as 0.99";

    fn from_text(text: &str) -> Result<Self, String> {
        decimal(text).map(Self).ok_or_else(|| no::<Self>(text))
    }
}

scalar!(Number, "number", "A number such as `0.99`.", { "type": "number", "minimum": 0 });

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

impl FromText for Flag {
    const WHAT: &'static str = "true or false";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(no::<Self>(text)),
        }
    }
}

scalar!(Flag, "flag", "`true` or `false`.", { "type": "boolean" });

/// Digits with at most one point; neither signs, exponents nor infinities.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain && text.bytes().any(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// Keys: all of them, or those from the first number up to, but not including, the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyRange {
    /// `all`.
    All,
    /// `0..5000`.
    Some(Range<u64>),
    /// `sessions`.
    Space(String),
}

impl FromText for KeyRange {
    const WHAT: &'static str = "a range of keys such as 0..5000 (the end not included), or all";

    fn from_text(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        if let Ok(Name(space)) = Name::from_text(text) {
            return Ok(Self::Space(space));
        }
        let ends = text.split_once("..").ok_or_else(|| no::<Self>(text))?;
        let (Ok(Count(start)), Ok(Count(end))) = (
            Count::from_text(ends.0.trim()),
            Count::from_text(ends.1.trim()),
        ) else {
            return Err(no::<Self>(text));
        };
        match end.checked_sub(start) {
            None => Err(format!(
                "the range {text} ends before it begins; wanted is {}",
                Self::WHAT
            )),
            Some(0) => Err(format!(
                "the range {text} holds no key: its end is not included; {start}..{} holds one",
                start.saturating_add(1)
            )),
            Some(_) => Ok(Self::Some(start..end)),
        }
    }
}

scalar!(KeyRange, "key_range", "Keys by number: `0..5000` (the end not included), `all`, or a key space by its name.", {
    "type": "string", "pattern": "^([A-Za-z][A-Za-z0-9_-]*|[0-9][0-9_.]*[kKMG]? *\\.\\. *[0-9][0-9_.]*[kKMG]?)$"
});

/// Hash slots of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlotRange(pub(super) Range<u16>);

impl SlotRange {
    /// As many as there are.
    const SLOTS: u16 = 16_384;
}

impl FromText for SlotRange {
    const WHAT: &'static str =
        "a range of hash slots such as 0..1000 (the end not included, 16384 at the most)";

    fn from_text(text: &str) -> Result<Self, String> {
        let slot = |text: &str| match Count::from_text(text.trim()) {
            Ok(Count(slot)) => u16::try_from(slot).ok().filter(|slot| *slot <= Self::SLOTS),
            Err(_) => None,
        };
        let ends = text.split_once("..");
        let ends = ends.and_then(|(start, end)| Some(slot(start)?..slot(end)?));
        ends.filter(|range| !range.is_empty())
            .map(Self)
            .ok_or_else(|| no::<Self>(text))
    }
}

scalar!(SlotRange, "slot_range", "Hash slots: `0..1000` (the end not included).", {
    "type": "string", "pattern": "^[0-9][0-9_.]*[kKMG]? *\\.\\. *[0-9][0-9_.]*[kKMG]?$"
});

/// A name that expectations, plots and files use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(pub(super) String);

impl FromText for Name {
    const WHAT: &'static str =
        "a name: a letter, then letters, digits, `_` and `-`, 64 at the most";

    fn from_text(text: &str) -> Result<Self, String> {
        let fits = text.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && text.len() <= limits::NAME_CHARACTERS
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(no::<Self>(text))
        }
    }
}

scalar!(Name, "name", "A name: a letter, then letters, digits, `_` and `-`.", {
    "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$", "maxLength": 64
});

/// A text with the number of a key in it: `key-{i}`, `user:{i:08}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(pub(super) Template);

impl FromText for Text {
    const WHAT: &'static str = "a text with the key's number in it, such as key-{i}, or user:{i:08} for eight digits at least";

    fn from_text(text: &str) -> Result<Self, String> {
        if text.len() > limits::TEMPLATE_BYTES {
            return Err(format!(
                "this text is {} bytes long; at most {} are allowed",
                text.len(),
                limits::TEMPLATE_BYTES
            ));
        }
        let mut numbers = placeholders(text);
        match (numbers.next(), numbers.next()) {
            (Some((range, width)), None) => {
                let (before, after) =
                    (text[..range.start].to_owned(), text[range.end..].to_owned());
                Ok(Self(Template {
                    before,
                    width,
                    after,
                }))
            }
            (None, _) => Err(format!(
                "`{text}` holds no number; wanted is {}",
                Self::WHAT
            )),
            (Some(_), Some(_)) => Err(format!(
                "`{text}` holds more than one number; write {{i}} once"
            )),
        }
    }
}

/// Where `{i}` or `{i:08}` stands in `text`, and its width. Other braces are text: `{user}:{i}` has a hash tag.
fn placeholders(text: &str) -> impl Iterator<Item = (Range<usize>, u8)> + '_ {
    text.match_indices("{i").filter_map(move |(start, _)| {
        let end = start + text.get(start..)?.find('}')?;
        let width = match text.get(start + 2..end)? {
            "" => 0,
            padded => padded
                .strip_prefix(":0")?
                .parse()
                .ok()
                .filter(|width| *width <= 20)?,
        };
        Some((start..end + 1, width))
    })
}

scalar!(Text, "template", "A text with the key's number in it: `key-{i}`, `user:{i:08}` (eight digits at least).", {
    "type": "string", "pattern": "\\{i(:0[0-9]+)?\\}"
});

/// Any text, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plain(pub(super) String);

impl FromText for Plain {
    const WHAT: &'static str = "a text";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

scalar!(Plain, "text", "A text.", { "type": "string" });

/// An operation by its name, or a command by template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command(pub(super) String);

impl FromText for Command {
    const WHAT: &'static str =
        "an operation such as get, or a command such as HSET user:{key} field {value}";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

scalar!(Command, "command", "An operation (`get`), or a command by template (`HSET user:{key} field {value}`).", { "type": "string" });

/// The value of a server directive, handed over as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting(pub(super) String);

impl FromText for Setting {
    const WHAT: &'static str = "the value of a directive such as allkeys-lru, 10 or 2mb";

    fn from_text(text: &str) -> Result<Self, String> {
        if text.contains(|letter: char| letter.is_control()) {
            return Err("the value of a directive is one line".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

scalar!(Setting, "directive_value", "The value of a server directive, handed over as it stands.", { "type": ["string", "number", "boolean"] });

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read<T: FromText>(text: &str) -> Option<T> {
        T::from_text(text).ok()
    }

    fn why<T: FromText + fmt::Debug>(text: &str) -> String {
        T::from_text(text).unwrap_err()
    }

    #[test]
    fn counts() {
        for (text, count) in [
            ("0", 0),
            ("5000", 5000),
            ("10k", 10_000),
            ("1M", 1_000_000),
            ("1.5k", 1500),
            ("5_000", 5000),
            ("2G", 2_000_000_000),
        ] {
            assert_eq!(read(text), Some(Count(count)), "{text}");
        }
        for text in [
            "",
            "k",
            "-1",
            "1.0005k",
            "1m",
            "1 k",
            ".5k",
            "1.",
            "1e3",
            "_1",
            "99999999999999999999",
            "1.1_1k",
            "0x10",
        ] {
            assert_eq!(read::<Count>(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_as_redis_reads_them() {
        for (text, size) in [
            ("100b", 100),
            ("1k", 1000),
            ("1kb", 1024),
            ("1KiB", 1024),
            ("2mb", 2 << 20),
            ("1.5kb", 1536),
            ("1GB", 1 << 30),
            ("7", 7),
        ] {
            assert_eq!(read(text), Some(Size(size)), "{text}");
        }
        assert_eq!(
            why::<Size>("1 parsec"),
            "`1 parsec` is not a size such as 100b, 2mb or 1gib"
        );
    }

    #[test]
    fn durations() {
        for (text, millis) in [
            ("1200ms", 1200),
            ("30s", 30_000),
            ("1m", 60_000),
            ("1.5s", 1500),
            ("0", 0),
            ("0s", 0),
            ("1h", 3_600_000),
            ("500us", 0),
        ] {
            assert_eq!(
                read::<Time>(text).map(|time| time.0.as_millis()),
                Some(millis),
                "{text}"
            );
        }
        assert_eq!(
            why::<Time>("12 parsecs"),
            "`12 parsecs` is not a duration such as 500us, 1200ms, 30s, 5m or 1h"
        );
        assert_eq!(
            why::<Time>("30"),
            "`30` has no unit; wanted is a duration such as 500us, 1200ms, 30s, 5m or 1h, here perhaps 30s"
        );
    }

    #[test]
    fn rates() {
        assert_eq!(read("50k/s"), Some(Rate::PerSecond(50_000.0)));
        assert_eq!(read("0.25/s"), Some(Rate::PerSecond(0.25)));
        assert_eq!(read("closed"), Some(Rate::Closed));
        assert_eq!(
            why::<Rate>("0/s"),
            "a rate of zero would never send anything; leave `rate` out (or write closed) for a closed loop"
        );
        assert_eq!(
            why::<Rate>("50k"),
            "`50k` has no unit; wanted is a rate such as 500/s or 50k/s, or closed, here perhaps 50k/s"
        );
        assert_eq!(
            why::<Rate>("-5/s"),
            "`-5/s` is not a rate such as 500/s or 50k/s, or closed"
        );
    }

    #[test]
    fn shares_and_numbers() {
        assert_eq!(read("95%"), Some(Portion(0.95)));
        assert_eq!(read("0.05"), Some(Portion(0.05)));
        assert_eq!(
            why::<Portion>("95"),
            "`95` is more than all; wanted is a share such as 95% or 0.95"
        );
        for text in ["", ".", "inf", "NaN", "-1", "1e5", "1.1.1"] {
            assert_eq!(read::<Number>(text), None, "{text}");
        }
    }

    #[test]
    fn times_to_live() {
        let around = |seconds, share| Some(Ttl::Around(Duration::from_secs(seconds), share));
        assert_eq!(read("none"), Some(Ttl::None));
        assert_eq!(read("30s"), Some(Ttl::After(Duration::from_secs(30))));
        assert_eq!(read("30s ± 10%"), around(30, 0.1));
        assert_eq!(read("1m+-0.5"), around(60, 0.5));
        assert_eq!(
            why::<Ttl>("30s ± 10s"),
            "`10s` is not a share such as 95% or 0.95"
        );
    }

    #[test]
    fn key_ranges() {
        assert_eq!(read("0..5000"), Some(KeyRange::Some(0..5000)));
        assert_eq!(read("5k .. 10k"), Some(KeyRange::Some(5000..10_000)));
        assert_eq!(read("all"), Some(KeyRange::All));
        assert_eq!(
            why::<KeyRange>("9..3"),
            "the range 9..3 ends before it begins; wanted is a range of keys such as 0..5000 (the end not included), or all"
        );
        assert_eq!(
            why::<KeyRange>("3..3"),
            "the range 3..3 holds no key: its end is not included; 3..4 holds one"
        );
        assert_eq!(
            why::<KeyRange>("5000"),
            "`5000` is not a range of keys such as 0..5000 (the end not included), or all"
        );
    }

    #[test]
    fn templates() {
        let template = |before: &str, width, after: &str| {
            Some(Text(Template {
                before: before.into(),
                width,
                after: after.into(),
            }))
        };
        assert_eq!(read("key-{i}"), template("key-", 0, ""));
        assert_eq!(read("{user}:{i:08}:x"), template("{user}:", 8, ":x"));
        assert_eq!(read("{{i}}"), template("{", 0, "}"));
        assert_eq!(read("{id}{i}"), template("{id}", 0, ""));
        for text in ["key", "{i}{i}", "{i:8}", "{i:021}", "{i"] {
            assert_eq!(read::<Text>(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,24}") {
            let _ = (read::<Count>(&text), read::<Size>(&text), read::<Time>(&text), read::<Rate>(&text));
            let _ = (read::<Portion>(&text), read::<Number>(&text), read::<KeyRange>(&text), read::<Name>(&text), read::<Text>(&text));
        }

        #[test]
        fn what_looks_like_a_quantity_does_not_panic(text in "[0-9._]{0,40}(k|M|kb|ms|s|h|d|/s|%|\\.\\.[0-9]{1,25}|\\{i:0[0-9]{1,5}\\})?") {
            let _ = (read::<Count>(&text), read::<Size>(&text), read::<Time>(&text), read::<Rate>(&text), read::<KeyRange>(&text), read::<Text>(&text));
        }
    }
}
