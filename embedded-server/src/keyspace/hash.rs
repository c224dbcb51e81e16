//! The hash of a key: 64 bits, fast for short keys, seeded so that a client cannot choose keys that collide.
//!
//! The construction is wyhash's (Wang Yi, <https://github.com/wangyi-fudan/wyhash>, public domain): sixteen bytes at a
//! time are mixed by a folded multiply. Unlike there, the constants mixed into the input are drawn from the seed too: with
//! known constants a client could make one factor zero and so collapse the product whatever the seed.

/// A hash function, chosen by its seed.
#[derive(Clone, Debug)]
pub(super) struct KeyHasher {
    start: u64,
    left: u64,
    right: u64,
}

impl KeyHasher {
    /// The function of this seed.
    pub(super) fn new(seed: u64) -> Self {
        // Odd multiples of the golden ratio: three unrelated words from one, through the mixer itself.
        let word = |n: u64| {
            fold(
                seed ^ 0x9e37_79b9_7f4a_7c15,
                n.wrapping_mul(0xd6e8_feb8_6659_fd93),
            ) ^ seed.rotate_left(32)
        };
        Self {
            start: word(1),
            left: word(3),
            right: word(5),
        }
    }

    /// The hash of `key`. All 64 bits are usable.
    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        let (a, b, state) = if key.len() <= 16 {
            let (a, b) = read_short(key);
            (a, b, self.start)
        } else {
            self.absorb(key)
        };
        let mixed = fold(a ^ self.left, b ^ state);
        fold(mixed ^ self.right, key.len() as u64 ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// Mixes in all but the last 16 bytes of a longer key; returns those and the state.
    fn absorb(&self, key: &[u8]) -> (u64, u64, u64) {
        let mut state = self.start;
        let (blocks, _) = key.as_chunks::<16>();
        let whole = (key.len() - 1) / 16;
        for block in blocks.iter().take(whole) {
            let (a, b) = read_16(block);
            state = fold(a ^ self.left, b ^ state);
        }
        let (a, b) = key.last_chunk::<16>().map_or((0, 0), read_16);
        (a, b, state)
    }
}

/// The 128-bit product of two words, folded to 64.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[inline]
fn read_16(block: &[u8; 16]) -> (u64, u64) {
    let word = u128::from_le_bytes(*block);
    (word as u64, (word >> 64) as u64)
}

/// Up to 16 bytes as two words, by reads that overlap rather than loop.
#[inline]
fn read_short(key: &[u8]) -> (u64, u64) {
    if let (Some(head), Some(tail)) = (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
    } else if let (Some(head), Some(tail)) = (key.first_chunk::<4>(), key.last_chunk::<4>()) {
        (
            u64::from(u32::from_le_bytes(*head)),
            u64::from(u32::from_le_bytes(*tail)),
        )
    } else if let (Some(&head), Some(&tail)) = (key.first(), key.last()) {
        let middle = key.get(key.len() / 2).copied().unwrap_or(0);
        (u64::from(head) << 8 | u64::from(middle), u64::from(tail))
    } else {
        (0, 0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbered_keys_do_not_collide_and_every_bit_is_even() {
        let hasher = KeyHasher::new(42);
        let hashes: HashSet<u64> = (0..100_000)
            .map(|n| hasher.hash(format!("key-{n}").as_bytes()))
            .collect();
        assert_eq!(hashes.len(), 100_000);
        for bit in 0..64 {
            let ones = hashes.iter().filter(|&hash| hash >> bit & 1 == 1).count();
            // 100,000 fair coins: sd 158; eight of them.
            assert!((48_735..=51_265).contains(&ones), "bit {bit}: {ones}");
        }
    }

    #[test]
    fn every_byte_and_the_length_count() {
        let hasher = KeyHasher::new(1);
        for len in 0..100 {
            let base = vec![0_u8; len];
            let mut seen = HashSet::from([hasher.hash(&base)]);
            for at in 0..len {
                let mut changed = base.clone();
                changed[at] = 1;
                assert!(seen.insert(hasher.hash(&changed)), "byte {at} of {len}");
            }
            assert!(seen.insert(hasher.hash(&vec![0; len + 1])), "length {len}");
        }
    }

    #[test]
    fn another_seed_is_another_function() {
        let (a, b) = (KeyHasher::new(1), KeyHasher::new(2));
        assert_ne!(a.hash(b"key"), b.hash(b"key"));
        assert_ne!(a.hash(b""), b.hash(b""));
    }
}
