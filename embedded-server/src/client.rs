//! What the node knows of its clients: the state of each connection, as commands see and change it, and the registry
//! of them all.
//!
//! A connection's task owns the socket and the unfinished input; everything that a command of *another* client may look
//! at or change (its name, its subscriptions, what is to be sent to it, whether it is to be closed) stands here.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;

use crate::command::table::Command;
use crate::config::{ClientClass, OutputLimit, REPLY_BYTES_MAX};
use crate::footprint::Footprint;
use crate::keyspace::Db;
use crate::pubsub::Topic;
use crate::replication::{ReplicaState, Resync};
use crate::resp::Protocol;
use crate::transaction::{Transaction, WatchedKey};

/// A client's number; never used twice.
pub type ClientId = u64;

/// What an idle client's outbox keeps allocated.
const OUTBOX_BYTES_KEPT: usize = 16 * 1024;

/// What a name that a client watches, is subscribed to or tracks takes: in its own set and in that of the node.
const NAME_BYTES: usize = 128;

/// Whether a client gets replies: CLIENT REPLY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplyMode {
    /// It does.
    #[default]
    On,
    /// It does not.
    Off,
    /// Not to the command that follows this one.
    SkipNext,
    /// Not to this command.
    Skip,
}

/// Whether a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Close {
    /// It goes on.
    #[default]
    No,
    /// Once what is to be sent has been sent.
    AfterReply,
    /// At once.
    Now,
}

/// One end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Of TCP.
    Ip(SocketAddr),
    /// The path of a Unix socket, which both ends are known by.
    Path(Arc<str>),
}

impl Address {
    /// Whether it is on this machine.
    #[must_use]
    pub fn is_near(&self) -> bool {
        match self {
            Self::Ip(address) => address.ip().to_canonical().is_loopback(),
            Self::Path(_) => true,
        }
    }

    /// The host alone.
    #[must_use]
    pub fn host(&self) -> String {
        match self {
            Self::Ip(address) => address.ip().to_string(),
            Self::Path(path) => path.to_string(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(formatter),
            Self::Path(path) => write!(formatter, "{path}:0"),
        }
    }
}

/// Where a connection comes from and goes to.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// The client's address.
    pub peer: Address,
    /// The node's address.
    pub local: Address,
    /// The socket's file descriptor, for CLIENT LIST alone.
    pub fd: i32,
}

/// One connected client.
#[derive(Debug)]
pub struct Client {
    /// Its number.
    pub id: ClientId,
    /// Its place in the registry.
    pub slot: usize,
    /// The database it has selected.
    pub db: Db,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// What CLIENT SETNAME called it; empty for none.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME; empty for none.
    pub library_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER; empty for none.
    pub library_version: Vec<u8>,
    /// Whether it has given the password, or none is asked for.
    pub authenticated: bool,
    /// CLIENT NO-TOUCH: its reads leave access times as they are.
    pub no_touch: bool,
    /// CLIENT NO-EVICT: it is not closed to save memory.
    pub no_evict: bool,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// Its addresses.
    pub endpoints: Endpoints,
    /// When it connected, in milliseconds since the Unix epoch.
    pub connected_ms: i64,
    /// When it last sent something, likewise.
    pub active_ms: i64,
    /// The command it last sent.
    pub last_command: Option<&'static Command>,
    /// The channels it is subscribed to.
    pub channels: BTreeSet<Box<[u8]>>,
    /// The patterns it is subscribed to.
    pub patterns: BTreeSet<Box<[u8]>>,
    /// The channels of shards it is subscribed to.
    pub shards: BTreeSet<Box<[u8]>>,
    /// MONITOR: it is shown every command.
    pub monitor: bool,
    /// What it has queued since MULTI.
    pub transaction: Option<Transaction>,
    /// Whether its reads are tracked, so that it may keep what it has read.
    pub tracks: bool,
    /// How many prefixes of keys it is told of.
    pub prefixes: usize,
    /// CLIENT CACHING: what it has announced of the reads of the next command.
    pub caching: Option<bool>,
    /// The keys it watches.
    pub watched: Vec<WatchedKey>,
    /// Whether it waits for a key or for replicas and carries out nothing meanwhile.
    pub blocked: bool,
    /// Whether its commands may not wait: it is within a transaction.
    pub deny_blocking: bool,
    /// ASKING: its next command may be for a slot that is being imported.
    pub asking: bool,
    /// READONLY: a replica may answer its reads.
    pub reads_replica: bool,
    /// What is known of it where it is a replica.
    pub replica: Option<ReplicaState>,
    /// The snapshot that it is being sent, where it is a replica.
    pub resync: Option<Box<Resync>>,
    /// Whether it stands for the master that this node copies.
    pub is_master: bool,
    /// Whether its connection is to end.
    pub close: Close,
    /// Bytes of a command that is not complete yet; its connection keeps them.
    pub input_bytes: usize,
    /// Bytes that its connection keeps allocated for that.
    pub input_capacity: usize,
    /// What it took when that was last counted.
    pub(crate) counted_bytes: usize,
    outbox: Vec<u8>,
    over_soft_limit_since_ms: Option<i64>,
    waker: Option<Waker>,
}

