//! A block of stream entries: a single allocation, read from either end.
//!
//! The block begins with the field names of its first entry. An entry with the same names stores only its values:
//!
//! ```text
//! names:  count | (length | bytes)*
//! entry:  same names? | ms - first ms | seq - first seq, signs folded in | [count] | ([name] value)* | length, backwards
//! ```
//!
//! Every number is 7 bits a byte. Deleted entries are cut out at once. Redis instead marks them, and closes a block by
//! what it has appended in all, in its own encoding; a block keeps both figures, so that trimming "about" a length ends
//! at the same entries.

use super::super::heap::heap_bytes;
use super::super::varint;
use super::StreamId;

/// Bytes of a listpack's frame: its header and its terminator.
const LISTPACK_FRAME: usize = 7;

/// Entries in the order of their IDs, all above those of the block before.
#[derive(Debug, Clone)]
pub(super) struct Block {
    first: StreamId,
    /// The highest ID appended, still there or not.
    last: StreamId,
    data: Vec<u8>,
    /// Where the first entry begins: behind the names.
    entries_at: usize,
    live: usize,
    deleted: usize,
    /// What Redis's encoding of the same block takes, the counters excepted.
    listpack_bytes: usize,
}

/// An entry as it lies in its block.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// Its ID.
    pub id: StreamId,
    /// Its fields with their values, as they were given.
    pub fields: Fields<'a>,
}

/// The fields of an entry with their values.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    /// The names' reader; `None` when each name stands before its value.
    names: Option<&'a [u8]>,
    values: &'a [u8],
    left: usize,
}

/// Reads a string off the front of `bytes`.
fn take_string<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, used) = varint::read(bytes);
    let string = bytes.get(used..used + len)?;
    *bytes = bytes.get(used + len..)?;
    Some(string)
}

/// Reads a number off the front of `bytes`.
fn take_number(bytes: &mut &[u8]) -> usize {
    let (value, used) = varint::read(bytes);
    *bytes = bytes.get(used..).unwrap_or_default();
    value
}

fn append_string(out: &mut Vec<u8>, string: &[u8]) {
    varint::append(out, string.len());
    out.extend_from_slice(string);
}

/// Folds the sign of a difference into its lowest bit, so that small ones of either sign are short.
fn fold_sign(difference: i64) -> usize {
    ((difference << 1) ^ (difference >> 63)) as usize
}

fn unfold_sign(folded: usize) -> i64 {
    (folded >> 1) as i64 ^ -((folded & 1) as i64)
}

/// What an integer takes in a listpack, the length behind it included.
fn listpack_integer(value: i64) -> usize {
    match value {
        0..=127 => 2,
        -4096..=4095 => 3,
        -32_768..=32_767 => 4,
        -8_388_608..=8_388_607 => 5,
        -2_147_483_648..=2_147_483_647 => 6,
        _ => 10,
    }
}

