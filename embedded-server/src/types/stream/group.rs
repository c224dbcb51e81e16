//! Consumer groups of a stream: what was delivered to whom and not acknowledged yet.

use super::super::heap::heap_bytes;
use super::StreamId;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// What one pending entry takes in the two B-trees it is in, roughly: its share of their nodes.
const PENDING_BYTES: usize = 104;
/// What a consumer takes beside its name, likewise.
const CONSUMER_BYTES: usize = 128;

/// A consumer, by its number in its group. Numbers of deleted consumers are used again.
pub type ConsumerId = u32;

/// An entry that was delivered and not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Who has it.
    pub consumer: ConsumerId,
    /// When it was delivered last, in milliseconds since the epoch.
    pub delivered_at: u64,
    /// How often it was delivered.
    pub deliveries: u64,
}

/// A member of a group.
#[derive(Debug, Clone)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it was last heard of, in milliseconds since the epoch.
    pub seen_at: u64,
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// What it calls itself.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The IDs it has not acknowledged, in order.
    pub fn pending(&self) -> &BTreeSet<StreamId> {
        &self.pending
    }
}

/// A group of consumers that share a stream.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// The last ID delivered to the group.
    pub last_id: StreamId,
    /// How many entries it has read since the first ever added, if that is known.
    pub entries_read: Option<u64>,
    pending: BTreeMap<StreamId, Pending>,
    consumers: Vec<Option<Consumer>>,
    /// The numbers of deleted consumers, to be used again.
    free: Vec<ConsumerId>,
    by_name: BTreeMap<Box<[u8]>, ConsumerId>,
    name_bytes: usize,
}

impl Group {
    /// A group that goes on behind `last_id`.
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Self {
        Group {
            last_id,
            entries_read,
            ..Group::default()
        }
    }

    /// Bytes held on the heap.
    pub fn memory_bytes(&self) -> usize {
        self.pending.len() * PENDING_BYTES
            + self.by_name.len() * CONSUMER_BYTES
            + self.name_bytes
            + heap_bytes(self.consumers.capacity() * size_of::<Option<Consumer>>())
    }

    /// All entries not acknowledged, in order.
    pub fn pending(&self) -> &BTreeMap<StreamId, Pending> {
        &self.pending
    }

