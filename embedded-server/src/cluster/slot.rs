//! Hash slots: which of the 16384 a key belongs to, and sets of them.

use std::fmt;
use std::sync::Arc;

/// How many slots there are.
pub const SLOTS: u16 = 16_384;
/// Bytes of a bitmap with a bit a slot.
pub const BITMAP_BYTES: usize = SLOTS as usize / 8;

const WORDS: usize = SLOTS as usize / 64;

/// A slot's number, below [`SLOTS`].
pub type Slot = u16;

/// The slot of a key: CRC-16/XMODEM of its hash tag, modulo [`SLOTS`].
#[must_use]
pub fn of_key(key: &[u8]) -> Slot {
    crc16(hashed_part(key)) % SLOTS
}

/// What lies between the first `{` and the next `}`; the whole key when either is missing or nothing lies between.
fn hashed_part(key: &[u8]) -> &[u8] {
    let tag = memchr::memchr(b'{', key).and_then(|open| {
        let rest = key.get(open + 1..)?;
        rest.get(..memchr::memchr(b'}', rest)?)
    });
    tag.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

/// CRC-16 with the polynomial 0x1021, initial value 0, nothing reflected: what the catalogues call XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        let index = usize::from((crc >> 8) ^ u16::from(*byte));
        (crc << 8) ^ CRC_OF_BYTE.get(index).copied().unwrap_or(0)
    })
}

const CRC_OF_BYTE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ (if crc & 0x8000 == 0 { 0 } else { 0x1021 });
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// A set of slots: a bitmap with the lowest slot in the lowest bit of the first word. Clones share it until one changes.
#[derive(Clone, PartialEq, Eq)]
pub struct SlotSet(Arc<[u64; WORDS]>);

impl Default for SlotSet {
    fn default() -> Self {
        Self(Arc::new([0; WORDS]))
    }
}

impl SlotSet {
    /// Every slot.
    #[must_use]
    pub fn all() -> Self {
        Self(Arc::new([u64::MAX; WORDS]))
    }

