//! Every key equally likely.

use std::ops::Range;

use super::stream::{Stream, below};

/// Keys of a range, each as likely as any other.
#[derive(Debug, Clone)]
pub struct Uniform {
    start: u64,
    length: u64,
}

impl Uniform {
    /// Keys of `range`.
    pub fn new(range: &Range<u64>) -> Self {
        Self {
            start: range.start,
            length: range.end.saturating_sub(range.start).max(1),
        }
    }

    /// The next key number.
    #[inline]
    pub fn draw(&self, stream: &mut Stream) -> u64 {
        self.start + below(stream.word(), self.length).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chi-squared over 1,000 keys: mean 999, standard deviation 45; five of them either side.
    #[test]
    fn no_key_is_favoured() {
        let keys = Uniform::new(&(500..1500));
        let mut stream = Stream::new(3, 0, 0, 0);
        let mut counts = [0u32; 1000];
        for _ in 0..1_000_000 {
            counts[(keys.draw(&mut stream) - 500) as usize] += 1;
        }
        let chi_squared: f64 = counts
            .iter()
            .map(|count| (f64::from(*count) - 1000.0).powi(2) / 1000.0)
            .sum();
        assert!((775.0..1223.0).contains(&chi_squared), "{chi_squared}");
    }

    /// 10,000 draws over 10 M keys repeat about five.
    #[test]
    fn draws_over_many_keys_hardly_repeat() {
        let keys = Uniform::new(&(0..10_000_000));
        let mut stream = Stream::new(3, 0, 0, 0);
        let distinct: std::collections::BTreeSet<u64> =
            (0..10_000).map(|_| keys.draw(&mut stream)).collect();
        assert!(distinct.len() >= 9_985, "{}", distinct.len());
    }
}
