//! Looking at keys: one, one at random, some, all.

use super::{Db, Entry, Keyspace, is_due};

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

/// What OBJECT IDLETIME and OBJECT FREQ tell, and MEMORY USAGE.
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

/// Empty buckets that one step of SCAN passes, per key wanted.
const SCAN_BUCKETS_PER_KEY: usize = 10;

impl Keyspace {
    /// Hashes `key` and asks the processor to fetch its bucket. Call it for every key of a pipeline, then
    /// [`Keyspace::prefetch_entries`] for the hashes, then execute: the cache misses overlap instead of adding up.
    #[inline]
    pub fn prefetch(&self, db: Db, key: &[u8]) -> u64 {
        self.dict(db).prefetch(key)
    }

    /// Second pass: asks for the entries that the buckets of keys with these hashes point to.
    pub fn prefetch_entries(&self, db: Db, hashes: &[u64]) {
        self.dict(db).prefetch_entries(hashes);
    }

    /// Finds a key that is alive. `access` says what it means for the statistics and the policy.
    #[inline]
    pub fn lookup(&mut self, db: Db, key: &[u8], access: Access) -> Option<Entry<'_>> {
        let number = self.number(db);
        let spot = self.locate_to_look(number, key);
        if matches!(access, Access::Read | Access::Peek) {
            self.counters.hits += u64::from(spot.is_some());
            self.counters.misses += u64::from(spot.is_none());
        }
        let spot = spot?;
        if matches!(access, Access::Read | Access::Write) {
            self.touch(number, spot);
        }
        self.dicts[number].entry(spot).map(Entry)
    }

    /// Finds a key that is alive, without counting, refreshing or removing anything: so several can be held side by side.
    pub fn view(&self, db: Db, key: &[u8]) -> Option<Entry<'_>> {
        let dict = self.dict(db);
        let entry = dict.entry(dict.find(dict.hash(key), key)?)?;
        let due = entry
            .expire_ms()
            .is_some_and(|at| is_due(at, self.horizon_ms));
        (!due).then_some(Entry(entry))
    }

    /// What OBJECT and MEMORY USAGE tell of a key; counts and refreshes nothing.
    pub fn object_info(&mut self, db: Db, key: &[u8]) -> Option<ObjectInfo> {
        let number = self.number(db);
        let spot = self.locate_to_look(number, key)?;
        let entry = self.dicts[number].entry(spot)?;
        Some(self.info_of(&Entry(entry)))
    }

    /// The same of a key in hand.
    pub fn info_of(&self, entry: &Entry<'_>) -> ObjectInfo {
        let history = self.evictor.history(entry.0.access());
        ObjectInfo {
            idle_ms: history.idle_ms,
            frequency: history.frequency,
            bytes: entry.bytes(),
        }
    }

    /// A living key of `db` drawn at random; `None` when there is none. While removals are held back it may be a dead one,
    /// as there might be no other.
    pub fn random_key(&mut self, db: Db) -> Option<Entry<'_>> {
        let number = self.number(db);
        loop {
            let drawn = self.dicts[number].random(false, self.evictor.random())?;
            let dead = drawn
                .expire_ms()
                .is_some_and(|at| is_due(at, self.horizon_ms));
            let hash = self.dicts[number].hash(drawn.key());
            let spot = self.dicts[number].find_hash(hash)?;
            if !dead || self.held {
                return self.dicts[number].entry(spot).map(Entry);
            }
            self.expire(number, spot);
        }
    }

    /// One step of SCAN from `cursor` (0 to begin): calls `visit` for about `count` living keys and returns the next
    /// cursor, 0 at the end. A key that is there from the first step to the last is visited at least once, whatever is
    /// written, and however the table grows or shrinks, meanwhile. Dead keys met on the way are removed.
    pub fn scan(
        &mut self,
        db: Db,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(Entry<'_>),
    ) -> u64 {
        let (number, horizon_ms) = (self.number(db), self.horizon_ms);
        let dict = &self.dicts[number];
        let (mut position, mut seen, mut dead) = (cursor & SCAN_POSITION_MAX, 0, Vec::new());
        for _ in 0..count.max(1).saturating_mul(SCAN_BUCKETS_PER_KEY) {
            position = dict.scan(position, |entry| {
                seen += 1;
                match entry.expire_ms() {
                    Some(at) if is_due(at, horizon_ms) => dead.push(dict.hash(entry.key())),
                    _ => visit(Entry(entry)),
                }
            });
            if position == 0 || seen >= count {
                break;
            }
        }
        dead.into_iter()
            .for_each(|hash| self.expire_hash(number, hash));
        position
    }

    /// Calls `visit` for every living key of `db`, in no particular order.
    pub fn for_each(&self, db: Db, mut visit: impl FnMut(Entry<'_>)) {
        let horizon_ms = self.horizon_ms;
        self.dict(db).for_each(|entry| {
            if !entry.expire_ms().is_some_and(|at| is_due(at, horizon_ms)) {
                visit(Entry(entry));
            }
        });
    }
}

/// Positions of the tables have 48 bits; a cursor beyond comes from nobody.
const SCAN_POSITION_MAX: u64 = (1 << 48) - 1;
