//! Keys that clients of a replica that takes writes have given a deadline: its master knows nothing of them, so that the
//! replica ends them itself.

use std::collections::BTreeSet;

use crate::keyspace::{Access, Db};
use crate::node::Server;

/// So many keys are looked at at a time.
const LOOK_LEN: usize = 64;

/// The keys, and how far they have been looked through.
#[derive(Debug, Default)]
pub(crate) struct OwnDeadlines {
    keys: BTreeSet<(Db, Box<[u8]>)>,
    next: Option<(Db, Box<[u8]>)>,
}

impl OwnDeadlines {
    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// None is the replica's any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The next keys to look at, from where this was left off.
    fn some(&mut self) -> Vec<(Db, Box<[u8]>)> {
        let mut rest = match self.next.take() {
            Some(next) => self.keys.range(next..),
            None => self.keys.range(..),
        };
        let some = rest.by_ref().take(LOOK_LEN).cloned().collect();
        self.next = rest.next().cloned();
        some
    }
}

impl Server {
    /// A client of a replica has changed a key.
    #[cold]
    pub(crate) fn note_own_deadline(&mut self, db: Db, key: &[u8]) {
        let entry = self.keyspace.view(db, key);
        if entry.is_some_and(|entry| entry.expire_ms().is_some()) {
            self.replication.own_deadlines.keys.insert((db, key.into()));
        }
    }

    /// Ends keys whose time has come; forgets those that have no deadline any more.
    pub(super) fn expire_own(&mut self) {
        if self.replication.own_deadlines.keys.is_empty() || self.pause.is_on() {
            return;
        }
        for (db, key) in self.replication.own_deadlines.some() {
            self.keyspace.bury(db, &key);
            let entry = self.keyspace.lookup(db, &key, Access::Silent);
            if entry.is_none_or(|entry| entry.expire_ms().is_none()) {
                self.replication.own_deadlines.keys.remove(&(db, key));
            }
        }
        self.publish_removals();
    }
}
