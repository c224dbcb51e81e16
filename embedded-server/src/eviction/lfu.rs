//! `allkeys-lfu`, `volatile-lfu`: the least often used of a sample, by the fading logarithmic counter.

use super::{
    Handle, Random, Scope,
    policy::{Choice, Policy},
    pool::Pool,
};

/// See the [module](self).
pub(super) struct Lfu {
    scope: Scope,
    pool: Pool,
}

impl Lfu {
    /// The policy over keys in `scope`.
    pub(super) fn new(scope: Scope) -> Self {
        Self {
            scope,
            pool: Pool::default(),
        }
    }
}

impl Policy for Lfu {
    fn victim(&mut self, choice: &Choice<'_>, random: &mut Random) -> Option<Handle> {
        let rarity = |access| u64::from(u8::MAX - choice.log.frequency(access).unwrap_or(0));
        self.pool.victim(choice, self.scope, random, |candidate| {
            rarity(candidate.access)
        })
    }

    fn forget(&mut self) {
        self.pool.clear();
    }
}
