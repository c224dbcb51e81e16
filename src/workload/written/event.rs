//! What is done to a cluster meanwhile, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::workload::reader::{At, Given};
use crate::workload::units::{Flag, Name, Plain, SlotRange, Time};

/// Something that is done to nodes of a cluster while it is driven: one of `kill`, `restart`, `pause`, `partition`, `failover`,
/// `migrate-slots`. Nodes are called by what they were at first: `master 1`, `replica 1` (that of master 1).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "event",
    default,
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a map with `phase`, `at`, and what is done, as in kill: master 1"
)]
#[schemars(extend("required" = ["phase", "at"]))]
pub(in crate::workload) struct Event {
    /// The phase during which it is done; what has not ended by then ends with it.
    pub(in crate::workload) phase: Given<Name>,
    /// So long after the phase's begin.
    pub(in crate::workload) at: Given<Time>,
    /// How long a `pause` or a `partition` lasts.
    #[serde(rename = "for")]
    pub(in crate::workload) for_: Given<Time>,
    /// The node ends at once, as in a crash.
    pub(in crate::workload) kill: Given<Plain>,
    /// The node starts again, empty, where it was.
    pub(in crate::workload) restart: Given<Plain>,
    /// The node stands still, as under SIGSTOP: it answers neither clients nor nodes.
    pub(in crate::workload) pause: Given<Plain>,
    /// Nothing passes between these nodes and all others; clients still reach both sides.
    #[schemars(length(min = 1))]
    pub(in crate::workload) partition: Given<Vec<At<Plain>>>,
    /// The replica takes its master's place by agreement.
    pub(in crate::workload) failover: Given<Plain>,
    /// Slots go with their keys from one master to another.
    pub(in crate::workload) migrate_slots: Given<SlotMove>,
}

/// Slots that go from one master to another.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "slot_move",
    default,
    deny_unknown_fields,
    expecting = "a map with `from`, `to`, `slots` and perhaps `atomic`"
)]
#[schemars(extend("required" = ["from", "to", "slots"]))]
pub(in crate::workload) struct SlotMove {
    /// The master that has them.
    pub(in crate::workload) from: Given<Plain>,
    /// The master that gets them.
    pub(in crate::workload) to: Given<Plain>,
    /// Which.
    pub(in crate::workload) slots: Given<SlotRange>,
    /// `true`: all at once, by CLUSTER MIGRATESLOTS. `false`: one after another, ten keys at a time by MIGRATE, as redis-cli
    /// reshards; keys that have gone already are asked for by ASK.
    #[schemars(extend("default" = false))]
    pub(in crate::workload) atomic: Given<Flag>,
}
