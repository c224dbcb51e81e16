//! Strings in the serialized form: plain with a length, as an integer of one, two or four bytes when they
//! spell one, or compressed.

use super::lzf;
use super::wire::{Input, Length, SPECIAL, write_length};
use crate::text::integer;

const INTEGER_8: u8 = 0;
const INTEGER_16: u8 = 1;
const INTEGER_32: u8 = 2;
const COMPRESSED: u8 = 3;

/// Shorter texts are not worth compressing.
const COMPRESS_OVER_BYTES: usize = 20;

/// Longest string there may be, as `proto-max-bulk-len` has it by default.
const STRING_BYTES_MAX: u64 = 512 << 20;

pub(super) fn write(output: &mut Vec<u8>, bytes: &[u8], compress: bool) {
    if write_as_integer(output, bytes) || (compress && write_compressed(output, bytes)) {
        return;
    }
    write_length(output, bytes.len());
    output.extend_from_slice(bytes);
}

fn write_as_integer(output: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let Some(number) = integer::parse(bytes).and_then(|number| i32::try_from(number).ok()) else {
        return false;
    };
    if let Ok(number) = i8::try_from(number) {
        output.push(SPECIAL | INTEGER_8);
        output.extend_from_slice(&number.to_le_bytes());
    } else if let Ok(number) = i16::try_from(number) {
        output.push(SPECIAL | INTEGER_16);
        output.extend_from_slice(&number.to_le_bytes());
    } else {
        output.push(SPECIAL | INTEGER_32);
        output.extend_from_slice(&number.to_le_bytes());
    }
    true
}

fn write_compressed(output: &mut Vec<u8>, bytes: &[u8]) -> bool {
    if bytes.len() <= COMPRESS_OVER_BYTES {
        return false;
    }
    // It must save at least these four bytes, since it needs a second length.
    let Some(compressed) = lzf::compress(bytes, bytes.len() - 4) else {
        return false;
    };
    output.push(SPECIAL | COMPRESSED);
    write_length(output, compressed.len());
    write_length(output, bytes.len());
    output.extend_from_slice(&compressed);
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
