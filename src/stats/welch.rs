//! How far the means of two samples are apart, their spreads being whatever they are: Welch's t interval.
//!
//! B. L. Welch, The generalization of "Student's" problem when several different population variances are involved,
//! Biometrika 34:1, 1947.

use super::{Summary, student_t};

/// The interval that covers the difference of the means, `other` less `first`, with probability `level` if values are
/// independent and normal. Nothing where a sample has a single value.
#[must_use]
pub fn difference_interval(first: &Summary, other: &Summary, level: f64) -> Option<(f64, f64)> {
    let error = |one: &Summary| one.standard_deviation.powi(2) / one.count as f64;
    let freedom = |one: &Summary| {
        one.count
            .checked_sub(1)
            .filter(|n| *n > 0)
            .map(|n| n as f64)
    };
    let (a, b) = (error(first), error(other));
    let (of_a, of_b) = (freedom(first)?, freedom(other)?);
    let difference = other.mean - first.mean;
    if a + b == 0.0 {
        return Some((difference, difference));
    }
    let freedom = (a + b).powi(2) / (a * a / of_a + b * b / of_b);
    let half = student_t::quantile(0.5 + level / 2.0, freedom)? * (a + b).sqrt();
    Some((difference - half, difference + half))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Summary {
        Summary::of(values).unwrap()
    }

    /// `scipy.stats.ttest_ind(other, first, equal_var=False).confidence_interval(0.95)`.
    #[test]
    fn agrees_with_scipy() {
        let (first, other) = ([1.0, 2.0, 3.0, 4.0, 5.5], [2.0, 3.0, 4.0, 9.0, 7.0, 8.0]);
        let (low, high) = difference_interval(&of(&first), &of(&other), 0.95).unwrap();
        assert!(
            (low - -0.8320207590740272).abs() < 1e-6 && (high - 5.632020759074027).abs() < 1e-6,
            "{low} {high}"
        );
    }

    #[test]
    fn equal_values_leave_no_doubt_and_single_ones_nothing_else() {
        let (one, two) = (of(&[1.0, 1.0]), of(&[3.0, 3.0]));
        assert_eq!(difference_interval(&one, &two, 0.95), Some((2.0, 2.0)));
        assert_eq!(difference_interval(&of(&[1.0]), &two, 0.95), None);
    }
}
