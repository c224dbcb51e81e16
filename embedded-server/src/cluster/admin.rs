//! What an administrator's commands change: members, slots, roles, epochs.

use std::net::IpAddr;

use thiserror::Error;

use super::flags::NodeFlags;
use super::id::NodeId;
use super::machine::{Action, Cluster};
use super::message::Address;
use super::peer::{Peer, PeerKey};
use super::slot::{Slot, SlotSet};
use super::table::Table;
use crate::log::Level;

/// A node that was told to forget another does not learn of it again for so long.
const FORGOTTEN_MS: i64 = 60_000;

/// Why a command was refused, in Redis's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum AdminError {
    #[error("Unknown node {0}")]
    UnknownNode(String),
    #[error("I don't know about node {0}")]
    UnknownTarget(String),
    #[error("I tried hard but I can't forget myself...")]
    ForgetSelf,
    #[error("Can't forget my master!")]
    ForgetMaster,
    #[error("Slot {0} is already busy")]
    Busy(Slot),
    #[error("Slot {0} is already unassigned")]
    Unassigned(Slot),
    #[error("I'm not the owner of hash slot {0}")]
    NotOwner(Slot),
    #[error("I'm already the owner of hash slot {0}")]
    AlreadyOwner(Slot),
    #[error("Target node is not a master")]
    NotAMaster,
    #[error("Please use SETSLOT only with masters.")]
    SetSlotOnReplica,
    #[error(
        "Can't assign hashslot {0} to a different node while I still hold keys for this hash slot."
    )]
    SlotHasKeys(Slot),
    #[error("Can't replicate myself")]
    ReplicateSelf,
    #[error("I can only replicate a master, not a replica.")]
    ReplicateReplica,
    #[error("To set a master the node must be empty and without assigned slots.")]
    NotEmpty,
    #[error("You should send CLUSTER FAILOVER to a replica")]
    FailoverOfMaster,
    #[error("I'm a replica but my master is unknown to me")]
    FailoverWithoutMaster,
    #[error("Master is down or failed, please use CLUSTER FAILOVER FORCE")]
    FailoverOfFailed,
    #[error("The user can assign a config epoch only when the node does not know any other node.")]
    EpochWithPeers,
    #[error("Node config epoch is already non-zero")]
    EpochSet,
    #[error("CLUSTER RESET can't be called with master nodes containing keys")]
    ResetWithKeys,
}

/// How CLUSTER FAILOVER is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failover {
    /// With the master's help: nothing is lost.
    Agreed,
    /// Without it, by the votes of the others.
    Forced,
    /// Without anybody's.
    Takeover,
}

type Done = Result<(), AdminError>;

/// Members.
impl Cluster {
    /// Sets the time that commands see.
    pub fn set_now_ms(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
    }

    /// CLUSTER MEET: gets to know the node that listens there.
    pub fn meet(&mut self, ip: IpAddr, port: u16, bus_port: u16) {
        self.begin_handshake(
            Address {
                ip: Some(ip),
                port,
                bus_port,
            },
            NodeFlags::MEET,
        );
    }

    /// CLUSTER FORGET.
    ///
    /// # Errors
    /// When the node is not known, is this one, or is this one's master.
    pub fn forget(&mut self, id: NodeId) -> Done {
        let key = self
            .table
            .find(id)
            .ok_or_else(|| AdminError::UnknownNode(id.to_string()))?;
        if key == Table::ME {
            return Err(AdminError::ForgetSelf);
        }
        if self.table.me().master == Some(key) {
            return Err(AdminError::ForgetMaster);
        }
        self.forgotten.insert(id, self.now_ms + FORGOTTEN_MS);
        self.drop_peer(key);
        Ok(())
    }

    /// CLUSTER REPLICATE. `holds_data` is whether this node has keys.
    ///
    /// # Errors
    /// When the master cannot be copied by this node.
    pub fn replicate(&mut self, id: NodeId, holds_data: bool) -> Done {
        let key = self
            .table
            .find(id)
            .ok_or_else(|| AdminError::UnknownNode(id.to_string()))?;
        if key == Table::ME {
            return Err(AdminError::ReplicateSelf);
        }
        if self.table.get(key).is_some_and(Peer::is_replica) {
            return Err(AdminError::ReplicateReplica);
        }
        let me = self.table.me();
        if me.is_master() && (!me.slots.is_empty() || holds_data) {
            return Err(AdminError::NotEmpty);
        }
        self.follow(key);
        Ok(())
    }

