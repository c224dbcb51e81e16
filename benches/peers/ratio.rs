//! Figures of several rounds: the median of each, and ratios taken within a round.

/// Smallest, median and largest of what the rounds gave.
pub(crate) struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    /// Of at least one figure.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let below = middle - usize::from(sorted.len().is_multiple_of(2));
        Self {
            min: sorted[0],
            median: f64::midpoint(sorted[below], sorted[middle]),
            max: sorted[sorted.len() - 1],
        }
    }

    /// Of the ratios of two series, round by round.
    pub(crate) fn of_ratios(ours: &[f64], theirs: &[f64]) -> Self {
        Self::of(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs))
    }

    pub(crate) fn median(&self) -> f64 {
        self.median
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        {
            let digits = f.precision().unwrap_or(2);
            write!(
                f,
                "{:.digits$} {:.digits$} {:.digits$}",
                self.min, self.median, self.max
            )
        }
    }
}
