//! Where a series of measurements changed its level: E-divisive means with Student's t-test, in windows.
//!
//! The split of a window is where the energy distance between its sides is largest (D. S. Matteson and N. A. James, A
//! nonparametric approach for multiple change point analysis of multivariate data, JASA 109:505, 2014). A t-test decides
//! instead of permutations, and windows keep old history from hiding new changes, so the answer is the same at every call
//! and later measurements seldom move earlier points (M. Fleming et al., Hunter: using change point detection to hunt
//! for performance regressions, ICPE 2023).

use super::Summary;
use super::student_t;

/// Measurements looked at together.
const WINDOW: usize = 50;
/// A change is one if chance gives as large a difference of the means less often than this.
const SIGNIFICANT: f64 = 0.001;
/// Candidates that are kept until their neighbours are known: a second change dilutes the first.
const CANDIDATE: f64 = 0.01;
/// A side shorter than this has no spread to test against.
const SHORTEST_SIDE: usize = 2;

/// A change of level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangePoint {
    /// The first measurement at the new level.
    pub index: usize,
    /// Mean from the change before to this one.
    pub before: f64,
    /// Mean from this change to the next.
    pub after: f64,
    /// Probability that chance alone gives such a difference.
    pub p_value: f64,
}

/// The changes of level in `series`, in order. For reading: a series that drifts has changes too.
#[must_use]
pub fn change_points(series: &[f64]) -> Vec<ChangePoint> {
    if series.iter().any(|value| !value.is_finite()) {
        return Vec::new();
    }
    let mut splits = candidates(series);
    while let Some(weakest) = weakest(series, &splits) {
        splits.remove(weakest);
    }
    (0..splits.len())
        .filter_map(|place| tested(series, &splits, place))
        .collect()
}

/// Splits of windows that overlap by half, each begun anew after the last split found.
fn candidates(series: &[f64]) -> Vec<usize> {
    let (mut splits, mut start) = (Vec::new(), 0);
    while start < series.len() {
        let end = (start + WINDOW).min(series.len());
        divide(series, start, end, &mut splits);
        if end == series.len() {
            break;
        }
        start = splits.last().copied().unwrap_or(0).max(start + WINDOW / 2);
    }
    splits.sort_unstable();
    splits.dedup();
    splits
}

/// Splits `start..end` where its sides differ most, and each side again.
fn divide(series: &[f64], start: usize, end: usize, splits: &mut Vec<usize>) {
    let Some(split) = series
        .get(start..end)
        .and_then(best_split)
        .map(|split| start + split)
    else {
        return;
    };
    if p_value(series, start, split, end).is_some_and(|p_value| p_value < CANDIDATE) {
        divide(series, start, split, splits);
        splits.push(split);
        divide(series, split, end, splits);
    }
}

/// The split with the largest energy distance, weighted by the sizes of its sides. Each step of the split moves one value
/// across, so the sums of distances are carried along: n squared in all.
fn best_split(window: &[f64]) -> Option<usize> {
    let length = window.len();
    let distances =
        |from: f64, to: &[f64]| to.iter().map(|value| (from - value).abs()).sum::<f64>();
    let mut right: f64 = window
        .iter()
        .enumerate()
        .map(|(i, value)| distances(*value, window.get(i..).unwrap_or(&[])))
        .sum();
    let (mut left, mut across) = (0.0, 0.0);
    let mut best: Option<(f64, usize)> = None;
    for (index, value) in window.iter().enumerate() {
        let (before, after) = window.split_at_checked(index)?;
        let (to_left, to_right) = (distances(*value, before), distances(*value, after));
        left += to_left;
        right -= to_right;
        across += to_right - to_left;
        let split = index + 1;
        if split < SHORTEST_SIDE || length - split < SHORTEST_SIDE {
            continue;
        }
        let (m, n) = (split as f64, (length - split) as f64);
        let energy =
            2.0 * across / (m * n) - 2.0 * left / (m * (m - 1.0)) - 2.0 * right / (n * (n - 1.0));
        let weighted = energy * m * n / (m + n);
        if best.is_none_or(|(most, _)| weighted > most) {
            best = Some((weighted, split));
        }
    }
    best.map(|(_, split)| split)
}

