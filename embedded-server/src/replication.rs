//! Replication: what a master tells its replicas, how much of that it still knows, and whom a replica copies.
//!
//! The stream is that of Redis: after a snapshot, commands, each of which does there what was done here (`effects`). A key
//! that expires or is evicted goes out as DEL.
//!
//! A master keeps the latest `repl-backlog-size` bytes of the stream, so that a replica that was away goes on where it
//! left off. A replica keeps what it receives in the same way, so that it can take its master's place.

mod effects;
mod failover;
mod full;
mod own_deadlines;

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use tokio::sync::watch;

use crate::blocking::{Unblocked, Waiting};
use crate::client::{Client, Close};
use crate::command::Context;
use crate::keyspace::Db;
use crate::node::{Server, hexadecimal};
use crate::resp::Reply;

pub use failover::{Failover, FailoverError, Request as FailoverRequest};
pub use full::Resync;

use effects::{Bracket, Effects};
use own_deadlines::OwnDeadlines;

/// A master, as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Master {
    /// Its address or the name of its host.
    pub host: String,
    /// The port it listens on.
    pub port: u16,
}

impl Master {
    /// Its address, where it was named by that.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl From<SocketAddr> for Master {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

impl fmt::Display for Master {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// What a master knows of a replica.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReplicaState {
    /// Where it listens, as it told.
    pub port: u16,
    /// How far it has copied, as it last told.
    pub acknowledged: u64,
    /// When it told, in milliseconds since the Unix epoch.
    pub heard_ms: i64,
    /// Whether it gets the stream.
    pub is_online: bool,
    /// Whether it takes a snapshot of which it is told the end but not the length.
    pub reads_marks: bool,
    /// Whether it wants none of the keys: REPLCONF rdb-filter-only.
    pub skips_keys: bool,
}

/// The snapshot of the master, while it comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sync {
    /// How long it is, in bytes; 0 where only its end is told.
    pub bytes: u64,
    /// How much has come.
    pub read: u64,
    /// When some last came, in milliseconds since the Unix epoch.
    pub heard_ms: i64,
}

/// A client that waits until replicas have copied what it wrote.
#[derive(Debug)]
struct Wait {
    slot: usize,
    offset: u64,
    replicas: usize,
}

/// What it is told when its wait is over: how many have.
struct Copied {
    offset: u64,
}

impl Waiting for Copied {
    fn serve(&mut self, _: &mut Context<'_>, _: &[u8]) -> bool {
        false
    }

    fn time_out(&self, server: &Server, reply: &mut Reply) {
        reply.count(server.replicas_at(self.offset));
    }
}

/// A node's part in replication.
#[derive(Debug)]
pub struct Replication {
    /// The name of the history that the data set has.
    pub id: String,
    /// The name it had before this node was made a master, and up to where that history is this one.
    pub previous: Option<(String, u64)>,
    /// How far the history has got, in bytes.
    pub offset: u64,
    /// Whom this node copies.
    pub master: Option<Master>,
    /// Whether the stream comes in.
    pub is_linked: bool,
    /// Since when it does not, where it did, in milliseconds since the Unix epoch.
    pub unlinked_ms: Option<i64>,
    /// What comes in before the stream.
    pub sync: Option<Sync>,
    /// The handing over to a replica, if that is under way.
    pub failover: Option<Failover>,
    /// When the master was last heard, in milliseconds since the Unix epoch; 0 for never.
    pub heard_ms: i64,
    backlog: VecDeque<u8>,
    backlog_bytes_max: usize,
    /// Whether anybody has ever asked for the stream; before that none is made.
    is_recording: bool,
    /// The database that the stream is in.
    db: Option<Db>,
    effects: Effects,
    bracket: Bracket,
    waits: Vec<Wait>,
    /// Whether a replica has told how far it is since that was last looked at.
    has_acknowledgement: bool,
    /// The slots of those who get the stream, now or behind their snapshots.
    replicas: Vec<usize>,
    targets: watch::Sender<Option<Master>>,
    /// What this node, as a replica, is to end itself.
    pub(crate) own_deadlines: OwnDeadlines,
}

