//! The source's side of a migration: which keys are to be sent, when writers are held back, how it ends.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{Migrations, Record, State};
use crate::cluster::{MigrationError, NodeId, Slot, SlotSet, slot};
use crate::keyspace::{Access, Db};
use crate::log::Level;
use crate::node::{Server, hexadecimal};
use crate::rdb::payload;
use crate::resp::Reply;

/// A parcel is sent when it has so many bytes, or so many keys.
const PARCEL_BYTES: usize = 256 * 1024;
const PARCEL_KEYS: usize = 2000;
/// Writers are held back when no more changed keys wait, or when so many parcels of them have not caught up.
const FEW_KEYS: usize = 100;
const PARCELS_MAX: usize = 100;

/// Slots on their way to another node.
#[derive(Debug)]
pub(crate) struct Export {
    pub(super) record: Record,
    /// Slots whose keys have not been looked at yet.
    rest: SlotSet,
    /// Keys of the others that have not been sent since they last changed.
    changed: BTreeSet<Box<[u8]>>,
    /// Parcels since the last slot was looked at.
    parcels: usize,
}

/// What the source is to say next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Some keys.
    Keys(Vec<u8>),
    /// That the slots are the target's to take.
    Take(Vec<u8>),
}

impl Export {
    fn touch(&mut self, slot: Slot, key: &[u8]) {
        if self.record.slots.has(slot) && !self.rest.has(slot) {
            self.changed.insert(key.into());
        }
    }

    fn holds_writers(&self) -> bool {
        matches!(self.record.state, State::Paused | State::Granted)
    }
}

impl Migrations {
    /// A key has changed, or is gone.
    pub(crate) fn touch(&mut self, key: &[u8]) {
        let slot = slot::of_key(key);
        self.exports
            .iter_mut()
            .for_each(|export| export.touch(slot, key));
    }

    fn export(&mut self, name: &str) -> Option<&mut Export> {
        let mut exports = self.exports.iter_mut();
        exports.find(|export| export.record.name == name)
    }
}

/// What an administrator asks for.
impl Server {
    /// Begins to move slots, each set to a node; the names of the migrations.
    ///
    /// # Errors
    /// When one cannot be moved; then none is.
    pub fn migrate_slots(
        &mut self,
        moves: Vec<(SlotSet, NodeId)>,
    ) -> Result<Vec<String>, MigrationError> {
        for (slots, target) in &moves {
            self.check_export(slots, *target)?;
            let under_way = &self.migrations.exports;
            let taken = under_way
                .iter()
                .find_map(|export| export.record.slots.first_in_common(slots));
            if let Some(slot) = taken {
                return Err(MigrationError::Already(slot));
            }
        }
        let begin = |(slots, target)| self.begin_to_migrate(slots, target);
        Ok(moves.into_iter().filter_map(begin).collect())
    }

    /// Whether these slots may be moved to that node; where it is.
    pub(crate) fn check_export(
        &self,
        slots: &SlotSet,
        target: NodeId,
    ) -> Result<crate::cluster::Address, MigrationError> {
        let member = self.cluster.as_ref().ok_or(MigrationError::NotAMaster)?;
        member.cluster.check_export(slots, target)
    }

    fn begin_to_migrate(&mut self, slots: SlotSet, target: NodeId) -> Option<String> {
        let source = self.cluster.as_ref()?.cluster.table().me().id;
        let name = hexadecimal(&mut self.random);
        let text = format!("Slot migration {name} begins: slots {slots} to {target}");
        self.log(Level::Notice, &text);
        let record = Record::new(name.clone(), slots.clone(), (source, target), self.now_ms);
        self.migrations.exports.push(Export {
            record,
            rest: slots,
            changed: BTreeSet::new(),
            parcels: 0,
        });
        self.record_removals();
        // A node whose connections are not served any more ends.
        let _ = self.migrations.orders.send(name.clone());
        Some(name)
    }

    /// Gives up the migrations whose targets may not yet take the slots.
    ///
    /// # Errors
    /// When there is none.
    pub fn cancel_migrations(&mut self) -> Result<(), MigrationError> {
        match self.end_exports(State::Cancelled, "") {
            0 => Err(MigrationError::NoneOngoing),
            _ => Ok(()),
        }
    }

    /// All keys are gone.
    pub(crate) fn end_exports_of_flushed(&mut self) {
        self.end_exports(State::Failed, "Data was flushed");
    }

    fn end_exports(&mut self, state: State, message: &str) -> usize {
        let exports = self.migrations.exports.iter();
        let names: Vec<String> = exports
            .filter(|export| export.record.state != State::Granted)
            .map(|export| export.record.name.clone())
            .collect();
        for name in &names {
            self.end_export(name, state, message.to_owned());
        }
        names.len()
    }
}

/// What the connection to the target asks.
impl Server {
    /// Where the target is, and what it is told first.
    pub(crate) fn open_export(
        &mut self,
        name: &str,
    ) -> Result<(SocketAddr, Vec<u8>), MigrationError> {
        let export = self.migrations.export(name);
        let record = export.ok_or(MigrationError::Unknown)?.record.clone();
        let address = self.check_export(&record.slots, record.target)?;
        let ip = address
            .ip
            .ok_or_else(|| MigrationError::UnknownNode(record.target.to_string()))?;
        let bounds: Vec<String> = record
            .slots
            .ranges()
            .into_iter()
            .flat_map(|(first, last)| [first.to_string(), last.to_string()])
            .collect();
        let mut words = sync_slots("ESTABLISH", name);
        words.push(record.source.as_bytes());
        words.extend(bounds.iter().map(String::as_bytes));
        Ok((SocketAddr::new(ip, address.port), Reply::command(&words)))
    }

