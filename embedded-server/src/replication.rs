//! Replication: what a master tells its replicas, how much of that it still knows, and whom a replica copies.
//!
//! The stream is that of Redis: after a snapshot, commands. A command goes out as it came where it does the same there
//! as here. Where it would not (a time to live counted from now, a draw at random, a client that had waited), what goes
//! out is the key as it is afterwards. A key that expires or is evicted goes out as DEL.
//!
//! A master keeps the latest `repl-backlog-size` bytes of the stream, so that a replica that was away goes on where it
//! left off. A replica keeps what it receives in the same way, so that it can take its master's place.

mod full;

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;

use tokio::sync::watch;

use crate::client::{Client, Close};
use crate::command::table::{Command, Flags};
use crate::keyspace::{Access, Db};
use crate::node::{Server, hexadecimal};
use crate::rdb::payload;
use crate::resp::{Arguments, Reply};
use crate::snapshot::Loading;

pub use full::Resync;

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
}

/// A client that waits until replicas have copied what it wrote.
#[derive(Debug)]
struct Wait {
    slot: usize,
    offset: u64,
    replicas: usize,
    deadline_ms: Option<i64>,
}

/// Where the stream stands in a transaction: what one EXEC changes goes out within MULTI and EXEC, if it is anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bracket {
    None,
    /// A transaction runs, and has changed nothing yet.
    Due,
    /// MULTI has gone out.
    Open,
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
    pub master: Option<SocketAddr>,
    /// Whether the stream comes in.
    pub is_linked: bool,
    /// When the master was last heard, in milliseconds since the Unix epoch; 0 for never.
    pub heard_ms: i64,
    backlog: VecDeque<u8>,
    backlog_bytes_max: usize,
    /// Whether anybody has ever asked for the stream; before that none is made.
    is_recording: bool,
    /// The database that the stream is in.
    db: Option<Db>,
    /// What the running command has changed.
    touched: BTreeSet<(Db, Box<[u8]>)>,
    /// Whether it changed whole databases.
    has_swept: bool,
    bracket: Bracket,
    waits: Vec<Wait>,
    /// The slots of those who get the stream, now or behind their snapshots.
    replicas: Vec<usize>,
    targets: watch::Sender<Option<SocketAddr>>,
}

