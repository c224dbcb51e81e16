//! A cluster within one process: nodes on threads of their own, with real sockets between them. It is formed when it
//! starts; its owner kills and restarts nodes, holds them, and cuts the links between them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::clock::{self, Stopwatch};
use crate::cluster::{AdminError, Cluster, MigrationError, NodeId, Peer, SLOTS, Slot, SlotSet};
use crate::handle::{Ended, Handle, Pause, StartError};
use crate::log::Log;
use crate::migration::State;
use crate::node::{Options, Server};

/// How often a state that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// The most masters: each needs a slot.
const MASTERS_MAX: usize = 1000;
const REPLICAS_MAX: usize = 10;

/// What cluster to start.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// How many masters share the slots.
    pub masters: usize,
    /// How many replicas each has.
    pub replicas: usize,
    /// The first node's port, the others follow; 0 for free ones. The bus is 10000 above, or on a free port too.
    pub port: u16,
    /// Where each node has a folder for its nodes.conf.
    pub folder: PathBuf,
    /// How long forming may take, and each wait of [`EmbeddedCluster::wait_until_ok`].
    pub patience: Duration,
    /// Directives for every node.
    pub directives: Vec<(String, String)>,
    /// Who is told what happens.
    pub log: Log,
}

impl ClusterOptions {
    /// Three masters with a replica each, on free ports.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            masters: 3,
            replicas: 1,
            port: 0,
            folder: folder.into(),
            patience: Duration::from_secs(30),
            directives: Vec::new(),
            log: Log::default(),
        }
    }
}

