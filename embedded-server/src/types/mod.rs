//! The data types behind a key: pure structures that know neither keys, sockets, commands nor a clock.
//!
//! Each type starts in a compact form (a packed block, or a sorted array of integers) and moves to a form with
//! fast lookups once it passes the thresholds in [`Limits`], exactly where Redis 7.0 does, so that `OBJECT ENCODING`
//! answers the same name. It never moves back. Every structure keeps the bytes it holds on the heap up to date as it
//! changes, so [`Value::memory_bytes`] costs nothing.

pub mod chunked;
pub mod geo;
pub mod hash;
pub mod hashing;
pub mod heap;
pub mod hyperloglog;
pub mod intset;
pub mod list;
pub mod packed;
pub mod set;
pub mod small;
pub mod sorted_set;
pub mod stream;
pub mod table;
mod varint;

pub use hash::Hash;
pub use list::{End, List};
pub use set::{Member, Set};
pub use sorted_set::{LexBound, ScoreBound, SortedSet};
pub use stream::{Stream, StreamId};

/// A value that is not a plain string. Strings live with their key; these live out of line.
#[derive(Debug, Clone)]
pub enum Value {
    /// A sequence with cheap ends.
    List(List),
    /// Fields with values.
    Hash(Hash),
    /// Distinct members.
    Set(Set),
    /// Distinct members in the order of their scores.
    SortedSet(SortedSet),
    /// An append-only log of entries with consumer groups.
    Stream(Stream),
}

/// What a key holds, borrowed: a string or a value of another type.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    /// A string: any bytes.
    String(&'a [u8]),
    /// A value of another type.
    Object(&'a Value),
}

/// How far to go towards a member of a large value; each step needs what the one before has fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approach {
    /// To its place in the index.
    Index,
    /// To its entry.
    Entry,
    /// To what the entry points at.
    Content,
}

impl Approach {
    /// All steps in order.
    pub const ALL: [Self; 3] = [Self::Index, Self::Entry, Self::Content];
}

impl Value {
    /// Whether finding a member takes memory from all over, so that [`Value::prefetch`] pays.
    #[inline]
    pub fn is_spread(&self) -> bool {
        const LEN_MIN: usize = 4096;
        matches!(self, Value::Hash(_) | Value::Set(_) | Value::SortedSet(_))
            && self.len() >= LEN_MIN
    }

    /// Asks the processor for memory on the way to `member`, a field or member that is about to be used.
    #[inline]
    pub fn prefetch(&self, member: &[u8], approach: Approach) {
        match self {
            Value::Hash(hash) => hash.prefetch(member, approach),
            Value::Set(set) => set.prefetch(member, approach),
            Value::SortedSet(zset) => zset.prefetch(member, approach),
            Value::List(_) | Value::Stream(_) => {}
        }
    }

    /// The name that `TYPE` answers.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::List(_) => "list",
            Value::Hash(_) => "hash",
            Value::Set(_) => "set",
            Value::SortedSet(_) => "zset",
            Value::Stream(_) => "stream",
        }
    }

    /// The name that `OBJECT ENCODING` answers.
    pub fn encoding(&self) -> &'static str {
        match self {
            Value::List(list) => list.encoding(),
            Value::Hash(hash) => hash.encoding(),
            Value::Set(set) => set.encoding(),
            Value::SortedSet(zset) => zset.encoding(),
            Value::Stream(stream) => stream.encoding(),
        }
    }

    /// Bytes held on the heap by the structure and its elements, the `Value` itself not counted.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Value::List(list) => list.memory_bytes(),
            Value::Hash(hash) => hash.memory_bytes(),
            Value::Set(set) => set.memory_bytes(),
            Value::SortedSet(zset) => zset.memory_bytes(),
            Value::Stream(stream) => stream.memory_bytes(),
        }
    }

    /// How many elements it holds: list elements, fields, members or stream entries.
    ///
    /// A key whose value holds none is deleted, except a stream, which may be empty.
    pub fn len(&self) -> usize {
        match self {
            Value::List(list) => list.len(),
            Value::Hash(hash) => hash.len(),
            Value::Set(set) => set.len(),
            Value::SortedSet(zset) => zset.len(),
            Value::Stream(stream) => stream.len(),
        }
    }

    /// Whether it holds no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The thresholds between compact and fast forms, as the directives of the same names set them, and the seed of the
/// tables. Owned by the node, passed to every call that may add elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most fields of a packed hash.
    pub hash_max_listpack_entries: usize,
    /// Longest field or value of a packed hash, in bytes.
    pub hash_max_listpack_value: usize,
    /// Most members of a set kept as a sorted array of integers.
    pub set_max_intset_entries: usize,
    /// Most members of a packed sorted set.
    pub zset_max_listpack_entries: usize,
    /// Longest member of a packed sorted set, in bytes.
    pub zset_max_listpack_value: usize,
    /// Elements of a list block when positive; when -1 to -5, its bytes: 4, 8, 16, 32 or 64 KiB.
    pub list_max_listpack_size: i64,
    /// Most bytes of a stream block; 0 for no limit.
    pub stream_node_max_bytes: usize,
    /// Most entries of a stream block; 0 for no limit.
    pub stream_node_max_entries: usize,
    /// Seeds the hash functions of the tables, against clients that choose colliding members.
    pub hash_seed: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            set_max_intset_entries: 512,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            list_max_listpack_size: -2,
            stream_node_max_bytes: 4096,
            stream_node_max_entries: 100,
            hash_seed: 0,
        }
    }
}