    /// CLUSTER RESET: forgets everybody and everything; with `hard` its own name and epochs too.
    ///
    /// # Errors
    /// When this is a master with data.
    pub fn reset(&mut self, hard: bool, holds_data: bool) -> Done {
        if self.table.me().is_master() && holds_data {
            return Err(AdminError::ResetWithKeys);
        }
        if self.table.me().is_replica() {
            self.table.make_master(Table::ME);
            self.local.following = None;
            self.actions.push(Action::Lead);
        }
        self.table.disown_all(Table::ME);
        self.end_handover();
        self.table
            .keys()
            .into_iter()
            .for_each(|key| self.drop_peer(key));
        self.migrating.clear();
        self.importing.clear();
        if hard {
            self.current_epoch = 0;
            self.last_vote_epoch = 0;
            self.table.me_mut().config_epoch = 0;
            let id = NodeId::draw(&mut self.random);
            self.table.rename(Table::ME, id);
            self.log(Level::Notice, format!("Node hard reset, now I'm {id}"));
        }
        self.save_durably();
        Ok(())
    }
}

/// Slots.
impl Cluster {
    /// CLUSTER ADDSLOTS: all or none.
    ///
    /// # Errors
    /// When one has an owner.
    pub fn add_slots(&mut self, slots: &SlotSet) -> Done {
        if let Some(slot) = slots.iter().find(|slot| self.table.owner(*slot).is_some()) {
            return Err(AdminError::Busy(slot));
        }
        for slot in slots.iter() {
            self.importing.remove(&slot);
            self.table.give(slot, Table::ME);
        }
        self.slots_changed();
        Ok(())
    }

    /// CLUSTER DELSLOTS: all or none.
    ///
    /// # Errors
    /// When one has no owner.
    pub fn delete_slots(&mut self, slots: &SlotSet) -> Done {
        if let Some(slot) = slots.iter().find(|slot| self.table.owner(*slot).is_none()) {
            return Err(AdminError::Unassigned(slot));
        }
        slots.iter().for_each(|slot| self.table.disown(slot));
        self.slots_changed();
        Ok(())
    }

    /// CLUSTER FLUSHSLOTS.
    pub fn flush_slots(&mut self) {
        self.table.disown_all(Table::ME);
        self.slots_changed();
    }

    fn slots_changed(&mut self) {
        self.is_unsaved = true;
        self.is_untold = true;
    }

    /// CLUSTER SETSLOT MIGRATING: keys that are not here any more are asked for there.
    ///
    /// # Errors
    /// When the slot is not this node's, or the target is no known master.
    pub fn set_migrating(&mut self, slot: Slot, to: NodeId) -> Done {
        if self.table.owner(slot) != Some(Table::ME) {
            return Err(AdminError::NotOwner(slot));
        }
        let key = self.master_named(to)?;
        self.migrating.insert(slot, key);
        self.is_stale = true;
        Ok(())
    }

    /// CLUSTER SETSLOT IMPORTING: clients that ask with ASKING are served.
    ///
    /// # Errors
    /// When the slot is this node's already, or the source is no known master.
    pub fn set_importing(&mut self, slot: Slot, from: NodeId) -> Done {
        if self.table.owner(slot) == Some(Table::ME) {
            return Err(AdminError::AlreadyOwner(slot));
        }
        let key = self.master_named(from)?;
        self.importing.insert(slot, key);
        self.is_stale = true;
        Ok(())
    }

    fn master_named(&self, id: NodeId) -> Result<PeerKey, AdminError> {
        if self.table.me().is_replica() {
            return Err(AdminError::SetSlotOnReplica);
        }
        let key = self
            .table
            .find(id)
            .ok_or_else(|| AdminError::UnknownTarget(id.to_string()))?;
        let is_master = self.table.get(key).is_some_and(Peer::is_master);
        if is_master {
            Ok(key)
        } else {
            Err(AdminError::NotAMaster)
        }
    }

