//! The state machine: what it keeps, what it is told, what it answers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::election::{Election, Handover};
use super::flags::NodeFlags;
use super::id::NodeId;
use super::message::{Address, Body, Header, Message};
use super::peer::{LinkId, Peer, PeerKey};
use super::slot::{Slot, SlotSet};
use super::table::Table;
use crate::log::Level;

/// What has changed is told at once, and again with so many ticks: between two nodes there are two connections, and what was
/// said on one before the change may be heard after it.
const AGAIN: u8 = 2;

/// What a node is told about how it shall take part.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who does not answer for so long is suspected.
    pub node_timeout_ms: i64,
    /// Whether one slot without an owner stops the service of all.
    pub require_full_coverage: bool,
    /// A replica that has not heard of its master for so many node timeouts does not ask for votes; 0 for "asks always".
    pub replica_validity_factor: i64,
    /// How often a master pings its replicas, in milliseconds.
    pub replica_ping_period_ms: i64,
    /// How many replicas a master keeps when another has none.
    pub migration_barrier: usize,
    /// Whether a replica may move to a master that has none.
    pub allow_replica_migration: bool,
    /// Whether this node never asks for votes by itself.
    pub no_failover: bool,
    /// The address to tell; where it is not set, the one that others see.
    pub announce_ip: Option<IpAddr>,
    /// Where clients and nodes connect, as others shall see it.
    pub port: u16,
    /// Likewise, for nodes.
    pub bus_port: u16,
    /// The name to tell; empty for none.
    pub hostname: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node_timeout_ms: 15_000,
            require_full_coverage: true,
            replica_validity_factor: 10,
            replica_ping_period_ms: 10_000,
            migration_barrier: 1,
            allow_replica_migration: true,
            no_failover: false,
            announce_ip: None,
            port: 6379,
            bus_port: 16_379,
            hostname: String::new(),
        }
    }
}

/// How replication stands on this node, which the node tells before each event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Local {
    /// How far the history of its data set has got, in bytes.
    pub offset: u64,
    /// When it last heard of its master, in milliseconds since the Unix epoch; 0 for never.
    pub master_heard_ms: i64,
    /// The master that it copies.
    pub following: Option<(IpAddr, u16)>,
}

/// What happens to a node.
#[derive(Debug)]
pub enum Event {
    /// A tenth of a second has passed.
    Tick,
    /// A connection that [`Action::Connect`] asked for stands.
    Connected(LinkId),
    /// A connection has ended, or could not be opened.
    Closed(LinkId),
    /// A message came.
    Received(LinkId, Box<Message>),
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Open a connection to a node's bus port.
    Connect(LinkId, IpAddr, u16),
    /// End a connection.
    Close(LinkId),
    /// Send a message. Messages that do not get through are made up for by later ones.
    Send(LinkId, Box<Message>),
    /// Write nodes.conf, before anything that follows is done; durably where a vote or an epoch hangs on it.
    Save {
        /// Whether it has to survive the machine's end too.
        durably: bool,
    },
    /// Copy this master from now on.
    Follow(IpAddr, u16),
    /// Be a master from now on, with the data there is.
    Lead,
    /// Hold back the clients that write, until this time at the latest.
    Pause(i64),
    /// Let them go on.
    Resume,
    /// Remove the keys of these slots: another node has them.
    DropKeys(Vec<Slot>),
    /// A message for the subscribers of a channel on this node.
    Deliver {
        /// Whether the channel belongs to a slot.
        is_sharded: bool,
        /// The channel.
        channel: Vec<u8>,
        /// The message.
        message: Vec<u8>,
    },
    /// Tell the operator.
    Log(Level, String),
}

/// A connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    /// Who is at the other end, where that is known.
    pub(super) peer: Option<PeerKey>,
    /// Whether this node opened it.
    pub(super) is_outbound: bool,
    pub(super) is_connected: bool,
    pub(super) since_ms: i64,
    /// The other end's address, of a connection that came in.
    pub(super) remote: Option<IpAddr>,
    /// This end's address, likewise.
    pub(super) local: Option<IpAddr>,
}

/// One node's part in a cluster. See the [module](super).
#[derive(Debug)]
pub struct Cluster {
    /// Who is in the cluster.
    pub(super) table: Table,
    /// How to take part.
    pub(super) settings: Settings,
    pub(super) local: Local,
    pub(super) random: StdRng,
    pub(super) now_ms: i64,
    pub(super) current_epoch: u64,
    pub(super) last_vote_epoch: u64,
    pub(super) migrating: BTreeMap<Slot, PeerKey>,
    pub(super) importing: BTreeMap<Slot, PeerKey>,
    /// Slots that another may take at any moment.
    pub(super) giving: SlotSet,
    pub(super) is_ok: bool,
    /// Not before this time does this master serve; it has just begun with slots that may be another's by now.
    pub(super) serve_from_ms: i64,
    /// When it last was with a minority; 0 for never.
    pub(super) in_minority_ms: i64,
    pub(super) links: BTreeMap<LinkId, Link>,
    next_link: u64,
    /// Nodes not to be learnt of again, and until when.
    pub(super) forgotten: BTreeMap<NodeId, i64>,
    pub(super) election: Election,
    pub(super) handover: Handover,
    pub(super) ticks: u64,
    /// Whether something changed that nodes.conf shall hold.
    pub(super) is_unsaved: bool,
    /// Whether something changed that it shall hold before long: what others told, and would tell again, or that a slot is being
    /// moved by hand, which `redis-cli --cluster fix` mends where a crash takes it back.
    pub(super) is_stale: bool,
    /// Whether that must not be forgotten even if the machine fails.
    pub(super) is_grave: bool,
    /// Whether something changed that all others want to know at once.
    pub(super) is_untold: bool,
    /// With how many ticks more that is told again.
    again: u8,
    pub(super) sent: [u64; Body::KINDS],
    pub(super) received: [u64; Body::KINDS],
    pub(super) actions: Vec<Action>,
}

