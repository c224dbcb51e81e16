//! The LFU counter: how often a key was touched, logarithmically, fading with time.
//!
//! A key's word holds the minute of its last touch (16 bits) and a counter (8 bits): a Morris counter (Robert Morris,
//! "Counting large numbers of events in small registers", CACM 1978). It starts at 5, so that a new key is not the first to
//! go; a touch adds one with probability `1 / ((counter - 5) * lfu-log-factor + 1)`; every `lfu-decay-time` minutes without
//! a touch take one away.

use super::Random;

/// Where the counter of a new key stands.
const COUNTER_AT_FIRST: u8 = 5;

/// Writes and reads counters.
#[derive(Clone, Debug)]
pub struct FrequencyCounter {
    log_factor: u32,
    decay_time_min: u32,
    now_min: u16,
}

impl FrequencyCounter {
    /// Counters that grow and fade so.
    pub(super) fn new(log_factor: u32, decay_time_min: u32) -> Self {
        Self {
            log_factor,
            decay_time_min,
            now_min: 0,
        }
    }

    /// Tells the time.
    pub(super) fn set_now_ms(&mut self, now_ms: i64) {
        self.now_min = now_ms.div_euclid(60_000) as u16;
    }

    /// The word of a new key.
    pub(super) fn first(&self) -> u32 {
        self.word_of(COUNTER_AT_FIRST)
    }

    /// The word of a key whose counter stands so now.
    pub(super) fn word_of(&self, counter: u8) -> u32 {
        u32::from(self.now_min) << 8 | u32::from(counter)
    }

    /// The word of a key last touched so long ago, by its counter then or else a new key's.
    pub(super) fn word_idle(&self, counter: Option<u8>, idle_ms: u64) -> u32 {
        let minutes = u16::try_from(idle_ms / 60_000).unwrap_or(u16::MAX);
        let touched_min = self.now_min.wrapping_sub(minutes);
        u32::from(touched_min) << 8 | u32::from(counter.unwrap_or(COUNTER_AT_FIRST))
    }

    /// The word after one more touch.
    pub(super) fn touched(&self, word: u32, random: &mut Random) -> u32 {
        let counter = self.counter(word);
        let steps =
            u64::from(counter.saturating_sub(COUNTER_AT_FIRST)) * u64::from(self.log_factor);
        let counts = random.unit() < 1.0 / (steps as f64 + 1.0);
        self.word_of(counter.saturating_add(u8::from(counts)))
    }

    /// The counter, less what has faded.
    pub(super) fn counter(&self, word: u32) -> u8 {
        let periods = self
            .minutes_idle(word)
            .checked_div(self.decay_time_min)
            .unwrap_or(0);
        (word as u8).saturating_sub(u8::try_from(periods).unwrap_or(u8::MAX))
    }

    /// How long ago the word was written, to the minute.
    pub(super) fn idle_ms(&self, word: u32) -> u64 {
        u64::from(self.minutes_idle(word)) * 60_000
    }

    /// Minutes since the word was written; they wrap after 45 days.
    fn minutes_idle(&self, word: u32) -> u32 {
        u32::from(self.now_min.wrapping_sub((word >> 8) as u16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The counter after so many touches, on average over keys.
    fn mean_after(touches: u32, log_factor: u32) -> f64 {
        let (counter, mut random) = (FrequencyCounter::new(log_factor, 1), Random::new(11));
        let after = |random: &mut Random| {
            (0..touches).fold(counter.first(), |word, _| counter.touched(word, random))
        };
        (0..200)
            .map(|_| f64::from(counter.counter(after(&mut random))))
            .sum::<f64>()
            / 200.0
    }

    #[test]
    fn grows_with_the_root_of_the_touches() {
        // Below 5 + d, steps cost d * factor + 1 touches on average, so n touches give d = sqrt(2 n / factor) or so: the
        // documentation of the directive says 10 after 100 touches at factor 10, and 18 after 1,000.
        assert!(
            (9.0..11.0).contains(&mean_after(100, 10)),
            "{}",
            mean_after(100, 10)
        );
        assert!(
            (17.0..20.0).contains(&mean_after(1000, 10)),
            "{}",
            mean_after(1000, 10)
        );
        assert_eq!(mean_after(1000, 0), 255.0);
    }

    #[test]
    fn fades_by_the_minute() {
        let mut counter = FrequencyCounter::new(10, 2);
        let word = counter.word_of(100);
        for (minutes, left) in [(1, 100), (2, 99), (20, 90), (400, 0)] {
            counter.set_now_ms(minutes * 60_000);
            assert_eq!(counter.counter(word), left, "{minutes} minutes");
        }
        let steady = FrequencyCounter {
            decay_time_min: 0,
            ..counter
        };
        assert_eq!(steady.counter(word), 100);
    }
}
