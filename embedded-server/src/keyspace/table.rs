//! The hash table of a database: from a 64-bit hash to a 48-bit payload, grown in small steps.
//!
//! Two levels. A directory, indexed by the top bits of the hash, names segments (extendible hashing: Fagin, Nievergelt,
//! Pippenger and Strong, "Extendible Hashing", TODS 1979). A segment is an array of buckets:
//!
//! ```text
//! bucket   64 bytes, one cache line: 7 one-byte tags, an overflow count, 7 slots, filled from the first in order of insertion
//! slot     u64: 16 hash bits (`h16`), 48 payload bits; 0 is empty
//! hash     | depth bits: directory | h16: place in the segment |  ...  | 8 bits: tag |
//! ```
//!
//! A key's home is the bucket `h16 * buckets / 65536`; when it is full, the next one with room, and every bucket passed
//! counts the passage, so that a search ends at the first bucket nothing passed (as in Facebook's F14, engineering.fb.com,
//! 2019). Homes rise with the hash, whence:
//!
//! - a segment grows by an eighth at a time, streaming over its slots: `h16` suffices, no key is touched;
//! - only at [`BUCKETS_MAX`] buckets it splits in two, which asks the owner for the hashes again;
//! - the load stays between 7/9 and 7/8 at every size, and no insertion moves more than one segment;
//! - a position in hash order is a cursor that survives growth, shrinking and splits.
//!
//! Knows nothing of keys: the owner compares and hashes payloads. Without `unsafe`.
//!
//! Invariants:
//! - The `2^(depth - segment.depth)` directory entries of a segment are neighbours, and name it alone.
//! - `overflow` of a bucket is the number of slots whose home is it or before it and whose place is behind it, or 255 once
//!   it was that many.
//! - `len` and `marked` are the numbers of slots in use and with [`MARK`], in a segment and in the table.

use std::ops::Range;

use crate::{eviction::Random, prefetch::prefetch, types::heap::heap_bytes};

/// The payload bit that the table counts and can sample by: the key has a deadline.
pub(super) const MARK: u64 = 1;

/// The payload's bits of a slot.
const PAYLOAD: u64 = (1 << 48) - 1;

const SLOTS: usize = 7;

/// Buckets at which a segment splits rather than grows: 32 KiB, some 3,100 keys, split in a tenth of a millisecond or two.
const BUCKETS_MAX: usize = 512;

/// The same while there is only one segment. A table of up to 6,272 keys so takes memory by their number alone, not by how
/// they fall on segments, and an experiment with a limit for 6,000 keys finds room for exactly 6,000 others.
const BUCKETS_MAX_ALONE: usize = 1024;

/// Directory bits at most, enough for six billion keys. A segment that may not split grows on.
const DEPTH_MAX: u32 = 20;

const LOW_BITS: u64 = 0x0001_0101_0101_0101;
const TAG_LOWS: u64 = 0x007f_7f7f_7f7f_7f7f;
const TAG_HIGHS: u64 = 0x0080_8080_8080_8080;
const TAGS: u64 = 0x00ff_ffff_ffff_ffff;
const OVERFLOW_SHIFT: u32 = 56;
const OVERFLOW_MAX: u64 = 255;

/// What the owner of the payloads tells the table when a segment splits.
pub(super) trait Owner {
    /// The hash under which `payload` was inserted.
    fn hash(&self, payload: u64) -> u64;
    /// A hint that [`Owner::hash`] of this payload comes soon.
    fn prepare(&self, payload: u64);
}

/// One cache line.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
struct Bucket {
    /// Bytes 0 to 6: the slots' tags, 0 for an empty one. Byte 7: the overflow count.
    meta: u64,
    slots: [u64; SLOTS],
}

impl Bucket {
    /// The lanes whose tag is `tag`, as the high bits of their bytes.
    #[inline]
    fn lanes_of(&self, tag: u8) -> Lanes {
        let difference = self.meta ^ (u64::from(tag) * LOW_BITS);
        let nonzero = ((difference & TAG_LOWS) + TAG_LOWS) | difference;
        Lanes(!nonzero & TAG_HIGHS)
    }

    /// The lanes in use.
    fn used(&self) -> Lanes {
        let nonzero = ((self.meta & TAG_LOWS) + TAG_LOWS) | self.meta;
        Lanes(nonzero & TAG_HIGHS)
    }

    fn overflow(&self) -> u64 {
        self.meta >> OVERFLOW_SHIFT
    }

    fn pass(&mut self) {
        if self.overflow() < OVERFLOW_MAX {
            self.meta += 1 << OVERFLOW_SHIFT;
        }
    }

