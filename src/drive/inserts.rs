//! Numbers of new keys, and up to which of them the keys are there.

use std::collections::VecDeque;
use std::ops::Range;

/// Hands one worker the numbers of keys that are yet to be made.
///
/// Workers take turns, so that they share nothing: worker `w` of `n` gets every `n`-th number. When all have been handed
/// out they begin anew, so that a run of any length writes no keys that nobody could find and remove.
#[derive(Debug, Clone)]
pub(super) struct Inserts {
    first: u64,
    step: u64,
    /// Numbers of this worker.
    count: u64,
    taken: u64,
    /// Of the numbers taken, in order, those before this one have all been answered.
    settled: u64,
    /// Whether those from there on have been.
    answered: VecDeque<bool>,
}

impl Inserts {
    /// Numbers out of `range` for worker `worker` of `workers`. An empty range is taken as its first number.
    pub(super) fn new(range: &Range<u64>, worker: u64, workers: u64) -> Self {
        let first = range.start + worker;
        Self {
            first,
            step: workers.max(1),
            count: range
                .end
                .saturating_sub(first)
                .div_ceil(workers.max(1))
                .max(1),
            taken: 0,
            settled: 0,
            answered: VecDeque::new(),
        }
    }

    /// The next number.
    pub(super) fn take(&mut self) -> u64 {
        let number = self.first + self.step * (self.taken % self.count);
        if self.taken < self.count {
            self.answered.push_back(false);
        }
        self.taken += 1;
        number
    }

    /// The insert of `number` has been answered, or will never be: the end of the keys that are there now.
    pub(super) fn settle(&mut self, number: u64) -> u64 {
        let place = number.saturating_sub(self.first) / self.step;
        let at = place
            .checked_sub(self.settled)
            .and_then(|at| usize::try_from(at).ok());
        if let Some(answered) = at.and_then(|at| self.answered.get_mut(at)) {
            *answered = true;
        }
        while self.answered.front() == Some(&true) {
            self.answered.pop_front();
            self.settled += 1;
        }
        match self.settled {
            0 => self.first,
            settled => self.first + self.step * (settled - 1) + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_there_once_all_before_them_are() {
        let mut inserts = Inserts::new(&(10..13), 0, 1);
        assert_eq!(
            [
                inserts.take(),
                inserts.take(),
                inserts.take(),
                inserts.take()
            ],
            [10, 11, 12, 10]
        );
        assert_eq!([inserts.settle(11), inserts.settle(10)], [10, 12]);
        assert_eq!([inserts.settle(12), inserts.settle(10)], [13, 13]);
    }

    #[test]
    fn workers_take_turns() {
        let mut numbers: Vec<u64> = (0..3)
            .flat_map(|worker| {
                let mut inserts = Inserts::new(&(5..12), worker, 3);
                (0..inserts.count)
                    .map(|_| inserts.take())
                    .collect::<Vec<_>>()
            })
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (5..12).collect::<Vec<_>>());
    }
}
