//! A node: it composes the rooms. One node, one thread.

use crate::clock::Clock;
use crate::config::Config;
use crate::keyspace::{Db, Keyspace};
use crate::notify::Events;

/// What all clients of a node share.
pub struct Server {
    /// The configuration; CONFIG SET changes it.
    pub config: Config,
    /// The keys and values.
    pub keyspace: Keyspace,
    /// Where time comes from.
    pub clock: Clock,
    /// The clock's reading for this turn of the loop, in milliseconds since the Unix epoch.
    pub now_ms: i64,
}

impl Server {
    /// Publishes a keyspace event, if `notify-keyspace-events` asks for its class.
    pub fn notify(&mut self, class: Events, event: &str, db: Db, key: &[u8]) {
        let _ = (class, event, db, key);
    }
}
