//! The keyspace: N databases of keys, their deadlines, and a ledger of every byte they occupy.
//!
//! Knows neither commands nor sockets. A node owns one, sets its clock once per turn, and command handlers call it:
//!
//! ```text
//! look    lookup(db, key, Access::..) -> Option<Entry>     object_info   random_key   scan   for_each   len
//! write   set_string   edit_string   set_object   edit_object   remove   rename   copy   move_key   set_expiry
//!         restore_access   swap   flush
//! room    every write makes its own room (evicting as the policy says) or fails with OutOfMemory and changes nothing;
//!         make_room(0) before a command flagged denyoom; reserve(..) before one that writes several keys
//! cut     begin_cut   advance_cut   cut_writer   end_cut: all of it as of one instant, in slices
//! turn    set_now_ms   set_no_touch   prefetch   cron   next_event
//! ```
//!
//! Beneath: a `Keyspace` has a `dict` per database; a dict ties a `table` of hashes to `entry` blocks in a `slab`.
//!
//! Invariants:
//! - A key whose time has come is gone for every caller: each lookup removes it first, and counts and queues it.
//! - [`Keyspace::used_memory`] is the exact sum of what entries, values, tables and access logs occupy.
//! - After no write does it stand above `maxmemory`, except where `maxmemory` was lowered below it; from there it only falls.
//! - Nothing here asks the system for the time or for randomness: same seed, same clock, same calls give the same keys.

mod cut;
mod dict;
mod entry;
mod event;
mod expiry;
mod hash;
mod look;
mod room;
mod settings;
mod slab;
mod slots;
mod table;
mod view;
mod write;

use std::collections::VecDeque;

use self::{cut::Cut, dict::Dict, hash::KeyHasher, table::Spot};
use crate::eviction::{Evictor, Handle, Random};

pub use cut::CutId;
pub use event::{Event, EventKind};
pub use look::{Access, AccessData, ObjectInfo};
pub use room::{OutOfMemory, cost_of_string};
pub use settings::{Counters, Settings};
pub use slots::SlotOf;
pub use view::{Entry, Value, WrongType};
pub use write::{EditError, Expiry, Written};

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

/// N databases and their memory ledger. See the [module](self).
pub struct Keyspace {
    /// By dict number, which a key's eviction handle names; SWAPDB changes `order` instead.
    dicts: Vec<Dict>,
    /// The dict number of each database.
    order: Vec<u16>,
    evictor: Evictor,
    settings: Settings,
    counters: Counters,
    /// `None` while nobody listens.
    events: Option<VecDeque<Event>>,
    now_ms: i64,
    /// Keys whose deadline lies before it are dead: the time, or a time before all others.
    horizon_ms: i64,
    no_touch: bool,
    active_expiry: bool,
    /// Nothing goes by itself.
    held: bool,
    /// Nothing is evicted or refused for want of memory.
    overdraws: bool,
    /// Bytes that count against `maxmemory` and are not the keyspace's.
    beside: u64,
    /// The dict whose turn it is in the cron.
    cron_dict: usize,
    /// Those under way.
    cuts: Vec<Cut>,
    cuts_begun: u64,
    /// Sum of `Dict::bytes`.
    dict_bytes: usize,
    /// When memory was first seen above the limit, if it still is.
    exceeded_since_ms: Option<i64>,
}

/// Life, time and settings.
impl Keyspace {
    /// An empty keyspace of `databases` databases (1..=65535), with every random draw from `seed`.
    pub fn new(databases: u16, seed: u64, settings: Settings) -> Self {
        let mut random = Random::new(seed);
        let hasher = KeyHasher::new(random.next_u64());
        let dicts: Vec<Dict> = (0..databases.max(1))
            .map(|_| Dict::new(hasher.clone()))
            .collect();
        Self {
            dict_bytes: dicts.iter().map(Dict::bytes).sum(),
            order: (0..databases.max(1)).collect(),
            dicts,
            evictor: Evictor::new(settings.policy, settings.tuning(), random),
            settings,
            counters: Counters::default(),
            events: None,
            now_ms: 0,
            horizon_ms: 0,
            no_touch: false,
            active_expiry: true,
            held: false,
            overdraws: false,
            beside: 0,
            cron_dict: 0,
            cuts: Vec::new(),
            cuts_begun: 0,
            exceeded_since_ms: None,
        }
    }

