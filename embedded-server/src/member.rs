//! A node as a member of a cluster: tells the state machine what happens, carries out what it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::cluster::nodes_conf::NodesConfError;
use crate::cluster::wire::{self, WireError};
use crate::cluster::{Action, Cluster, Event, LinkId, Local, Peer, Settings, Slot, slot};
use crate::config::Config;
use crate::keyspace::Db;
use crate::log::Level;
use crate::node::Server;
use crate::nodes_file::NodesFile;
use crate::notify::Events;
use crate::pause::Paused;

/// Why a node does not start in cluster mode.
#[derive(Debug, Error)]
pub enum MemberError {
    /// Its file is damaged.
    #[error("{path}: {source}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and how.
        source: NodesConfError,
    },
    /// Its file is that of another node that runs.
    #[error(
        "{0} is already used by a different node; give each its own cluster-config-file, or its own dir"
    )]
    InUse(PathBuf),
    /// Its file cannot be read or written.
    #[error("{path}: {source}; give cluster-config-file a place that this user may write to")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What the bus is to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Open a connection; with `true` pretend to, to a node that is cut off.
    Connect(LinkId, SocketAddr, bool),
    /// End one.
    Close(LinkId),
    /// Send a message.
    Send(LinkId, Vec<u8>),
}

/// What a node in cluster mode has besides.
#[derive(Debug)]
pub struct Member {
    /// Its part in the cluster.
    pub cluster: Cluster,
    file: NodesFile,
    bus_port: u16,
    /// Client ports of the nodes that this one is cut off from.
    cut: BTreeSet<u16>,
    /// Bytes that wait to be sent, by connection.
    waiting: BTreeMap<LinkId, usize>,
    /// The most of them for one connection.
    waiting_bytes_max: usize,
    /// Connections that were ended for more.
    overflows: u64,
    orders: UnboundedSender<Order>,
    inbox: Option<UnboundedReceiver<Order>>,
}

impl Member {
    /// Begins where nodes.conf says the node was, or as a new node.
    ///
    /// # Errors
    /// [`MemberError`].
    pub(crate) fn open(
        config: &Config,
        (port, bus_port): (u16, u16),
        seed: u64,
        now_ms: i64,
    ) -> Result<Self, MemberError> {
        let directory = String::from_utf8_lossy(config.text("dir")).into_owned();
        let name = String::from_utf8_lossy(config.text("cluster-config-file")).into_owned();
        let path = Path::new(&directory).join(name);
        let settings = settings(config, port, bus_port);
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::WouldBlock => MemberError::InUse(path.clone()),
            _ => MemberError::File {
                path: path.clone(),
                source,
            },
        };
        let (file, text) = NodesFile::open(path.clone()).map_err(failed)?;
        let cluster = if text.is_empty() {
            Cluster::new(settings, seed, now_ms)
        } else {
            let read = Cluster::from_text(&text, settings, seed, now_ms);
            read.map_err(|source| MemberError::Damaged {
                path: path.clone(),
                source,
            })?
        };
        let (orders, inbox) = unbounded_channel();
        let member = Self {
            cluster,
            file,
            bus_port,
            cut: BTreeSet::new(),
            waiting: BTreeMap::new(),
            waiting_bytes_max: waiting_bytes_max(config),
            overflows: 0,
            orders,
            inbox: Some(inbox),
        };
        member.save(true).map_err(failed)?;
        Ok(member)
    }

    /// What the bus has to do, for the task that does it.
    pub(crate) fn take_inbox(&mut self) -> Option<UnboundedReceiver<Order>> {
        self.inbox.take()
    }

    fn save(&self, durably: bool) -> io::Result<()> {
        self.file.save(self.cluster.to_text(), durably)
    }

    fn is_cut(&self, link: LinkId) -> bool {
        let peer = self.cluster.peer_at(link);
        peer.is_some_and(|peer| self.cut.contains(&peer.address.port))
    }

    fn order(&mut self, order: Order) {
        match &order {
            Order::Connect(..) => {}
            Order::Close(link) => drop(self.waiting.remove(link)),
            Order::Send(link, bytes) => *self.waiting.entry(*link).or_default() += bytes.len(),
        }
        // A bus that has ended belongs to a node that ends.
        let _ = self.orders.send(order);
    }

    /// Bytes that wait to be sent on a connection.
    pub(crate) fn waiting_bytes(&self, link: LinkId) -> usize {
        self.waiting.get(&link).copied().unwrap_or(0)
    }

    /// Connections that were ended because too much waited for them.
    pub(crate) fn overflows(&self) -> u64 {
        self.overflows
    }

    /// What a client is told that is sent to another node: `word` is MOVED or ASK.
    pub(crate) fn redirection(&self, config: &Config, word: &str, slot: Slot, to: &Peer) -> String {
        let host = self.endpoint(config, to);
        format!("{word} {slot} {host}:{}", to.address.port)
    }

    /// Where a client is sent to reach a node, as `cluster-preferred-endpoint-type` says.
    #[must_use]
    pub fn endpoint(&self, config: &Config, peer: &Peer) -> String {
        match config.get("cluster-preferred-endpoint-type").as_deref() {
            Some("hostname") if !peer.hostname.is_empty() => peer.hostname.clone(),
            Some("hostname") => "?".to_owned(),
            Some("unknown-endpoint") => String::new(),
            _ => shown(peer.address.ip),
        }
    }
}

