//! `allkeys-random`, `volatile-random`: any key; the databases take turns.

use super::{
    Handle, Random, Scope,
    policy::{Choice, Policy},
};

/// See the [module](self).
pub(super) struct Uniform {
    scope: Scope,
    /// The group whose turn it is.
    next_group: u16,
}

impl Uniform {
    /// The policy over keys in `scope`.
    pub(super) fn new(scope: Scope) -> Self {
        Self {
            scope,
            next_group: 0,
        }
    }
}

impl Policy for Uniform {
    fn victim(&mut self, choice: &Choice<'_>, random: &mut Random) -> Option<Handle> {
        let groups = choice.keys.groups().max(1);
        for _ in 0..groups {
            let group = self.next_group % groups;
            self.next_group = (group + 1) % groups;
            if choice.keys.len(group, self.scope) == 0 {
                continue;
            }
            let found = choice.keys.random(group, self.scope, random);
            if found.is_some() {
                return found;
            }
        }
        None
    }
}
