//! What is done to a cluster while it is driven, as meant.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that is done to a cluster while it is driven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Index of the phase; what has not ended by then ends with it.
    pub phase: usize,
    /// So long after its begin.
    pub at: Duration,
    /// What is done.
    pub deed: Deed,
}

/// What is done to nodes of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// It ends at once, as in a crash.
    Kill(ClusterNode),
    /// It starts again, empty, where it was.
    Restart(ClusterNode),
    /// A replica takes its master's place by agreement.
    Failover(ClusterNode),
    /// It stands still, as under SIGSTOP: it answers neither clients nor nodes.
    Pause {
        /// Which.
        node: ClusterNode,
        /// How long.
        length: Duration,
    },
    /// Nothing passes between these nodes and all others. Clients still reach both sides.
    Partition {
        /// The nodes of one side.
        nodes: Vec<ClusterNode>,
        /// How long.
        length: Duration,
    },
    /// Slots go with their keys from one master to another.
    MigrateSlots(SlotMove),
}

/// Slots that go from one master to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlotMove {
    /// Who has them.
    pub from: ClusterNode,
    /// Who gets them.
    pub to: ClusterNode,
    /// Which.
    pub slots: Range<u16>,
    /// All at once (CLUSTER MIGRATESLOTS); else one after another, each key by MIGRATE, as redis-cli reshards.
    pub atomic: bool,
}

/// A node of a cluster, by what it was when the cluster began. Numbers count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClusterNode {
    /// The master of that number, by its slots.
    Master(u32),
    /// The first replica of the master of that number.
    Replica(u32),
}

impl Deed {
    /// Whether it takes time, as opposed to what is done at once.
    #[must_use]
    pub fn lasts(&self) -> bool {
        match self {
            Self::Kill(_) | Self::Restart(_) | Self::Failover(_) => false,
            Self::Pause { .. } | Self::Partition { .. } | Self::MigrateSlots(_) => true,
        }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(node) => write!(f, "kill {node}"),
            Self::Restart(node) => write!(f, "restart {node}"),
            Self::Failover(node) => write!(f, "failover {node}"),
            Self::Pause { node, .. } => write!(f, "pause {node}"),
            Self::Partition { nodes, .. } => {
                let names: Vec<String> = nodes.iter().map(ClusterNode::to_string).collect();
                write!(f, "partition {}", names.join(", "))
            }
            Self::MigrateSlots(slots) => slots.fmt(f),
        }
    }
}

impl fmt::Display for SlotMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.slots;
        let how = if self.atomic { " at once" } else { "" };
        write!(f, "migrate slots {start}..{end} to {}{how}", self.to)
    }
}

impl fmt::Display for ClusterNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Master(number) => write!(f, "master {number}"),
            Self::Replica(number) => write!(f, "replica {number}"),
        }
    }
}