/// What a string takes in a listpack, where one that reads as an integer is stored as such.
fn listpack_string(string: &[u8]) -> usize {
    if let Some(value) = super::super::intset::parse_integer(string) {
        return listpack_integer(value);
    }
    let front = string.len()
        + match string.len() {
            0..=63 => 1,
            64..=4095 => 2,
            _ => 5,
        };
    front
        + match front {
            0..=127 => 1,
            128..=16_382 => 2,
            16_383..=2_097_150 => 3,
            2_097_151..=268_435_454 => 4,
            _ => 5,
        }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => take_string(names)?,
            None => take_string(&mut self.values)?,
        };
        Some((name, take_string(&mut self.values)?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

impl Block {
    /// A block for an entry of this ID and these names, and others behind it. `fields` holds names and values in turn.
    pub(super) fn new(first: StreamId, fields: &[&[u8]]) -> Self {
        let mut data = Vec::new();
        varint::append(&mut data, fields.len() / 2);
        let mut listpack_bytes =
            LISTPACK_FRAME + listpack_integer(fields.len() as i64 / 2) + listpack_integer(0);
        for name in fields.iter().step_by(2) {
            append_string(&mut data, name);
            listpack_bytes += listpack_string(name);
        }
        let entries_at = data.len();
        Block {
            first,
            last: first,
            data,
            entries_at,
            live: 0,
            deleted: 0,
            listpack_bytes,
        }
    }

    /// The highest ID that was ever in it.
    pub(super) fn last(&self) -> StreamId {
        self.last
    }

    /// How many entries it holds.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// How many entries it has held.
    pub(super) fn appended(&self) -> usize {
        self.live + self.deleted
    }

    /// What Redis's encoding of it takes.
    pub(super) fn listpack_bytes(&self) -> usize {
        self.listpack_bytes
            + listpack_integer(self.live as i64)
            + listpack_integer(self.deleted as i64)
    }

    /// Bytes held on the heap, its own box included.
    pub(super) fn memory_bytes(&self) -> usize {
        heap_bytes(size_of::<Block>()) + heap_bytes(self.data.capacity())
    }

    /// Gives back what it will not grow into any more.
    pub(super) fn close(&mut self) {
        self.data.shrink_to_fit();
    }

    /// Appends an entry; its ID is above all others. `fields` holds names and values in turn.
    pub(super) fn push(&mut self, id: StreamId, fields: &[&[u8]]) {
        let begin = self.data.len();
        let same = self.names().eq(fields.iter().step_by(2).copied());
        let seq_difference = id.seq.wrapping_sub(self.first.seq) as i64;
        self.data.push(u8::from(same));
        varint::append(&mut self.data, (id.ms - self.first.ms) as usize);
        varint::append(&mut self.data, fold_sign(seq_difference));
        if !same {
            varint::append(&mut self.data, fields.len() / 2);
        }
        let (skip, step) = if same { (1, 2) } else { (0, 1) };
        for string in fields.iter().skip(skip).step_by(step) {
            append_string(&mut self.data, string);
        }
        let len = self.data.len() - begin;
        varint::append_back(&mut self.data, len);
        self.count_listpack(id, fields, same);
        self.last = id;
        self.live += 1;
    }

    /// Adds what Redis's encoding of an entry takes: flags, ID, fields and the count of all these.
    fn count_listpack(&mut self, id: StreamId, fields: &[&[u8]], same: bool) {
        let count = fields.len() as i64 / 2;
        let seq_difference = id.seq.wrapping_sub(self.first.seq) as i64;
        let strings = fields
            .iter()
            .skip(usize::from(same))
            .step_by(1 + usize::from(same));
        let elements = if same { count + 3 } else { 2 * count + 4 };
        self.listpack_bytes += listpack_integer(2)
            + listpack_integer((id.ms - self.first.ms) as i64)
            + listpack_integer(seq_difference)
            + if same { 0 } else { listpack_integer(count) }
            + strings.map(|string| listpack_string(string)).sum::<usize>()
            + listpack_integer(elements);
    }

    /// Takes an entry out; false if it is not there.
    pub(super) fn remove(&mut self, id: StreamId) -> bool {
        let mut entries = self.entries();
        loop {
            let begin = entries.front;
            match entries.next() {
                Some(entry) if entry.id == id => {
                    let end = entries.front;
                    self.data.drain(begin..end);
                    self.live -= 1;
                    self.deleted += 1;
                    return true;
                }
                Some(entry) if entry.id < id => {}
                _ => return false,
            }
        }
    }

    /// Takes out the `n` lowest entries.
    pub(super) fn remove_first(&mut self, n: usize) {
        let mut entries = self.entries();
        let removed = entries.by_ref().take(n).count();
        let end = entries.front;
        self.data.drain(self.entries_at..end);
        self.live -= removed;
        self.deleted += removed;
    }

    /// The entries in order.
    pub(super) fn entries(&self) -> Entries<'_> {
        Entries {
            block: self,
            front: self.entries_at,
            back: self.data.len(),
        }
    }

    /// The names of the first entry.
    fn names(&self) -> impl Iterator<Item = &[u8]> {
        let mut names = self.names_reader();
        std::iter::from_fn(move || {
            if names.is_empty() {
                None
            } else {
                take_string(&mut names)
            }
        })
    }

    /// The names, each behind its length.
    fn names_reader(&self) -> &[u8] {
        let (_, used) = varint::read(&self.data);
        self.data.get(used..self.entries_at).unwrap_or_default()
    }

    /// Reads the entry that `bytes` begin with.
    fn decode<'a>(&'a self, mut bytes: &'a [u8]) -> Option<Entry<'a>> {
        let (&same, rest) = bytes.split_first()?;
        bytes = rest;
        let ms = self.first.ms + take_number(&mut bytes) as u64;
        let seq = self
            .first
            .seq
            .wrapping_add(unfold_sign(take_number(&mut bytes)) as u64);
        let fields = if same == 1 {
            let (left, _) = varint::read(&self.data);
            Fields {
                names: Some(self.names_reader()),
                values: bytes,
                left,
            }
        } else {
            let left = take_number(&mut bytes);
            Fields {
                names: None,
                values: bytes,
                left,
            }
        };
        Some(Entry {
            id: StreamId { ms, seq },
            fields,
        })
    }
}

/// The entries of a block, from either end.
#[derive(Debug, Clone)]
pub(super) struct Entries<'a> {
    block: &'a Block,
    front: usize,
    back: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let bytes = self
            .block
            .data
            .get(self.front..self.back)
            .filter(|bytes| !bytes.is_empty())?;
        let entry = self.block.decode(bytes)?;
        let mut rest = entry.fields.clone();
        rest.by_ref().for_each(drop);
        let len = bytes.len() - rest.values.len();
        self.front += len + varint::len(len);
        Some(entry)
    }
}

impl DoubleEndedIterator for Entries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let bytes = self
            .block
            .data
            .get(self.front..self.back)
            .filter(|bytes| !bytes.is_empty())?;
        let (len, used) = varint::read_back(bytes);
        let begin = self.back.checked_sub(len + used)?;
        let entry = self.block.decode(self.block.data.get(begin..self.back)?)?;
        self.back = begin;
        Some(entry)
    }
}
