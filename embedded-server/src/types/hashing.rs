//! The hash function of the tables: seeded, short, and good enough that only its low bits may be used.
//!
//! It multiplies 64-bit words into 128 bits and folds the halves, the construction of wyhash (Wang Yi, "Modern
//! Non-Cryptographic Hash Function and Pseudorandom Number Generator"). Not cryptographic: the seed makes collisions
//! hard to choose from outside, not impossible.

/// Odd constants with balanced bits, one for each role.
const MIX: [u64; 3] = [
    0x9e37_79b9_7f4a_7c15,
    0xd6e8_feb8_6659_fd93,
    0xa076_1d64_78bd_642f,
];

/// Multiplies to 128 bits and folds the halves together.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Reads eight bytes at `at`; zero where the slice is too short, which its callers rule out.
#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk::<8>())
        .map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

/// Reads four bytes at `at`, likewise.
#[inline]
fn half(bytes: &[u8], at: usize) -> u64 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk::<4>())
        .map_or(0, |chunk| u64::from(u32::from_le_bytes(*chunk)))
}

/// Two words that together hold every byte of a slice of at most 16.
#[inline]
fn both_ends(bytes: &[u8]) -> (u64, u64) {
    let len = bytes.len();
    match len {
        8.. => (word(bytes, 0), word(bytes, len - 8)),
        4..=7 => (half(bytes, 0), half(bytes, len - 4)),
        _ => (
            bytes
                .iter()
                .fold(1, |packed, &byte| packed << 8 | u64::from(byte)),
            0,
        ),
    }
}

/// The hash of `bytes` under `seed`.
#[inline]
pub fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = seed ^ MIX[0];
    let mut rest = bytes;
    while rest.len() > 16 {
        state = fold(word(rest, 0) ^ MIX[1], word(rest, 8) ^ state);
        rest = &rest[16..];
    }
    let (low, high) = both_ends(rest);
    let mixed = fold(low ^ MIX[1], high ^ state);
    fold(mixed ^ MIX[2], MIX[0] ^ bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::hash_bytes;
    use std::collections::HashSet;

    #[test]
    fn prefixes_and_seeds_differ() {
        let text = [7u8; 64];
        let seen: HashSet<u64> = (0..=64)
            .flat_map(|len| (0..4).map(move |seed| hash_bytes(seed, &text[..len])))
            .collect();
        assert_eq!(seen.len(), 65 * 4);
    }

    #[test]
    fn low_and_high_bits_spread_over_counted_names() {
        let mut low = [0u32; 256];
        let mut high = [0u32; 256];
        for i in 0..25_600 {
            let hash = hash_bytes(1, format!("element:{i:012}").as_bytes());
            low[(hash & 255) as usize] += 1;
            high[(hash >> 56) as usize] += 1;
        }
        for count in low.iter().chain(&high) {
            assert!(
                (45..=165).contains(count),
                "a bucket of 100 expected holds {count}"
            );
        }
    }
}
