//! How long commands took, as a histogram of fixed size: eight buckets to each doubling, so that a percentile is known
//! within an eighth.

/// Buckets to each doubling.
const STEPS: u64 = 8;
/// Doublings told apart: up to 2^40 ns, some eighteen minutes.
const DOUBLINGS: u64 = 40;

/// A histogram of nanoseconds.
#[derive(Debug, Clone)]
pub struct Histogram {
    buckets: Box<[u32]>,
    recorded: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = vec![0; usize::try_from(STEPS * DOUBLINGS).unwrap_or(0)].into_boxed_slice();
        Self {
            buckets,
            recorded: 0,
        }
    }
}

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, ns: u64) {
        let last = self.buckets.len() - 1;
        if let Some(bucket) = self.buckets.get_mut(index_of(ns).min(last)) {
            *bucket = bucket.saturating_add(1);
            self.recorded += 1;
        }
    }

    /// How many values were counted.
    #[must_use]
    pub fn recorded(&self) -> u64 {
        self.recorded
    }

    /// The value, in nanoseconds, that `percent` of those counted do not exceed; the end of its bucket.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> u64 {
        let wanted = (percent / 100.0 * self.recorded as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return end_of(index);
            }
        }
        0
    }

    /// How many values were at most `ns`, counted by whole buckets.
    #[must_use]
    pub fn at_most(&self, ns: u64) -> u64 {
        let within = self
            .buckets
            .iter()
            .enumerate()
            .take_while(|(index, _)| end_of(*index) <= ns);
        within.map(|(_, count)| u64::from(*count)).sum()
    }
}

/// The bucket of a value: linear up to [`STEPS`], then eight to each doubling.
fn index_of(ns: u64) -> usize {
    let index = if ns < STEPS {
        ns
    } else {
        let doubling = u64::from(ns.ilog2() - STEPS.ilog2());
        (doubling + 1) * STEPS + (ns >> doubling) - STEPS
    };
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The largest value of a bucket.
fn end_of(index: usize) -> u64 {
    let index = index as u64;
    if index < STEPS {
        return index;
    }
    let doubling = index / STEPS - 1;
    ((index % STEPS + STEPS + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket_and_the_bucket_is_narrow(ns in 0u64..1 << 40) {
            let index = index_of(ns);
            prop_assert!(ns <= end_of(index));
            prop_assert!(index == 0 || ns > end_of(index - 1));
            prop_assert!(end_of(index) as f64 <= ns as f64 * 1.125 + 1.0);
        }
    }

    #[test]
    fn percentiles_of_known_values() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|us| histogram.record(us * 1000));
        let p50 = histogram.percentile(50.0) as f64;
        assert!((p50 / 500_000.0 - 1.0).abs() < 0.125, "{p50}");
        assert!(histogram.percentile(100.0) >= 1_000_000);
        assert_eq!(histogram.at_most(u64::MAX), 1000);
        assert_eq!(Histogram::default().percentile(99.0), 0);
    }
}
