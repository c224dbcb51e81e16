//! Where a server is, how it is reached, and what every connection must say to it first.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::cluster::Map;
use super::encode::append_command;
use super::tls::Connector;
use crate::workload::plan::ReadFrom;

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// Over TCP.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// A command that a connection begins with.
#[derive(Clone, PartialEq, Eq)]
pub struct Greeting {
    /// As RESP.
    pub command: Vec<u8>,
    /// Whether a server that does not know the command is of no use.
    pub is_needed: bool,
}

impl Greeting {
    /// A command that must be accepted.
    #[must_use]
    pub fn needed(words: &[&str]) -> Self {
        Self::new(words, true)
    }

    /// A command that a server may not know.
    #[must_use]
    pub fn wished(words: &[&str]) -> Self {
        Self::new(words, false)
    }

    fn new(words: &[&str], is_needed: bool) -> Self {
        let words: Vec<_> = words.iter().map(|word| word.as_bytes()).collect();
        let mut command = Vec::new();
        append_command(&words, &mut command);
        Self { command, is_needed }
    }
}

impl fmt::Debug for Greeting {
    /// Without the command: a password may be in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Greeting").finish_non_exhaustive()
    }
}

/// How a server is reached.
#[derive(Debug, Clone)]
pub struct Access {
    /// Where it is.
    pub peer: Peer,
    /// Encrypts the connection; none for a plain one.
    pub tls: Option<Connector>,
    /// What each connection begins with, in order: HELLO, AUTH, SELECT.
    pub greeting: Vec<Greeting>,
    /// How long making a connection may take, the greeting included.
    pub timeout: Duration,
    /// Whether the server is one of ours, that nobody else starts again: where it refuses a connection it has ended.
    pub is_ours: bool,
    /// Of a cluster, which node has which slot; the peer is one of them.
    pub cluster: Option<Arc<Map>>,
    /// Which nodes of a cluster are asked what only reads.
    pub read_from: ReadFrom,
}

impl Access {
    /// The peer alone, of a cluster.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self {
            cluster: None,
            ..self.clone()
        }
    }

    /// Each node that is known of a cluster; a server alone.
    #[must_use]
    pub fn nodes(&self) -> Vec<Self> {
        let Some(map) = &self.cluster else {
            return vec![self.clone()];
        };
        let node = |address| Self {
            peer: Peer::Tcp(address),
            ..self.alone()
        };
        map.addresses().into_iter().map(node).collect()
    }

    /// A server that asks for nothing.
    #[must_use]
    pub fn plain(address: SocketAddr, timeout: Duration) -> Self {
        Self {
            peer: Peer::Tcp(address),
            tls: None,
            greeting: Vec::new(),
            timeout,
            is_ours: false,
            cluster: None,
            read_from: ReadFrom::Masters,
        }
    }

    /// The same server, which is ours.
    #[must_use]
    pub fn ours(self) -> Self {
        Self {
            is_ours: true,
            ..self
        }
    }
}
