//! One histogram of several.

use hdrhistogram::Histogram;

/// Pools histograms: the distribution of all values together, never an average of percentiles. Nothing for none.
#[must_use]
pub fn pool(histograms: impl IntoIterator<Item = Histogram<u64>>) -> Option<Histogram<u64>> {
    let mut histograms = histograms.into_iter();
    let mut pooled = histograms.next()?;
    pooled.auto(true);
    for histogram in histograms {
        // Adding fails only where a fixed range is too small, and the range grows.
        pooled.add(&histogram).ok()?;
    }
    Some(pooled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_max(1_000_000, 3).unwrap();
        values
            .into_iter()
            .for_each(|value| histogram.record(value).unwrap());
        histogram
    }

    #[test]
    fn the_pool_is_the_histogram_of_all_values() {
        let all = histogram(1..=1000);
        let pooled = pool([histogram(1..=100), histogram(101..=999), histogram([1000])]).unwrap();
        assert_eq!(pooled, all);
    }

    /// 990 fast and 10 slow values: the p99 of the pool is not the mean of the p99s.
    #[test]
    fn percentiles_are_of_the_pool() {
        let pooled = pool([histogram([100; 990]), histogram([10_000; 10])]).unwrap();
        assert_eq!(pooled.value_at_quantile(0.99), 100);
        assert!(pooled.value_at_quantile(0.995) > 9_900);
    }

    #[test]
    fn a_wider_histogram_fits_into_a_narrower_one() {
        let mut wide = Histogram::new(3).unwrap();
        wide.record(10_000_000_000).unwrap();
        assert_eq!(pool([histogram([5]), wide]).unwrap().len(), 2);
        assert!(pool(Vec::new()).is_none());
    }
}
