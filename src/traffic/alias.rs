//! Drawing from a finite distribution with one random word and one look at a table.

use std::hint::select_unpredictable;

use super::stream::{Stream, below};

/// Walker's alias table (Walker 1977), built in linear time as Vose (1991) does.
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    columns: Box<[Column]>,
}

/// A column is drawn uniformly; it stands for itself below `threshold` and for `other` above.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Column {
    threshold: u64,
    other: u32,
}

impl Alias {
    /// A table in which column `i` comes with a probability proportional to `weights[i]`. Weights that are not positive
    /// and finite count as 0; where nothing remains, every column is equally likely, and no weights make one column.
    pub fn new(weights: &[f64]) -> Self {
        let mut heights = normalise(weights);
        let mut columns: Vec<Column> = (0..heights.len() as u32)
            .map(|own| Column {
                threshold: u64::MAX,
                other: own,
            })
            .collect();
        let (mut low, mut high): (Vec<usize>, Vec<usize>) =
            (0..heights.len()).partition(|column| heights[*column] < 1.0);
        while let (Some(short), Some(tall)) = (low.pop(), high.pop()) {
            columns[short] = Column {
                threshold: (heights[short] * 2f64.powi(64)) as u64,
                other: tall as u32,
            };
            heights[tall] -= 1.0 - heights[short];
            if heights[tall] < 1.0 {
                low.push(tall)
            } else {
                high.push(tall)
            }
        }
        Self {
            columns: columns.into_boxed_slice(),
        }
    }

    /// The next column.
    #[inline]
    pub fn draw(&self, stream: &mut Stream) -> usize {
        self.column(stream.word())
    }

    /// The column that a random word stands for.
    #[inline]
    pub fn column(&self, word: u64) -> usize {
        let (column, chance) = below(word, self.columns.len() as u64);
        let Column { threshold, other } = self.columns[column as usize];
        // Which of both comes is chance: a branch would be guessed wrongly.
        select_unpredictable(chance < threshold, column as usize, other as usize)
    }

    /// The probabilities that the table truly gives.
    pub fn probabilities(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.columns.len()];
        for (own, column) in self.columns.iter().enumerate() {
            let kept = column.threshold as f64 / 2f64.powi(64);
            sums[own] += kept;
            sums[column.other as usize] += 1.0 - kept;
        }
        sums.iter()
            .map(|sum| sum / self.columns.len() as f64)
            .collect()
    }
}

/// Weights scaled to a mean of 1.
fn normalise(weights: &[f64]) -> Vec<f64> {
    let mut heights: Vec<f64> = weights
        .iter()
        .map(|weight| {
            if weight.is_finite() {
                weight.max(0.0)
            } else {
                0.0
            }
        })
        .collect();
    let sum: f64 = heights.iter().sum();
    if sum <= 0.0 {
        return vec![1.0; heights.len().max(1)];
    }
    let scale = heights.len() as f64 / sum;
    heights.iter_mut().for_each(|height| *height *= scale);
    heights
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_table_gives_what_the_weights_say(weights in prop::collection::vec(0.0..1e6f64, 1..200)) {
            prop_assume!(weights.iter().sum::<f64>() > 0.0);
            let sum: f64 = weights.iter().sum();
            for (weight, given) in weights.iter().zip(Alias::new(&weights).probabilities()) {
                prop_assert!((weight / sum - given).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn odd_weights_make_a_table_all_the_same() {
        assert_eq!(Alias::new(&[]).probabilities(), [1.0]);
        assert_eq!(Alias::new(&[0.0, 0.0]).probabilities(), [0.5, 0.5]);
        assert_eq!(
            Alias::new(&[f64::NAN, 3.0, -1.0, f64::INFINITY]).probabilities(),
            [0.0, 1.0, 0.0, 0.0]
        );
    }
}