    fn unpass(&mut self) {
        // A count that ever reached its maximum is no longer exact: it stays until the segment is rebuilt.
        if (1..OVERFLOW_MAX).contains(&self.overflow()) {
            self.meta -= 1 << OVERFLOW_SHIFT;
        }
    }

    fn fill(&mut self, lane: usize, tag: u8, slot: u64) {
        self.meta |= u64::from(tag) << (lane * 8);
        self.slots[lane] = slot;
    }

    /// Empties a lane and moves those above down, so that the rest stay in order of insertion.
    fn clear(&mut self, lane: usize) {
        let below = (1 << (lane * 8)) - 1;
        let tags = self.meta & TAGS;
        self.meta = self.meta & !TAGS | tags & below | (tags >> 8) & !below;
        self.slots.copy_within(lane + 1.., lane);
        self.slots[SLOTS - 1] = 0;
    }

    fn tag(&self, lane: usize) -> u8 {
        (self.meta >> (lane * 8)) as u8
    }
}

/// A set of lanes of a bucket; iterates from the lowest.
struct Lanes(u64);

impl Iterator for Lanes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        (self.0 != 0).then(|| {
            let lane = (self.0.trailing_zeros() / 8) as usize;
            self.0 &= self.0 - 1;
            lane
        })
    }
}

/// All keys whose hashes share their top `depth` bits.
struct Segment {
    buckets: Box<[Bucket]>,
    len: u32,
    marked: u32,
    depth: u32,
}

impl Segment {
    fn new(buckets: usize, depth: u32) -> Self {
        Self {
            buckets: vec![Bucket::default(); buckets].into_boxed_slice(),
            len: 0,
            marked: 0,
            depth,
        }
    }

    fn buckets_max(&self) -> usize {
        if self.depth == 0 {
            BUCKETS_MAX_ALONE
        } else {
            BUCKETS_MAX
        }
    }

    #[inline]
    fn home(&self, h16: u64) -> usize {
        home(h16, self.buckets.len())
    }

    #[inline]
    fn h16(&self, hash: u64) -> u64 {
        (hash << self.depth) >> 48
    }

    #[inline]
    fn after(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() {
            0
        } else {
            bucket + 1
        }
    }

    /// Puts a slot where it belongs. There is room: `len` is below the number of slots.
    fn place(&mut self, tag: u8, slot: u64) {
        let mut at = self.home(slot >> 48);
        for _ in 0..self.buckets.len() {
            let bucket = &mut self.buckets[at];
            if let Some(lane) = Lanes(!bucket.used().0 & TAG_HIGHS).next() {
                bucket.fill(lane, tag, slot);
                self.len += 1;
                self.marked += (slot & MARK) as u32;
                return;
            }
            bucket.pass();
            at = self.after(at);
        }
        debug_assert!(false, "placed into a full segment");
    }

    fn take(&mut self, bucket: usize, lane: usize) {
        let slot = self.buckets[bucket].slots[lane];
        self.buckets[bucket].clear(lane);
        let mut at = self.home(slot >> 48);
        while at != bucket {
            self.buckets[at].unpass();
            at = self.after(at);
        }
        self.len -= 1;
        self.marked -= (slot & MARK) as u32;
    }

    /// The same keys in `buckets` buckets.
    fn rebuild(&mut self, buckets: usize) {
        let old = std::mem::replace(self, Self::new(buckets, self.depth));
        for bucket in &old.buckets {
            bucket
                .used()
                .for_each(|lane| self.place(bucket.tag(lane), bucket.slots[lane]));
        }
    }

    /// Whether one more key wants more buckets.
    fn is_full(&self) -> bool {
        is_full(self.len as usize, self.buckets.len())
    }

    /// Whether more than half of the slots are empty.
    fn is_sparse(&self) -> bool {
        self.buckets.len() > 1 && (self.len as usize) * 2 < self.buckets.len() * SLOTS
    }

    /// Visits the slots whose home is `home`, wherever they are.
    fn visit_home(&self, home: usize, mut visit: impl FnMut(u64)) {
        let mut at = home;
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[at];
            let slots = bucket.used().map(|lane| bucket.slots[lane]);
            slots
                .filter(|slot| self.home(slot >> 48) == home)
                .for_each(&mut visit);
            if bucket.overflow() == 0 {
                return;
            }
            at = self.after(at);
        }
    }
}

#[inline]
fn home(h16: u64, buckets: usize) -> usize {
    (h16 as usize * buckets) >> 16
}

