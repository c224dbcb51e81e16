//! `allkeys-lru-exact`: the longest idle of all keys, by a list of every access.

use super::{
    Handle, Random,
    policy::{Choice, Policy},
};

/// See the [module](self).
pub(super) struct LruExact;

impl Policy for LruExact {
    fn victim(&mut self, choice: &Choice<'_>, _: &mut Random) -> Option<Handle> {
        choice.log.oldest(|handle| choice.keys.contains(handle))
    }
}