/// An address, or nothing.
pub(crate) fn shown(ip: Option<IpAddr>) -> String {
    ip.map(|ip| ip.to_string()).unwrap_or_default()
}

/// The most bytes that may wait for one node, whatever `cluster-link-sendbuf-limit` says.
const WAITING_BYTES_MAX: usize = 128 << 20;

/// The most bytes that may wait for one node.
fn waiting_bytes_max(config: &Config) -> usize {
    let limit = config.get("cluster-link-sendbuf-limit");
    match limit.and_then(|limit| limit.parse().ok()) {
        None | Some(0) => WAITING_BYTES_MAX,
        Some(limit) => WAITING_BYTES_MAX.min(limit),
    }
}

/// What the directives say of a node's part in its cluster.
fn settings(config: &Config, port: u16, bus_port: u16) -> Settings {
    let number = |name: &str| config.get(name).and_then(|text| text.parse::<i64>().ok());
    let flag = |name: &str| config.get(name).as_deref() == Some("yes");
    let text = |name: &str| String::from_utf8_lossy(config.text(name)).into_owned();
    let announced = |name: &str, own: u16| {
        let port = number(name).and_then(|port| u16::try_from(port).ok());
        port.filter(|port| *port > 0).unwrap_or(own)
    };
    Settings {
        node_timeout_ms: number("cluster-node-timeout").unwrap_or(15_000),
        require_full_coverage: flag("cluster-require-full-coverage"),
        replica_validity_factor: number("cluster-replica-validity-factor").unwrap_or(10),
        replica_ping_period_ms: number("repl-ping-replica-period").unwrap_or(10) * 1000,
        migration_barrier: number("cluster-migration-barrier")
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(1),
        allow_replica_migration: flag("cluster-allow-replica-migration"),
        no_failover: flag("cluster-replica-no-failover"),
        announce_ip: text("cluster-announce-ip").parse().ok(),
        port: announced("cluster-announce-port", port),
        bus_port: announced("cluster-announce-bus-port", bus_port),
        hostname: text("cluster-announce-hostname"),
    }
}

impl Server {
    /// Makes the node a member of a cluster. To be called before it serves.
    pub(crate) fn join(&mut self, member: Member) {
        self.keyspace.index_slots(slot::SLOTS, slot::of_key);
        self.cluster = Some(Box::new(member));
    }

    /// Hands changed directives to the state machine.
    pub(crate) fn configure_cluster(&mut self) {
        let port = self.identity.port;
        if let Some(member) = &mut self.cluster {
            let settings = settings(&self.config, port, member.bus_port);
            member.cluster.configure(settings);
            member.waiting_bytes_max = waiting_bytes_max(&self.config);
        }
    }

    /// Something has happened on the bus, or a tenth of a second has passed.
    pub(crate) fn on_bus(&mut self, event: Event) {
        self.read_clock();
        let (now_ms, local) = (self.now_ms, self.local());
        let Some(member) = &mut self.cluster else {
            return;
        };
        if let Event::Closed(link) = &event {
            member.waiting.remove(link);
        }
        if let Event::Received(_, message) = &event
            && member.cut.contains(&message.header.address.port)
        {
            return;
        }
        member.cluster.observe(local);
        let actions = member.cluster.handle(event, now_ms);
        let saved = member.file.check();
        self.act(actions);
        self.end_unless_saved(saved);
    }

    /// So many bytes need not wait on a connection any more.
    pub(crate) fn sent_on_link(&mut self, link: LinkId, bytes: usize) {
        if let Some(member) = &mut self.cluster
            && let Some(waiting) = member.waiting.get_mut(&link)
        {
            *waiting = waiting.saturating_sub(bytes);
        }
    }

    /// Whether more waits on a connection than may; counts that.
    pub(crate) fn is_link_over(&mut self, link: LinkId) -> bool {
        let Some(member) = &mut self.cluster else {
            return false;
        };
        let is_over = member.waiting_bytes(link) > member.waiting_bytes_max;
        member.overflows += u64::from(is_over);
        is_over
    }

    /// Cuts this node off from the one whose clients connect to `port`, or mends that. A fault on purpose: what would pass
    /// between them is dropped.
    pub fn set_cut(&mut self, port: u16, is_cut: bool) {
        let Some(member) = &mut self.cluster else {
            return;
        };
        if is_cut {
            member.cut.insert(port);
        } else {
            member.cut.remove(&port);
        }
        self.replication.connect_anew();
    }