/// Keys that one command may touch before it goes out as it came, come what may.
const TOUCHED_MAX: usize = 100_000;

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
            heard_ms: 0,
            backlog: VecDeque::new(),
            backlog_bytes_max: 1 << 20,
            is_recording: false,
            db: None,
            touched: BTreeSet::new(),
            has_swept: false,
            bracket: Bracket::None,
            waits: Vec::new(),
            replicas: Vec::new(),
            targets: watch::Sender::new(None),
        }
    }

    /// Tells whom to copy, whenever that changes.
    pub(crate) fn targets(&self) -> watch::Receiver<Option<SocketAddr>> {
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

    /// A key has changed.
    pub(crate) fn touch(&mut self, db: Db, key: &[u8]) {
        if self.touched.len() < TOUCHED_MAX {
            self.touched.insert((db, key.into()));
        }
    }

    /// Whole databases have.
    pub(crate) fn sweep(&mut self) {
        self.has_swept = true;
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

    /// Tells the replicas of a command that has run: as it came, or by what it has changed.
    pub(crate) fn propagate(&mut self, db: Db, arguments: &Arguments<'_>, command: &Command) {
        let has_swept = std::mem::take(&mut self.replication.has_swept);
        if self.replication.touched.is_empty() && !has_swept {
            return;
        }
        let as_it_came = command.spec.flags.has(Flags::WRITE) && does_the_same(command, arguments);
        if has_swept || as_it_came || self.replication.touched.len() >= TOUCHED_MAX {
            self.replication.touched.clear();
            self.stream(db, arguments.iter());
        } else {
            self.propagate_effects(is_about_time(command));
        }
    }

    /// Tells the replicas of what has changed without a command of its own.
    #[inline]
    pub(crate) fn propagate_rest(&mut self) {
        if !self.replication.touched.is_empty() {
            self.propagate_effects(false);
        }
    }

    fn propagate_effects(&mut self, only_time: bool) {
        for (db, key) in std::mem::take(&mut self.replication.touched) {
            let words = self.effect(db, &key, only_time);
            self.stream(db, words.iter().map(Vec::as_slice));
        }
    }

    /// The command that makes a key what it is.
    fn effect(&mut self, db: Db, key: &[u8], only_time: bool) -> Vec<Vec<u8>> {
        let compress = self.config.rdb_compression;
        let Some(entry) = self.keyspace.lookup(db, key, Access::Silent) else {
            return vec![b"DEL".to_vec(), key.to_vec()];
        };
        let deadline = entry.expire_ms().unwrap_or(0).to_string().into_bytes();
        if only_time && entry.expire_ms().is_some() {
            return vec![b"PEXPIREAT".to_vec(), key.to_vec(), deadline];
        }
        let payload = payload::encode(entry.value(), compress);
        let [restore, replace, absolute] =
            ["RESTORE", "REPLACE", "ABSTTL"].map(|word| word.as_bytes().to_vec());
        vec![restore, key.to_vec(), deadline, payload, replace, absolute]
    }

    /// Tells the replicas that a key is gone.
    pub(crate) fn propagate_removal(&mut self, db: Db, key: &[u8]) {
        self.stream(db, [b"DEL".as_slice(), key].into_iter());
    }

    /// What follows belongs to one transaction.
    pub(crate) fn begin_transaction(&mut self) {
        self.replication.bracket = Bracket::Due;
    }

    /// What belongs to the transaction has run.
    pub(crate) fn end_transaction(&mut self) {
        if std::mem::replace(&mut self.replication.bracket, Bracket::None) == Bracket::Open {
            let db = self.replication.db.unwrap_or_default();
            self.stream(db, [b"EXEC".as_slice()].into_iter());
        }
    }

    fn stream<'a>(&mut self, db: Db, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        let mut text = Reply::default();
        if self.replication.db.replace(db) != Some(db) {
            text.array(2);
            text.bulk(b"SELECT");
            text.bulk(db.index().to_string().as_bytes());
        }
        if self.replication.bracket == Bracket::Due {
            self.replication.bracket = Bracket::Open;
            text.array(1);
            text.bulk(b"MULTI");
        }
        text.array(words.len());
        words.for_each(|word| text.bulk(word));
        self.pass_on(text.bytes());
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
        if self.replication.is_recording() {
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

/// Whether a write does the same on a replica, later.
fn does_the_same(command: &Command, arguments: &Arguments<'_>) -> bool {
    match command.spec.name {
        "set" => arguments.len() == 3,
        "xadd" | "setex" | "psetex" | "getex" | "spop" | "restore" | "restore-asking"
        | "migrate" | "eval" | "evalsha" | "fcall" | "xclaim" | "xautoclaim" => false,
        name => {
            !is_about_time(command) && !name.starts_with("hexpire") && !name.starts_with("hpexpire")
        }
    }
}

/// Whether a command changes nothing but a time to live.
fn is_about_time(command: &Command) -> bool {
    matches!(
        command.spec.name,
        "expire" | "pexpire" | "expireat" | "pexpireat"
    )
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

    /// Lets a client wait for that many replicas.
    pub(crate) fn wait_for_replicas(
        &mut self,
        client: &mut Client,
        replicas: usize,
        deadline_ms: Option<i64>,
    ) {
        let offset = self.replication.offset;
        self.ask_replicas();
        client.blocked = true;
        self.replication.waits.push(Wait {
            slot: client.slot,
            offset,
            replicas,
            deadline_ms,
        });
    }

    /// Answers the clients whose replicas have got there, or whose time is up.
    pub(crate) fn end_waits(&mut self) {
        let now_ms = self.now_ms;
        for wait in std::mem::take(&mut self.replication.waits) {
            let copied = self.replicas_at(wait.offset);
            let is_due = wait.deadline_ms.is_some_and(|at| at <= now_ms);
            if copied < wait.replicas && !is_due {
                self.replication.waits.push(wait);
            } else if let Some(client) = self.clients.get_mut(wait.slot) {
                let mut reply = Reply::new(client.protocol);
                reply.count(copied);
                client.send_later(reply.bytes());
                client.blocked = false;
                client.wake();
            }
        }
    }

    pub(crate) fn forget_wait(&mut self, slot: usize) {
        self.replication.waits.retain(|wait| wait.slot != slot);
    }
}

/// The replica's side.
impl Server {
    /// Copies a master from now on.
    pub(crate) fn follow_master(&mut self, master: SocketAddr) {
        if self.replication.master.replace(master).is_none() && self.cluster.is_none() {
            self.end_blocking();
        }
        self.replication.is_linked = false;
        self.hold_removals();
        self.replication.targets.send_replace(Some(master));
        self.log(
            crate::log::Level::Notice,
            &format!("Connecting to MASTER {master}"),
        );
    }

    /// Is a master from now on, with the data there is.
    pub(crate) fn lead(&mut self) {
        if self.replication.master.take().is_none() {
            return;
        }
        self.replication.targets.send_replace(None);
        self.replication.is_linked = false;
        let id = hexadecimal(&mut self.random);
        self.replication.rename(id);
        self.replication.db = None;
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

    /// A snapshot of so many bytes takes the place of all there is; until it is loaded clients are told to wait.
    pub(crate) fn begin_loading(&mut self, bytes: usize) {
        self.read_clock();
        for db in self.keyspace.dbs() {
            self.touch_database(db, db);
        }
        self.keyspace.flush_all();
        self.loading = Some(Loading {
            began_ms: self.now_ms,
            bytes,
            done: 0,
        });
    }

    /// So many bytes of the snapshot are loaded.
    pub(crate) fn loaded(&mut self, bytes: usize) {
        self.read_clock();
        if let Some(loading) = &mut self.loading {
            loading.done = bytes;
        }
    }

    /// What is to be done ten times a second.
    pub(crate) fn replication_cron(&mut self) {
        self.end_waits();
        self.propagate_rest();
        let period_ms = self.config.repl_ping_period_s.max(1) * 1000;
        if self.now_ms - self.pinged_ms >= period_ms {
            self.pinged_ms = self.now_ms;
            self.ping_replicas();
        }
    }
}
