//! The best hit ratio that any cache could have had on a stream of requests: Belady's MIN.
//!
//! On a full cache, what is read again last leaves, be it the newcomer itself (L. A. Belady, A study of replacement
//! algorithms for a virtual-storage computer, IBM Systems Journal 5:2, 1966; optimality: Mattson et al. 1970). Every
//! key counts one. A write makes what was stored worthless, so a key that is written before it is read again is as good
//! as gone. Nothing expires here, and a key that was there once may be had again by reading it: what is found is an upper
//! bound, which is reached where misses are followed by writes and nothing expires.

use std::collections::BinaryHeap;

/// Requests looked at, at the most: their numbers have 32 bits, of which two values mean something else.
pub const REQUESTS_MAX: usize = u32::MAX as usize - 2;

/// After this use a key is not read again, or is written or deleted before.
const WORTHLESS: u32 = u32::MAX;

/// What a request does to a key, as far as a cache cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Finds it, or does not.
    Read,
    /// Makes it anew.
    Write,
    /// Removes it.
    Delete,
}

/// The cache that the stream meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cache {
    /// Keys that it has room for.
    pub room: usize,
    /// Whether a read that misses is followed by a write.
    pub fills: bool,
}

/// What the best cache comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ideal {
    /// Reads.
    pub reads: u64,
    /// Of these, hits at the most.
    pub hits: u64,
}

/// Keys that have been made and not been deleted since, of which a cache may hold as many as it has room for.
#[derive(Debug, Clone)]
pub struct Made {
    bits: Vec<u64>,
}

impl Made {
    /// None of `keys` keys.
    #[must_use]
    pub fn none(keys: usize) -> Self {
        Self {
            bits: vec![0; keys.div_ceil(64)],
        }
    }

    /// All of `keys` keys, as must be supposed where what happened to them is not known.
    #[must_use]
    pub fn all(keys: usize) -> Self {
        Self {
            bits: vec![u64::MAX; keys.div_ceil(64)],
        }
    }

    fn has(&self, key: u32) -> bool {
        let word = self.bits.get(key as usize / 64);
        word.is_some_and(|word| word >> (key % 64) & 1 == 1)
    }

    fn set(&mut self, key: u32, made: bool) {
        if let Some(word) = self.bits.get_mut(key as usize / 64) {
            *word = *word & !(1 << (key % 64)) | u64::from(made) << (key % 64);
        }
    }
}

/// The most reads of the stream `uses`, of key numbers below `keys`, that `cache` could have served, whatever of the
/// keys `made` it held when the stream began; `made` is carried on to the stream's end. Key numbers from `keys` on are
/// left out, and so are requests from [`REQUESTS_MAX`] on.
///
/// The stream is gone through twice. Takes 4 bytes a request, 4 a key and up to 16 for each key that there is room for.
pub fn ideal<I>(uses: impl Fn() -> I, keys: usize, cache: Cache, made: &mut Made) -> Ideal
where
    I: Iterator<Item = (u32, Use)>,
{
    let known = || {
        uses()
            .take(REQUESTS_MAX)
            .filter(|(key, _)| (*key as usize) < keys)
    };
    let future = Future::of(known(), keys, made);
    let mut held = Held::new(keys, cache.room);
    for (next, key) in future.first_reads {
        held.keep(key, next);
    }
    let mut ideal = Ideal::default();
    for ((key, what), next) in known().zip(future.next_reads) {
        if what == Use::Read {
            ideal.reads += 1;
            if !cache.fills && !made.has(key) {
                continue;
            }
            ideal.hits += u64::from(held.has(key));
        }
        made.set(key, what != Use::Delete);
        held.keep(key, if what == Use::Delete { WORTHLESS } else { next });
    }
    ideal
}

/// What is read when.
struct Future {
    /// For each use, the number of the next one of the same key, if that is a read.
    next_reads: Vec<u32>,
    /// Keys that were there before and are read first, and by which use.
    first_reads: Vec<(u32, u32)>,
}

impl Future {
    fn of(uses: impl Iterator<Item = (u32, Use)>, keys: usize, made: &Made) -> Self {
        // For each key, one more than the number of its latest use, so that untouched memory means none.
        let mut latest = vec![0_u32; keys];
        let (mut next_reads, mut first_reads) = (Vec::new(), Vec::new());
        for (number, (key, what)) in (0_u32..).zip(uses) {
            let before = latest
                .get_mut(key as usize)
                .map(|latest| std::mem::replace(latest, number + 1));
            let before = before.unwrap_or(0).checked_sub(1);
            if what == Use::Read {
                match before.and_then(|before| next_reads.get_mut(before as usize)) {
                    Some(next) => *next = number,
                    None if made.has(key) => first_reads.push((number, key)),
                    None => {}
                }
            }
            next_reads.push(WORTHLESS);
        }
        Self {
            next_reads,
            first_reads,
        }
    }
}