/// Why a cluster does not form, or a node of it does not do as asked.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// Numbers that make no cluster.
    #[error(
        "{0} masters with {1} replicas each make no cluster: ask for 1 to 1000 masters with at most 10 replicas"
    )]
    Size(usize, usize),
    /// There are not so many ports.
    #[error("not enough ports from {0} on: choose a lower one")]
    Ports(u16),
    /// A node's folder cannot be made.
    #[error("{0}: {1}; choose another folder")]
    Folder(PathBuf, std::io::Error),
    /// A directive is not known or does not fit.
    #[error(transparent)]
    Directive(#[from] crate::config::ConfigError),
    /// A node does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A node is down that was asked.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// A node refuses.
    #[error(transparent)]
    Refused(#[from] AdminError),
    /// Slots may not be moved.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// Slots have not moved.
    #[error("the slots stay where they were: {0} {1}")]
    NotMoved(&'static str, String),
    /// What was waited for has not come.
    #[error("{0} within {1:?}; is the machine busy, or a node down?")]
    Patience(&'static str, Duration),
}

/// What one node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    /// Its name.
    pub id: NodeId,
    /// Where clients connect.
    pub address: SocketAddr,
    /// Its master, of a replica.
    pub master: Option<NodeId>,
    /// Its slots.
    pub slots: SlotSet,
    /// Its configuration's epoch.
    pub epoch: u64,
    /// Whether it says that the cluster serves.
    pub is_ok: bool,
    /// How many nodes it knows by name, itself included.
    pub known: usize,
    /// How many of those are replicas of a master it knows.
    pub replicas: usize,
    /// Whether it copies its master, of a replica.
    pub is_synchronized: bool,
}

/// A running cluster. Dropping it ends its nodes.
#[derive(Debug)]
pub struct EmbeddedCluster {
    /// `None` while a node is down.
    nodes: Vec<Option<Handle>>,
    options: Vec<Options>,
    ports: Vec<(u16, u16)>,
    patience: Duration,
}

/// Life of the cluster.
impl EmbeddedCluster {
    /// Starts the nodes and forms the cluster: when this returns, every node says it serves and every replica copies. The
    /// masters come first.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub fn start(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let ClusterOptions {
            masters, replicas, ..
        } = *options;
        if !(1..=MASTERS_MAX).contains(&masters) || replicas > REPLICAS_MAX {
            return Err(ClusterError::Size(masters, replicas));
        }
        let mut cluster = Self {
            nodes: Vec::new(),
            options: Vec::new(),
            ports: Vec::new(),
            patience: options.patience,
        };
        for index in 0..masters * (replicas + 1) {
            cluster.add(options, index)?;
        }
        cluster.form(masters)?;
        Ok(cluster)
    }

    fn add(&mut self, options: &ClusterOptions, index: usize) -> Result<(), ClusterError> {
        let port = match options.port {
            0 => 0,
            first => u16::try_from(index)
                .ok()
                .and_then(|index| first.checked_add(index))
                .ok_or(ClusterError::Ports(first))?,
        };
        let folder = options.folder.join(format!("node-{index}"));
        std::fs::create_dir_all(&folder)
            .map_err(|error| ClusterError::Folder(folder.clone(), error))?;
        let mut node = Options {
            log: options.log.clone(),
            ..Options::default()
        }
        .with("port", &port.to_string())?
        .with("cluster-enabled", "yes")?
        .with("dir", &folder.to_string_lossy())?;
        for (name, value) in &options.directives {
            node = node.with(name, value)?;
        }
        let handle = Server::start(node.clone())?;
        let ports = (handle.port(), handle.bus_port().unwrap_or(0));
        // A node that starts again has to be where it was.
        node = node
            .with("port", &ports.0.to_string())?
            .with("cluster-port", &ports.1.to_string())?;
        self.nodes.push(Some(handle));
        self.options.push(node);
        self.ports.push(ports);
        Ok(())
    }

    fn form(&mut self, masters: usize) -> Result<(), ClusterError> {
        let count = self.nodes.len();
        for index in 0..masters {
            let slots = share(index, masters);
            let epoch = index as u64 + 1;
            self.administer(index, move |cluster| {
                cluster.set_config_epoch(epoch)?;
                cluster.add_slots(&slots)
            })?;
        }
        for (port, bus_port) in self.ports.iter().skip(1).copied().collect::<Vec<_>>() {
            self.administer(0, move |cluster| {
                cluster.meet(IpAddr::V4(Ipv4Addr::LOCALHOST), port, bus_port);
                Ok(())
            })?;
        }
        self.wait("the nodes have not met", |nodes| {
            nodes.iter().flatten().all(|node| node.known == count)
        })?;
        for index in masters..count {
            let Some(master) = self.view(index % masters).map(|view| view.id) else {
                continue;
            };
            self.administer(index, move |cluster| cluster.replicate(master, false))?;
        }
        self.wait_until_ok()
    }

    /// Carries out an administrator's command on one node.
    ///
    /// # Errors
    /// When the node is down, or refuses.
    pub fn administer(
        &self,
        index: usize,
        change: impl FnOnce(&mut Cluster) -> Result<(), AdminError> + Send + 'static,
    ) -> Result<(), ClusterError> {
        let node = self.node(index).ok_or(Ended)?;
        node.visit(|server| server.administer(change))?
            .ok_or(Ended)??;
        Ok(())
    }

    /// Moves slots at once with all their keys from one master to another, while clients write to them; returns when the
    /// other has them. As CLUSTER MIGRATESLOTS: whatever fails, no acknowledged write is lost.
    ///
    /// # Errors
    /// When a node is down, the slots may not be moved, or the move has failed: then they are where they were.
    pub fn migrate_slots(
        &self,
        from: usize,
        to: usize,
        slots: SlotSet,
    ) -> Result<(), ClusterError> {
        let target = self.view(to).ok_or(Ended)?.id;
        let source = self.node(from).ok_or(Ended)?;
        let names = source.visit(move |server| server.migrate_slots(vec![(slots, target)]))??;
        let watch = Stopwatch::start();
        loop {
            let names = names.clone();
            let record = source.visit(move |server| {
                let record = names.first().and_then(|name| server.migrations.find(name));
                record.cloned()
            })?;
            match record {
                Some(record) if record.state == State::Success => return Ok(()),
                Some(record) if record.state.is_over() => {
                    return Err(ClusterError::NotMoved(record.state.name(), record.message));
                }
                _ if Duration::from_nanos(watch.elapsed_ns()) > self.patience => {
                    return Err(ClusterError::Patience(
                        "the slots have not moved",
                        self.patience,
                    ));
                }
                _ => clock::sleep(LOOK_EVERY),
            }
        }
    }

    /// Ends a node at once, as a crash does: its connections break, its data is gone.
    pub fn kill(&mut self, index: usize) {
        if let Some(node) = self.nodes.get_mut(index) {
            *node = None;
        }
    }

    /// Starts a node that is down, on its old ports, with its nodes.conf.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn restart(&mut self, index: usize) -> Result<(), ClusterError> {
        self.kill(index);
        if let (Some(node), Some(options)) = (self.nodes.get_mut(index), self.options.get(index)) {
            *node = Some(Server::start(options.clone())?);
        }
        Ok(())
    }

    /// Holds a node until what this returns is dropped. Wait for nothing meanwhile that asks that node.
    ///
    /// # Errors
    /// When it is down.
    pub fn pause(&self, index: usize) -> Result<Pause, Ended> {
        self.node(index).ok_or(Ended)?.pause()
    }

    /// Cuts the links between two nodes, both ways, or mends them. Clients still reach both.
    ///
    /// # Errors
    /// When one of them is down.
    pub fn set_cut(&self, a: usize, b: usize, is_cut: bool) -> Result<(), Ended> {
        let side = |own: usize, other: usize| {
            let port = self.ports.get(other).ok_or(Ended)?.0;
            let node = self.node(own).ok_or(Ended)?;
            node.visit(move |server| server.set_cut(port, is_cut))
        };
        // The one that is up is told even where the other is down.
        let (own, other) = (side(a, b), side(b, a));
        own.and(other)
    }
}

