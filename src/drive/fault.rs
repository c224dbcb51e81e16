//! Why a phase could not go on. Each text says what to do next.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::resp::Malformed;

/// Why a phase could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No connection could be made.
    #[error("cannot connect to {address}: {source}; {}", cure(source))]
    Connect {
        /// The server.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Connecting took too long.
    #[error("{address} did not accept the connections within {} s; is it the right address, and is there a firewall?", within.as_secs())]
    Slow {
        /// The server.
        address: SocketAddr,
        /// The limit.
        within: Duration,
    },
    /// AUTH or SELECT was refused.
    #[error(
        "{address} refuses the connection ({word}); check the user, the password and the database number"
    )]
    Refused {
        /// The server.
        address: SocketAddr,
        /// First word of its error.
        word: String,
    },
    /// The server closed a connection, or it broke.
    #[error(
        "the server closed a connection ({0}); look at the server's log, and whether it still runs"
    )]
    Disconnected(io::Error),
    /// No reply came.
    #[error("the server has not answered for {} s; is it stopped, or swapping?", .0.as_secs())]
    Timeout(Duration),
    /// What came is not RESP.
    #[error("{0}; does the address belong to a server of that kind?")]
    Malformed(#[from] Malformed),
    /// A reply came that answers no request.
    #[error("the server sent a reply that nothing had asked for; does a proxy stand between?")]
    Unasked,
    /// The system refused this process something.
    #[error("the load cannot be driven from here: {0}")]
    System(#[from] io::Error),
    /// Another worker could not begin, or the user stopped the run before it had.
    #[error("the phase was called off before it began")]
    CalledOff,
    /// A worker thread panicked, which is a fault of this program.
    #[error(
        "a worker thread panicked, which is a fault of cachebench; please report it with the workload"
    )]
    Panicked,
}

impl Fault {
    /// The kind under which requests that are lost to this fault are counted; none where they count as in flight.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Timeout(_) => Some("timeout"),
            Self::Disconnected(_) | Self::Malformed(_) | Self::Unasked => Some("disconnected"),
            _ => None,
        }
    }
}

fn cure(error: &io::Error) -> &'static str {
    match (error.kind(), error.raw_os_error()) {
        (_, Some(libc::EMFILE | libc::ENFILE)) => {
            "raise the limit (ulimit -n) or ask for fewer clients"
        }
        (_, Some(libc::EADDRNOTAVAIL)) => {
            "the local ports are used up: ask for fewer clients, or wait a minute"
        }
        (io::ErrorKind::ConnectionRefused, _) => "is the server running, and is the port right?",
        (io::ErrorKind::ConnectionReset, _) => {
            "it accepts no more clients (maxclients), or it went down"
        }
        _ => "is the address right, and can it be reached from here?",
    }
}
