//! The embedded server: a cache that speaks the Redis protocol, evicts as Redis does, and keeps time by a clock that a
//! test can turn. It does not know that it is being measured.
//!
//! ```
//! use embedded_server::{Clock, Config, Options, Server};
//!
//! let mut config = Config::default();
//! config.set("port", "0")?; // a free one
//! config.set("maxmemory", "2mb")?;
//! let node = Server::start(Options { config, clock: Clock::virtual_clock(), ..Options::default() })?;
//! let client = std::net::TcpStream::connect(node.addr())?;
//! # drop(client);
//! node.advance(std::time::Duration::from_secs(3600)); // an hour passes at once
//! node.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Data flows from `net` (sockets) over `resp` (bytes to commands) and `command` (what they do) to `keyspace`, which knows
//! neither. `node` composes the rooms; one node is one thread.

pub mod blocking;
pub mod client;
pub mod clock;
pub mod command;
pub mod config;
pub mod eviction;
pub mod histogram;
pub mod info;
pub mod keyspace;
pub mod latency;
pub mod log;
pub mod machine;
pub mod node;
pub mod notify;
pub mod pubsub;
pub mod rdb;
pub mod resp;
pub mod slowlog;
pub mod snapshot;
pub mod stats;
pub mod text;
pub mod thread_time;
pub mod transaction;
pub mod types;

mod handle;
mod net;

pub use clock::Clock;
pub use config::Config;
pub use handle::{Handle, StartError, Stopper};
pub use log::{Level, Log};
pub use net::BindError;
pub use node::{Options, Server};
