//! Survival: which keys are still there, by whom they were last touched, and the score against exact LRU. Pure.
//!
//! Of the keys that a client wrote or wanted to write, `P` are present at the end. Exact LRU would have kept the `P` touched last; the
//! share of the survivors that are among those is the *fidelity*. Exact LRU scores 1, eviction at random about the share of
//! keys that survive.

mod bucket;
pub mod lost;

use crate::drive::touch::Touch;
use crate::recording::keys::{pack_bits, pack_numbers};
use crate::recording::model::{GroupSurvival, SurvivalRecord};
use crate::workload::plan::Group;

use bucket::buckets;

/// Rank of a key that was never touched.
const NEVER: u32 = u32::MAX;

/// What became of the keys, whose `touches` and whether they are `present` are given by key number.
#[must_use]
pub fn score(touches: &[Touch], present: &[bool], groups: &[Group]) -> SurvivalRecord {
    let keys: Vec<Key> = touches
        .iter()
        .zip(present)
        .map(|(touch, present)| Key::new(*touch, *present))
        .collect();
    let by_last = order(&keys, |key| key.touch.last);
    let by_count = order(&keys, |key| u64::from(key.touch.count));
    let survivors = keys.iter().filter(|key| key.present).count();
    let in_order = |order: &[usize]| {
        order
            .iter()
            .filter_map(|number| keys.get(*number))
            .copied()
            .collect::<Vec<_>>()
    };
    SurvivalRecord {
        written: keys.iter().filter(|key| key.touch.written).count() as u64,
        present: survivors as u64,
        fidelity: fidelity(&in_order(&by_last), survivors),
        groups: groups
            .iter()
            .map(|group| survival_of(group, &keys))
            .collect(),
        by_insertion: buckets(&keys),
        by_last_access: buckets(&asked(&in_order(&by_last))),
        by_popularity: buckets(&asked(&in_order(&by_count))),
        present_bits: pack_bits(keys.iter().map(|key| key.present)),
        written_bits: pack_bits(keys.iter().map(|key| key.touch.written)),
        last_access_ranks: pack_numbers(ranks(&keys, &by_last)),
        touches: pack_numbers(keys.iter().map(|key| key.touch.count)),
    }
}

/// One key of the key space.
#[derive(Debug, Clone, Copy)]
struct Key {
    touch: Touch,
    /// Written and there at the end.
    present: bool,
}

impl Key {
    /// A key that is there was written after the deletion that clients heard of last: between connections the order of
    /// replies is known to about a round trip only.
    fn new(touch: Touch, is_there: bool) -> Self {
        let written = touch.written || touch.deleted && is_there;
        Self {
            touch: Touch { written, ..touch },
            present: is_there && written,
        }
    }
}

/// Key numbers, largest measure first, and where it is equal in the order of the numbers.
fn order(keys: &[Key], measure: impl Fn(&Key) -> u64) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..keys.len()).collect();
    numbers.sort_by_cached_key(|number| std::cmp::Reverse(keys.get(*number).map_or(0, &measure)));
    numbers
}

fn asked(keys: &[Key]) -> Vec<Key> {
    keys.iter()
        .filter(|key| key.touch.asked())
        .copied()
        .collect()
}

/// Share of the survivors that are among the `survivors` keys touched last; `latest_first` is in that order.
fn fidelity(latest_first: &[Key], survivors: usize) -> f64 {
    if survivors == 0 {
        return 1.0;
    }
    let kept_by_lru = latest_first
        .iter()
        .filter(|key| key.touch.asked())
        .take(survivors);
    kept_by_lru.filter(|key| key.present).count() as f64 / survivors as f64
}

fn survival_of(group: &Group, keys: &[Key]) -> GroupSurvival {
    let place = |number: u64| {
        usize::try_from(number)
            .unwrap_or(usize::MAX)
            .min(keys.len())
    };
    let members = keys
        .get(place(group.keys.start)..place(group.keys.end))
        .unwrap_or_default();
    GroupSurvival {
        name: group.name.clone(),
        written: members.iter().filter(|key| key.touch.written).count() as u64,
        refused: members.iter().filter(|key| key.touch.refused).count() as u64,
        present: members.iter().filter(|key| key.present).count() as u64,
    }
}

