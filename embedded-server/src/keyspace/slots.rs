//! Which keys belong to which hash slot: an index that a keyspace keeps only when it is asked to.
//!
//! It holds the hash of each key, eight bytes, by slot. It is not counted in the ledger, as it is not in Redis's.

use std::collections::BTreeSet;

use super::{Db, Keyspace};

/// Tells the slot of a key.
pub type SlotOf = fn(&[u8]) -> u16;

/// Hashes of keys by slot.
#[derive(Clone)]
pub(super) struct SlotIndex {
    slot_of: SlotOf,
    hashes: Vec<BTreeSet<u64>>,
}

impl SlotIndex {
    fn new(slots: u16, slot_of: SlotOf) -> Self {
        Self {
            slot_of,
            hashes: vec![BTreeSet::new(); usize::from(slots)],
        }
    }

    /// The same, of no keys.
    pub(super) fn emptied(&self) -> Self {
        Self {
            slot_of: self.slot_of,
            hashes: vec![BTreeSet::new(); self.hashes.len()],
        }
    }

    pub(super) fn add(&mut self, key: &[u8], hash: u64) {
        let slot = (self.slot_of)(key);
        if let Some(hashes) = self.hashes.get_mut(usize::from(slot)) {
            hashes.insert(hash);
        }
    }

    pub(super) fn remove(&mut self, key: &[u8], hash: u64) {
        let slot = (self.slot_of)(key);
        if let Some(hashes) = self.hashes.get_mut(usize::from(slot)) {
            hashes.remove(&hash);
        }
    }

    fn of(&self, slot: u16) -> Option<&BTreeSet<u64>> {
        self.hashes.get(usize::from(slot))
    }
}

/// Keys by slot, of database 0.
impl Keyspace {
    /// Keeps an index of the keys by slot from here on. To be called while there are none.
    pub fn index_slots(&mut self, slots: u16, slot_of: SlotOf) {
        let number = self.number(Db::ZERO);
        self.dicts[number].by_slot = Some(Box::new(SlotIndex::new(slots, slot_of)));
    }

    /// How many keys a slot has, dead ones not yet found included; 0 without an index.
    pub fn count_in_slot(&self, slot: u16) -> usize {
        let index = self.dict(Db::ZERO).by_slot.as_ref();
        let hashes = index.and_then(|index| index.of(slot));
        hashes.map_or(0, BTreeSet::len)
    }

    /// Up to `most` keys of a slot.
    pub fn keys_in_slot(&self, slot: u16, most: usize) -> Vec<Box<[u8]>> {
        let dict = self.dict(Db::ZERO);
        let index = dict.by_slot.as_ref();
        let hashes = index.and_then(|index| index.of(slot));
        let keys = hashes.into_iter().flatten().take(most).filter_map(|hash| {
            let spot = dict.find_hash(*hash)?;
            dict.entry(spot).map(|entry| entry.key().into())
        });
        keys.collect()
    }
}