impl Replication {
    /// Of a node that copies nobody.
    #[must_use]
    pub fn new(id: String) -> Self {
        Self {
            id,
            previous: None,
            offset: 0,
            master: None,
            is_linked: false,
            unlinked_ms: None,
            sync: None,
            failover: None,
            heard_ms: 0,
            backlog: VecDeque::new(),
            backlog_bytes_max: 1 << 20,
            is_recording: false,
            db: None,
            effects: Effects::default(),
            bracket: Bracket::None,
            waits: Vec::new(),
            has_acknowledgement: false,
            replicas: Vec::new(),
            targets: watch::Sender::new(None),
            own_deadlines: OwnDeadlines::default(),
        }
    }

    /// Tells whom to copy, whenever that changes.
    pub(crate) fn targets(&self) -> watch::Receiver<Option<Master>> {
        self.targets.subscribe()
    }

    /// Ends the connection to the master and opens another.
    pub(crate) fn connect_anew(&self) {
        self.targets.send_modify(|_| {});
    }

    /// Whether this node is a master that anybody copies, or has copied.
    #[inline]
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.is_recording && self.master.is_none()
    }

    /// The stream does not come in, or no more.
    pub(crate) fn unlink(&mut self, now_ms: i64) {
        if std::mem::replace(&mut self.is_linked, false) {
            self.unlinked_ms = Some(now_ms);
        }
        self.sync = None;
    }

    /// The database that the stream is in.
    pub(crate) fn stream_db(&self) -> Db {
        self.db.unwrap_or_default()
    }

    /// The stream of the master is in this database now.
    pub(crate) fn set_stream_db(&mut self, db: Db) {
        self.db = Some(db);
    }

    /// Bytes of the stream that are still known, up to [`Replication::offset`].
    #[must_use]
    pub fn backlog_bytes(&self) -> usize {
        self.backlog.len()
    }

    fn append(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        let kept = bytes.len().saturating_sub(self.backlog_bytes_max);
        self.backlog.extend(bytes.get(kept..).unwrap_or_default());
        let surplus = self.backlog.len().saturating_sub(self.backlog_bytes_max);
        self.backlog.drain(..surplus);
    }

    /// What followed `offset` in the history `id`, if all of it is still known.
    fn since(&self, id: &[u8], offset: u64) -> Option<Vec<u8>> {
        let previous = self.previous.as_ref();
        let is_same = id == self.id.as_bytes()
            || previous.is_some_and(|(old, until)| id == old.as_bytes() && offset <= *until);
        let missing = usize::try_from(self.offset.checked_sub(offset)?).ok()?;
        let skipped = self.backlog.len().checked_sub(missing)?;
        (is_same && self.is_recording).then(|| self.backlog.iter().skip(skipped).copied().collect())
    }

    /// The history goes on under another name.
    fn rename(&mut self, id: String) {
        let old = std::mem::replace(&mut self.id, id);
        self.previous = Some((old, self.offset));
    }
}

/// The master's side.
impl Server {
    /// Answers PSYNC: with what a replica has missed or, where that is not known any more, with everything.
    pub(crate) fn synchronize(
        &mut self,
        client: &mut Client,
        reply: &mut Reply,
        id: &[u8],
        offset: Option<u64>,
    ) {
        let size = self
            .config
            .get("repl-backlog-size")
            .and_then(|size| size.parse().ok());
        self.replication.backlog_bytes_max = size.unwrap_or(1 << 20);
        // What a snapshot has in it must not follow it.
        self.propagate_rest();
        // A replica asks for the byte behind the last it has.
        let known = offset.and_then(|next| next.checked_sub(1));
        let missed = known.and_then(|offset| self.replication.since(id, offset));
        match missed {
            Some(missed) => {
                self.stats.partial_syncs += 1;
                reply.raw(format!("+CONTINUE {}\r\n", self.replication.id).as_bytes());
                reply.raw(&missed);
                self.begin_recording();
                self.add_replica(client.slot);
                self.put_online(client);
            }
            None => {
                let Replication { id, offset, .. } = &self.replication;
                reply.raw(format!("+FULLRESYNC {id} {offset}\r\n").as_bytes());
                self.send_everything(client, reply);
            }
        }
    }

