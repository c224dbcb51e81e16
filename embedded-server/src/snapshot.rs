//! The whole keyspace as one snapshot, and back.

use thiserror::Error;

use crate::keyspace::{AccessData, Db, Expiry, OutOfMemory};
use crate::node::Server;
use crate::rdb::Value;
use crate::rdb::file::{About, Entry, FileError, Reader, Record, Writer};

/// The Redis whose format is written.
const FORMAT_OF: &str = "7.0.15";

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

impl Server {
    /// Every living key of every database, in Redis's format.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut writer = Writer::new(self.config.rdb_compression);
        writer.auxiliary("redis-ver", FORMAT_OF);
        writer.auxiliary("redis-bits", &usize::BITS.to_string());
        writer.auxiliary("ctime", &(self.now_ms / 1000).to_string());
        writer.auxiliary("used-mem", &self.keyspace.used_memory().to_string());
        for db in self.keyspace.dbs() {
            if self.keyspace.is_empty(db) {
                continue;
            }
            let (keys, volatile) = (self.keyspace.len(db), self.keyspace.volatile_len(db));
            writer.database(db.index(), keys, volatile);
            self.keyspace.for_each(db, |entry| {
                let info = self.keyspace.info_of(&entry);
                let about = About {
                    expire_ms: entry.expire_ms(),
                    idle_s: info.frequency.is_none().then_some(info.idle_ms / 1000),
                    frequency: info.frequency,
                };
                writer.entry(entry.key(), entry.value(), about);
            });
        }
        writer.finish(true)
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
        let mut db = self.keyspace.db(0).unwrap_or_default();
        let mut loaded = Loaded::default();
        for record in Reader::new(snapshot, &limits)? {
            match record? {
                Record::Select(number) => {
                    let index = usize::try_from(number).ok();
                    let found = index.and_then(|index| self.keyspace.db(index));
                    db = found.ok_or(LoadError::NoDatabase(number))?;
                }
                Record::Entry(entry) if entry.expire_ms.is_none_or(|at| at > self.now_ms) => {
                    self.put(db, *entry)?;
                    loaded.keys += 1;
                }
                Record::Entry(_) => loaded.expired += 1,
                Record::Auxiliary { .. } | Record::Sizes { .. } | Record::Function(_) => {}
            }
        }
        Ok(loaded)
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