/// Buckets for `len` keys at a load of 7/9, as after growing.
fn buckets_for(len: usize) -> usize {
    (len * 9).div_ceil(SLOTS * 7).max(1)
}

/// Buckets after growing.
fn larger(buckets: usize) -> usize {
    buckets + (buckets / 8).max(1)
}

/// Whether one more key than `len` wants more buckets: 7/8 of the slots are in use.
fn is_full(len: usize, buckets: usize) -> bool {
    len + 1 > buckets * SLOTS * 7 / 8
}

/// What inserting a key does to its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Growth {
    /// There is room.
    None,
    /// It gets that many buckets.
    Rebuild(usize),
    /// It becomes two of that many each.
    Split(usize),
}

/// Where a key is. Valid until the next insertion or removal; after that it may name another key or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    segment: u32,
    bucket: u32,
    lane: u32,
}

/// The table; see the [module](self).
pub(super) struct Table {
    directory: Vec<u32>,
    depth: u32,
    segments: Vec<Segment>,
    len: usize,
    marked: usize,
    bytes: usize,
}

/// Finding and changing one key.
impl Table {
    /// A table of no keys and one bucket.
    pub(super) fn new() -> Self {
        let segments = vec![Segment::new(1, 0)];
        let mut table = Self {
            directory: vec![0],
            depth: 0,
            segments,
            len: 0,
            marked: 0,
            bytes: 0,
        };
        table.bytes = table.count_bytes();
        table
    }

    /// Keys in it.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Keys in it whose payload has [`MARK`].
    pub(super) fn marked(&self) -> usize {
        self.marked
    }

    /// Bytes it occupies.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Finds the key of this hash that the owner recognises.
    #[inline]
    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(u64) -> bool) -> Option<Spot> {
        let number = self.number(hash);
        let segment = &self.segments[number as usize];
        let h16 = segment.h16(hash);
        let mut at = segment.home(h16);
        for _ in 0..segment.buckets.len() {
            let bucket = &segment.buckets[at];
            for lane in bucket.lanes_of(tag(hash)) {
                let slot = bucket.slots[lane];
                if slot >> 48 == h16 && is_it(slot & PAYLOAD) {
                    return Some(Spot {
                        segment: number,
                        bucket: at as u32,
                        lane: lane as u32,
                    });
                }
            }
            if bucket.overflow() == 0 {
                return None;
            }
            at = segment.after(at);
        }
        None
    }

    /// The payload at a spot; `None` if nothing is there (any more).
    #[inline]
    pub(super) fn payload(&self, spot: Spot) -> Option<u64> {
        let bucket = self
            .segments
            .get(spot.segment as usize)?
            .buckets
            .get(spot.bucket as usize)?;
        bucket
            .slots
            .get(spot.lane as usize)
            .map(|slot| slot & PAYLOAD)
            .filter(|&payload| payload != 0)
    }

    /// Replaces the payload at a spot where one is.
    pub(super) fn set_payload(&mut self, spot: Spot, payload: u64) {
        let Some(old) = self.payload(spot) else {
            return;
        };
        let segment = &mut self.segments[spot.segment as usize];
        let slot = &mut segment.buckets[spot.bucket as usize].slots[spot.lane as usize];
        *slot = *slot & !PAYLOAD | payload;
        let (gained, lost) = ((payload & MARK) as u32, (old & MARK) as u32);
        segment.marked = segment.marked + gained - lost;
        self.marked = self.marked + gained as usize - lost as usize;
    }

    /// Inserts a payload (not zero) under a hash. The caller knows that its key is not there.
    pub(super) fn insert(&mut self, hash: u64, payload: u64, owner: &impl Owner) {
        match self.growth(hash) {
            Growth::None => {}
            Growth::Rebuild(buckets) => self.rebuild(self.number(hash), buckets),
            Growth::Split(buckets) => self.split(hash, buckets, owner),
        }
        let number = self.number(hash);
        let segment = &mut self.segments[number as usize];
        let slot = segment.h16(hash) << 48 | payload;
        segment.place(tag(hash), slot);
        self.len += 1;
        self.marked += (payload & MARK) as usize;
    }

    /// Bytes by which inserting a key of this hash would make the table grow.
    #[inline]
    pub(super) fn growth_bytes(&self, hash: u64) -> usize {
        let now = self.segments[self.number(hash) as usize].buckets.len();
        match self.growth(hash) {
            Growth::None => 0,
            Growth::Rebuild(buckets) => bucket_bytes(buckets) - bucket_bytes(now),
            Growth::Split(buckets) => {
                2 * bucket_bytes(buckets) - bucket_bytes(now) + self.split_bytes(hash)
            }
        }
    }

    /// Bytes by which inserting keys of all these hashes would make the table grow, or a little more. Sorts them.
    pub(super) fn growth_bytes_of_all(&self, hashes: &mut [u64]) -> usize {
        hashes.sort_unstable();
        let groups = hashes.chunk_by(|&a, &b| self.number(a) == self.number(b));
        groups
            .filter_map(|group| Some((group.first()?, group.len())))
            .map(|(&hash, new)| self.growth_bytes_for(hash, new))
            .sum()
    }

    /// The share of one segment in [`Table::growth_bytes_of_all`].
    fn growth_bytes_for(&self, hash: u64, new: usize) -> usize {
        let segment = &self.segments[self.number(hash) as usize];
        let (now, len) = (segment.buckets.len(), segment.len as usize + new - 1);
        let mut buckets = now;
        while is_full(len, buckets) {
            buckets = larger(buckets);
        }
        if buckets <= segment.buckets_max() || segment.depth >= DEPTH_MAX {
            return bucket_bytes(buckets) - bucket_bytes(now);
        }
        // Halves grow by eighths from wherever their splits put them.
        let splits = buckets.div_ceil(BUCKETS_MAX) * 2;
        larger(buckets) * size_of::<Bucket>()
            + splits * (self.split_bytes(hash) + size_of::<Segment>())
    }

    /// Removes what is at a spot and returns it.
    pub(super) fn remove(&mut self, spot: Spot) -> Option<u64> {
        let payload = self.payload(spot)?;
        let segment = &mut self.segments[spot.segment as usize];
        segment.take(spot.bucket as usize, spot.lane as usize);
        let fewer = segment
            .is_sparse()
            .then(|| buckets_for(segment.len as usize));
        self.len -= 1;
        self.marked -= (payload & MARK) as usize;
        if self.len == 0 && self.segments.len() > 1 {
            *self = Self::new();
        } else if let Some(buckets) = fewer {
            self.rebuild(spot.segment, buckets);
        }
        Some(payload)
    }

    /// Begins to fetch the home bucket of a hash.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        let segment = &self.segments[self.number(hash) as usize];
        prefetch(&raw const segment.buckets[segment.home(segment.h16(hash))]);
    }

    #[inline]
    fn number(&self, hash: u64) -> u32 {
        self.directory[self.directory_index(hash)]
    }

    #[inline]
    fn directory_index(&self, hash: u64) -> usize {
        // Two shifts, as shifting by all 64 bits at depth 0 is not defined.
        ((hash >> 1) >> (63 - self.depth)) as usize
    }
}

