//! The world nodes live in: time, a network with faults, disks, and data that is copied from master to replica.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use embedded_server::cluster::{
    Action, Cluster, Event, LinkId, Local, Message, Settings, Slot, SlotSet,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::moving::Move;
use crate::scenario::Scenario;

/// The node timeout of every simulated cluster.
pub(crate) const TIMEOUT_MS: i64 = 1000;
const EPOCH_MS: i64 = 1_767_225_600_000;
const TICK_MS: i64 = 100;
const COPY_MS: i64 = 40;
const PORT: u16 = 7000;

/// One write: its number and the slot of its key.
pub(crate) type Write = (u64, Slot);

/// How bad the network and the disks are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// The longest a message takes.
    pub(crate) delay_ms: i64,
    /// Of a thousand messages, how many are lost.
    pub(crate) lost: u32,
    /// The longest a save takes.
    pub(crate) save_ms: i64,
}

/// One node and its machine.
pub(crate) struct Node {
    /// `None` while it is down.
    pub(crate) cluster: Option<Cluster>,
    /// What it has saved.
    pub(crate) disk: String,
    /// What is being saved, and when that is done.
    writes: Vec<(i64, String)>,
    /// The writes it holds, in order.
    pub(crate) log: Vec<Write>,
    /// Until when its clients are held back.
    pub(crate) paused_until: i64,
    /// Slots that nobody may write to.
    pub(crate) held: SlotSet,
    following: Option<u16>,
    master_heard_ms: i64,
    busy_until: i64,
    skew_ms: i64,
    /// How often it has started.
    pub(crate) incarnation: u64,
}

impl Node {
    /// What is written by then is on the disk.
    fn settle_disk(&mut self, now_ms: i64) {
        let done = self.writes.partition_point(|(at, _)| *at <= now_ms);
        if let Some((_, text)) = self.writes.drain(..done).next_back() {
            self.disk = text;
        }
    }
}

/// Both ends of a connection: the node and its name for it, absent where that end is gone.
struct Connection {
    ends: [(usize, Option<LinkId>); 2],
}

pub(crate) enum Happening {
    Tick(usize, u64),
    Copy(usize, u64),
    Opened(u64),
    Refused(u64),
    Closed(u64, usize),
    Arrived(u64, usize, Box<Message>),
    Asked(Move),
    Unanswered(Move),
    Answered(Move),
}

pub(crate) struct World {
    pub(crate) now_ms: i64,
    pub(crate) random: StdRng,
    pub(crate) nodes: Vec<Node>,
    pub(crate) weather: Weather,
    /// What happened, for the reader of a run that failed.
    pub(crate) trace: Vec<String>,
    /// Who won the election of an epoch.
    pub(crate) winners: BTreeMap<u64, usize>,
    pub(crate) writes: u64,
    cut: BTreeSet<(usize, usize)>,
    connections: BTreeMap<u64, Connection>,
    queue: BTreeMap<(i64, u64), Happening>,
    count: u64,
    is_loud: bool,
}

impl World {
    pub(crate) fn new(seed: u64, nodes: usize, is_loud: bool) -> Self {
        let mut world = Self {
            now_ms: EPOCH_MS,
            random: StdRng::seed_from_u64(seed),
            nodes: Vec::new(),
            weather: Weather {
                delay_ms: 5,
                ..Weather::default()
            },
            trace: Vec::new(),
            winners: BTreeMap::new(),
            writes: 0,
            cut: BTreeSet::new(),
            connections: BTreeMap::new(),
            queue: BTreeMap::new(),
            count: 0,
            is_loud,
        };
        for index in 0..nodes {
            let skew_ms = world.random.random_range(-100..100);
            world.nodes.push(Node {
                cluster: None,
                disk: String::new(),
                writes: Vec::new(),
                log: Vec::new(),
                paused_until: 0,
                held: SlotSet::default(),
                following: None,
                master_heard_ms: 0,
                busy_until: 0,
                skew_ms,
                incarnation: 0,
            });
            world.start(index);
        }
        world
    }

    /// How long it has been there.
    pub(crate) fn age_ms(&self) -> i64 {
        self.now_ms - EPOCH_MS
    }

    /// A world in which that scenario has been played.
    pub(crate) fn after(seed: u64, scenario: Scenario) -> Self {
        scenario.play(seed, false)
    }

    pub(crate) fn note(&mut self, text: &str) {
        let line = format!("{:>8} {text}", self.now_ms - EPOCH_MS);
        if self.is_loud {
            println!("{line}");
        }
        self.trace.push(line);
    }

