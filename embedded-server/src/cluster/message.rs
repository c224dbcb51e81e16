//! What nodes tell each other.

use std::net::IpAddr;

use super::flags::NodeFlags;
use super::id::NodeId;
use super::slot::SlotSet;

/// Where a node is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Address {
    /// `None` while nobody has told.
    pub ip: Option<IpAddr>,
    /// Where clients connect.
    pub port: u16,
    /// Where nodes connect.
    pub bus_port: u16,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who sends it, and how it stands.
    pub header: Header,
    /// What it says.
    pub body: Body,
}

/// What every message tells of its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub sender: NodeId,
    /// The highest epoch it knows.
    pub current_epoch: u64,
    /// Its configuration's epoch; a replica's master's.
    pub config_epoch: u64,
    /// How far its data set's history has got, in bytes.
    pub offset: u64,
    /// Its slots; a replica's master's.
    pub slots: SlotSet,
    /// Its master, of a replica.
    pub master: Option<NodeId>,
    /// Where it says it is reached; its address is else that of the connection.
    pub address: Address,
    /// What it is.
    pub flags: NodeFlags,
    /// Whether it thinks the cluster serves.
    pub is_ok: bool,
    /// It is a master whose clients are paused for a manual failover.
    pub is_paused: bool,
    /// It asks for a vote though its master has not failed.
    pub is_forced: bool,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// News of other nodes.
    Gossip {
        /// Why it is sent.
        kind: GossipKind,
        /// What it knows of some.
        entries: Vec<Gossip>,
        /// What the sender wants to be called; `None` when it does not say.
        hostname: Option<String>,
    },
    /// The majority cannot reach this node.
    Fail(NodeId),
    /// A message to the subscribers of a channel.
    Publish {
        /// Whether the channel belongs to a slot.
        is_sharded: bool,
        /// The channel.
        channel: Vec<u8>,
        /// The message.
        message: Vec<u8>,
    },
    /// A replica wants to take its master's place.
    VoteRequest,
    /// It may.
    Vote,
    /// A node owns these slots since an epoch that the receiver has not heard of.
    Update {
        /// Whose slots.
        node: NodeId,
        /// Since when.
        config_epoch: u64,
        /// Which.
        slots: SlotSet,
    },
    /// A replica asks its master to pause its clients.
    FailoverStart,
    /// Of a module; not heeded.
    Module,
}

/// Why gossip is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GossipKind {
    /// To get an answer.
    Ping,
    /// As one, or because something has changed.
    Pong,
    /// As a ping, from a node that the receiver shall get to know.
    Meet,
}

/// What the sender knows of another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gossip {
    /// Which.
    pub node: NodeId,
    /// When it was last pinged without an answer so far, in seconds since the Unix epoch; 0 when it has answered.
    pub ping_sent_s: u32,
    /// When it last answered, likewise.
    pub pong_received_s: u32,
    /// Where it is.
    pub address: Address,
    /// What it is and how it fares.
    pub flags: NodeFlags,
}

impl Body {
    /// How many kinds there are: one more than the highest [`Body::kind`].
    pub const KINDS: usize = 11;

    /// Its number on the bus.
    #[must_use]
    pub fn kind(&self) -> u16 {
        match self {
            Self::Gossip { kind, .. } => match kind {
                GossipKind::Ping => 0,
                GossipKind::Pong => 1,
                GossipKind::Meet => 2,
            },
            Self::Fail(_) => 3,
            Self::Publish { is_sharded, .. } => {
                if *is_sharded {
                    10
                } else {
                    4
                }
            }
            Self::VoteRequest => 5,
            Self::Vote => 6,
            Self::Update { .. } => 7,
            Self::FailoverStart => 8,
            Self::Module => 9,
        }
    }

    /// The name under which CLUSTER INFO counts a kind.
    #[must_use]
    pub fn kind_name(kind: usize) -> &'static str {
        const NAMES: [&str; Body::KINDS] = [
            "ping",
            "pong",
            "meet",
            "fail",
            "publish",
            "auth-req",
            "auth-ack",
            "update",
            "mfstart",
            "module",
            "publishshard",
        ];
        NAMES.get(kind).copied().unwrap_or("unknown")
    }
}
