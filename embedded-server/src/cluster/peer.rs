//! What a node knows of a node, itself included.

use std::collections::BTreeMap;

use super::flags::NodeFlags;
use super::id::NodeId;
use super::message::Address;
use super::slot::SlotSet;

/// A node's number within one node's table; never used twice, whatever happens to the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub(super) u32);

/// A connection on the bus, as the state machine numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(super) u64);

/// One node. Times are in milliseconds since the Unix epoch, 0 for never.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its name; a random one until the handshake is over.
    pub id: NodeId,
    /// What it is and how it fares.
    pub flags: NodeFlags,
    /// Where it is.
    pub address: Address,
    /// What it wants to be called; empty for nothing.
    pub hostname: String,
    /// Its configuration's epoch.
    pub config_epoch: u64,
    /// Its slots; empty for a replica.
    pub slots: SlotSet,
    /// Its master, of a replica, where it is known.
    pub master: Option<PeerKey>,
    /// How far it has copied, as it last told.
    pub offset: u64,
    /// When it was pinged and has not answered since.
    pub ping_sent_ms: i64,
    /// When it last answered.
    pub pong_received_ms: i64,
    /// When it last said anything.
    pub(super) heard_ms: i64,
    /// When it came to be known.
    pub(super) known_since_ms: i64,
    /// When the majority had lost it.
    pub(super) failed_ms: i64,
    /// When one of its replicas last got this node's vote.
    pub(super) voted_ms: i64,
    /// Since when it is a master with slots and without a replica, having had one.
    pub(super) orphaned_ms: i64,
    /// The connection that this node opened to it.
    pub(super) link: Option<LinkId>,
    /// The connection that it opened to this node.
    pub(super) inbound: Option<LinkId>,
    /// Which masters cannot reach it, and when they last said so.
    pub(super) reports: BTreeMap<PeerKey, i64>,
}

impl Peer {
    pub(super) fn new(id: NodeId, flags: NodeFlags, address: Address, now_ms: i64) -> Self {
        Self {
            id,
            flags,
            address,
            hostname: String::new(),
            config_epoch: 0,
            slots: SlotSet::default(),
            master: None,
            offset: 0,
            ping_sent_ms: 0,
            pong_received_ms: 0,
            heard_ms: 0,
            known_since_ms: now_ms,
            failed_ms: 0,
            voted_ms: 0,
            orphaned_ms: 0,
            link: None,
            inbound: None,
            reports: BTreeMap::new(),
        }
    }

    /// Whether it is a master.
    #[must_use]
    pub fn is_master(&self) -> bool {
        self.flags.any(NodeFlags::MASTER)
    }

    /// Whether it is a replica.
    #[must_use]
    pub fn is_replica(&self) -> bool {
        self.flags.any(NodeFlags::REPLICA)
    }

    /// Whether its name is not known yet.
    #[must_use]
    pub fn is_in_handshake(&self) -> bool {
        self.flags.any(NodeFlags::HANDSHAKE)
    }

    /// Whether the majority has lost it.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.flags.any(NodeFlags::FAIL)
    }

    /// Whether it is a master with slots.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.is_master() && !self.slots.is_empty()
    }

    /// Whether this node has a connection to it.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.link.is_some()
    }

    pub(super) fn has_address(&self) -> bool {
        !self.flags.any(NodeFlags::NO_ADDRESS)
    }
}
