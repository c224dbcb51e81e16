//! A cluster: which node has which slot, as one of its nodes tells; and one of reference servers in this process.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use embedded_server::cluster::Failover;
use embedded_server::embedded_cluster::{ClusterOptions, EmbeddedCluster};
use redis::Value;
use tempfile::TempDir;

use super::TargetError;
use super::control::Control;
use crate::drive::access::{Access, Peer};
use crate::drive::cluster::Map;
use crate::workload::plan::{ClusterNode, Deed, Directive, Event};

/// Nodes on threads of their own; stopped when they are dropped.
#[derive(Debug)]
pub(super) struct Nodes {
    hand: Hand,
    /// Where the nodes keep what they know of each other.
    _folder: TempDir,
}

impl Nodes {
    /// Starts a cluster under `directives` on free loopback ports.
    pub(super) fn start(
        (masters, replicas): (u32, u32),
        directives: &[Directive],
        timeout: Duration,
    ) -> Result<(Self, Access, Control), TargetError> {
        let folder = tempfile::tempdir().map_err(|source| TargetError::System {
            doing: "making a folder for the nodes of the cluster",
            source,
        })?;
        let mut options = ClusterOptions::in_folder(folder.path());
        (options.masters, options.replicas) = (masters as usize, replicas as usize);
        options.directives = [("bind", "127.0.0.1"), ("save", ""), ("appendonly", "no")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let own = directives
            .iter()
            .map(|one| (one.name.clone(), one.value.clone()));
        options.directives.extend(own);
        let cluster = EmbeddedCluster::start(&options)
            .map_err(|error| TargetError::Embedded(error.to_string()))?;
        let addresses = cluster.addresses();
        let first = addresses.first().ok_or(TargetError::NoMasters)?;
        let mut access = Access::plain(*first, timeout);
        let mut control = Control::open(&access)?;
        learn(&mut access, &mut control)?;
        let nodes = Self {
            hand: Hand {
                cluster: Arc::new(Mutex::new(cluster)),
                masters: options.masters,
            },
            _folder: folder,
        };
        Ok((nodes, access, control))
    }

    /// CPU seconds of all nodes so far.
    pub(super) fn cpu_s(&self) -> Option<f64> {
        let cluster = self
            .hand
            .cluster
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let nodes = (0..cluster.count()).filter_map(|index| cluster.node(index));
        let times = nodes.filter_map(|node| node.cpu_time());
        Some(times.sum::<Duration>().as_secs_f64())
    }

    pub(super) fn hand(&self) -> Hand {
        self.hand.clone()
    }
}

/// What does to a cluster of ours what a workload says, while it is driven.
#[derive(Debug, Clone)]
pub struct Hand {
    cluster: Arc<Mutex<EmbeddedCluster>>,
    masters: usize,
}

impl Hand {
    /// Does what an event says.
    ///
    /// # Errors
    ///
    /// A sentence, where a node refuses or does not start.
    pub fn act(&self, event: &Event) -> Result<(), String> {
        let mut cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        // Masters come first, then the replicas of each in turn.
        let (number, offset) = match event.node {
            ClusterNode::Master(number) => (number, 0),
            ClusterNode::Replica(number) => (number, self.masters),
        };
        let index = (number as usize).saturating_sub(1) + offset;
        match event.deed {
            Deed::Kill => {
                cluster.kill(index);
                Ok(())
            }
            Deed::Restart => cluster.restart(index),
            Deed::Failover => cluster.administer(index, |node| node.failover(Failover::Agreed)),
        }
        .map_err(|error| error.to_string())
    }
}

/// Finds out which node has which slot; `access` then leads to all of them.
pub(super) fn learn(access: &mut Access, control: &mut Control) -> Result<(), TargetError> {
    let Peer::Tcp(seed) = access.peer else {
        return Err(TargetError::NoMasters);
    };
    let rows: Vec<Value> = control.ask(&["CLUSTER", "SLOTS"])?;
    let shards: Vec<_> = rows.iter().filter_map(|row| shard(row, seed)).collect();
    let map = Map::new(&shards).ok_or(TargetError::NoMasters)?;
    access.cluster = Some(Arc::new(map));
    Ok(())
}

/// A row of CLUSTER SLOTS: first and last slot, then the master with address and port. A node that does not know its own
/// address leaves it out.
fn shard(row: &Value, seed: SocketAddr) -> Option<(RangeInclusive<u16>, SocketAddr)> {
    let Value::Array(row) = row else { return None };
    let [
        Value::Int(first),
        Value::Int(last),
        Value::Array(master),
        ..,
    ] = row.as_slice()
    else {
        return None;
    };
    let [host, Value::Int(port), ..] = master.as_slice() else {
        return None;
    };
    let host = match host {
        Value::BulkString(text) if !text.is_empty() => {
            std::str::from_utf8(text).ok()?.parse().ok()?
        }
        _ => seed.ip(),
    };
    let slots = u16::try_from(*first).ok()?..=u16::try_from(*last).ok()?;
    Some((slots, SocketAddr::new(host, u16::try_from(*port).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_slots_and_their_master() {
        let seed = SocketAddr::from(([10, 0, 0, 1], 7000));
        let row = |host: Value| {
            let master = Value::Array(vec![
                host,
                Value::Int(7001),
                Value::BulkString(b"id".to_vec()),
            ]);
            Value::Array(vec![Value::Int(5461), Value::Int(10_922), master])
        };
        let shown =
            |host| shard(&row(host), seed).map(|(slots, node)| (*slots.end(), node.to_string()));
        assert_eq!(
            shown(Value::BulkString(b"127.0.0.1".to_vec())),
            Some((10_922, "127.0.0.1:7001".into()))
        );
        assert_eq!(shown(Value::Nil), Some((10_922, "10.0.0.1:7001".into())));
        assert_eq!(shard(&Value::Nil, seed), None);
    }
}
