//! IDs as commands write them: whole, as a time alone, open towards one end, or made by the server.

use crate::command::Reply;
use crate::command::outcome::Refusal;
use crate::types::{Stream, StreamId};
use std::io::Write;

const INVALID: &str = "ERR Invalid stream ID specified as stream command argument";
/// No ID is longer.
const BYTES_MAX: usize = 127;
/// The digits of two numbers and the hyphen between them.
const TEXT_BYTES: usize = 41;

/// Reads an ID; where it is a time alone, its sequence number is 0.
pub(super) fn id_in(argument: &[u8]) -> Result<StreamId, Refusal> {
    parse(argument, 0).ok_or_else(|| INVALID.into())
}

fn parse(text: &[u8], missing_seq: u64) -> Option<StreamId> {
    if text.len() > BYTES_MAX {
        return None;
    }
    let (ms, seq) = match text.iter().position(|&byte| byte == b'-') {
        Some(at) => (text.get(..at)?, number(text.get(at + 1..)?)?),
        None => (text, missing_seq),
    };
    Some(StreamId::new(number(ms)?, seq))
}

/// Reads an unsigned number, which may open with zeros.
fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits)
        .ok()
        .filter(|_| is_number)?
        .parse()
        .ok()
}

/// As [`id_in`], but `-` and `+` are the lowest and the highest.
pub(super) fn id_or_end_in(argument: &[u8]) -> Result<StreamId, Refusal> {
    end_of_interval(argument, 0)
}

/// Reads the lower end of an interval: an ID, `-`, `+`, or an ID behind `(` which is not in it.
pub(super) fn start_in(argument: &[u8]) -> Result<StreamId, Refusal> {
    match argument {
        [b'(', id @ ..] if !id.is_empty() => id_in(id)?
            .next()
            .ok_or_else(|| "ERR invalid start ID for the interval".into()),
        _ => end_of_interval(argument, 0),
    }
}

/// Reads the upper end of an interval; a time alone stands for all IDs of it.
pub(super) fn end_in(argument: &[u8]) -> Result<StreamId, Refusal> {
    match argument {
        [b'(', id @ ..] if !id.is_empty() => parse(id, u64::MAX)
            .ok_or(INVALID)?
            .previous()
            .ok_or_else(|| "ERR invalid end ID for the interval".into()),
        _ => end_of_interval(argument, u64::MAX),
    }
}

fn end_of_interval(argument: &[u8], missing_seq: u64) -> Result<StreamId, Refusal> {
    match argument {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        id => parse(id, missing_seq).ok_or_else(|| INVALID.into()),
    }
}

/// The ID that an entry is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewId {
    /// `*`: by the clock.
    Auto,
    /// `ms-*`: of this time, behind those that are there.
    At(u64),
    /// This one.
    Exactly(StreamId),
}

impl NewId {
    pub(super) fn parse(argument: &[u8]) -> Result<Self, Refusal> {
        match argument {
            b"*" => Ok(Self::Auto),
            [ms @ .., b'-', b'*'] if argument.len() <= BYTES_MAX && !ms.contains(&b'-') => {
                number(ms).map(Self::At).ok_or_else(|| INVALID.into())
            }
            id => id_in(id).map(Self::Exactly),
        }
    }

    /// The ID of an entry added to `stream` now; `None` where no number is left for it.
    pub(super) fn choose(self, stream: &Stream, now_ms: u64) -> Option<StreamId> {
        let last = stream.last_id;
        match self {
            Self::Auto if now_ms > last.ms => Some(StreamId::new(now_ms, 0)),
            Self::Auto => last.next(),
            Self::At(ms) if ms == last.ms => Some(StreamId::new(ms, last.seq.checked_add(1)?)),
            Self::At(ms) => Some(StreamId::new(ms, 0)),
            Self::Exactly(id) => Some(id),
        }
    }
}

/// Answers an ID.
pub(super) fn answer_id(reply: &mut Reply, id: StreamId) {
    let mut text = [0; TEXT_BYTES];
    let mut rest = &mut text[..];
    // Any ID fits.
    let _ = write!(rest, "{id}");
    let length = TEXT_BYTES - rest.len();
    reply.bulk(text.get(..length).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_redis_reads_them() {
        let id = |ms, seq| Some(StreamId::new(ms, seq));
        for (text, read) in [
            ("5", id(5, 0)),
            ("5-7", id(5, 7)),
            ("007-01", id(7, 1)),
            (
                "18446744073709551615-18446744073709551615",
                Some(StreamId::MAX),
            ),
            ("18446744073709551616", None),
            ("-", None),
            ("5-", None),
            ("5-6-7", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(id_in(text.as_bytes()).ok(), read, "{text}");
        }
    }

    #[test]
    fn intervals_open_and_close() {
        assert_eq!(start_in(b"(5-7"), Ok(StreamId::new(5, 8)));
        assert_eq!(end_in(b"(5"), Ok(StreamId::new(5, u64::MAX - 1)));
        assert_eq!(end_in(b"5"), Ok(StreamId::new(5, u64::MAX)));
        assert!(
            end_in(b"(0-0").is_err()
                && start_in(b"(18446744073709551615-18446744073709551615").is_err()
        );
    }
}
