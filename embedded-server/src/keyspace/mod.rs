//! The keyspace: N databases of keys, their deadlines, and a ledger of every byte they occupy.
//!
//! Knows neither commands nor sockets. A node owns one, sets its clock once per turn, and command handlers call it:
//!
//! ```text
//! look    lookup(db, key, Access::..) -> Option<Entry>     object_info   random_key   scan   for_each   len
//! write   set_string   edit_string   remove   rename   copy   move_key   set_expiry   restore_access   swap   flush
//! room    every write makes its own room (evicting as the policy says) or fails with OutOfMemory and changes nothing;
//!         make_room(0) before a command flagged denyoom; reserve(..) before one that writes several keys
//! turn    set_now_ms   set_no_touch   cron   next_event
//! ```
//!
//! Invariants:
//! - A key whose time has come is gone for every caller: each lookup removes it first, and counts and queues it.
//! - [`Keyspace::used_memory`] is the exact sum of what entries, values, tables and eviction occupy.
//! - After no call does it stand above `maxmemory`, except where `maxmemory` was lowered below it; from there it only falls.
//! - Nothing here asks the system for the time or for randomness: same seed, same clock, same calls give the same keys.

use std::collections::{BTreeMap, VecDeque};

use thiserror::Error;

mod event;
mod settings;
mod view;

pub use event::{Event, EventKind};
pub use settings::{Counters, Settings};
pub use view::{Encoding, Entry, Value, WrongType};

/// One of the keyspace's databases. Only [`Keyspace::db`] makes one, so it always exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Db(u16);

impl Db {
    /// Database 0, which every keyspace has and every client starts in.
    pub const ZERO: Self = Self(0);

    /// Its number, as SELECT takes it.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What a lookup means for the statistics and for the eviction policy.
///
/// | | counts a hit or miss | refreshes the key | used by |
/// |---|---|---|---|
/// | `Read` | yes | yes | GET, MGET, DUMP |
/// | `Peek` | yes | no | EXISTS, TTL, TYPE, OBJECT |
/// | `Write` | no | yes | looking before a change that is not one of the `Keyspace` writes |
/// | `Silent` | no | no | looking before `set_string` and the like (they refresh by themselves), MEMORY USAGE, DEBUG OBJECT |
///
/// While [`Keyspace::set_no_touch`] is on, nothing refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A client reads the value.
    Read,
    /// A client asks about the key.
    Peek,
    /// A client is about to change the value.
    Write,
    /// The server looks for its own purposes.
    Silent,
}

/// What becomes of a key's deadline when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// As it was (KEEPTTL, INCR, APPEND); none for a new key.
    Keep,
    /// None: the key stays until removed.
    Never,
    /// Unix milliseconds. May lie in the past: the key then is gone at the next look.
    At(i64),
}

/// Whether a write met its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The key was not there.
    Created,
    /// The key was there and its value was replaced.
    Replaced,
}

/// There is no room and the policy finds nothing to evict.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("OOM command not allowed when used memory > 'maxmemory'.")]
pub struct OutOfMemory;

/// Why a string could not be edited.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum EditError {
    /// The key holds another type.
    #[error(transparent)]
    WrongType(#[from] WrongType),
    /// No room for the longer value.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
}

/// What OBJECT IDLETIME and OBJECT FREQ tell, and RESTORE's IDLETIME and FREQ set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Milliseconds since the last access, as fine as the policy keeps it (a tick of the LRU clock).
    pub idle_ms: u64,
    /// The access counter, 0..=255; `None` unless the policy is an LFU one.
    pub frequency: Option<u8>,
    /// Bytes the key occupies; see [`Entry::bytes`].
    pub bytes: usize,
}

/// Access data to give a key, as RESTORE brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessData {
    /// Milliseconds since the last access. Ignored under an LFU policy.
    IdleMs(u64),
    /// The access counter. Ignored unless the policy is an LFU one.
    Frequency(u8),
}

