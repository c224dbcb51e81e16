//! Which node has which slot, as all connections of a run have learnt so far, and what they met on the way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU16, AtomicU64};

use crate::traffic::slot;

/// The most nodes that are told apart.
const NODES_MAX: usize = 1024;

/// Which node has which slot. Shared by all clients, who only ever read and write whole numbers of it.
#[derive(Debug)]
pub struct Map {
    /// By slot, the place of its master among the nodes.
    owners: Box<[AtomicU16]>,
    /// In the order in which they became known; the free places are behind them.
    nodes: Box<[OnceLock<Node>]>,
    /// Requests by slot.
    wanted: Box<[AtomicU64]>,
    /// Each with its master, as it was at first.
    replicas: Box<[(SocketAddr, SocketAddr)]>,
    moved: AtomicU64,
    asked: AtomicU64,
}

#[derive(Debug)]
struct Node {
    address: SocketAddr,
    requests: AtomicU64,
}

/// What clients met, since the map was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Met {
    /// Requests sent elsewhere for good (MOVED).
    pub moved: u64,
    /// Requests sent elsewhere this once (ASK).
    pub asked: u64,
    /// Requests sent, by node.
    pub requests: BTreeMap<SocketAddr, u64>,
}

impl Met {
    /// What was met after `before`.
    #[must_use]
    pub fn since(mut self, before: &Self) -> Self {
        self.moved -= before.moved;
        self.asked -= before.asked;
        for (node, requests) in &mut self.requests {
            *requests -= before.requests.get(node).copied().unwrap_or_default();
        }
        self
    }
}

impl Map {
    /// The masters and their slots; none where there are no masters.
    #[must_use]
    pub fn new(shards: &[(RangeInclusive<u16>, SocketAddr)]) -> Option<Self> {
        let map = Self {
            owners: (0..slot::SLOTS).map(|_| AtomicU16::new(0)).collect(),
            nodes: (0..NODES_MAX).map(|_| OnceLock::new()).collect(),
            wanted: (0..slot::SLOTS).map(|_| AtomicU64::new(0)).collect(),
            replicas: Box::default(),
            moved: AtomicU64::new(0),
            asked: AtomicU64::new(0),
        };
        for (slots, address) in shards {
            let place = map.place(*address)?;
            slots.clone().for_each(|slot| map.give(slot, place));
        }
        map.address(0).is_some().then_some(map)
    }

    /// The same with `replicas`, each before its master.
    #[must_use]
    pub fn with_replicas(
        self,
        replicas: impl IntoIterator<Item = (SocketAddr, SocketAddr)>,
    ) -> Self {
        let mut replicas: Vec<_> = replicas.into_iter().collect();
        // A master with several stretches of slots tells its replicas with each.
        replicas.sort_unstable();
        replicas.dedup();
        Self {
            replicas: replicas.into(),
            ..self
        }
    }

    /// By the places of their masters, the places of the replicas.
    pub(super) fn replicas(&self) -> Vec<Vec<usize>> {
        let mut by_master: Vec<Vec<usize>> = Vec::new();
        for (replica, master) in &self.replicas {
            let (Some(replica), Some(master)) = (self.place(*replica), self.place(*master)) else {
                continue;
            };
            by_master.resize(by_master.len().max(master + 1), Vec::new());
            if let Some(replicas) = by_master.get_mut(master) {
                replicas.push(replica);
            }
        }
        by_master
    }

    /// The place of a slot's master.
    #[inline]
    pub(super) fn owner(&self, slot: u16) -> usize {
        let owner = self.owners.get(usize::from(slot));
        owner.map_or(0, |owner| usize::from(owner.load(Relaxed)))
    }

    /// Notes that the node at a place has a slot.
    pub(super) fn give(&self, slot: u16, place: usize) {
        if let (Some(owner), Ok(place)) = (self.owners.get(usize::from(slot)), u16::try_from(place))
        {
            owner.store(place, Relaxed);
        }
    }

