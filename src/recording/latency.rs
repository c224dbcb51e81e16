//! Between a histogram of nanoseconds and a [`Latency`].

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2Serializer};

use super::model::Latency;

/// The percentiles that a recording spells out.
pub const PERCENTILES: [f64; 5] = [50.0, 90.0, 99.0, 99.9, 99.99];

/// Bytes of the header of an HdrHistogram V2 encoding; its second word is the length of what follows.
const HEADER_BYTES: usize = 40;

/// The quarter of an octave that a latency is in: four to each doubling, equally wide within it.
#[must_use]
pub fn quarter_of(nanoseconds: u64) -> u16 {
    let octave = nanoseconds.max(1).ilog2();
    let within = (u128::from(nanoseconds) << 2 >> octave) & 3;
    (4 * octave) as u16 + within as u16
}

/// Where a quarter of an octave begins, seconds.
#[must_use]
pub fn quarter_s(quarter: u16) -> f64 {
    let within = 1.0 + f64::from(quarter % 4) / 4.0;
    2_f64.powi(i32::from(quarter / 4)) * within * 1e-9
}

/// A histogram that cannot be read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a latency histogram is damaged: {0}; run the workload again")]
pub struct Damaged(String);

impl Latency {
    /// What a recording keeps of `histogram`, whose values are nanoseconds.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let seconds = |nanoseconds: u64| nanoseconds as f64 * 1e-9;
        let at = |percentile: f64| seconds(histogram.value_at_quantile(percentile / 100.0));
        let percentiles = PERCENTILES.into_iter().map(|p| (p.to_string(), at(p)));
        Self {
            count: histogram.len(),
            mean_s: histogram.mean() * 1e-9,
            min_s: seconds(histogram.min()),
            max_s: seconds(histogram.max()),
            percentiles_s: percentiles.collect::<BTreeMap<_, _>>(),
            histogram: encode(histogram),
        }
    }

    /// The whole histogram, nanoseconds.
    ///
    /// # Errors
    /// Where the text is not base64 of an HdrHistogram V2 encoding.
    pub fn histogram(&self) -> Result<Histogram<u64>, Damaged> {
        let bytes = STANDARD
            .decode(&self.histogram)
            .map_err(|error| Damaged(error.to_string()))?;
        // The decoder believes the length in the header and allocates that much.
        let announced = bytes
            .get(4..8)
            .and_then(|word| <[u8; 4]>::try_from(word).ok())
            .map(u32::from_be_bytes);
        if announced.map(|length| length as usize) != bytes.len().checked_sub(HEADER_BYTES) {
            return Err(Damaged("its length is not what it says".to_owned()));
        }
        Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| Damaged(error.to_string()))
    }
}

/// Writing to memory cannot fail short of a histogram of more than 4 GB; such a one is left out.
fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    match V2Serializer::new().serialize(histogram, &mut bytes) {
        Ok(_) => STANDARD.encode(bytes),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn histogram(values: &[u64]) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).unwrap();
        for value in values {
            histogram.record(*value).unwrap();
        }
        histogram
    }

    #[test]
    fn a_histogram_comes_back_whole() {
        let original = histogram(&[1_000, 2_000, 2_000, 5_000_000]);
        let latency = Latency::of(&original);
        assert_eq!(latency.count, 4);
        assert_eq!(latency.percentiles_s.len(), PERCENTILES.len());
        assert!((latency.percentiles_s["50"] - 2e-6).abs() < 2e-9);
        assert_eq!(latency.histogram().unwrap(), original);
    }

    #[test]
    fn a_quarter_of_an_octave_holds_what_is_in_it() {
        assert_eq!(quarter_of(0), 0);
        for nanoseconds in [
            1,
            2,
            3,
            1000,
            1023,
            1024,
            1279,
            1280,
            123_456_789,
            u64::MAX >> 12,
        ] {
            let (quarter, seconds) = (quarter_of(nanoseconds), nanoseconds as f64 * 1e-9);
            assert!(
                quarter_s(quarter) <= seconds && seconds < quarter_s(quarter + 1),
                "{nanoseconds} ns"
            );
        }
    }

    #[test]
    fn an_empty_histogram_is_all_zeros() {
        let latency = Latency::of(&histogram(&[]));
        assert_eq!(
            (latency.count, latency.mean_s, latency.max_s),
            (0, 0.0, 0.0)
        );
        assert!(latency.histogram().unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn damage_is_refused_or_read_but_never_fatal(at in 0_usize..80, byte in any::<u8>(), cut in 0_usize..80) {
            let mut latency = Latency::of(&histogram(&[1, 10, 100, 1_000_000]));
            let mut bytes = STANDARD.decode(&latency.histogram).unwrap();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(bytes.len().saturating_sub(cut / 8));
            latency.histogram = STANDARD.encode(bytes);
            let _ = latency.histogram();
        }
    }
}
