//! Fetching ahead: what the commands of a batch will touch is asked of memory all at once, so that the waits overlap
//! instead of adding up. The order is that of the pointers: buckets, then the entries that they point to, then within a
//! large hash, set or sorted set the same again for the members named.

use crate::command::table::Command;
use crate::keyspace::{Db, Keyspace};
use crate::resp::Batch;
use crate::types::{Approach, Value};

/// The commands of a batch with what the table knows of them.
#[derive(Clone, Copy)]
pub(super) struct Ahead<'a> {
    pub(super) keyspace: &'a Keyspace,
    pub(super) db: Db,
    pub(super) batch: &'a Batch,
    pub(super) commands: &'a [Option<&'static Command>],
    pub(super) input: &'a [u8],
}

impl<'a> Ahead<'a> {
    /// Fetches for the whole batch; a key asked for again and again counts once. Where there is one key only, it is about to be
    /// looked at anyway.
    /// `hashes` is room for those of the keys.
    pub(super) fn fetch(self, hashes: &mut Vec<u64>) {
        hashes.clear();
        let mut before: &[u8] = b"";
        self.each_key(|key| {
            if key != before {
                hashes.push(self.keyspace.prefetch(self.db, key));
            }
            before = key;
        });
        if hashes.len() > 1 {
            self.keyspace.prefetch_entries(self.db, hashes);
        }
        if self.batch.len() > 1 && self.known().any(|command| command.member.is_some()) {
            self.fetch_members();
        }
    }

    fn fetch_members(self) {
        let pairs = self.batch.commands(self.input).zip(self.commands);
        let mut before: (&[u8], Option<&Value>) = (b"", None);
        let members: Vec<(&Value, &[u8])> = pairs
            .filter_map(|(arguments, command)| {
                let command = (*command)?;
                let member = arguments.get(command.member?)?;
                let key = arguments.get(command.first_key()?)?;
                if key != before.0 {
                    before = (key, self.spread_value(key));
                }
                before.1.map(|value| (value, member))
            })
            .collect();
        for approach in Approach::ALL {
            members
                .iter()
                .for_each(|(value, member)| value.prefetch(member, approach));
        }
    }

    /// The value under `key` if its members lie apart from it.
    fn spread_value(self, key: &[u8]) -> Option<&'a Value> {
        let value = self.keyspace.view(self.db, key)?.object().ok()?;
        value.is_spread().then_some(value)
    }

    fn each_key(self, mut visit: impl FnMut(&'a [u8])) {
        for (arguments, command) in self.batch.commands(self.input).zip(self.commands) {
            if let Some(command) = command {
                command.for_each_key(&arguments, &mut visit);
            }
        }
    }

    fn known(self) -> impl Iterator<Item = &'static Command> {
        self.commands.iter().copied().flatten()
    }
}
