//! The ends of ranges: by rank, by score, or by the bytes of the members.

use std::ops::Range;

use crate::command::outcome::{Refusal, integer_in};
use crate::command::typed::span;
use crate::text::double;
use crate::types::{LexBound, ScoreBound, SortedSet};

/// What a range is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Lex,
}

/// Both ends of a range.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bounds<'a> {
    Rank(i64, i64),
    Score(ScoreBound, ScoreBound),
    Lex(LexBound<'a>, LexBound<'a>),
}

impl<'a> Bounds<'a> {
    /// Reads both ends, the lower first.
    pub(super) fn parse(by: By, min: &'a [u8], max: &'a [u8]) -> Result<Self, Refusal> {
        Ok(match by {
            By::Rank => Self::Rank(integer_in(min)?, integer_in(max)?),
            By::Score => Self::Score(score_bound(min)?, score_bound(max)?),
            By::Lex => Self::Lex(lex_bound(min)?, lex_bound(max)?),
        })
    }

    /// The ranks of the members between them.
    pub(super) fn ranks(self, set: &SortedSet) -> Range<usize> {
        match self {
            Self::Rank(start, stop) => span(start, stop, set.len()),
            Self::Score(min, max) => set.ranks_by_score(min, max),
            Self::Lex(min, max) => set.ranks_by_lex(min, max),
        }
    }
}

fn score_bound(text: &[u8]) -> Result<ScoreBound, Refusal> {
    let (number, exclusive) = match text {
        [b'(', number @ ..] => (number, true),
        number => (number, false),
    };
    let score = bound_number(number).ok_or("ERR min or max is not a float")?;
    Ok(ScoreBound { score, exclusive })
}

/// Reads a number as leniently as C's `strtod`: beyond what other numbers may be, it may be empty, which is 0, open with
/// white space, and be too large or too small to hold.
pub(in crate::command) fn bound_number(text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return Some(0.0);
    }
    let text = text.trim_ascii_start();
    let lenient = || std::str::from_utf8(text).ok()?.parse::<f64>().ok();
    double::parse(text)
        .or_else(lenient)
        .filter(|number| !number.is_nan())
}

fn lex_bound(text: &[u8]) -> Result<LexBound<'_>, Refusal> {
    match text {
        b"-" => Ok(LexBound::Lowest),
        b"+" => Ok(LexBound::Highest),
        [b'[', member @ ..] => Ok(LexBound::Included(member)),
        [b'(', member @ ..] => Ok(LexBound::Excluded(member)),
        _ => Err("ERR min or max not valid string range item".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_as_by_strtod() {
        for (text, score, exclusive) in [
            ("", 0.0, false),
            ("(", 0.0, true),
            (" 1.5", 1.5, false),
            ("(0x10", 16.0, true),
            ("1e400", f64::INFINITY, false),
            ("(-inf", f64::NEG_INFINITY, true),
        ] {
            let bound = score_bound(text.as_bytes()).unwrap();
            assert_eq!(bound, ScoreBound { score, exclusive }, "{text}");
        }
        for text in ["x", "((1", "nan", "1 ", " ", "[1"] {
            assert!(score_bound(text.as_bytes()).is_err(), "{text}");
        }
    }
}
