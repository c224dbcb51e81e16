//! A cluster: which node has which slot, as one of its nodes tells; and one of reference servers in this process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use embedded_server::embedded_cluster::{ClusterOptions, EmbeddedCluster};
use redis::Value;
use tempfile::TempDir;

use super::TargetError;
use super::control::Control;
use super::hand::{Hand, Layout, Shared};
use crate::drive::access::{Access, Peer};
use crate::drive::cluster::Map;
use crate::workload::plan::Directive;

/// Nodes on threads of their own; stopped when they are dropped.
#[derive(Debug)]
pub(super) struct Nodes {
    cluster: Shared,
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
        let layout = learn(&mut access, &mut control)?;
        let cluster = Arc::new(Mutex::new(cluster));
        let hand = Hand {
            ours: Some(Arc::clone(&cluster)),
            access: access.alone(),
            layout,
            login: Vec::new(),
        };
        let nodes = Self {
            cluster,
            hand,
            _folder: folder,
        };
        Ok((nodes, access, control))
    }

    /// CPU seconds of each node that is up so far.
    pub(super) fn cpu_s_by_node(&self) -> BTreeMap<String, f64> {
        let cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let used = |(index, address): (usize, SocketAddr)| {
            let time = cluster.node(index)?.cpu_time()?;
            Some((address.to_string(), time.as_secs_f64()))
        };
        let nodes = cluster.addresses().into_iter().enumerate();
        nodes.filter_map(used).collect()
    }

    pub(super) fn hand(&self) -> Hand {
        self.hand.clone()
    }
}

/// Some slots, the master that has them, and its replicas.
#[derive(Debug, PartialEq, Eq)]
struct Shard {
    slots: RangeInclusive<u16>,
    master: SocketAddr,
    replicas: Vec<SocketAddr>,
}

/// Finds out which node has which slot; `access` then leads to all of them.
pub(super) fn learn(access: &mut Access, control: &mut Control) -> Result<Layout, TargetError> {
    let Peer::Tcp(seed) = access.peer else {
        return Err(TargetError::NoMasters);
    };
    let rows: Vec<Value> = control.ask(&["CLUSTER", "SLOTS"])?;
    let mut shards: Vec<_> = rows.iter().filter_map(|row| shard(row, seed)).collect();
    shards.sort_by_key(|shard| *shard.slots.start());
    let masters = shards
        .iter()
        .map(|shard| (shard.slots.clone(), shard.master));
    let map = Map::new(&masters.collect::<Vec<_>>()).ok_or(TargetError::NoMasters)?;
    let replicas = shards.iter().flat_map(|shard| {
        shard
            .replicas
            .iter()
            .map(|replica| (*replica, shard.master))
    });
    access.cluster = Some(Arc::new(map.with_replicas(replicas)));
    Ok(layout(&shards))
}

/// A master may have several stretches of slots; the first counts.
fn layout(shards: &[Shard]) -> Layout {
    let mut layout = Layout::new();
    for Shard {
        master, replicas, ..
    } in shards
    {
        if !layout.iter().any(|(known, _)| known == master) {
            layout.push((*master, replicas.first().copied()));
        }
    }
    layout
}

/// A row of CLUSTER SLOTS: first and last slot, then the master and its replicas.
fn shard(row: &Value, seed: SocketAddr) -> Option<Shard> {
    let Value::Array(row) = row else { return None };
    let [Value::Int(first), Value::Int(last), master, replicas @ ..] = row.as_slice() else {
        return None;
    };
    Some(Shard {
        slots: u16::try_from(*first).ok()?..=u16::try_from(*last).ok()?,
        master: node(master, seed)?,
        replicas: replicas
            .iter()
            .filter_map(|replica| node(replica, seed))
            .collect(),
    })
}

/// A node with address and port. One that does not know its own address leaves it out.
fn node(told: &Value, seed: SocketAddr) -> Option<SocketAddr> {
    let Value::Array(told) = told else {
        return None;
    };
    let [host, Value::Int(port), ..] = told.as_slice() else {
        return None;
    };
    let host = match host {
        Value::BulkString(text) if !text.is_empty() => {
            std::str::from_utf8(text).ok()?.parse().ok()?
        }
        _ => seed.ip(),
    };
    Some(SocketAddr::new(host, u16::try_from(*port).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_slots_their_master_and_its_replicas() {
        let seed = SocketAddr::from(([10, 0, 0, 1], 7000));
        let node = |host: &[u8], port: i64| {
            let host = match host {
                b"" => Value::Nil,
                host => Value::BulkString(host.to_vec()),
            };
            let id = Value::BulkString(b"id".to_vec());
            Value::Array(vec![host, Value::Int(port), id])
        };
        let row = |first, nodes: &[Value]| {
            let slots = [Value::Int(first), Value::Int(first + 99)];
            shard(&Value::Array([&slots, nodes].concat()), seed)
        };
        let whole = row(0, &[node(b"127.0.0.1", 7001), node(b"", 7002)]).unwrap();
        assert_eq!(whole.slots, 0..=99);
        assert_eq!(whole.master.to_string(), "127.0.0.1:7001");
        assert_eq!(whole.replicas[0].to_string(), "10.0.0.1:7002");
        let again = row(200, &[node(b"127.0.0.1", 7001)]).unwrap();
        let other = row(300, &[node(b"", 7003)]).unwrap();
        let masters = layout(&[whole, again, other]);
        let ports = |(master, replica): &(SocketAddr, Option<SocketAddr>)| {
            (master.port(), replica.map(|replica| replica.port()))
        };
        let ports: Vec<_> = masters.iter().map(ports).collect();
        assert_eq!(ports, [(7001, Some(7002)), (7003, None)]);
        assert_eq!((shard(&Value::Nil, seed), row(0, &[])), (None, None));
    }
}
