//! Cuts: the keyspace as it was at one instant, gone through in slices while keys go on changing.
//!
//! A cut goes through each dictionary in hash order. A key that it has not come to yet and that is about to change or to
//! go is written first, as it still is, and passed over later; so is a key that is new since the cut began. What is written
//! is therefore what a copy of the whole at the beginning would have been, in another order.

use std::collections::BTreeSet;

use super::{Db, Entry, Keyspace, dict::Dict, entry::EntryRef, table::Spot};
use crate::eviction::Evictor;
use crate::rdb::file::{About, Writer};

/// Names a cut of a keyspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutId(u64);

/// Buckets that one slice passes at most, however few keys are in them.
const BUCKETS_PER_SLICE: usize = 128;

/// A cut under way.
pub(super) struct Cut {
    id: CutId,
    writer: Writer,
    /// The database that each dictionary served when the cut began.
    dbs: Vec<Db>,
    /// Where to go on in each dictionary, in hash order; `None` where it has been through.
    positions: Vec<Option<u64>>,
    /// The first dictionary that it may not have been through.
    current: usize,
    /// Keys ahead that it is done with, by dictionary and hash.
    settled: BTreeSet<(usize, u64)>,
    /// The database that the writer is in.
    db: Option<Db>,
}

impl Cut {
    /// Where it goes on: in which dictionary, from which position.
    fn place(&mut self) -> Option<(usize, u64)> {
        while let Some(position) = self.positions.get(self.current) {
            if let Some(position) = position {
                return Some((self.current, *position));
            }
            self.current += 1;
        }
        None
    }

    /// Is done with a key that is about to change: with `entry` if it is there, with nothing if it will be new.
    fn settle(&mut self, number: usize, hash: u64, entry: Option<EntryRef<'_>>, evictor: &Evictor) {
        let is_ahead = self.positions[number].is_some_and(|position| hash >> 16 >= position);
        if is_ahead
            && self.settled.insert((number, hash))
            && let Some(entry) = entry
        {
            self.write(number, entry, evictor);
        }
    }

    /// Passes one bucket of a dictionary.
    fn pass(&mut self, number: usize, position: u64, dict: &Dict, evictor: &Evictor) {
        let next = dict.scan(position, |entry| {
            let hash = dict.hash(entry.key());
            // Where the table has grown or shrunk, the bucket holds keys from before the position too.
            if hash >> 16 >= position && !self.settled.remove(&(number, hash)) {
                self.write(number, entry, evictor);
            }
        });
        self.positions[number] = (next != 0).then_some(next);
        if next == 0 {
            // What was settled and is gone.
            self.settled.retain(|(of, _)| *of != number);
        }
    }

    fn write(&mut self, number: usize, entry: EntryRef<'_>, evictor: &Evictor) {
        let db = self.dbs[number];
        if self.db.replace(db) != Some(db) {
            self.writer.select(db.index());
        }
        let history = evictor.history(entry.access());
        let about = About {
            expire_ms: entry.expire_ms(),
            idle_s: history
                .frequency
                .is_none()
                .then_some(history.idle_ms / 1000),
            frequency: history.frequency,
        };
        self.writer.entry(entry.key(), Entry(entry).value(), about);
    }
}

impl Keyspace {
    /// Begins a cut of the keyspace as it is now; what it meets goes to `writer`. Several may be under way.
    pub fn begin_cut(&mut self, mut writer: Writer) -> CutId {
        for db in self.dbs().filter(|db| !self.is_empty(*db)) {
            writer.database(db.index(), self.len(db), self.volatile_len(db));
        }
        self.cuts_begun += 1;
        let id = CutId(self.cuts_begun);
        self.cuts.push(Cut {
            id,
            writer,
            dbs: (0..self.dicts.len())
                .map(|number| self.db_of(number))
                .collect(),
            positions: self
                .dicts
                .iter()
                .map(|dict| (dict.len() > 0).then_some(0))
                .collect(),
            current: 0,
            settled: BTreeSet::new(),
            db: None,
        });
        id
    }

    /// Goes on with a cut until its writer has `bytes` to be taken, or for a bounded number of buckets. Says whether there
    /// is more to come.
    pub fn advance_cut(&mut self, id: CutId, bytes: usize) -> bool {
        let Self {
            cuts,
            dicts,
            evictor,
            ..
        } = self;
        let Some(cut) = cuts.iter_mut().find(|cut| cut.id == id) else {
            return false;
        };
        for _ in 0..BUCKETS_PER_SLICE {
            let Some((number, position)) = cut.place() else {
                return false;
            };
            if cut.writer.pending_bytes() >= bytes {
                return true;
            }
            cut.pass(number, position, &dicts[number], evictor);
        }
        cut.place().is_some()
    }

    /// What a cut writes to.
    pub fn cut_writer(&mut self, id: CutId) -> Option<&mut Writer> {
        let cut = self.cuts.iter_mut().find(|cut| cut.id == id)?;
        Some(&mut cut.writer)
    }

    /// Ends a cut, wherever it is.
    pub fn end_cut(&mut self, id: CutId) {
        self.cuts.retain(|cut| cut.id != id);
    }

    /// To be called before the key of this hash, which is at `spot` if it is there, changes, goes or is made.
    #[inline]
    pub(super) fn settle(&mut self, number: usize, hash: u64, spot: Option<Spot>) {
        if !self.cuts.is_empty() {
            self.settle_in_cuts(number, hash, spot);
        }
    }

    /// The same for the key at a spot, of which the hash is not known.
    #[inline]
    pub(super) fn settle_at(&mut self, number: usize, spot: Spot) {
        if !self.cuts.is_empty()
            && let Some(entry) = self.dicts[number].entry(spot)
        {
            let hash = self.dicts[number].hash(entry.key());
            self.settle_in_cuts(number, hash, Some(spot));
        }
    }

    #[cold]
    fn settle_in_cuts(&mut self, number: usize, hash: u64, spot: Option<Spot>) {
        let Self {
            cuts,
            dicts,
            evictor,
            ..
        } = self;
        let entry = spot.and_then(|spot| dicts[number].entry(spot));
        for cut in cuts {
            cut.settle(number, hash, entry, evictor);
        }
    }

    /// To be called before a dictionary is emptied: the cuts take at once what they still need of it.
    pub(super) fn settle_all(&mut self, number: usize) {
        let Self {
            cuts,
            dicts,
            evictor,
            ..
        } = self;
        for cut in cuts {
            while let Some(position) = cut.positions[number] {
                cut.pass(number, position, &dicts[number], evictor);
            }
        }
    }
}