/// Growing and shrinking.
impl Table {
    #[inline]
    fn growth(&self, hash: u64) -> Growth {
        let segment = &self.segments[self.number(hash) as usize];
        let now = segment.buckets.len();
        if !segment.is_full() {
            Growth::None
        } else if now < segment.buckets_max() {
            Growth::Rebuild(larger(now).min(segment.buckets_max()))
        } else if segment.depth < DEPTH_MAX {
            Growth::Split(buckets_for(segment.len as usize / 2))
        } else {
            Growth::Rebuild(larger(now))
        }
    }

    fn rebuild(&mut self, number: u32, buckets: usize) {
        let segment = &mut self.segments[number as usize];
        self.bytes -= bucket_bytes(segment.buckets.len());
        segment.rebuild(buckets);
        self.bytes += bucket_bytes(buckets);
    }

    /// Splits the segment of `hash` by its next bit into two of `buckets` buckets, or more where its keys fall so unevenly
    /// that one would be full (which an honest hash does not bring about: ten standard deviations).
    fn split(&mut self, hash: u64, buckets: usize, owner: &impl Owner) {
        let index = self.first_of(self.directory_index(hash));
        let number = self.directory[index];
        let old = std::mem::replace(&mut self.segments[number as usize], Segment::new(0, 0));
        let used = || {
            old.buckets
                .iter()
                .flat_map(|bucket| bucket.used().map(|lane| bucket.slots[lane]))
        };
        let upper = used().filter(|slot| slot >> 63 == 1).count();
        let fitting = |len: usize| {
            if is_full(len, buckets) {
                buckets_for(len)
            } else {
                buckets
            }
        };
        let mut halves = [
            Segment::new(fitting(old.len as usize - upper), old.depth + 1),
            Segment::new(fitting(upper), old.depth + 1),
        ];
        for (at, bucket) in old.buckets.iter().enumerate() {
            // Two buckets ahead: some dozen fetches under way.
            old.buckets.get(at + 2).iter().for_each(|ahead| {
                ahead
                    .used()
                    .for_each(|lane| owner.prepare(ahead.slots[lane] & PAYLOAD))
            });
            for lane in bucket.used() {
                let payload = bucket.slots[lane] & PAYLOAD;
                let half = &mut halves[(bucket.slots[lane] >> 63) as usize];
                let h16 = half.h16(owner.hash(payload));
                half.place(bucket.tag(lane), h16 << 48 | payload);
            }
        }
        let [lower, upper] = halves;
        self.segments[number as usize] = lower;
        self.adopt(upper, index);
        self.bytes = self.count_bytes();
    }

