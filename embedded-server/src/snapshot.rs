//! The whole keyspace as one snapshot, and back, at one stretch or in slices between which others are served.

use thiserror::Error;

use crate::keyspace::{AccessData, CutId, Db, Expiry, OutOfMemory};
use crate::node::Server;
use crate::rdb::Value;
use crate::rdb::file::{Entry, FileError, Reader, Record, Writer};
use crate::text::integer;
use crate::types::Limits;

/// The Redis whose format is written.
const FORMAT_OF: &str = "7.0.15";

/// A slice being made ends with the key by which it gets so long, in bytes: some tenths of a millisecond of work.
const SLICE_BYTES: usize = 16 * 1024;
/// A slice being loaded ends with the record by which it gets so long.
const LOAD_SLICE_BYTES: usize = 32 * 1024;

/// What says in which database the stream goes on behind a snapshot that a replica makes.
const STREAM_DB: &str = "repl-stream-db";

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

/// The snapshot of a master, while it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loading {
    /// When that began, in milliseconds since the Unix epoch.
    pub began_ms: i64,
    /// How long it is.
    pub bytes: usize,
    /// How much of it is loaded.
    pub done: usize,
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
        let mut writer = Writer::new(self.config.rdb_compression, self.has_expiring_fields());
        writer.auxiliary("redis-ver", FORMAT_OF);
        writer.auxiliary("redis-bits", &usize::BITS.to_string());
        writer.auxiliary("ctime", &(self.now_ms / 1000).to_string());
        writer.auxiliary("used-mem", &self.keyspace.used_memory().to_string());
        if self.replication.master.is_some() {
            writer.auxiliary(STREAM_DB, &self.replication.stream_db().index().to_string());
        }
        self.keyspace.begin_cut(writer)
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
        let limits = self.config.limits.clone();
        let mut load = Load::new(snapshot, &limits)?;
        while load.slice(self)? {}
        Ok(load.loaded)
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

/// A snapshot being loaded.
pub(crate) struct Load<'a> {
    reader: Reader<'a>,
    db: Db,
    /// What was loaded so far.
    pub(crate) loaded: Loaded,
    /// The database in which the stream goes on behind it.
    pub(crate) stream_db: Db,
    keeps_dead: bool,
}

impl<'a> Load<'a> {
    /// Begins to load a snapshot.
    pub(crate) fn new(snapshot: &'a [u8], limits: &'a Limits) -> Result<Self, LoadError> {
        Ok(Self {
            reader: Reader::new(snapshot, limits)?,
            db: Db::ZERO,
            loaded: Loaded::default(),
            stream_db: Db::ZERO,
            keeps_dead: false,
        })
    }

    /// Keys whose time has come are kept: a master says what becomes of them, and may have said that they live on.
    pub(crate) fn keeping_dead(self) -> Self {
        Self {
            keeps_dead: true,
            ..self
        }
    }

    /// How many bytes of the snapshot have been read.
    pub(crate) fn position(&self) -> usize {
        self.reader.bytes_read()
    }

    /// Loads some records; says whether there may be more.
    pub(crate) fn slice(&mut self, server: &mut Server) -> Result<bool, LoadError> {
        if self.keeps_dead {
            server.keyspace.suspend_deaths();
        }
        let more = self.records(server);
        server.keyspace.set_now_ms(server.now_ms);
        more
    }

    fn records(&mut self, server: &mut Server) -> Result<bool, LoadError> {
        let end = self.reader.bytes_read() + LOAD_SLICE_BYTES;
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
            Record::Auxiliary { name, value } if name == STREAM_DB.as_bytes() => {
                let number = integer::parse(&value).and_then(|number| u64::try_from(number).ok());
                let db = number.and_then(|number| database(server, number));
                self.stream_db = db.unwrap_or_default();
            }
            Record::Auxiliary { .. } | Record::Sizes { .. } | Record::Function(_) => {}
        }
        Ok(())
    }

    fn is_dead(&self, entry: &Entry, server: &Server) -> bool {
        !self.keeps_dead && entry.expire_ms.is_some_and(|at| at <= server.now_ms)
    }
}

fn database(server: &Server, number: u64) -> Option<Db> {
    server.keyspace.db(usize::try_from(number).ok()?)
}