    /// What is to be sent next. To be asked when the target has acknowledged what was sent before.
    pub(crate) fn next_step(&mut self, name: &str) -> Result<Step, MigrationError> {
        self.read_clock();
        let now_ms = self.now_ms;
        let export = self.migrations.export(name);
        let record = &mut export.ok_or(MigrationError::Unknown)?.record;
        record.acknowledged_s = now_ms / 1000;
        if record.state == State::Connecting {
            record.enter(State::Snapshotting, now_ms);
        }
        let (slots, target) = (record.slots.clone(), record.target);
        self.check_export(&slots, target)?;
        self.look_at_more(name);
        self.hold_back_writers(name, &slots);
        if let Some(parcel) = self.parcel(name) {
            return Ok(Step::Keys(parcel));
        }
        let granted = self.administer(|cluster| cluster.grant_slots(&slots));
        let epoch = granted.ok_or(MigrationError::NotAMaster)??.to_string();
        if let Some(export) = self.migrations.export(name) {
            export.record.enter(State::Granted, now_ms);
        }
        let mut words = sync_slots("TAKE", name);
        words.push(epoch.as_bytes());
        Ok(Step::Take(Reply::command(&words)))
    }

    /// Adds the keys of further slots until there is enough for a parcel.
    fn look_at_more(&mut self, name: &str) {
        let Some(export) = self.migrations.export(name) else {
            return;
        };
        while export.changed.len() < PARCEL_KEYS
            && let Some(slot) = export.rest.first()
        {
            export.rest.remove(slot);
            let keys = self.keyspace.keys_in_slot(slot, usize::MAX);
            export.changed.extend(keys);
        }
        if export.rest.is_empty() && export.record.state == State::Snapshotting {
            export.record.enter(State::Replicating, self.now_ms);
        }
    }

    /// Holds writers back when it is time to.
    fn hold_back_writers(&mut self, name: &str, slots: &SlotSet) {
        let now_ms = self.now_ms;
        let Some(export) = self.migrations.export(name) else {
            return;
        };
        let is_close = export.changed.len() <= FEW_KEYS || export.parcels >= PARCELS_MAX;
        if export.record.state == State::Replicating && is_close {
            export.record.enter(State::Paused, now_ms);
            self.hold_slots(slots);
        }
    }

    /// The next keys, with what they are now; `None` when none wait.
    fn parcel(&mut self, name: &str) -> Option<Vec<u8>> {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        let mut bytes = 0;
        while bytes < PARCEL_BYTES
            && parts.len() < 3 * PARCEL_KEYS
            && let Some(key) = self.migrations.export(name)?.changed.pop_first()
        {
            let (deadline, payload) = self.state_of(&key).unwrap_or_default();
            bytes += key.len() + payload.len();
            parts.extend([key.into_vec(), deadline, payload]);
        }
        let export = self.migrations.export(name)?;
        export.parcels += usize::from(export.rest.is_empty());
        export.record.waiting = export.changed.len();
        let mut words = sync_slots("KEYS", name);
        words.extend(parts.iter().map(Vec::as_slice));
        (!parts.is_empty()).then(|| Reply::command(&words))
    }

    /// When a key expires (in milliseconds since the Unix epoch, 0 for never), and its value as DUMP has it.
    fn state_of(&mut self, key: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let compress = self.config.rdb_compression;
        let entry = self.keyspace.lookup(Db::ZERO, key, Access::Silent)?;
        let deadline = entry.expire_ms().unwrap_or(0).to_string().into_bytes();
        Some((deadline, payload::encode(entry.value(), compress)))
    }

    /// The target has taken the slots, by a claim of that epoch.
    pub(crate) fn complete_export(&mut self, name: &str, epoch: u64) {
        self.read_clock();
        if let Some(export) = self.migrations.export(name) {
            let (slots, target) = (export.record.slots.clone(), export.record.target);
            self.administer(|cluster| cluster.cede_slots(&slots, target, epoch));
        }
        self.end_export(name, State::Success, String::new());
    }

    /// Whether the slots are another's by now, whoever has said so.
    pub(crate) fn has_lost_export(&mut self, name: &str) -> bool {
        let record = self.migrations.find(name);
        record.is_some_and(|record| {
            let check = self.check_export(&record.slots, record.target);
            matches!(
                check,
                Err(MigrationError::NotOwner
                    | MigrationError::SeveralShards
                    | MigrationError::NotAMaster)
            )
        })
    }

    /// A migration is over: whoever was held back goes on.
    pub(crate) fn end_export(&mut self, name: &str, state: State, message: String) {
        let exports = &mut self.migrations.exports;
        let Some(at) = exports.iter().position(|export| export.record.name == name) else {
            return;
        };
        let export = exports.remove(at);
        let text = format!("Slot migration {name} is over: {} {message}", state.name());
        self.log(Level::Notice, text.trim_end());
        let slots = &export.record.slots;
        self.administer(|cluster| cluster.keep_slots(slots));
        if export.holds_writers() {
            self.release_slots(slots);
        }
        let now_ms = self.now_ms;
        self.migrations
            .remember(export.record, state, message, now_ms);
        self.record_removals();
    }
}

/// How the messages to the target begin.
pub(crate) fn sync_slots<'a>(word: &'a str, name: &'a str) -> Vec<&'a [u8]> {
    vec![b"CLUSTER", b"SYNCSLOTS", word.as_bytes(), name.as_bytes()]
}