    /// Lists the upper half of a segment that was split, whose directory entries begin at `index`.
    fn adopt(&mut self, upper: Segment, mut index: usize) {
        if upper.depth > self.depth {
            let mut doubled = Vec::with_capacity(2 * self.directory.len());
            doubled.extend(self.directory.iter().flat_map(|&number| [number, number]));
            self.directory = doubled;
            self.depth += 1;
            index *= 2;
        }
        let span = 1 << (self.depth - upper.depth);
        let number = self.segments.len() as u32;
        if self.segments.len() == self.segments.capacity() {
            let headroom = segment_headroom(self.segments.len());
            self.segments.reserve_exact(headroom);
        }
        self.segments.push(upper);
        self.directory[index + span..index + 2 * span].fill(number);
    }

    /// Bytes by which directory and segment list grow when the segment of this hash splits.
    fn split_bytes(&self, hash: u64) -> usize {
        let segment = &self.segments[self.number(hash) as usize];
        let entries = self.directory.len();
        let directory = if segment.depth == self.depth {
            directory_bytes(2 * entries) - directory_bytes(entries)
        } else {
            0
        };
        let (len, capacity) = (self.segments.len(), self.segments.capacity());
        let list = if len == capacity {
            list_bytes(len + segment_headroom(len)) - list_bytes(capacity)
        } else {
            0
        };
        directory + list
    }

    fn count_bytes(&self) -> usize {
        let buckets: usize = self
            .segments
            .iter()
            .map(|segment| bucket_bytes(segment.buckets.len()))
            .sum();
        buckets + directory_bytes(self.directory.len()) + list_bytes(self.segments.capacity())
    }
}

fn bucket_bytes(buckets: usize) -> usize {
    heap_bytes(buckets * size_of::<Bucket>())
}

fn directory_bytes(entries: usize) -> usize {
    heap_bytes(entries * size_of::<u32>())
}

fn list_bytes(segments: usize) -> usize {
    heap_bytes(segments * size_of::<Segment>())
}

/// Room for more segments to reserve when their list is full.
fn segment_headroom(segments: usize) -> usize {
    (segments / 8).max(1)
}

/// The tag of a hash: its low byte, never 0.
#[inline]
fn tag(hash: u64) -> u8 {
    (hash as u8).max(1)
}

/// Going over many keys.
impl Table {
    /// Calls `visit` with every payload.
    pub(super) fn for_each(&self, mut visit: impl FnMut(u64)) {
        for bucket in self.segments.iter().flat_map(|segment| &segment.buckets) {
            bucket
                .used()
                .for_each(|lane| visit(bucket.slots[lane] & PAYLOAD));
        }
    }

    /// Visits the payloads around a position in hash order (48 bits, 0 to begin) and returns the position behind them, 0 at
    /// the end. Every payload that is there from the first call to the last is visited, whatever grows or shrinks meanwhile:
    /// a call visits all whose home is the bucket that the position falls in, and homes rise with the hash.
    pub(super) fn scan(&self, position: u64, mut visit: impl FnMut(u64)) -> u64 {
        let hash = position << 16;
        let segment = &self.segments[self.number(hash) as usize];
        let home = segment.home(segment.h16(hash));
        segment.visit_home(home, |slot| visit(slot & PAYLOAD));
        // The least h16 whose home is the next bucket; 65536, the next segment, after the last.
        let next_h16 = ((home + 1) << 16).div_ceil(segment.buckets.len());
        Self::position_at(segment, hash, next_h16)
    }

    /// Like [`Table::scan`], for marked payloads only; passes segments without any in one step.
    pub(super) fn scan_marked(&self, position: u64, mut visit: impl FnMut(u64)) -> u64 {
        let hash = position << 16;
        let segment = &self.segments[self.number(hash) as usize];
        if segment.marked == 0 {
            return Self::position_at(segment, hash, 1 << 16);
        }
        self.scan(position, |payload| {
            if payload & MARK != 0 {
                visit(payload)
            }
        })
    }

