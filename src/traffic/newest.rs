//! The newest keys hot: a key's popularity falls with its age, and its age grows as keys are inserted.
//!
//! The distance from the newest key is drawn, by Zipf's law (`latest`) or by an exponential one (`exponential`), both as YCSB
//! has them (`SkewedLatestGenerator`; `ExponentialGenerator` as `CoreWorkload` uses it). A distance that leads beyond the
//! oldest key is drawn anew, which is the same law over the keys there are.

use std::ops::Range;

use super::gaussian::equal;
use super::staircase::Staircase;
use super::stream::Stream;
use super::zipfian::Zipfian;

/// No more distances are drawn for one key: where so many lead too far, there are hardly any keys yet.
const TRIES: usize = 64;

/// Keys of a range, more likely the newer they are. The tables are shared by clones.
#[derive(Debug, Clone)]
pub struct Newest {
    start: u64,
    /// The keys from `start` that are there: at least one.
    there: u64,
    ages: Ages,
}

/// How the distance from the newest key is drawn.
#[derive(Debug, Clone)]
enum Ages {
    Zipfian(Zipfian),
    Exponential { falls: f64, steps: Staircase },
}

impl Newest {
    /// The last key of `range` is the likeliest, the one before it second by Zipf's law with `exponent`. The range may grow
    /// up to `end`.
    pub fn zipfian(range: &Range<u64>, end: u64, exponent: f64) -> Self {
        let most = end.max(range.end).saturating_sub(range.start).max(1);
        Self::new(range, Ages::Zipfian(Zipfian::new(&(0..most), exponent)))
    }

    /// Each key is less likely than the next newer one by the same factor, so that the newest `keys` (a share of the range,
    /// which may grow up to `end`) would get the share `requests` of the requests if there were no end to the keys.
    pub fn exponential(range: &Range<u64>, end: u64, keys: f64, requests: f64) -> Self {
        let count = range.end.saturating_sub(range.start).max(1);
        let most = end.saturating_sub(range.start).max(count);
        let falls = -(1.0 - requests).ln() / (keys * count as f64);
        // Beyond 2^-64 of the newest key's popularity a key is never drawn.
        let reach = (64.0 * std::f64::consts::LN_2 / falls).ceil() as u64;
        let length = ((1.0 / (64.0 * falls)) as u64).max(1);
        let lengths = equal(reach.clamp(1, most), length);
        let steps = Staircase::new(lengths, |age| weight(age, falls));
        Self::new(range, Ages::Exponential { falls, steps })
    }

    fn new(range: &Range<u64>, ages: Ages) -> Self {
        Self {
            start: range.start,
            there: range.end.saturating_sub(range.start).max(1),
            ages,
        }
    }

    /// The keys up to `end`, which is not included, are there now.
    #[inline]
    pub fn grow(&mut self, end: u64) {
        self.there = self.there.max(end.saturating_sub(self.start));
    }

    /// The next key number.
    #[inline]
    pub fn draw(&self, stream: &mut Stream) -> u64 {
        let age = (0..TRIES)
            .map(|_| self.ages.draw(stream))
            .find(|age| *age < self.there)
            .unwrap_or_else(|| self.ages.draw(stream) % self.there);
        self.start + self.there - 1 - age
    }
}

impl Ages {
    #[inline]
    fn draw(&self, stream: &mut Stream) -> u64 {
        match self {
            Self::Zipfian(ages) => ages.draw(stream),
            Self::Exponential { falls, steps } => steps.draw(stream, |age| weight(age, *falls)),
        }
    }
}

fn weight(age: u64, falls: f64) -> f64 {
    (-(age as f64) * falls).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each of the ten newest keys below `newest + 1` comes in 1 M draws.
    fn counts(keys: &Newest, newest: u64) -> [f64; 10] {
        let mut stream = Stream::new(4, 0, 0, 0);
        let mut counts = [0.0; 10];
        for _ in 0..1_000_000 {
            let key = keys.draw(&mut stream);
            assert!(key <= newest);
            if let Some(count) = counts.get_mut((newest - key) as usize) {
                *count += 1.0;
            }
        }
        counts
    }

    #[test]
    fn the_newest_key_is_the_likeliest_however_many_there_are() {
        let mut keys = Newest::zipfian(&(100..101), 100_100, 1.0);
        for end in [101, 103, 5_000, 100_100] {
            keys.grow(end);
            keys.grow(102.min(end));
            let there = end - 100;
            let whole: f64 = (1..=there).map(|rank| 1.0 / rank as f64).sum();
            for (age, count) in (0..).zip(counts(&keys, end - 1)) {
                let law = if age < there {
                    1e6 / (age + 1) as f64 / whole
                } else {
                    0.0
                };
                let bound = 5.0 * law.sqrt();
                assert!(
                    (count - law).abs() <= bound,
                    "{end}, {age}: {count} for {law}"
                );
            }
        }
    }

    /// 95 % of the requests go to the newest seventh, as was asked for; the cut at the oldest key adds under 0.1 %.
    #[test]
    fn the_newest_keys_get_their_share() {
        let keys = Newest::exponential(&(0..1_000_000), 0, 1.0 / 7.0, 0.95);
        let mut stream = Stream::new(4, 0, 0, 0);
        let newest = (0..1_000_000)
            .filter(|_| keys.draw(&mut stream) >= 1_000_000 - 1_000_000 / 7)
            .count();
        assert!((newest as f64 / 1e6 - 0.95).abs() < 0.002, "{newest}");
    }

    #[test]
    fn an_exponential_law_falls_by_the_same_factor_everywhere() {
        let keys = Newest::exponential(&(0..5_000), 0, 6.0 / 7.0, 0.95);
        let Ages::Exponential { falls, steps } = &keys.ages else {
            unreachable!("an exponential law was asked for")
        };
        let (given, kept) = steps.probabilities(|age| weight(age, *falls));
        assert!(given.len() == 5_000 && kept > 0.98, "{kept}");
        let factor = (-falls).exp();
        assert!(
            given
                .windows(2)
                .all(|pair| (pair[1] / pair[0] / factor - 1.0).abs() < 1e-9)
        );
    }
}
