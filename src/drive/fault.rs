//! Why a phase could not go on. Each text says what to do next.

use std::io;
use std::time::Duration;

use super::access::Peer;
use super::resp::Malformed;

/// Why a phase could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No connection could be made.
    #[error("cannot connect to {peer}: {source}; {}", cure(source))]
    Connect {
        /// The server.
        peer: Peer,
        /// What the system said.
        source: io::Error,
    },
    /// Connecting took too long.
    #[error(
        "{peer} did not accept a connection within {within:?}; is it the right address, is the server busy, or is there a \
         firewall? `timeouts: {{ connect: … }}` says how long to wait"
    )]
    Slow {
        /// The server.
        peer: Peer,
        /// The limit.
        within: Duration,
    },
    /// A command that every connection begins with was refused.
    #[error("{peer} refuses the connection ({why}); {}", cure_of_refusal(why))]
    Refused {
        /// The server.
        peer: Peer,
        /// Its error.
        why: String,
    },
    /// TLS could not be agreed upon.
    #[error("no encrypted connection to {peer}: {why}")]
    Handshake {
        /// The server.
        peer: Peer,
        /// What was wrong, and the cure.
        why: String,
    },
    /// A certificate, a key or a name cannot be used; the sentence says which.
    #[error("{0}")]
    Identity(String),
    /// The server closed a connection, or it broke.
    #[error(
        "the server closed a connection ({0}); look at the server's log, and whether it still runs"
    )]
    Disconnected(io::Error),
    /// No reply came.
    #[error(
        "a request was not answered within {0:?}; is the server stopped, or swapping? `timeouts: {{ request: … }}` says how long to wait"
    )]
    Timeout(Duration),
    /// Connections were lost, and for too long none of them could be used again.
    #[error(
        "no reply for {within:?}, although every connection was tried again; the last time: {last}"
    )]
    Unreachable {
        /// How long it was tried.
        within: Duration,
        /// The last failure.
        last: Box<Fault>,
    },
    /// A server of ours is not there any more.
    #[error("the server ended while it was driven")]
    Ended,
    /// Our keys could not be looked up or removed.
    #[error(
        "the server refuses to look up or remove our keys ({0}); may this user send EXISTS and DEL?"
    )]
    Sweep(String),
    /// What came is not RESP.
    #[error("{0}; does the address belong to a server of that kind?")]
    Malformed(#[from] Malformed),
    /// A reply came that answers no request.
    #[error("the server sent a reply that nothing had asked for; does a proxy stand between?")]
    Unasked,
    /// A trace cannot be read any further.
    #[error("{0}")]
    Trace(String),
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
    /// Whether a new connection may do better.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::Slow { .. }
                | Self::Refused { .. }
                | Self::Handshake { .. }
                | Self::Disconnected(_)
                | Self::Timeout(_)
        )
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
        (io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe, _) => {
            "it went down, accepts no more clients (maxclients), or wants TLS (rediss://)"
        }
        (io::ErrorKind::NotFound, _) => "is there such a socket, and does the server run?",
        (io::ErrorKind::PermissionDenied, _) => "may this user use the server's socket?",
        _ => "is the address right, and can it be reached from here?",
    }
}

fn cure_of_refusal(why: &str) -> &'static str {
    let cures = [
        (
            "ERR max number of clients",
            "raise its maxclients, or ask for fewer clients",
        ),
        (
            "NOAUTH",
            "it wants a password: `password_env: NAME`, or redis://user:password@host",
        ),
        ("WRONGPASS", "check the user and the password"),
        (
            "NOPROTO",
            "it does not speak RESP3: write `protocol: resp2`",
        ),
        (
            "ERR unknown command",
            "it does not know this command: write `protocol: resp2`, or use another server",
        ),
        ("ERR DB index", "check the number of the database"),
        (
            "DENIED",
            "it is in protected mode: set a password there, or connect from its own machine",
        ),
        ("LOADING", "it is still reading its data: wait"),
    ];
    cures.iter().find(|(sign, _)| why.starts_with(sign)).map_or(
        "check the user, the password and the database",
        |(_, cure)| cure,
    )
}