/// N databases and their memory ledger. See the [module](self).
pub struct Keyspace {
    databases: Vec<BTreeMap<Box<[u8]>, Stored>>,
    settings: Settings,
    counters: Counters,
    events: Option<VecDeque<Event>>,
    now_ms: i64,
    active_expiry: bool,
}

struct Stored {
    value: Vec<u8>,
    expire_ms: Option<i64>,
    edited: bool,
    accessed_ms: i64,
}

impl Stored {
    fn view<'a>(&'a self, key: &'a [u8]) -> Entry<'a> {
        Entry {
            key,
            value: Value::String(&self.value),
            expire_ms: self.expire_ms,
            edited: self.edited,
            bytes: key.len() + self.value.len() + 16,
        }
    }
}

/// Life, time and settings.
impl Keyspace {
    /// An empty keyspace of `databases` databases (1..=65536), with every random draw from `seed`.
    pub fn new(databases: u16, seed: u64, settings: Settings) -> Self {
        let _ = seed;
        let databases = (0..databases.max(1)).map(|_| BTreeMap::new()).collect();
        Self {
            databases,
            settings,
            counters: Counters::default(),
            events: None,
            now_ms: 0,
            active_expiry: true,
        }
    }

    /// Tells the time, Unix milliseconds. The node does so once per turn of its loop, so that a turn sees one instant.
    pub fn set_now_ms(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
    }

    /// The time last told.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Applies new settings. A new policy converts every key's access data; a lower `maxmemory` starts to evict at once.
    pub fn configure(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// CONFIG RESETSTAT.
    pub fn reset_counters(&mut self) {
        self.counters = Counters::default();
    }

    /// While on, no access refreshes its key (CLIENT NO-TOUCH). The node sets it before each command.
    pub fn set_no_touch(&mut self, on: bool) {
        let _ = on;
    }

    /// Turns the cron's expiry off and on (DEBUG SET-ACTIVE-EXPIRE). On at first.
    pub fn set_active_expiry(&mut self, on: bool) {
        self.active_expiry = on;
    }

    /// Whether expired and evicted keys are queued for [`Keyspace::next_event`]. Off at first; turning it off drops the queue.
    pub fn record_events(&mut self, on: bool) {
        self.events = if on {
            self.events.take().or_else(|| Some(VecDeque::new()))
        } else {
            None
        };
    }

    /// The oldest queued event. The node drains the queue after every command and after [`Keyspace::cron`].
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.as_mut()?.pop_front()
    }
}

/// Databases.
impl Keyspace {
    /// The database of this number, if there is one.
    pub fn db(&self, index: usize) -> Option<Db> {
        (index < self.databases.len())
            .then(|| u16::try_from(index).ok().map(Db))
            .flatten()
    }

    /// Every database, in order.
    pub fn dbs(&self) -> impl Iterator<Item = Db> + use<> {
        (0..=u16::MAX).take(self.databases.len()).map(Db)
    }

    /// Keys in `db`, dead ones not yet found included (DBSIZE).
    pub fn len(&self, db: Db) -> usize {
        self.databases[db.index()].len()
    }

    /// Keys in `db` that have a deadline (`expires` in INFO).
    pub fn volatile_len(&self, db: Db) -> usize {
        self.databases[db.index()]
            .values()
            .filter(|stored| stored.expire_ms.is_some())
            .count()
    }

    /// Mean time to live of the keys of `db` that have a deadline, in milliseconds, as active expiry last saw it
    /// (`avg_ttl` in INFO); 0 when unknown.
    pub fn average_ttl_ms(&self, db: Db) -> u64 {
        let _ = db;
        0
    }

    /// Exchanges the contents of two databases (SWAPDB).
    pub fn swap(&mut self, a: Db, b: Db) {
        self.databases.swap(a.index(), b.index());
    }

    /// Removes every key of `db`; says how many there were.
    pub fn flush(&mut self, db: Db) -> usize {
        std::mem::take(&mut self.databases[db.index()]).len()
    }

    /// Removes every key of every database; says how many there were.
    pub fn flush_all(&mut self) -> usize {
        self.dbs().map(|db| self.flush(db)).sum()
    }
}

