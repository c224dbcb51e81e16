//! Commands on strings as rows of bits, the first being the highest bit of the first byte.

mod combine;
mod field;
mod search;
mod single;

use super::Context;
use super::outcome::{Refusal, handler};
use super::table::{CommandSpec, Flags, Group, Keys, flags};
use crate::text::integer;

/// The rows of the command table.
pub(super) const COMMANDS: &[CommandSpec] = &[
    row("bitcount", -2, handler!(search::bitcount), flags![READONLY])
        .about("2.6.0", "Counts the bits that are set"),
    row(
        "bitfield",
        -2,
        handler!(field::bitfield),
        flags![WRITE, DENYOOM],
    )
    .about(
        "3.2.0",
        "Reads and writes integers of any width within a string",
    ),
    row(
        "bitfield_ro",
        -2,
        handler!(field::bitfield_ro),
        flags![READONLY, FAST],
    )
    .about("6.0.0", "Reads integers of any width within a string"),
    row(
        "bitop",
        -4,
        handler!(combine::bitop),
        flags![WRITE, DENYOOM],
    )
    .keys(Keys {
        first: 2,
        last: -1,
        step: 1,
    })
    .about("2.6.0", "Combines strings bit by bit"),
    row("bitpos", -3, handler!(search::bitpos), flags![READONLY])
        .about("2.8.7", "Finds the first bit that is set, or clear"),
    row(
        "getbit",
        3,
        handler!(single::getbit),
        flags![READONLY, FAST],
    )
    .about("2.2.0", "Reads a bit"),
    row(
        "setbit",
        4,
        handler!(single::setbit),
        flags![WRITE, DENYOOM],
    )
    .about("2.2.0", "Sets or clears a bit"),
];

const fn row(name: &'static str, arity: i16, handler: super::Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Bitmap, handler)
        .flags(flags)
        .keys(Keys::ONE)
}

/// Reads the place of a bit, which must lie within the longest string there may be.
fn offset_in(context: &Context<'_>, text: &[u8]) -> Result<usize, Refusal> {
    scaled_offset_in(context, text, 1)
}

/// As [`offset_in`], counted in steps of `scale` bits.
fn scaled_offset_in(context: &Context<'_>, text: &[u8], scale: usize) -> Result<usize, Refusal> {
    let steps = integer::parse(text).and_then(|steps| usize::try_from(steps).ok());
    let offset = steps.and_then(|steps| steps.checked_mul(scale));
    let limit_bytes = context.server.config.proto_max_bulk_len;
    let within = offset.filter(|offset| offset / 8 < limit_bytes);
    within.ok_or_else(|| "ERR bit offset is not an integer or out of range".into())
}

/// The bit at `offset`; beyond the end all are clear.
fn bit_at(text: &[u8], offset: usize) -> bool {
    text.get(offset / 8)
        .is_some_and(|byte| byte >> (7 - offset % 8) & 1 == 1)
}

/// Sets or clears the bit at `offset`, if it is there.
fn put_bit(text: &mut [u8], offset: usize, on: bool) {
    if let Some(byte) = text.get_mut(offset / 8) {
        let mask = 0x80 >> (offset % 8);
        *byte = if on { *byte | mask } else { *byte & !mask };
    }
}
