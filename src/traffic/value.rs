//! Writing the value of key `i`: a text, or filler of a drawn size.

use std::convert::Infallible;

use rand::TryRng;
use rand_distr::{Distribution, StandardNormal};

use super::key::NumberedText;
use super::stream::{below, derive, mix};
use crate::workload::plan::{SizeDistribution, Values};

/// What a number drawn for values is for, so that it shares nothing with other draws from the seed.
const SIZES: u64 = 2;
const FILLER: u64 = 3;

/// Bytes of filler that are kept; longer values repeat them.
const FILLER_LENGTH: usize = 1 << 16;

/// Writes values. The value of a key depends on the seed and the key alone, whoever writes it and whenever.
#[derive(Debug, Clone)]
pub enum ValueSource {
    /// The number of the key in a text.
    Text(NumberedText),
    /// Filler of a drawn size.
    Filler {
        /// How sizes are drawn.
        sizes: SizeDistribution,
        /// Seed of the sizes.
        seed: u64,
        /// Text that does not compress well, of letters, digits, `-` and `_`.
        filler: Box<[u8]>,
    },
}

impl ValueSource {
    /// The values that `values` describes, under the run's `seed`.
    pub fn new(values: &Values, seed: u64) -> Self {
        match values {
            Values::Template(template) => Self::Text(NumberedText::new(template)),
            Values::Sized(sizes) => Self::Filler {
                sizes: *sizes,
                seed: derive(seed, &[SIZES]),
                filler: filler(seed),
            },
        }
    }

    /// Length of the value of key `key`, bytes.
    #[inline]
    pub fn length(&self, key: u64) -> usize {
        match self {
            Self::Text(text) => text.length(key),
            Self::Filler { sizes, seed, .. } => size(sizes, mix(seed ^ mix(key))) as usize,
        }
    }

    /// Appends the value of key `key` to `buffer`, which does not allocate where it has the room.
    #[inline]
    pub fn append(&self, key: u64, buffer: &mut Vec<u8>) {
        match self {
            Self::Text(text) => text.append(key, buffer),
            Self::Filler { filler, .. } => append_filler(filler, key, self.length(key), buffer),
        }
    }

    /// Appends a value of key `key` that is `length` bytes long, whatever length it would have otherwise.
    #[inline]
    pub fn append_of_length(&self, key: u64, length: usize, buffer: &mut Vec<u8>) {
        match self {
            Self::Text(text) if text.length(key) == length => text.append(key, buffer),
            Self::Text(_) => append_filler(&PLAIN, key, length, buffer),
            Self::Filler { filler, .. } => append_filler(filler, key, length, buffer),
        }
    }
}

/// Bytes for values of any length where they are no filler.
const PLAIN: [u8; 64] = [b'x'; 64];

/// Appends `length` bytes of `filler`, beginning at a place that depends on the key, so that neighbours differ.
#[inline]
fn append_filler(filler: &[u8], key: u64, mut length: usize, buffer: &mut Vec<u8>) {
    let mut at = (mix(key) as usize) % filler.len();
    while length > 0 {
        let piece = length.min(filler.len() - at);
        buffer.extend_from_slice(&filler[at..at + piece]);
        length -= piece;
        at = 0;
    }
}

/// A size, bytes, from one random word.
#[inline]
fn size(sizes: &SizeDistribution, word: u64) -> u64 {
    match *sizes {
        SizeDistribution::Fixed(size) => size,
        SizeDistribution::Uniform { min, max } => {
            min + below(word, max.saturating_sub(min).saturating_add(1)).0
        }
        SizeDistribution::Lognormal { median, sigma, max } => {
            let normal: f64 = StandardNormal.sample(&mut Words(word));
            let size = (median as f64 * (sigma * normal).exp()).round();
            (size as u64).min(max)
        }
    }
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

/// [`FILLER_LENGTH`] bytes of filler.
fn filler(seed: u64) -> Box<[u8]> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let seed = derive(seed, &[FILLER]);
    (0..FILLER_LENGTH as u64)
        .map(|place| LETTERS[(mix(seed ^ mix(place)) % 64) as usize])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::plan::Template;

    fn sized(sizes: SizeDistribution) -> ValueSource {
        ValueSource::new(&Values::Sized(sizes), 42)
    }

    fn written(values: &ValueSource, key: u64) -> Vec<u8> {
        let mut buffer = Vec::new();
        values.append(key, &mut buffer);
        buffer
    }

    #[test]
    fn writes_the_template() {
        let values = ValueSource::new(
            &Values::Template(Template {
                before: "value-".into(),
                width: 0,
                after: "!".into(),
            }),
            42,
        );
        assert_eq!(written(&values, 17), b"value-17!");
        assert_eq!(values.length(17), 9);
    }

    #[test]
    fn writes_as_long_as_it_says_and_the_same_every_time() {
        for sizes in [
            SizeDistribution::Fixed(0),
            SizeDistribution::Fixed(200_000),
            SizeDistribution::Uniform { min: 3, max: 90 },
            SizeDistribution::Lognormal {
                median: 120,
                sigma: 1.1,
                max: 4000,
            },
        ] {
            let values = sized(sizes);
            for key in 0..50 {
                assert_eq!(written(&values, key).len(), values.length(key));
                assert_eq!(written(&values, key), written(&sized(sizes), key));
            }
        }
    }

    #[test]
    fn another_seed_draws_other_sizes() {
        let sizes = Values::Sized(SizeDistribution::Uniform {
            min: 0,
            max: 1 << 30,
        });
        assert_ne!(
            ValueSource::new(&sizes, 1).length(9),
            ValueSource::new(&sizes, 2).length(9)
        );
    }

    #[test]
    fn uniform_sizes_reach_both_ends_and_no_further() {
        let values = sized(SizeDistribution::Uniform { min: 10, max: 13 });
        let seen: std::collections::BTreeSet<usize> =
            (0..1000).map(|key| values.length(key)).collect();
        assert_eq!(seen, (10..=13).collect());
    }

    /// The logarithms of 100,000 sizes have the mean and the deviation that were asked for, within 1 %.
    #[test]
    fn lognormal_sizes_are_lognormal() {
        let values = sized(SizeDistribution::Lognormal {
            median: 1_000_000,
            sigma: 0.5,
            max: u64::MAX,
        });
        let logs: Vec<f64> = (0..100_000)
            .map(|key| (values.length(key) as f64 / 1e6).ln())
            .collect();
        let mean = logs.iter().sum::<f64>() / 1e5;
        let deviation = (logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / 1e5).sqrt();
        assert!(mean.abs() < 0.005, "mean {mean}");
        assert!((deviation - 0.5).abs() < 0.005, "deviation {deviation}");
    }

    #[test]
    fn lognormal_sizes_are_cut() {
        let values = sized(SizeDistribution::Lognormal {
            median: 1000,
            sigma: 4.0,
            max: 5000,
        });
        assert_eq!((0..1000).map(|key| values.length(key)).max(), Some(5000));
    }
}
