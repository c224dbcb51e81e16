//! Clusters of real nodes with real sockets: formed, failed over, cut and mended, beside redis-server as a peer and as a
//! replica, driven by redis-cli, and against bytes that mean harm.

// All of this crate is test: its helpers assert by panicking, as tests do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

mod bus;
mod client;
mod failover;
mod handover;
mod intake;
mod migration;
mod peer;
mod redis_rs;
mod replication;
mod routing;
mod snapshots;
mod tools;

use embedded_server::embedded_cluster::{ClusterOptions, EmbeddedCluster};
use tempfile::TempDir;

/// A cluster of so many masters and replicas each, that suspects within so many milliseconds.
pub(crate) fn cluster(
    masters: usize,
    replicas: usize,
    timeout_ms: u64,
) -> (EmbeddedCluster, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ClusterOptions::in_folder(folder.path());
    (options.masters, options.replicas) = (masters, replicas);
    options.directives = vec![("cluster-node-timeout".into(), timeout_ms.to_string())];
    (EmbeddedCluster::start(&options).unwrap(), folder)
}
