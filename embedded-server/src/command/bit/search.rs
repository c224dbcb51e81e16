//! Many bits: BITCOUNT, BITPOS.

use std::ops::RangeInclusive;

use super::bit_at;
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::{Arguments, Context, is, refusal, string};
use crate::keyspace::Access;

/// Which bits are meant, in the words START END BYTE|BIT.
struct Range {
    start: i64,
    end: Option<i64>,
    in_bits: bool,
}

impl Range {
    fn parse(words: &Arguments<'_>) -> Result<Self, Refusal> {
        if words.len() > 3 {
            return Err(refusal::SYNTAX.into());
        }
        let start = words.get(0).map_or(Ok(0), integer_in)?;
        let end = words.get(1).map(integer_in).transpose()?;
        let in_bits = match words.get(2) {
            None => false,
            Some(unit) if is(unit, "byte") => false,
            Some(unit) if is(unit, "bit") => true,
            Some(_) => return Err(refusal::SYNTAX.into()),
        };
        Ok(Self {
            start,
            end,
            in_bits,
        })
    }

    /// The bits meant of a text of `length` bytes, by `span`'s rules.
    fn bits(&self, length: usize, span: Span) -> Option<RangeInclusive<usize>> {
        let end = self.end.unwrap_or(-1);
        if self.in_bits {
            return span(self.start, end, length * 8);
        }
        let bytes = span(self.start, end, length)?;
        Some(bytes.start() * 8..=bytes.end() * 8 + 7)
    }
}

type Span = fn(i64, i64, usize) -> Option<RangeInclusive<usize>>;

pub(super) fn bitcount(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (db, key) = (context.db(), &arguments[1]);
    let found = string::lookup(&mut context.server.keyspace, db, key, Access::Read)?;
    let Some(text) = found else {
        context.reply.integer(0);
        context.missed(key);
        return Ok(());
    };
    let words = arguments.from(2);
    let range = Range::parse(&words)?;
    if words.len() == 1 {
        return Err(refusal::SYNTAX.into());
    }
    let bits = range.bits(text.len(), string::span);
    context
        .reply
        .count(bits.map_or(0, |bits| count(text, bits)));
    Ok(())
}

/// How many of the `bits` of `text` are set.
fn count(text: &[u8], bits: RangeInclusive<usize>) -> usize {
    let (first, last) = (bits.start() / 8, bits.end() / 8);
    let whole = text.get(first..=last).unwrap_or_default();
    let total: usize = whole.iter().map(|byte| byte.count_ones() as usize).sum();
    let before = (first * 8..*bits.start())
        .filter(|&offset| bit_at(text, offset))
        .count();
    let behind = (bits.end() + 1..last * 8 + 8)
        .filter(|&offset| bit_at(text, offset))
        .count();
    total - before - behind
}

pub(super) fn bitpos(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (db, key) = (context.db(), &arguments[1]);
    let wanted = match integer_in(&arguments[2])? {
        0 => false,
        1 => true,
        _ => return Err("ERR The bit argument must be 1 or 0.".into()),
    };
    let found = string::lookup(&mut context.server.keyspace, db, key, Access::Read)?;
    let Some(text) = found else {
        // What is not there is an endless row of clear bits.
        context.reply.integer(if wanted { -1 } else { 0 });
        context.missed(key);
        return Ok(());
    };
    let range = Range::parse(&arguments.from(3))?;
    let bits = range.bits(text.len(), string::clamped_span);
    let position = bits.and_then(|bits| {
        let past = bits.end() + 1;
        // So is what follows the end, unless an end was named.
        find(text, bits, wanted).or((!wanted && range.end.is_none()).then_some(past))
    });
    context
        .reply
        .integer(position.map_or(-1, |position| position as i64));
    Ok(())
}

/// The first of the `bits` of `text` that is as `wanted`. Bytes without one are skipped whole.
fn find(text: &[u8], bits: RangeInclusive<usize>, wanted: bool) -> Option<usize> {
    let (start, end) = bits.into_inner();
    let barren = if wanted { 0x00 } else { 0xff };
    let first_whole = start.next_multiple_of(8);
    let is_found = |&offset: &usize| bit_at(text, offset) == wanted;
    (start..first_whole.min(end + 1))
        .find(is_found)
        .or_else(|| {
            let rest = text.get(first_whole / 8..=end / 8)?;
            let byte = first_whole / 8 + rest.iter().position(|&byte| byte != barren)?;
            (byte * 8..byte * 8 + 8)
                .find(is_found)
                .filter(|&offset| offset <= end)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counting_and_finding_agree_with_looking_at_every_bit(
            text in prop::collection::vec(prop_oneof![Just(0), Just(0xff), any::<u8>()], 1..20),
            ends: (prop::sample::Index, prop::sample::Index),
            wanted: bool,
        ) {
            let (a, b) = (ends.0.index(text.len() * 8), ends.1.index(text.len() * 8));
            let bits = a.min(b)..=a.max(b);
            prop_assert_eq!(count(&text, bits.clone()), bits.clone().filter(|&bit| bit_at(&text, bit)).count());
            prop_assert_eq!(find(&text, bits.clone(), wanted), bits.into_iter().find(|&bit| bit_at(&text, bit) == wanted));
        }
    }
}