    pub(crate) fn schedule(&mut self, after_ms: i64, what: Happening) {
        self.count += 1;
        self.queue
            .insert((self.now_ms + after_ms, self.count), what);
    }

    fn port(index: usize) -> u16 {
        PORT + u16::try_from(index).unwrap()
    }

    fn settings(index: usize) -> Settings {
        let port = Self::port(index);
        Settings {
            node_timeout_ms: TIMEOUT_MS,
            port,
            bus_port: port + 10_000,
            ..Settings::default()
        }
    }
}

/// Nodes that start and stop.
impl World {
    pub(crate) fn start(&mut self, index: usize) {
        let seed = self.random.random();
        let now_ms = self.now_ms + self.nodes[index].skew_ms;
        let settings = Self::settings(index);
        let disk = &self.nodes[index].disk;
        let cluster = if disk.is_empty() {
            Cluster::new(settings, seed, now_ms)
        } else {
            Cluster::from_text(disk, settings, seed, now_ms).unwrap()
        };
        let node = &mut self.nodes[index];
        node.incarnation += 1;
        node.cluster = Some(cluster);
        (node.following, node.master_heard_ms, node.paused_until) = (None, 0, 0);
        node.held = SlotSet::default();
        let incarnation = node.incarnation;
        let offset = self.random.random_range(0..TICK_MS);
        self.schedule(offset, Happening::Tick(index, incarnation));
        self.schedule(offset, Happening::Copy(index, incarnation));
        self.note(&format!("node {index} starts"));
    }

    /// A node ends at once; its peers notice, unless its machine has ended with it.
    pub(crate) fn crash(&mut self, index: usize, with_machine: bool) {
        self.note(&format!("node {index} crashes"));
        let now_ms = self.now_ms;
        let node = &mut self.nodes[index];
        node.cluster = None;
        node.settle_disk(now_ms);
        node.writes.clear();
        let ended = self.connections.iter_mut().flat_map(|(id, connection)| {
            let side = connection.ends.iter().position(|(node, _)| *node == index);
            side.map(|side| {
                connection.ends[side].1 = None;
                (*id, 1 - side)
            })
        });
        for (id, other) in ended.collect::<Vec<_>>() {
            if !with_machine {
                self.schedule(1, Happening::Closed(id, other));
            }
        }
    }

    pub(crate) fn is_up(&self, index: usize) -> bool {
        self.nodes[index].cluster.is_some()
    }

    /// Cuts or mends the way between two nodes.
    pub(crate) fn set_cut(&mut self, a: usize, b: usize, is_cut: bool) {
        let pair = (a.min(b), a.max(b));
        if is_cut {
            self.cut.insert(pair)
        } else {
            self.cut.remove(&pair)
        };
    }

    pub(crate) fn mend_all(&mut self) {
        self.cut.clear();
    }

    fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cut.contains(&(a.min(b), a.max(b)))
    }
}

