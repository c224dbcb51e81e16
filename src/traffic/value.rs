//! Writing the value of key `i`: a text, or filler of a drawn size.

use super::key::NumberedText;
use super::seal::{SEAL_BYTES, seal};
use super::size::Sizes;
use super::stream::{derive, mix};
use crate::workload::plan::{Contents, KeySpace, Values};

/// What a number drawn for values is for, so that it shares nothing with other draws from the seed.
const SIZES: u64 = 2;
const FILLER: u64 = 3;

/// Bytes of filler that are kept; longer values repeat them.
const FILLER_LENGTH: usize = 1 << 16;

/// Filler that compresses does so in pieces of this many bytes, so that short values compress like long ones.
const COMPRESSIBLE_PIECE: usize = 256;

/// Writes values. The value of a key depends on the seed, the key and its version alone, whoever writes it and whenever.
#[derive(Debug, Clone)]
pub enum ValueSource {
    /// The number of the key in a text.
    Text(NumberedText),
    /// Filler of a drawn size.
    Filler {
        /// How sizes are drawn.
        sizes: Sizes,
        /// Seed of the sizes.
        seed: u64,
        /// What fills the values.
        filler: Box<[u8]>,
        /// Whether a seal stands in front, so that they can be verified.
        sealed: bool,
    },
    /// The first key of each space, ascending, and its values.
    Spaces(Box<[(u64, ValueSource)]>),
}

impl ValueSource {
    /// The values that `values` describes, under the run's `seed`.
    pub fn new(values: &Values, seed: u64) -> Self {
        match values {
            Values::Template(template) => Self::Text(NumberedText::new(template)),
            Values::Sized(wanted) => Self::Filler {
                sizes: Sizes::new(&wanted.sizes),
                seed: derive(seed, &[SIZES]),
                filler: filler(wanted.contents, seed),
                sealed: wanted.verify,
            },
        }
    }

    /// What is stored under `keys`: `values`, unless their spaces have values of their own.
    pub fn of(keys: &KeySpace, values: &Values, seed: u64) -> Self {
        if keys.spaces.iter().all(|space| space.values == *values) {
            return Self::new(values, seed);
        }
        let spaces = keys.spaces.iter();
        let own = spaces.map(|space| (space.keys.start, Self::new(&space.values, seed)));
        Self::Spaces(own.collect())
    }

    /// Length of the value of key `key`, bytes.
    #[inline]
    pub fn length(&self, key: u64) -> usize {
        match self {
            Self::Text(text) => text.length(key),
            Self::Filler {
                sizes,
                seed,
                sealed,
                ..
            } => {
                let size = sizes.size(mix(seed ^ mix(key))) as usize;
                size.max(if *sealed { SEAL_BYTES } else { 0 })
            }
            Self::Spaces(spaces) => of_space(spaces, key).map_or(0, |own| own.length(key)),
        }
    }

    /// Appends this version of the value of key `key` to `buffer`, which does not allocate where it has the room. Only
    /// what is sealed has versions.
    #[inline]
    pub fn append(&self, key: u64, version: u32, buffer: &mut Vec<u8>) {
        match self {
            Self::Text(text) => text.append(key, buffer),
            Self::Filler { filler, sealed, .. } => {
                let start = buffer.len();
                append_filler(filler, key, self.length(key), buffer);
                if *sealed {
                    seal(key, version, buffer, start);
                }
            }
            Self::Spaces(spaces) => {
                if let Some(own) = of_space(spaces, key) {
                    own.append(key, version, buffer);
                }
            }
        }
    }

    /// Appends a value of key `key` that is `length` bytes long, whatever length it would have otherwise.
    #[inline]
    pub fn append_of_length(&self, key: u64, length: usize, buffer: &mut Vec<u8>) {
        match self {
            Self::Text(text) if text.length(key) == length => text.append(key, buffer),
            Self::Text(_) => append_filler(&PLAIN, key, length, buffer),
            Self::Filler { filler, .. } => append_filler(filler, key, length, buffer),
            Self::Spaces(spaces) => {
                if let Some(own) = of_space(spaces, key) {
                    own.append_of_length(key, length, buffer);
                }
            }
        }
    }
}

/// The values of the space that `key` is of.
fn of_space(spaces: &[(u64, ValueSource)], key: u64) -> Option<&ValueSource> {
    let after = spaces.partition_point(|(start, _)| *start <= key);
    Some(&spaces.get(after.checked_sub(1)?)?.1)
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

/// [`FILLER_LENGTH`] bytes of filler.
fn filler(contents: Contents, seed: u64) -> Box<[u8]> {
    let seed = derive(seed, &[FILLER]);
    let random = |place: usize| mix(seed ^ mix(place as u64));
    let byte = |place: usize| match contents {
        Contents::Text => LETTERS[(random(place) % 64) as usize],
        Contents::Random => random(place) as u8,
        Contents::Compressible(ratio) => {
            let random_bytes = (COMPRESSIBLE_PIECE as f64 / ratio).round() as usize;
            let is_random = place % COMPRESSIBLE_PIECE < random_bytes;
            if is_random { random(place) as u8 } else { 0 }
        }
    };
    (0..FILLER_LENGTH).map(byte).collect()
}

/// Letters, digits, `-` and `_`: six random bits a byte.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::seal::{Seal, Verifier};
    use crate::workload::plan::{Filler, SizeDistribution, Template};

    fn sized(sizes: SizeDistribution) -> ValueSource {
        ValueSource::new(&Values::Sized(Filler::of(sizes)), 42)
    }

    fn written(values: &ValueSource, key: u64) -> Vec<u8> {
        let mut buffer = Vec::new();
        values.append(key, 0, &mut buffer);
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
            let values = sized(sizes.clone());
            for key in 0..50 {
                assert_eq!(written(&values, key).len(), values.length(key));
                assert_eq!(written(&values, key), written(&sized(sizes.clone()), key));
            }
        }
    }

    #[test]
    fn another_seed_draws_other_sizes() {
        let sizes = Values::Sized(Filler::of(SizeDistribution::Uniform {
            min: 0,
            max: 1 << 30,
        }));
        assert_ne!(
            ValueSource::new(&sizes, 1).length(9),
            ValueSource::new(&sizes, 2).length(9)
        );
    }

    #[test]
    fn sealed_values_verify_and_are_no_shorter_than_their_seal() {
        let values = ValueSource::new(
            &Values::Sized(Filler {
                verify: true,
                ..Filler::of(SizeDistribution::Uniform { min: 0, max: 300 })
            }),
            42,
        );
        for key in 0..200 {
            let mut verifier = Verifier::default();
            verifier.push(&written(&values, key));
            assert!(values.length(key) >= SEAL_BYTES);
            assert_eq!(verifier.finish(key), Seal::Intact);
        }
    }

    /// By zstd, which is what most would use; within 6 % of what was asked for, and nothing where nothing was.
    #[test]
    fn filler_compresses_as_it_says() {
        let ratio = |contents| {
            let filler = filler(contents, 42);
            let packed = zstd::bulk::compress(&filler, 3).unwrap();
            filler.len() as f64 / packed.len() as f64
        };
        for wanted in [1.5, 2.0, 3.0, 5.0] {
            let found = ratio(Contents::Compressible(wanted));
            assert!((found / wanted - 1.0).abs() < 0.06, "{found} for {wanted}");
        }
        assert!((ratio(Contents::Random) - 1.0).abs() < 0.01);
        assert!((ratio(Contents::Text) - 8.0 / 6.0).abs() < 0.03);
    }
}
