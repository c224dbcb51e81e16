//! Cluster mode: which node owns which slot, who is alive, who takes over.
//!
//! [`Cluster`] is one node's part of it, as a state machine without sockets, files or a clock: it is told what happens
//! ([`Event`]) and when, and answers what is to be done ([`Action`]). The node carries that out on real sockets; the
//! simulator in the tests does so in virtual time, with messages lost and nodes crashed.
//!
//! The protocol is that of Redis 7.0 ("Redis cluster specification"), so that a redis-server takes part as a peer:
//!
//! - Nodes ping each other; each message carries news of some others (gossip). Who does not answer within the node
//!   timeout is suspected (PFAIL); when a majority of the masters with slots suspects it, it has failed (FAIL).
//! - Epochs order what nodes claim: of two claims to a slot the one with the greater configuration epoch holds.
//! - A replica of a failed master asks the masters for their votes, each of which votes once an epoch. The replica that
//!   has copied most asks first.
//!
//! A slot whose owner has stopped to claim it goes to whoever claims it next, by whatever epoch: of two moves that follow each
//! other, a node may hear in the wrong order.
//!
//! Four things are done sooner than redis-server does them, within the same protocol: a master that begins to suspect a
//! node tells the others at once; a replica waits a tenth of the time before it asks for votes; what changes of a node's own
//! slots and role is told at once, and again with the next two ticks, not with the next ping; and a ping tells of all new
//! nodes, whatever chance has drawn.

pub mod flags;
pub mod id;
pub mod message;
pub mod nodes_conf;
pub mod peer;
pub mod slot;
pub mod table;
pub mod wire;

mod admin;
mod election;
mod failure;
mod gossip;
mod machine;
mod migration;
mod ownership;
mod receive;
mod tick;

pub use admin::{AdminError, Failover};
pub use flags::NodeFlags;
pub use id::NodeId;
pub use machine::{Action, Cluster, Event, Local, Settings};
pub use message::{Address, Message};
pub use migration::MigrationError;
pub use peer::{LinkId, Peer, PeerKey};
pub use slot::{SLOTS, Slot, SlotSet};
pub use table::Table;
