//! Removals that no command asked for, queued for whoever must tell others: notifications, and later replicas and the
//! append-only file.

use super::Db;

/// Why a key went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Its time had come. The notification `expired`, class `x`.
    Expired,
    /// Its room was needed. The notification `evicted`, class `e`.
    Evicted,
}

/// One key that went by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Why.
    pub kind: EventKind,
    /// The database it was in.
    pub db: Db,
    /// Its name.
    pub key: Box<[u8]>,
}
