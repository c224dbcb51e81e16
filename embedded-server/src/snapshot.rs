//! The whole keyspace as one snapshot, and back, at one stretch or in slices between which others are served.

use thiserror::Error;

use crate::keyspace::{AccessData, CutId, Db, Expiry, OutOfMemory};
use crate::node::Server;
use crate::rdb::Value;
use crate::rdb::file::{Entry, FileError, Record, Writer};
use crate::rdb::reader::Reader;
use crate::text::integer;
use crate::types::Limits;

/// The Redis whose format is written.
const FORMAT_OF: &str = "7.0.15";

/// A slice being made ends with the key by which it gets so long, in bytes: some tenths of a millisecond of work.
const SLICE_BYTES: usize = 16 * 1024;
/// A slice being loaded ends with the record by which it gets so long.
pub(crate) const LOAD_SLICE_BYTES: usize = 32 * 1024;

/// What says in which database the stream goes on behind a snapshot that a replica makes.
const STREAM_DB: &str = "repl-stream-db";
/// What says how much memory the keys of a snapshot took.
const USED_MEMORY: &str = "used-mem";

/// Why a snapshot was not loaded. What came before the fault is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It has more databases than this node.
    #[error("the snapshot has a database {0}, which this node has not; raise databases")]
    NoDatabase(u64),
    /// It does not fit.
    #[error("the snapshot does not fit into maxmemory; raise it")]
    OutOfMemory,
}

impl From<OutOfMemory> for LoadError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// How much was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Loaded {
    /// Keys that are there now.
    pub keys: usize,
    /// Keys whose time had come.
    pub expired: usize,
}

/// A snapshot that takes the place of everything, while it is loaded: clients are told to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loading {
    /// When that began, in milliseconds since the Unix epoch.
    pub began_ms: i64,
    /// How long it is, in bytes; 0 where that is not known.
    pub bytes: u64,
    /// How much of it is loaded.
    pub done: u64,
    /// The memory that it says its keys took; 0 where it does not.
    pub used_memory: u64,
}

impl Loading {
    /// How much is to be done in all, and whether that is known. Memory is a bad guess at the length of a snapshot.
    fn total(&self) -> (u64, bool) {
        match self.bytes {
            0 => (self.used_memory, false),
            bytes => (bytes, true),
        }
    }

    /// How much of it is loaded, in percent.
    #[must_use]
    pub fn percent(&self) -> f64 {
        let (total, is_known) = self.total();
        let percent = 100.0 * self.done as f64 / total.max(1) as f64;
        match (total, is_known) {
            (0, _) => 0.0,
            (_, true) => percent,
            (_, false) => percent.min(99.99),
        }
    }

    /// How many seconds it may still take, at the pace so far.
    #[must_use]
    pub fn eta_s(&self, now_ms: i64) -> i64 {
        let elapsed_s = (now_ms - self.began_ms) / 1000;
        let left = self.total().0.saturating_sub(self.done).max(1);
        match elapsed_s {
            ..=0 => 1,
            _ => (elapsed_s as f64 * left as f64 / (self.done + 1) as f64) as i64,
        }
    }
}

impl Server {
    /// Every key of every database, in Redis's format.
    #[must_use]
    pub fn snapshot(&mut self) -> Vec<u8> {
        let id = self.begin_snapshot();
        let mut snapshot = Vec::new();
        loop {
            let slice = self.next_slice(id);
            snapshot.extend_from_slice(&slice.bytes);
            if slice.is_last {
                return snapshot;
            }
        }
    }

    /// Begins a snapshot of what is there now, to be taken slice by slice. Whatever is written meanwhile is not in it.
    pub(crate) fn begin_snapshot(&mut self) -> CutId {
        let writer = self.opened_snapshot();
        self.keyspace.begin_cut(writer)
    }

    /// A snapshot without keys, for who wants none of them.
    pub(crate) fn bare_snapshot(&self) -> Vec<u8> {
        self.opened_snapshot().finish()
    }

    /// What a snapshot says of itself.
    fn opened_snapshot(&self) -> Writer {
        let mut writer = Writer::new(self.config.rdb_compression, self.has_expiring_fields());
        writer.auxiliary("redis-ver", FORMAT_OF);
        writer.auxiliary("redis-bits", &usize::BITS.to_string());
        writer.auxiliary("ctime", &(self.now_ms / 1000).to_string());
        writer.auxiliary(USED_MEMORY, &self.keyspace.used_memory().to_string());
        if self.replication.master.is_some() {
            writer.auxiliary(STREAM_DB, &self.replication.stream_db().index().to_string());
        }
        writer
    }

    /// The next slice of a snapshot, which is over with the last.
    pub(crate) fn next_slice(&mut self, id: CutId) -> Slice {
        let is_last = !self.keyspace.advance_cut(id, SLICE_BYTES);
        let writer = self.keyspace.cut_writer(id);
        let bytes = match writer {
            Some(writer) if is_last => writer.finish(),
            Some(writer) => writer.take(),
            None => Vec::new(),
        };
        if is_last {
            self.keyspace.end_cut(id);
        }
        Slice { bytes, is_last }
    }