    fn begin_recording(&mut self) {
        self.replication.is_recording = true;
        self.record_removals();
    }

    /// The client in `slot` is a replica; it may ask more than once.
    fn add_replica(&mut self, slot: usize) {
        let replicas = &mut self.replication.replicas;
        if !replicas.contains(&slot) {
            replicas.push(slot);
        }
    }

    /// Puts bytes into the stream.
    pub(crate) fn pass_on(&mut self, bytes: &[u8]) {
        self.replication.append(bytes);
        for slot in &self.replication.replicas {
            let Some(replica) = self.clients.get_mut(*slot) else {
                // Its own command runs: this follows the answer.
                self.pushes_to_self.push((*slot, bytes.to_vec()));
                continue;
            };
            if let Some(resync) = &mut replica.resync {
                resync.keep(bytes);
            } else {
                replica.send_later(bytes);
                replica.wake();
            }
        }
    }

    /// Asks the replicas how far they are.
    pub(crate) fn ask_replicas(&mut self) {
        let db = self.replication.db.unwrap_or_default();
        self.stream(db, [b"REPLCONF".as_slice(), b"GETACK", b"*"].into_iter());
    }

    /// Shows the replicas that the master is there.
    pub(crate) fn ping_replicas(&mut self) {
        // While a replica is to have all there is, nothing may be added.
        if self.replication.is_recording() && self.replication.failover.is_none() {
            let db = self.replication.db.unwrap_or_default();
            self.stream(db, [b"PING".as_slice()].into_iter());
        }
    }

    /// The replicas that get the stream; one whose command is running is left out.
    pub fn replicas(&self) -> impl Iterator<Item = (&Client, ReplicaState)> {
        self.all_replicas().filter(|(_, replica)| replica.is_online)
    }

    /// The same with those who are being sent a snapshot.
    pub fn all_replicas(&self) -> impl Iterator<Item = (&Client, ReplicaState)> {
        let slots = self.replication.replicas.iter();
        let clients = slots.filter_map(|slot| self.clients.get(*slot));
        clients.filter_map(|client| Some((client, client.replica?)))
    }

    /// Whether fewer replicas follow closely than `min-replicas-to-write` asks for.
    #[must_use]
    pub fn lacks_replicas(&self) -> bool {
        let wanted = self.config.min_replicas_to_write;
        if wanted == 0 || self.replication.master.is_some() {
            return false;
        }
        let lag_ms = self.config.min_replicas_max_lag_s.saturating_mul(1000);
        let is_close = |replica: &ReplicaState| self.now_ms - replica.heard_ms <= lag_ms;
        self.replicas()
            .filter(|(_, replica)| is_close(replica))
            .count()
            < wanted
    }
}

/// WAIT.
impl Server {
    /// How many replicas have copied up to `offset`.
    #[must_use]
    pub fn replicas_at(&self, offset: u64) -> usize {
        self.replicas()
            .filter(|(_, replica)| replica.acknowledged >= offset)
            .count()
    }

    /// Answers the clients whose replicas have got there. To be called between turns: a client whose turn it is counts for
    /// no replica.
    #[inline]
    pub(crate) fn look_after_waits(&mut self) {
        if std::mem::take(&mut self.replication.has_acknowledgement) {
            self.end_waits();
            self.go_on_failing_over();
            self.go_on_shutting_down();
        }
    }

    fn end_waits(&mut self) {
        let is_over = |wait: &&Wait| self.replicas_at(wait.offset) >= wait.replicas;
        let over = self.replication.waits.iter().filter(is_over);
        for slot in over.map(|wait| wait.slot).collect::<Vec<_>>() {
            self.unblock(slot, Unblocked::TimedOut);
        }
    }

    /// A client waits no longer.
    pub(crate) fn forget_wait(&mut self, slot: usize) {
        self.replication.waits.retain(|wait| wait.slot != slot);
    }
}

