//! Streams: blocks of entries by the ID of their first, then what the stream remembers, then its consumer groups.
//!
//! A block is a listpack: how many entries are alive, how many deleted, the number of fields and the names of its first
//! entry, 0; then each entry: flags, what its ID is beyond the block's in both parts, its fields (only the values where
//! the names are the block's), and how many elements it is made of, for whoever reads backwards.

use std::collections::BTreeMap;

use super::wire::{Input, Output};
use super::{listpack, string};
use crate::types::stream::{Entry, Group, Pending};
use crate::types::{Limits, Member, Stream, StreamId};

/// Where a block is closed, as Redis does by default.
const BLOCK_ENTRIES: usize = 100;
const BLOCK_BYTES: usize = 4096;

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// Names that a block shares are stored once there, and may be stored with every entry here: a stream that would come to
/// more than so many times what is read is refused. At its default limits Redis writes none beyond 100.
const EXPANSION_MAX: usize = 128;
const EXPANSION_FREE_BYTES: usize = 64 * 1024;

/// What the formats of streams differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Format {
    /// Of Redis 5.
    First,
    /// Of Redis 7.0: with what was added and deleted in all.
    Second,
    /// Of Redis 7.2: with when a consumer last got something.
    Third,
}

pub(super) fn write(output: &mut Output, stream: &Stream) {
    let blocks = blocks(stream);
    output.length(blocks.len());
    for (first, block) in blocks {
        string::write(output, &be_bytes(first));
        string::write(output, &block);
    }
    output.length(stream.len());
    for id in [stream.last_id, stream.first_id(), stream.max_deleted_id] {
        write_id(output, id);
    }
    output.number(stream.entries_added);
    output.length(stream.groups().len());
    for (name, group) in stream.groups() {
        string::write(output, name);
        write_group(output, group);
    }
}

fn be_bytes(id: StreamId) -> [u8; 16] {
    (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes()
}

fn from_be_bytes(bytes: [u8; 16]) -> StreamId {
    let number = u128::from_be_bytes(bytes);
    StreamId::new((number >> 64) as u64, number as u64)
}

fn write_id(output: &mut Output, id: StreamId) {
    output.number(id.ms);
    output.number(id.seq);
}

fn read_id(input: &mut Input<'_>) -> Option<StreamId> {
    Some(StreamId::new(input.plain_length()?, input.plain_length()?))
}

/// The blocks with the IDs of their first entries.
fn blocks(stream: &Stream) -> Vec<(StreamId, Vec<u8>)> {
    let (mut blocks, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
    for entry in stream.range(StreamId::MIN..=StreamId::MAX) {
        bytes += entry
            .fields
            .clone()
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>();
        batch.push(entry);
        if batch.len() == BLOCK_ENTRIES || bytes > BLOCK_BYTES {
            blocks.extend(block(&batch));
            batch.clear();
            bytes = 0;
        }
    }
    blocks.extend(block(&batch));
    blocks
}

fn block(entries: &[Entry<'_>]) -> Option<(StreamId, Vec<u8>)> {
    let first = entries.first()?;
    let names: Vec<&[u8]> = first.fields.clone().map(|(name, _)| name).collect();
    let mut block = listpack::Writer::new();
    block.push_integer(entries.len() as i64);
    block.push_integer(0);
    block.push_integer(names.len() as i64);
    names.iter().for_each(|name| block.push(name));
    block.push_integer(0);
    for entry in entries {
        write_entry(&mut block, first.id, &names, entry);
    }
    Some((first.id, block.finish()))
}

fn write_entry(block: &mut listpack::Writer, base: StreamId, names: &[&[u8]], entry: &Entry<'_>) {
    let fields = || entry.fields.clone();
    let same = fields().map(|(name, _)| name).eq(names.iter().copied());
    block.push_integer(if same { SAME_FIELDS } else { 0 });
    block.push_integer(entry.id.ms.wrapping_sub(base.ms) as i64);
    block.push_integer(entry.id.seq.wrapping_sub(base.seq) as i64);
    let mut elements = 3;
    if same {
        for (_, value) in fields() {
            block.push(value);
            elements += 1;
        }
    } else {
        block.push_integer(fields().count() as i64);
        elements += 1;
        for (name, value) in fields() {
            block.push(name);
            block.push(value);
            elements += 2;
        }
    }
    block.push_integer(elements);
}

/// The group behind its name: where it stands, what is pending, and who has what of it.
fn write_group(output: &mut Output, group: &Group) {
    write_id(output, group.last_id);
    output.number(group.entries_read.unwrap_or(u64::MAX));
    output.length(group.pending().len());
    for (&id, pending) in group.pending() {
        output.raw(&be_bytes(id));
        output.u64(pending.delivered_at);
        output.number(pending.deliveries);
    }
    output.length(group.consumer_count());
    for consumer in group.consumers() {
        string::write(output, consumer.name());
        output.u64(consumer.seen_at);
        output.length(consumer.pending().len());
        for &id in consumer.pending() {
            output.raw(&be_bytes(id));
        }
    }
}

pub(super) fn read(input: &mut Input<'_>, format: Format, limits: &Limits) -> Option<Stream> {
    let (mut stream, before) = (Stream::new(), input.len());
    let mut budget = EXPANSION_FREE_BYTES.saturating_add(before.saturating_mul(EXPANSION_MAX));
    for _ in 0..input.plain_length()? {
        let base = from_be_bytes(string::read(input)?.try_into().ok()?);
        read_block(
            &mut stream,
            base,
            &string::read(input)?,
            &mut budget,
            limits,
        )?;
    }
    let len = input.plain_length()?;
    let last_id = read_id(input)?;
    if len != stream.len() as u64 || last_id < stream.last_id {
        return None;
    }
    stream.last_id = last_id;
    stream.entries_added = len;
    if format >= Format::Second {
        // Which entry is the first is known already.
        read_id(input)?;
        stream.max_deleted_id = read_id(input)?;
        stream.entries_added = input.plain_length()?;
    }
    for _ in 0..input.plain_length()? {
        let name = string::read(input)?;
        let group = read_group(input, format, &stream)?;
        stream.add_group(&name, group).then_some(())?;
    }
    Some(stream)
}

/// The elements of a block, one after the other.
struct Elements<'a>(std::vec::IntoIter<Member<'a>>);

impl<'a> Elements<'a> {
    fn next(&mut self) -> Option<Member<'a>> {
        self.0.next()
    }

    fn integer(&mut self) -> Option<i64> {
        match self.next()? {
            Member::Integer(integer) => Some(integer),
            Member::Bytes(_) => None,
        }
    }

    /// A count of elements that are still to come.
    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.integer()?)
            .ok()
            .filter(|&count| count <= self.0.len())
    }

    fn strings(&mut self, count: usize) -> Option<Vec<Vec<u8>>> {
        (0..count)
            .map(|_| self.next().map(Member::to_vec))
            .collect()
    }
}

