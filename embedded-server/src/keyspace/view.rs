//! What a lookup shows of a key: borrowed views of its name, value, deadline and size.
//!
//! A view borrows the keyspace, so it ends before the next call that changes anything. Copy out what must live longer
//! (usually straight into the reply).

use thiserror::Error;

use super::entry::{EntryRef, Held};
use crate::types;

/// The value held by a key.
///
/// Handlers that want a string use [`Entry::string`], which refuses other types with the right error.
pub use crate::types::View as Value;

/// The key holds another type than the command works on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
pub struct WrongType;

/// A key as found: name, value, deadline, size.
#[derive(Clone, Copy)]
pub struct Entry<'a>(pub(super) EntryRef<'a>);

impl<'a> Entry<'a> {
    /// The key's name.
    #[inline]
    pub fn key(&self) -> &'a [u8] {
        self.0.key()
    }

    /// The value, of whatever type.
    #[inline]
    pub fn value(&self) -> Value<'a> {
        match self.0.held() {
            Held::String(bytes) => Value::String(bytes),
            Held::Object(value) => Value::Object(value),
        }
    }

    /// The value as a string.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds another type.
    #[inline]
    pub fn string(&self) -> Result<&'a [u8], WrongType> {
        match self.0.held() {
            Held::String(bytes) => Ok(bytes),
            Held::Object(_) => Err(WrongType),
        }
    }

    /// The value as one of the other types.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds a string.
    pub fn object(&self) -> Result<&'a types::Value, WrongType> {
        match self.0.held() {
            Held::String(_) => Err(WrongType),
            Held::Object(value) => Ok(value),
        }
    }

    /// The type's name, as TYPE answers.
    pub fn type_name(&self) -> &'static str {
        match self.value() {
            Value::String(_) => "string",
            Value::Object(value) => value.type_name(),
        }
    }

    /// When the key expires, in Unix milliseconds; `None` for never.
    #[inline]
    pub fn expire_ms(&self) -> Option<i64> {
        self.0.expire_ms()
    }

    /// How the value is stored, as OBJECT ENCODING answers: for strings `int` (it reads as a 64-bit integer), `embstr` (at
    /// most 44 bytes), or `raw` (longer, or edited in place).
    pub fn encoding(&self) -> &'static str {
        match self.value() {
            Value::String(_) if self.0.edited() => "raw",
            Value::String(bytes) if is_canonical_integer(bytes) => "int",
            Value::String(bytes) if bytes.len() <= EMBSTR_LEN_MAX => "embstr",
            Value::String(_) => "raw",
            Value::Object(value) => value.encoding(),
        }
    }

    /// Bytes of memory this key truly occupies: its entry and whatever the value holds outside it, as the allocators round
    /// them. The key's share of the table is not in it.
    pub fn bytes(&self) -> usize {
        self.0.bytes()
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
