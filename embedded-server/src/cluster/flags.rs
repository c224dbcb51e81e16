//! What a node is and how it fares, a bit each, with the values and names of Redis.

use std::fmt;

/// A set of a node's properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NodeFlags(u16);

impl NodeFlags {
    /// None.
    pub const NONE: Self = Self(0);
    /// Owns slots, or may.
    pub const MASTER: Self = Self(1);
    /// Copies a master.
    pub const REPLICA: Self = Self(1 << 1);
    /// This node cannot reach it.
    pub const PFAIL: Self = Self(1 << 2);
    /// The majority cannot reach it.
    pub const FAIL: Self = Self(1 << 3);
    /// It is this node.
    pub const MYSELF: Self = Self(1 << 4);
    /// Its name is not known yet.
    pub const HANDSHAKE: Self = Self(1 << 5);
    /// Its address is not known.
    pub const NO_ADDRESS: Self = Self(1 << 6);
    /// It is to be invited rather than greeted.
    pub const MEET: Self = Self(1 << 7);
    /// A master that has had replicas, so that one of another may move to it.
    pub const MIGRATE_TO: Self = Self(1 << 8);
    /// A replica that does not ask for votes.
    pub const NO_FAILOVER: Self = Self(1 << 9);

    /// Unreachable, whoever says so.
    pub const FAILING: Self = Self(Self::PFAIL.0 | Self::FAIL.0);
    /// Master or replica.
    pub const ROLES: Self = Self(Self::MASTER.0 | Self::REPLICA.0);

    /// In the order in which CLUSTER NODES lists them. MEET and MIGRATE_TO have no names there.
    const NAMES: [(Self, &'static str); 8] = [
        (Self::MYSELF, "myself"),
        (Self::MASTER, "master"),
        (Self::REPLICA, "slave"),
        (Self::PFAIL, "fail?"),
        (Self::FAIL, "fail"),
        (Self::HANDSHAKE, "handshake"),
        (Self::NO_ADDRESS, "noaddr"),
        (Self::NO_FAILOVER, "nofailover"),
    ];

    /// From the bus; unknown bits are kept out.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & 0x3ff)
    }

    /// For the bus.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both have.
    #[must_use]
    pub const fn only(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether any of `other` is set.
    #[must_use]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Sets or clears all of `other`.
    pub fn set(&mut self, other: Self, on: bool) {
        self.0 = if on {
            self.0 | other.0
        } else {
            self.0 & !other.0
        };
    }

    /// Reads what [`NodeFlags::fmt`](fmt::Display) writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut flags = Self::NONE;
        for word in text.split(',').filter(|word| *word != "noflags") {
            let (flag, _) = Self::NAMES.iter().find(|(_, name)| *name == word)?;
            flags = flags.and(*flag);
        }
        Some(flags)
    }
}

impl fmt::Display for NodeFlags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Self::NAMES.iter().filter(|(flag, _)| self.any(*flag));
        let names: Vec<&str> = names.map(|(_, name)| *name).collect();
        formatter.write_str(if names.is_empty() { "noflags" } else { "" })?;
        formatter.write_str(&names.join(","))
    }
}
