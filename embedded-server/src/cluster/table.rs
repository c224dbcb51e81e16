//! Who is in the cluster and who owns which slot, as one node sees it.

use std::collections::BTreeMap;

use super::flags::NodeFlags;
use super::id::NodeId;
use super::peer::{Peer, PeerKey};
use super::slot::{SLOTS, Slot, SlotSet};

/// The most nodes known at a time; what a stranger's gossip adds beyond is not taken in.
pub const PEERS_MAX: usize = 4096;

/// This node and all others. Slots stand twice, with their owners and by number; both are changed here alone.
#[derive(Debug)]
pub struct Table {
    me: Peer,
    others: BTreeMap<PeerKey, Peer>,
    names: BTreeMap<NodeId, PeerKey>,
    owners: Vec<Option<PeerKey>>,
    /// Slots that their owners do not claim any more. Who has them now will tell, and until then they stay with the owners,
    /// which know where to send clients.
    unclaimed: SlotSet,
    next: u32,
}

impl Table {
    /// This node's key.
    pub const ME: PeerKey = PeerKey(0);

    pub(super) fn new(me: Peer) -> Self {
        Self {
            names: BTreeMap::from([(me.id, Self::ME)]),
            me,
            others: BTreeMap::new(),
            owners: vec![None; usize::from(SLOTS)],
            unclaimed: SlotSet::default(),
            next: 1,
        }
    }

    /// This node.
    #[must_use]
    pub fn me(&self) -> &Peer {
        &self.me
    }

    pub(super) fn me_mut(&mut self) -> &mut Peer {
        &mut self.me
    }

    /// A node.
    #[must_use]
    pub fn get(&self, key: PeerKey) -> Option<&Peer> {
        if key == Self::ME {
            Some(&self.me)
        } else {
            self.others.get(&key)
        }
    }

    pub(super) fn get_mut(&mut self, key: PeerKey) -> Option<&mut Peer> {
        if key == Self::ME {
            Some(&mut self.me)
        } else {
            self.others.get_mut(&key)
        }
    }

    /// The node of that name.
    #[must_use]
    pub fn find(&self, id: NodeId) -> Option<PeerKey> {
        self.names.get(&id).copied()
    }

    /// Every node, this one first.
    pub fn iter(&self) -> impl Iterator<Item = (PeerKey, &Peer)> {
        let others = self.others.iter().map(|(key, peer)| (*key, peer));
        std::iter::once((Self::ME, &self.me)).chain(others)
    }

    /// Every node but this one.
    pub fn others(&self) -> impl Iterator<Item = (PeerKey, &Peer)> {
        self.others.iter().map(|(key, peer)| (*key, peer))
    }

    pub(super) fn keys(&self) -> Vec<PeerKey> {
        self.others.keys().copied().collect()
    }

