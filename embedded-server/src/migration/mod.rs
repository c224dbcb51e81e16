//! Slots that move at once with all their keys, while clients write: what CLUSTER MIGRATESLOTS of Valkey 9 does.
//!
//! The source copies the keys of the slots to the target over a connection of its own, and then those that have changed
//! meanwhile, again and again ([`export`]). When few are left it holds back whoever writes to the slots, sends the rest,
//! and asks the target to take the slots. (The method is pre-copy, as virtual machines are moved: Clark et al., "Live
//! Migration of Virtual Machines", NSDI 2005.) A key goes over whole, or as gone, so it does not matter in which order
//! keys change, and of a key that changes often only the latest state waits. No client ever sees ASK.
//!
//! The target keeps what comes beside its keyspace ([`import`]): no command, no replica and no eviction knows of a key
//! before its slot is here. In the turn in which it takes the slots it puts the keys in, streams them to its replicas, and
//! tells all others by a claim with a new epoch.
//!
//! Until it has taken them the slots and their keys are the source's. A connection that breaks, a node that dies, a
//! FLUSHALL and CLUSTER CANCELSLOTMIGRATIONS before that leave everything as it was; the target throws away what it got.
//! When the answer to the last question is lost, the source asks again, and lets nobody write to the slots until it knows:
//! at most ten seconds, as Valkey.
//!
//! The messages between the two are commands, CLUSTER SYNCSLOTS, in a form of this server; a Valkey refuses them. What
//! Valkey tells otherwise: `state` has fewer steps, `cow_size` is 0 as nothing forks, `remaining_repl_size` counts keys.

pub(crate) mod export;
pub(crate) mod import;

use std::collections::VecDeque;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::cluster::{NodeId, SlotSet};
use export::Export;
use import::Import;

/// How many migrations are remembered that are over, as Valkey's cluster-slot-migration-log-max-len.
const REMEMBERED: usize = 1000;

/// How far a migration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The source has not reached the target yet.
    Connecting,
    /// The target gets keys.
    Receiving,
    /// The source sends every key once.
    Snapshotting,
    /// The source sends what has changed.
    Replicating,
    /// The source holds writers back and sends the last.
    Paused,
    /// The target may take the slots; whether it has is not known.
    Granted,
    /// The slots are the target's.
    Success,
    /// They have stayed where they were, unless the message says otherwise.
    Failed,
    /// They have stayed, as somebody wanted.
    Cancelled,
}

impl State {
    /// As CLUSTER GETSLOTMIGRATIONS names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Receiving => "receiving-snapshot",
            Self::Snapshotting => "snapshotting",
            Self::Replicating => "replicating",
            Self::Paused => "failover-paused",
            Self::Granted => "failover-granted",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing follows it.
    #[must_use]
    pub fn is_over(self) -> bool {
        self >= Self::Success
    }
}

/// What is told of a migration. Times are in seconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Forty hexadecimal digits, the same on both sides.
    pub name: String,
    /// Whether the slots come to this node.
    pub is_import: bool,
    /// The slots.
    pub slots: SlotSet,
    /// Whose they are at first.
    pub source: NodeId,
    /// Whose they are to be.
    pub target: NodeId,
    /// When it began.
    pub created_s: i64,
    /// When its state last changed.
    pub updated_s: i64,
    /// When the other side was last heard.
    pub acknowledged_s: i64,
    /// How far it is.
    pub state: State,
    /// Why it failed.
    pub message: String,
    /// Keys that wait to be sent, of those that have been looked at.
    pub waiting: usize,
}

impl Record {
    fn new(name: String, slots: SlotSet, (source, target): (NodeId, NodeId), now_ms: i64) -> Self {
        let now_s = now_ms / 1000;
        Self {
            name,
            is_import: false,
            slots,
            source,
            target,
            created_s: now_s,
            updated_s: now_s,
            acknowledged_s: now_s,
            state: State::Connecting,
            message: String::new(),
            waiting: 0,
        }
    }

    fn enter(&mut self, state: State, now_ms: i64) {
        self.state = state;
        self.updated_s = now_ms / 1000;
    }
}

/// The migrations of a node.
#[derive(Debug)]
pub struct Migrations {
    exports: Vec<Export>,
    imports: Vec<Import>,
    /// Those that are over, the latest first.
    log: VecDeque<Record>,
    orders: UnboundedSender<String>,
    inbox: Option<UnboundedReceiver<String>>,
}

impl Default for Migrations {
    fn default() -> Self {
        let (orders, inbox) = unbounded_channel();
        Self {
            exports: Vec::new(),
            imports: Vec::new(),
            log: VecDeque::new(),
            orders,
            inbox: Some(inbox),
        }
    }
}

impl Migrations {
    /// The names of exports that are to begin, for the task that carries them out.
    pub(crate) fn take_inbox(&mut self) -> Option<UnboundedReceiver<String>> {
        self.inbox.take()
    }

    /// Whether any slot is on its way out.
    #[inline]
    pub(crate) fn is_exporting(&self) -> bool {
        !self.exports.is_empty()
    }

    /// Every migration, the latest first: those under way, then those that are over.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        let exports = self.exports.iter().rev().map(|export| &export.record);
        let imports = self.imports.iter().rev().map(|import| &import.record);
        exports.chain(imports).chain(&self.log)
    }

    /// The migration of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Record> {
        self.iter().find(|record| record.name == name)
    }

    fn remember(&mut self, mut record: Record, state: State, message: String, now_ms: i64) {
        record.enter(state, now_ms);
        record.message = message;
        record.waiting = 0;
        self.log.push_front(record);
        self.log.truncate(REMEMBERED);
    }
}