impl Cluster {
    /// A node that knows nobody: a master without slots, with a name drawn from `seed`, as all its random choices are.
    #[must_use]
    pub fn new(settings: Settings, seed: u64, now_ms: i64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let id = NodeId::draw(&mut random);
        let flags = NodeFlags::MYSELF.and(NodeFlags::MASTER);
        let me = Peer::new(id, flags, Address::default(), now_ms);
        Self::with(Table::new(me), settings, random, now_ms)
    }

    pub(super) fn with(table: Table, settings: Settings, random: StdRng, now_ms: i64) -> Self {
        let mut cluster = Self {
            table,
            settings: Settings::default(),
            local: Local::default(),
            random,
            now_ms,
            current_epoch: 0,
            last_vote_epoch: 0,
            migrating: BTreeMap::new(),
            importing: BTreeMap::new(),
            giving: SlotSet::default(),
            is_ok: false,
            serve_from_ms: 0,
            in_minority_ms: 0,
            links: BTreeMap::new(),
            next_link: 0,
            forgotten: BTreeMap::new(),
            election: Election::default(),
            handover: Handover::default(),
            ticks: 0,
            is_unsaved: true,
            is_stale: false,
            is_grave: false,
            is_untold: false,
            again: 0,
            sent: [0; Body::KINDS],
            received: [0; Body::KINDS],
            actions: Vec::new(),
        };
        cluster.configure(settings);
        cluster
    }

    /// Takes new settings.
    pub fn configure(&mut self, settings: Settings) {
        let me = self.table.me_mut();
        me.address.port = settings.port;
        me.address.bus_port = settings.bus_port;
        me.address.ip = settings.announce_ip.or(me.address.ip);
        me.hostname.clone_from(&settings.hostname);
        me.flags.set(NodeFlags::NO_FAILOVER, settings.no_failover);
        self.settings = settings;
        self.is_unsaved = true;
    }

    /// Tells how replication stands.
    pub fn observe(&mut self, local: Local) {
        self.local = local;
    }

    /// Takes an event in; answers what is to be done about it, in order.
    pub fn handle(&mut self, event: Event, now_ms: i64) -> Vec<Action> {
        self.now_ms = now_ms;
        match event {
            Event::Tick => {
                self.is_unsaved |= self.is_stale;
                self.tick();
                if let Some(left) = self.again.checked_sub(1) {
                    self.again = left;
                    self.tell_all();
                }
            }
            Event::Connected(link) => self.connected(link),
            Event::Closed(link) => self.closed(link),
            Event::Received(link, message) => self.receive(link, *message),
        }
        self.finish()
    }

    /// What an administrator's command leaves to be done. To be called after any.
    pub fn finish(&mut self) -> Vec<Action> {
        self.conduct_failover();
        self.judge_service();
        if std::mem::take(&mut self.is_unsaved) {
            // Before whatever is sent: a vote or an epoch that a crash undoes could be given twice.
            let durably = std::mem::take(&mut self.is_grave);
            self.is_stale = false;
            self.actions.insert(0, Action::Save { durably });
        }
        if std::mem::take(&mut self.is_untold) {
            self.again = AGAIN;
            self.tell_all();
        }
        std::mem::take(&mut self.actions)
    }

    /// A connection that another node has opened.
    pub fn accept(&mut self, remote: IpAddr, local: IpAddr, now_ms: i64) -> LinkId {
        self.now_ms = now_ms;
        self.open(Link {
            peer: None,
            is_outbound: false,
            is_connected: true,
            since_ms: now_ms,
            remote: Some(remote),
            local: Some(local),
        })
    }

    /// Has nodes.conf written before anything is sent, so that not even the machine's end takes it back.
    pub(super) fn save_durably(&mut self) {
        self.is_unsaved = true;
        self.is_grave = true;
    }

    pub(super) fn open(&mut self, link: Link) -> LinkId {
        self.next_link += 1;
        let id = LinkId(self.next_link);
        self.links.insert(id, link);
        id
    }

    pub(super) fn log(&mut self, level: Level, text: String) {
        self.actions.push(Action::Log(level, text));
    }
}