/// By key number, the place of the key in `latest_first`.
fn ranks(keys: &[Key], latest_first: &[usize]) -> Vec<u32> {
    let mut ranks = vec![NEVER; keys.len()];
    for (number, rank) in latest_first.iter().zip(0..NEVER) {
        if let (Some(place), Some(key)) = (ranks.get_mut(*number), keys.get(*number))
            && key.touch.last > 0
        {
            *place = rank;
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::keys::{unpack_bits, unpack_numbers};

    /// Ten keys, touched in the order of their numbers, the first two once more at the end.
    fn touches() -> Vec<Touch> {
        let touch = |last, count| Touch {
            last,
            count,
            written: true,
            ..Touch::default()
        };
        (0..10)
            .map(|key| {
                if key < 2 {
                    touch(100 + key, 2)
                } else {
                    touch(10 + key, 1)
                }
            })
            .collect()
    }

    fn group(name: &str, keys: std::ops::Range<u64>) -> Group {
        Group {
            name: name.to_owned(),
            keys,
        }
    }

    #[test]
    fn exact_lru_is_perfectly_faithful() {
        let present = [
            true, true, false, false, false, false, false, true, true, true,
        ];
        let record = score(
            &touches(),
            &present,
            &[group("read", 0..2), group("rest", 2..99)],
        );
        assert_eq!((record.written, record.present), (10, 5));
        assert!((record.fidelity - 1.0).abs() < f64::EPSILON);
        let counts: Vec<_> = record
            .groups
            .iter()
            .map(|group| (group.written, group.present))
            .collect();
        assert_eq!(counts, [(2, 2), (8, 3)]);
        assert_eq!(
            unpack_numbers(&record.last_access_ranks, 10).unwrap(),
            [1, 0, 9, 8, 7, 6, 5, 4, 3, 2]
        );
        assert_eq!(unpack_bits(&record.present_bits, 10).unwrap(), present);
    }

    #[test]
    fn survivors_that_lru_would_have_evicted_cost_fidelity() {
        let present = [
            true, true, true, false, false, false, false, false, false, true,
        ];
        assert!((score(&touches(), &present, &[]).fidelity - 0.75).abs() < 1e-12);
    }

    #[test]
    fn keys_never_written_and_keys_deleted_are_left_out() {
        let mut touches = touches();
        touches[3] = Touch::default();
        touches[4] = Touch {
            last: 500,
            count: 0,
            deleted: true,
            ..Touch::default()
        };
        let present = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|key| key != 4);
        let record = score(&touches, &present, &[]);
        assert_eq!((record.written, record.present), (8, 8));
        assert!((record.fidelity - 1.0).abs() < f64::EPSILON);
        assert_eq!(
            unpack_numbers(&record.last_access_ranks, 10).unwrap()[3],
            NEVER
        );
        let ranked: u64 = record
            .by_last_access
            .iter()
            .map(|bucket| bucket.written)
            .sum();
        assert_eq!(ranked, 8);
    }

    /// A cache that refuses new keys keeps what exact LRU would have evicted.
    #[test]
    fn refused_writes_count_against_the_cache() {
        let mut touches = touches();
        for touch in &mut touches[5..] {
            *touch = Touch {
                last: 1_000,
                count: 1,
                refused: true,
                ..Touch::default()
            };
        }
        let present: Vec<bool> = (0..10).map(|key| key < 5).collect();
        let record = score(&touches, &present, &[group("new", 5..10)]);
        assert_eq!((record.written, record.present), (5, 5));
        assert!(record.fidelity.abs() < f64::EPSILON);
        assert_eq!(record.groups[0].share(), Some(0.0));
    }

    #[test]
    fn a_key_that_is_there_was_written_after_its_deletion() {
        let mut touches = [Touch::default(); 3];
        touches[0].deleted = true;
        touches[1].deleted = true;
        let record = score(&touches, &[true, false, true], &[group("all", 0..3)]);
        assert_eq!((record.written, record.present), (1, 1));
    }

    #[test]
    fn nothing_written_is_no_reproach() {
        let record = score(&[Touch::default(); 3], &[false; 3], &[group("all", 0..3)]);
        assert!((record.fidelity - 1.0).abs() < f64::EPSILON);
        assert_eq!(record.present, 0);
    }
}
