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
    let last = u32::from_le_bytes(input.array()?);
    let count = u16::from_le_bytes(input.array()?);
    let mut elements = Vec::new();
    let mut previous = 0;
    while input.len() > 1 {
        let before = input.len();
        if !follows(&mut input, previous)? {
            return None;
        }
        elements.push(read_element(&mut input)?);
        previous = before - input.len();
    }
    let begins = block.len().checked_sub(input.len() + previous)?;
    if usize::try_from(last).ok()? != begins {
        return None;
    }
    let whole = usize::try_from(bytes).ok()? == block.len() && input.byte()? == END;
    let counted = count == COUNT_UNKNOWN || usize::from(count) == elements.len();
    (whole && counted).then_some(elements)
}

/// Whether an element says rightly how long the one before it is.
fn follows(input: &mut Input<'_>, previous: usize) -> Option<bool> {
    let told = match input.byte()? {
        END => return None,
        LONG_PREVIOUS => u32::from_le_bytes(input.array()?),
        short => short.into(),
    };
    Some(usize::try_from(told).ok()? == previous)
}

fn read_element<'a>(input: &mut Input<'a>) -> Option<Member<'a>> {
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

    fn block(elements: &[&[u8]]) -> Vec<u8> {
        let body = elements.concat();
        let bytes = 11 + body.len();
        let last = bytes - 1 - elements.last().map_or(0, |element| element.len());
        let header = [bytes, last].map(|number| (number as u32).to_le_bytes());
        let count = (elements.len() as u16).to_le_bytes();
        [&header.concat()[..], &count, &body, &[END]].concat()
    }

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
        let block = block(elements);
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

    #[test]
    fn what_leads_backwards_must_lead_somewhere() {
        assert!(read(&block(&[b"\x00\x01a", b"\x03\x01b"])).is_some());
        assert_eq!(read(&block(&[b"\x00\x01a", b"\x04\x01b"])), None);
        let mut misled = block(&[b"\x00\x01a"]);
        misled[4] += 1;
        assert_eq!(read(&misled), None);
        assert!(read(&block(&[])).is_some());
    }
}
