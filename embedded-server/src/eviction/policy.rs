//! What a policy is asked, and what it may ask about the keys.

use super::{
    AccessLog, PolicyName, Random, lfu::Lfu, lru::Lru, lru_exact::LruExact, none::NoEviction,
    ttl::Ttl, uniform::Uniform,
};

/// A key, to a policy. The holder of the keys gives the numbers their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    /// The group (database) it is in.
    pub group: u16,
    /// Which one, within the group.
    pub id: u64,
}

/// A key that was sampled.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Which.
    pub handle: Handle,
    /// Its access word.
    pub access: u32,
    /// Its deadline, if it has one: Unix milliseconds.
    pub expire_ms: Option<i64>,
}

/// Which keys may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Any.
    AllKeys,
    /// Those with a deadline.
    Volatile,
}

/// The keys, as a policy sees them.
pub trait Population {
    /// How many groups there are, numbered from 0.
    fn groups(&self) -> u16;

    /// How many keys of a group are in scope.
    fn len(&self, group: u16, scope: Scope) -> usize;

    /// Calls `visit` with up to `count` keys of a group that lie next to each other behind a random place: fewer only if
    /// there are fewer.
    fn sample(
        &self,
        group: u16,
        scope: Scope,
        count: usize,
        random: &mut Random,
        visit: &mut dyn FnMut(Candidate),
    );

    /// A key of a group drawn evenly, if there is one.
    fn random(&self, group: u16, scope: Scope, random: &mut Random) -> Option<Handle>;

    /// Whether this key is there (and may go).
    fn contains(&self, handle: Handle) -> bool;
}

/// What a choice is made from.
pub(super) struct Choice<'a> {
    pub(super) keys: &'a dyn Population,
    /// What the keys' access words mean.
    pub(super) log: &'a AccessLog,
    /// `maxmemory-samples`.
    pub(super) samples: usize,
}

/// An eviction policy.
pub(super) trait Policy: Send {
    /// The key that should go next; `None` if none may.
    fn victim(&mut self, choice: &Choice<'_>, random: &mut Random) -> Option<Handle>;

    /// Forgets handles kept from earlier choices: they may have changed their meaning.
    fn forget(&mut self) {}
}

/// The policy of this name.
pub(super) fn policy(name: PolicyName) -> Box<dyn Policy> {
    let scope = if name.is_volatile() {
        Scope::Volatile
    } else {
        Scope::AllKeys
    };
    match name {
        PolicyName::NoEviction => Box::new(NoEviction),
        PolicyName::AllKeysLru | PolicyName::VolatileLru => Box::new(Lru::new(scope)),
        PolicyName::AllKeysLfu | PolicyName::VolatileLfu => Box::new(Lfu::new(scope)),
        PolicyName::AllKeysRandom | PolicyName::VolatileRandom => Box::new(Uniform::new(scope)),
        PolicyName::VolatileTtl => Box::new(Ttl::default()),
        PolicyName::AllKeysLruExact => Box::new(LruExact),
    }
}
