//! Zipmaps, the packed hashes of servers before Redis 2.6; read, never written.
//!
//! A byte with the number of pairs (254 and more where it is not known), the pairs, `ff`. A pair is a field behind its
//! length, then a value behind its length and the number of bytes that are free behind it. A length is one byte, or four
//! behind `fe`, little-endian.

use super::wire::Input;
use crate::types::Member;

const END: u8 = 0xff;
const LONG: u8 = 0xfe;

/// Fields and values in turn; `None` when the block is damaged.
pub(super) fn read(block: &[u8]) -> Option<Vec<Member<'_>>> {
    let mut input = Input::new(block);
    let count = input.byte()?;
    let mut elements = Vec::new();
    while input.len() > 1 {
        let field = length(&mut input)?;
        elements.push(Member::Bytes(input.bytes(field)?));
        let value = length(&mut input)?;
        let free = input.byte()?;
        elements.push(Member::Bytes(input.bytes(value)?));
        input.bytes(free.into())?;
    }
    let counted = count >= LONG || usize::from(count) * 2 == elements.len();
    (input.byte()? == END && counted).then_some(elements)
}

fn length(input: &mut Input<'_>) -> Option<u64> {
    match input.byte()? {
        END => None,
        LONG => Some(u32::from_le_bytes(input.array()?).into()),
        short => Some(short.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_what_is_free_is_passed_over() {
        let block = b"\x02\x03foo\x03\x02bar..\x01a\xfe\x02\x00\x00\x00\x00bc\xff";
        let texts: Vec<_> = read(block)
            .unwrap()
            .into_iter()
            .map(|element| String::from_utf8(element.to_vec()).unwrap())
            .collect();
        assert_eq!(texts, ["foo", "bar", "a", "bc"]);
        for damaged in [
            &block[..block.len() - 1],
            b"\x01\xff",
            b"\x00",
            b"\x01\x03foo\xff",
        ] {
            assert_eq!(read(damaged), None, "{damaged:?}");
        }
    }
}