    /// The position of `h16` (up to 65536) in the segment that `hash` belongs to; 0 for the end of the last.
    fn position_at(segment: &Segment, hash: u64, h16: usize) -> u64 {
        let depth = segment.depth;
        let prefix = u128::from(hash) >> (64 - depth) << 16;
        // 16 more bits than a hash has room for once the last segment ends: they fall off, and 0 is left.
        ((prefix + h16 as u128) << (48 - depth)) as u64 >> 16
    }

    /// Some `count` payloads (marked ones only, if asked; fewer only if there are fewer) that lie together behind a random
    /// place.
    ///
    /// They are chosen as Redis 7.0 chooses them from a chained table of the next power of two of buckets: entered at a random
    /// bucket, walked on from there, the newest of each chain first; the rest of the chain in which the last was found gets
    /// its chance by reservoir sampling. Which keys a sampled policy overlooks, and so how well it does, depends on all of it:
    /// a key is the likelier to be seen, the farther it is from the one before.
    pub(super) fn sample(&self, count: usize, marked_only: bool, random: &mut Random) -> Vec<u64> {
        let start = random.next_u64();
        let mut index = self.first_of(self.directory_index(start));
        let first = &self.segments[self.directory[index] as usize];
        let place = first.h16(start) >> self.chain_bits(first) << self.chain_bits(first);
        let mut sample = Sample {
            payloads: Vec::with_capacity(count.min(self.len)),
            count,
            seen: 0,
            chain: None,
            random,
        };
        let mut visit = |segment: &Segment, range| {
            segment.visit_chains(range, self.chain_bits(segment), marked_only, &mut sample)
        };
        let mut more = visit(first, place..HASHES);
        for _ in 1..self.segments.len() {
            index = (index + self.width(index)) & (self.directory.len() - 1);
            more = more && visit(&self.segments[self.directory[index] as usize], 0..HASHES);
        }
        if more {
            visit(first, 0..place);
        }
        sample.payloads
    }

    /// How many low bits of `h16` the keys of one chain differ in, if the table were a chained one.
    fn chain_bits(&self, segment: &Segment) -> u32 {
        let chains = self.len.max(1).next_power_of_two().trailing_zeros();
        16_u32.saturating_sub(chains.saturating_sub(segment.depth))
    }

    /// A payload drawn at random, each as likely as any other while loads are alike; `None` when there is none.
    pub(super) fn random(&self, marked_only: bool, random: &mut Random) -> Option<u64> {
        for _ in 0..RANDOM_TRIES {
            let number = self.directory[random.below(self.directory.len() as u64) as usize];
            let buckets = &self.segments[number as usize].buckets;
            let place = random.below((buckets.len() * SLOTS) as u64) as usize;
            let payload = buckets[place / SLOTS].slots[place % SLOTS] & PAYLOAD;
            if payload != 0 && (!marked_only || payload & MARK != 0) {
                return Some(payload);
            }
        }
        self.sample(1, marked_only, random).first().copied()
    }

    /// The first of the directory entries that name the same segment as `index` does.
    fn first_of(&self, index: usize) -> usize {
        index & !(self.width(index) - 1)
    }

    /// How many directory entries name the segment that `index` names.
    fn width(&self, index: usize) -> usize {
        1 << (self.depth - self.segments[self.directory[index] as usize].depth)
    }
}

/// Draws before a random choice settles for walking on from where it is.
const RANDOM_TRIES: usize = 64;

/// How many different `h16` there are.
const HASHES: u64 = 1 << 16;

impl Segment {
    /// Offers the sample the keys whose `h16` lies in `range`, chain by chain (all but the lowest `chain_bits` of `h16`), the
    /// newest first, until it has enough; says whether it still has not.
    fn visit_chains(
        &self,
        range: Range<u64>,
        chain_bits: u32,
        marked_only: bool,
        sample: &mut Sample<'_>,
    ) -> bool {
        if range.is_empty() || self.len == 0 || (marked_only && self.marked == 0) {
            return true;
        }
        let mut slots = Vec::with_capacity(2 * SLOTS);
        (self.home(range.start)..=self.home(range.end - 1)).all(|home| {
            slots.clear();
            self.visit_home(home, |slot| slots.push(slot));
            slots.reverse();
            slots.sort_by_key(|slot| slot >> 48 >> chain_bits);
            let wanted =
                |slot: u64| range.contains(&(slot >> 48)) && (!marked_only || slot & MARK != 0);
            slots
                .iter()
                .filter(|&&slot| wanted(slot))
                .all(|slot| sample.offer(slot >> 48 >> chain_bits, slot & PAYLOAD))
        })
    }
}