/// What a cluster looks like.
impl EmbeddedCluster {
    /// The node of that number, unless it is down.
    #[must_use]
    pub fn node(&self, index: usize) -> Option<&Handle> {
        self.nodes.get(index)?.as_ref()
    }

    /// How many nodes there are, those that are down included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Where clients connect, by node.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let at = |(port, _): &(u16, u16)| SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
        self.ports.iter().map(at).collect()
    }

    /// What a node says of itself, unless it is down.
    #[must_use]
    pub fn view(&self, index: usize) -> Option<NodeView> {
        self.node(index)?.visit(view).ok().flatten()
    }

    /// What every node says of itself; `None` for those that are down.
    #[must_use]
    pub fn views(&self) -> Vec<Option<NodeView>> {
        (0..self.nodes.len())
            .map(|index| self.view(index))
            .collect()
    }

    /// Waits for a state of the nodes.
    ///
    /// # Errors
    /// [`ClusterError::Patience`] with `complaint` when it does not come.
    pub fn wait(
        &self,
        complaint: &'static str,
        mut is_reached: impl FnMut(&[Option<NodeView>]) -> bool,
    ) -> Result<(), ClusterError> {
        let watch = Stopwatch::start();
        while !is_reached(&self.views()) {
            if Duration::from_nanos(watch.elapsed_ns()) > self.patience {
                return Err(ClusterError::Patience(complaint, self.patience));
            }
            clock::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Waits until every node that is up says that the cluster serves, knows of the same replicas, and copies its master
    /// where it is a replica.
    ///
    /// # Errors
    /// [`ClusterError::Patience`].
    pub fn wait_until_ok(&self) -> Result<(), ClusterError> {
        self.wait("not every node says the cluster serves", |nodes| {
            let up: Vec<&NodeView> = nodes.iter().flatten().collect();
            let replicas = up.iter().filter(|node| node.master.is_some()).count();
            up.iter()
                .all(|node| node.is_ok && node.is_synchronized && node.replicas >= replicas)
        })
    }
}

/// The slots of one of so many masters: as even as can be, in one stretch.
fn share(index: usize, masters: usize) -> SlotSet {
    let bound =
        |index: usize| Slot::try_from(index * usize::from(SLOTS) / masters).unwrap_or(SLOTS);
    (bound(index)..bound(index + 1)).collect()
}

fn view(server: &mut Server) -> Option<NodeView> {
    let port = server.identity.port;
    let cluster = &server.cluster.as_ref()?.cluster;
    let table = cluster.table();
    let me = table.me();
    let named = |peer: &&Peer| !peer.is_in_handshake();
    let peers = || table.iter().map(|(_, peer)| peer).filter(named);
    Some(NodeView {
        id: me.id,
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        master: me
            .master
            .and_then(|master| table.get(master))
            .map(|master| master.id),
        slots: me.slots.clone(),
        epoch: me.config_epoch,
        is_ok: cluster.is_ok(),
        known: peers().count(),
        replicas: peers()
            .filter(|peer| peer.is_replica() && peer.master.is_some())
            .count(),
        is_synchronized: me.is_master() || server.replication.is_linked,
    })
}
