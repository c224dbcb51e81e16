//! What can go wrong with a target. Each text says what to do next.

use std::io;

/// What can go wrong with a target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The plan asks for what the target does not permit.
    #[error("{0}")]
    NotAllowed(String),
    /// The host has no address.
    #[error("cannot find the host `{host}`: {source}; is the name right?")]
    Host {
        /// As given.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The program cannot be run.
    #[error("cannot run `{program}`: {source}; give its path in `spawn:`, or install it")]
    Program {
        /// As given.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The program ran and did not become a server that answers.
    #[error("`{program}` did not come up: {why}{}", quoted(log))]
    NotUp {
        /// As given.
        program: String,
        /// What was seen of it.
        why: String,
        /// The end of what it wrote.
        log: String,
    },
    /// A command of the control plane failed.
    #[error(
        "the server refused `{command}`: {source}; does its version know it, and is the value right?"
    )]
    Command {
        /// The command.
        command: String,
        /// What the server said.
        source: redis::RedisError,
    },
    /// The connection of the control plane broke.
    #[error(
        "the server went away during `{command}`: {source}; look at its log, and whether it still runs"
    )]
    Gone {
        /// The command.
        command: String,
        /// What the client library said.
        source: redis::RedisError,
    },
    /// The embedded server could not be started.
    #[error("the embedded server did not start: {0}")]
    Embedded(String),
    /// The server cannot be reached, or keys could not be written or removed.
    #[error(transparent)]
    Drive(#[from] crate::drive::Fault),
    /// There is no cluster yet.
    #[error(
        "no master of the cluster can be found; form it first (`redis-cli --cluster create …`), and reach it over TCP"
    )]
    NoMasters,
    /// The system refused something.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// A log as a further line, where there is one.
fn quoted(log: &str) -> String {
    if log.is_empty() {
        String::new()
    } else {
        format!("\nits last words:\n{log}")
    }
}
