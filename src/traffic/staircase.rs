//! Drawing from a law over many numbers with a table of few steps.
//!
//! The numbers are cut into steps. Over the steps stands a staircase that is nowhere below the law: each step as high as the
//! highest number in it. A draw takes a step by an alias table, a number of the step uniformly, and keeps it with the
//! probability that the law asks for; else it begins anew (rejection from a piecewise constant majorant, Devroye 1986,
//! chapter II.3). Nothing is approximated and no sum over all numbers is needed; where a law falls little within a step, few
//! draws begin anew and hardly any asks for the law at all.
//!
//! Against an alias table over all numbers this needs kilobytes instead of 8 bytes a number, which stay in the nearest caches.

use std::sync::Arc;

use super::alias::Alias;
use super::stream::{Stream, below};

/// Numbers from 0, each with a probability proportional to its weight under a law. Clones share the tables.
#[derive(Debug, Clone)]
pub struct Staircase(Arc<Tables>);

#[derive(Debug)]
struct Tables {
    alias: Alias,
    steps: Box<[Step]>,
    /// Weight of the likeliest number of each step; apart, as few draws ask for it.
    heights: Box<[f64]>,
}

/// The numbers `first..first + length`.
#[derive(Debug, Clone, Copy)]
struct Step {
    first: u64,
    length: u64,
    /// Every number of the step is kept at least this often (as a share of 2^64): below it the law is not asked.
    surely_kept: u64,
}

impl Staircase {
    /// Steps of these `lengths`, the first from 0, under the law `weight`, which neither rises and falls nor falls and
    /// rises within a step. Steps of no length are left out.
    pub fn new(lengths: impl IntoIterator<Item = u64>, weight: impl Fn(u64) -> f64) -> Self {
        let (mut first, mut steps) = (0, Vec::new());
        let (mut heights, mut areas) = (Vec::new(), Vec::new());
        for length in lengths.into_iter().filter(|length| *length > 0) {
            let (left, right) = (weight(first), weight(first + length - 1));
            let height = left.max(right);
            steps.push(Step {
                first,
                length,
                surely_kept: surely(left.min(right) / height),
            });
            heights.push(height);
            areas.push(height * length as f64);
            first += length;
        }
        Self(Arc::new(Tables {
            alias: Alias::new(&areas),
            steps: steps.into(),
            heights: heights.into(),
        }))
    }

    /// The next number under `weight`, the law that the staircase was built for.
    #[inline]
    pub fn draw(&self, stream: &mut Stream, weight: impl Fn(u64) -> f64) -> u64 {
        loop {
            let place = self.0.alias.draw(stream);
            let step = self.0.steps[place];
            // Steps of one number are no exception: whether one comes is chance, and a branch would be guessed wrongly.
            let (offset, chance) = below(stream.word(), step.length);
            let number = step.first + offset;
            if chance < step.surely_kept || self.keeps(place, number, chance, &weight) {
                return number;
            }
        }
    }

    /// Whether `chance` (of 2^64) keeps the `number` of the step at `place`.
    #[cold]
    fn keeps(&self, place: usize, number: u64, chance: u64, weight: &impl Fn(u64) -> f64) -> bool {
        (chance as f64) < weight(number) / self.0.heights[place] * 2f64.powi(64)
    }

    /// Every number's probability, worked out without drawing, and the share of draws that do not begin anew.
    #[cfg(test)]
    pub(super) fn probabilities(&self, weight: impl Fn(u64) -> f64) -> (Vec<f64>, f64) {
        let mut shares = Vec::new();
        let areas = self.0.alias.probabilities();
        for ((area, step), height) in areas.iter().zip(&self.0.steps).zip(&self.0.heights) {
            for number in step.first..step.first + step.length {
                shares.push(area / step.length as f64 * weight(number) / height);
            }
        }
        let kept: f64 = shares.iter().sum();
        (shares.iter().map(|share| share / kept).collect(), kept)
    }
}

/// `share` of 2^64, rounded down by more than a law can be wrong, so that the shortcut never keeps what the law would not.
fn surely(share: f64) -> u64 {
    (share * (1.0 - 1e-12) * 2f64.powi(64)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the cut, a law that falls is drawn as it is.
        #[test]
        fn the_tables_are_the_law(lengths in prop::collection::vec(0u64..40, 1..20), slope in 0.0..2.0f64) {
            let count: u64 = lengths.iter().sum();
            prop_assume!(count > 0);
            let weight = |number: u64| (number as f64 + 1.0).powf(-slope);
            let sum: f64 = (0..count).map(weight).sum();
            let (given, _) = Staircase::new(lengths, weight).probabilities(weight);
            for (number, given) in given.iter().enumerate() {
                prop_assert!((given * sum / weight(number as u64) - 1.0).abs() < 1e-9);
            }
        }
    }
}
