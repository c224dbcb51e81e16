//! The hash index of a table: from a hash to the numbers of the entries that may have it.
//!
//! Linear hashing (Litwin, "Linear Hashing: A New Tool for File and Table Addressing", 1980): buckets are split one at
//! a time in a fixed order as entries arrive, and merged back as they go, so that growth costs every insertion the
//! same. A bucket is one cache line: twelve numbers, a byte of each one's hash to tell most strangers apart without
//! touching them, and the link to an overflow bucket.

use super::super::Approach;
use super::super::chunked::Chunked;
use crate::prefetch::prefetch;

/// Numbers in a bucket.
const SLOTS: usize = 12;
/// Entries per bucket above which a bucket is split. Buckets not split yet in a round hold half as many again.
const SPLIT_ABOVE: usize = 7;
/// Entries per bucket below which two are merged.
const MERGE_BELOW: usize = 3;
/// The lowest bit of each tag.
const LOW_BITS: u128 = 0x01010101_01010101_01010101;

/// The entries that an index numbers.
pub(super) trait Hashed {
    /// The hash of an entry.
    fn hash_of(&self, id: u32) -> u64;

    /// Asks the processor for an entry, or for what it points at.
    fn prefetch_entry(&self, id: u32, approach: Approach);
}

/// One cache line of the index. Slots are filled from the first on; the tag of an empty one is 0.
#[derive(Debug, Clone, Default)]
#[repr(C, align(64))]
struct Bucket {
    tags_low: u64,
    tags_high: u32,
    ids: [u32; SLOTS],
    /// The overflow bucket that goes on, plus 1; 0 for none.
    overflow: u32,
}

impl Bucket {
    /// The twelve tags in one word.
    #[inline]
    fn tags(&self) -> u128 {
        u128::from(self.tags_low) | u128::from(self.tags_high) << 64
    }

    /// How many slots are filled.
    #[inline]
    fn filled(&self) -> usize {
        (128 - self.tags().leading_zeros()).div_ceil(8) as usize
    }

    /// Writes a slot; `tag` 0 empties it.
    fn set(&mut self, slot: usize, tag: u8, id: u32) {
        let shift = 8 * slot;
        let tags = self.tags() & !(0xff << shift) | u128::from(tag) << shift;
        (self.tags_low, self.tags_high) = (tags as u64, (tags >> 64) as u32);
        self.ids[slot] = id;
    }

    /// The tag and number in a slot.
    fn slot(&self, slot: usize) -> (u8, u32) {
        ((self.tags() >> (8 * slot)) as u8, self.ids[slot])
    }

    /// The first slot with this tag whose number `accept` takes.
    #[inline]
    fn find(&self, tag: u8, mut accept: impl FnMut(u32) -> bool) -> Option<usize> {
        // A byte of `differ` is 0 where the tag is equal; the borrow marks those bytes, and perhaps one above a marked one.
        let differ = self.tags() ^ (u128::from(tag) * LOW_BITS);
        let mut equal = differ.wrapping_sub(LOW_BITS) & !differ & (LOW_BITS << 7);
        while equal != 0 {
            let slot = (equal.trailing_zeros() / 8) as usize;
            if self.ids.get(slot).is_some_and(|&id| accept(id)) {
                return Some(slot);
            }
            equal &= equal - 1;
        }
        None
    }
}

/// Where a bucket lies: among the addressed ones, or in the overflow.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Main(usize),
    Overflow(usize),
}

/// A multimap from hashes to entry numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    buckets: Chunked<Bucket>,
    overflow: Chunked<Bucket>,
    /// The first free overflow bucket, plus 1; 0 for none. They are linked by their `overflow`.
    free: u32,
}

/// The byte of a hash kept in the bucket: from the other end than the address, and never 0.
#[inline]
fn tag_of(hash: u64) -> u8 {
    ((hash >> 56) as u8).max(1)
}

impl Index {
    /// Bytes held on the heap.
    pub(super) fn memory_bytes(&self) -> usize {
        self.buckets.memory_bytes() + self.overflow.memory_bytes()
    }

