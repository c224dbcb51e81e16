//! A table of entries found by their key: what large hashes, sets and sorted sets are made of.
//!
//! Entries lie densely in a chunked vector, numbered from 0; a hash index beside it maps keys to numbers. Taking one
//! out moves the last into its place. From this follow:
//!
//! - a random entry is a random number, exactly uniform;
//! - iteration is in a fixed order that depends on the history alone, never on the hash seed;
//! - a scan that counts its cursor *down* visits every entry that stays: an entry only ever moves to a lower number,
//!   so one not yet visited stays below the cursor. New entries land above it, and a moved one may be seen twice,
//!   which SCAN's contract allows;
//! - neither part is ever moved as a whole when it grows, so no insertion is slow.

mod index;

use super::Approach;
use super::chunked::Chunked;
use super::hashing::hash_bytes;
use crate::prefetch::prefetch;
use index::{Hashed, Index};
use std::ops::Range;

/// Bytes that the processor fetches at a time.
const CACHE_LINE: usize = 64;

/// An entry that a table can hold.
pub trait Keyed {
    /// What it is found by; unique in its table and fixed while it is there.
    fn key(&self) -> &[u8];

    /// Bytes that it holds on the heap.
    fn memory_bytes(&self) -> usize;
}

/// A set of entries with distinct keys.
#[derive(Debug, Clone)]
pub struct Table<E> {
    entries: Chunked<E>,
    index: Index,
    seed: u64,
    heap_bytes: usize,
}

impl<E: Keyed> Table<E> {
    /// An empty table whose hash function is seeded by `seed`.
    pub fn new(seed: u64) -> Self {
        Table {
            entries: Chunked::default(),
            index: Index::default(),
            seed,
            heap_bytes: 0,
        }
    }

    /// How many entries it holds.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held on the heap by the table and its entries.
    pub fn memory_bytes(&self) -> usize {
        self.entries.memory_bytes() + self.index.memory_bytes() + self.heap_bytes
    }

    /// The number of the entry with this key.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        let hash = hash_bytes(self.seed, key);
        let same = |id: u32| {
            self.entries
                .get(id as usize)
                .is_some_and(|entry| entry.key() == key)
        };
        self.index.find(hash, same).map(|id| id as usize)
    }

    /// Asks the processor for memory on the way to the entry that this key probably has.
    #[inline]
    pub fn prefetch(&self, key: &[u8], approach: Approach) {
        let hash = hash_bytes(self.seed, key);
        let look = |id: u32| {
            Seeded(&self.entries, self.seed).prefetch_entry(id, approach);
            true
        };
        match approach {
            Approach::Index => self.index.prefetch(hash),
            Approach::Entry | Approach::Content => drop(self.index.find(hash, look)),
        }
    }

    /// The entry with this key.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<&E> {
        self.entries.get(self.find(key)?)
    }

    /// Whether there is an entry with this key.
    #[inline]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    /// Entry number `id`.
    #[inline]
    pub fn at(&self, id: usize) -> Option<&E> {
        self.entries.get(id)
    }

    /// Adds an entry whose key is not there yet, and returns its number.
    #[inline]
    pub fn insert(&mut self, entry: E) -> usize {
        let id = self.entries.len();
        let hash = hash_bytes(self.seed, entry.key());
        self.heap_bytes += entry.memory_bytes();
        self.entries.push(entry);
        let entries = Seeded(&self.entries, self.seed);
        self.index.insert(hash, id as u32, &entries);
        id
    }

    /// Changes entry number `id`, its key excepted.
    #[inline]
    pub fn update<R>(&mut self, id: usize, change: impl FnOnce(&mut E) -> R) -> Option<R> {
        let entry = self.entries.get_mut(id)?;
        let before = entry.memory_bytes();
        let result = change(entry);
        self.heap_bytes = self.heap_bytes + entry.memory_bytes() - before;
        Some(result)
    }

    /// Takes out entry number `id`; the entry that was last is then number `id`.
    pub fn remove_at(&mut self, id: usize) -> Option<E> {
        let last = self.len().checked_sub(1)?;
        let hash = hash_bytes(self.seed, self.entries.get(id)?.key());
        self.index.remove(hash, id as u32);
        if id != last {
            let moved = Seeded(&self.entries, self.seed).hash_of(last as u32);
            self.index.renumber(moved, last as u32, id as u32);
        }
        let entry = self.entries.swap_remove(id)?;
        self.heap_bytes -= entry.memory_bytes();
        let entries = Seeded(&self.entries, self.seed);
        self.index.shrink(self.entries.len(), &entries);
        Some(entry)
    }

    /// Takes out the entry with this key.
    pub fn remove(&mut self, key: &[u8]) -> Option<E> {
        self.remove_at(self.find(key)?)
    }

    /// The entries in the order of their numbers.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &E> {
        self.entries.iter()
    }

    /// The numbers to visit for a scan that stands at `cursor` (0 to begin), about `count` of them, and the next cursor
    /// (0 at the end). They are to be visited before the table changes.
    pub fn scan(&self, cursor: u64, count: usize) -> (Range<usize>, u64) {
        let len = self.len();
        let top = match usize::try_from(cursor) {
            Ok(0) | Err(_) => len,
            Ok(at) => at.min(len),
        };
        let bottom = top.saturating_sub(count.max(1));
        (bottom..top, bottom as u64)
    }
}

