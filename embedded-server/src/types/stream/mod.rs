//! Streams: blocks of entries in a B-tree by the ID of their first, and the consumer groups that read them.

mod block;
mod group;
mod id;

pub use block::{Entry, Fields};
pub use group::{Consumer, ConsumerId, Group, Pending};
pub use id::StreamId;

use super::Limits;
use super::heap::heap_bytes;
use block::Block;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// What a block takes in the B-tree, roughly: its share of a node.
const BLOCK_BYTES: usize = 48;
/// What a group takes in its B-tree, likewise.
const GROUP_BYTES: usize = 2 * size_of::<Group>();
/// Most bytes of a block, whatever the directive says; and of an entry.
const BLOCK_CEILING: usize = 1 << 30;

/// Why an entry was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddError {
    /// The ID is not above the last one.
    NotGreater,
    /// The fields and values are more than a block may hold.
    TooLarge,
}

/// An append-only log of entries.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    blocks: BTreeMap<StreamId, Box<Block>>,
    len: usize,
    /// The highest ID ever added, or what XSETID made it.
    pub last_id: StreamId,
    /// The highest ID ever deleted.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
    groups: BTreeMap<Box<[u8]>, Group>,
    /// Bytes on the heap of the blocks.
    block_bytes: usize,
}

/// What to trim to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// At most so many entries.
    Newest(usize),
    /// Entries from this ID on.
    From(StreamId),
}

impl Stream {
    /// An empty stream.
    pub fn new() -> Self {
        Stream::default()
    }

    /// How many entries it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes held on the heap. Takes time in the number of groups, which are few.
    pub fn memory_bytes(&self) -> usize {
        let groups = self
            .groups
            .iter()
            .map(|(name, group)| heap_bytes(name.len()) + group.memory_bytes() + GROUP_BYTES);
        self.block_bytes + self.blocks.len() * BLOCK_BYTES + groups.sum::<usize>()
    }

    /// The name that `OBJECT ENCODING` answers.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// How many blocks it is made of.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The ID of the first entry; 0-0 when there is none.
    pub fn first_id(&self) -> StreamId {
        self.range(StreamId::MIN..=StreamId::MAX)
            .next()
            .map_or(StreamId::MIN, |entry| entry.id)
    }

    /// The ID of the last entry that is there; 0-0 when there is none.
    pub fn newest_id(&self) -> StreamId {
        self.range_back(StreamId::MIN..=StreamId::MAX)
            .next()
            .map_or(StreamId::MIN, |entry| entry.id)
    }

    /// How many nodes Redis's radix tree of the same blocks has, for XINFO: a node for each branching, for each stretch of
    /// bytes without one, and for each block.
    pub fn radix_nodes(&self) -> usize {
        let keys: Vec<[u8; 16]> = self.blocks.keys().map(|id| id.to_bytes()).collect();
        radix_nodes(&keys, 0).max(1)
    }

    /// Appends an entry. `fields` holds names and values in turn.
    pub fn add(&mut self, id: StreamId, fields: &[&[u8]], limits: &Limits) -> Result<(), AddError> {
        if id <= self.last_id {
            return Err(AddError::NotGreater);
        }
        let bytes = fields.iter().map(|string| string.len()).sum::<usize>();
        if bytes > BLOCK_CEILING {
            return Err(AddError::TooLarge);
        }
        if !self.last_block_takes(bytes, limits) {
            self.start_block(id, fields);
        }
        if let Some(mut last) = self.blocks.last_entry() {
            let before = last.get().memory_bytes();
            last.get_mut().push(id, fields);
            self.block_bytes = self.block_bytes + last.get().memory_bytes() - before;
        }
        self.len += 1;
        self.last_id = id;
        self.entries_added += 1;
        Ok(())
    }

    /// Whether it holds an entry of this ID.
    pub fn contains(&self, id: StreamId) -> bool {
        self.get(id).is_some()
    }