    /// Whether this node is cut off from the one whose clients connect to `port`.
    pub(crate) fn is_cut_off(&self, port: u16) -> bool {
        let member = self.cluster.as_ref();
        member.is_some_and(|member| member.cut.contains(&port))
    }

    /// How long another node may be silent that this one talks with.
    pub(crate) fn link_patience(&self) -> Duration {
        let settings = self
            .cluster
            .as_ref()
            .map(|member| member.cluster.settings());
        let timeout_ms = settings.map_or(0, |settings| settings.node_timeout_ms);
        Duration::from_millis(timeout_ms.unsigned_abs())
    }

    /// How replication stands, as the state machine wants to know it.
    fn local(&self) -> Local {
        let replication = &self.replication;
        Local {
            offset: replication.offset,
            master_heard_ms: replication.heard_ms,
            following: replication
                .master
                .as_ref()
                .and_then(|master| Some((master.ip()?, master.port))),
        }
    }

    /// Another node has connected.
    pub(crate) fn accept_link(&mut self, remote: IpAddr, local: IpAddr) -> Option<LinkId> {
        self.read_clock();
        let now_ms = self.now_ms;
        let member = self.cluster.as_mut()?;
        Some(
            member
                .cluster
                .accept(remote.to_canonical(), local.to_canonical(), now_ms),
        )
    }

    /// Bytes from another node that are no message.
    pub(crate) fn refuse_link(&self, peer: SocketAddr, error: WireError) {
        self.log(
            Level::Warning,
            &format!("Closing the bus connection with {peer}: {error}"),
        );
    }

    /// Carries out an administrator's command on the state machine. `None` when the node is in no cluster.
    pub(crate) fn administer<T>(&mut self, change: impl FnOnce(&mut Cluster) -> T) -> Option<T> {
        let (now_ms, local) = (self.now_ms, self.local());
        let member = self.cluster.as_mut()?;
        member.cluster.observe(local);
        member.cluster.set_now_ms(now_ms);
        let result = change(&mut member.cluster);
        let actions = member.cluster.finish();
        self.act(actions);
        Some(result)
    }

    /// Tells the other nodes of a message for their subscribers.
    pub(crate) fn publish_to_cluster(&mut self, is_sharded: bool, channel: &[u8], message: &[u8]) {
        if let Some(member) = &mut self.cluster {
            let actions = member.cluster.publish(is_sharded, channel, message);
            self.act(actions);
        }
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.carry_out(action);
        }
    }

    fn carry_out(&mut self, action: Action) {
        let Some(member) = &mut self.cluster else {
            return;
        };
        match action {
            Action::Connect(link, ip, port) => {
                let is_cut = member.is_cut(link);
                member.order(Order::Connect(link, SocketAddr::new(ip, port), is_cut));
            }
            Action::Close(link) => member.order(Order::Close(link)),
            Action::Send(link, message) => {
                if !member.is_cut(link) {
                    member.order(Order::Send(link, wire::encode(&message)));
                }
            }
            Action::Save { durably } => {
                self.save_cluster(durably);
                self.turn_away();
            }
            Action::DropKeys(slots) => self.drop_keys(&slots),
            Action::Deliver {
                is_sharded,
                channel,
                message,
            } => self.deliver(is_sharded, &channel, &message),
            Action::Log(level, text) => self.log(level, &text),
            Action::Follow(ip, port) => self.follow_master(SocketAddr::new(ip, port).into()),
            Action::Lead => self.lead(),
            Action::Pause(until_ms) => self.begin_pause(Paused::Writes, until_ms),
            Action::Resume => self.end_pause(),
        }
    }

    fn save_cluster(&mut self, durably: bool) {
        let saved = self.cluster.as_ref().map(|member| member.save(durably));
        self.end_unless_saved(saved.unwrap_or(Ok(())));
    }

    fn end_unless_saved(&mut self, saved: io::Result<()>) {
        if let Err(error) = saved {
            // What it answers now could contradict what it remembers later: a node that cannot save ends, as in Redis.
            self.log(
                Level::Warning,
                &format!("Fatal: can't update cluster config file: {error}"),
            );
            self.stop();
        }
    }

    /// Removes every key of these slots.
    pub(crate) fn drop_keys(&mut self, slots: &[Slot]) {
        for slot in slots {
            for key in self.keyspace.keys_in_slot(*slot, usize::MAX) {
                self.keyspace.remove(Db::ZERO, &key);
                self.notify(Events::GENERIC, "del", Db::ZERO, &key);
            }
        }
    }

    fn deliver(&mut self, is_sharded: bool, channel: &[u8], message: &[u8]) {
        if is_sharded {
            self.publish_to_shard(channel, message);
        } else {
            self.publish(channel, message);
        }
    }
}
