//! Hashes: a packed block of fields and values while small, else a table; with a time to live for each field on request.

use super::chunked::Chunked;
use super::packed::Packed;
use super::small::SmallBytes;
use super::table::{Keyed, Table};
use super::varint;
use super::{Approach, Limits};
use rand::{Rng, RngExt};
use std::collections::BTreeSet;

/// What one deadline takes in the ordered set, roughly: its share of a B-tree node.
const DEADLINE_BYTES: usize = 32;

/// Most bytes of a packed block: past them moving its tail about costs more than a table.
const PACKED_BYTES_MAX: usize = 1 << 30;

/// A map from fields to values.
#[derive(Debug, Clone)]
pub struct Hash(Repr);

#[derive(Debug, Clone)]
enum Repr {
    Packed(Packed),
    Table(Box<Fields>),
}

/// The large form.
#[derive(Debug, Clone)]
struct Fields {
    table: Table<Field>,
    /// Only once a field has been given a time to live.
    deadlines: Option<Deadlines>,
}

/// When fields expire, in milliseconds since the epoch, by the number of the field and in order.
#[derive(Debug, Clone, Default)]
struct Deadlines {
    /// Parallel to the table; 0 for none.
    by_id: Chunked<u64>,
    ordered: BTreeSet<(u64, u32)>,
}

/// A field and its value in one string: the field's length at 7 bits a byte, the field, the value.
#[derive(Debug, Clone)]
struct Field(SmallBytes);

/// Whether writing a field ends its time to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// It ends, as with HSET.
    Clear,
    /// It goes on, as with HINCRBY.
    Keep,
}

impl Field {
    #[inline]
    fn new(field: &[u8], value: &[u8]) -> Self {
        let mut header = [0; varint::LONGEST];
        varint::write(&mut header, field.len());
        let used = varint::len(field.len());
        Field(SmallBytes::concat(&[&header[..used], field, value]))
    }

    /// Where the field begins and where the value does.
    #[inline]
    fn split(&self) -> (usize, usize) {
        let (len, used) = varint::read(&self.0);
        (used, used + len)
    }

    #[inline]
    fn value(&self) -> &[u8] {
        let (_, value) = self.split();
        self.0.get(value..).unwrap_or_default()
    }

    /// Replaces the value, in place where the new one is as long.
    fn set_value(&mut self, value: &[u8]) {
        let (_, at) = self.split();
        match self.0.as_mut_slice().get_mut(at..) {
            Some(old) if old.len() == value.len() => old.copy_from_slice(value),
            _ => *self = Field::new(self.key(), value),
        }
    }
}

impl Keyed for Field {
    #[inline]
    fn key(&self) -> &[u8] {
        let (field, value) = self.split();
        self.0.get(field..value).unwrap_or_default()
    }

    #[inline]
    fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

impl Deadlines {
    /// None for a table of `len` fields.
    fn new(len: usize) -> Self {
        let mut deadlines = Deadlines::default();
        (0..len).for_each(|_| deadlines.by_id.push(0));
        deadlines
    }

    fn memory_bytes(&self) -> usize {
        self.by_id.memory_bytes() + self.ordered.len() * DEADLINE_BYTES
    }

    fn get(&self, id: usize) -> Option<u64> {
        self.by_id.get(id).copied().filter(|&at| at != 0)
    }

    /// Sets or clears a field's deadline. The first millisecond of 1970 stands for none, so the second takes its place.
    fn set(&mut self, id: usize, at: Option<u64>) {
        let at = at.map(|at| at.max(1));
        let Some(slot) = self.by_id.get_mut(id) else {
            return;
        };
        let old = std::mem::replace(slot, at.unwrap_or(0));
        if old != 0 {
            self.ordered.remove(&(old, id as u32));
        }
        if let Some(at) = at {
            self.ordered.insert((at, id as u32));
        }
    }

