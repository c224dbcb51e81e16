//! What the acknowledged writes to every key have promised: which version of its value must be there afterwards.
//!
//! A version is the time at which a write was sent, in steps of 10 µs; the value carries it ([`crate::traffic::seal`]). In which
//! order a server took writes that were under way at the same time nobody but the server knows. What is certain is this: a
//! write that was sent after another had been acknowledged was taken after it. So each key has a *floor*, the version of an
//! acknowledged write such that all acknowledged writes with lower versions had been acknowledged before it was sent. If the
//! key holds a lower version in the end, or nothing, that write is lost. Nothing else is called lost.
//!
//! A write without an acknowledgement (refused, timed out, connection lost) may have been taken at any time since, so
//! that its version may stand anywhere: it is kept as a doubt. A key that something else than a plain write was sent for (a
//! deletion, a time to live, a change) is left out, as what it should hold is not known here.
//!
//! 8 bytes a key for each worker, which has a ledger of its own; they are merged when the phase is over.

use std::collections::BTreeSet;

use crate::traffic::seal::STEP_NS;

/// Doubts that are kept; keys of further ones are left out.
const DOUBTS_MAX: usize = 1 << 20;
/// Stands for the time of the last acknowledgement of a key that is left out.
const LEFT_OUT: u32 = u32::MAX;

/// The version of what is written at a time, nanoseconds since the repetition began: above 0, up to 11.9 hours.
#[inline]
#[must_use]
pub fn version(sent_ns: u64) -> u32 {
    u32::try_from(sent_ns / STEP_NS + 1).map_or(LEFT_OUT - 1, |step| step.min(LEFT_OUT - 1))
}

/// What is known of one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Entry {
    /// 0 where no write was acknowledged.
    floor: u32,
    /// When the last acknowledgement came, as versions count.
    heard: u32,
}

/// What a key must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// No write was acknowledged.
    Nothing,
    /// It was deleted, changed, or expires.
    LeftOut,
    /// This version, or a later one.
    Version(u32),
}

/// What the acknowledged writes to every key have promised.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    entries: Vec<Entry>,
    /// Key and version of writes without an acknowledgement.
    doubts: BTreeSet<(u64, u32)>,
    acknowledged: u64,
}

impl Ledger {
    /// Nothing has been written to `count` keys.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self {
            entries: vec![Entry::default(); usize::try_from(count).unwrap_or(usize::MAX)],
            ..Self::default()
        }
    }

    /// Keys, written or not.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Writes that were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// A write to `key` that was sent at `sent_ns` is acknowledged at `now_ns`.
    #[inline]
    pub fn keep(&mut self, key: u64, sent_ns: u64, now_ns: u64) {
        let (sent, now) = (version(sent_ns), version(now_ns));
        if let Some(entry) = self.entries.get_mut(key as usize) {
            self.acknowledged += 1;
            if entry.heard != LEFT_OUT {
                entry.floor = match entry.floor {
                    0 => sent,
                    _ if sent > entry.heard => sent,
                    floor => floor.min(sent),
                };
                entry.heard = entry.heard.max(now);
            }
        }
    }

    /// A write to `key` that was sent at `sent_ns` will not be acknowledged.
    #[cold]
    pub fn doubt(&mut self, key: u64, sent_ns: u64) {
        if self.doubts.len() >= DOUBTS_MAX {
            self.leave_out(key);
        } else if key < self.count() {
            self.doubts.insert((key, version(sent_ns)));
        }
    }

    /// What `key` should hold is not known from here on.
    pub fn leave_out(&mut self, key: u64) {
        if let Some(entry) = self.entries.get_mut(key as usize) {
            entry.heard = LEFT_OUT;
        }
    }

    /// What `key` must hold.
    #[must_use]
    pub fn promise(&self, key: u64) -> Promise {
        match self.entries.get(key as usize) {
            Some(Entry {
                heard: LEFT_OUT, ..
            }) => Promise::LeftOut,
            None | Some(Entry { floor: 0, .. }) => Promise::Nothing,
            Some(Entry { floor, .. }) => Promise::Version(*floor),
        }
    }

    /// Whether this version of `key` was written without an acknowledgement.
    #[must_use]
    pub fn is_doubtful(&self, key: u64, version: u32) -> bool {
        self.doubts.contains(&(key, version))
    }

    /// Adds what another worker knows.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.entries.iter_mut().zip(&other.entries) {
            mine.merge(*theirs);
        }
        self.acknowledged += other.acknowledged;
        for (key, version) in &other.doubts {
            if self.doubts.len() < DOUBTS_MAX {
                self.doubts.insert((*key, *version));
            } else {
                self.leave_out(*key);
            }
        }
    }
}