/// Time.
impl World {
    /// Lets time pass until `until_ms` from now, or until `done` says so; whether it did.
    pub(crate) fn run_until(
        &mut self,
        within_ms: i64,
        mut done: impl FnMut(&Self) -> bool,
    ) -> bool {
        let end_ms = self.now_ms + within_ms;
        while let Some(entry) = self
            .queue
            .first_entry()
            .filter(|entry| entry.key().0 <= end_ms)
        {
            let ((at_ms, _), what) = entry.remove_entry();
            self.now_ms = at_ms;
            let is_tick = matches!(what, Happening::Tick(..));
            self.happen(what);
            if is_tick && done(self) {
                return true;
            }
        }
        self.now_ms = end_ms;
        done(self)
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Tick(index, incarnation) => self.tick(index, incarnation),
            Happening::Copy(index, incarnation) => self.copy(index, incarnation),
            Happening::Opened(id) => self.opened(id),
            Happening::Refused(id) => self.end(id, 0),
            Happening::Closed(id, side) => self.end(id, side),
            Happening::Arrived(id, side, message) => self.arrived(id, side, message),
            Happening::Asked(question) => self.asked(question),
            Happening::Unanswered(question) => self.unanswered(question),
            Happening::Answered(question) => self.answered(question),
        }
    }

    fn tick(&mut self, index: usize, incarnation: u64) {
        if self.nodes[index].incarnation != incarnation || !self.is_up(index) {
            return;
        }
        self.tell(index, Event::Tick);
        self.schedule(TICK_MS, Happening::Tick(index, incarnation));
    }

    /// Tells a node what happens, and does what it answers.
    fn tell(&mut self, index: usize, event: Event) {
        self.apply(index, |cluster, now_ms| cluster.handle(event, now_ms));
    }

    /// Gives a node an administrator's command.
    pub(crate) fn command<T>(
        &mut self,
        index: usize,
        command: impl FnOnce(&mut Cluster) -> T,
    ) -> T {
        let mut result = None;
        self.apply(index, |cluster, now_ms| {
            cluster.set_now_ms(now_ms);
            result = Some(command(cluster));
            cluster.finish()
        });
        result.unwrap()
    }

    fn apply(&mut self, index: usize, change: impl FnOnce(&mut Cluster, i64) -> Vec<Action>) {
        let now_ms = self.now_ms;
        let node = &mut self.nodes[index];
        let Some(cluster) = &mut node.cluster else {
            return;
        };
        cluster.observe(Local {
            offset: node.log.len() as u64,
            master_heard_ms: node.master_heard_ms,
            following: node
                .following
                .map(|port| (IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
        });
        for action in change(cluster, now_ms + node.skew_ms) {
            self.act(index, action);
        }
    }

    fn act(&mut self, index: usize, action: Action) {
        match action {
            Action::Connect(link, _, bus_port) => {
                self.connect(index, link, usize::from(bus_port - 10_000 - PORT))
            }
            Action::Close(link) => self.close(index, link),
            Action::Send(link, message) => self.send(index, link, message),
            Action::Save { durably } => self.save(index, durably),
            Action::Follow(_, port) => {
                self.note(&format!("node {index} follows {}", port - PORT));
                self.nodes[index].following = Some(port);
            }
            Action::Lead => self.lead(index),
            Action::Pause(until_ms) => self.nodes[index].paused_until = until_ms,
            Action::Resume => self.nodes[index].paused_until = 0,
            Action::DropKeys(slots) => {
                self.note(&format!("node {index} drops {} slots", slots.len()));
                let log = &mut self.nodes[index].log;
                log.retain(|(_, slot)| !slots.contains(slot));
            }
            Action::Deliver { .. } => {}
            Action::Log(_, text) => self.note(&format!("node {index}: {text}")),
        }
    }

    /// A node waits for the disk where it must; else a crash may take back what is being written.
    fn save(&mut self, index: usize, durably: bool) {
        let took_ms = self.random.random_range(0..=self.weather.save_ms);
        let now_ms = self.now_ms;
        let node = &mut self.nodes[index];
        let text = node.cluster.as_ref().map(Cluster::to_text);
        let busy_until = node.writes.last().map_or(now_ms, |(at, _)| *at);
        let done_ms = busy_until.max(now_ms) + took_ms;
        node.writes.push((done_ms, text.unwrap_or_default()));
        if durably {
            node.settle_disk(done_ms);
            node.busy_until = node.busy_until.max(done_ms);
        } else {
            node.settle_disk(now_ms);
        }
    }

    fn lead(&mut self, index: usize) {
        self.nodes[index].following = None;
        let Some(cluster) = &self.nodes[index].cluster else {
            return;
        };
        let epoch = cluster.table().me().config_epoch;
        self.note(&format!("node {index} leads in epoch {epoch}"));
        let before = self.winners.insert(epoch, index);
        assert!(
            before.is_none(),
            "epoch {epoch} is won twice, by {before:?} and {index}"
        );
    }
}

/// The network.
impl World {
    /// How long a message takes; `None` when it gets lost.
    pub(crate) fn transit(&mut self, from: usize, to: usize) -> Option<i64> {
        let is_lost = self.random.random_range(0..1000) < self.weather.lost;
        let delay_ms = self.random.random_range(1..=self.weather.delay_ms);
        let busy_ms = (self.nodes[from].busy_until - self.now_ms).max(0);
        (!is_lost && !self.is_cut(from, to)).then_some(delay_ms + busy_ms)
    }

    fn connect(&mut self, from: usize, link: LinkId, to: usize) {
        self.count += 1;
        let id = self.count;
        self.connections.insert(
            id,
            Connection {
                ends: [(from, Some(link)), (to, None)],
            },
        );
        match self.transit(from, to) {
            Some(ms) if self.is_up(to) => self.schedule(ms, Happening::Opened(id)),
            Some(ms) => self.schedule(ms, Happening::Refused(id)),
            None => self.schedule(TIMEOUT_MS, Happening::Refused(id)),
        }
    }

    fn opened(&mut self, id: u64) {
        let Some([(from, link), (to, _)]) =
            self.connections.get(&id).map(|connection| connection.ends)
        else {
            return;
        };
        let Some(link) = link.filter(|_| self.is_up(to)) else {
            return self.end(id, 0);
        };
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let now_ms = self.now_ms + self.nodes[to].skew_ms;
        let accepted = self.nodes[to]
            .cluster
            .as_mut()
            .map(|cluster| cluster.accept(local, local, now_ms));
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.ends[1].1 = accepted;
        }
        self.tell(from, Event::Connected(link));
    }

    /// One end learns that the connection is over.
    fn end(&mut self, id: u64, side: usize) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let (index, link) = connection.ends[side];
        connection.ends[side].1 = None;
        if connection.ends.iter().all(|(_, link)| link.is_none()) {
            self.connections.remove(&id);
        }
        if let Some(link) = link {
            self.tell(index, Event::Closed(link));
        }
    }

    fn find(&self, index: usize, link: LinkId) -> Option<(u64, usize)> {
        self.connections.iter().find_map(|(id, connection)| {
            let side = connection
                .ends
                .iter()
                .position(|end| *end == (index, Some(link)))?;
            Some((*id, side))
        })
    }

    fn close(&mut self, index: usize, link: LinkId) {
        let Some((id, side)) = self.find(index, link) else {
            return;
        };
        let other = 1 - side;
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.ends[side].1 = None;
            let to = connection.ends[other].0;
            if let Some(ms) = self.transit(index, to) {
                self.schedule(ms, Happening::Closed(id, other));
            }
        }
    }

    fn send(&mut self, index: usize, link: LinkId, message: Box<Message>) {
        let Some((id, side)) = self.find(index, link) else {
            return;
        };
        let Some(to) = self
            .connections
            .get(&id)
            .map(|connection| connection.ends[1 - side].0)
        else {
            return;
        };
        if let Some(ms) = self.transit(index, to) {
            self.schedule(ms, Happening::Arrived(id, 1 - side, message));
        }
    }

    fn arrived(&mut self, id: u64, side: usize, message: Box<Message>) {
        let Some((index, Some(link))) = self
            .connections
            .get(&id)
            .map(|connection| connection.ends[side])
        else {
            return;
        };
        let busy_ms = self.nodes[index].busy_until - self.now_ms;
        if busy_ms > 0 {
            return self.schedule(busy_ms, Happening::Arrived(id, side, message));
        }
        self.tell(index, Event::Received(link, message));
    }
}