/// The keys that the cache holds.
struct Held {
    /// By key, one more than the number of its next read; 0 for a key that is not held.
    next: Vec<u32>,
    size: usize,
    room: usize,
    /// The latest next read on top. Entries that have been overtaken stay until they surface or there are too many.
    farthest: BinaryHeap<(u32, u32)>,
}

impl Held {
    fn new(keys: usize, room: usize) -> Self {
        Self {
            next: vec![0; keys],
            size: 0,
            room,
            farthest: BinaryHeap::new(),
        }
    }

    fn has(&self, key: u32) -> bool {
        self.next.get(key as usize).is_some_and(|next| *next > 0)
    }

    /// Holds `key` until its next read, if that is worth the room.
    fn keep(&mut self, key: u32, next: u32) {
        let Some(slot) = self.next.get_mut(key as usize) else {
            return;
        };
        let was_held = *slot > 0;
        *slot = if next == WORTHLESS { 0 } else { next + 1 };
        self.size = self.size + usize::from(*slot > 0) - usize::from(was_held);
        // Where all keys fit, nothing ever leaves.
        if *slot > 0 && self.room < self.next.len() {
            self.farthest.push((next, key));
            self.evict();
            self.tidy();
        }
    }

    fn evict(&mut self) {
        while self.size > self.room {
            let Some((next, key)) = self.farthest.pop() else {
                return;
            };
            if let Some(slot) = self.next.get_mut(key as usize)
                && *slot == next + 1
            {
                *slot = 0;
                self.size -= 1;
            }
        }
    }

    /// Drops overtaken entries before they are most of the heap.
    fn tidy(&mut self) {
        if self.farthest.len() > 2 * self.size + 1024 {
            let next = &self.next;
            let is_current =
                |entry: &(u32, u32)| next.get(entry.1 as usize) == Some(&(entry.0 + 1));
            self.farthest.retain(is_current);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const KEYS: u32 = 5;

    fn best(uses: &[(u32, Use)], cache: Cache, made: &mut Made) -> Ideal {
        ideal(|| uses.iter().copied(), KEYS as usize, cache, made)
    }

    /// The best of all choices, by trying them: after each use that could bring a key in, any key may leave.
    fn by_trying(
        uses: &[(u32, Use)],
        held: &BTreeSet<u32>,
        made: &BTreeSet<u32>,
        cache: Cache,
    ) -> u64 {
        let Some(((key, what), rest)) = uses.split_first() else {
            return 0;
        };
        let (mut with, mut made) = (held.clone(), made.clone());
        let hit = u64::from(*what == Use::Read && held.contains(key));
        if *what == Use::Delete {
            with.remove(key);
            made.remove(key);
            return by_trying(rest, &with, &made, cache);
        }
        if *what == Use::Read && !cache.fills && !made.contains(key) {
            return by_trying(rest, held, &made, cache);
        }
        with.insert(*key);
        made.insert(*key);
        if with.len() <= cache.room {
            return hit + by_trying(rest, &with, &made, cache);
        }
        let without = |leaver| with.iter().copied().filter(|key| *key != leaver).collect();
        let best = with
            .iter()
            .map(|leaver| by_trying(rest, &without(*leaver), &made, cache));
        hit + best.max().unwrap_or(0)
    }

    fn uses() -> impl Strategy<Value = Vec<(u32, Use)>> {
        let what = prop_oneof![4 => Just(Use::Read), 2 => Just(Use::Write), 1 => Just(Use::Delete)];
        prop::collection::vec((0..KEYS, what), 0..9)
    }

    proptest! {
        #[test]
        fn nothing_does_better(before in uses(), uses in uses(), room in 1_usize..4, fills: bool) {
            let cache = Cache { room, fills };
            let mut made = Made::none(KEYS as usize);
            best(&before, cache, &mut made);
            // Before the stream begins, whatever has been made may be brought in.
            let writes = (0..KEYS).filter(|key| made.has(*key)).map(|key| (key, Use::Write));
            let all: Vec<_> = writes.chain(uses.iter().copied()).collect();
            let tried = by_trying(&all, &BTreeSet::new(), &BTreeSet::new(), cache);
            prop_assert_eq!(best(&uses, cache, &mut made).hits, tried);
        }
    }

    #[test]
    fn the_edges() {
        let cache = |room| Cache { room, fills: true };
        let mut made = Made::none(2);
        let none = ideal(std::iter::empty, 0, cache(3), &mut made);
        assert_eq!(none, Ideal::default());
        let reads = [1, 1, 9, 1].map(|key| (key, Use::Read));
        let of = |room, made: &mut Made| ideal(|| reads.into_iter(), 2, cache(room), made);
        assert_eq!(of(0, &mut made.clone()).hits, 0);
        assert_eq!(of(1, &mut made), Ideal { reads: 3, hits: 2 });
        assert_eq!(of(1, &mut made).hits, 3, "it was made by what came before");
        assert_eq!(of(1, &mut Made::all(2)).hits, 3);
    }
}
