//! Draws from several key spaces: one of them by its weight, and then a key of it by the law that all follow.

use super::{Alias, Keys, Stream};

/// Key spaces, each with its weight and the keys that are drawn from it.
#[derive(Debug, Clone)]
pub struct Spaces {
    picks: Alias,
    keys: Box<[Keys]>,
}

impl Spaces {
    /// Spaces that are picked in proportion to their weights, one of which is more than 0.
    #[must_use]
    pub fn new(spaces: Vec<(f64, Keys)>) -> Self {
        let (weights, keys): (Vec<f64>, Vec<Keys>) = spaces.into_iter().unzip();
        Self {
            picks: Alias::new(&weights),
            keys: keys.into(),
        }
    }

    /// The next key number. Not inlined, so that loads with one kind of keys do not carry it.
    #[inline(never)]
    pub fn draw(&mut self, stream: &mut Stream) -> u64 {
        let space = self.picks.draw(stream);
        self.keys.get_mut(space).map_or(0, |keys| keys.draw(stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::plan::Order;

    #[test]
    fn spaces_are_picked_by_weight_and_keep_their_law() {
        let keys = |range: std::ops::Range<u64>| {
            Keys::new(&Order::Zipfian { exponent: 1.0 }, &range, range.end, 0, 1)
        };
        let spaces = vec![
            (3.0, keys(0..10)),
            (0.0, keys(10..20)),
            (1.0, keys(20..120)),
        ];
        let mut spaces = Spaces::new(spaces);
        let mut stream = Stream::new(9, 0, 0, 0);
        let draws = 200_000;
        let mut counts = [0_u32; 120];
        for _ in 0..draws {
            counts[spaces.draw(&mut stream) as usize] += 1;
        }
        let share = |range: std::ops::Range<usize>| {
            f64::from(counts[range].iter().sum::<u32>()) / f64::from(draws)
        };
        assert!((share(0..10) - 0.75).abs() < 0.005, "{}", share(0..10));
        assert_eq!(share(10..20), 0.0);
        // The first of ten and of a hundred keys by Zipf's law: 1 / H(10) and 1 / H(100).
        assert!((share(0..1) / 0.75 - 0.3414).abs() < 0.005);
        assert!((share(20..21) / 0.25 - 0.1928).abs() < 0.005);
    }
}
