//! The LRU clock: coarse ticks, one of which fits a key's access word.
//!
//! A key's word is the tick at which it was last touched. The tick is `lru-clock-resolution` milliseconds, one second unless
//! set: accesses within one tick cannot be told apart, which decides much of what sampled LRU achieves.

/// Writes and reads ticks.
#[derive(Clone, Debug)]
pub struct RecencyClock {
    resolution_ms: u32,
    now: u32,
}

impl RecencyClock {
    /// A clock of this many milliseconds a tick.
    pub(super) fn new(resolution_ms: u32) -> Self {
        Self {
            resolution_ms: resolution_ms.max(1),
            now: 0,
        }
    }

    /// Milliseconds a tick.
    pub(super) fn resolution_ms(&self) -> u32 {
        self.resolution_ms
    }

    /// Tells the time.
    pub(super) fn set_now_ms(&mut self, now_ms: i64) {
        // Ticks wrap; idle times are differences, so only spans beyond 2^32 ticks are misread.
        self.now = now_ms.div_euclid(i64::from(self.resolution_ms)) as u32;
    }

    /// The word of a key touched now.
    #[inline]
    pub(super) fn now(&self) -> u32 {
        self.now
    }

    /// How long ago a word was written.
    pub(super) fn idle_ms(&self, word: u32) -> u64 {
        u64::from(self.now.wrapping_sub(word)) * u64::from(self.resolution_ms)
    }

    /// The word of a key idle for that long.
    pub(super) fn word_of(&self, idle_ms: u64) -> u32 {
        let ticks = idle_ms / u64::from(self.resolution_ms);
        self.now
            .wrapping_sub(u32::try_from(ticks).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_a_difference_of_ticks() {
        let mut clock = RecencyClock::new(1000);
        clock.set_now_ms(999);
        let word = clock.now();
        clock.set_now_ms(1000);
        assert_eq!(
            clock.idle_ms(word),
            1000,
            "one millisecond, but another tick"
        );
        clock.set_now_ms(1_700_000_000_123);
        assert_eq!(clock.idle_ms(clock.word_of(5_500)), 5_000);
        assert_eq!(
            clock.idle_ms(clock.word_of(u64::MAX)),
            u64::from(u32::MAX) * 1000
        );
    }
}