impl Client {
    /// A client that has just connected.
    #[must_use]
    pub fn new(endpoints: Endpoints, authenticated: bool, now_ms: i64) -> Self {
        Self {
            id: 0,
            slot: 0,
            db: Db::ZERO,
            protocol: Protocol::default(),
            name: Vec::new(),
            library_name: Vec::new(),
            library_version: Vec::new(),
            authenticated,
            no_touch: false,
            no_evict: false,
            reply_mode: ReplyMode::On,
            endpoints,
            connected_ms: now_ms,
            active_ms: now_ms,
            last_command: None,
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            shards: BTreeSet::new(),
            monitor: false,
            transaction: None,
            tracks: false,
            prefixes: 0,
            caching: None,
            watched: Vec::new(),
            blocked: false,
            deny_blocking: false,
            asking: false,
            reads_replica: false,
            replica: None,
            resync: None,
            is_master: false,
            close: Close::No,
            input_bytes: 0,
            input_capacity: 0,
            counted_bytes: 0,
            outbox: Vec::new(),
            over_soft_limit_since_ms: None,
            waker: None,
        }
    }

    /// How many channels and patterns it is subscribed to.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shards.len()
    }

    /// The names of one kind that it is subscribed to.
    pub fn topics(&mut self, topic: Topic) -> &mut BTreeSet<Box<[u8]>> {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
            Topic::Shard => &mut self.shards,
        }
    }

    /// Which limits hold for what waits to be sent to it.
    #[must_use]
    pub fn class(&self) -> ClientClass {
        if self.replica.is_some() {
            ClientClass::Replica
        } else if self.subscriptions() > 0 {
            ClientClass::PubSub
        } else {
            ClientClass::Normal
        }
    }

    /// Ends its connection, now or once its replies are sent.
    pub fn end(&mut self, close: Close) {
        self.close = self.close.max(close);
        self.wake();
    }

    /// What waits to be sent.
    #[must_use]
    pub fn outbox(&self) -> &[u8] {
        &self.outbox
    }

    /// Puts `bytes` behind what waits to be sent. Call [`Client::wake`] when its connection is not the one running.
    pub fn send_later(&mut self, bytes: &[u8]) {
        self.outbox.extend_from_slice(bytes);
    }

    /// Forgets the first `bytes` of what waited: they are sent.
    pub fn sent(&mut self, bytes: usize) {
        self.outbox.drain(..bytes.min(self.outbox.len()));
        if self.outbox.is_empty() {
            self.outbox.shrink_to(OUTBOX_BYTES_KEPT);
        }
    }

    /// Whether more waits to be sent than `limit` allows at the time `now_ms`.
    pub fn is_over(&mut self, limit: OutputLimit, now_ms: i64) -> bool {
        let withheld = self
            .resync
            .as_ref()
            .map_or(0, |resync| resync.waiting_bytes());
        let waiting = (self.outbox.len() + withheld) as u64;
        let hard = if limit.hard_bytes == 0 {
            REPLY_BYTES_MAX as u64
        } else {
            limit.hard_bytes
        };
        if limit.soft_bytes == 0 || waiting <= limit.soft_bytes {
            self.over_soft_limit_since_ms = None;
            return waiting > hard;
        }
        let since_ms = *self.over_soft_limit_since_ms.get_or_insert(now_ms);
        waiting > hard || now_ms.saturating_sub(since_ms).unsigned_abs() / 1000 > limit.soft_seconds
    }

    /// What it takes, in bytes: buffers, what it has queued, and the names it watches, is subscribed to and tracks.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let queued = self.transaction.as_ref().map_or(0, Transaction::bytes);
        let names = self.watched.len() + self.subscriptions() + self.prefixes;
        let buffers = self.input_capacity + self.outbox.capacity();
        size_of::<Self>() + buffers + queued + names * NAME_BYTES
    }

    /// Whether it is neither a replica nor the master that is copied.
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        !self.is_master && self.replica.is_none()
    }

    /// Whether it may be closed to save memory.
    #[must_use]
    pub fn is_evictable(&self) -> bool {
        self.is_ordinary() && !self.no_evict && self.close == Close::No
    }

    /// Runs its connection's task at the next turn of the loop.
    pub fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Remembers how to wake its connection's task.
    pub fn set_waker(&mut self, waker: &Waker) {
        if !self
            .waker
            .as_ref()
            .is_some_and(|known| known.will_wake(waker))
        {
            self.waker = Some(waker.clone());
        }
    }
}

