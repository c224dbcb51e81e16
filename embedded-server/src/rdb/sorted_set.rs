//! Sorted sets: as a row of members with scores, printed or as eight bytes, or a packed block of both.

use super::wire::{Input, Output};
use super::{listpack, string};
use crate::text::double;
use crate::types::{Limits, Member, SortedSet};

/// Where the length of a printed score would stand, for those that have no digits.
const NOT_A_NUMBER: u8 = 253;
const INFINITE: u8 = 254;
const MINUS_INFINITE: u8 = 255;

pub(super) fn write_listpack(output: &mut Output, set: &SortedSet) {
    let mut block = listpack::Writer::new();
    for (member, score) in set.iter() {
        block.push(member);
        block.push(double::print(score).as_bytes());
    }
    string::write(output, &block.finish());
}

/// The highest first, as Redis does: whoever reads it then inserts at the front.
pub(super) fn write_plain(output: &mut Output, set: &SortedSet) {
    output.length(set.len());
    for (member, score) in set.range_back(0..set.len()) {
        string::write(output, member);
        output.u64(score.to_bits());
    }
}

/// Scores of eight bytes.
pub(super) fn read_plain(input: &mut Input<'_>, limits: &Limits) -> Option<SortedSet> {
    read_with(input, limits, |input| input.u64().map(f64::from_bits))
}

/// Scores printed, behind a byte that is their length or stands for what has no digits.
pub(super) fn read_printed(input: &mut Input<'_>, limits: &Limits) -> Option<SortedSet> {
    read_with(input, limits, |input| match input.byte()? {
        NOT_A_NUMBER => None,
        INFINITE => Some(f64::INFINITY),
        MINUS_INFINITE => Some(f64::NEG_INFINITY),
        length => double::parse(input.bytes(length.into())?),
    })
}

fn read_with<'a>(
    input: &mut Input<'a>,
    limits: &Limits,
    score: fn(&mut Input<'a>) -> Option<f64>,
) -> Option<SortedSet> {
    let mut set = SortedSet::as_tree(limits);
    for _ in 0..input.plain_length()? {
        let (member, score) = (string::read(input)?, score(input)?);
        add(&mut set, &member, score, limits)?;
    }
    set.settle(limits);
    Some(set)
}

/// A packed block of members and scores in turn, read by `elements`.
pub(super) fn read_packed(
    input: &mut Input<'_>,
    elements: fn(&[u8]) -> Option<Vec<Member<'_>>>,
    limits: &Limits,
) -> Option<SortedSet> {
    let block = string::read(input)?;
    let mut set = SortedSet::new();
    let mut digits = itoa::Buffer::new();
    for pair in elements(&block)?.chunks(2) {
        let &[member, score] = pair else { return None };
        let score = match score {
            Member::Integer(score) => score as f64,
            Member::Bytes(text) => double::parse(text)?,
        };
        add(&mut set, member.bytes(&mut digits), score, limits)?;
    }
    Some(set)
}

/// Adds a member, which must be new.
fn add(set: &mut SortedSet, member: &[u8], score: f64, limits: &Limits) -> Option<()> {
    (!score.is_nan() && set.insert(member, score, limits).is_none()).then_some(())
}
