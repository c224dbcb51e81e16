//! `noeviction`: nothing goes; writes are refused instead.

use super::{
    Handle, Random,
    policy::{Choice, Policy},
};

/// See the [module](self).
pub(super) struct NoEviction;

impl Policy for NoEviction {
    fn victim(&mut self, _: &Choice<'_>, _: &mut Random) -> Option<Handle> {
        None
    }
}
