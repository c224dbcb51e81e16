//! Transactions: what a client has queued since MULTI, and which keys it watches.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::table::{Command, Flags};
use crate::keyspace::Db;
use crate::resp::{Arguments, OwnedArguments};

/// A command that waits for EXEC.
#[derive(Debug)]
pub struct Queued {
    /// What it is.
    pub command: &'static Command,
    /// Its words.
    pub words: OwnedArguments,
}

/// What a client has queued.
#[derive(Debug, Default)]
pub struct Transaction {
    queued: Vec<Queued>,
    bytes: usize,
    /// Whether a command was refused, so that EXEC does nothing.
    pub is_broken: bool,
    /// What any queued command does.
    any: Flags,
    /// When some queued command may not run: while the data set is loaded, or stale.
    missing: Flags,
}

/// The flags by which a command may run where most may not.
const ALLOWANCES: Flags = Flags::LOADING.and(Flags::STALE);

impl Transaction {
    /// Queues a command; says whether the whole still fits in `bytes_max`.
    pub fn queue(
        &mut self,
        command: &'static Command,
        arguments: &Arguments<'_>,
        bytes_max: usize,
    ) -> bool {
        let words = OwnedArguments::from(*arguments);
        self.bytes += words.bytes();
        let flags = command.spec.flags;
        self.any = self.any.and(flags);
        self.missing = self.missing.and(ALLOWANCES.without(flags));
        self.queued.push(Queued { command, words });
        self.bytes <= bytes_max
    }

    /// What EXEC does and when it may run, where the flags of EXEC itself are `exec`.
    #[must_use]
    pub fn flags(&self, exec: Flags) -> Flags {
        const DONE: Flags = Flags::WRITE.and(Flags::MAY_REPLICATE).and(Flags::DENYOOM);
        exec.and(self.any.common(DONE)).without(self.missing)
    }

    /// How much is queued, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many commands are queued.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queued.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// The queued commands, in order, to look at.
    pub fn iter(&self) -> impl Iterator<Item = &Queued> {
        self.queued.iter()
    }

    /// The queued commands, in order.
    #[must_use]
    pub fn into_commands(self) -> Vec<Queued> {
        self.queued
    }
}

/// A key of a database.
pub type WatchedKey = (Db, Box<[u8]>);

/// Who watches which keys, and who has seen one change. Clients are known by their slots.
#[derive(Debug, Default)]
pub struct Watches {
    by_key: BTreeMap<WatchedKey, Vec<usize>>,
    changed: BTreeSet<usize>,
}

impl Watches {
    /// Whether nobody watches anything.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The client in `slot` watches `key`, which it did not before.
    pub fn watch(&mut self, key: WatchedKey, slot: usize) {
        self.by_key.entry(key).or_default().push(slot);
    }

    /// The client in `slot` watches these keys no longer, and begins anew.
    pub fn forget(&mut self, keys: &[WatchedKey], slot: usize) {
        for key in keys {
            if let Some(slots) = self.by_key.get_mut(key) {
                slots.retain(|other| *other != slot);
                if slots.is_empty() {
                    self.by_key.remove(key);
                }
            }
        }
        self.changed.remove(&slot);
    }

    /// A key has changed.
    pub fn touch(&mut self, db: Db, key: &[u8]) {
        if let Some(slots) = self.by_key.get(&(db, key.into())) {
            self.changed.extend(slots);
        }
    }

    /// The keys of `db` that `is_concerned` names have changed.
    pub fn touch_where(&mut self, db: Db, mut is_concerned: impl FnMut(&[u8]) -> bool) {
        for ((of, key), slots) in &self.by_key {
            if *of == db && is_concerned(key) {
                self.changed.extend(slots);
            }
        }
    }

    /// Whether a key has changed that the client in `slot` watches.
    #[must_use]
    pub fn has_changed(&self, slot: usize) -> bool {
        self.changed.contains(&slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_by_whoever_watches_the_key_until_they_begin_anew() {
        let key = |name: &[u8]| (Db::ZERO, name.into());
        let mut watches = Watches::default();
        watches.watch(key(b"a"), 1);
        watches.watch(key(b"a"), 2);
        watches.watch(key(b"b"), 3);
        watches.touch(Db::ZERO, b"a");
        assert_eq!(
            [1, 2, 3].map(|slot| watches.has_changed(slot)),
            [true, true, false]
        );
        watches.forget(&[key(b"a")], 1);
        watches.touch_where(Db::ZERO, |name| name == b"b");
        assert_eq!(
            [1, 2, 3].map(|slot| watches.has_changed(slot)),
            [false, true, true]
        );
        watches.forget(&[key(b"a")], 2);
        watches.forget(&[key(b"b")], 3);
        assert!(watches.is_empty());
    }
}
