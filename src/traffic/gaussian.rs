//! Popularity as a bell: the keys around one are asked for most, as those of the present hour among the hours of a year.

use std::ops::Range;

use super::staircase::Staircase;
use super::stream::Stream;

/// Steps to a standard deviation: neighbouring steps differ by under 1 in 8 where the bell is steepest that matters.
const STEPS_PER_DEVIATION: f64 = 32.0;

/// Beyond so many deviations a key is drawn less than once in 10^18 draws, so that it is left out.
const DEVIATIONS: f64 = 9.0;

/// Keys of a range, each with a probability proportional to the normal density at it (the discretised, truncated Gaussian).
/// The tables are shared by clones.
#[derive(Debug, Clone)]
pub struct Gaussian {
    bell: Bell,
    steps: Staircase,
}

/// A bell over the keys from `first`.
#[derive(Debug, Clone, Copy)]
struct Bell {
    first: u64,
    /// Distance of the middle from `first`, keys.
    middle: f64,
    /// Standard deviation, keys.
    deviation: f64,
}

impl Gaussian {
    /// Keys of `range` around the one that lies the share `mean` (0 to 1) into it, with a standard deviation that is the
    /// share `deviation` of the range, though at least a hundredth of a key.
    pub fn new(range: &Range<u64>, mean: f64, deviation: f64) -> Self {
        let count = range.end.saturating_sub(range.start).max(1);
        let middle = mean.clamp(0.0, 1.0) * (count - 1) as f64;
        let deviation = (deviation * count as f64).max(0.01);
        let reach = (DEVIATIONS * deviation).max(1.0);
        let (from, to) = (
            (middle - reach).max(0.0) as u64,
            ((middle + reach) as u64).min(count - 1),
        );
        let bell = Bell {
            first: range.start + from,
            middle: middle - from as f64,
            deviation,
        };
        let steps = Staircase::new(bell.cut(to - from + 1), |index| bell.weight(index));
        Self { bell, steps }
    }

    /// The next key number.
    #[inline]
    pub fn draw(&self, stream: &mut Stream) -> u64 {
        self.bell.first + self.steps.draw(stream, |index| self.bell.weight(index))
    }
}

impl Bell {
    fn weight(&self, index: u64) -> f64 {
        let distance = (index as f64 - self.middle) / self.deviation;
        (-0.5 * distance * distance).exp()
    }

    /// Steps of equal length over `count` keys, with an end at the middle, so that the bell either rises or falls in each.
    fn cut(&self, count: u64) -> impl Iterator<Item = u64> {
        let length = ((self.deviation / STEPS_PER_DEVIATION) as u64).max(1);
        let rising = (self.middle as u64 + 1).min(count);
        equal(rising, length).chain(equal(count - rising, length))
    }
}

/// Steps of `length` that cover `count`; the last may be shorter.
pub(super) fn equal(count: u64, length: u64) -> impl Iterator<Item = u64> {
    let whole = count / length;
    std::iter::repeat_n(length, whole as usize).chain([count % length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_the_law() {
        for (count, mean, deviation) in [
            (100_000u64, 0.5, 0.1),
            (100_000, 0.0, 1.0),
            (3_000, 1.0, 0.05),
            (10_000, 0.333, 0.00001),
            (1, 0.5, 0.1),
        ] {
            let keys = Gaussian::new(&(7..7 + count), mean, deviation);
            let (given, kept) = keys.steps.probabilities(|index| keys.bell.weight(index));
            assert!(kept > 0.9, "{kept} of the draws are kept");
            let middle = mean * (count - 1) as f64;
            let spread = (deviation * count as f64).max(0.01);
            let law: Vec<f64> = (0..count)
                .map(|index| (-0.5 * ((index as f64 - middle) / spread).powi(2)).exp())
                .collect();
            let sum: f64 = law.iter().sum();
            let from = (keys.bell.first - 7) as usize;
            for (index, weight) in law.iter().enumerate() {
                let given = index.checked_sub(from).and_then(|at| given.get(at));
                assert!(
                    (given.copied().unwrap_or(0.0) - weight / sum).abs() < 1e-12,
                    "key {index} of {count}"
                );
            }
        }
    }

    /// The mean and the deviation of 1 M draws, within 1 %.
    #[test]
    fn draws_follow_the_law() {
        let keys = Gaussian::new(&(1000..1_001_000), 0.5, 0.05);
        let mut stream = Stream::new(3, 0, 0, 0);
        let draws: Vec<f64> = (0..1_000_000)
            .map(|_| keys.draw(&mut stream) as f64)
            .collect();
        let mean = draws.iter().sum::<f64>() / 1e6;
        let variance = draws.iter().map(|key| (key - mean).powi(2)).sum::<f64>() / 1e6;
        assert!((mean / 501_000.0 - 1.0).abs() < 0.01, "{mean}");
        assert!(
            (variance.sqrt() / 50_000.0 - 1.0).abs() < 0.01,
            "{variance}"
        );
    }
}
