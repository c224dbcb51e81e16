//! What does to the nodes of a cluster what a workload says, while it is driven.
//!
//! Whatever an operator has a command for is done by that command, to a cluster of ours as to anybody's. Only a node of
//! ours can be killed, held, or cut off.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use embedded_server::embedded_cluster::EmbeddedCluster;

use super::TargetError;
use super::control::Control;
use super::reshard::{End, Reshard};
use crate::drive::Access;
use crate::drive::access::Peer;
use crate::workload::plan::{ClusterNode, Deed, SlotMove};

/// Lets some time pass; false where the load that a deed goes with has ended.
pub type Wait<'a> = dyn FnMut(Duration) -> bool + 'a;

/// The masters of a cluster in the order of their slots, each with its first replica, as they were at first.
pub(super) type Layout = Vec<(SocketAddr, Option<SocketAddr>)>;

/// A cluster of ours, which the hand and its owner share.
pub(super) type Shared = Arc<Mutex<EmbeddedCluster>>;

/// Does things to the nodes of a cluster.
#[derive(Debug, Clone)]
pub struct Hand {
    /// None of somebody's cluster.
    pub(super) ours: Option<Shared>,
    /// How nodes are reached, but for their addresses.
    pub(super) access: Access,
    pub(super) layout: Layout,
    /// What one node must say to another before it is let in, as MIGRATE takes it.
    pub(super) login: Vec<String>,
}

impl Hand {
    /// What a node is called in workloads; none of one that was not there at first.
    #[must_use]
    pub fn name(&self, node: SocketAddr) -> Option<String> {
        let mut shards = (1..).zip(&self.layout);
        shards.find_map(|(number, (master, replica))| {
            let is_replica = *replica == Some(node);
            let role = if is_replica { "replica" } else { "master" };
            (is_replica || *master == node).then(|| format!("{role} {number}"))
        })
    }

    /// Does something, and returns when it has ended.
    ///
    /// # Errors
    ///
    /// A sentence, where a node refuses, does not start, or is not there.
    pub fn act(&self, deed: &Deed, wait: &mut Wait<'_>) -> Result<(), String> {
        match deed {
            Deed::Kill(node) => {
                let index = self.index(*node)?;
                self.ours()?.kill(index);
                Ok(())
            }
            Deed::Restart(node) => {
                let index = self.index(*node)?;
                self.ours()?
                    .restart(index)
                    .map_err(|error| error.to_string())
            }
            Deed::Failover(node) => self.failover(*node),
            Deed::Pause { node, length } => {
                let index = self.index(*node)?;
                let held = self
                    .ours()?
                    .pause(index)
                    .map_err(|error| error.to_string())?;
                wait(*length);
                drop(held);
                Ok(())
            }
            Deed::Partition { nodes, length } => {
                let side = nodes.iter().map(|node| self.index(*node));
                let side = side.collect::<Result<Vec<_>, _>>()?;
                self.part(&side, true)?;
                wait(*length);
                self.part(&side, false)
            }
            Deed::MigrateSlots(slots) => self.migrate(slots, wait),
        }
    }

    fn failover(&self, node: ClusterNode) -> Result<(), String> {
        let mut replica = self
            .control(self.address(node)?)
            .map_err(|error| error.to_string())?;
        replica
            .ask(&["CLUSTER", "FAILOVER"])
            .map_err(|error| error.to_string())
    }

    /// Cuts the links between the nodes of one side and all others, or mends them.
    fn part(&self, side: &[usize], is_cut: bool) -> Result<(), String> {
        let cluster = self.ours()?;
        for one in side {
            for other in (0..cluster.count()).filter(|other| !side.contains(other)) {
                // A node that is down has no links.
                let _ = cluster.set_cut(*one, other, is_cut);
            }
        }
        Ok(())
    }

    fn migrate(&self, plan: &SlotMove, wait: &mut Wait<'_>) -> Result<(), String> {
        let end = |node: ClusterNode| {
            let address = self.address(node)?;
            let control = self.control(address).map_err(|error| error.to_string())?;
            End::new(address, control).map_err(|error| error.to_string())
        };
        let mut reshard = Reshard {
            source: end(plan.from)?,
            target: end(plan.to)?,
            login: &self.login,
        };
        match plan.atomic {
            true => reshard.at_once(&plan.slots, wait),
            false => reshard.one_by_one(&plan.slots, wait),
        }
    }

    fn control(&self, address: SocketAddr) -> Result<Control, TargetError> {
        Control::open(&Access {
            peer: Peer::Tcp(address),
            ..self.access.alone()
        })
    }

    fn ours(&self) -> Result<MutexGuard<'_, EmbeddedCluster>, String> {
        let cluster = self.ours.as_ref();
        let cluster = cluster.ok_or("the nodes of somebody's cluster are not ours to hold")?;
        Ok(cluster.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn address(&self, node: ClusterNode) -> Result<SocketAddr, String> {
        let shard = |number: u32| self.layout.get((number as usize).checked_sub(1)?);
        let address = match node {
            ClusterNode::Master(number) => shard(number).map(|(master, _)| *master),
            ClusterNode::Replica(number) => shard(number).and_then(|(_, replica)| *replica),
        };
        address.ok_or_else(|| format!("the cluster had no {node} when the run began"))
    }

    /// The number of a node of ours.
    fn index(&self, node: ClusterNode) -> Result<usize, String> {
        let address = self.address(node)?;
        let nodes = self.ours()?.addresses();
        let index = nodes.iter().position(|other| *other == address);
        index.ok_or_else(|| format!("{node} is none of ours"))
    }
}
