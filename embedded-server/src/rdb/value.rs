//! Values of every type: which encoding is written, and which are read.

use super::stream::Format;
use super::wire::{Input, Output};
use super::{
    VERSION, VERSION_OF_EXPIRING_FIELDS, hash, list, listpack, set, sorted_set, stream, string,
    ziplist, zipmap,
};
use crate::types::{self, Limits, View};

/// What the byte before a value says it is.
mod kind {
    pub(super) const STRING: u8 = 0;
    pub(super) const LIST: u8 = 1;
    pub(super) const SET: u8 = 2;
    pub(super) const SORTED_SET_PRINTED: u8 = 3;
    pub(super) const HASH: u8 = 4;
    pub(super) const SORTED_SET: u8 = 5;
    pub(super) const HASH_ZIPMAP: u8 = 9;
    pub(super) const LIST_ZIPLIST: u8 = 10;
    pub(super) const SET_INTEGERS: u8 = 11;
    pub(super) const SORTED_SET_ZIPLIST: u8 = 12;
    pub(super) const HASH_ZIPLIST: u8 = 13;
    pub(super) const LIST_ZIPLISTS: u8 = 14;
    pub(super) const STREAM: u8 = 15;
    pub(super) const HASH_LISTPACK: u8 = 16;
    pub(super) const SORTED_SET_LISTPACK: u8 = 17;
    pub(super) const LIST_NODES: u8 = 18;
    pub(super) const STREAM_2: u8 = 19;
    pub(super) const SET_LISTPACK: u8 = 20;
    pub(super) const STREAM_3: u8 = 21;
    pub(super) const HASH_EXPIRING: u8 = 24;
    pub(super) const HASH_EXPIRING_LISTPACK: u8 = 25;
}

/// A value as it was read.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string's bytes.
    String(Vec<u8>),
    /// Any other type.
    Object(types::Value),
}

impl Value {
    /// The value, borrowed.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        match self {
            Self::String(bytes) => View::String(bytes),
            Self::Object(value) => View::Object(value),
        }
    }
}

/// The version of the format that a value needs.
pub(super) fn version(value: View<'_>) -> u16 {
    match value {
        View::Object(types::Value::Hash(hash)) if hash.next_deadline().is_some() => {
            VERSION_OF_EXPIRING_FIELDS
        }
        _ => VERSION,
    }
}

/// The byte that tells the encoding of a value.
pub(super) fn kind(value: View<'_>) -> u8 {
    let View::Object(value) = value else {
        return kind::STRING;
    };
    match (value, value.encoding()) {
        (types::Value::List(_), _) => kind::LIST_NODES,
        (types::Value::Set(_), "intset") => kind::SET_INTEGERS,
        (types::Value::Set(_), _) => kind::SET,
        (types::Value::Hash(_), "listpack") => kind::HASH_LISTPACK,
        (types::Value::Hash(hash), _) if hash.next_deadline().is_some() => kind::HASH_EXPIRING,
        (types::Value::Hash(_), _) => kind::HASH,
        (types::Value::SortedSet(_), "listpack") => kind::SORTED_SET_LISTPACK,
        (types::Value::SortedSet(_), _) => kind::SORTED_SET,
        (types::Value::Stream(_), _) => kind::STREAM_2,
    }
}

/// Writes a value in the encoding that [`kind`] tells.
pub(super) fn write(output: &mut Output, value: View<'_>) {
    let View::Object(object) = value else {
        if let View::String(bytes) = value {
            string::write(output, bytes);
        }
        return;
    };
    match (object, kind(value)) {
        (types::Value::List(list), _) => list::write(output, list),
        (types::Value::Set(set), kind::SET_INTEGERS) => set::write_integers(output, set),
        (types::Value::Set(set), _) => set::write_plain(output, set),
        (types::Value::Hash(hash), kind::HASH_LISTPACK) => hash::write_listpack(output, hash),
        (types::Value::Hash(hash), _) => match hash.next_deadline() {
            Some(earliest_ms) => hash::write_expiring(output, hash, earliest_ms),
            None => hash::write_plain(output, hash),
        },
        (types::Value::SortedSet(set), kind::SORTED_SET_LISTPACK) => {
            sorted_set::write_listpack(output, set);
        }
        (types::Value::SortedSet(set), _) => sorted_set::write_plain(output, set),
        (types::Value::Stream(stream), _) => stream::write(output, stream),
    }
}

/// Reads a value of the kind that `kind` tells. Nothing but a stream may be empty, and nothing may be there twice.
pub(super) fn read(input: &mut Input<'_>, kind: u8, limits: &Limits) -> Option<Value> {
    use types::Value::{Hash, List, Set, SortedSet, Stream};
    let value = match kind {
        kind::STRING => return string::read(input).map(Value::String),
        kind::LIST => List(list::read_plain(input, limits)?),
        kind::LIST_ZIPLIST => List(list::read_ziplist(input, limits)?),
        kind::LIST_ZIPLISTS => List(list::read_ziplists(input, limits)?),
        kind::LIST_NODES => List(list::read_nodes(input, limits)?),
        kind::SET => Set(set::read_plain(input, limits)?),
        kind::SET_INTEGERS => Set(set::read_integers(input, limits)?),
        kind::SET_LISTPACK => Set(set::read_listpack(input, limits)?),
        kind::HASH => Hash(hash::read_plain(input, limits)?),
        kind::HASH_ZIPMAP => Hash(hash::read_packed(input, zipmap::read, limits)?),
        kind::HASH_ZIPLIST => Hash(hash::read_packed(input, ziplist::read, limits)?),
        kind::HASH_LISTPACK => Hash(hash::read_packed(input, listpack::read, limits)?),
        kind::HASH_EXPIRING => Hash(hash::read_expiring(input, limits)?),
        kind::HASH_EXPIRING_LISTPACK => Hash(hash::read_packed_expiring(input, limits)?),
        kind::SORTED_SET => SortedSet(sorted_set::read_plain(input, limits)?),
        kind::SORTED_SET_PRINTED => SortedSet(sorted_set::read_printed(input, limits)?),
        kind::SORTED_SET_ZIPLIST => {
            SortedSet(sorted_set::read_packed(input, ziplist::read, limits)?)
        }
        kind::SORTED_SET_LISTPACK => {
            SortedSet(sorted_set::read_packed(input, listpack::read, limits)?)
        }
        kind::STREAM => Stream(stream::read(input, Format::First, limits)?),
        kind::STREAM_2 => Stream(stream::read(input, Format::Second, limits)?),
        kind::STREAM_3 => Stream(stream::read(input, Format::Third, limits)?),
        _ => return None,
    };
    let may_stay = !value.is_empty() || matches!(value, Stream(_));
    may_stay.then_some(Value::Object(value))
}