/// Looking.
impl Keyspace {
    /// Hashes `key` and asks the processor to fetch its bucket. Call it for every key of a pipeline, then
    /// [`Keyspace::prefetch_entry`] for every key, then execute: the cache misses overlap instead of adding up.
    pub fn prefetch(&self, db: Db, key: &[u8]) {
        let _ = (db, key);
    }

    /// Second pass: asks for the entry that `key`'s bucket points to.
    pub fn prefetch_entry(&self, db: Db, key: &[u8]) {
        let _ = (db, key);
    }

    /// Finds a key that is alive. `access` says what it means for the statistics and the policy.
    pub fn lookup(&mut self, db: Db, key: &[u8], access: Access) -> Option<Entry<'_>> {
        self.expire_if_due(db, key);
        let found = self.databases[db.index()].get_mut(key);
        if matches!(access, Access::Read | Access::Peek) {
            *(if found.is_some() {
                &mut self.counters.hits
            } else {
                &mut self.counters.misses
            }) += 1;
        }
        let stored = found?;
        if matches!(access, Access::Read | Access::Write) {
            stored.accessed_ms = self.now_ms;
        }
        self.databases[db.index()]
            .get_key_value(key)
            .map(|(key, stored)| stored.view(key))
    }

    /// What OBJECT and MEMORY USAGE tell of a key; counts and refreshes nothing.
    pub fn object_info(&mut self, db: Db, key: &[u8]) -> Option<ObjectInfo> {
        self.expire_if_due(db, key);
        let stored = self.databases[db.index()].get(key)?;
        let idle_ms = u64::try_from(self.now_ms - stored.accessed_ms).unwrap_or(0);
        Some(ObjectInfo {
            idle_ms,
            frequency: self.settings.policy.is_lfu().then_some(5),
            bytes: stored.view(key).bytes,
        })
    }

    /// A living key of `db` drawn at random; `None` when there is none.
    pub fn random_key(&mut self, db: Db) -> Option<Entry<'_>> {
        let now_ms = self.now_ms;
        self.databases[db.index()]
            .iter()
            .map(|(key, stored)| stored.view(key))
            .find(|entry| !is_due(entry.expire_ms, now_ms))
    }

    /// One step of SCAN from `cursor` (0 to begin): calls `visit` for about `count` living keys and returns the next
    /// cursor, 0 at the end. A key that is there from the first step to the last is visited at least once, whatever is
    /// written, and however the table grows or shrinks, meanwhile.
    pub fn scan(
        &mut self,
        db: Db,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(Entry<'_>),
    ) -> u64 {
        let from = usize::try_from(cursor).unwrap_or(usize::MAX);
        let step = self.databases[db.index()]
            .iter()
            .skip(from)
            .take(count.max(1));
        let seen = step
            .inspect(|(key, stored)| visit(stored.view(key)))
            .count();
        if from.saturating_add(seen) < self.len(db) {
            cursor + seen as u64
        } else {
            0
        }
    }

    /// Calls `visit` for every living key of `db`, in no particular order.
    pub fn for_each(&self, db: Db, mut visit: impl FnMut(Entry<'_>)) {
        let living = self.databases[db.index()]
            .iter()
            .map(|(key, stored)| stored.view(key));
        living
            .filter(|entry| !is_due(entry.expire_ms, self.now_ms))
            .for_each(&mut visit);
    }
}

/// Writing. Each counts as one access to its key, so look before with [`Access::Silent`].
impl Keyspace {
    /// Puts a string under `key`, whatever was there.
    ///
    /// # Errors
    /// [`OutOfMemory`]; nothing was changed then, but for keys evicted in vain.
    pub fn set_string(
        &mut self,
        db: Db,
        key: &[u8],
        value: &[u8],
        expiry: Expiry,
    ) -> Result<Written, OutOfMemory> {
        self.expire_if_due(db, key);
        let old = self.databases[db.index()].remove(key);
        let expire_ms = match expiry {
            Expiry::Keep => old.as_ref().and_then(|old| old.expire_ms),
            Expiry::Never => None,
            Expiry::At(ms) => Some(ms),
        };
        let stored = Stored {
            value: value.to_vec(),
            expire_ms,
            edited: false,
            accessed_ms: self.now_ms,
        };
        self.databases[db.index()].insert(key.into(), stored);
        Ok(if old.is_some() {
            Written::Replaced
        } else {
            Written::Created
        })
    }

    /// Makes the string under `key` `len` bytes long, new bytes zero, and lets `edit` change it in place. A missing key
    /// begins as the empty string. The deadline stays. Repeated APPENDs cost amortised constant time per byte.
    ///
    /// # Errors
    /// [`EditError`]; nothing was changed then and `edit` was not called.
    pub fn edit_string(
        &mut self,
        db: Db,
        key: &[u8],
        len: usize,
        edit: impl FnOnce(&mut [u8]),
    ) -> Result<Written, EditError> {
        self.expire_if_due(db, key);
        let found = self.databases[db.index()].contains_key(key);
        if !found {
            self.set_string(db, key, b"", Expiry::Never)?;
        }
        if let Some(stored) = self.databases[db.index()].get_mut(key) {
            stored.value.resize(len, 0);
            stored.edited = true;
            stored.accessed_ms = self.now_ms;
            edit(&mut stored.value);
        }
        Ok(if found {
            Written::Replaced
        } else {
            Written::Created
        })
    }

    /// Removes a key; says whether it was there (alive).
    pub fn remove(&mut self, db: Db, key: &[u8]) -> bool {
        self.expire_if_due(db, key);
        self.databases[db.index()].remove(key).is_some()
    }

    /// Gives the value and deadline of `from` to `to`, replacing what was there. Says whether `from` was there. Access
    /// data travels along.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the new name is longer and there is no room.
    pub fn rename(&mut self, db: Db, from: &[u8], to: &[u8]) -> Result<bool, OutOfMemory> {
        self.expire_if_due(db, from);
        let Some(stored) = self.databases[db.index()].remove(from) else {
            return Ok(false);
        };
        self.databases[db.index()].insert(to.into(), stored);
        Ok(true)
    }

    /// Copies value and deadline of `from` in `from_db` to `to` in `to_db`, replacing what was there. Says whether `from`
    /// was there.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn copy(
        &mut self,
        from_db: Db,
        from: &[u8],
        to_db: Db,
        to: &[u8],
    ) -> Result<bool, OutOfMemory> {
        self.expire_if_due(from_db, from);
        let Some(source) = self.databases[from_db.index()].get(from) else {
            return Ok(false);
        };
        let (value, expire_ms) = (source.value.clone(), source.expire_ms);
        self.set_string(
            to_db,
            to,
            &value,
            expire_ms.map_or(Expiry::Never, Expiry::At),
        )?;
        Ok(true)
    }

    /// Moves a key to another database under the same name (MOVE). Says whether it went: not when it was missing in
    /// `from_db` or present in `to_db`.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the other database's table must grow and there is no room.
    pub fn move_key(&mut self, key: &[u8], from_db: Db, to_db: Db) -> Result<bool, OutOfMemory> {
        self.expire_if_due(from_db, key);
        self.expire_if_due(to_db, key);
        if from_db == to_db || self.databases[to_db.index()].contains_key(key) {
            return Ok(false);
        }
        let Some(stored) = self.databases[from_db.index()].remove(key) else {
            return Ok(false);
        };
        self.databases[to_db.index()].insert(key.into(), stored);
        Ok(true)
    }

    /// Sets (`Some`, Unix milliseconds) or removes (`None`) the deadline of a key. Says whether the key was there. Does not
    /// count as an access. A deadline in the past makes the key be gone at the next look, as `expired`; EXPIRE with such a
    /// time should [`Keyspace::remove`] instead.
    ///
    /// # Errors
    /// [`OutOfMemory`] when there is no room for the 8 bytes of a new deadline.
    pub fn set_expiry(
        &mut self,
        db: Db,
        key: &[u8],
        expire_ms: Option<i64>,
    ) -> Result<bool, OutOfMemory> {
        self.expire_if_due(db, key);
        let found = self.databases[db.index()].get_mut(key);
        Ok(found.map(|stored| stored.expire_ms = expire_ms).is_some())
    }

    /// Gives a key the access data that RESTORE brought. Says whether the key was there.
    pub fn restore_access(&mut self, db: Db, key: &[u8], data: AccessData) -> bool {
        let now_ms = self.now_ms;
        let Some(stored) = self.databases[db.index()].get_mut(key) else {
            return false;
        };
        if let AccessData::IdleMs(idle_ms) = data {
            stored.accessed_ms = now_ms.saturating_sub_unsigned(idle_ms);
        }
        true
    }

    fn expire_if_due(&mut self, db: Db, key: &[u8]) {
        let due = self.databases[db.index()]
            .get(key)
            .is_some_and(|stored| is_due(stored.expire_ms, self.now_ms));
        if due {
            self.databases[db.index()].remove(key);
            self.counters.expired += 1;
            if let Some(events) = &mut self.events {
                events.push_back(Event {
                    kind: EventKind::Expired,
                    db,
                    key: key.into(),
                });
            }
        }
    }
}

