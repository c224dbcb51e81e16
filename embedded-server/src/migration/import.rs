//! The target's side of a migration: what is kept aside, and how it comes in.

use std::collections::BTreeMap;

use super::{Migrations, Record, State};
use crate::client::ClientId;
use crate::cluster::{MigrationError, NodeId, SlotSet};
use crate::keyspace::{Db, OutOfMemory};
use crate::log::Level;
use crate::node::Server;
use crate::rdb::Value;
use crate::rdb::file::Entry;

/// What the log says of an import that its source has not finished, as in Valkey.
const LOST: &str = "Connection lost to source. Check CLUSTER GETSLOTMIGRATIONS on the source node for more information.";
/// So many keys come in before the replicas are told of them.
const PUT_AT_A_TIME: usize = 1000;

/// Slots on their way to this node.
#[derive(Debug)]
pub(crate) struct Import {
    pub(super) record: Record,
    /// The source's connection; the import ends with it.
    client: ClientId,
    keys: BTreeMap<Box<[u8]>, Staged>,
    /// How much the source has sent of what is kept.
    bytes: usize,
}

/// A key that waits to come in.
#[derive(Debug)]
pub(crate) struct Staged {
    /// Its value.
    pub(crate) value: Value,
    /// When it expires, in milliseconds since the Unix epoch.
    pub(crate) expire_ms: Option<i64>,
    /// How long its payload was.
    pub(crate) bytes: usize,
}

impl Import {
    /// Keeps a key as it is at the source now, in place of what it was; `None` where it is gone.
    fn stage(&mut self, key: &[u8], staged: Option<Staged>) {
        if let Some(old) = self.keys.remove(key) {
            self.bytes -= old.bytes + key.len();
        }
        if let Some(staged) = staged {
            self.bytes += staged.bytes + key.len();
            self.keys.insert(key.into(), staged);
        }
    }
}

impl Migrations {
    fn import_at(&self, name: &str) -> Result<usize, MigrationError> {
        let at = self
            .imports
            .iter()
            .position(|import| import.record.name == name);
        at.ok_or(MigrationError::Unknown)
    }
}

impl Server {
    /// A source wants to send slots over the connection of `client`.
    pub(crate) fn begin_import(
        &mut self,
        client: ClientId,
        name: String,
        source: NodeId,
        slots: SlotSet,
    ) -> Result<(), MigrationError> {
        self.check_import(&slots, source)?;
        let me = self.cluster.as_ref().ok_or(MigrationError::NotAMaster)?;
        let target = me.cluster.table().me().id;
        let mut under_way = self.migrations.imports.iter();
        if let Some(slot) = under_way.find_map(|import| import.record.slots.first_in_common(&slots))
        {
            return Err(MigrationError::Already(slot));
        }
        let mut record = Record::new(name, slots, (source, target), self.now_ms);
        (record.is_import, record.state) = (true, State::Receiving);
        self.migrations.imports.push(Import {
            record,
            client,
            keys: BTreeMap::new(),
            bytes: 0,
        });
        Ok(())
    }

    fn check_import(&self, slots: &SlotSet, source: NodeId) -> Result<(), MigrationError> {
        let member = self.cluster.as_ref().ok_or(MigrationError::NotAMaster)?;
        member.cluster.check_import(slots, source)
    }

    /// Keeps keys that a source has sent.
    pub(crate) fn stage(
        &mut self,
        name: &str,
        keys: impl Iterator<Item = (Box<[u8]>, Option<Staged>)>,
    ) -> Result<(), MigrationError> {
        let at = self.migrations.import_at(name)?;
        let (now_ms, most) = (self.now_ms, self.config.keyspace.maxmemory);
        let import = self
            .migrations
            .imports
            .get_mut(at)
            .ok_or(MigrationError::Unknown)?;
        import.record.acknowledged_s = now_ms / 1000;
        keys.for_each(|(key, staged)| import.stage(&key, staged));
        if most > 0 && import.bytes as u64 > most {
            let error = MigrationError::OutOfMemory;
            self.end_import(at, State::Failed, error.to_string());
            return Err(error);
        }
        Ok(())
    }

    /// Takes the slots with their keys; the epoch of the claim.
    pub(crate) fn take_import(
        &mut self,
        name: &str,
        epoch_of_source: u64,
    ) -> Result<u64, MigrationError> {
        let at = self.migrations.import_at(name)?;
        let import = self
            .migrations
            .imports
            .get_mut(at)
            .ok_or(MigrationError::Unknown)?;
        let record = import.record.clone();
        let keys = std::mem::take(&mut import.keys);
        let taken = self.take_keys(&record, epoch_of_source, keys);
        match &taken {
            Ok(_) => self.end_import(at, State::Success, String::new()),
            Err(error) => self.end_import(at, State::Failed, error.to_string()),
        }
        taken
    }

    fn take_keys(
        &mut self,
        Record { slots, source, .. }: &Record,
        epoch_of_source: u64,
        keys: BTreeMap<Box<[u8]>, Staged>,
    ) -> Result<u64, MigrationError> {
        let member = self.cluster.as_ref().ok_or(MigrationError::NotAMaster)?;
        member.cluster.check_take(slots, *source)?;
        let numbers: Vec<_> = slots.iter().collect();
        // Nobody has seen what an earlier owner may have left.
        self.drop_keys(&numbers);
        if self.put_all(keys).is_err() {
            self.drop_keys(&numbers);
            return Err(MigrationError::OutOfMemory);
        }
        self.administer(|cluster| cluster.take_slots(slots, epoch_of_source))
            .ok_or(MigrationError::NotAMaster)
    }

    fn put_all(&mut self, keys: BTreeMap<Box<[u8]>, Staged>) -> Result<(), OutOfMemory> {
        let now_ms = self.now_ms;
        let living = keys
            .into_iter()
            .filter(|(_, staged)| staged.expire_ms.is_none_or(|at| at > now_ms));
        for (index, (key, staged)) in living.enumerate() {
            self.put(
                Db::ZERO,
                Entry {
                    key: key.to_vec(),
                    value: staged.value,
                    expire_ms: staged.expire_ms,
                    idle_s: None,
                    frequency: None,
                },
            )?;
            self.touch(Db::ZERO, &key);
            if index % PUT_AT_A_TIME == 0 {
                self.propagate_rest();
            }
        }
        Ok(())
    }

    /// The source has given up: the epoch of the claim if the slots are here already.
    pub(crate) fn abort_import(&mut self, name: &str) -> Option<u64> {
        if let Ok(at) = self.migrations.import_at(name) {
            self.end_import(at, State::Failed, LOST.to_owned());
        }
        let record = self.migrations.find(name)?;
        let is_taken = record.is_import && record.state == State::Success;
        let me = self.cluster.as_ref()?.cluster.table().me();
        is_taken.then_some(me.config_epoch)
    }

    /// A connection has ended, and with it what came over it.
    pub(crate) fn end_imports_of(&mut self, client: ClientId) {
        let is_over = |import: &Import| import.client == client;
        while let Some(at) = self.migrations.imports.iter().position(is_over) {
            self.end_import(at, State::Failed, LOST.to_owned());
        }
    }

    fn end_import(&mut self, at: usize, state: State, message: String) {
        let Import { record, .. } = self.migrations.imports.remove(at);
        let text = format!(
            "Slot import {} is over: {} {message}",
            record.name,
            state.name()
        );
        self.log(Level::Notice, text.trim_end());
        let now_ms = self.now_ms;
        self.migrations.remember(record, state, message, now_ms);
    }
}
