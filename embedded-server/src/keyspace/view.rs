//! What a lookup shows of a key: borrowed views of its name, value, deadline and size.
//!
//! A view borrows the keyspace, so it ends before the next call that changes anything. Copy out what must live longer
//! (usually straight into the reply).

use thiserror::Error;

/// The value held by a key.
///
/// Grows a variant per data type; until then a `match` has one arm, and handlers that want a string use
/// [`Entry::string`], which stays right when other types arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string: any bytes.
    String(&'a [u8]),
}

/// The key holds another type than the command works on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
pub struct WrongType;

/// How a value is stored, as OBJECT ENCODING names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// A string that reads as a 64-bit integer.
    Int,
    /// A string of at most 44 bytes, written whole.
    Embstr,
    /// Any other string: longer, or edited in place (APPEND, SETRANGE).
    Raw,
}

impl Encoding {
    /// The word OBJECT ENCODING answers with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Embstr => "embstr",
            Self::Raw => "raw",
        }
    }
}

/// A key as found: name, value, deadline, size.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub(super) key: &'a [u8],
    pub(super) value: Value<'a>,
    pub(super) expire_ms: Option<i64>,
    pub(super) edited: bool,
    pub(super) bytes: usize,
}

impl<'a> Entry<'a> {
    /// The key's name.
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// The value, of whatever type.
    pub fn value(&self) -> Value<'a> {
        self.value
    }

    /// The value as a string.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds another type.
    pub fn string(&self) -> Result<&'a [u8], WrongType> {
        match self.value {
            Value::String(bytes) => Ok(bytes),
        }
    }

    /// The type's name, as TYPE answers.
    pub fn type_name(&self) -> &'static str {
        match self.value {
            Value::String(_) => "string",
        }
    }

    /// When the key expires, in Unix milliseconds; `None` for never.
    pub fn expire_ms(&self) -> Option<i64> {
        self.expire_ms
    }

    /// How the value is stored.
    pub fn encoding(&self) -> Encoding {
        match self.value {
            Value::String(bytes) if !self.edited && is_canonical_integer(bytes) => Encoding::Int,
            Value::String(bytes) if !self.edited && bytes.len() <= EMBSTR_LEN_MAX => {
                Encoding::Embstr
            }
            Value::String(_) => Encoding::Raw,
        }
    }

    /// Bytes of memory this key truly occupies: its entry and whatever the value holds outside it, as the allocator
    /// rounds them. The key's share of the table is not in it.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Longest string that OBJECT ENCODING calls `embstr`.
const EMBSTR_LEN_MAX: usize = 44;

/// Longest decimal form of an `i64`: a sign and 19 digits.
const INTEGER_LEN_MAX: usize = 20;

/// Whether printing the integer these bytes read as gives the same bytes again.
fn is_canonical_integer(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let canonical = match digits {
        [] => false,
        [b'0', ..] => bytes == b"0",
        _ => bytes.len() <= INTEGER_LEN_MAX && digits.iter().all(u8::is_ascii_digit),
    };
    canonical && std::str::from_utf8(bytes).is_ok_and(|text| text.parse::<i64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_prints_back_the_same_is_an_integer() {
        for yes in [
            "0",
            "7",
            "-1",
            "9223372036854775807",
            "-9223372036854775808",
        ] {
            assert!(is_canonical_integer(yes.as_bytes()), "{yes}");
        }
        for no in [
            "",
            "-",
            "-0",
            "00",
            "01",
            "+1",
            " 1",
            "1 ",
            "9223372036854775808",
            "1.0",
            "\u{0663}",
        ] {
            assert!(!is_canonical_integer(no.as_bytes()), "{no}");
        }
    }
}