/// Room.
impl Keyspace {
    /// Bytes that keys, values, tables and eviction occupy: exactly, with the allocator's rounding.
    pub fn used_memory(&self) -> u64 {
        let entries = self.databases.iter().flatten();
        entries
            .map(|(key, stored)| stored.view(key).bytes as u64)
            .sum()
    }

    /// Bytes used by keys and values alone, without tables and fixed parts.
    pub fn dataset_memory(&self) -> u64 {
        self.used_memory()
    }

    /// Milliseconds that memory has stood above `maxmemory` until now without a break (`current_eviction_exceeded_time`).
    pub fn eviction_exceeded_ms(&self) -> u64 {
        0
    }

    /// Evicts until `needed` more bytes fit below `maxmemory`. With 0: brings a keyspace that stands above its limit
    /// nearer to it, as far as the tenacity allows; call it so before each command flagged `denyoom`.
    ///
    /// # Errors
    /// [`OutOfMemory`] when they do not fit and the policy finds nothing (more) to evict.
    pub fn make_room(&mut self, needed: u64) -> Result<(), OutOfMemory> {
        let fits =
            self.settings.maxmemory == 0 || self.used_memory() + needed <= self.settings.maxmemory;
        if fits { Ok(()) } else { Err(OutOfMemory) }
    }

