//! Strings in the serialized form: plain with a length, as an integer of one, two or four bytes when they
//! spell one, or compressed.

use super::lzf;
use super::wire::{Input, Length, Output, SPECIAL};
use crate::text::integer;

const INTEGER_8: u8 = 0;
const INTEGER_16: u8 = 1;
const INTEGER_32: u8 = 2;
const COMPRESSED: u8 = 3;

/// Shorter texts are not worth compressing.
const COMPRESS_OVER_BYTES: usize = 20;

/// Longest string there may be, as `proto-max-bulk-len` has it by default.
const STRING_BYTES_MAX: u64 = 512 << 20;

pub(super) fn write(output: &mut Output, bytes: &[u8]) {
    if write_as_integer(output, bytes) || (output.compress && write_compressed(output, bytes)) {
        return;
    }
    output.length(bytes.len());
    output.raw(bytes);
}

fn write_as_integer(output: &mut Output, bytes: &[u8]) -> bool {
    let Some(number) = integer::parse(bytes).and_then(|number| i32::try_from(number).ok()) else {
        return false;
    };
    if let Ok(number) = i8::try_from(number) {
        output.byte(SPECIAL | INTEGER_8);
        output.raw(&number.to_le_bytes());
    } else if let Ok(number) = i16::try_from(number) {
        output.byte(SPECIAL | INTEGER_16);
        output.raw(&number.to_le_bytes());
    } else {
        output.byte(SPECIAL | INTEGER_32);
        output.raw(&number.to_le_bytes());
    }
    true
}

fn write_compressed(output: &mut Output, bytes: &[u8]) -> bool {
    if bytes.len() <= COMPRESS_OVER_BYTES {
        return false;
    }
    // It must save at least these four bytes, since it needs a second length.
    let Some(compressed) = lzf::compress(bytes, bytes.len() - 4) else {
        return false;
    };
    output.byte(SPECIAL | COMPRESSED);
    output.length(compressed.len());
    output.length(bytes.len());
    output.raw(&compressed);
    true
}

pub(super) fn read(input: &mut Input) -> Option<Vec<u8>> {
    match input.length()? {
        Length::Plain(length) => input.bytes(length).map(<[u8]>::to_vec),
        Length::Special(INTEGER_8) => input
            .array()
            .map(|bytes| spelled(i8::from_le_bytes(bytes).into())),
        Length::Special(INTEGER_16) => input
            .array()
            .map(|bytes| spelled(i16::from_le_bytes(bytes).into())),
        Length::Special(INTEGER_32) => input
            .array()
            .map(|bytes| spelled(i32::from_le_bytes(bytes))),
        Length::Special(COMPRESSED) => read_compressed(input),
        Length::Special(_) => None,
    }
}

fn spelled(number: i32) -> Vec<u8> {
    number.to_string().into_bytes()
}

fn read_compressed(input: &mut Input) -> Option<Vec<u8>> {
    let compressed_length = input.plain_length()?;
    let length = input
        .plain_length()
        .filter(|&length| length <= STRING_BYTES_MAX)?;
    lzf::decompress(
        input.bytes(compressed_length)?,
        usize::try_from(length).ok()?,
    )
}
