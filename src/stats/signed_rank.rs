//! What pairs of measurements tell of a difference, whatever its distribution as long as it is symmetric: the
//! Hodges-Lehmann estimate and Wilcoxon's signed-rank interval.
//!
//! F. Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1:6, 1945; J. L. Hodges and E. L. Lehmann,
//! Estimates of location based on rank tests, Annals of Mathematical Statistics 34:2, 1963; the interval as in
//! M. Hollander and D. A. Wolfe, Nonparametric Statistical Methods, section 3.3. The distribution is exact at every size.

/// More pairs than this are not looked at: the exact distribution takes time in the cube of the number.
pub const MOST_PAIRS: usize = 1_000;

/// A centre with the interval that covers it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The Hodges-Lehmann estimate: the median of the means of all pairs of values, each with itself too.
    pub centre: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Estimates the centre of symmetry of `differences`, with an interval that covers it with probability `level` at least.
///
/// None where there are too few values for that level (6 for 95 %), more than [`MOST_PAIRS`], or one is no number.
#[must_use]
pub fn estimate(differences: &[f64], level: f64) -> Option<Estimate> {
    let usable =
        differences.len() <= MOST_PAIRS && differences.iter().all(|value| value.is_finite());
    let tail = (1.0 - level) / 2.0;
    let cumulative = usable.then(|| cumulative(differences.len()))?;
    // The most sums that may be cut off below, so that what is cut off is no likelier than the tail.
    let cut = cumulative
        .partition_point(|probability| *probability <= tail)
        .checked_sub(1)?;
    let walsh = walsh_averages(differences);
    Some(Estimate {
        centre: median(&walsh)?,
        low: *walsh.get(cut)?,
        high: *walsh.get(walsh.len().checked_sub(cut + 1)?)?,
    })
}

/// The probability, if the differences lay symmetrically about zero, of a sum of ranks as far from its mean as this one or
/// farther. Zeros are dropped and ties get the mean of their ranks, as Wilcoxon did. 1 where nothing is left.
///
/// None under the same conditions as [`estimate`]'s, but for the number of values.
#[must_use]
pub fn p_value(differences: &[f64]) -> Option<f64> {
    let usable =
        differences.len() <= MOST_PAIRS && differences.iter().all(|value| value.is_finite());
    let mut ordered: Vec<f64> = usable.then(|| {
        differences
            .iter()
            .copied()
            .filter(|value| *value != 0.0)
            .collect()
    })?;
    ordered.sort_unstable_by(|a, b| a.abs().total_cmp(&b.abs()));
    let ranks = doubled_ranks(&ordered);
    let positive: usize = ranks
        .iter()
        .zip(&ordered)
        .filter(|(_, value)| **value > 0.0)
        .map(|(rank, _)| rank)
        .sum();
    let total: usize = ranks.iter().sum();
    let fewer = positive.min(total - positive);
    let tail: f64 = sums(&ranks).iter().take(fewer + 1).sum();
    Some((2.0 * tail).min(1.0))
}

/// The means of all pairs of values, in order.
fn walsh_averages(values: &[f64]) -> Vec<f64> {
    let mut averages = Vec::with_capacity(values.len() * (values.len() + 1) / 2);
    for (index, value) in values.iter().enumerate() {
        averages.extend(
            values
                .iter()
                .skip(index)
                .map(|other| f64::midpoint(*value, *other)),
        );
    }
    averages.sort_unstable_by(f64::total_cmp);
    averages
}