    /// The consumers in the order of their names.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.by_name.values().filter_map(|&id| self.consumer(id))
    }

    /// How many consumers it has.
    pub fn consumer_count(&self) -> usize {
        self.by_name.len()
    }

    /// The number of the consumer with this name.
    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerId> {
        self.by_name.get(name).copied()
    }

    /// A consumer.
    pub fn consumer(&self, id: ConsumerId) -> Option<&Consumer> {
        self.consumers.get(id as usize)?.as_ref()
    }

    /// Notes that a consumer was heard of.
    pub fn saw_consumer(&mut self, id: ConsumerId, now: u64) {
        if let Some(Some(consumer)) = self.consumers.get_mut(id as usize) {
            consumer.seen_at = now;
        }
    }

    /// The consumer with this name, made if there is none; the flag tells whether it was made.
    pub fn ensure_consumer(&mut self, name: &[u8], now: u64) -> (ConsumerId, bool) {
        if let Some(id) = self.find_consumer(name) {
            return (id, false);
        }
        let consumer = Consumer {
            name: name.into(),
            seen_at: now,
            pending: BTreeSet::new(),
        };
        let id = self
            .free
            .pop()
            .unwrap_or(self.consumers.len() as ConsumerId);
        match self.consumers.get_mut(id as usize) {
            Some(slot) => *slot = Some(consumer),
            None => self.consumers.push(Some(consumer)),
        }
        self.by_name.insert(name.into(), id);
        self.name_bytes += 2 * heap_bytes(name.len());
        (id, true)
    }

    /// Removes a consumer and what it has pending; returns how much that was, `None` if there is no such consumer.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let id = self.by_name.remove(name)?;
        let consumer = self.consumers.get_mut(id as usize)?.take()?;
        self.free.push(id);
        self.name_bytes -= 2 * heap_bytes(name.len());
        for entry in &consumer.pending {
            self.pending.remove(entry);
        }
        Some(consumer.pending.len())
    }

    /// Gives an entry to a consumer, whoever had it before.
    pub fn assign(&mut self, entry: StreamId, pending: Pending) {
        let before = self.pending.insert(entry, pending);
        if let Some(before) = before.filter(|before| before.consumer != pending.consumer)
            && let Some(Some(consumer)) = self.consumers.get_mut(before.consumer as usize)
        {
            consumer.pending.remove(&entry);
        }
        if let Some(Some(consumer)) = self.consumers.get_mut(pending.consumer as usize) {
            consumer.pending.insert(entry);
        }
    }

    /// Takes an entry off the pending ones; false if it is not among them.
    pub fn acknowledge(&mut self, entry: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&entry) else {
            return false;
        };
        if let Some(Some(consumer)) = self.consumers.get_mut(pending.consumer as usize) {
            consumer.pending.remove(&entry);
        }
        true
    }

    /// The entries pending in a range, in order: all, or those of one consumer.
    pub fn pending_in(
        &self,
        ids: RangeInclusive<StreamId>,
        consumer: Option<ConsumerId>,
    ) -> impl Iterator<Item = (StreamId, Pending)> {
        let empty = ids.is_empty();
        let of_one = consumer.and_then(|id| self.consumer(id)).filter(|_| !empty);
        let of_all = (consumer.is_none() && !empty).then_some(&self.pending);
        let of_one = of_one.into_iter().flat_map({
            let ids = ids.clone();
            move |consumer| consumer.pending.range(ids.clone())
        });
        let of_one = of_one.filter_map(|id| Some((*id, *self.pending.get(id)?)));
        let of_all = of_all
            .into_iter()
            .flat_map(move |pending| pending.range(ids.clone()));
        of_one.chain(of_all.map(|(id, pending)| (*id, *pending)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Group, Pending, StreamId};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone)]
    enum Op {
        Assign(u64, u8),
        Acknowledge(u64),
        RemoveConsumer(u8),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            4 => (0u64..30, 0u8..4).prop_map(|(id, who)| Op::Assign(id, who)),
            2 => (0u64..30).prop_map(Op::Acknowledge),
            1 => (0u8..4).prop_map(Op::RemoveConsumer),
        ]
    }

    proptest! {
        #[test]
        fn every_pending_entry_has_one_owner(ops in prop::collection::vec(op(), 1..100)) {
            let (mut group, mut owners) = (Group::default(), BTreeMap::new());
            for op in ops {
                match op {
                    Op::Assign(id, who) => {
                        let (consumer, _) = group.ensure_consumer(&[who], 0);
                        let pending = Pending { consumer, delivered_at: id, deliveries: 1 };
                        group.assign(StreamId::new(id, 0), pending);
                        owners.insert(id, who);
                    }
                    Op::Acknowledge(id) => {
                        prop_assert_eq!(group.acknowledge(StreamId::new(id, 0)), owners.remove(&id).is_some());
                    }
                    Op::RemoveConsumer(who) => {
                        let known = group.find_consumer(&[who]).is_some();
                        let before = owners.len();
                        owners.retain(|_, owner| *owner != who);
                        prop_assert_eq!(group.remove_consumer(&[who]), known.then_some(before - owners.len()));
                    }
                }
                let all: BTreeMap<_, _> = group.pending_in(StreamId::MIN..=StreamId::MAX, None)
                    .map(|(id, pending)| (id.ms, group.consumer(pending.consumer).unwrap().name()[0]))
                    .collect();
                prop_assert_eq!(&all, &owners);
                for consumer in group.consumers() {
                    let id = group.find_consumer(consumer.name());
                    let own: Vec<_> = group.pending_in(StreamId::new(5, 0)..=StreamId::new(20, 0), id).map(|(id, _)| id.ms).collect();
                    let expected: Vec<_> = owners.range(5..=20).filter(|(_, who)| **who == consumer.name()[0]).map(|(id, _)| *id).collect();
                    prop_assert_eq!(own, expected);
                }
            }
        }
    }
}
