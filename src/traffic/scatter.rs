//! Scattering keys over their range, so that hot keys are no neighbours: a seeded bijection, which merges none.
//!
//! A word as wide as the range's count is permuted by rounds of addition, multiplication by an odd number, and xor with its own
//! upper half, each of which can be undone (the steps of MurmurHash3's finaliser, Appleby 2011, at any width). Where the result
//! is no key it is permuted again until it is one, which stays a bijection of the keys (cycle walking: Black and Rogaway,
//! "Ciphers with Arbitrary Finite Domains", 2002); under two walks are needed on average, since over half of the words are keys.

use std::ops::Range;

use super::stream::derive;

/// What a number drawn for scattering is for, so that it shares nothing with other draws from the seed.
const SCATTER: u64 = 4;

const ROUNDS: usize = 3;

/// A bijection of the keys of a range.
#[derive(Debug, Clone, Copy)]
pub struct Scatter {
    start: u64,
    count: u64,
    mask: u64,
    shift: u32,
    rounds: [Round; ROUNDS],
}

#[derive(Debug, Clone, Copy)]
struct Round {
    plus: u64,
    times: u64,
}

impl Scatter {
    /// The bijection of `range` under the run's `seed`; the same whichever phase asks, so that what is hot in one is in another.
    pub fn new(range: &Range<u64>, seed: u64) -> Self {
        let count = range.end.saturating_sub(range.start).max(1);
        let bits = u64::BITS - (count - 1).leading_zeros();
        let word = |round: usize, part| derive(seed, &[SCATTER, round as u64, part]);
        Self {
            start: range.start,
            count,
            mask: 1u64.checked_shl(bits).unwrap_or(0).wrapping_sub(1),
            shift: bits.div_ceil(2),
            rounds: std::array::from_fn(|round| Round {
                plus: word(round, 0),
                times: word(round, 1) | 1,
            }),
        }
    }

    /// Where `key`, a key of the range, is scattered to.
    #[inline]
    pub fn key(&self, key: u64) -> u64 {
        let mut word = key - self.start;
        loop {
            word = self.permute(word);
            if word < self.count {
                return self.start + word;
            }
        }
    }

    #[inline]
    fn permute(&self, mut word: u64) -> u64 {
        for Round { plus, times } in self.rounds {
            word = word.wrapping_add(plus).wrapping_mul(times) & self.mask;
            word ^= word >> self.shift;
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_keys_are_merged_and_none_leaves_the_range() {
        for seed in [0, 42] {
            for count in (1..300).chain([4095, 4096, 4097, 1_000_003]) {
                let scatter = Scatter::new(&(1001..1001 + count), seed);
                let mut seen = vec![false; count as usize];
                for key in 1001..1001 + count {
                    let place = (scatter.key(key) - 1001) as usize;
                    assert!(
                        !std::mem::replace(&mut seen[place], true),
                        "{key} of {count}"
                    );
                }
            }
        }
    }

    /// The key of rank 1 comes anywhere: chi-squared over 16 sixteenths of the range, 15 degrees of freedom, one in 10^5.
    #[test]
    fn every_seed_scatters_to_other_places() {
        for key in [0, 1, 63_999] {
            let mut places = [0.0f64; 16];
            for seed in 0..16_000 {
                places[(Scatter::new(&(0..64_000), seed).key(key) / 4_000) as usize] += 1.0;
            }
            let chi_squared: f64 = places
                .iter()
                .map(|count| (count - 1000.0).powi(2) / 1000.0)
                .sum();
            assert!(chi_squared < 48.0, "key {key}: {chi_squared}");
        }
    }

    /// The hundred hottest keys of a million lie as far apart as a hundred drawn at random would.
    #[test]
    fn neighbours_are_no_neighbours() {
        let scatter = Scatter::new(&(0..1_000_000), 7);
        let mut places: Vec<u64> = (0..100).map(|key| scatter.key(key)).collect();
        places.sort_unstable();
        assert!(
            places
                .windows(2)
                .filter(|pair| pair[1] - pair[0] < 100)
                .count()
                < 8
        );
        assert!(places[0] < 100_000 && places[99] > 900_000);
    }

    #[test]
    fn the_widest_range_is_scattered() {
        let scatter = Scatter::new(&(0..u64::MAX), 7);
        assert_ne!(scatter.key(0), scatter.key(1));
    }
}
