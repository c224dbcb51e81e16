//! The reference cache server of cachebench.

pub mod eviction;
pub mod keyspace;
pub mod rdb;
pub mod text;
pub mod types;