fn median(ordered: &[f64]) -> Option<f64> {
    let upper = ordered.get(ordered.len() / 2)?;
    let lower = ordered.get((ordered.len().checked_sub(1)?) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

/// `[s]`: the probability that the ranks of the positive ones among `count` differences add up to `s` or less.
fn cumulative(count: usize) -> Vec<f64> {
    let ranks: Vec<usize> = (1..=count).collect();
    let mut sum = 0.0;
    sums(&ranks)
        .into_iter()
        .map(|probability| {
            sum += probability;
            sum
        })
        .collect()
}

/// `[s]`: the probability of a sum `s` when each rank counts or not by the toss of a coin. Probabilities rather than
/// counts, which would leave what a float holds exactly after 53 ranks.
fn sums(ranks: &[usize]) -> Vec<f64> {
    let mut probabilities = vec![0.0; ranks.iter().sum::<usize>() + 1];
    let mut reached = 0;
    if let Some(none) = probabilities.first_mut() {
        *none = 1.0;
    }
    for rank in ranks {
        reached += rank;
        for sum in (0..=reached).rev() {
            let with = sum
                .checked_sub(*rank)
                .and_then(|rest| probabilities.get(rest))
                .copied()
                .unwrap_or(0.0);
            if let Some(without) = probabilities.get_mut(sum) {
                *without = f64::midpoint(*without, with);
            }
        }
    }
    probabilities
}

/// Twice the rank of each value by size, so that the mean rank of a tie is a whole number.
fn doubled_ranks(ordered_by_size: &[f64]) -> Vec<usize> {
    let mut ranks = Vec::with_capacity(ordered_by_size.len());
    for tie in ordered_by_size.chunk_by(|a, b| a.abs() == b.abs()) {
        let doubled = 2 * ranks.len() + tie.len() + 1;
        ranks.extend(tie.iter().map(|_| doubled));
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hollander and Wolfe's depression scale data, table 3.1; the figures are R's and SciPy's.
    const DEPRESSION: [f64; 9] = [0.952, -0.147, 1.022, 0.43, 0.62, 0.59, 0.49, -0.08, 0.01];

    fn assert_near(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() < 1e-9,
            "{found}, expected {expected}"
        );
    }

    #[test]
    fn agrees_with_the_textbook() {
        assert_near(p_value(&DEPRESSION).unwrap(), 0.0390625);
        let found = estimate(&DEPRESSION, 0.95).unwrap();
        assert_near(found.centre, 0.46);
        assert_near(found.low, 0.01);
        assert_near(found.high, 0.786);
    }

    /// Wilcoxon's own table: the critical sums at the two-sided 5 % level.
    #[test]
    fn agrees_with_the_tables() {
        for (pairs, critical) in [(6, 0), (8, 3), (10, 8), (15, 25), (20, 52), (25, 89)] {
            let cumulative = cumulative(pairs);
            assert!(
                cumulative[critical] <= 0.025 && cumulative[critical + 1] > 0.025,
                "{pairs} pairs"
            );
        }
    }

    /// Values by SciPy's recursion, in whole numbers.
    #[test]
    fn the_distribution_is_exact_far_beyond_the_tables() {
        assert_near(cumulative(30)[137], 0.024855060502886772);
        assert_near(cumulative(120)[3000], 0.049677554973445975);
    }

    #[test]
    fn ties_share_their_ranks_and_zeros_are_dropped() {
        let signs_only = [1.0, 1.0, 1.0, 1.0, -1.0];
        // All ranks are 3: a sum of 3 or less for one side has probability 6/32.
        assert_near(
            p_value(&[&signs_only[..], &[0.0, 0.0]].concat()).unwrap(),
            12.0 / 32.0,
        );
        assert_near(p_value(&[0.0]).unwrap(), 1.0);
    }

    #[test]
    fn too_few_or_no_numbers_give_nothing() {
        assert!(estimate(&[0.1, 0.2, 0.3, 0.4, 0.5], 0.95).is_none());
        assert!(estimate(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 0.95).is_some());
        assert!(estimate(&[f64::NAN; 20], 0.95).is_none());
        assert!(estimate(&[], 0.95).is_none());
    }

    /// The interval's promise, on draws of a symmetric distribution about 1.
    #[test]
    fn the_interval_covers_as_often_as_it_says() {
        let mut stream = crate::traffic::Stream::new(9, 0, 0, 0);
        let mut uniform = || stream.word() as f64 / u64::MAX as f64;
        let trials = 2_000;
        let covered = (0..trials)
            .filter(|_| {
                let values: Vec<f64> = (0..30).map(|_| uniform() + uniform()).collect();
                let found = estimate(&values, 0.95).unwrap();
                found.low <= 1.0 && 1.0 <= found.high
            })
            .count();
        assert!(covered >= trials * 94 / 100, "{covered} of {trials}");
    }
}
