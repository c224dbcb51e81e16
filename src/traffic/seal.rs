//! Values that can be verified: a seal in front tells the key, the length and a checksum of what follows.
//!
//! The seal is three words of 64 bits, little-endian: number of the key; bytes of the whole value, and above them, from bit 32
//! on, its version (0 where nobody asks for it); checksum. The checksum starts from the first two and takes the contents eight bytes at a time, the last ones padded with zeros; each step is a
//! bijection of its state (xor, multiplication by an odd number, rotation), so that a change within any eight bytes always
//! changes it, and other changes go unseen once in 2^64.

use super::stream::mix;
use crate::workload::plan::Filler;

/// Bytes of a seal.
pub const SEAL_BYTES: usize = Filler::SEAL_BYTES as usize;

/// Nanoseconds between two versions: they count from 1 at the begin of a repetition, by when they are sent.
pub const STEP_NS: u64 = 10_000;

/// The fractional bits of the golden ratio, odd.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a value that was read turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// As it was written under this key.
    Intact,
    /// As it was written, but under another key.
    Foreign,
    /// Not as it was written, or nothing that was sealed.
    Corrupt,
}

/// Seals this version of the value of key `key`, which fills `buffer` from `start`: its first [`SEAL_BYTES`] are overwritten. A value without
/// that room stays as it is.
pub fn seal(key: u64, version: u32, buffer: &mut [u8], start: usize) {
    let Some((head, contents)) = buffer
        .get_mut(start..)
        .and_then(|value| value.split_at_mut_checked(SEAL_BYTES))
    else {
        return;
    };
    let length = (SEAL_BYTES + contents.len()) as u64 | u64::from(version) << 32;
    let mut sum = Checksum::new(key, length);
    sum.push(contents);
    let words = [key, length, sum.value()];
    for (place, word) in head.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
}

/// Verifies one value after another, each as it comes, in pieces.
#[derive(Debug, Clone, Default)]
pub struct Verifier {
    head: [u8; SEAL_BYTES],
    /// Bytes of the value so far.
    seen: u64,
    sum: Checksum,
}

impl Verifier {
    /// The next bytes of the value.
    pub fn push(&mut self, piece: &[u8]) {
        let missing = SEAL_BYTES.saturating_sub(self.seen as usize);
        let (head, contents) = piece.split_at(missing.min(piece.len()));
        let at = SEAL_BYTES - missing;
        self.head[at..at + head.len()].copy_from_slice(head);
        self.seen += piece.len() as u64;
        if missing > 0 && missing == head.len() {
            let [key, length, _] = self.words();
            self.sum = Checksum::new(key, length);
        }
        self.sum.push(contents);
    }

    /// The version of the value, once it is over.
    #[must_use]
    pub fn version(&self) -> u32 {
        let [_, length, _] = self.words();
        (length >> 32) as u32
    }

    /// The value is over; what it is as the value of key `key`. The next value may begin.
    pub fn finish(&mut self, key: u64) -> Seal {
        let [sealed, length, sum] = self.words();
        let length = length & u64::from(u32::MAX);
        let whole = self.seen == length && length >= SEAL_BYTES as u64 && sum == self.sum.value();
        *self = Self::default();
        match (whole, sealed == key) {
            (false, _) => Seal::Corrupt,
            (true, false) => Seal::Foreign,
            (true, true) => Seal::Intact,
        }
    }

    fn words(&self) -> [u64; 3] {
        let (words, _) = self.head.as_chunks::<8>();
        let word = |index: usize| words.get(index).map_or(0, |word| u64::from_le_bytes(*word));
        [word(0), word(1), word(2)]
    }
}

/// The checksum of contents that come in pieces.
#[derive(Debug, Clone, Default)]
struct Checksum {
    state: u64,
    /// Bytes that make no word yet.
    rest: [u8; 8],
    length: usize,
}

impl Checksum {
    fn new(key: u64, length: u64) -> Self {
        Self {
            state: mix(key) ^ length.wrapping_mul(FACTOR),
            ..Self::default()
        }
    }

    fn push(&mut self, mut piece: &[u8]) {
        if self.length > 0 {
            let (front, back) = piece.split_at(piece.len().min(8 - self.length));
            self.rest[self.length..self.length + front.len()].copy_from_slice(front);
            self.length += front.len();
            if self.length < 8 {
                return;
            }
            (self.state, self.length, piece) = (step(self.state, self.rest), 0, back);
        }
        let (words, rest) = piece.as_chunks::<8>();
        self.state = words
            .iter()
            .fold(self.state, |state, word| step(state, *word));
        self.rest[..rest.len()].copy_from_slice(rest);
        self.length = rest.len();
    }

    fn value(&self) -> u64 {
        let mut last = self.rest;
        last[self.length..].fill(0);
        mix(if self.length > 0 {
            step(self.state, last)
        } else {
            self.state
        })
    }
}

fn step(state: u64, word: [u8; 8]) -> u64 {
    (state ^ u64::from_le_bytes(word))
        .wrapping_mul(FACTOR)
        .rotate_left(29)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VERSION: u32 = 0x8000_0001;

    fn sealed(key: u64, contents: &[u8]) -> Vec<u8> {
        let mut value = [&b"before"[..], &[0; SEAL_BYTES], contents].concat();
        seal(key, VERSION, &mut value, 6);
        value.split_off(6)
    }

    fn verdict(value: &[u8], key: u64) -> Seal {
        let mut verifier = Verifier::default();
        verifier.push(value);
        verifier.finish(key)
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_intact_however_it_comes(
            key: u64,
            contents in prop::collection::vec(any::<u8>(), 0..200),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
        ) {
            let value = sealed(key, &contents);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(value.len() + 1)).collect();
            cuts.extend([0, value.len()]);
            cuts.sort_unstable();
            let mut verifier = Verifier::default();
            for (asked, expected) in [(key, Seal::Intact), (key ^ 1, Seal::Foreign)] {
                cuts.windows(2).for_each(|ends| verifier.push(&value[ends[0]..ends[1]]));
                prop_assert_eq!(verifier.version(), VERSION);
                prop_assert_eq!(verifier.finish(asked), expected);
            }
        }

        #[test]
        fn any_change_is_seen(
            contents in prop::collection::vec(any::<u8>(), 0..200),
            at: prop::sample::Index,
            change in 1..=255u8,
            cut: prop::sample::Index,
        ) {
            let value = sealed(7, &contents);
            let mut changed = value.clone();
            changed[at.index(value.len())] ^= change;
            prop_assert_eq!(verdict(&changed, 7), Seal::Corrupt);
            prop_assert_eq!(verdict(&value[..cut.index(value.len())], 7), Seal::Corrupt);
            prop_assert_eq!(verdict(&[&value[..], b"\0"].concat(), 7), Seal::Corrupt);
        }
    }

    #[test]
    fn what_was_never_sealed_is_corrupt() {
        for value in [
            &b""[..],
            b"value-7",
            &[0; SEAL_BYTES],
            &[0; 100],
            &[255; 100],
        ] {
            assert_eq!(verdict(value, 0), Seal::Corrupt);
        }
        let mut short = b"short".to_vec();
        seal(1, 0, &mut short, 0);
        assert_eq!(short, b"short");
    }
}