    /// Makes room for a command that writes several strings (MSET, MSETNX), so that it is done whole or not at all.
    /// `items` yields each key with the length of its value.
    ///
    /// # Errors
    /// [`OutOfMemory`] when they do not all fit.
    pub fn reserve<'k>(
        &mut self,
        db: Db,
        items: impl Iterator<Item = (&'k [u8], usize)> + Clone,
    ) -> Result<(), OutOfMemory> {
        let _ = db;
        self.make_room(
            items
                .map(|(key, value_len)| cost_of_string(key.len(), value_len, false))
                .sum(),
        )
    }

    /// Background work, called some ten times a second and whenever idle: expires dead keys that nobody asks for, and goes
    /// on evicting where a lowered `maxmemory` left off. `budget` bounds the work, in buckets looked at (each some 5 to 50 ns;
    /// a removed key counts as 16). Says whether it would gladly go on at once.
    pub fn cron(&mut self, budget: usize) -> bool {
        let _ = budget;
        false
    }
}

/// Bytes that a string of `value_len` under a key of `key_len` occupies, without its share of the table.
pub fn cost_of_string(key_len: usize, value_len: usize, has_deadline: bool) -> u64 {
    (key_len + value_len + 16 + if has_deadline { 8 } else { 0 }) as u64
}

fn is_due(expire_ms: Option<i64>, now_ms: i64) -> bool {
    expire_ms.is_some_and(|at| at < now_ms)
}