    /// Whether a slot is in it.
    #[must_use]
    pub fn has(&self, slot: Slot) -> bool {
        let word = self.0.get(usize::from(slot / 64));
        word.is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// Puts a slot in; says whether it was not there. What is no slot is left out.
    pub fn insert(&mut self, slot: Slot) -> bool {
        let is_new = slot < SLOTS && !self.has(slot);
        if let Some(word) = Arc::make_mut(&mut self.0).get_mut(usize::from(slot / 64)) {
            *word |= 1 << (slot % 64);
        }
        is_new
    }

    /// Takes a slot out; says whether it was there.
    pub fn remove(&mut self, slot: Slot) -> bool {
        let was_there = self.has(slot);
        if let Some(word) = Arc::make_mut(&mut self.0).get_mut(usize::from(slot / 64)) {
            *word &= !(1 << (slot % 64));
        }
        was_there
    }

    /// How many slots are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Its slots, in order.
    pub fn iter(&self) -> impl Iterator<Item = Slot> {
        let words = (0..SLOTS).step_by(64).zip(self.0.iter());
        words.flat_map(|(first, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                // 64 stands for an empty word; a lesser bit always fits.
                u16::try_from(bit)
                    .ok()
                    .filter(|bit| *bit < 64)
                    .map(|bit| first + bit)
            })
        })
    }

    /// Puts in what is in another.
    pub fn extend(&mut self, other: &Self) {
        let words = Arc::make_mut(&mut self.0);
        for (word, more) in words.iter_mut().zip(other.0.iter()) {
            *word |= more;
        }
    }

    /// The slots that are in it and not in another.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut words = [0; WORDS];
        let pairs = self.0.iter().zip(other.0.iter());
        for (word, (own, gone)) in words.iter_mut().zip(pairs) {
            *word = own & !gone;
        }
        Self(Arc::new(words))
    }

    /// Its lowest slot.
    #[must_use]
    pub fn first(&self) -> Option<Slot> {
        Some(self.next(0, true)).filter(|slot| *slot < SLOTS)
    }

    /// The first slot that is in both.
    #[must_use]
    pub fn first_in_common(&self, other: &Self) -> Option<Slot> {
        self.iter().find(|slot| other.has(*slot))
    }

    /// Its slots as stretches, first and last of each, in order.
    #[must_use]
    pub fn ranges(&self) -> Vec<(Slot, Slot)> {
        let mut ranges = Vec::new();
        let mut first = self.next(0, true);
        while first < SLOTS {
            let end = self.next(first, false);
            ranges.push((first, end - 1));
            first = self.next(end, true);
        }
        ranges
    }

    /// The first slot from `from` on that is in the set or, with `false`, that is not; [`SLOTS`] when there is none.
    fn next(&self, from: Slot, is_in: bool) -> Slot {
        let mut at = from;
        while let Some(word) = self.0.get(usize::from(at / 64)) {
            let rest = if is_in { *word } else { !*word } >> (at % 64);
            if rest != 0 {
                return u16::try_from(rest.trailing_zeros()).map_or(SLOTS, |bits| at + bits);
            }
            at = (at / 64 + 1) * 64;
        }
        SLOTS
    }

    /// As on the bus: a bit a slot, the lowest first.
    pub fn to_bytes(&self) -> impl Iterator<Item = u8> {
        self.0.iter().flat_map(|word| word.to_le_bytes())
    }

    /// From the bus; bytes past [`BITMAP_BYTES`] are not looked at, missing ones are zero.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut words = [0; WORDS];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks(8)) {
            let mut whole = [0; 8];
            whole
                .iter_mut()
                .zip(chunk)
                .for_each(|(to, from)| *to = *from);
            *word = u64::from_le_bytes(whole);
        }
        Self(Arc::new(words))
    }
}

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let mut set = Self::default();
        for slot in slots {
            set.insert(slot);
        }
        set
    }
}

/// Stretches as nodes.conf has them: `0-5460 7000`.
impl fmt::Display for SlotSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges().into_iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(formatter, "{space}{first}")?;
            if last > first {
                write!(formatter, "-{last}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SlotSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SlotSet({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_have_the_slots_that_redis_gives_them() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        for (key, slot) in [
            ("foo", 12_182),
            ("hello", 866),
            ("somekey", 11_058),
            ("foo{hash_tag}", 2515),
            ("bar{hash_tag}", 2515),
            ("", 0),
        ] {
            assert_eq!(of_key(key.as_bytes()), slot, "{key}");
        }
    }

    #[test]
    fn the_first_tag_counts_and_an_empty_one_does_not() {
        assert_eq!(hashed_part(b"{a}{b}"), b"a");
        assert_eq!(hashed_part(b"x{{a}}y"), b"{a");
        assert_eq!(hashed_part(b"x{}{a}"), b"x{}{a}");
        assert_eq!(hashed_part(b"x}{a"), b"x}{a");
    }

    proptest! {
        #[test]
        fn a_set_holds_what_was_put_in(slots in proptest::collection::btree_set(0..SLOTS, 0..200), gone in 0..SLOTS) {
            let mut set: SlotSet = slots.iter().copied().collect();
            prop_assert_eq!(set.len(), slots.len());
            prop_assert_eq!(set.remove(gone), slots.contains(&gone));
            let left: BTreeSet<Slot> = slots.into_iter().filter(|slot| *slot != gone).collect();
            prop_assert_eq!(&set.iter().collect::<BTreeSet<_>>(), &left);
            let spread: BTreeSet<Slot> = set.ranges().into_iter().flat_map(|(first, last)| first..=last).collect();
            prop_assert_eq!(spread, left);
            let bytes: Vec<u8> = set.to_bytes().collect();
            prop_assert_eq!(bytes.len(), BITMAP_BYTES);
            prop_assert_eq!(SlotSet::from_bytes(&bytes), set);
        }
    }
}
