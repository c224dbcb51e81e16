//! YCSB's own zipfian (`ScrambledZipfianGenerator`), so that its figures can be compared: another law than Zipf's.
//!
//! YCSB draws a rank over 10^10 items, however many records there are, and takes its hash (FNV-1a, 64 bits) modulo the record
//! count for the record. That merges ten thousand ranks of the tail into each of a million records, which flattens the law: a
//! cache of the best tenth of 1 M records holds 54.3 % of the requests, where Zipf's law at the same exponent gives it 83.0 %.
//!
//! The rank follows the inverse that YCSB takes from Gray et al. ("Quickly generating billion-record synthetic databases",
//! SIGMOD 1994): ranks 0 and 1 as in Zipf's law, the others as the integral of `x^-0.99`. Its probabilities stand on a
//! [`Staircase`] here, so that a draw needs no `pow`.

use std::ops::Range;

use super::staircase::Staircase;
use super::stream::Stream;
use super::zipfian::steps;

/// YCSB's `ITEM_COUNT`; its generator counts from 0 to this, both included.
const ITEMS: u64 = 10_000_000_000 + 1;
/// YCSB's `ZETAN`, the sum of `rank^-THETA` over the items.
const ZETA: f64 = 26.469_028_201_783_02;
/// YCSB's `USED_ZIPFIAN_CONSTANT`.
const THETA: f64 = 0.99;

/// Keys of a range as YCSB's `zipfian` request distribution picks records. The tables are shared by clones.
#[derive(Debug, Clone)]
pub struct YcsbZipfian {
    start: u64,
    count: u64,
    ranks: Staircase,
}

impl YcsbZipfian {
    /// Keys of `range`.
    pub fn new(range: &Range<u64>) -> Self {
        // The first two ranks have weights of their own, and a step may not rise and fall.
        let lengths = [1, 1].into_iter().chain(steps(ITEMS).skip(2));
        Self {
            start: range.start,
            count: range.end.saturating_sub(range.start).max(1),
            ranks: Staircase::new(lengths, weight),
        }
    }

    /// The next key number.
    #[inline]
    pub fn draw(&self, stream: &mut Stream) -> u64 {
        self.start + hash(self.ranks.draw(stream, weight)) % self.count
    }
}

/// The weight of `rank`, from 0; all of them add up to [`ZETA`].
fn weight(rank: u64) -> f64 {
    match rank {
        0 => 1.0,
        1 => 0.5f64.powf(THETA),
        _ => {
            // (x + 1)^(1 - THETA) - x^(1 - THETA), with the digits that the difference would lose.
            let (x, power) = (rank as f64, 1.0 - THETA);
            let grows = x.powf(power) * (power * (1.0 / x).ln_1p()).exp_m1();
            let all = (ITEMS as f64).powf(power) - 2f64.powf(power);
            grows / all * (ZETA - 1.0 - 0.5f64.powf(THETA))
        }
    }
}

/// YCSB's `fnvhash64`: FNV-1a over the eight bytes of `word`, the lowest first, without its sign.
#[inline]
fn hash(word: u64) -> u64 {
    let hash = word
        .to_le_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    hash.cast_signed().unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rank that YCSB makes of `u`, a number from 0 to 1.
    fn rank(u: f64) -> u64 {
        let first = 1.0 + 0.5f64.powf(THETA);
        let eta = (1.0 - (2.0 / ITEMS as f64).powf(1.0 - THETA)) / (1.0 - first / ZETA);
        match u * ZETA {
            uz if uz < 1.0 => 0,
            uz if uz < first => 1,
            _ => (ITEMS as f64 * (eta * u - eta + 1.0).powf(1.0 / (1.0 - THETA))) as u64,
        }
    }

    /// Where the weights up to a rank end, YCSB's formula changes from it to the next.
    #[test]
    fn the_weights_are_ycsbs_formula() {
        let mut sum = 0.0;
        for expected in 0..100_000 {
            let before = sum;
            sum += weight(expected);
            let middle = f64::midpoint(before, sum) / ZETA;
            assert_eq!(rank(middle), expected);
        }
    }

    #[test]
    fn few_draws_begin_anew() {
        let ranks = steps(100_000).scan(0, |first, length| {
            let from = *first;
            *first += length;
            Some((from, length))
        });
        for (first, length) in ranks.skip(2) {
            assert!(weight(first + length - 1) / weight(first) > 0.96);
        }
    }

    /// What the documentation says of a tenth of a million records. Ranks beyond 4 M are spread evenly, as their hashes are.
    #[test]
    fn a_tenth_of_the_records_gets_what_is_said() {
        let count = 1_000_000;
        let mut shares = vec![0.0; count];
        for rank in 0..4_000_000 {
            shares[(hash(rank) % count as u64) as usize] += weight(rank);
        }
        let rest = (ZETA - shares.iter().sum::<f64>()) / count as f64;
        let best = |shares: &mut Vec<f64>, whole: f64| {
            shares.sort_unstable_by(|a, b| b.total_cmp(a));
            shares[..count / 10].iter().sum::<f64>() / whole
        };
        shares.iter_mut().for_each(|share| *share += rest);
        let ycsb = best(&mut shares, ZETA);
        assert!((ycsb - 0.543).abs() < 0.001, "{ycsb}");
        let mut zipf: Vec<f64> = (1..=count).map(|rank| (rank as f64).powf(-THETA)).collect();
        let whole = zipf.iter().sum();
        let zipf = best(&mut zipf, whole);
        assert!((zipf - 0.830).abs() < 0.001, "{zipf}");
    }
}
