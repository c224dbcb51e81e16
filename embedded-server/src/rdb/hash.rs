//! Hashes: as a row of pairs, a packed block of them, or either with the times at which fields expire (as of Redis 7.4).

use super::wire::{Input, Output};
use super::{listpack, string};
use crate::types::hash::Ttl;
use crate::types::{Hash, Limits, Member};

pub(super) fn write_listpack(output: &mut Output, hash: &Hash) {
    let mut block = listpack::Writer::new();
    for (field, value) in hash.iter() {
        block.push(field);
        block.push(value);
    }
    string::write(output, &block.finish());
}

pub(super) fn write_plain(output: &mut Output, hash: &Hash) {
    output.length(hash.len());
    for (field, value) in hash.iter() {
        string::write(output, field);
        string::write(output, value);
    }
}

/// The earliest time at which a field expires, then the pairs, each behind its own time: 0 for never, else one more than
/// what it is beyond the earliest.
pub(super) fn write_expiring(output: &mut Output, hash: &Hash, earliest_ms: u64) {
    output.u64(earliest_ms);
    output.length(hash.len());
    for (field, value) in hash.iter() {
        output.number(hash.deadline(field).map_or(0, |at| at - earliest_ms + 1));
        string::write(output, field);
        string::write(output, value);
    }
}

pub(super) fn read_plain(input: &mut Input<'_>, limits: &Limits) -> Option<Hash> {
    let mut hash = Hash::new();
    for _ in 0..input.plain_length()? {
        let (field, value) = (string::read(input)?, string::read(input)?);
        add(&mut hash, &field, &value, limits)?;
    }
    Some(hash)
}

pub(super) fn read_expiring(input: &mut Input<'_>, limits: &Limits) -> Option<Hash> {
    let earliest_ms = input.u64()?;
    let mut hash = Hash::new();
    for _ in 0..input.plain_length()? {
        let beyond = input.plain_length()?;
        let (field, value) = (string::read(input)?, string::read(input)?);
        add(&mut hash, &field, &value, limits)?;
        if beyond > 0 {
            let at = earliest_ms.checked_add(beyond - 1)?;
            hash.set_deadline(&field, Some(at), limits);
        }
    }
    Some(hash)
}

/// A packed block of fields and values in turn, read by `elements`.
pub(super) fn read_packed(
    input: &mut Input<'_>,
    elements: fn(&[u8]) -> Option<Vec<Member<'_>>>,
    limits: &Limits,
) -> Option<Hash> {
    let block = string::read(input)?;
    let mut hash = Hash::new();
    let (mut field_digits, mut value_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
    for pair in elements(&block)?.chunks(2) {
        let &[field, value] = pair else { return None };
        let (field, value) = (
            field.bytes(&mut field_digits),
            value.bytes(&mut value_digits),
        );
        add(&mut hash, field, value, limits)?;
    }
    Some(hash)
}

/// A listpack of fields, values and times in turn, behind the earliest time, which only saves a search.
pub(super) fn read_packed_expiring(input: &mut Input<'_>, limits: &Limits) -> Option<Hash> {
    input.u64()?;
    let block = string::read(input)?;
    let mut hash = Hash::new();
    let (mut field_digits, mut value_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
    for triple in listpack::read(&block)?.chunks(3) {
        let &[field, value, Member::Integer(at)] = triple else {
            return None;
        };
        let (field, value) = (
            field.bytes(&mut field_digits),
            value.bytes(&mut value_digits),
        );
        add(&mut hash, field, value, limits)?;
        if at != 0 {
            hash.set_deadline(field, Some(u64::try_from(at).ok()?), limits);
        }
    }
    Some(hash)
}

/// Adds a field, which must be new.
fn add(hash: &mut Hash, field: &[u8], value: &[u8], limits: &Limits) -> Option<()> {
    hash.set(field, value, Ttl::Clear, limits).then_some(())
}
