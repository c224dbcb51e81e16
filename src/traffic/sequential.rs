//! First to last, and round again.

use std::ops::Range;

/// Keys in their order. Worker `w` of `n` takes every `n`th key beginning with the `w`th, so that together the workers
/// cover the range without gap or repetition when each draws its [`share_of`](super::share_of) the range.
#[derive(Debug, Clone)]
pub struct Sequential {
    start: u64,
    length: u64,
    next: u64,
    step: u64,
}

impl Sequential {
    /// Keys of `range` for worker `worker` of `workers`.
    pub fn new(range: &Range<u64>, worker: u64, workers: u64) -> Self {
        let length = range.end.saturating_sub(range.start).max(1);
        Self {
            start: range.start,
            length,
            next: worker % length,
            step: workers.max(1) % length,
        }
    }

    /// The next key number.
    #[inline]
    pub fn draw(&mut self) -> u64 {
        let key = self.start + self.next;
        self.next += self.step;
        if self.next >= self.length {
            self.next -= self.length;
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::share_of;

    #[test]
    fn goes_round() {
        let mut keys = Sequential::new(&(5..8), 0, 1);
        assert_eq!([0; 7].map(|_| keys.draw()), [5, 6, 7, 5, 6, 7, 5]);
    }

    #[test]
    fn one_key_is_drawn_for_ever() {
        let mut keys = Sequential::new(&(5..6), 3, 7);
        assert_eq!([0; 3].map(|_| keys.draw()), [5, 5, 5]);
    }

    #[test]
    fn workers_cover_the_range_once() {
        for workers in [1, 2, 3, 7, 100, 150] {
            let mut drawn: Vec<u64> = (0..workers)
                .flat_map(|worker| {
                    let mut keys = Sequential::new(&(10..110), worker, workers);
                    (0..share_of(100, worker, workers))
                        .map(move |_| keys.draw())
                        .collect::<Vec<_>>()
                })
                .collect();
            drawn.sort_unstable();
            assert_eq!(drawn, (10..110).collect::<Vec<_>>(), "{workers} workers");
        }
    }
}
