//! The embedded server: a cache that speaks the Redis protocol, evicts as Redis does, and keeps time by a clock that a
//! test can turn. It does not know that it is being measured.

pub mod clock;
pub mod config;
pub mod eviction;
pub mod keyspace;
pub mod rdb;
pub mod resp;
pub mod text;
pub mod types;

pub mod client;
pub mod command;
pub mod node;
pub mod notify;
