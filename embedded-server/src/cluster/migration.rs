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
    #[error("Slot {0} has no node served.")]
    NoOwner(Slot),
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
    #[error("This node is giving slots away, or its place")]
    Giving,
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
        self.check_owned(slots)?;
        let key = self.table.find(target);
        if key == Some(Table::ME) {
            return Err(MigrationError::ToSelf);
        }
        let peer = key.and_then(|key| self.table.get(key));
        let peer = peer.ok_or_else(|| MigrationError::UnknownNode(target.to_string()))?;
        self.check_by_hand()?;
        Ok(peer.address)
    }

    fn check_owned(&self, slots: &SlotSet) -> Result<(), MigrationError> {
        let mut first = None;
        for slot in slots.iter() {
            let owner = self
                .table
                .owner(slot)
                .ok_or(MigrationError::NoOwner(slot))?;
            if *first.get_or_insert(owner) != owner {
                return Err(MigrationError::SeveralShards);
            }
        }
        if first == Some(Table::ME) {
            Ok(())
        } else {
            Err(MigrationError::NotOwner)
        }
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

    /// Whether this node may take them now.
    ///
    /// # Errors
    /// As [`Cluster::check_import`]; when the cluster is down, or this node is giving slots away itself.
    pub fn check_take(&self, slots: &SlotSet, source: NodeId) -> Result<(), MigrationError> {
        self.check_import(slots, source)?;
        if !self.is_ok() {
            return Err(MigrationError::Down);
        }
        self.check_not_giving()
    }

    fn check_not_giving(&self) -> Result<(), MigrationError> {
        if self.giving.is_empty() && !self.handover.is_pausing() {
            Ok(())
        } else {
            Err(MigrationError::Giving)
        }
    }

    /// Lets another take these slots, by a claim later than the epoch that this answers. Until it is known whether it has
    /// ([`Cluster::cede_slots`], [`Cluster::keep_slots`]) this node makes no later claim itself.
    ///
    /// # Errors
    /// When it hands its place over to a replica.
    pub fn grant_slots(&mut self, slots: &SlotSet) -> Result<u64, MigrationError> {
        if self.handover.is_pausing() {
            return Err(MigrationError::Giving);
        }
        self.giving.extend(slots);
        Ok(self.table.me().config_epoch)
    }

    /// Nobody has taken these slots, nor will.
    pub fn keep_slots(&mut self, slots: &SlotSet) {
        self.giving = self.giving.without(slots);
    }

    /// Another has taken these slots by a claim of that epoch.
    pub fn cede_slots(&mut self, slots: &SlotSet, to: NodeId, epoch: u64) {
        if let Some(key) = self.table.find(to) {
            self.accept_claims(key, epoch, slots);
        }
        self.keep_slots(slots);
    }

    /// Makes these slots this node's, by a claim later than the source's and all others it knows; the epoch of it.
    pub fn take_slots(&mut self, slots: &SlotSet, epoch_of_source: u64) -> u64 {
        for slot in slots.iter() {
            self.table.give(slot, Table::ME);
        }
        let epochs = self.table.iter().map(|(_, peer)| peer.config_epoch);
        self.current_epoch = epochs.fold(self.current_epoch.max(epoch_of_source), u64::max);
        self.take_new_epoch();
        self.current_epoch
    }
}
