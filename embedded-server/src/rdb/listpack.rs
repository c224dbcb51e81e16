//! Listpacks, the packed blocks of Redis 7: a header of six bytes (all bytes, number of elements), the elements, `ff`.
//!
//! An element is its encoding, its content, and the length of both, backwards, 7 bits a byte. What spells an integer is
//! stored as one. The first byte tells: `0` seven bits, `110` thirteen bits, `f1` to `f4` 2, 3, 4 or 8 bytes of an
//! integer; `10` a string with a length of six bits, `1110` of twelve, `f0` of four bytes.

use super::wire::Input;
use crate::text::integer;
use crate::types::Member;

const HEADER_BYTES: usize = 6;
const END: u8 = 0xff;
/// What the number of elements says when they are too many to say.
const COUNT_UNKNOWN: u16 = u16::MAX;

/// The elements of a block; `None` when it is damaged.
pub(super) fn read(block: &[u8]) -> Option<Vec<Member<'_>>> {
    let mut input = Input::new(block);
    let (bytes, count) = (
        u32::from_le_bytes(input.array()?),
        u16::from_le_bytes(input.array()?),
    );
    let mut elements = Vec::new();
    while input.len() > 1 {
        elements.push(read_element(&mut input)?);
    }
    let whole = usize::try_from(bytes).ok()? == block.len() && input.byte()? == END;
    let counted = count == COUNT_UNKNOWN || usize::from(count) == elements.len();
    (whole && counted).then_some(elements)
}

fn read_element<'a>(input: &mut Input<'a>) -> Option<Member<'a>> {
    let before = input.len();
    let first = input.byte()?;
    let element = match first {
        0..=0x7f => Member::Integer(first.into()),
        0x80..=0xbf => Member::Bytes(input.bytes(u64::from(first & 0x3f))?),
        0xc0..=0xdf => {
            let unsigned = i64::from(first & 0x1f) << 8 | i64::from(input.byte()?);
            Member::Integer(if unsigned < 1 << 12 {
                unsigned
            } else {
                unsigned - (1 << 13)
            })
        }
        0xe0..=0xef => {
            let length = u64::from(first & 0x0f) << 8 | u64::from(input.byte()?);
            Member::Bytes(input.bytes(length)?)
        }
        0xf0 => {
            let length = u32::from_le_bytes(input.array()?);
            Member::Bytes(input.bytes(length.into())?)
        }
        0xf1 => Member::Integer(i16::from_le_bytes(input.array()?).into()),
        0xf2 => Member::Integer(i24(input.array()?)),
        0xf3 => Member::Integer(i32::from_le_bytes(input.array()?).into()),
        0xf4 => Member::Integer(i64::from_le_bytes(input.array()?)),
        _ => return None,
    };
    let mut backwards = Backwards::of(before - input.len());
    let told = input.bytes(backwards.bytes().len() as u64)?;
    (told == backwards.bytes()).then_some(element)
}

/// A number of three bytes.
pub(super) fn i24([a, b, c]: [u8; 3]) -> i64 {
    i64::from(i32::from_le_bytes([0, a, b, c]) >> 8)
}

/// The length of an element, to be read from its end.
struct Backwards {
    bytes: [u8; 5],
    count: usize,
}

impl Backwards {
    fn of(length: usize) -> Self {
        let count = match length {
            0..=127 => 1,
            128..=16_382 => 2,
            16_383..=2_097_150 => 3,
            2_097_151..=268_435_454 => 4,
            _ => 5,
        };
        let mut bytes = [0; 5];
        for (index, byte) in bytes.iter_mut().take(count).enumerate() {
            let more = if index > 0 { 0x80 } else { 0 };
            *byte = (length >> (7 * (count - 1 - index))) as u8 & 0x7f | more;
        }
        Self { bytes, count }
    }

    fn bytes(&mut self) -> &[u8] {
        self.bytes.get(..self.count).unwrap_or_default()
    }
}

/// A block being written.
#[derive(Debug)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    count: usize,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; HEADER_BYTES],
            count: 0,
        }
    }

    /// How many bytes it has come to.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends an element.
    pub(super) fn push(&mut self, element: &[u8]) {
        match integer::parse(element) {
            Some(number) => self.push_integer(number),
            None => self.push_string(element),
        }
    }

    fn push_string(&mut self, element: &[u8]) {
        let (start, length) = (self.bytes.len(), element.len());
        match length {
            0..=63 => self.bytes.push(0x80 | length as u8),
            64..=4095 => self
                .bytes
                .extend_from_slice(&[0xe0 | (length >> 8) as u8, length as u8]),
            _ => {
                self.bytes.push(0xf0);
                self.bytes.extend_from_slice(&(length as u32).to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(element);
        self.end_element(start);
    }

    /// Appends an integer.
    pub(super) fn push_integer(&mut self, number: i64) {
        let start = self.bytes.len();
        let bytes = number.to_le_bytes();
        let (marks, kept): (&[u8], usize) = match number {
            0..=127 => (&[], 1),
            -4096..=4095 => {
                let thirteen = number as u16 & 0x1fff;
                self.bytes
                    .extend_from_slice(&[0xc0 | (thirteen >> 8) as u8, thirteen as u8]);
                (&[], 0)
            }
            -0x8000..=0x7fff => (&[0xf1], 2),
            -0x80_0000..=0x7f_ffff => (&[0xf2], 3),
            -0x8000_0000..=0x7fff_ffff => (&[0xf3], 4),
            _ => (&[0xf4], 8),
        };
        self.bytes.extend_from_slice(marks);
        self.bytes
            .extend_from_slice(bytes.get(..kept).unwrap_or_default());
        self.end_element(start);
    }

    fn end_element(&mut self, start: usize) {
        let mut backwards = Backwards::of(self.bytes.len() - start);
        self.bytes.extend_from_slice(backwards.bytes());
        self.count += 1;
    }

    /// The whole block.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(END);
        let count = u16::try_from(self.count).unwrap_or(COUNT_UNKNOWN);
        let header = [
            &(self.bytes.len() as u32).to_le_bytes()[..],
            &count.to_le_bytes(),
        ]
        .concat();
        if let Some(start) = self.bytes.get_mut(..HEADER_BYTES) {
            start.copy_from_slice(&header);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn element() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            (any::<i64>(), 0u32..64)
                .prop_map(|(number, shift)| (number >> shift).to_string().into_bytes()),
            prop::collection::vec(any::<u8>(), 0..200),
            (4_000usize..20_000).prop_map(|length| vec![b'x'; length]),
        ]
    }

    proptest! {
        #[test]
        fn elements_come_back_and_damage_is_refused(elements in prop::collection::vec(element(), 0..20), cut in 1usize..20) {
            let mut writer = Writer::new();
            elements.iter().for_each(|element| writer.push(element));
            let block = writer.finish();
            let read_back = read(&block).unwrap();
            prop_assert_eq!(&read_back.into_iter().map(Member::to_vec).collect::<Vec<_>>(), &elements);
            prop_assert_eq!(read(&block[..block.len().saturating_sub(cut)]), None);
            // What leads backwards from the last element.
            let mut misled = block.clone();
            misled[block.len() - 2] ^= 1;
            prop_assert_eq!(elements.is_empty() || read(&misled).is_none(), true);
        }
    }
}
