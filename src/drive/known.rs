//! What is known of the keys, passed on from phase to phase and from worker to worker.

use super::ledger::Ledger;
use super::touch::Touches;

/// What is known of the keys; nothing of what was not asked for.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// When they were touched.
    pub touches: Option<Touches>,
    /// What they must hold.
    pub ledger: Option<Ledger>,
}

impl Known {
    /// What another worker begins with: the same is asked for, and nothing is known of `count` keys.
    #[must_use]
    pub fn fresh(&self, count: u64) -> Self {
        Self {
            touches: self.touches.as_ref().map(|_| Touches::new(count)),
            ledger: self.ledger.as_ref().map(|_| Ledger::new(count)),
        }
    }

    /// Adds what another worker knows.
    pub fn merge(&mut self, other: &Self) {
        if let (Some(mine), Some(theirs)) = (&mut self.touches, &other.touches) {
            mine.merge(theirs);
        }
        if let (Some(mine), Some(theirs)) = (&mut self.ledger, &other.ledger) {
            mine.merge(theirs);
        }
    }
}