/// The entries with the seed of their hashes, as the index asks for them.
struct Seeded<'a, E>(&'a Chunked<E>, u64);

impl<E: Keyed> Hashed for Seeded<'_, E> {
    fn hash_of(&self, id: u32) -> u64 {
        self.0
            .get(id as usize)
            .map_or(0, |entry| hash_bytes(self.1, entry.key()))
    }

    #[inline]
    fn prefetch_entry(&self, id: u32, approach: Approach) {
        let Some(entry) = self.0.get(id as usize) else {
            return;
        };
        if approach == Approach::Content {
            let content = entry.key().as_ptr();
            prefetch(content);
            prefetch(content.wrapping_add(CACHE_LINE));
        } else {
            prefetch(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::small::SmallBytes;
    use super::{Keyed, Table};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[derive(Debug, Clone)]
    struct Pair(SmallBytes, u32);

    impl Keyed for Pair {
        fn key(&self) -> &[u8] {
            &self.0
        }
        fn memory_bytes(&self) -> usize {
            self.0.memory_bytes()
        }
    }

    fn name(i: u16) -> Vec<u8> {
        if i.is_multiple_of(5) {
            format!("a rather long member, number {i}")
        } else {
            format!("m{i}")
        }
        .into_bytes()
    }

    fn check(table: &Table<Pair>, model: &BTreeMap<Vec<u8>, u32>) {
        assert_eq!(table.len(), model.len());
        for (key, value) in model {
            assert_eq!(table.get(key).map(|pair| pair.1), Some(*value));
        }
        let heap: usize = table.iter().map(Keyed::memory_bytes).sum();
        assert_eq!(
            table.memory_bytes(),
            heap + table.entries.memory_bytes() + table.index.memory_bytes()
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn behaves_as_a_map(ops in prop::collection::vec((0u8..4, 0u16..600), 1..2500)) {
            let mut table: Table<Pair> = Table::new(9);
            let mut model = BTreeMap::new();
            for (value, (kind, i)) in (0u32..).zip(ops) {
                let key = name(i);
                if kind == 0 {
                    prop_assert_eq!(table.remove(&key).map(|pair| pair.1), model.remove(&key));
                } else if let Some(id) = table.find(&key) {
                    table.update(id, |pair| pair.1 = value);
                    model.insert(key, value);
                } else {
                    prop_assert!(!model.contains_key(&key));
                    table.insert(Pair(SmallBytes::from(&key[..]), value));
                    model.insert(key, value);
                }
            }
            check(&table, &model);
            while let Some(key) = model.keys().next().cloned() {
                prop_assert!(table.remove(&key).is_some());
                model.remove(&key);
            }
            check(&table, &model);
        }

        #[test]
        fn a_scan_visits_all_that_stays(
            steps in prop::collection::vec((1usize..20, prop::collection::vec((any::<bool>(), 500u16..1000), 0..40)), 1..200)
        ) {
            let mut table = Table::new(3);
            let insert = |table: &mut Table<Pair>, i| if !table.contains(&name(i)) {
                table.insert(Pair(SmallBytes::from(&name(i)[..]), u32::from(i)));
            };
            (0..800).for_each(|i| insert(&mut table, i));
            let (mut seen, mut cursor, mut steps) = (BTreeSet::new(), 0, steps.into_iter());
            loop {
                let (count, churn) = steps.next().unwrap_or((10, Vec::new()));
                let (ids, next) = table.scan(cursor, count);
                seen.extend(ids.filter_map(|id| table.at(id)).map(|pair| pair.1));
                cursor = next;
                if cursor == 0 { break }
                for (add, i) in churn {
                    if add { insert(&mut table, i) } else { table.remove(&name(i)); }
                }
            }
            prop_assert!((0..500).all(|i| seen.contains(&i)));
        }
    }
}
