//! Times to live, drawn anew for every value that is written.

use super::size::lognormal;
use super::stream::{Stream, below};
use crate::workload::plan::Ttl;

use std::time::Duration;

/// Draws times to live, whole milliseconds of at least one, as servers count them.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes(Ttl);

impl Lifetimes {
    /// Times to live as `ttl` says.
    pub fn new(ttl: Ttl) -> Self {
        Self(ttl)
    }

    /// The time that every value gets, milliseconds; nothing where they differ or there is none.
    pub fn fixed_ms(&self) -> Option<u64> {
        match self.0 {
            Ttl::After(after) => Some(milliseconds(after)),
            _ => None,
        }
    }

    /// The next time to live, milliseconds; the longest there is where values do not expire.
    #[inline]
    pub fn draw_ms(&self, stream: &mut Stream) -> u64 {
        match self.0 {
            Ttl::None => u64::MAX,
            Ttl::After(after) => milliseconds(after),
            Ttl::Uniform { min, max } => {
                let (min, max) = (milliseconds(min), milliseconds(max));
                min + below(stream.word(), max.saturating_sub(min) + 1).0
            }
            Ttl::Lognormal { median, sigma, max } => {
                let drawn = lognormal(stream.word(), median.as_secs_f64() * 1e3, sigma);
                cut(drawn, max)
            }
            Ttl::Exponential { mean, max } => {
                // From the upper 53 bits, so that the logarithm is never that of 0.
                let left = ((stream.word() >> 11) + 1) as f64 / 2f64.powi(53);
                cut(-left.ln() * mean.as_secs_f64() * 1e3, max)
            }
        }
    }
}

fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1)
}

fn cut(drawn_ms: f64, max: Duration) -> u64 {
    (drawn_ms.round() as u64).clamp(1, milliseconds(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// 100,000 times to live, sorted.
    fn drawn(ttl: Ttl) -> Vec<u64> {
        let mut stream = Stream::new(6, 0, 0, 0);
        let mut drawn: Vec<u64> = (0..100_000)
            .map(|_| Lifetimes::new(ttl).draw_ms(&mut stream))
            .collect();
        drawn.sort_unstable();
        drawn
    }

    #[test]
    fn uniform_times_reach_both_ends() {
        let times = drawn(Ttl::Uniform {
            min: ms(90),
            max: ms(110),
        });
        assert_eq!((times[0], times[99_999]), (90, 110));
        assert!(times[50_000].abs_diff(100) <= 1);
    }

    #[test]
    fn half_of_the_lognormal_times_are_longer_than_the_median() {
        let times = drawn(Ttl::Lognormal {
            median: ms(10_000),
            sigma: 1.0,
            max: ms(60_000),
        });
        assert!(times[50_000].abs_diff(10_000) < 200, "{}", times[50_000]);
        assert!(times[84_134].abs_diff(27_183) < 600, "{}", times[84_134]);
        assert_eq!(times[99_999], 60_000);
    }

    #[test]
    fn exponential_times_have_their_mean() {
        let times = drawn(Ttl::Exponential {
            mean: ms(10_000),
            max: ms(1_000_000),
        });
        let mean = times.iter().sum::<u64>() / 100_000;
        assert!(mean.abs_diff(10_000) < 150, "{mean}");
        assert!(times[50_000].abs_diff(6_931) < 150 && times[0] >= 1);
    }

    #[test]
    fn a_fixed_time_is_known_beforehand() {
        let lifetimes = |ttl| Lifetimes::new(ttl).fixed_ms();
        assert_eq!(lifetimes(Ttl::After(Duration::from_micros(1))), Some(1));
        assert_eq!(lifetimes(Ttl::After(ms(1500))), Some(1500));
        assert_eq!(lifetimes(Ttl::None), None);
        assert_eq!(
            lifetimes(Ttl::Uniform {
                min: ms(1),
                max: ms(2)
            }),
            None
        );
    }
}