    /// Asks the processor for the bucket of this hash.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        if let Some(bucket) = self.buckets.get(self.address(hash)) {
            prefetch(bucket);
        }
    }

    /// The number under this hash that `accept` takes.
    #[inline]
    pub(super) fn find(&self, hash: u64, mut accept: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag_of(hash);
        let mut bucket = self.buckets.get(self.address(hash))?;
        loop {
            if let Some(slot) = bucket.find(tag, &mut accept) {
                return bucket.ids.get(slot).copied();
            }
            bucket = self
                .overflow
                .get((bucket.overflow as usize).checked_sub(1)?)?;
        }
    }

    /// Adds a number, which must be the count of those there, and splits a bucket when there are many.
    #[inline]
    pub(super) fn insert(&mut self, hash: u64, id: u32, entries: &impl Hashed) {
        if id as usize >= self.buckets.len() * SPLIT_ABOVE {
            self.split(entries);
        }
        self.put(self.address(hash), tag_of(hash), id);
    }

    /// Takes a number out, filling its slot from the end of the chain.
    pub(super) fn remove(&mut self, hash: u64, id: u32) {
        let Some((place, slot)) = self.locate(hash, id) else {
            return;
        };
        let (before, last) = self.tail(self.address(hash));
        let Some(bucket) = self.bucket_mut(last) else {
            return;
        };
        let Some(end) = bucket.filled().checked_sub(1) else {
            return;
        };
        let (tag, moved) = bucket.slot(end);
        bucket.set(end, 0, 0);
        let emptied = end == 0;
        if (place, slot) != (last, end)
            && let Some(hole) = self.bucket_mut(place)
        {
            hole.set(slot, tag, moved);
        }
        if emptied && let (Some(before), Place::Overflow(freed)) = (before, last) {
            self.set_overflow(before, 0);
            self.release(freed);
        }
    }

    /// Replaces the number `old` by `new`.
    pub(super) fn renumber(&mut self, hash: u64, old: u32, new: u32) {
        if let Some((place, slot)) = self.locate(hash, old)
            && let Some(id) = self
                .bucket_mut(place)
                .and_then(|bucket| bucket.ids.get_mut(slot))
        {
            *id = new;
        }
    }

    /// Merges a bucket back when only `len` numbers are left for many.
    pub(super) fn shrink(&mut self, len: usize, entries: &impl Hashed) {
        if self.buckets.len() <= 1 || len >= self.buckets.len() * MERGE_BELOW {
            return;
        }
        if let Some(bucket) = self.buckets.pop() {
            self.redistribute(bucket, entries);
        }
    }

    /// The bucket that a hash belongs to: as many of its low bits as there are buckets for, less one where that bucket
    /// has not been split off yet.
    #[inline]
    fn address(&self, hash: u64) -> usize {
        let mask = self.buckets.len().next_power_of_two() - 1;
        let wide = hash as usize & mask;
        if wide < self.buckets.len() {
            wide
        } else {
            wide & (mask >> 1)
        }
    }

    /// Adds one bucket, and gives it its share of the one it is split from.
    fn split(&mut self, entries: &impl Hashed) {
        let new = self.buckets.len();
        self.buckets.push(Bucket::default());
        if new == 0 {
            return;
        }
        let buddy = new & ((new + 1).next_power_of_two() / 2 - 1);
        if let Some(bucket) = self.buckets.get_mut(buddy) {
            let bucket = std::mem::take(bucket);
            self.redistribute(bucket, entries);
        }
    }

    /// Puts the numbers of a chain that was taken out where they belong now.
    fn redistribute(&mut self, mut bucket: Bucket, entries: &impl Hashed) {
        loop {
            // They lie all over: fetched one after the other they would hold up the insertion that came to split.
            for approach in [Approach::Entry, Approach::Content] {
                (0..bucket.filled())
                    .for_each(|slot| entries.prefetch_entry(bucket.slot(slot).1, approach));
            }
            for slot in 0..bucket.filled() {
                let (tag, id) = bucket.slot(slot);
                self.put(self.address(entries.hash_of(id)), tag, id);
            }
            let Some(next) = (bucket.overflow as usize).checked_sub(1) else {
                return;
            };
            let Some(follower) = self.overflow.get_mut(next) else {
                return;
            };
            bucket = std::mem::take(follower);
            self.release(next);
        }
    }

    /// Puts a number into the first free slot of a chain.
    #[inline]
    fn put(&mut self, address: usize, tag: u8, id: u32) {
        let (_, mut place) = self.tail(address);
        if self
            .bucket(place)
            .is_some_and(|bucket| bucket.filled() == SLOTS)
        {
            let added = self.acquire();
            self.set_overflow(place, added as u32 + 1);
            place = Place::Overflow(added);
        }
        if let Some(bucket) = self.bucket_mut(place) {
            bucket.set(bucket.filled(), tag, id);
        }
    }

    /// Where a number stands.
    fn locate(&self, hash: u64, id: u32) -> Option<(Place, usize)> {
        let mut place = Place::Main(self.address(hash));
        loop {
            let bucket = self.bucket(place)?;
            if let Some(slot) = bucket.find(tag_of(hash), |candidate| candidate == id) {
                return Some((place, slot));
            }
            place = Place::Overflow((bucket.overflow as usize).checked_sub(1)?);
        }
    }

    /// The last bucket of a chain, and the one before it.
    #[inline]
    fn tail(&self, address: usize) -> (Option<Place>, Place) {
        let (mut before, mut place) = (None, Place::Main(address));
        while let Some(next) = self
            .bucket(place)
            .and_then(|bucket| (bucket.overflow as usize).checked_sub(1))
        {
            (before, place) = (Some(place), Place::Overflow(next));
        }
        (before, place)
    }

    #[inline]
    fn bucket(&self, place: Place) -> Option<&Bucket> {
        match place {
            Place::Main(at) => self.buckets.get(at),
            Place::Overflow(at) => self.overflow.get(at),
        }
    }

    #[inline]
    fn bucket_mut(&mut self, place: Place) -> Option<&mut Bucket> {
        match place {
            Place::Main(at) => self.buckets.get_mut(at),
            Place::Overflow(at) => self.overflow.get_mut(at),
        }
    }

    fn set_overflow(&mut self, place: Place, link: u32) {
        if let Some(bucket) = self.bucket_mut(place) {
            bucket.overflow = link;
        }
    }

    /// An empty overflow bucket.
    fn acquire(&mut self) -> usize {
        if let Some(at) = (self.free as usize).checked_sub(1)
            && let Some(bucket) = self.overflow.get_mut(at)
        {
            self.free = std::mem::take(bucket).overflow;
            return at;
        }
        self.overflow.push(Bucket::default());
        self.overflow.len() - 1
    }

    /// Puts an overflow bucket on the free list.
    fn release(&mut self, at: usize) {
        let link = self.free;
        if let Some(bucket) = self.overflow.get_mut(at) {
            *bucket = Bucket {
                overflow: link,
                ..Bucket::default()
            };
            self.free = at as u32 + 1;
        }
    }
}