    /// Follows the removal of a field from the table, where the last takes its number.
    fn remove(&mut self, id: usize) {
        let last = self.by_id.len().saturating_sub(1);
        let moved = self.get(last).filter(|_| last != id);
        self.set(id, None);
        self.set(last, None);
        self.by_id.pop();
        if moved.is_some() {
            self.set(id, moved);
        }
    }
}

impl Fields {
    fn memory_bytes(&self) -> usize {
        let deadlines = self.deadlines.as_ref().map_or(0, Deadlines::memory_bytes);
        super::heap::heap_bytes(size_of::<Fields>()) + self.table.memory_bytes() + deadlines
    }

    fn insert(&mut self, field: &[u8], value: &[u8]) {
        self.table.insert(Field::new(field, value));
        if let Some(deadlines) = &mut self.deadlines {
            deadlines.by_id.push(0);
        }
    }

    fn remove_at(&mut self, id: usize) -> bool {
        if let Some(deadlines) = &mut self.deadlines {
            deadlines.remove(id);
        }
        self.table.remove_at(id).is_some()
    }

    fn set_deadline(&mut self, id: usize, at: Option<u64>) {
        if at.is_some() && self.deadlines.is_none() {
            self.deadlines = Some(Deadlines::new(self.table.len()));
        }
        if let Some(deadlines) = &mut self.deadlines {
            deadlines.set(id, at);
        }
    }

    fn pair(&self, id: usize) -> Option<(&[u8], &[u8])> {
        self.table.at(id).map(|field| (field.key(), field.value()))
    }
}

impl Default for Hash {
    fn default() -> Self {
        Hash(Repr::Packed(Packed::new()))
    }
}

impl Hash {
    /// An empty hash.
    pub fn new() -> Self {
        Hash::default()
    }

    /// How many fields it holds, those included that have expired and not been purged.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Packed(packed) => packed.len() / 2,
            Repr::Table(fields) => fields.table.len(),
        }
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held on the heap.
    pub fn memory_bytes(&self) -> usize {
        match &self.0 {
            Repr::Packed(packed) => packed.memory_bytes(),
            Repr::Table(fields) => fields.memory_bytes(),
        }
    }

