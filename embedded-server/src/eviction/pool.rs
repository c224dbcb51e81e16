//! The candidates of a sampled policy: the best of what was seen lately, kept from one eviction to the next.
//!
//! Sampling a few keys anew for each eviction would forget the good candidates among them. So the best sixteen stay, as
//! Redis keeps them since 3.0, with all that this implies: a score is not refreshed when its key is touched after it was
//! sampled, a key may stand in the pool twice, and one that has gone meanwhile is passed over when its turn comes.

use super::{
    Handle, Random, Scope,
    policy::{Candidate, Choice},
};

/// Candidates kept.
const POOL_LEN_MAX: usize = 16;

/// Candidates, the worst first.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    candidates: Vec<(u64, Handle)>,
}

impl Pool {
    /// Samples every group, takes in what was found and returns the best that is still there. `None` when no key may go.
    pub(super) fn victim(
        &mut self,
        choice: &Choice<'_>,
        scope: Scope,
        random: &mut Random,
        score: impl Fn(&Candidate) -> u64,
    ) -> Option<Handle> {
        loop {
            let mut found = 0;
            for group in
                (0..choice.keys.groups()).filter(|&group| choice.keys.len(group, scope) > 0)
            {
                choice
                    .keys
                    .sample(group, scope, choice.samples, random, &mut |candidate| {
                        self.offer(score(&candidate), candidate.handle);
                        found += 1;
                    });
            }
            if found == 0 {
                return None;
            }
            // The pool may have been full of ghosts with better scores; they are gone now, so the next round gets further.
            let best = self.take_best(|handle| choice.keys.contains(handle));
            if best.is_some() {
                return best;
            }
        }
    }

    /// Takes in a candidate if there is room or a worse one. The higher the score, the sooner it goes; among equals those
    /// taken in first.
    fn offer(&mut self, score: u64, handle: Handle) {
        let at = self.candidates.partition_point(|&(other, _)| other < score);
        if self.candidates.len() < POOL_LEN_MAX {
            self.candidates.insert(at, (score, handle));
        } else if at > 0 {
            self.candidates.remove(0);
            self.candidates.insert(at - 1, (score, handle));
        }
    }

    /// Takes out candidates from the best on until one is still there, and returns it.
    fn take_best(&mut self, is_there: impl Fn(Handle) -> bool) -> Option<Handle> {
        while let Some((_, handle)) = self.candidates.pop() {
            if is_there(handle) {
                return Some(handle);
            }
        }
        None
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.candidates.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(id: u64) -> Handle {
        Handle { group: 0, id }
    }

    #[test]
    fn keeps_the_best_sixteen_and_passes_over_ghosts() {
        let mut pool = Pool::default();
        for id in 0..40 {
            pool.offer(id * 7 % 40, handle(id * 7 % 40));
        }
        let is_there = |handle: Handle| handle.id.is_multiple_of(2);
        let taken: Vec<u64> = std::iter::from_fn(|| pool.take_best(is_there))
            .map(|handle| handle.id)
            .collect();
        assert_eq!(taken, [38, 36, 34, 32, 30, 28, 26, 24]);
    }

    #[test]
    fn a_candidate_no_better_than_the_worst_of_a_full_pool_stays_out() {
        let mut pool = Pool::default();
        for id in 0..16 {
            pool.offer(5, handle(id));
        }
        pool.offer(5, handle(99));
        assert_eq!(
            pool.take_best(|_| true),
            Some(handle(0)),
            "first come, first gone"
        );
        assert!(!pool.candidates.iter().any(|&(_, kept)| kept == handle(99)));
    }
}