    /// CLUSTER SETSLOT STABLE: it moves no more.
    ///
    /// # Errors
    /// On a replica.
    pub fn set_stable(&mut self, slot: Slot) -> Done {
        if self.table.me().is_replica() {
            return Err(AdminError::SetSlotOnReplica);
        }
        self.migrating.remove(&slot);
        self.importing.remove(&slot);
        self.is_stale = true;
        Ok(())
    }

    /// CLUSTER SETSLOT NODE: it belongs to that node from now on. `holds_keys` is whether this node has keys of it.
    ///
    /// # Errors
    /// When the node is not a known master, or this node would lose keys.
    pub fn set_owner(&mut self, slot: Slot, id: NodeId, holds_keys: bool) -> Done {
        let key = self.master_named(id).map_err(|error| match error {
            AdminError::UnknownTarget(id) => AdminError::UnknownNode(id),
            error => error,
        })?;
        let was_mine = self.table.owner(slot) == Some(Table::ME);
        if was_mine && key != Table::ME && holds_keys {
            return Err(AdminError::SlotHasKeys(slot));
        }
        if !holds_keys {
            self.migrating.remove(&slot);
        }
        self.table.give(slot, key);
        // Whoever gains a slot must not forget it, and tells all. Of whoever loses it the others know, by that claim.
        self.is_unsaved |= key == Table::ME;
        self.is_untold |= key == Table::ME;
        self.is_stale = true;
        if key == Table::ME && self.importing.remove(&slot).is_some() {
            self.bump_epoch();
        }
        let is_empty = self.table.me().slots.is_empty();
        if was_mine && key != Table::ME && is_empty && self.settings.allow_replica_migration {
            self.log(
                Level::Notice,
                format!("I have no slots left. Following {id}, who got the last of them."),
            );
            self.follow(key);
        }
        Ok(())
    }
}

/// Epochs and roles.
impl Cluster {
    /// CLUSTER BUMPEPOCH: says whether the epoch changed. It does not when it is the greatest already.
    pub fn bump_epoch(&mut self) -> bool {
        let greatest = self
            .table
            .iter()
            .map(|(_, peer)| peer.config_epoch)
            .max()
            .unwrap_or(0);
        let mine = self.table.me().config_epoch;
        let changes = mine == 0 || mine != greatest;
        if changes {
            self.current_epoch = self.current_epoch.max(greatest);
            self.take_new_epoch();
        }
        changes
    }

    /// CLUSTER SET-CONFIG-EPOCH.
    ///
    /// # Errors
    /// When this node has one already, or knows others.
    pub fn set_config_epoch(&mut self, epoch: u64) -> Done {
        if self.table.count() > 1 {
            return Err(AdminError::EpochWithPeers);
        }
        if self.table.me().config_epoch != 0 {
            return Err(AdminError::EpochSet);
        }
        self.table.me_mut().config_epoch = epoch;
        self.current_epoch = self.current_epoch.max(epoch);
        self.save_durably();
        Ok(())
    }

    /// CLUSTER FAILOVER.
    ///
    /// # Errors
    /// When this is no replica of a known master, or that one cannot help.
    pub fn failover(&mut self, how: Failover) -> Done {
        let me = self.table.me();
        if me.is_master() {
            return Err(AdminError::FailoverOfMaster);
        }
        let master = me
            .master
            .and_then(|master| self.table.get(master))
            .ok_or(AdminError::FailoverWithoutMaster)?;
        let is_reachable = !master.has_failed() && master.is_linked();
        if how == Failover::Agreed && !is_reachable {
            return Err(AdminError::FailoverOfFailed);
        }
        self.end_handover();
        if how == Failover::Takeover {
            self.bump_epoch();
            self.replace_master();
        } else {
            self.begin_handover(how == Failover::Forced);
        }
        Ok(())
    }

    /// CLUSTER COUNT-FAILURE-REPORTS.
    ///
    /// # Errors
    /// When the node is not known.
    pub fn count_failure_reports(&mut self, id: NodeId) -> Result<usize, AdminError> {
        let key = self
            .table
            .find(id)
            .ok_or_else(|| AdminError::UnknownNode(id.to_string()))?;
        Ok(self.reports_about(key))
    }

    /// CLUSTER SAVECONFIG.
    pub fn save(&mut self) {
        self.is_unsaved = true;
    }
}