    /// The name that `OBJECT ENCODING` answers.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Packed(_) => "listpack",
            Repr::Table(_) => "hashtable",
        }
    }

    /// The value of a field.
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        match &self.0 {
            Repr::Packed(packed) => Some(packed.pair(packed.find_pair(field)?)?.1),
            Repr::Table(fields) => fields.table.get(field).map(Field::value),
        }
    }

    /// See [`Value::prefetch`](super::Value::prefetch).
    #[inline]
    pub(super) fn prefetch(&self, field: &[u8], approach: Approach) {
        if let Repr::Table(fields) = &self.0 {
            fields.table.prefetch(field, approach);
        }
    }

    /// Whether it has the field.
    pub fn contains(&self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// Sets a field; true if it is new.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], ttl: Ttl, limits: &Limits) -> bool {
        self.leave_packed_if_large(field, value, limits);
        match &mut self.0 {
            Repr::Packed(packed) => {
                if let Some(at) = packed.find_pair(field) {
                    packed.replace_second(at, value);
                    return false;
                }
                packed.push_back(field);
                packed.push_back(value);
                if packed.len() / 2 > limits.hash_max_listpack_entries {
                    self.become_table(limits);
                }
                true
            }
            Repr::Table(fields) => {
                let Some(id) = fields.table.find(field) else {
                    fields.insert(field, value);
                    return true;
                };
                fields.table.update(id, |entry| entry.set_value(value));
                if ttl == Ttl::Clear {
                    fields.set_deadline(id, None);
                }
                false
            }
        }
    }

    /// Takes a field out; false if it was not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.0 {
            Repr::Packed(packed) => match packed.find_pair(field) {
                Some(at) => {
                    packed.remove(at, 2);
                    true
                }
                None => false,
            },
            Repr::Table(fields) => match fields.table.find(field) {
                Some(id) => fields.remove_at(id),
                None => false,
            },
        }
    }

    /// Field number `index` and its value, in an order that holds until the hash changes.
    pub fn at(&self, index: usize) -> Option<(&[u8], &[u8])> {
        match &self.0 {
            Repr::Packed(packed) => packed.pair(packed.seek(2 * index)?),
            Repr::Table(fields) => fields.pair(index),
        }
    }

    /// A field drawn uniformly, with its value.
    pub fn random<R: Rng + ?Sized>(&self, rng: &mut R) -> Option<(&[u8], &[u8])> {
        match self.len() {
            0 => None,
            len => self.at(rng.random_range(0..len)),
        }
    }

    /// The fields with their values, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (packed, fields) = match &self.0 {
            Repr::Packed(packed) => (Some(packed), None),
            Repr::Table(fields) => (None, Some(fields)),
        };
        let table = fields.into_iter().flat_map(|fields| fields.table.iter());
        packed
            .into_iter()
            .flat_map(Packed::pairs)
            .chain(table.map(|field| (field.key(), field.value())))
    }

    /// Visits about `count` fields from `cursor` on (0 to begin); returns the next cursor, 0 at the end.
    ///
    /// A field that is there from the first call to the last is visited at least once. Packed hashes are visited whole.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], &[u8])) -> u64 {
        let Repr::Table(fields) = &self.0 else {
            self.iter().for_each(|(field, value)| visit(field, value));
            return 0;
        };
        let (ids, next) = fields.table.scan(cursor, count);
        ids.rev()
            .filter_map(|id| fields.pair(id))
            .for_each(|(field, value)| visit(field, value));
        next
    }

    /// When a field expires, in milliseconds since the epoch; `None` if never or if it is not there.
    pub fn deadline(&self, field: &[u8]) -> Option<u64> {
        let Repr::Table(fields) = &self.0 else {
            return None;
        };
        fields.deadlines.as_ref()?.get(fields.table.find(field)?)
    }

    /// Sets or clears when a field expires; false if there is no such field. Times to live live in the large form only.
    pub fn set_deadline(&mut self, field: &[u8], at: Option<u64>, limits: &Limits) -> bool {
        if at.is_some() && matches!(self.0, Repr::Packed(_)) && self.contains(field) {
            self.become_table(limits);
        }
        let Repr::Table(fields) = &mut self.0 else {
            return self.contains(field);
        };
        let Some(id) = fields.table.find(field) else {
            return false;
        };
        fields.set_deadline(id, at);
        true
    }

    /// When the next field expires, in milliseconds since the epoch.
    #[inline]
    pub fn next_deadline(&self) -> Option<u64> {
        let Repr::Table(fields) = &self.0 else {
            return None;
        };
        fields
            .deadlines
            .as_ref()?
            .ordered
            .first()
            .map(|&(at, _)| at)
    }

    /// Takes out fields that have expired by `now`, at most `most` of them, the earliest first; returns how many.
    pub fn purge(&mut self, now: u64, most: usize) -> usize {
        let Repr::Table(fields) = &mut self.0 else {
            return 0;
        };
        let mut purged = 0;
        while purged < most {
            let earliest = fields
                .deadlines
                .as_ref()
                .and_then(|deadlines| deadlines.ordered.first());
            let Some(&(_, id)) = earliest.filter(|(at, _)| *at <= now) else {
                break;
            };
            fields.remove_at(id as usize);
            purged += 1;
        }
        purged
    }

    /// Leaves the packed form before a field or value that it may not hold is written.
    #[inline]
    fn leave_packed_if_large(&mut self, field: &[u8], value: &[u8], limits: &Limits) {
        let Repr::Packed(packed) = &self.0 else {
            return;
        };
        let longest = field.len().max(value.len());
        if longest > limits.hash_max_listpack_value
            || packed.byte_len() + field.len() + value.len() > PACKED_BYTES_MAX
        {
            self.become_table(limits);
        }
    }

    /// Moves to the form of a table.
    fn become_table(&mut self, limits: &Limits) {
        let mut table = Table::new(limits.hash_seed);
        for (field, value) in self.iter() {
            table.insert(Field::new(field, value));
        }
        self.0 = Repr::Table(Box::new(Fields {
            table,
            deadlines: None,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::{Hash, Limits, Ttl};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

    #[derive(Debug, Clone)]
    enum Op {
        Set(Vec<u8>, Vec<u8>, Ttl),
        Remove(Vec<u8>),
        Expire(Vec<u8>, Option<u64>),
        Purge(u64),
    }

    fn field() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            (0u8..60).prop_map(|i| format!("f{i}").into_bytes()),
            "[ab]{200}".prop_map(String::into_bytes)
        ]
    }

    fn op(with_ttl: bool) -> impl Strategy<Value = Op> {
        let ttl = if with_ttl { 2 } else { 0 };
        let value = prop::collection::vec(any::<u8>(), 0..40);
        prop_oneof![
            8 => (field(), value, any::<bool>()).prop_map(|(f, v, keep)| Op::Set(f, v, if keep { Ttl::Keep } else { Ttl::Clear })),
            2 => field().prop_map(Op::Remove),
            ttl => (field(), prop::option::of(1u64..100)).prop_map(|(f, at)| Op::Expire(f, at)),
            1 => (0u64..30).prop_map(Op::Purge),
        ]
    }

    fn apply(hash: &mut Hash, model: &mut Model, op: Op, limits: &Limits) {
        match op {
            Op::Set(field, value, ttl) => {
                assert_eq!(
                    hash.set(&field, &value, ttl, limits),
                    !model.contains_key(&field)
                );
                let old = model
                    .get(&field)
                    .and_then(|(_, at)| *at)
                    .filter(|_| ttl == Ttl::Keep);
                model.insert(field, (value, old));
            }
            Op::Remove(field) => assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
            Op::Expire(field, at) => {
                assert_eq!(
                    hash.set_deadline(&field, at, limits),
                    model.contains_key(&field)
                );
                model.entry(field).and_modify(|entry| entry.1 = at);
            }
            Op::Purge(now) => {
                let before = model.len();
                model.retain(|_, (_, at)| at.is_none_or(|at| at > now));
                assert_eq!(hash.purge(now, usize::MAX), before - model.len());
            }
        }
    }

    proptest! {
        #[test]
        fn behaves_as_a_map_with_deadlines(
            max in 8usize..40,
            ops in any::<bool>().prop_flat_map(|with_ttl| prop::collection::vec(op(with_ttl), 1..200))
        ) {
            let limits = Limits { hash_max_listpack_entries: max, ..Limits::default() };
            let (mut hash, mut model) = (Hash::new(), Model::new());
            for op in ops {
                apply(&mut hash, &mut model, op, &limits);
                prop_assert_eq!(hash.len(), model.len());
                prop_assert_eq!(hash.next_deadline(), model.values().filter_map(|(_, at)| *at).min());
            }
            for (field, (value, at)) in &model {
                prop_assert_eq!(hash.get(field), Some(value.as_slice()));
                prop_assert_eq!(hash.deadline(field), *at);
            }
            let all: BTreeMap<_, _> = hash.iter().collect();
            prop_assert!(all.into_iter().eq(model.iter().map(|(field, (value, _))| (&field[..], &value[..]))));
            let numbered: Vec<_> = (0..hash.len()).filter_map(|i| hash.at(i)).collect();
            prop_assert!(numbered.into_iter().eq(hash.iter()));
        }
    }

    #[test]
    fn leaves_the_packed_form_where_redis_does() {
        let limits = Limits::default();
        let mut hash = Hash::new();
        for i in 0..512 {
            assert!(hash.set(format!("{i}").as_bytes(), &[b'x'; 64], Ttl::Clear, &limits));
        }
        assert_eq!(hash.encoding(), "listpack");
        let mut longer = hash.clone();
        longer.set(b"1", &[b'x'; 65], Ttl::Clear, &limits);
        assert_eq!(longer.encoding(), "hashtable");
        hash.set(b"512", b"", Ttl::Clear, &limits);
        assert_eq!(hash.encoding(), "hashtable");
    }
}