/// Data.
impl World {
    /// A replica copies what its master has, if it can be reached.
    fn copy(&mut self, index: usize, incarnation: u64) {
        if self.nodes[index].incarnation != incarnation || !self.is_up(index) {
            return;
        }
        self.schedule(COPY_MS, Happening::Copy(index, incarnation));
        let Some(master) = self.nodes[index]
            .following
            .map(|port| usize::from(port - PORT))
        else {
            return;
        };
        let leads = self.nodes[master]
            .cluster
            .as_ref()
            .is_some_and(|cluster| cluster.table().me().is_master());
        if leads && !self.is_cut(index, master) {
            self.nodes[index].log = self.nodes[master].log.clone();
            self.nodes[index].master_heard_ms = self.now_ms + self.nodes[index].skew_ms;
        }
    }

    /// A client writes to a slot, at whichever node takes it; says which.
    pub(crate) fn write(&mut self, slot: Slot) -> Option<usize> {
        let takes = |node: &Node| {
            let cluster = node.cluster.as_ref()?;
            let owns = cluster.table().me().is_master() && cluster.table().me().slots.has(slot);
            let is_held = node.held.has(slot);
            (cluster.is_ok() && owns && !is_held && node.paused_until <= self.now_ms + node.skew_ms)
                .then_some(())
        };
        let index = self.nodes.iter().position(|node| takes(node).is_some())?;
        self.writes += 1;
        let number = self.writes;
        self.nodes[index].log.push((number, slot));
        self.note(&format!("write {number} to slot {slot} at node {index}"));
        Some(index)
    }

    pub(crate) fn clusters(&self) -> impl Iterator<Item = (usize, &Cluster)> {
        self.nodes
            .iter()
            .enumerate()
            .filter_map(|(index, node)| Some((index, node.cluster.as_ref()?)))
    }
}