    /// Tells the time, Unix milliseconds. The node does so once per turn of its loop, so that a turn sees one instant.
    pub fn set_now_ms(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        self.horizon_ms = now_ms;
        self.evictor.set_now_ms(now_ms);
    }

    /// The time last told.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Until the time is told again no key is dead, whatever its deadline. To be called before what a master has sent is
    /// carried out, as only the master knows which keys were alive then.
    pub fn suspend_deaths(&mut self) {
        self.horizon_ms = i64::MIN;
    }

    /// Whether a key with this deadline would be deleted rather than kept.
    pub fn has_passed(&self, deadline_ms: i64) -> bool {
        deadline_ms <= self.horizon_ms
    }

    /// Applies new settings. Another policy converts every key's access data, which takes a moment per million keys; a lower
    /// `maxmemory` starts to evict at once, as far as the tenacity allows, and [`Keyspace::cron`] goes on.
    pub fn configure(&mut self, settings: Settings) {
        if let Some(old) = self.evictor.reconfigure(settings.policy, settings.tuning()) {
            self.convert_access(&old);
        }
        self.settings = settings;
        // Where nothing can be evicted the writes to come will say so.
        let _ = self.make_room(0);
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
        self.no_touch = on;
    }

    /// Turns the cron's expiry off and on (DEBUG SET-ACTIVE-EXPIRE). On at first.
    pub fn set_active_expiry(&mut self, on: bool) {
        self.active_expiry = on;
    }

    /// While on, no key goes by itself: dead ones are not shown, but stay, and none is evicted (CLIENT PAUSE). Whatever is
    /// written all the same goes on burying the dead it meets, and may exceed `maxmemory`.
    pub fn set_held(&mut self, on: bool) {
        self.held = on;
    }

    /// While on, writes may exceed `maxmemory`: what was allowed as a whole is carried out as a whole (EXEC).
    pub fn set_overdrawing(&mut self, on: bool) {
        self.overdraws = on;
    }

    /// Tells how many bytes count against `maxmemory` that the keyspace does not see.
    pub fn set_beside(&mut self, bytes: u64) {
        self.beside = bytes;
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
        u16::try_from(index)
            .ok()
            .filter(|_| index < self.order.len())
            .map(Db)
    }

    /// Every database, in order.
    pub fn dbs(&self) -> impl Iterator<Item = Db> + use<> {
        (0..=u16::MAX).take(self.order.len()).map(Db)
    }

    /// Keys in `db`, dead ones not yet found included (DBSIZE).
    pub fn len(&self, db: Db) -> usize {
        self.dict(db).len()
    }

    /// Whether `db` has no key.
    pub fn is_empty(&self, db: Db) -> bool {
        self.len(db) == 0
    }

    /// Keys in `db` that have a deadline (`expires` in INFO).
    pub fn volatile_len(&self, db: Db) -> usize {
        self.dict(db).volatile_len()
    }

    /// Mean time to live of the keys of `db` that have a deadline, in milliseconds, as active expiry last saw it
    /// (`avg_ttl` in INFO); 0 when unknown.
    pub fn average_ttl_ms(&self, db: Db) -> u64 {
        self.dict(db).average_ttl_ms
    }

    /// Exchanges the contents of two databases (SWAPDB).
    pub fn swap(&mut self, a: Db, b: Db) {
        self.order.swap(a.index(), b.index());
    }

    /// Removes every key of `db`; says how many there were.
    pub fn flush(&mut self, db: Db) -> usize {
        let number = self.number(db);
        self.settle_all(number);
        let dict = &mut self.dicts[number];
        let len = dict.len();
        dict.for_each(|entry| self.evictor.forget(entry.access()));
        self.dict_bytes -= dict.bytes();
        *dict = dict.emptied();
        self.dict_bytes += dict.bytes();
        len
    }