/// A sample being taken.
struct Sample<'a> {
    payloads: Vec<u64>,
    count: usize,
    /// Payloads offered.
    seen: u64,
    /// The chain of the one offered last.
    chain: Option<u64>,
    random: &'a mut Random,
}

impl Sample<'_> {
    /// Takes in a payload, or lets it take another's place, or says that there are enough.
    fn offer(&mut self, chain: u64, payload: u64) -> bool {
        let enough = self.payloads.len() >= self.count;
        if enough && self.chain != Some(chain) {
            return false;
        }
        self.chain = Some(chain);
        self.seen += 1;
        if !enough {
            self.payloads.push(payload);
        } else if let Some(place) = self.payloads.get_mut(self.random.below(self.seen) as usize) {
            *place = payload;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    /// Payloads are numbers times eight; their hashes come from the numbers.
    struct Numbers(fn(u64) -> u64);

    impl Owner for Numbers {
        fn hash(&self, payload: u64) -> u64 {
            (self.0)(payload / 8)
        }
        fn prepare(&self, _: u64) {}
    }

    fn spread(number: u64) -> u64 {
        Random::new(number).next_u64()
    }

    /// All in one segment, however often it splits.
    fn crowded(number: u64) -> u64 {
        spread(number) >> 24
    }

    fn payload_of(number: u64, marked: bool) -> u64 {
        number * 8 + u64::from(marked)
    }

    /// A table beside what it should hold.
    struct Pair {
        table: Table,
        owner: Numbers,
        model: BTreeMap<u64, bool>,
        uneven: bool,
    }

    impl Pair {
        fn new(hash: fn(u64) -> u64) -> Self {
            Self {
                table: Table::new(),
                owner: Numbers(hash),
                model: BTreeMap::new(),
                uneven: false,
            }
        }

        fn find(&self, number: u64) -> Option<Spot> {
            self.table
                .find((self.owner.0)(number), |payload| payload / 8 == number)
        }

        fn put(&mut self, number: u64, marked: bool) {
            let (hash, payload) = ((self.owner.0)(number), payload_of(number, marked));
            match self.find(number) {
                Some(spot) => self.table.set_payload(spot, payload),
                None => {
                    let (before, growth) = (self.table.bytes(), self.table.growth_bytes(hash));
                    self.table.insert(hash, payload, &self.owner);
                    if !self.uneven {
                        assert_eq!(self.table.bytes(), before + growth, "growth as announced");
                    }
                }
            }
            self.model.insert(number, marked);
        }

        fn remove(&mut self, number: u64) {
            let removed = self.find(number).and_then(|spot| self.table.remove(spot));
            let expected = self
                .model
                .remove(&number)
                .map(|marked| payload_of(number, marked));
            assert_eq!(removed, expected);
        }

        fn check(&self) {
            assert_eq!(self.table.len(), self.model.len());
            assert_eq!(
                self.table.marked(),
                self.model.values().filter(|&&marked| marked).count()
            );
            assert_eq!(self.table.bytes(), self.table.count_bytes());
            let mut seen = BTreeMap::new();
            self.table.for_each(|payload| {
                assert!(seen.insert(payload / 8, payload & MARK == MARK).is_none())
            });
            assert_eq!(seen, self.model);
            assert!(self.model.keys().all(|&number| self.find(number).is_some()));
            self.table.segments.iter().for_each(check_segment);
        }

        fn scan(&self, marked_only: bool) -> BTreeSet<u64> {
            let (mut seen, mut position) = (BTreeSet::new(), 0);
            loop {
                let visit = |payload: u64| {
                    assert!(seen.insert(payload / 8), "visited twice in a still table")
                };
                let next = if marked_only {
                    self.table.scan_marked(position, visit)
                } else {
                    self.table.scan(position, visit)
                };
                assert!(next == 0 || next > position);
                if next == 0 {
                    return seen;
                }
                position = next;
            }
        }
    }

    /// The overflow counts, recounted.
    fn check_segment(segment: &Segment) {
        let mut passed = vec![0_u64; segment.buckets.len()];
        for (place, bucket) in segment.buckets.iter().enumerate() {
            for lane in bucket.used() {
                let mut at = segment.home(bucket.slots[lane] >> 48);
                while at != place {
                    passed[at] += 1;
                    at = segment.after(at);
                }
            }
        }
        for (bucket, count) in segment.buckets.iter().zip(passed) {
            let overflow = bucket.overflow();
            assert!(
                overflow == count || overflow == OVERFLOW_MAX,
                "{overflow} {count}"
            );
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put(u64, bool),
        Remove(u64),
        PutMany(u64, u64),
        RemoveMany(u64, u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let number = 1_u64..40_000;
        let step = prop_oneof![
            4 => (number.clone(), any::<bool>()).prop_map(|(n, marked)| Step::Put(n, marked)),
            4 => number.clone().prop_map(Step::Remove),
            1 => (number.clone(), 1_u64..15_000).prop_map(|(n, count)| Step::PutMany(n, count)),
            1 => (number, 1_u64..15_000).prop_map(|(n, count)| Step::RemoveMany(n, count)),
        ];
        proptest::collection::vec(step, 1..25)
    }

    fn apply(pair: &mut Pair, step: &Step) {
        match *step {
            Step::Put(n, marked) => pair.put(n, marked),
            Step::Remove(n) => pair.remove(n),
            Step::PutMany(n, count) => (n..n + count).for_each(|n| pair.put(n, n % 3 == 0)),
            Step::RemoveMany(n, count) => (n..n + count).for_each(|n| pair.remove(n)),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn holds_what_a_map_holds(steps in steps()) {
            let mut pair = Pair::new(spread);
            steps.iter().for_each(|step| apply(&mut pair, step));
            pair.check();
            prop_assert_eq!(pair.scan(false), pair.model.keys().copied().collect());
            let marked = pair.model.iter().filter(|entry| *entry.1).map(|entry| *entry.0).collect();
            prop_assert_eq!(pair.scan(true), marked);
        }

        #[test]
        fn a_scan_misses_nothing_that_stays(steps in steps(), kept in 1_u64..20_000) {
            let mut pair = Pair::new(spread);
            let keep = |n: u64| n + 1_000_000;
            (0..kept).for_each(|n| pair.put(keep(n), false));
            let (mut seen, mut position, mut steps) = (BTreeSet::new(), 0, steps.iter().cycle());
            for turn in 0_u64.. {
                position = pair.table.scan(position, |payload| { seen.insert(payload / 8); });
                if position == 0 {
                    break;
                }
                if turn % 200 == 0 {
                    steps.next().into_iter().for_each(|step| apply(&mut pair, step));
                }
            }
            prop_assert!((0..kept).all(|n| seen.contains(&keep(n))));
        }
    }

    #[test]
    fn keys_that_will_not_part_still_fit() {
        let mut pair = Pair {
            uneven: true,
            ..Pair::new(crowded)
        };
        (1..=30_000).for_each(|n| pair.put(n, false));
        pair.check();
        (1..=30_000).for_each(|n| pair.remove(n));
        pair.check();
    }

    #[test]
    fn the_load_stays_between_seven_ninths_and_seven_eighths() {
        let mut pair = Pair::new(spread);
        for n in 1..=200_000 {
            pair.put(n, false);
            if n > 2_000 && n % 997 == 0 {
                let slots: usize = pair
                    .table
                    .segments
                    .iter()
                    .map(|segment| segment.buckets.len() * SLOTS)
                    .sum();
                let load = n as f64 / slots as f64;
                assert!((0.76..0.876).contains(&load), "{n} keys: {load}");
            }
        }
        assert!(pair.table.segments.len() >= 32);
    }

    #[test]
    fn samples_are_neighbours_without_repetition_and_random_draws_are_fair() {
        let mut pair = Pair::new(spread);
        (1..=5_000).for_each(|n| pair.put(n, n % 100 == 0));
        let mut random = Random::new(3);
        for marked_only in [false, true] {
            let all = if marked_only { 50 } else { 5_000 };
            let mut sample = |count| -> BTreeSet<u64> {
                pair.table
                    .sample(count, marked_only, &mut random)
                    .into_iter()
                    .collect()
            };
            let (some, whole) = (sample(10), sample(usize::MAX));
            assert_eq!(
                whole.len(),
                all,
                "a sample that is never enough comes to all"
            );
            assert!(some.len() == 10 && some.is_subset(&whole));
        }
        let mut counts = BTreeMap::new();
        for _ in 0..100_000 {
            *counts
                .entry(pair.table.random(false, &mut random))
                .or_insert(0_u32) += 1;
        }
        // 100,000 draws from 5,000: mean 20, sd 4.5.
        assert_eq!(counts.len(), 5_000);
        assert!(counts.values().all(|&count| count < 52));
        assert!((0..100).all(|_| {
            pair.table
                .random(true, &mut random)
                .is_some_and(|payload| payload & MARK != 0)
        }));
    }
}
