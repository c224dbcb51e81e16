//! Slots that change hands at once: which may, who takes them, and who gives them up.

use thiserror::Error;

use super::id::NodeId;
use super::machine::Cluster;
use super::message::Address;
use super::slot::{Slot, SlotSet};
use super::table::Table;

/// Why slots are not moved, in Valkey's words where it has some.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum MigrationError {
    #[error("Slot migration can only be used on primary nodes.")]
    NotAMaster,
    #[error("Unknown node name: {0}")]
    UnknownNode(String),
    #[error("Target node can not be this node.")]
    ToSelf,
    #[error("Slots are not served by this node.")]
    NotOwner,
    #[error("Requested slots span multiple shards")]
    SeveralShards,
    #[error("Slots are being manually migrated")]
    ByHand,
    #[error("I am already migrating slot {0}.")]
    Already(Slot),
    #[error("Slots are not served by the source node.")]
    NotOfSource,
    #[error("The cluster is down")]
    Down,
    #[error("No migrations ongoing")]
    NoneOngoing,
    #[error("No such migration")]
    Unknown,
    #[error("command not allowed when used memory > 'maxmemory'.")]
    OutOfMemory,
}

impl Cluster {
    /// Whether this node may give these slots to another; where that one is.
    ///
    /// # Errors
    /// When one of them is not its own or is moved by hand, or the target is not known.
    pub fn check_export(&self, slots: &SlotSet, target: NodeId) -> Result<Address, MigrationError> {
        if self.table.me().is_replica() {
            return Err(MigrationError::NotAMaster);
        }
        let key = self.table.find(target);
        if key == Some(Table::ME) {
            return Err(MigrationError::ToSelf);
        }
        let peer = key.and_then(|key| self.table.get(key));
        let peer = peer.ok_or_else(|| MigrationError::UnknownNode(target.to_string()))?;
        let mut owners = slots.iter().map(|slot| self.table.owner(slot));
        let first = owners.next().flatten();
        if owners.any(|owner| owner != first) {
            return Err(MigrationError::SeveralShards);
        }
        if first != Some(Table::ME) {
            return Err(MigrationError::NotOwner);
        }
        self.check_by_hand()?;
        Ok(peer.address)
    }

    /// Whether this node may take these slots from another.
    ///
    /// # Errors
    /// When it is no master, or one of them is not the other's as far as it knows.
    pub fn check_import(&self, slots: &SlotSet, source: NodeId) -> Result<(), MigrationError> {
        if self.table.me().is_replica() {
            return Err(MigrationError::NotAMaster);
        }
        let source = self.table.find(source).filter(|key| *key != Table::ME);
        let is_of_source = |slot| source.is_some() && self.table.owner(slot) == source;
        if slots.is_empty() || !slots.iter().all(is_of_source) {
            return Err(MigrationError::NotOfSource);
        }
        self.check_by_hand()
    }

    fn check_by_hand(&self) -> Result<(), MigrationError> {
        if self.is_moving_slots() {
            Err(MigrationError::ByHand)
        } else {
            Ok(())
        }
    }

    /// Makes these slots this node's, by a claim later than all others; the epoch of it.
    pub fn take_slots(&mut self, slots: &SlotSet) -> u64 {
        for slot in slots.iter() {
            self.table.give(slot, Table::ME);
        }
        let epochs = self.table.iter().map(|(_, peer)| peer.config_epoch);
        self.current_epoch = epochs.fold(self.current_epoch, u64::max);
        self.take_new_epoch();
        self.current_epoch
    }

    /// Another has taken these slots by a claim of that epoch.
    pub fn cede_slots(&mut self, slots: &SlotSet, to: NodeId, epoch: u64) {
        self.update(to, epoch, slots);
    }
}
