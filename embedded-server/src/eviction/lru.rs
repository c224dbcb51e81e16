//! `allkeys-lru`, `volatile-lru`: the longest idle of a sample, by the LRU clock.

use super::{
    Handle, Random, Scope,
    policy::{Choice, Policy},
    pool::Pool,
};

/// See the [module](self).
pub(super) struct Lru {
    scope: Scope,
    pool: Pool,
}

impl Lru {
    /// The policy over keys in `scope`.
    pub(super) fn new(scope: Scope) -> Self {
        Self {
            scope,
            pool: Pool::default(),
        }
    }
}

impl Policy for Lru {
    fn victim(&mut self, choice: &Choice<'_>, random: &mut Random) -> Option<Handle> {
        self.pool.victim(choice, self.scope, random, |candidate| {
            choice.log.idle_ms(candidate.access)
        })
    }

    fn forget(&mut self) {
        self.pool.clear();
    }
}