    /// The entry of this ID.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id..=id).next()
    }

    /// The entries in a range of IDs, in order.
    pub fn range(&self, ids: RangeInclusive<StreamId>) -> impl Iterator<Item = Entry<'_>> {
        let (start, end) = ids.into_inner();
        let entries = self
            .blocks_in(start, end)
            .flat_map(|(_, block)| block.entries());
        entries
            .skip_while(move |entry| entry.id < start)
            .take_while(move |entry| entry.id <= end)
    }

    /// The entries in a range of IDs, the highest first.
    pub fn range_back(&self, ids: RangeInclusive<StreamId>) -> impl Iterator<Item = Entry<'_>> {
        let (start, end) = ids.into_inner();
        let entries = self
            .blocks_in(start, end)
            .rev()
            .flat_map(|(_, block)| block.entries().rev());
        entries
            .skip_while(move |entry| entry.id > end)
            .take_while(move |entry| entry.id >= start)
    }

    /// Takes an entry out and remembers that one of this ID was deleted; false if it is not there.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some((&key, _)) = self.blocks.range(..=id).next_back() else {
            return false;
        };
        if !self.change_block(key, |block| block.remove(id)) {
            return false;
        }
        self.len -= 1;
        self.max_deleted_id = self.max_deleted_id.max(id);
        true
    }

    /// Trims from the low end; returns how many entries went.
    ///
    /// With `about` set only whole blocks go. With a `limit` other than 0, it stops before a block that would make it
    /// more than so many.
    pub fn trim(&mut self, keep: Keep, about: bool, limit: usize) -> usize {
        let mut gone = 0;
        while let Some((&key, block)) = self.blocks.first_key_value() {
            let live = block.live();
            let done = matches!(keep, Keep::Newest(most) if self.len <= most);
            if done || (limit > 0 && gone + live > limit) {
                break;
            }
            let whole = match keep {
                Keep::Newest(most) => self.len - live >= most,
                Keep::From(id) => block.last() < id,
            };
            let here = match keep {
                _ if whole => live,
                _ if about => break,
                Keep::Newest(most) => self.len - most,
                Keep::From(id) => block.entries().take_while(|entry| entry.id < id).count(),
            };
            self.change_block(key, |block| block.remove_first(here));
            self.len -= here;
            gone += here;
            if !whole {
                break;
            }
        }
        gone
    }

    /// Whether an entry from `start` on may have been deleted, which leaves counts from there on unknown.
    pub fn has_gap_from(&self, start: StreamId) -> bool {
        !self.is_empty()
            && !self.max_deleted_id.is_zero()
            && self.first_id() <= self.max_deleted_id
            && start <= self.max_deleted_id
    }

    /// How many entries were added up to and with `id`, if that can be told.
    pub fn count_up_to(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if id == self.last_id || (self.is_empty() && id < self.last_id) {
            return Some(self.entries_added);
        }
        let first = self.first_id();
        let gap = !self.max_deleted_id.is_zero() && self.max_deleted_id >= first;
        if id > self.last_id || gap || id > first {
            return None;
        }
        Some(self.entries_added - self.len as u64 + u64::from(id == first))
    }

    /// How many entries a group has still to read, if that can be told; negative where the group was told it has read more
    /// than there ever were.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let known = group
            .entries_read
            .filter(|_| !self.has_gap_from(group.last_id));
        let read = known.or_else(|| self.count_up_to(group.last_id))?;
        Some(self.entries_added.wrapping_sub(read) as i64)
    }

    /// Moves a group on to `id`, an entry that it is being given, and keeps its count of entries read.
    pub fn advance(&self, group: &mut Group, id: StreamId) {
        if id <= group.last_id {
            return;
        }
        group.entries_read = match group.entries_read {
            Some(read) if !self.has_gap_from(id) => Some(read + 1),
            before if self.entries_added == 0 => before,
            _ => self.count_up_to(id),
        };
        group.last_id = id;
    }

    /// The groups in the order of their names.
    pub fn groups(&self) -> &BTreeMap<Box<[u8]>, Group> {
        &self.groups
    }

    /// A group.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// A group, to change.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.groups.get_mut(name)
    }

    /// Adds a group; false if there is one of this name.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        let new = !self.groups.contains_key(name);
        if new {
            self.groups.insert(name.into(), group);
        }
        new
    }

    /// Removes a group; false if there is none of this name.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        self.groups.remove(name).is_some()
    }

    /// Takes a group out, to work on it beside the entries; put it back by [`Stream::put_group`].
    pub fn take_group(&mut self, name: &[u8]) -> Option<Group> {
        self.groups.get_mut(name).map(std::mem::take)
    }

    /// Puts back what [`Stream::take_group`] gave.
    pub fn put_group(&mut self, name: &[u8], group: Group) {
        if let Some(slot) = self.groups.get_mut(name) {
            *slot = group;
        }
    }

    /// The blocks that can hold entries of a range.
    fn blocks_in(
        &self,
        start: StreamId,
        end: StreamId,
    ) -> impl DoubleEndedIterator<Item = (&StreamId, &Box<Block>)> {
        let from = self
            .blocks
            .range(..=start)
            .next_back()
            .map_or(start, |(&key, _)| key);
        let range = (start <= end).then(|| self.blocks.range(from..=end));
        range.into_iter().flatten()
    }

    /// Whether one more entry of `bytes` goes into the last block.
    fn last_block_takes(&self, bytes: usize, limits: &Limits) -> bool {
        let Some((_, block)) = self.blocks.last_key_value() else {
            return false;
        };
        let most_bytes = match limits.stream_node_max_bytes {
            0 => BLOCK_CEILING,
            most => most.min(BLOCK_CEILING),
        };
        let most_entries = match limits.stream_node_max_entries {
            0 => usize::MAX,
            most => most,
        };
        block.listpack_bytes() + bytes < most_bytes && block.appended() < most_entries
    }

    /// Closes the last block and opens one for an entry of this ID and these names.
    fn start_block(&mut self, id: StreamId, fields: &[&[u8]]) {
        if let Some((&key, _)) = self.blocks.last_key_value() {
            self.change_block(key, Block::close);
        }
        let block = Box::new(Block::new(id, fields));
        self.block_bytes += block.memory_bytes();
        self.blocks.insert(id, block);
    }

    /// Changes a block, keeps the account of its memory, and drops it when nothing is left in it.
    fn change_block<R: Default>(
        &mut self,
        key: StreamId,
        change: impl FnOnce(&mut Block) -> R,
    ) -> R {
        let Some(block) = self.blocks.get_mut(&key) else {
            return R::default();
        };
        let before = block.memory_bytes();
        let result = change(block);
        self.block_bytes = self.block_bytes + block.memory_bytes() - before;
        if block.live() == 0 {
            self.block_bytes -= block.memory_bytes();
            self.blocks.remove(&key);
        }
        result
    }
}

