//! Several questions asked at once: Holm's correction.

/// P-values as they count when all of them are asked together: each at least as large as it was, and none above 1, so that
/// the chance of even one false alarm stays below the level that they are compared with (S. Holm, A simple sequentially
/// rejective multiple test procedure, Scandinavian Journal of Statistics 6:2, 1979).
#[must_use]
pub fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut by_size: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    by_size.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let mut adjusted = p_values.to_vec();
    let mut largest = 0.0_f64;
    for (rank, (index, p_value)) in by_size.into_iter().enumerate() {
        largest = largest.max(((p_values.len() - rank) as f64 * p_value).min(1.0));
        if let Some(slot) = adjusted.get_mut(index) {
            *slot = largest;
        }
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R: `p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.9), "holm")`.
    #[test]
    fn agrees_with_r() {
        let expected = [0.04, 0.09, 0.09, 0.025, 0.9];
        for (found, expected) in adjusted(&[0.01, 0.04, 0.03, 0.005, 0.9])
            .iter()
            .zip(expected)
        {
            assert!(
                (found - expected).abs() < 1e-12,
                "{found}, expected {expected}"
            );
        }
        assert_eq!(adjusted(&[0.7, 0.8]), [1.0, 1.0]);
        assert!(adjusted(&[]).is_empty());
    }
}
