//! Sets: as a row of strings, a sorted array of integers, or a listpack (from Redis 7.2).

use super::wire::{Input, Output};
use super::{listpack, string};
use crate::types::{Limits, Member, Set};

/// A sorted array of integers: the bytes of each, how many, and they themselves.
pub(super) fn write_integers(output: &mut Output, set: &Set) {
    let integers: Vec<i64> = set.iter().filter_map(integer).collect();
    let fits = |bits: u32| {
        let range = -(1i64 << (bits - 1))..1i64 << (bits - 1);
        integers.iter().all(|integer| range.contains(integer))
    };
    let width = match () {
        () if fits(16) => 2,
        () if fits(32) => 4,
        () => 8,
    };
    let mut array = (width as u32).to_le_bytes().to_vec();
    array.extend((integers.len() as u32).to_le_bytes());
    for integer in integers {
        array.extend(integer.to_le_bytes().iter().take(width));
    }
    string::write(output, &array);
}

fn integer(member: Member<'_>) -> Option<i64> {
    match member {
        Member::Integer(integer) => Some(integer),
        Member::Bytes(_) => None,
    }
}

pub(super) fn write_plain(output: &mut Output, set: &Set) {
    output.length(set.len());
    let mut digits = itoa::Buffer::new();
    set.iter()
        .for_each(|member| string::write(output, member.bytes(&mut digits)));
}

pub(super) fn read_plain(input: &mut Input<'_>, limits: &Limits) -> Option<Set> {
    let mut set = Set::new();
    for _ in 0..input.plain_length()? {
        let member = string::read(input)?;
        set.add(&member, limits).then_some(())?;
    }
    Some(set)
}

pub(super) fn read_integers(input: &mut Input<'_>, limits: &Limits) -> Option<Set> {
    let array = string::read(input)?;
    let mut input = Input::new(&array);
    let width = u32::from_le_bytes(input.array()?);
    let count = u32::from_le_bytes(input.array()?);
    let mut set = Set::new();
    for _ in 0..count {
        let integer = match width {
            2 => i16::from_le_bytes(input.array()?).into(),
            4 => i32::from_le_bytes(input.array()?).into(),
            8 => i64::from_le_bytes(input.array()?),
            _ => return None,
        };
        set.add_member(Member::Integer(integer), limits)
            .then_some(())?;
    }
    (input.len() == 0).then_some(set)
}

pub(super) fn read_listpack(input: &mut Input<'_>, limits: &Limits) -> Option<Set> {
    let mut set = Set::new();
    for member in listpack::read(&string::read(input)?)? {
        set.add_member(member, limits).then_some(())?;
    }
    Some(set)
}