    /// Puts the keys of a snapshot beside those that are there, replacing those of the same name; keys whose time has
    /// come are left out. Says how many keys it put.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(&mut self, snapshot: &[u8]) -> Result<usize, LoadError> {
        Ok(self.load_counted(snapshot)?.keys)
    }

    /// The same; says also how many keys were left out.
    pub(crate) fn load_counted(&mut self, snapshot: &[u8]) -> Result<Loaded, LoadError> {
        let mut load = Load::new(self.config.limits.clone());
        for piece in snapshot.chunks(LOAD_SLICE_BYTES) {
            load.feed(piece);
            while load.slice(self, LOAD_SLICE_BYTES)? {}
        }
        load.close();
        while load.slice(self, LOAD_SLICE_BYTES)? {}
        Ok(load.loaded)
    }

    /// A snapshot of so many bytes, 0 where that is not known, is loaded from now on.
    pub(crate) fn begin_loading(&mut self, bytes: u64) {
        self.read_clock();
        self.loading = Some(Loading {
            began_ms: self.now_ms,
            bytes,
            done: 0,
            used_memory: 0,
        });
    }

    /// So much of the snapshot is loaded.
    pub(crate) fn loaded(&mut self, load: &Load) {
        self.read_clock();
        if let Some(loading) = &mut self.loading {
            loading.done = load.reader.bytes_read() as u64;
            loading.used_memory = load.used_memory;
        }
    }

    /// Empties all databases, for a snapshot to take their place.
    pub(crate) fn discard_data(&mut self) {
        for db in self.keyspace.dbs() {
            self.touch_database(db, db);
        }
        self.keyspace.flush_all();
    }

    /// Puts a key in, in place of one of that name.
    pub(crate) fn put(&mut self, db: Db, entry: Entry) -> Result<(), OutOfMemory> {
        let expiry = entry.expire_ms.map_or(Expiry::Never, Expiry::At);
        match entry.value {
            Value::String(text) => self.keyspace.set_string(db, &entry.key, &text, expiry)?,
            Value::Object(value) => self.keyspace.set_object(db, &entry.key, value, expiry)?,
        };
        let idle = entry
            .idle_s
            .map(|seconds| AccessData::IdleMs(seconds.saturating_mul(1000)));
        let access = entry.frequency.map(AccessData::Frequency).or(idle);
        if let Some(access) = access {
            self.keyspace.restore_access(db, &entry.key, access);
        }
        self.note_fields(db, &entry.key);
        Ok(())
    }
}

/// A piece of a snapshot.
pub(crate) struct Slice {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_last: bool,
}

/// A snapshot being loaded, as its bytes come.
pub(crate) struct Load {
    reader: Reader,
    db: Db,
    /// What was loaded so far.
    pub(crate) loaded: Loaded,
    /// The database in which the stream goes on behind it.
    pub(crate) stream_db: Db,
    used_memory: u64,
    keeps_dead: bool,
}

impl Load {
    /// Begins to load a snapshot, giving values the form that `limits` ask for.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            reader: Reader::new(limits),
            db: Db::ZERO,
            loaded: Loaded::default(),
            stream_db: Db::ZERO,
            used_memory: 0,
            keeps_dead: false,
        }
    }

    /// Keys whose time has come are kept: a master says what becomes of them, and may have said that they live on.
    pub(crate) fn keeping_dead(self) -> Self {
        Self {
            keeps_dead: true,
            ..self
        }
    }

    /// Takes the bytes that follow those before.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.reader.feed(bytes);
    }

    /// Nothing more will come.
    pub(crate) fn close(&mut self) {
        self.reader.close();
    }

    /// Loads some of the records that have come, up to the one by which they are so many bytes; says whether there may be
    /// more of them.
    pub(crate) fn slice(&mut self, server: &mut Server, bytes: usize) -> Result<bool, LoadError> {
        if self.keeps_dead {
            server.keyspace.suspend_deaths();
        }
        let more = self.records(server, bytes);
        server.keyspace.set_now_ms(server.now_ms);
        more
    }

    fn records(&mut self, server: &mut Server, bytes: usize) -> Result<bool, LoadError> {
        let end = self.reader.bytes_read() + bytes;
        while self.reader.bytes_read() < end {
            match self.reader.next() {
                None => return Ok(false),
                Some(record) => self.record(record?, server)?,
            }
        }
        Ok(true)
    }

    fn record(&mut self, record: Record, server: &mut Server) -> Result<(), LoadError> {
        match record {
            Record::Select(number) => {
                let db = database(server, number);
                self.db = db.ok_or(LoadError::NoDatabase(number))?;
            }
            Record::Entry(entry) if self.is_dead(&entry, server) => self.loaded.expired += 1,
            Record::Entry(entry) => {
                server.put(self.db, *entry)?;
                self.loaded.keys += 1;
            }
            Record::Auxiliary { name, value } => self.note(&name, &value, server),
            Record::Sizes { .. } | Record::Function(_) => {}
        }
        Ok(())
    }

    /// Takes note of what the snapshot says of itself.
    fn note(&mut self, name: &[u8], value: &[u8], server: &Server) {
        let number = integer::parse(value).and_then(|number| u64::try_from(number).ok());
        if name == STREAM_DB.as_bytes() {
            let db = number.and_then(|number| database(server, number));
            self.stream_db = db.unwrap_or_default();
        } else if name == USED_MEMORY.as_bytes() {
            self.used_memory = number.unwrap_or(0);
        }
    }

    fn is_dead(&self, entry: &Entry, server: &Server) -> bool {
        !self.keeps_dead && entry.expire_ms.is_some_and(|at| at <= server.now_ms)
    }
}

fn database(server: &Server, number: u64) -> Option<Db> {
    server.keyspace.db(usize::try_from(number).ok()?)
}