/// The place of the least significant split, if it is not significant beside its neighbours.
fn weakest(series: &[f64], splits: &[usize]) -> Option<usize> {
    let p_of = |place| tested(series, splits, place).map_or(1.0, |point| point.p_value);
    let (place, p_value) = (0..splits.len())
        .map(|place| (place, p_of(place)))
        .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (p_value >= SIGNIFICANT).then_some(place)
}

fn tested(series: &[f64], splits: &[usize], place: usize) -> Option<ChangePoint> {
    let start = place
        .checked_sub(1)
        .and_then(|before| splits.get(before))
        .copied()
        .unwrap_or(0);
    let end = splits.get(place + 1).copied().unwrap_or(series.len());
    let index = *splits.get(place)?;
    Some(ChangePoint {
        index,
        before: Summary::of(series.get(start..index)?)?.mean,
        after: Summary::of(series.get(index..end)?)?.mean,
        p_value: p_value(series, start, index, end)?,
    })
}

/// Student's two-sample t-test with a pooled variance, two-sided: a short side borrows the spread of the long one.
fn p_value(series: &[f64], start: usize, split: usize, end: usize) -> Option<f64> {
    let (left, right) = (
        Summary::of(series.get(start..split)?)?,
        Summary::of(series.get(split..end)?)?,
    );
    let (m, n) = (left.count as f64, right.count as f64);
    let freedom = m + n - 2.0;
    if freedom < 1.0 {
        return None;
    }
    let squares =
        (m - 1.0) * left.standard_deviation.powi(2) + (n - 1.0) * right.standard_deviation.powi(2);
    let error = (squares / freedom * (1.0 / m + 1.0 / n)).sqrt();
    let difference = (left.mean - right.mean).abs();
    if error == 0.0 {
        return Some(if difference == 0.0 { 1.0 } else { 0.0 });
    }
    Some(2.0 * student_t::cumulative(-difference / error, freedom))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64) -> impl FnMut() -> f64 {
        let mut stream = crate::traffic::Stream::new(seed, 0, 0, 0);
        move || {
            (0..12)
                .map(|_| stream.word() as f64 / u64::MAX as f64)
                .sum::<f64>()
                - 6.0
        }
    }

    fn indices(series: &[f64]) -> Vec<usize> {
        change_points(series)
            .iter()
            .map(|point| point.index)
            .collect()
    }

    /// `scipy.stats.ttest_ind([1, 2, 3, 4, 5.5], [2, 3, 4, 9, 7])`.
    #[test]
    fn the_test_agrees_with_scipy() {
        let series = [1.0, 2.0, 3.0, 4.0, 5.5, 2.0, 3.0, 4.0, 9.0, 7.0];
        assert!((p_value(&series, 0, 5, 10).unwrap() - 0.246_588_375_354_503).abs() < 1e-9);
    }

    #[test]
    fn levels_without_noise_are_found_exactly() {
        let series: Vec<f64> = [(20, 1.0), (30, 3.0), (40, 2.0)]
            .iter()
            .flat_map(|(n, level)| vec![*level; *n])
            .collect();
        assert_eq!(indices(&series), [20, 50]);
        assert!(indices(&[5.0; 200]).is_empty());
        assert!(indices(&[1.0, f64::NAN, 1.0]).is_empty());
        assert!(indices(&[]).is_empty());
    }

    #[test]
    fn a_shift_of_three_deviations_is_found_where_it_is() {
        for seed in 0..20 {
            let mut noise = noise(seed);
            let series: Vec<f64> = (0..120)
                .map(|i| noise() + if i < 70 { 10.0 } else { 13.0 })
                .collect();
            let found = indices(&series);
            assert!(
                found.iter().any(|index| index.abs_diff(70) <= 2),
                "seed {seed}: {found:?}"
            );
        }
    }

    #[test]
    fn noise_alone_is_seldom_called_a_change() {
        let alarms = (0..100).filter(|seed| {
            let mut noise = noise(1000 + seed);
            !indices(&(0..100).map(|_| noise()).collect::<Vec<_>>()).is_empty()
        });
        let alarms = alarms.count();
        // The best of some 50 splits is tested, so 1 in 1000 becomes a few in 100.
        assert!(alarms <= 8, "{alarms} of 100");
    }
}
