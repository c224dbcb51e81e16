//! Commands: what a handler is given, and the texts in which Redis refuses.
//!
//! A handler reads its arguments, works on the node's state and writes exactly one reply. It knows no sockets. Before
//! it runs, its name, its arity, the client's rights and (for `denyoom`) the memory limit have been checked.

mod bit;
mod client;
mod cluster;
mod config;
pub(crate) mod connection;
mod deadline;
mod debug;
pub mod dispatch;
mod draw;
mod dump;
mod expiry;
#[cfg(test)]
mod failing;
mod failover;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod introspect;
mod latency;
mod list;
mod memory;
mod migrate;
mod module;
mod monitor;
mod object;
mod outcome;
mod pause;
mod pubsub;
mod rename;
mod replication;
pub(crate) mod route;
mod save;
mod scan;
mod secret;
mod server;
mod set;
mod slowlog;
mod sort;
mod sorted_set;
mod stream;
mod string;
pub mod table;
mod tracking;
mod transaction;
mod typed;

pub use hash::FieldDeadlines;
pub use rename::{RenameError, Renames};

use crate::client::Client;
use crate::keyspace::Db;
use crate::node::Server;
pub(crate) use crate::resp::{Arguments, Reply};

/// What a handler works on: the node, the client that asked, and where the answer goes.
pub struct Context<'a> {
    /// The node: configuration, keyspace, clock, statistics, the other clients.
    pub server: &'a mut Server,
    /// The client whose command this is.
    pub client: &'a mut Client,
    /// The answer, in the client's protocol.
    pub reply: &'a mut Reply,
}

/// Carries out one command. `arguments` begins with the command's name (for a subcommand: with the container's name,
/// the subcommand's name follows), just as sent.
pub type Handler = fn(&mut Context<'_>, &Arguments<'_>);

/// Redis's words for why a command was refused. Clients compare them, so they are facts of the protocol.
pub mod refusal {
    /// The key holds another type than the command works on.
    pub const WRONG_TYPE: &str =
        "WRONGTYPE Operation against a key holding the wrong kind of value";
    /// Words that do not fit together, or are not known.
    pub const SYNTAX: &str = "ERR syntax error";
    /// No 64-bit signed integer.
    pub const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
    /// No floating-point number.
    pub const NOT_A_FLOAT: &str = "ERR value is not a valid float";
    /// The key does not exist, where it must.
    pub const NO_SUCH_KEY: &str = "ERR no such key";
    /// A source and a destination that are one and the same.
    pub const SAME_OBJECT: &str = "ERR source and destination objects are the same";
    /// A database number beyond `databases`.
    pub const DB_OUT_OF_RANGE: &str = "ERR DB index is out of range";
    /// An index beyond the end.
    pub const OUT_OF_RANGE: &str = "ERR index out of range";
    /// The result of INCR and its kin does not fit 64 bits.
    pub const OVERFLOW: &str = "ERR increment or decrement would overflow";
    /// A string would outgrow `proto-max-bulk-len`.
    pub const STRING_TOO_LONG: &str =
        "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    /// A `denyoom` command, and eviction could not make room.
    pub const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";
    /// A replica without its master, which is not to serve what it has.
    pub const MASTER_DOWN: &str =
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    /// What was saved, or what the master sent, is not loaded yet.
    pub const LOADING: &str = "LOADING Redis is loading the dataset in memory";
    /// A password is set and the client has not given it.
    pub const NO_AUTH: &str = "NOAUTH Authentication required.";
    /// A client's answer to a name it cannot have.
    pub const NO_SUCH_CLIENT: &str = "ERR No such client";
    /// RESTORE onto a key that exists.
    pub const BUSY_KEY: &str = "BUSYKEY Target key name already exists.";

    /// Too many or too few arguments for `name`, which is `get`, or `config|set` for a subcommand.
    #[must_use]
    pub fn wrong_arity(name: &str) -> String {
        format!("ERR wrong number of arguments for '{name}' command")
    }
}

impl Context<'_> {
    /// The database the client has selected.
    #[must_use]
    pub fn db(&self) -> Db {
        self.client.db
    }

    /// Whether the client may do what this directive allows to all, to those of this machine, or to nobody.
    fn is_allowed(&self, directive: &str) -> bool {
        match self.server.config.get(directive).as_deref() {
            Some("yes") => true,
            Some("local") => self.client.endpoints.peer.is_near(),
            _ => false,
        }
    }
}

/// The rows of every group: each file of commands contributes its `COMMANDS`.
const GROUPS: &[&[table::CommandSpec]] = &[
    string::COMMANDS,
    bit::COMMANDS,
    list::COMMANDS,
    hash::COMMANDS,
    set::COMMANDS,
    sorted_set::COMMANDS,
    stream::COMMANDS,
    hyperloglog::COMMANDS,
    geo::COMMANDS,
    sort::COMMANDS,
    generic::COMMANDS,
    expiry::COMMANDS,
    object::COMMANDS,
    memory::COMMANDS,
    dump::COMMANDS,
    migrate::COMMANDS,
    connection::COMMANDS,
    client::COMMANDS,
    config::COMMANDS,
    introspect::COMMANDS,
    server::COMMANDS,
    replication::COMMANDS,
    failover::COMMANDS,
    cluster::COMMANDS,
    save::COMMANDS,
    monitor::COMMANDS,
    module::COMMANDS,
    slowlog::COMMANDS,
    latency::COMMANDS,
    pubsub::COMMANDS,
    debug::COMMANDS,
    transaction::COMMANDS,
    #[cfg(test)]
    failing::COMMANDS,
];

/// Whether `argument` is `word`, in whatever case.
#[must_use]
pub fn is(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}
