//! The embedded server: a cache that speaks the Redis protocol, evicts as Redis does, and keeps time by a clock that a
//! test can turn. It does not know that it is being measured.
//!
//! # For those who test with it
//!
//! A node runs in the process of the test, on a free port, and is gone when its [`Handle`] is dropped. Under a virtual
//! clock and one seed, as [`Options::for_tests`] has them, a run repeats exactly; under [`Clock::Real`] it is a server
//! like any other.
//!
//! ```
//! use embedded_server::{Options, Server};
//! use std::io::{Read, Write};
//! use std::time::Duration;
//!
//! let node = Server::start(Options::for_tests().with("maxmemory", "2mb")?)?;
//! let mut client = std::net::TcpStream::connect(node.addr())?; // or any Redis client
//! client.write_all(b"SET session token EX 3600\r\n")?;
//! client.read_exact(&mut [0; 5])?; // "+OK"
//!
//! assert_eq!(node.db(0).get("session")?.as_deref(), Some(&b"token"[..]));
//! node.advance(Duration::from_secs(3601)); // an hour passes at once
//! assert_eq!(node.db(0).get("session")?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - Time: [`Handle::advance`] turns the clock by which keys expire, age and are drawn, TIME and blocked clients included.
//! - Looks inside: [`Handle::db`] shows keys by their types, and does not count as a use. [`Handle::snapshot`] and
//!   [`Handle::load`] carry everything from one node to another, or to a redis-server.
//! - [Faults](fault) on purpose: [`Handle::inject`] an error, a delay, a lost connection or a reply cut short;
//!   [`Handle::pause`] holds the node; [`Handle::restart`] brings it back empty on the same port.
//!
//! ```
//! use embedded_server::fault::{Fault, Rule};
//! use embedded_server::{Options, Server};
//! use std::io::{Read, Write};
//!
//! let mut node = Server::start(Options::for_tests())?;
//! let address = node.addr();
//! node.inject(Rule::from(Fault::Drop).on("set").times(1))?; // the connection is lost, the write with it
//! let mut client = std::net::TcpStream::connect(address)?;
//! client.write_all(b"SET a 1\r\n")?;
//! assert_eq!(client.read(&mut [0; 1])?, 0);
//! assert!(node.db(0).keys()?.is_empty());
//!
//! node.restart()?;
//! assert_eq!(node.addr(), address);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it differs from Redis 7.0
//!
//! Random sequences of commands run against this server and redis-server 7.0, over both protocols; replies, events and
//! what is left must be the same. What is excepted there, and why:
//!
//! - The order of replies that have none (KEYS, SMEMBERS of a table, HGETALL), the cursors of SCAN and its kin, and what is
//!   drawn by chance: each server has tables and dice of its own. One `seed` repeats them here.
//! - OBJECT ENCODING and REFCOUNT after INCRBYFLOAT and COPY: a string that spells an integer is one here however it came
//!   to be, and none is shared.
//! - MEMORY USAGE, DEBUG OBJECT and the memory part of INFO tell what this server uses; MEMORY STATS has no part for each
//!   database.
//! - A key past its deadline is gone for every command; redis-server lets SCAN with TYPE and MEMORY USAGE see some.
//! - Of two faults in one command, each server may name another (BITPOS, BITCOUNT).
//! - A score of -0 that a negative weight makes is kept by large sorted sets alone; here one that was made member by member
//!   has been small before.
//! - BITFIELD near the ends of 64 bits: redis-server's check for overflow overflows itself.
//! - DUMP of a hash whose fields expire, which redis-server 7.0 does not have, is in the form of 7.4; RESTORE takes what 7.2
//!   and 7.4 write.
//! - BGSAVE serializes slice by slice between the commands, where redis-server forks. Changes
//!   (`rdb_changes_since_last_save`) are counted by event.
//! - `repl-diskless-load swapdb` is as `disabled`: until the snapshot of a master is there the data of before is served, and no
//!   second data set is ever in memory. Where `dir` takes no file, a snapshot takes the place of the data at once.
//! - There is no append-only file: BGREWRITEAOF is answered, and does nothing.
//! - A write that would not fit under `maxmemory` is refused, unless it is within EXEC; redis-server lets one command exceed it.
//!   Of what a client takes, only what is beyond 24 KiB counts, so that ordinary clients do not change which keys are evicted;
//!   of replicas and the backlog nothing is part of `used_memory`.
//! - SORT leaves a sorted set in its form; redis-server gives it the large one.
//! - BITOP upon a destination past its deadline tells that it expired; redis-server, that it was deleted.
//! - COMMAND DOCS has summaries of its own, complexity without its prose, and no history.
//! - CONFIG SET moves `port` and `bind` of a node alone, not of one in a cluster. `proc-title-template` and `oom-score-adj`
//!   are without effect. Connections share their buffers: CLIENT LIST tells of those that a client keeps beside them, and
//!   `rbs`, `rbp` and `argv-mem` stay 0. Nothing is freed later: `lazyfreed_objects` stays 0.
//! - CLIENT UNBLOCK of a client whose command CLIENT PAUSE puts off answers 0; redis-server 7.0.15 ends by it.
//! - `port 0` takes a free port rather than none. `save` is empty, `bind` this machine alone, and DEBUG allowed from there.
//! - Commands and directives of scripting, functions, ACL users, the append-only file and TLS: not there; the
//!   directives are taken, kept and without effect. MODULE LIST is empty, and no module can be loaded.
//! - Hash fields that expire, which 7.0 does not have, behave as in Valkey 9.
//!
//! # Inside
//!
//! Data flows from `net` (sockets) over `resp` (bytes to commands) and `command` (what they do) to `keyspace`, which knows
//! neither. `node` composes the rooms; one node is one thread.

pub mod blocking;
pub mod client;
pub mod clock;
pub mod cluster;
pub mod command;
pub mod config;
pub mod departure;
pub mod embedded_cluster;
pub mod eviction;
pub mod fault;
pub mod footprint;
pub mod histogram;
pub mod info;
pub mod keyspace;
pub mod latency;
pub mod log;
pub mod look;
pub mod machine;
pub mod member;
pub mod migration;
pub mod node;
pub mod notify;
pub mod pause;
pub mod pubsub;
pub mod rdb;
pub mod replication;
pub mod resp;
pub mod saving;
pub mod shutdown;
pub mod slowlog;
pub mod snapshot;
pub mod stats;
pub mod text;
pub mod thread_time;
pub mod tracking;
pub mod transaction;
pub mod types;

mod handle;
mod net;
mod nodes_file;
mod prefetch;
mod resolve;
mod transfer;

pub use clock::Clock;
pub use config::Config;
pub use handle::{Ended, Handle, InjectError, Pause, StartError, Stopper};
pub use log::{Level, Log};
pub use look::{Look, LookError};
pub use net::BindError;
pub use node::{Options, Server};
