//! What repeated measurements of one thing amount to.

use super::student_t;

/// Count, centre and spread of a sample. Never of an empty one, and every figure is finite where the values are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many values.
    pub count: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation with Bessel's correction; 0 for a single value.
    pub standard_deviation: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

impl Summary {
    /// Summarises `values`; nothing for none. In two passes, since the textbook formula in one pass cancels.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let (first, count) = (*values.first()?, values.len());
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let variance = if count > 1 {
            squares / (count - 1) as f64
        } else {
            0.0
        };
        Some(Self {
            count,
            // Rounding must not carry the mean of equal values past them.
            mean: mean.clamp(
                values.iter().copied().fold(first, f64::min),
                values.iter().copied().fold(first, f64::max),
            ),
            standard_deviation: variance.sqrt(),
            min: values.iter().copied().fold(first, f64::min),
            max: values.iter().copied().fold(first, f64::max),
        })
    }

    /// The interval that covers the mean with probability `level` (0 to 1) if the values are independent and normal:
    /// Student's t ("The probable error of a mean", Biometrika 6, 1908). Nothing for a single value.
    #[must_use]
    pub fn mean_interval(&self, level: f64) -> Option<(f64, f64)> {
        let freedom = self.count.checked_sub(1).filter(|freedom| *freedom > 0)?;
        let t = student_t::quantile(0.5 + level / 2.0, freedom as f64)?;
        let half = t * self.standard_deviation / (self.count as f64).sqrt();
        Some((self.mean - half, self.mean + half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs().max(1.0)
    }

    #[test]
    fn nothing_of_nothing_and_no_spread_of_one() {
        assert_eq!(Summary::of(&[]), None);
        let one = Summary::of(&[3.0]).unwrap();
        assert_eq!((one.count, one.mean, one.standard_deviation), (1, 3.0, 0.0));
        assert_eq!(one.mean_interval(0.95), None);
    }

    /// After NIST's NumAcc data sets: 1000 values 0.1 off their mean and one on it have a deviation of exactly 0.1.
    #[test]
    fn a_large_offset_does_not_eat_the_spread() {
        let values: Vec<f64> = std::iter::once(1_000_000.2)
            .chain((0..1000).map(|i| if i % 2 == 0 { 1_000_000.1 } else { 1_000_000.3 }))
            .collect();
        let summary = Summary::of(&values).unwrap();
        assert!((summary.mean - 1_000_000.2).abs() < 1e-6);
        assert!(
            (summary.standard_deviation - 0.1).abs() < 1e-7,
            "{summary:?}"
        );
    }

    /// mean 5, sd 2.138089935299395; t(.975, 7) = 2.364624251592785.
    #[test]
    fn an_interval_worked_by_hand() {
        let summary = Summary::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert!(close(summary.standard_deviation, 2.138_089_935_299_395));
        let (low, high) = summary.mean_interval(0.95).unwrap();
        let half = 2.364_624_251_592_785 * 2.138_089_935_299_395 / 8.0_f64.sqrt();
        assert!(close(low, 5.0 - half) && close(high, 5.0 + half));
    }
}
