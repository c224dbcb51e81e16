//! The size of the value of key `i`: drawn from a distribution, by the key alone.

use std::convert::Infallible;

use rand::TryRng;
use rand_distr::{Distribution, StandardNormal};

use super::alias::Alias;
use super::stream::{below, mix};
use crate::workload::plan::SizeDistribution;

/// Draws sizes, bytes.
#[derive(Debug, Clone)]
pub enum Sizes {
    /// One word gives one size.
    Drawn(SizeDistribution),
    /// Column `i` of the table stands for size `i`.
    Listed(Box<[u64]>, Alias),
}

impl Sizes {
    /// Sizes as `sizes` says.
    pub fn new(sizes: &SizeDistribution) -> Self {
        match sizes {
            SizeDistribution::Histogram(bars) => Self::Listed(
                bars.iter().map(|bar| bar.size).collect(),
                Alias::new(&bars.iter().map(|bar| bar.weight).collect::<Vec<_>>()),
            ),
            other => Self::Drawn(other.clone()),
        }
    }

    /// The size that a random word stands for.
    #[inline]
    pub fn size(&self, word: u64) -> u64 {
        match self {
            Self::Drawn(SizeDistribution::Fixed(size)) => *size,
            Self::Drawn(SizeDistribution::Uniform { min, max }) => {
                min + below(word, max.saturating_sub(*min).saturating_add(1)).0
            }
            Self::Drawn(SizeDistribution::Lognormal { median, sigma, max }) => {
                (lognormal(word, *median as f64, *sigma).round() as u64).min(*max)
            }
            Self::Listed(sizes, table) => sizes.get(table.column(word)).copied().unwrap_or(0),
            // Listed when the table was made.
            Self::Drawn(SizeDistribution::Histogram(_)) => 0,
        }
    }
}

/// A log-normally distributed number: half of them are larger than `median`.
#[inline]
pub(super) fn lognormal(word: u64, median: f64, sigma: f64) -> f64 {
    let normal: f64 = StandardNormal.sample(&mut Words(word));
    median * (sigma * normal).exp()
}

/// The words that follow from one word (SplitMix64), for distributions that may need more than one.
struct Words(u64);

impl TryRng for Words {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Ok(mix(self.0))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::plan::Bar;

    /// Sizes of 100,000 keys.
    fn drawn(sizes: &SizeDistribution) -> Vec<u64> {
        let sizes = Sizes::new(sizes);
        (0..100_000).map(|key| sizes.size(mix(key))).collect()
    }

    #[test]
    fn uniform_sizes_reach_both_ends_and_no_further() {
        let seen: std::collections::BTreeSet<u64> =
            drawn(&SizeDistribution::Uniform { min: 10, max: 13 })
                .into_iter()
                .collect();
        assert_eq!(seen, (10..=13).collect());
    }

    /// The logarithms have the mean and the deviation that were asked for, within 1 %.
    #[test]
    fn lognormal_sizes_are_lognormal() {
        let sizes = drawn(&SizeDistribution::Lognormal {
            median: 1_000_000,
            sigma: 0.5,
            max: u64::MAX,
        });
        let logs: Vec<f64> = sizes.iter().map(|size| (*size as f64 / 1e6).ln()).collect();
        let mean = logs.iter().sum::<f64>() / 1e5;
        let deviation = (logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / 1e5).sqrt();
        assert!(mean.abs() < 0.005, "mean {mean}");
        assert!((deviation - 0.5).abs() < 0.005, "deviation {deviation}");
    }

    #[test]
    fn lognormal_sizes_are_cut() {
        let sizes = drawn(&SizeDistribution::Lognormal {
            median: 1000,
            sigma: 4.0,
            max: 5000,
        });
        assert_eq!(sizes.iter().max(), Some(&5000));
    }

    #[test]
    fn listed_sizes_come_by_their_weights() {
        let bar = |size, weight| Bar { size, weight };
        let sizes = drawn(&SizeDistribution::Histogram(vec![
            bar(100, 3.0),
            bar(5, 0.0),
            bar(4096, 1.0),
        ]));
        let count = |wanted| sizes.iter().filter(|size| **size == wanted).count();
        assert_eq!(count(5), 0);
        assert_eq!(count(100) + count(4096), 100_000);
        assert!(count(100).abs_diff(75_000) < 600, "{}", count(100));
    }
}