/// The nodes below one that stands for the first `depth` bytes, which the sorted `keys` have in common.
fn radix_nodes(keys: &[[u8; 16]], depth: usize) -> usize {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else {
        return 0;
    };
    let same = |at: &usize| first[*at] == last[*at];
    let common = (depth..16).take_while(same).count();
    let (stretch, branch) = (usize::from(common > 0), depth + common);
    if keys.len() == 1 {
        return stretch + 1;
    }
    let children = keys.chunk_by(|a, b| a.get(branch) == b.get(branch));
    let below: usize = children.map(|child| radix_nodes(child, branch + 1)).sum();
    stretch + 1 + below
}

#[cfg(test)]
mod tests {
    use super::{AddError, Keep, Limits, Stream, StreamId};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Model = BTreeMap<StreamId, Vec<Vec<u8>>>;

    #[derive(Debug, Clone)]
    enum Op {
        Add(u64, u64, Vec<Vec<u8>>),
        Delete(usize),
        KeepNewest(usize),
        KeepFrom(usize),
    }

    fn fields() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let pair = |name: &'static str| (Just(name), "[0-9]{0,3}|[a-z]{0,70}");
        let to_strings = |pairs: Vec<(&str, String)>| {
            pairs
                .into_iter()
                .flat_map(|(name, value)| [name.as_bytes().to_vec(), value.into_bytes()])
                .collect()
        };
        prop_oneof![
            4 => (pair("a"), pair("b")).prop_map(|(a, b)| vec![a, b]),
            1 => prop::collection::vec(prop_oneof![pair("a"), pair("other"), pair("")], 1..4),
        ]
        .prop_map(to_strings)
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            20 => (0u64..3, 0u64..3, fields()).prop_map(|(ms, seq, fields)| Op::Add(ms, seq, fields)),
            4 => any::<usize>().prop_map(Op::Delete),
            1 => (0usize..80).prop_map(Op::KeepNewest),
            1 => any::<usize>().prop_map(Op::KeepFrom),
        ]
    }

    /// An ID above the last, `ms` milliseconds on; of another sequence when the millisecond is new.
    fn id_after(last: StreamId, ms: u64, seq: u64) -> StreamId {
        if ms == 0 {
            StreamId::new(last.ms, last.seq + 1 + seq)
        } else {
            StreamId::new(last.ms + ms, 2 - seq)
        }
    }

    fn apply(stream: &mut Stream, model: &mut Model, op: Op, limits: &Limits) {
        match op {
            Op::Add(ms, seq, fields) => {
                let id = id_after(stream.last_id, ms, seq);
                let borrowed: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
                assert_eq!(stream.add(id, &borrowed, limits), Ok(()));
                assert_eq!(stream.add(id, &borrowed, limits), Err(AddError::NotGreater));
                model.insert(id, fields);
            }
            Op::Delete(nth) => {
                let id = model
                    .keys()
                    .nth(nth % (model.len() + 1))
                    .copied()
                    .unwrap_or(StreamId::MAX);
                assert_eq!(stream.delete(id), model.remove(&id).is_some());
                assert!(!stream.contains(id));
            }
            Op::KeepNewest(most) => {
                let gone = model.len().saturating_sub(most);
                (0..gone).for_each(|_| drop(model.pop_first()));
                assert_eq!(stream.trim(Keep::Newest(most), false, 0), gone);
            }
            Op::KeepFrom(nth) => {
                let id = model
                    .keys()
                    .nth(nth % (model.len() + 1))
                    .copied()
                    .unwrap_or(StreamId::MIN);
                let kept = model.split_off(&id);
                let gone = std::mem::replace(model, kept).len();
                assert_eq!(stream.trim(Keep::From(id), false, 0), gone);
            }
        }
    }

    fn read<'a>(entry: super::Entry<'a>) -> (StreamId, Vec<Vec<u8>>) {
        let strings = entry
            .fields
            .flat_map(|(name, value)| [name.to_vec(), value.to_vec()]);
        (entry.id, strings.collect())
    }

    proptest! {
        #[test]
        fn behaves_as_a_map_by_id(
            entries in 1usize..12, bytes in prop_oneof![Just(0usize), 60usize..400],
            ops in prop::collection::vec(op(), 1..150), ends in any::<(usize, usize)>()
        ) {
            let limits = Limits { stream_node_max_entries: entries, stream_node_max_bytes: bytes, ..Limits::default() };
            let (mut stream, mut model) = (Stream::new(), Model::new());
            for op in ops {
                apply(&mut stream, &mut model, op, &limits);
                prop_assert_eq!(stream.len(), model.len());
                let blocks: usize = stream.blocks.values().map(|block| block.memory_bytes()).sum();
                prop_assert_eq!(stream.block_bytes, blocks);
            }
            prop_assert_eq!(stream.first_id(), model.keys().next().copied().unwrap_or_default());
            let nth = |n: usize| model.keys().nth(n % (model.len() + 1)).copied().unwrap_or(StreamId::MAX);
            let (start, end) = (nth(ends.0), nth(ends.1));
            let expected: Vec<_> = model.iter().filter(|(id, _)| start <= **id && **id <= end).map(|(id, f)| (*id, f.clone())).collect();
            prop_assert_eq!(&stream.range(start..=end).map(read).collect::<Vec<_>>(), &expected);
            prop_assert_eq!(stream.range_back(start..=end).map(read).collect::<Vec<_>>(), expected.into_iter().rev().collect::<Vec<_>>());
        }
    }

    #[test]
    fn trimming_about_a_length_drops_whole_blocks() {
        let limits = Limits {
            stream_node_max_entries: 10,
            ..Limits::default()
        };
        let mut stream = Stream::new();
        for ms in 1..=100 {
            stream
                .add(StreamId::new(ms, 0), &[b"f", b"v"], &limits)
                .unwrap();
        }
        assert_eq!(stream.trim(Keep::Newest(55), true, 30), 30);
        assert_eq!(stream.trim(Keep::Newest(55), true, 0), 10);
        assert_eq!((stream.len(), stream.blocks()), (60, 6));
        assert_eq!(stream.trim(Keep::From(StreamId::new(51, 0)), true, 0), 10);
        assert_eq!(stream.first_id(), StreamId::new(51, 0));
    }
}