    /// How many nodes are known, this one included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.others.len() + 1
    }

    /// The nodes of a master.
    pub fn replicas(&self, master: PeerKey) -> impl Iterator<Item = (PeerKey, &Peer)> {
        self.iter()
            .filter(move |(_, peer)| peer.is_replica() && peer.master == Some(master))
    }

    /// The master of the shard that a node belongs to: its master, or itself.
    #[must_use]
    pub fn head(&self, key: PeerKey) -> PeerKey {
        self.get(key).and_then(|peer| peer.master).unwrap_or(key)
    }

    /// Takes a node in; `None` when there is no room for it, or its name is taken.
    pub(super) fn add(&mut self, peer: Peer) -> Option<PeerKey> {
        if self.count() >= PEERS_MAX || self.names.contains_key(&peer.id) {
            return None;
        }
        let key = PeerKey(self.next);
        self.next += 1;
        self.names.insert(peer.id, key);
        self.others.insert(key, peer);
        Some(key)
    }

    /// Forgets a node; its slots have no owner then, its replicas no master.
    pub(super) fn remove(&mut self, key: PeerKey) -> Option<Peer> {
        self.disown_all(key);
        let peer = self.others.remove(&key)?;
        self.names.remove(&peer.id);
        for other in self.others.values_mut().chain([&mut self.me]) {
            other.master = other.master.filter(|master| *master != key);
            other.reports.remove(&key);
        }
        Some(peer)
    }

    pub(super) fn rename(&mut self, key: PeerKey, id: NodeId) {
        let Some(peer) = self.get_mut(key) else {
            return;
        };
        let old = std::mem::replace(&mut peer.id, id);
        self.names.remove(&old);
        self.names.insert(id, key);
    }

    pub(super) fn make_master(&mut self, key: PeerKey) {
        let Some(peer) = self.get_mut(key) else {
            return;
        };
        peer.master = None;
        peer.flags.set(NodeFlags::REPLICA, false);
        peer.flags.set(NodeFlags::MASTER, true);
        if key != Self::ME {
            peer.flags.set(NodeFlags::MIGRATE_TO, true);
        }
    }

    /// Makes a node a replica, of a master that may not be known. Its slots go.
    pub(super) fn make_replica(&mut self, key: PeerKey, master: Option<PeerKey>) {
        self.disown_all(key);
        let Some(peer) = self.get_mut(key) else {
            return;
        };
        peer.flags
            .set(NodeFlags::MASTER.and(NodeFlags::MIGRATE_TO), false);
        peer.flags.set(NodeFlags::REPLICA, true);
        peer.master = master;
        if let Some(master) = master.and_then(|master| self.get_mut(master)) {
            master.flags.set(NodeFlags::MIGRATE_TO, true);
        }
    }
}

/// Slots.
impl Table {
    /// Who owns a slot.
    #[must_use]
    pub fn owner(&self, slot: Slot) -> Option<PeerKey> {
        self.owners.get(usize::from(slot)).copied().flatten()
    }

    /// Whether a slot has an owner that does not claim it any more.
    #[must_use]
    pub fn is_unclaimed(&self, slot: Slot) -> bool {
        self.unclaimed.has(slot)
    }

    /// The slots of a node that it still claims.
    pub(super) fn claimed_of(&self, peer: &Peer) -> SlotSet {
        peer.slots.without(&self.unclaimed)
    }

    /// A node claims these slots, and no others.
    pub(super) fn note_claims(&mut self, key: PeerKey, claimed: &SlotSet) {
        let Some(known) = self.get(key).map(|peer| &peer.slots) else {
            return;
        };
        let given_up = known.without(claimed);
        if !(given_up.is_empty() && self.unclaimed.is_empty()) {
            self.unclaimed = self.unclaimed.without(&known.without(&given_up));
            self.unclaimed.extend(&given_up);
        }
    }

    /// Gives a slot to a node, whoever had it.
    pub(super) fn give(&mut self, slot: Slot, key: PeerKey) {
        self.disown(slot);
        if let Some(peer) = self.get_mut(key) {
            peer.slots.insert(slot);
        }
        if let Some(owner) = self.owners.get_mut(usize::from(slot)) {
            *owner = Some(key);
        }
    }

    /// Takes a slot from whoever owns it.
    pub(super) fn disown(&mut self, slot: Slot) {
        if self.unclaimed.has(slot) {
            self.unclaimed.remove(slot);
        }
        let owner = self
            .owners
            .get_mut(usize::from(slot))
            .and_then(Option::take);
        if let Some(peer) = owner.and_then(|owner| self.get_mut(owner)) {
            peer.slots.remove(slot);
        }
    }

    pub(super) fn disown_all(&mut self, key: PeerKey) {
        let slots = self
            .get(key)
            .map(|peer| peer.slots.clone())
            .unwrap_or_default();
        slots.iter().for_each(|slot| self.disown(slot));
    }

    /// The slots that have an owner.
    #[must_use]
    pub fn assigned(&self) -> SlotSet {
        (0..SLOTS)
            .filter(|slot| self.owner(*slot).is_some())
            .collect()
    }

    /// Masters with slots.
    pub fn serving(&self) -> impl Iterator<Item = &Peer> {
        self.iter()
            .map(|(_, peer)| peer)
            .filter(|peer| peer.serves())
    }

    /// How many of them are a majority.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.serving().count() / 2 + 1
    }
}
