//! Ziplists, the packed blocks of servers before Redis 7; read, never written.
//!
//! A header of ten bytes (all bytes, where the last element begins, number of elements), the elements, `ff`. An element
//! is the length of the one before it in one byte, or in four behind `fe`; its encoding; its content. The encoding's
//! first byte tells: `00` a string with a length of six bits, `01` of fourteen, `10` of four bytes, both big-endian;
//! `c0`, `d0`, `e0`, `f0`, `fe` an integer of 2, 4, 8, 3 or 1 bytes; `f1` to `fd` the integers from 0 to 12.

use super::listpack::i24;
use super::wire::Input;
use crate::types::Member;

const END: u8 = 0xff;
const LONG_PREVIOUS: u8 = 0xfe;
const COUNT_UNKNOWN: u16 = u16::MAX;

/// The elements of a block; `None` when it is damaged.
pub(super) fn read(block: &[u8]) -> Option<Vec<Member<'_>>> {
    let mut input = Input::new(block);
    let bytes = u32::from_le_bytes(input.array()?);
    // Where the last element begins only helps whoever reads backwards.
    let _: [u8; 4] = input.array()?;
    let count = u16::from_le_bytes(input.array()?);
    let mut elements = Vec::new();
    while input.len() > 1 {
        elements.push(read_element(&mut input)?);
    }
    let whole = usize::try_from(bytes).ok()? == block.len() && input.byte()? == END;
    let counted = count == COUNT_UNKNOWN || usize::from(count) == elements.len();
    (whole && counted).then_some(elements)
}

fn read_element<'a>(input: &mut Input<'a>) -> Option<Member<'a>> {
    match input.byte()? {
        END => return None,
        LONG_PREVIOUS => drop(input.bytes(4)?),
        _ => {}
    }
    let first = input.byte()?;
    let low = u64::from(first & 0x3f);
    Some(match first {
        0..=0x3f => Member::Bytes(input.bytes(low)?),
        0x40..=0x7f => {
            let length = low << 8 | u64::from(input.byte()?);
            Member::Bytes(input.bytes(length)?)
        }
        0x80..=0xbf => {
            let length = u32::from_be_bytes(input.array()?);
            Member::Bytes(input.bytes(length.into())?)
        }
        0xc0 => Member::Integer(i16::from_le_bytes(input.array()?).into()),
        0xd0 => Member::Integer(i32::from_le_bytes(input.array()?).into()),
        0xe0 => Member::Integer(i64::from_le_bytes(input.array()?)),
        0xf0 => Member::Integer(i24(input.array()?)),
        0xfe => Member::Integer(i8::from_le_bytes(input.array()?).into()),
        0xf1..=0xfd => Member::Integer(i64::from(first) - 0xf1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_read() {
        let elements: &[&[u8]] = &[
            b"\x00\x02ab",
            b"\x04\x40\x01c",
            b"\x04\x80\x00\x00\x00\x01d",
            b"\x07\xc0\xfe\xff",
            b"\x04\xd0\x00\x00\x01\x00",
            b"\x06\xe0\x00\x00\x00\x00\x00\x00\x00\x80",
            b"\x0a\xf0\x00\x00\x80",
            b"\xfe\x05\x00\x00\x00\xfe\x80",
            b"\x07\xf1",
            b"\x02\xfd",
        ];
        let body = elements.concat();
        let bytes = (11 + body.len() as u32).to_le_bytes();
        let block = [&bytes[..], &[0; 4], &[10, 0], &body, &[END]].concat();
        let texts: Vec<_> = read(&block)
            .unwrap()
            .into_iter()
            .map(|element| String::from_utf8(element.to_vec()).unwrap())
            .collect();
        let expected = [
            "ab",
            "c",
            "d",
            "-2",
            "65536",
            "-9223372036854775808",
            "-8388608",
            "-128",
            "0",
            "12",
        ];
        assert_eq!(texts, expected);
        assert_eq!(read(&block[..block.len() - 1]), None);
    }
}
