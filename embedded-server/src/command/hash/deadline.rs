//! Fields whose time has come: removed before anyone looks, or in the background.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::Context;
use crate::command::typed::{Kind, peek, read, read_with};
use crate::command::{Reply, typed::Tools};
use crate::keyspace::{Db, WrongType};
use crate::node::Server;
use crate::notify::Events;
use crate::types::Hash;

/// Fields removed at once in the background, and keys looked at.
const BATCH: usize = 1000;

type Key = (Db, Box<[u8]>);

/// Which hashes have fields that expire, and when the first of each does.
///
/// A hint: a key may be gone, renamed or another meanwhile. A renamed one loses its fields when it is looked at.
#[derive(Debug, Default)]
pub struct FieldDeadlines {
    of: BTreeMap<Key, u64>,
    ordered: BTreeSet<(u64, Key)>,
    /// Whether any field was ever given a time to live: until then nobody need look for one.
    ever: bool,
}

impl FieldDeadlines {
    /// Notes when the first field of a hash expires; `None` for never.
    fn note(&mut self, key: Key, first: Option<u64>) {
        self.ever |= first.is_some();
        if let Some(old) = self.of.remove(&key) {
            self.ordered.remove(&(old, key.clone()));
        }
        if let Some(at) = first {
            self.ordered.insert((at, key.clone()));
            self.of.insert(key, at);
        }
    }

    /// The hashes of which it is so, as far as known.
    fn keys(&self) -> impl Iterator<Item = &Key> {
        self.of.keys()
    }

    /// Takes the key whose first deadline is earliest, if it is due.
    fn take_due(&mut self, now_ms: u64) -> Option<Key> {
        let (at, _) = self.ordered.first()?;
        if *at > now_ms {
            return None;
        }
        let (_, key) = self.ordered.pop_first()?;
        self.of.remove(&key);
        Some(key)
    }
}

/// Milliseconds as deadlines count them.
fn unsigned(now_ms: i64) -> u64 {
    u64::try_from(now_ms).unwrap_or(0)
}

impl Server {
    /// Removes fields whose time has come; says whether more may be left.
    pub fn expire_fields(&mut self) -> bool {
        let now_ms = unsigned(self.now_ms);
        for _ in 0..BATCH {
            let Some((db, key)) = self.fields.take_due(now_ms) else {
                return false;
            };
            self.purge_fields(db, &key, BATCH);
        }
        true
    }

    /// Whether any hash has a field that expires.
    pub(crate) fn has_expiring_fields(&self) -> bool {
        self.fields.keys().any(|(db, key)| {
            let entry = self.keyspace.view(*db, key);
            let value = entry.and_then(|entry| entry.object().ok());
            let hash = value.and_then(Hash::of);
            hash.is_some_and(|hash| hash.next_deadline().is_some())
        })
    }

    /// Notes when the first field of what `key` holds expires, if it is a hash.
    pub(crate) fn note_fields(&mut self, db: Db, key: &[u8]) {
        let hash = peek::<Hash>(&mut self.keyspace, db, key).ok().flatten();
        let first = hash.and_then(Hash::next_deadline);
        if self.fields.ever || first.is_some() {
            self.fields.note((db, key.into()), first);
        }
    }

    /// Removes up to `most` fields of a hash whose time has come, and notes when the next one's comes.
    fn purge_fields(&mut self, db: Db, key: &[u8], most: usize) {
        let now_ms = unsigned(self.now_ms);
        let due = peek::<Hash>(&mut self.keyspace, db, key)
            .ok()
            .flatten()
            .and_then(Hash::next_deadline);
        let Some(due) = due else { return };
        if due > now_ms {
            return self.fields.note((db, key.into()), Some(due));
        }
        let purged = self.keyspace.edit_object(db, key, |value| {
            Hash::of_mut(value).map(|hash| {
                (
                    hash.purge(now_ms, most),
                    hash.next_deadline(),
                    hash.is_gone(),
                )
            })
        });
        let Ok(Some(Some((count, next, gone)))) = purged else {
            return;
        };
        self.fields.note((db, key.into()), next);
        if count > 0 {
            self.notify(Events::HASH, "hexpired", db, key);
        }
        if gone {
            self.notify(Events::GENERIC, "del", db, key);
        }
    }
}

/// Removes the fields of a hash whose time has come. Costs nothing while no field ever had a time to live.
#[inline]
pub(super) fn purge(context: &mut Context<'_>, key: &[u8]) {
    if context.server.fields.ever {
        let db = context.db();
        context.server.purge_fields(db, key, usize::MAX);
    }
}

/// The hash that a client reads, and where to answer.
pub(super) fn read_hash<'c>(
    context: &'c mut Context<'_>,
    key: &[u8],
) -> Result<Option<(&'c Hash, &'c mut Reply)>, WrongType> {
    purge(context, key);
    read(context, key)
}

/// As [`read_hash`], with all that goes with an answer.
pub(super) fn read_hash_with<'c>(
    context: &'c mut Context<'_>,
    key: &[u8],
) -> Result<Option<(&'c Hash, Tools<'c>)>, WrongType> {
    purge(context, key);
    read_with(context, key)
}

/// Notes when the first field of a hash expires, after a time to live was set or cleared.
pub(super) fn note_deadline(context: &mut Context<'_>, key: &[u8]) -> Result<(), WrongType> {
    let db = context.db();
    peek::<Hash>(&mut context.server.keyspace, db, key)?;
    context.server.note_fields(db, key);
    Ok(())
}
