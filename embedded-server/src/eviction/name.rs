//! The policies by name, as `maxmemory-policy` writes them, and what kind each is.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// An eviction policy, as `maxmemory-policy` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyName {
    /// Evict nothing; refuse writes that would need room.
    NoEviction,
    /// Any key, the least recently used of a sample.
    AllKeysLru,
    /// Any key, the least frequently used of a sample.
    AllKeysLfu,
    /// Any key at random.
    AllKeysRandom,
    /// A key that has a TTL, the least recently used of a sample.
    VolatileLru,
    /// A key that has a TTL, the least frequently used of a sample.
    VolatileLfu,
    /// A key that has a TTL, at random.
    VolatileRandom,
    /// The key nearest its deadline, of a sample.
    VolatileTtl,
    /// Exactly the least recently used key of all: the yardstick for the sampled ones, at 24 bytes more a key.
    AllKeysLruExact,
}

/// No policy has this name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown eviction policy '{0}': one of {list}", list = PolicyName::ALL.map(PolicyName::name).join(", "))]
pub struct UnknownPolicy(pub String);

impl PolicyName {
    /// Every policy, in the order that configuration errors list them.
    pub const ALL: [Self; 9] = [
        Self::VolatileLru,
        Self::VolatileLfu,
        Self::VolatileRandom,
        Self::VolatileTtl,
        Self::AllKeysLru,
        Self::AllKeysLfu,
        Self::AllKeysRandom,
        Self::AllKeysLruExact,
        Self::NoEviction,
    ];

    /// The name that `maxmemory-policy` uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoEviction => "noeviction",
            Self::AllKeysLru => "allkeys-lru",
            Self::AllKeysLfu => "allkeys-lfu",
            Self::AllKeysRandom => "allkeys-random",
            Self::VolatileLru => "volatile-lru",
            Self::VolatileLfu => "volatile-lfu",
            Self::VolatileRandom => "volatile-random",
            Self::VolatileTtl => "volatile-ttl",
            Self::AllKeysLruExact => "allkeys-lru-exact",
        }
    }

    /// Whether accesses are counted (OBJECT FREQ answers) rather than dated (OBJECT IDLETIME answers).
    pub fn is_lfu(self) -> bool {
        matches!(self, Self::AllKeysLfu | Self::VolatileLfu)
    }

    /// Whether it chooses by how keys were accessed, so that each must carry data of its own about that.
    pub fn needs_access_data(self) -> bool {
        self.is_lfu()
            || matches!(
                self,
                Self::AllKeysLru | Self::VolatileLru | Self::AllKeysLruExact
            )
    }

    /// Whether only keys with a TTL may go.
    pub fn is_volatile(self) -> bool {
        matches!(
            self,
            Self::VolatileLru | Self::VolatileLfu | Self::VolatileRandom | Self::VolatileTtl
        )
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PolicyName {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        let found = Self::ALL
            .into_iter()
            .find(|policy| policy.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| UnknownPolicy(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_in_any_case() {
        for policy in PolicyName::ALL {
            assert_eq!(policy.name().parse(), Ok(policy));
            assert_eq!(policy.name().to_uppercase().parse(), Ok(policy));
        }
        let error = "lru".parse::<PolicyName>().unwrap_err().to_string();
        assert!(
            error.contains("'lru'") && error.contains("allkeys-lru-exact"),
            "{error}"
        );
    }
}