    /// All that one node had, another has now.
    pub(super) fn inherit(&self, from: usize, to: usize) {
        let (Ok(from), Ok(to)) = (u16::try_from(from), u16::try_from(to)) else {
            return;
        };
        for owner in &self.owners {
            // Where another client has learnt better meanwhile, that stays.
            let _ = owner.compare_exchange(from, to, Relaxed, Relaxed);
        }
    }

    /// The place of a node, which may be new; none where there are too many.
    pub(super) fn place(&self, address: SocketAddr) -> Option<usize> {
        let new = || Node {
            address,
            requests: AtomicU64::new(0),
        };
        self.nodes
            .iter()
            .position(|node| node.get_or_init(new).address == address)
    }

    /// Where the node at a place is.
    pub(super) fn address(&self, place: usize) -> Option<SocketAddr> {
        Some(self.nodes.get(place)?.get()?.address)
    }

    /// The nodes known.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let known = self.nodes.iter().map_while(OnceLock::get);
        known.map(|node| node.address).collect()
    }

    #[inline]
    pub(super) fn count_request(&self, place: usize) {
        if let Some(node) = self.nodes.get(place).and_then(OnceLock::get) {
            node.requests.fetch_add(1, Relaxed);
        }
    }

    #[inline]
    pub(super) fn count_wanted(&self, slot: u16) {
        if let Some(requests) = self.wanted.get(usize::from(slot)) {
            requests.fetch_add(1, Relaxed);
        }
    }

    /// Requests so far, by slot; those sent elsewhere count once.
    #[must_use]
    pub fn requests_by_slot(&self) -> Vec<u64> {
        self.wanted.iter().map(|one| one.load(Relaxed)).collect()
    }

    /// Requests sent so far, by the place of their node.
    #[must_use]
    pub fn requests_by_node(&self) -> Vec<u64> {
        let known = self.nodes.iter().map_while(OnceLock::get);
        known.map(|node| node.requests.load(Relaxed)).collect()
    }

    /// By slot, the place of its master.
    #[must_use]
    pub fn owners(&self) -> Vec<u16> {
        self.owners
            .iter()
            .map(|owner| owner.load(Relaxed))
            .collect()
    }

    pub(super) fn count_moved(&self) {
        self.moved.fetch_add(1, Relaxed);
    }

    pub(super) fn count_asked(&self) {
        self.asked.fetch_add(1, Relaxed);
    }

    /// What clients have met so far.
    #[must_use]
    pub fn met(&self) -> Met {
        let known = self.nodes.iter().map_while(OnceLock::get);
        Met {
            moved: self.moved.load(Relaxed),
            asked: self.asked.load(Relaxed),
            requests: known
                .map(|node| (node.address, node.requests.load(Relaxed)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_learnt_holds() {
        let node = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        assert!(Map::new(&[]).is_none());
        let map = Map::new(&[(0..=99, node(1)), (100..=16_383, node(2))]).unwrap();
        assert_eq!((map.owner(99), map.owner(100)), (0, 1));
        assert_eq!(map.place(node(3)), Some(2));
        map.give(99, 2);
        assert_eq!((map.owner(98), map.owner(99)), (0, 2));
        assert_eq!(map.addresses(), [node(1), node(2), node(3)]);
        map.inherit(0, 1);
        assert_eq!((map.owner(98), map.owner(99)), (1, 2));
        let map = map.with_replicas([(node(5), node(2)), (node(4), node(2)), (node(4), node(2))]);
        assert_eq!(
            map.addresses().len(),
            3,
            "only who reads from them needs them"
        );
        assert_eq!(map.replicas(), [vec![], vec![3, 4]]);
        let before = map.met();
        map.count_request(1);
        map.count_moved();
        let met = map.met().since(&before);
        assert_eq!((met.moved, met.asked), (1, 0));
        let requests: Vec<u64> = met.requests.into_values().collect();
        assert_eq!(requests, [0, 1, 0, 0, 0]);
    }
}
