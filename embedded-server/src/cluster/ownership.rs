//! Slots: whose claim holds, and whether what is owned suffices to serve.

use super::machine::{Action, Cluster};
use super::message::{Body, Header};
use super::peer::{Peer, PeerKey};
use super::slot::{SLOTS, Slot, SlotSet};
use super::table::Table;
use crate::log::Level;

/// A master that was with the minority serves again after the node timeout, but within these bounds.
const REJOIN_MS: (i64, i64) = (500, 5000);

impl Cluster {
    /// What the sender of a message says it owns.
    pub(super) fn note_slots(&mut self, sender: PeerKey, header: &Header) {
        let is_master = self.table.get(sender).is_some_and(Peer::is_master);
        if is_master {
            self.table.note_claims(sender, &header.slots);
        }
        let head = self.table.head(sender);
        let is_as_known = self
            .table
            .get(head)
            .is_some_and(|head| head.slots == header.slots);
        if is_as_known {
            return;
        }
        if is_master {
            self.accept_claims(sender, header.config_epoch, &header.slots);
        }
        self.correct(sender, header);
    }

    /// Tells a node about the first of its claims that another's later one overrules.
    fn correct(&mut self, sender: PeerKey, header: &Header) {
        let own = self.table.get(sender).map(|peer| &peer.slots);
        let contested = own.map_or_else(|| header.slots.clone(), |own| header.slots.without(own));
        let newer = contested.iter().find_map(|slot| {
            let owner = self.table.owner(slot).filter(|owner| *owner != sender)?;
            let owner = self
                .table
                .get(owner)
                .filter(|_| !self.table.is_unclaimed(slot))?;
            (owner.config_epoch > header.config_epoch).then(|| Body::Update {
                node: owner.id,
                config_epoch: owner.config_epoch,
                slots: self.table.claimed_of(owner),
            })
        });
        let link = self.table.get(sender).and_then(|peer| peer.link);
        if let (Some(body), Some(link)) = (newer, link) {
            self.send(link, body);
        }
    }

    /// Gives a master those of the slots it claims that nobody has by a later or equal claim.
    pub(super) fn accept_claims(&mut self, claimant: PeerKey, config_epoch: u64, slots: &SlotSet) {
        if claimant == Table::ME {
            return;
        }
        let head = self.table.head(Table::ME);
        let mut lost_by_head = 0;
        let mut lost = Vec::new();
        let known = self.table.get(claimant).map(|peer| &peer.slots);
        let news = known.map_or_else(|| slots.clone(), |known| slots.without(known));
        for slot in news.iter() {
            if self.importing.contains_key(&slot)
                || !self.is_overruled(slot, claimant, config_epoch)
            {
                continue;
            }
            let owner = self.table.owner(slot);
            lost_by_head += usize::from(owner == Some(head));
            if owner == Some(Table::ME) {
                lost.push(slot);
                self.migrating.remove(&slot);
            }
            self.table.give(slot, claimant);
            self.is_stale = true;
        }
        self.settle_after_loss(claimant, head, lost_by_head, slots.len(), lost);
    }

    fn is_overruled(&self, slot: Slot, claimant: PeerKey, config_epoch: u64) -> bool {
        match self.table.owner(slot) {
            None => true,
            Some(owner) if owner == claimant => false,
            Some(_) if self.table.is_unclaimed(slot) => true,
            Some(owner) => self
                .table
                .get(owner)
                .is_none_or(|owner| owner.config_epoch < config_epoch),
        }
    }

    /// When this node's shard has lost all it had, it joins whoever has it now.
    fn settle_after_loss(
        &mut self,
        claimant: PeerKey,
        head: PeerKey,
        lost_by_head: usize,
        claimed: usize,
        lost: Vec<Slot>,
    ) {
        let has_nothing = self
            .table
            .get(head)
            .is_some_and(|head| head.slots.is_empty());
        // Without leave to migrate it follows only a replica that took its master's place: with those slots and no others.
        let may_follow = self.settings.allow_replica_migration || claimed == lost_by_head;
        if lost_by_head > 0 && has_nothing && may_follow {
            self.log(
                Level::Warning,
                "Configuration change detected. Reconfiguring myself as a replica".into(),
            );
            self.follow(claimant);
        } else if let Some(next) = self.master_of_my_master() {
            self.follow(next);
        } else if !lost.is_empty() {
            self.actions.push(Action::DropKeys(lost));
        }
    }

