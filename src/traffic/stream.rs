//! Streams of random words, derived from the run's seed.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

/// What a stream is for, so that no two purposes ever share one.
const REQUESTS: u64 = 1;
/// As [`REQUESTS`]: when they are due.
const ARRIVALS: u64 = 2;
/// As [`REQUESTS`]: numbers in them that are no keys.
const NUMBERS: u64 = 3;

/// The random words of one worker in one phase of one repetition (xoshiro256++, Blackman and Vigna 2019).
///
/// The cells of a comparison are left out of the derivation on purpose: all cells of a repetition get the very same
/// requests, so that they differ by what is compared alone.
#[derive(Debug, Clone)]
pub struct Stream(Xoshiro256PlusPlus);

impl Stream {
    /// The stream of worker `worker` in phase `phase` of repetition `repetition` under `seed`.
    pub fn new(seed: u64, repetition: u64, phase: u64, worker: u64) -> Self {
        let state = derive(seed, &[REQUESTS, repetition, phase, worker]);
        Self(Xoshiro256PlusPlus::seed_from_u64(state))
    }

    /// The stream of arrivals in phase `phase` of repetition `repetition` under `seed`, the same for all workers.
    pub fn of_arrivals(seed: u64, repetition: u64, phase: u64) -> Self {
        let state = derive(seed, &[ARRIVALS, repetition, phase]);
        Self(Xoshiro256PlusPlus::seed_from_u64(state))
    }

    /// The stream of the numbers in the requests of worker `worker`.
    pub fn of_numbers(seed: u64, repetition: u64, phase: u64, worker: u64) -> Self {
        let state = derive(seed, &[NUMBERS, repetition, phase, worker]);
        Self(Xoshiro256PlusPlus::seed_from_u64(state))
    }

    /// The next 64 random bits.
    #[inline]
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// One word from `seed` and a path of numbers, each step mixed, so that neighbouring paths share nothing.
pub fn derive(seed: u64, path: &[u64]) -> u64 {
    path.iter()
        .fold(mix(seed), |state, step| mix(state ^ mix(*step)))
}

/// One step of SplitMix64 (Steele, Lea and Flood 2014): a bijection of the 64-bit words that leaves no visible pattern.
#[inline]
pub fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Splits `word` into a number below `bound` and the 64 bits of chance that remain (Lemire 2019, without his rejection
/// step: with bounds under 2^40 the bias is under 2^-24 of a probability and no run can see it).
#[inline]
pub fn below(word: u64, bound: u64) -> (u64, u64) {
    let product = u128::from(word) * u128::from(bound);
    ((product >> 64) as u64, product as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_neighbours_differ() {
        let mut firsts = std::collections::BTreeSet::new();
        for seed in 0..4 {
            for repetition in 0..4 {
                for phase in 0..4 {
                    for worker in 0..4 {
                        firsts.insert(Stream::new(seed, repetition, phase, worker).word());
                    }
                }
            }
        }
        assert_eq!(firsts.len(), 256);
    }

    #[test]
    fn mix_is_splitmix64() {
        // First output of the reference generator for the state 1234567.
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
    }

    #[test]
    fn below_stays_below() {
        assert_eq!(below(u64::MAX, 10).0, 9);
        assert_eq!(below(0, 10), (0, 0));
        assert_eq!(below(u64::MAX, 1).0, 0);
    }
}