/// Sending.
impl Cluster {
    /// What is told of this node with every message.
    fn header(&self) -> Header {
        let me = self.table.me();
        let head = self.table.get(self.table.head(Table::ME)).unwrap_or(me);
        Header {
            sender: me.id,
            current_epoch: self.current_epoch,
            config_epoch: head.config_epoch,
            offset: self.local.offset,
            slots: head.slots.clone(),
            master: me
                .master
                .and_then(|master| self.table.get(master))
                .map(|master| master.id),
            address: Address {
                ip: self.settings.announce_ip,
                ..me.address
            },
            flags: me.flags,
            is_ok: self.is_ok,
            is_paused: me.is_master() && self.handover.is_pausing(),
            is_forced: false,
        }
    }

    pub(super) fn send(&mut self, link: LinkId, body: Body) {
        self.send_marked(link, body, false);
    }

    pub(super) fn send_marked(&mut self, link: LinkId, body: Body, is_forced: bool) {
        if !self.links.get(&link).is_some_and(|link| link.is_connected) {
            return;
        }
        if let Some(count) = self.sent.get_mut(usize::from(body.kind())) {
            *count += 1;
        }
        let header = Header {
            is_forced,
            ..self.header()
        };
        self.actions
            .push(Action::Send(link, Box::new(Message { header, body })));
    }

    /// The connections that were opened to nodes that `wanted` names, handshakes left out.
    pub(super) fn links_to(&self, wanted: impl Fn(PeerKey, &Peer) -> bool) -> Vec<LinkId> {
        let others = self
            .table
            .others()
            .filter(|(_, peer)| !peer.is_in_handshake());
        others
            .filter(|(key, peer)| wanted(*key, peer))
            .filter_map(|(_, peer)| peer.link)
            .collect()
    }

    /// Sends the same to every node.
    pub(super) fn broadcast(&mut self, body: &Body) {
        for link in self.links_to(|_, _| true) {
            self.send(link, body.clone());
        }
    }

    /// Publishes a message: to every node or, of a channel that belongs to a slot, to those of this node's shard.
    pub fn publish(&mut self, is_sharded: bool, channel: &[u8], message: &[u8]) -> Vec<Action> {
        let body = Body::Publish {
            is_sharded,
            channel: channel.to_vec(),
            message: message.to_vec(),
        };
        let head = self.table.head(Table::ME);
        for link in self.links_to(|key, _| !is_sharded || self.table.head(key) == head) {
            self.send(link, body.clone());
        }
        std::mem::take(&mut self.actions)
    }
}

/// What others may look at.
impl Cluster {
    /// Who is at the other end of a connection, where that is known.
    #[must_use]
    pub fn peer_at(&self, link: LinkId) -> Option<&Peer> {
        self.table.get(self.links.get(&link)?.peer?)
    }

    /// Who is in the cluster.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// How this node takes part.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether the cluster serves, as far as this node sees.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.is_ok
    }

    /// How far this node's data set has got.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.local.offset
    }

    /// The highest epoch this node knows.
    #[must_use]
    pub fn current_epoch(&self) -> u64 {
        self.current_epoch
    }

    /// The epoch in which it last voted.
    #[must_use]
    pub fn last_vote_epoch(&self) -> u64 {
        self.last_vote_epoch
    }

    /// Whether any slot is on its way out of this node or into it.
    #[must_use]
    pub fn is_moving_slots(&self) -> bool {
        !(self.migrating.is_empty() && self.importing.is_empty())
    }

    /// Where a slot of this node is moving to.
    #[must_use]
    pub fn migrating(&self, slot: Slot) -> Option<&Peer> {
        self.migrating
            .get(&slot)
            .and_then(|key| self.table.get(*key))
    }

    /// Where a slot is coming from.
    #[must_use]
    pub fn importing(&self, slot: Slot) -> Option<&Peer> {
        self.importing
            .get(&slot)
            .and_then(|key| self.table.get(*key))
    }

    /// The slots on their way, out of this node and into it, with the nodes at the other end.
    #[must_use]
    pub fn moving(&self) -> [Vec<(Slot, NodeId)>; 2] {
        [&self.migrating, &self.importing].map(|slots| {
            let named = slots
                .iter()
                .map(|(slot, key)| Some((*slot, self.table.get(*key)?.id)));
            named.flatten().collect()
        })
    }

    /// Messages sent, by kind.
    #[must_use]
    pub fn sent(&self) -> &[u64; Body::KINDS] {
        &self.sent
    }

    /// Messages received, by kind.
    #[must_use]
    pub fn received(&self) -> &[u64; Body::KINDS] {
        &self.received
    }

    /// The connections: who is at the other end, whether this node opened it, since when in milliseconds since the Unix
    /// epoch.
    pub fn links(&self) -> impl Iterator<Item = (LinkId, &Peer, bool, i64)> {
        self.links
            .iter()
            .filter(|(_, link)| link.is_connected)
            .filter_map(|(id, link)| {
                let peer = self.table.get(link.peer?)?;
                Some((*id, peer, link.is_outbound, link.since_ms))
            })
    }
}