    /// Removes every key of every database; says how many there were.
    pub fn flush_all(&mut self) -> usize {
        let len = self.dicts.iter().map(Dict::len).sum();
        (0..self.dicts.len()).for_each(|number| self.settle_all(number));
        self.evictor.clear();
        self.dicts
            .iter_mut()
            .for_each(|dict| *dict = dict.emptied());
        self.dict_bytes = self.dicts.iter().map(Dict::bytes).sum();
        len
    }

    #[inline]
    fn number(&self, db: Db) -> usize {
        usize::from(self.order[db.index()])
    }

    #[inline]
    fn dict(&self, db: Db) -> &Dict {
        &self.dicts[self.number(db)]
    }

    /// The database that a dict serves now.
    fn db_of(&self, number: usize) -> Db {
        let index = self
            .order
            .iter()
            .position(|&other| usize::from(other) == number);
        index.and_then(|index| self.db(index)).unwrap_or_default()
    }

    /// Changes a dict and keeps the ledger.
    #[inline]
    fn change<R>(&mut self, number: usize, change: impl FnOnce(&mut Dict) -> R) -> R {
        let dict = &mut self.dicts[number];
        self.dict_bytes -= dict.bytes();
        let result = change(dict);
        self.dict_bytes += dict.bytes();
        result
    }
}

/// What all parts share: finding a living key, touching it, letting it go.
impl Keyspace {
    /// The hash of a key, and where it is if it is alive, for those who are about to change it. Removes it if its time has
    /// come.
    #[inline]
    fn locate(&mut self, number: usize, key: &[u8]) -> (u64, Option<Spot>) {
        let (hash, spot) = self.locate_and(number, key, Self::expire);
        self.settle(number, hash, spot);
        (hash, spot)
    }

    /// Where a key is if it is alive, for those who change nothing. Removes it if its time has come and that is not held back.
    #[inline]
    fn locate_to_look(&mut self, number: usize, key: &[u8]) -> Option<Spot> {
        self.locate_and(number, key, Self::expire_unless_held).1
    }

    #[inline]
    fn locate_and(
        &mut self,
        number: usize,
        key: &[u8],
        bury: impl FnOnce(&mut Self, usize, Spot),
    ) -> (u64, Option<Spot>) {
        let dict = &self.dicts[number];
        let hash = dict.hash(key);
        let Some(spot) = dict.find(hash, key) else {
            return (hash, None);
        };
        if dict
            .expire_ms(spot)
            .is_some_and(|at| is_due(at, self.horizon_ms))
        {
            bury(self, number, spot);
            return (hash, None);
        }
        (hash, Some(spot))
    }

    /// Counts an access for the policy.
    #[inline]
    fn touch(&mut self, number: usize, spot: Spot) {
        if self.no_touch {
            return;
        }
        let Some(mut entry) = self.dicts[number].entry_mut(spot) else {
            return;
        };
        let word = self.evictor.touched(entry.access());
        entry.set_access(word);
    }

    /// Removes the key at a spot, whatever the reason.
    fn discard(&mut self, number: usize, spot: Spot) {
        self.settle_at(number, spot);
        if let Some(entry) = self.dicts[number].entry(spot) {
            self.evictor.forget(entry.access());
        }
        self.change(number, |dict| dict.remove(spot));
    }

    /// Queues an event about the key at a spot, if anybody listens.
    fn report(&mut self, kind: EventKind, number: usize, spot: Spot) {
        let db = self.db_of(number);
        if let (Some(events), Some(entry)) = (&mut self.events, self.dicts[number].entry(spot)) {
            events.push_back(Event {
                kind,
                db,
                key: entry.key().into(),
            });
        }
    }

    /// The eviction handle of a key.
    fn handle(number: usize, hash: u64) -> Handle {
        Handle {
            group: number as u16,
            id: hash,
        }
    }
}

/// Whether a key with this deadline is dead: only once its millisecond has passed.
fn is_due(expire_ms: i64, horizon_ms: i64) -> bool {
    expire_ms < horizon_ms
}
