//! What the node knows of a client: its connection's state, as commands see and change it.

use crate::keyspace::Db;
use crate::resp::Protocol;

/// A client's number; never used twice.
pub type ClientId = u64;

/// One connected client.
#[derive(Debug)]
pub struct Client {
    /// Its number.
    pub id: ClientId,
    /// The database it has selected.
    pub db: Db,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// What CLIENT SETNAME called it; empty for none.
    pub name: Vec<u8>,
    /// Whether it has given the password, or none is asked for.
    pub authenticated: bool,
    /// CLIENT NO-TOUCH: its reads leave access times as they are.
    pub no_touch: bool,
}
