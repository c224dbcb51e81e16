//! `volatile-ttl`: the key nearest its deadline, to the millisecond, of a sample of those that have one.

use super::{
    Handle, Random, Scope,
    policy::{Choice, Policy},
    pool::Pool,
};

/// See the [module](self).
#[derive(Default)]
pub(super) struct Ttl {
    pool: Pool,
}

impl Policy for Ttl {
    fn victim(&mut self, choice: &Choice<'_>, random: &mut Random) -> Option<Handle> {
        // Deadlines may be negative; the distance to the latest thinkable one never is.
        let urgency = |expire_ms: Option<i64>| i64::MAX.abs_diff(expire_ms.unwrap_or(i64::MAX));
        self.pool
            .victim(choice, Scope::Volatile, random, |candidate| {
                urgency(candidate.expire_ms)
            })
    }

    fn forget(&mut self) {
        self.pool.clear();
    }
}