    /// A replica whose master has become a replica follows that one's master.
    fn master_of_my_master(&self) -> Option<PeerKey> {
        let master = self.table.get(self.table.me().master?)?;
        master.master.filter(|next| *next != Table::ME)
    }

    /// Becomes a replica of `master`.
    pub(super) fn follow(&mut self, master: PeerKey) {
        self.table.make_replica(Table::ME, Some(master));
        self.migrating.clear();
        self.importing.clear();
        self.end_handover();
        self.is_unsaved = true;
        self.is_untold = true;
        self.keep_following();
    }

    /// Has replication follow this replica's master, wherever it is now.
    pub(super) fn keep_following(&mut self) {
        let master = self
            .table
            .me()
            .master
            .and_then(|master| self.table.get(master));
        let Some(master) = master.filter(|master| master.has_address()) else {
            return;
        };
        let (Some(ip), port) = (master.address.ip, master.address.port) else {
            return;
        };
        if self.local.following != Some((ip, port)) {
            self.local.following = Some((ip, port));
            self.actions.push(Action::Follow(ip, port));
        }
    }

    /// Two masters with one configuration epoch: the one with the lesser name takes a new one, unless it waits to hear of another's
    /// later claim to slots of its own.
    pub(super) fn resolve_collision(&mut self, sender: PeerKey, header: &Header) {
        let is_master = self.table.get(sender).is_some_and(Peer::is_master);
        let me = self.table.me();
        if !is_master
            || !me.is_master()
            || header.config_epoch != me.config_epoch
            || header.sender <= me.id
            || !self.giving.is_empty()
        {
            return;
        }
        self.take_new_epoch();
        let epoch = self.current_epoch;
        self.log(
            Level::Verbose,
            format!(
                "configEpoch collision with node {}. Updating my configEpoch to {epoch}",
                header.sender
            ),
        );
    }

    /// Makes this node's configuration the latest of all that it knows.
    pub(super) fn take_new_epoch(&mut self) {
        self.current_epoch += 1;
        self.table.me_mut().config_epoch = self.current_epoch;
        self.save_durably();
        self.is_untold = true;
    }

    /// Decides whether this node serves.
    pub(super) fn judge_service(&mut self) {
        let is_master = self.table.me().is_master();
        if is_master && !self.is_ok && self.now_ms < self.serve_from_ms {
            return;
        }
        let is_majority = self.is_with_majority();
        // Before anybody has slots there is no majority to have lost.
        if !is_majority && self.table.serving().next().is_some() {
            self.in_minority_ms = self.now_ms;
        }
        let is_ok = is_majority && self.is_covered();
        let rejoin_ms = self
            .settings
            .node_timeout_ms
            .clamp(REJOIN_MS.0, REJOIN_MS.1);
        let waits = is_ok
            && is_master
            && self.now_ms - self.in_minority_ms < rejoin_ms
            && self.in_minority_ms > 0;
        if is_ok == self.is_ok || waits {
            return;
        }
        self.is_ok = is_ok;
        self.is_untold = true;
        let state = if is_ok { "ok" } else { "fail" };
        self.log(Level::Notice, format!("Cluster state changed: {state}"));
    }

    fn is_with_majority(&self) -> bool {
        let reachable = self
            .table
            .serving()
            .filter(|peer| !peer.flags.any(super::NodeFlags::FAILING));
        reachable.count() >= self.table.quorum()
    }

    fn is_covered(&self) -> bool {
        let served = self.table.serving().filter(|peer| !peer.has_failed());
        let served: usize = served.map(|peer| peer.slots.len()).sum();
        !self.settings.require_full_coverage || served == usize::from(SLOTS)
    }
}
