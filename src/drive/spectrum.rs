//! Latencies in buckets of 1/16 of an octave (6 %): coarse enough to be told ten times a second, fine enough for
//! percentiles.

/// Bits of a latency that tell the buckets of an octave apart.
const FINENESS: u32 = 4;
/// Buckets in an octave.
const PER_OCTAVE: u64 = 1 << FINENESS;
/// Buckets up to 2^37 ns, 137 s.
pub(super) const BUCKETS: usize = 34 * PER_OCTAVE as usize;

/// How often latencies of each bucket were seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spectrum(Box<[u64; BUCKETS]>);

impl Default for Spectrum {
    fn default() -> Self {
        Self(Box::new([0; BUCKETS]))
    }
}

impl Spectrum {
    /// A latency of `ns` was seen.
    pub fn record(&mut self, ns: u64) {
        if let Some(times) = self.0.get_mut(bucket(ns)) {
            *times += 1;
        }
    }

    /// Adds what a table of all buckets has counted.
    pub(super) fn add_table(&mut self, table: &[u32; BUCKETS]) {
        for (sum, times) in self.0.iter_mut().zip(table) {
            *sum += u64::from(*times);
        }
    }

    /// Adds what was seen elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (sum, times) in self.0.iter_mut().zip(other.0.iter()) {
            *sum += times;
        }
    }

    /// What was seen since `before`, an earlier state of the same.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut rest = self.clone();
        for (times, earlier) in rest.0.iter_mut().zip(before.0.iter()) {
            *times = times.saturating_sub(*earlier);
        }
        rest
    }

    /// How many latencies were seen.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// How many were below `2^octave` nanoseconds, exactly; of those beyond the last bucket, none.
    #[must_use]
    pub fn below_octave(&self, octave: u32) -> u64 {
        let buckets = 1_u64.checked_shl(octave).map_or(BUCKETS, bucket);
        self.0.iter().take(buckets).sum()
    }

    /// All of them together, nanoseconds, to about 3 %.
    #[must_use]
    pub fn sum_ns(&self) -> f64 {
        let buckets = self.0.iter().zip(0_u16..);
        buckets
            .map(|(times, bucket)| *times as f64 * middle(bucket) as f64)
            .sum()
    }

    /// Latency below which a share `quantile` stayed, nanoseconds, to about 3 %; none where nothing was seen.
    #[must_use]
    pub fn quantile_ns(&self, quantile: f64) -> Option<u64> {
        let wanted = (self.count() as f64 * quantile).ceil().max(1.0) as u64;
        let mut seen = 0;
        let mut buckets = self.0.iter().zip(0_u16..);
        buckets
            .find(|(times, _)| {
                seen += **times;
                seen >= wanted
            })
            .map(|(_, bucket)| middle(bucket))
    }
}

/// The bucket of a latency: its octave and the [`FINENESS`] bits behind the leading one.
#[inline]
pub(super) fn bucket(ns: u64) -> usize {
    if ns < PER_OCTAVE {
        return ns as usize;
    }
    let octave = 63 - ns.leading_zeros();
    let step = (ns >> (octave - FINENESS)) & (PER_OCTAVE - 1);
    (u64::from(octave - FINENESS + 1) * PER_OCTAVE + step).min(BUCKETS as u64 - 1) as usize
}

/// The middle of a bucket, nanoseconds.
pub(super) fn middle(bucket: u16) -> u64 {
    let (octave, step) = (
        u64::from(bucket) / PER_OCTAVE,
        u64::from(bucket) % PER_OCTAVE,
    );
    match octave.checked_sub(1) {
        None => step,
        Some(shift) => ((PER_OCTAVE + step) << shift) + ((1 << shift) >> 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spectrum(latencies: &[u64]) -> Spectrum {
        let mut table = [0; BUCKETS];
        for ns in latencies {
            table[bucket(*ns)] += 1;
        }
        let mut spectrum = Spectrum::default();
        spectrum.add_table(&table);
        spectrum
    }

    proptest! {
        #[test]
        fn a_bucket_is_within_its_sixteenth_of_an_octave(ns in 0_u64..(1 << 37)) {
            let middle = middle(bucket(ns) as u16);
            prop_assert!(middle.abs_diff(ns) * 32 <= ns, "{ns} ns in the bucket of {middle} ns");
        }

        #[test]
        fn octaves_are_counted_exactly(latencies in proptest::collection::vec(0_u64..(1 << 36), 0..50), octave in 0_u32..37) {
            let below = latencies.iter().filter(|ns| **ns < 1 << octave).count() as u64;
            prop_assert_eq!(spectrum(&latencies).below_octave(octave), below);
        }
    }

    #[test]
    fn quantiles_are_those_of_what_was_seen_since() {
        let before = spectrum(&[9_000_000; 50]);
        let mut now = before.clone();
        now.add(&spectrum(&[1_000; 99]));
        now.add(&spectrum(&[500_000]));
        let recent = now.since(&before);
        let within = |quantile, ns: u64| {
            recent
                .quantile_ns(quantile)
                .is_some_and(|found| found.abs_diff(ns) * 32 <= ns)
        };
        assert!(within(0.5, 1_000) && within(0.99, 1_000) && within(1.0, 500_000));
        assert_eq!(
            (recent.count(), before.since(&before).quantile_ns(0.5)),
            (100, None)
        );
        assert!((recent.sum_ns() / 599_000.0 - 1.0).abs() < 0.03);
    }
}