impl Context<'_> {
    /// Lets the client wait until so many replicas have copied what there is now, or `deadline_ms` has come.
    pub(crate) fn wait_for_replicas(&mut self, replicas: usize, deadline_ms: Option<i64>) {
        let (slot, offset) = (self.client.slot, self.server.replication.offset);
        self.server.ask_replicas();
        self.block(Vec::new(), deadline_ms, Box::new(Copied { offset }));
        self.server.replication.waits.push(Wait {
            slot,
            offset,
            replicas,
        });
    }
}

/// The replica's side.
impl Server {
    /// Copies the master that the configuration names, if it names one.
    pub(crate) fn follow_as_configured(&mut self) {
        let text = String::from_utf8_lossy(self.config.text("replicaof")).into_owned();
        if let Some((host, port)) = text.rsplit_once(' ')
            && let Ok(port) = port.parse()
        {
            let host = host.to_owned();
            self.follow_master(Master { host, port });
        }
    }

    /// The configuration tells whom a node copies, in a cluster excepted.
    fn configure_master(&mut self, text: &str) {
        if self.cluster.is_none() {
            // Any text will do.
            let _ = self.config.set("replicaof", text);
        }
    }

    /// Copies a master from now on.
    pub(crate) fn follow_master(&mut self, master: Master) {
        let before = self.replication.master.replace(master.clone());
        if before.is_none() && self.cluster.is_none() {
            self.end_blocking();
        }
        self.configure_master(&format!("{} {}", master.host, master.port));
        self.replication.unlink(self.now_ms);
        self.hold_removals();
        self.log(
            crate::log::Level::Notice,
            &format!("Connecting to MASTER {master}"),
        );
        self.replication.targets.send_replace(Some(master));
    }

    /// Is a master from now on, with the data there is.
    pub(crate) fn lead(&mut self) {
        if self.replication.master.take().is_none() {
            return;
        }
        self.configure_master("");
        self.replication.targets.send_replace(None);
        self.replication.unlink(self.now_ms);
        let id = hexadecimal(&mut self.random);
        self.replication.rename(id);
        self.replication.db = None;
        self.replication.own_deadlines.clear();
        self.end_replicas();
        self.record_removals();
        self.end_pause();
    }

    /// The data set is that of a snapshot, and its history another's.
    pub(crate) fn begin_history(&mut self, id: String, offset: u64, stream_db: Db) {
        let replication = &mut self.replication;
        replication.id = id;
        replication.offset = offset;
        replication.previous = None;
        replication.backlog.clear();
        replication.is_recording = true;
        replication.db = Some(stream_db);
        self.end_replicas();
    }

    /// The master goes on with the history that this node has, maybe under another name.
    pub(crate) fn rename_history(&mut self, id: &str) {
        if self.replication.id != id {
            self.replication.rename(id.to_owned());
            self.end_replicas();
        }
    }

    /// Has the replicas connect anew, so that they learn the name of the history; they go on with it where they are.
    fn end_replicas(&mut self) {
        for slot in &self.replication.replicas {
            if let Some(replica) = self.clients.get_mut(*slot) {
                replica.end(Close::AfterReply);
            }
        }
    }

    /// All there is goes, for the snapshot of a master to take its place, and so does the history that it was: should the
    /// snapshot not come to its end, the next connection asks for everything.
    pub(crate) fn make_way(&mut self) {
        self.read_clock();
        self.discard_data();
        let replication = &mut self.replication;
        replication.backlog.clear();
        (replication.offset, replication.heard_ms) = (0, 0);
        self.end_replicas();
    }

    /// What is to be done ten times a second.
    pub(crate) fn replication_cron(&mut self) {
        self.propagate_rest();
        self.go_on_failing_over();
        self.go_on_shutting_down();
        self.expire_own();
        let period_ms = self.config.repl_ping_period_s.max(1) * 1000;
        if self.now_ms - self.pinged_ms >= period_ms {
            self.pinged_ms = self.now_ms;
            self.ping_replicas();
        }
    }
}
