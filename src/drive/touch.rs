//! When every key was touched last, and how often: a read that found it, or a write, accepted or refused: a cache that
//! evicts by exact LRU would have taken it, and that is the yardstick.
//!
//! Each worker keeps its own, so that there is nothing to lock, and they are merged when the phase is over. A stamp is
//! the time of the batch in which the reply came, in nanoseconds, or one more than the stamp before where that is later:
//! so a worker's stamps are all different and in the order of its replies. With one worker and one connection that is
//! the server's own order; between connections it is known to about a round trip.

/// What is known of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Touch {
    /// Stamp of the last touch; 0 for none.
    pub last: u64,
    /// How often the key was touched.
    pub count: u32,
    /// Written, and not deleted since.
    pub written: bool,
    /// Deleted, and not written since.
    pub deleted: bool,
    /// Asked to be written and refused, and never accepted.
    pub refused: bool,
}

impl Touch {
    /// A write was sent, whatever became of it, and no delete after it.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.written || self.refused
    }
}

/// What is known of every key of the key space.
#[derive(Debug, Clone, Default)]
pub struct Touches {
    keys: Vec<Touch>,
    /// The last stamp given.
    stamp: u64,
}

impl Touches {
    /// Nothing is known yet of `count` keys.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self {
            keys: vec![Touch::default(); usize::try_from(count).unwrap_or(usize::MAX)],
            stamp: 0,
        }
    }

    /// By key number.
    #[must_use]
    pub fn keys(&self) -> &[Touch] {
        &self.keys
    }

    /// A reply of the batch at `now_ns` shows that `key` was read or, if `written`, written.
    #[inline]
    pub fn touch(&mut self, key: u64, now_ns: u64, written: bool) {
        self.stamp = now_ns.max(self.stamp + 1);
        if let Some(touch) = self.keys.get_mut(key as usize) {
            touch.last = self.stamp;
            touch.count = touch.count.saturating_add(1);
            touch.written |= written;
            touch.deleted &= !written;
            touch.refused &= !written;
        }
    }

    /// A reply of the batch at `now_ns` shows that a write to `key` was refused.
    pub fn refuse(&mut self, key: u64, now_ns: u64) {
        self.touch(key, now_ns, false);
        if let Some(touch) = self.keys.get_mut(key as usize) {
            touch.refused = !touch.written;
        }
    }

    /// A reply of the batch at `now_ns` shows that `key` was deleted.
    pub fn forget(&mut self, key: u64, now_ns: u64) {
        self.touch(key, now_ns, false);
        if let Some(touch) = self.keys.get_mut(key as usize) {
            *touch = Touch {
                last: self.stamp,
                deleted: true,
                ..Touch::default()
            };
        }
    }

    /// Adds what another worker knows. Of a key that one wrote and another deleted, the later word counts.
    pub fn merge(&mut self, other: &Self) {
        self.stamp = self.stamp.max(other.stamp);
        for (mine, theirs) in self.keys.iter_mut().zip(&other.keys) {
            let later = if theirs.last > mine.last {
                *theirs
            } else {
                *mine
            };
            mine.deleted = later.deleted;
            mine.written = !later.deleted && (mine.written || theirs.written);
            mine.refused = !later.deleted && !mine.written && (mine.refused || theirs.refused);
            mine.last = later.last;
            mine.count = mine.count.saturating_add(theirs.count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_within_a_batch_keep_the_order_of_the_replies() {
        let mut touches = Touches::new(3);
        for key in [2, 0, 1] {
            touches.touch(key, 1_000, true);
        }
        touches.touch(9, 1_000, true);
        let last: Vec<_> = touches.keys().iter().map(|touch| touch.last).collect();
        assert_eq!(last, [1_001, 1_002, 1_000]);
    }

    #[test]
    fn workers_are_merged_by_the_latest_touch() {
        let (mut one, mut two) = (Touches::new(2), Touches::new(2));
        one.touch(0, 10, true);
        two.touch(0, 20, false);
        two.touch(1, 30, true);
        one.merge(&two);
        let touch = |last, count| Touch {
            last,
            count,
            written: true,
            ..Touch::default()
        };
        assert_eq!(one.keys(), [touch(20, 2), touch(30, 1)]);
    }

    #[test]
    fn a_deleted_key_is_not_expected_to_survive() {
        let mut touches = Touches::new(1);
        touches.touch(0, 10, true);
        touches.forget(0, 20);
        assert!(!touches.keys()[0].written);
        let mut other = Touches::new(1);
        other.touch(0, 15, true);
        other.merge(&touches);
        assert!(!other.keys()[0].written);
        touches.touch(0, 30, true);
        assert!(touches.keys()[0].written);
    }

    #[test]
    fn a_refused_write_counts_until_one_is_accepted() {
        let mut touches = Touches::new(2);
        touches.refuse(0, 10);
        touches.touch(1, 20, true);
        touches.refuse(1, 30);
        assert!(touches.keys().iter().all(Touch::asked));
        assert_eq!(
            touches
                .keys()
                .iter()
                .map(|touch| touch.refused)
                .collect::<Vec<_>>(),
            [true, false]
        );
        touches.touch(0, 40, true);
        assert!(!touches.keys()[0].refused && touches.keys()[0].written);
    }
}