/// Adds the entries of a block. `budget` is how many bytes the stream may still grow by.
fn read_block(
    stream: &mut Stream,
    base: StreamId,
    block: &[u8],
    budget: &mut usize,
    limits: &Limits,
) -> Option<()> {
    let mut elements = Elements(listpack::read(block)?.into_iter());
    let (alive, deleted) = (elements.count()?, elements.count()?);
    let fields = elements.count()?;
    let names = elements.strings(fields)?;
    (elements.integer()? == 0).then_some(())?;
    for _ in 0..alive + deleted {
        let (id, words, deleted) = read_entry(&mut elements, base, &names)?;
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        *budget = budget.checked_sub(words.iter().map(|word| word.len()).sum())?;
        if !deleted {
            stream.add(id, &words, limits).ok()?;
        }
    }
    (elements.0.len() == 0).then_some(())
}

/// An entry: its ID, its names and values in turn, and whether it was deleted.
fn read_entry(
    elements: &mut Elements<'_>,
    base: StreamId,
    names: &[Vec<u8>],
) -> Option<(StreamId, Vec<Vec<u8>>, bool)> {
    let before = elements.0.len();
    let flags = elements.integer()?;
    let id = StreamId::new(
        base.ms.wrapping_add(elements.integer()? as u64),
        base.seq.wrapping_add(elements.integer()? as u64),
    );
    let words = if flags & SAME_FIELDS != 0 {
        let values = elements.strings(names.len())?;
        names
            .iter()
            .cloned()
            .zip(values)
            .flat_map(|(name, value)| [name, value])
            .collect()
    } else {
        let count = elements.count()?;
        elements.strings(count.checked_mul(2)?)?
    };
    let count = before - elements.0.len();
    let is_told = usize::try_from(elements.integer()?) == Ok(count);
    is_told.then_some((id, words, flags & DELETED != 0))
}

fn read_group(input: &mut Input<'_>, format: Format, stream: &Stream) -> Option<Group> {
    let last_id = read_id(input)?;
    let entries_read = match format {
        Format::First => stream.count_up_to(last_id),
        _ => Some(input.plain_length()?).filter(|&read| read != u64::MAX),
    };
    let mut group = Group::new(last_id, entries_read);
    let mut unowned = BTreeMap::new();
    for _ in 0..input.plain_length()? {
        let id = from_be_bytes(input.array()?);
        let delivery = (input.u64()?, input.plain_length()?);
        unowned.insert(id, delivery).is_none().then_some(())?;
    }
    for _ in 0..input.plain_length()? {
        read_consumer(input, format, &mut group, &mut unowned)?;
    }
    unowned.is_empty().then_some(group)
}

/// A consumer, and what it has of the entries that are `unowned` so far: times and counts of delivery.
fn read_consumer(
    input: &mut Input<'_>,
    format: Format,
    group: &mut Group,
    unowned: &mut BTreeMap<StreamId, (u64, u64)>,
) -> Option<()> {
    let name = string::read(input)?;
    let (consumer, is_new) = group.ensure_consumer(&name, input.u64()?);
    is_new.then_some(())?;
    if format >= Format::Third {
        input.u64()?;
    }
    for _ in 0..input.plain_length()? {
        let id = from_be_bytes(input.array()?);
        let (delivered_at, deliveries) = unowned.remove(&id)?;
        let pending = Pending {
            consumer,
            delivered_at,
            deliveries,
        };
        group.assign(id, pending);
    }
    Some(())
}