/// Every client of a node.
///
/// The client whose commands are running is taken out meanwhile, so that a handler can hold it and the registry at
/// once; whoever looks through the registry then has it in hand.
#[derive(Debug, Default)]
pub struct Clients {
    slots: Vec<Option<Box<Client>>>,
    free: Vec<usize>,
    last_id: ClientId,
    connected: usize,
    /// What they take together.
    pub(crate) footprint: Footprint,
}

impl Clients {
    /// How many are connected, counting one that is taken out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.connected
    }

    /// Whether nobody is connected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.connected == 0
    }

    /// Gives a client its number and its slot, which is returned.
    pub fn add(&mut self, client: Client) -> usize {
        self.last_id += 1;
        self.connected += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let client = Client {
            id: self.last_id,
            slot,
            ..client
        };
        self.put(Box::new(client));
        slot
    }

    /// Takes a client out, to run its commands.
    #[inline]
    pub fn take(&mut self, slot: usize) -> Option<Box<Client>> {
        self.slots.get_mut(slot)?.take()
    }

    /// Puts a client back.
    #[inline]
    pub fn put(&mut self, client: Box<Client>) {
        if let Some(place) = self.slots.get_mut(client.slot) {
            *place = Some(client);
        }
    }

    /// Frees a slot whose client is gone.
    pub fn release(&mut self, slot: usize) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = None;
            self.free.push(slot);
            self.connected -= 1;
        }
    }

    /// The client in `slot`, unless it is taken out.
    #[must_use]
    pub fn get(&self, slot: usize) -> Option<&Client> {
        self.slots.get(slot)?.as_deref()
    }

    /// The client in `slot`, unless it is taken out.
    pub fn get_mut(&mut self, slot: usize) -> Option<&mut Client> {
        self.slots.get_mut(slot)?.as_deref_mut()
    }

    /// Whether the client in `slot`, unless it is taken out, has this number.
    #[must_use]
    pub fn is(&self, slot: usize, id: ClientId) -> bool {
        let client = self.slots.get(slot).and_then(Option::as_ref);
        client.is_some_and(|client| client.id == id)
    }

    /// Every client but one that is taken out.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.slots.iter().filter_map(Option::as_deref)
    }

    /// Every client but one that is taken out.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Client> {
        self.slots.iter_mut().filter_map(Option::as_deref_mut)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    pub(crate) fn client() -> Client {
        let address = Address::Ip(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        Client::new(
            Endpoints {
                peer: address.clone(),
                local: address,
                fd: 3,
            },
            true,
            0,
        )
    }

    #[test]
    fn slots_are_used_again_and_numbers_are_not() {
        let mut clients = Clients::default();
        let (first, second) = (clients.add(client()), clients.add(client()));
        clients.release(first);
        let third = clients.add(client());
        assert_eq!((first, second, third, clients.len()), (0, 1, 0, 2));
        assert_eq!(
            clients.iter().map(|client| client.id).collect::<Vec<_>>(),
            [3, 2]
        );
        let taken = clients.take(second).unwrap();
        assert_eq!((clients.iter().count(), clients.len()), (1, 2));
        clients.put(taken);
        assert_eq!(clients.iter().count(), 2);
    }

    #[test]
    fn a_soft_limit_needs_time_and_a_hard_one_does_not() {
        let limit = OutputLimit {
            hard_bytes: 100,
            soft_bytes: 10,
            soft_seconds: 1,
        };
        let mut client = client();
        client.send_later(&[0; 50]);
        assert!(!client.is_over(limit, 1000));
        assert!(!client.is_over(limit, 2500));
        assert!(client.is_over(limit, 3000));
        client.sent(45);
        assert!(!client.is_over(limit, 9000));
        client.send_later(&[0; 96]);
        assert!(client.is_over(limit, 9000));
    }
}
