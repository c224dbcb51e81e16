//! Figures of every single key, packed into text for the recording.
//!
//! Bits: key 0 is the lowest bit of the first byte; base64. Numbers: the difference of each number from the one before
//! (wrapping, the first from 0), run-length coded as pairs of zigzag difference and repeat count, each a LEB128
//! variable-length integer; base64. A sequential scan, which is what floods are made of, packs into a few bytes; a
//! random permutation costs about five bytes a key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The most keys that are unpacked: a damaged recording shall not fill the memory.
const KEYS_MAX: u64 = 1 << 28;

/// A packed text that is not what this module writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("per-key figures are damaged: {0}; run the workload again")]
pub struct Damaged(&'static str);

/// Packs one bit per key.
pub fn pack_bits(bits: impl IntoIterator<Item = bool>) -> String {
    let mut bytes = Vec::new();
    for (index, bit) in bits.into_iter().enumerate() {
        if index % 8 == 0 {
            bytes.push(0);
        }
        if let Some(last) = bytes.last_mut() {
            *last |= u8::from(bit) << (index % 8);
        }
    }
    STANDARD.encode(bytes)
}

/// Unpacks the bits of `count` keys.
///
/// # Errors
/// Where the text is not base64 or holds bits for another number of keys.
pub fn unpack_bits(text: &str, count: u64) -> Result<Vec<bool>, Damaged> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|_| Damaged("bits are not base64"))?;
    if bytes.len() as u64 != count.div_ceil(8) {
        return Err(Damaged("bits are for another number of keys"));
    }
    let bits = bytes
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
    Ok(bits
        .take(usize::try_from(count).unwrap_or(usize::MAX))
        .collect())
}

/// Packs one number per key.
pub fn pack_numbers(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut bytes = Vec::new();
    let mut before = 0_u32;
    let mut run: Option<(i32, u64)> = None;
    for number in numbers {
        let difference = number.wrapping_sub(before).cast_signed();
        before = number;
        run = match run {
            Some((repeated, times)) if repeated == difference => Some((repeated, times + 1)),
            other => {
                push_run(&mut bytes, other);
                Some((difference, 1))
            }
        };
    }
    push_run(&mut bytes, run);
    STANDARD.encode(bytes)
}

/// Unpacks the numbers of `count` keys.
///
/// # Errors
/// Where the text is not base64, breaks off inside a number, or holds another number of keys.
pub fn unpack_numbers(text: &str, count: u64) -> Result<Vec<u32>, Damaged> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|_| Damaged("numbers are not base64"))?;
    if count > KEYS_MAX {
        return Err(Damaged("more keys than any run has"));
    }
    let mut bytes = bytes.iter().copied().peekable();
    let mut numbers = Vec::new();
    let mut number = 0_u32;
    while bytes.peek().is_some() {
        let difference = unzigzag(next_varint(&mut bytes)?);
        let times = next_varint(&mut bytes)?;
        if times > count - numbers.len() as u64 {
            return Err(Damaged("more numbers than keys"));
        }
        for _ in 0..times {
            number = number.wrapping_add(difference);
            numbers.push(number);
        }
    }
    if numbers.len() as u64 != count {
        return Err(Damaged("fewer numbers than keys"));
    }
    Ok(numbers)
}

fn push_run(bytes: &mut Vec<u8>, run: Option<(i32, u64)>) {
    if let Some((difference, times)) = run {
        push_varint(
            bytes,
            u64::from(((difference << 1) ^ (difference >> 31)).cast_unsigned()),
        );
        push_varint(bytes, times);
    }
}

fn unzigzag(value: u64) -> u32 {
    let value = value as u32;
    (value >> 1) ^ (value & 1).wrapping_neg()
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn next_varint(bytes: &mut impl Iterator<Item = u8>) -> Result<u64, Damaged> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let byte = bytes.next().ok_or(Damaged("numbers break off"))?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Damaged("a number is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_scan_packs_into_a_few_bytes() {
        let packed = pack_numbers((0..10_000_u32).rev());
        assert!(packed.len() < 20, "{packed}");
        let expected: Vec<u32> = (0..10_000).rev().collect();
        assert_eq!(unpack_numbers(&packed, 10_000).unwrap(), expected);
    }

    #[test]
    fn another_number_of_keys_is_told_apart() {
        assert!(unpack_numbers(&pack_numbers([1, 2, 3]), 2).is_err());
        assert!(unpack_numbers(&pack_numbers([1, 2, 3]), 4).is_err());
        assert!(unpack_bits(&pack_bits([true; 9]), 8).is_err());
        assert_eq!(
            pack_bits([true, false, false, false, false, false, false, false, true]),
            "AQE="
        );
    }

    proptest! {
        #[test]
        fn numbers_come_back(numbers in proptest::collection::vec(any::<u32>(), 0..200)) {
            let packed = pack_numbers(numbers.iter().copied());
            prop_assert_eq!(unpack_numbers(&packed, numbers.len() as u64).unwrap(), numbers);
        }

        #[test]
        fn bits_come_back(bits in proptest::collection::vec(any::<bool>(), 0..100)) {
            let packed = pack_bits(bits.iter().copied());
            prop_assert_eq!(unpack_bits(&packed, bits.len() as u64).unwrap(), bits);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60), count in 0_u64..1000) {
            let text = STANDARD.encode(bytes);
            if let Ok(numbers) = unpack_numbers(&text, count) {
                prop_assert_eq!(numbers.len() as u64, count);
            }
        }
    }
}