impl Entry {
    /// The higher floor holds for both where all that the other heard came before it, else only the lower one.
    fn merge(&mut self, other: Self) {
        self.floor = match (self.floor, other.floor) {
            (floor, 0) | (0, floor) => floor,
            (mine, _) if mine > other.heard => mine,
            (_, theirs) if theirs > self.heard => theirs,
            (mine, theirs) => mine.min(theirs),
        };
        self.heard = self.heard.max(other.heard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Milliseconds.
    const MS: u64 = 1_000_000;

    #[test]
    fn the_floor_is_the_last_write_that_overlaps_no_other() {
        let mut ledger = Ledger::new(2);
        assert_eq!(ledger.promise(0), Promise::Nothing);
        ledger.keep(0, 10 * MS, 20 * MS);
        ledger.keep(0, 30 * MS, 50 * MS);
        assert_eq!(ledger.promise(0), Promise::Version(version(30 * MS)));
        ledger.keep(0, 40 * MS, 60 * MS);
        assert_eq!(ledger.promise(0), Promise::Version(version(30 * MS)));
        ledger.keep(0, 70 * MS, 80 * MS);
        assert_eq!(ledger.promise(0), Promise::Version(version(70 * MS)));
        ledger.keep(0, 25 * MS, 90 * MS);
        assert_eq!(ledger.promise(0), Promise::Version(version(25 * MS)));
        assert_eq!(ledger.acknowledged(), 5);
    }

    #[test]
    fn what_was_deleted_is_left_out_and_what_was_not_acknowledged_is_doubtful() {
        let (mut one, mut two) = (Ledger::new(2), Ledger::new(2));
        one.keep(0, MS, 2 * MS);
        one.keep(1, MS, 2 * MS);
        two.leave_out(0);
        two.doubt(1, 5 * MS);
        two.doubt(9, 5 * MS);
        one.merge(&two);
        assert_eq!(one.promise(0), Promise::LeftOut);
        assert_eq!(one.promise(1), Promise::Version(version(MS)));
        assert!(one.is_doubtful(1, version(5 * MS)) && !one.is_doubtful(1, version(MS)));
        assert_eq!(one.doubts.len(), 1, "there is no key 9");
    }

    /// A write: when it was sent, when the server took it, and when its reply came, if it did, and whose it was.
    #[derive(Debug, Clone)]
    struct Write {
        sent: u64,
        taken: u64,
        heard: Option<u64>,
        worker: bool,
    }

    fn write() -> impl Strategy<Value = Write> {
        (0..40_u64, 1..9_u64, 1..9_u64, any::<bool>(), 0..4).prop_map(
            |(sent, way, back, worker, luck)| Write {
                sent: sent * MS,
                taken: (sent + way) * MS,
                heard: (luck > 0).then_some((sent + way + back) * MS),
                worker,
            },
        )
    }

    proptest! {
        /// A server that loses nothing is accused of nothing; one that goes back behind a write that stood alone is.
        #[test]
        fn nobody_is_accused_falsely(mut writes in prop::collection::vec(write(), 1..30)) {
            let mut ledgers = [Ledger::new(1), Ledger::new(1)];
            writes.sort_by_key(|write| write.heard);
            for write in &writes {
                let ledger = &mut ledgers[usize::from(write.worker)];
                match write.heard {
                    Some(heard) => ledger.keep(0, write.sent, heard),
                    None => ledger.doubt(0, write.sent),
                }
            }
            let [mut ledger, other] = ledgers;
            ledger.merge(&other);
            let last = writes.iter().max_by_key(|write| write.taken).unwrap();
            if let Promise::Version(floor) = ledger.promise(0) {
                let held = version(last.sent);
                prop_assert!(held >= floor || ledger.is_doubtful(0, held));
                let alone = writes.iter().filter_map(|write| Some((write, write.heard?))).max_by_key(|write| write.0.sent);
                let (newest, _) = alone.unwrap();
                let others = writes.iter().filter(|write| write.heard.is_some() && write.sent != newest.sent);
                if others.clone().all(|write| write.heard.unwrap() < newest.sent) {
                    prop_assert_eq!(floor, version(newest.sent));
                }
            }
        }
    }
}
