//! The best hit ratio that any cache could have had on a stream of requests: Belady's MIN.
//!
//! On a full cache, what is used again last leaves, be it the newcomer itself (L. A. Belady, A study of replacement
//! algorithms for a virtual-storage computer, IBM Systems Journal 5:2, 1966; optimality: Mattson et al. 1970). Every
//! key counts one.

use std::collections::BinaryHeap;

/// A request after which its key is never asked for again.
const NEVER: u32 = u32::MAX;

/// Hits of an ideal cache with room for `capacity` keys that starts empty and sees the requests `keys` in order, key
/// numbers below `key_count`; a key number beyond that is a miss. At most `u32::MAX - 1` requests are looked at.
///
/// Takes time n log n and 8 bytes a request besides 4 a key.
#[must_use]
pub fn hits(keys: &[u32], key_count: usize, capacity: usize) -> u64 {
    let keys = keys.get(..NEVER as usize - 1).unwrap_or(keys);
    let next_use = next_uses(keys, key_count);
    // When each key that is in the cache is used next; `None` for a key that is not in it.
    let mut cached: Vec<Option<u32>> = vec![None; key_count];
    let (mut size, mut hits) = (0, 0);
    // The latest next use on top. Entries that a later use has overtaken stay until they surface: their key is then
    // cached for another time, or not at all.
    let mut farthest: BinaryHeap<(u32, u32)> = BinaryHeap::new();
    for (&key, &next) in keys.iter().zip(&next_use) {
        let Some(slot) = cached.get_mut(key as usize) else {
            continue;
        };
        match slot.replace(next) {
            Some(_) => hits += 1,
            None => size += 1,
        }
        farthest.push((next, key));
        while size > capacity {
            let Some((next, key)) = farthest.pop() else {
                break;
            };
            let Some(slot) = cached.get_mut(key as usize) else {
                continue;
            };
            if *slot == Some(next) {
                *slot = None;
                size -= 1;
            }
        }
    }
    hits
}

/// For each request, the number of the next one to the same key.
fn next_uses(keys: &[u32], key_count: usize) -> Vec<u32> {
    let mut upcoming = vec![NEVER; key_count];
    let mut next_use = vec![NEVER; keys.len()];
    for (index, (key, next)) in keys.iter().zip(&mut next_use).enumerate().rev() {
        if let Some(seen) = upcoming.get_mut(*key as usize) {
            *next = std::mem::replace(seen, index as u32);
        }
    }
    next_use
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The best of all choices, by trying them: after each miss any cached key may leave, or the newcomer.
    fn by_trying(keys: &[u32], cache: &BTreeSet<u32>, capacity: usize) -> u64 {
        let Some((key, rest)) = keys.split_first() else {
            return 0;
        };
        if cache.contains(key) {
            return 1 + by_trying(rest, cache, capacity);
        }
        let mut with = cache.clone();
        with.insert(*key);
        if with.len() <= capacity {
            return by_trying(rest, &with, capacity);
        }
        let without = |leaver| with.iter().copied().filter(|key| *key != leaver).collect();
        with.iter()
            .map(|leaver| by_trying(rest, &without(*leaver), capacity))
            .max()
            .unwrap_or(0)
    }

    proptest! {
        #[test]
        fn nothing_does_better(keys in proptest::collection::vec(0u32..6, 0..12), capacity in 1usize..4) {
            prop_assert_eq!(hits(&keys, 6, capacity), by_trying(&keys, &BTreeSet::new(), capacity));
        }
    }

    #[test]
    fn the_edges() {
        assert_eq!(hits(&[], 0, 3), 0);
        assert_eq!(hits(&[1, 1, 1], 2, 0), 0);
        assert_eq!(
            hits(&[1, 1, 9, 1], 2, 1),
            2,
            "a key beyond the key space is a miss"
        );
    }
}
