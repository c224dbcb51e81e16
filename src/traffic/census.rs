//! What was really drawn: a distribution is a promise, and these figures say how it was kept.

/// Ranks with fewer draws than this tell more of chance than of the law.
const LEAST_DRAWS: u64 = 30;

/// Figures of the requests of a phase, over keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Census {
    /// Requests.
    pub requests: u64,
    /// Keys that were asked for at least once.
    pub distinct: u64,
    /// Share of the requests that went to the hottest key.
    pub hottest_share: f64,
    /// Share of the requests that went to the hottest 1 % of the distinct keys (at least one key).
    pub hottest_percent_share: f64,
    /// Exponent of the Zipf law nearest to the draws; none where too few ranks were drawn often enough to tell.
    pub exponent: Option<f64>,
}

/// Counts the draws per key (in any order). None where nothing was drawn.
#[must_use]
pub fn census(draws: impl IntoIterator<Item = u64>) -> Option<Census> {
    let mut ranked: Vec<u64> = draws.into_iter().filter(|draws| *draws > 0).collect();
    ranked.sort_unstable_by(|a, b| b.cmp(a));
    let requests: u64 = ranked.iter().sum();
    let share = |keys: usize| ranked.iter().take(keys).sum::<u64>() as f64 / requests as f64;
    (requests > 0).then(|| Census {
        requests,
        distinct: ranked.len() as u64,
        hottest_share: share(1),
        hottest_percent_share: share((ranked.len() / 100).max(1)),
        exponent: exponent(&ranked),
    })
}

/// The maximum-likelihood exponent of a Zipf law cut off after the ranks that were drawn often: the `s` at which the mean
/// of `ln rank` under the law equals the mean observed (A. Clauset et al., Power-law distributions in empirical data, SIAM
/// Review 51:4, 2009, equation 3.7 with an upper end). The mean falls as `s` grows, so bisection finds it.
fn exponent(ranked: &[u64]) -> Option<f64> {
    let often = ranked.partition_point(|draws| *draws >= LEAST_DRAWS);
    let head = ranked.get(..often).filter(|head| head.len() >= 10)?;
    let logs: Vec<f64> = (1..=head.len()).map(|rank| (rank as f64).ln()).collect();
    let observed = mean(&logs, head.iter().map(|draws| *draws as f64));
    let (mut low, mut high) = (0.0, 10.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if mean(&logs, logs.iter().map(|log| (-middle * log).exp())) > observed {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(f64::midpoint(low, high))
}

fn mean(values: &[f64], weights: impl Iterator<Item = f64>) -> f64 {
    let (sum, weight) = values
        .iter()
        .zip(weights)
        .fold((0.0, 0.0), |(sum, total), (value, weight)| {
            (sum + value * weight, total + weight)
        });
    sum / weight
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::{Stream, Zipfian};

    #[test]
    fn shares_are_counted() {
        let census = census([0, 1, 6, 0, 3]).unwrap();
        assert_eq!((census.requests, census.distinct), (10, 3));
        assert_eq!(
            (census.hottest_share, census.hottest_percent_share),
            (0.6, 0.6)
        );
        assert_eq!(census.exponent, None);
        assert_eq!(super::census([0, 0]), None);
    }

    #[test]
    fn the_exponent_is_found_again() {
        for exponent in [0.5, 0.99, 1.0, 1.5] {
            let keys = Zipfian::new(&(0..10_000), exponent);
            let mut stream = Stream::new(3, 0, 0, 0);
            let mut draws = vec![0; 10_000];
            for _ in 0..2_000_000 {
                draws[keys.draw(&mut stream) as usize] += 1;
            }
            let found = census(draws).unwrap().exponent.unwrap();
            assert!(
                (found - exponent).abs() < 0.02,
                "{exponent} came out as {found}"
            );
        }
    }
}
