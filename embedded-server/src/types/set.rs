//! Sets: a sorted array while all members are integers and few, else a table.

use super::intset::{IntSet, parse_integer};
use super::small::SmallBytes;
use super::table::{Keyed, Table};
use super::{Approach, Limits};
use rand::{Rng, RngExt};
use std::ops::ControlFlow;

/// Most members of a sorted array, whatever the directive says: it is kept below a gibibyte.
const INTSET_CEILING: usize = 1 << 30;

/// A collection of distinct byte strings.
#[derive(Debug, Clone)]
pub struct Set(Repr);

#[derive(Debug, Clone)]
enum Repr {
    Integers(IntSet),
    Table(Table<SmallBytes>),
}

impl Keyed for SmallBytes {
    #[inline]
    fn key(&self) -> &[u8] {
        self
    }

    #[inline]
    fn memory_bytes(&self) -> usize {
        SmallBytes::memory_bytes(self)
    }
}

/// A member as its set stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member<'a> {
    /// Of a set of integers.
    Integer(i64),
    /// Of any other.
    Bytes(&'a [u8]),
}

impl<'a> Member<'a> {
    /// The member as bytes, written into `digits` when it is an integer.
    #[inline]
    pub fn bytes<'b>(self, digits: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Member::Integer(value) => digits.format(value).as_bytes(),
            Member::Bytes(bytes) => bytes,
        }
    }

    /// A copy of the member as bytes.
    pub fn to_vec(self) -> Vec<u8> {
        self.bytes(&mut itoa::Buffer::new()).to_vec()
    }
}

impl Default for Set {
    fn default() -> Self {
        Set(Repr::Integers(IntSet::default()))
    }
}

impl Set {
    /// See [`Value::prefetch`](super::Value::prefetch).
    #[inline]
    pub(super) fn prefetch(&self, member: &[u8], approach: Approach) {
        if let Repr::Table(table) = &self.0 {
            table.prefetch(member, approach);
        }
    }

    /// An empty set.
    pub fn new() -> Self {
        Set::default()
    }

    /// How many members it holds.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Integers(integers) => integers.len(),
            Repr::Table(table) => table.len(),
        }
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held on the heap.
    pub fn memory_bytes(&self) -> usize {
        match &self.0 {
            Repr::Integers(integers) => integers.memory_bytes(),
            Repr::Table(table) => table.memory_bytes(),
        }
    }

    /// The name that `OBJECT ENCODING` answers.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Integers(_) => "intset",
            Repr::Table(_) => "hashtable",
        }
    }

    /// Whether `member` is in it.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Repr::Integers(integers) => {
                parse_integer(member).is_some_and(|value| integers.contains(value))
            }
            Repr::Table(table) => table.contains(member),
        }
    }

    /// Whether a member of another set is in it.
    #[inline]
    pub fn contains_member(&self, member: Member<'_>) -> bool {
        match (&self.0, member) {
            (Repr::Integers(integers), Member::Integer(value)) => integers.contains(value),
            (_, member) => self.contains(member.bytes(&mut itoa::Buffer::new())),
        }
    }

    /// Adds `member`; false if it was there.
    pub fn add(&mut self, member: &[u8], limits: &Limits) -> bool {
        match (&mut self.0, parse_integer(member)) {
            (Repr::Integers(_), Some(value)) => self.add_integer(value, limits),
            (Repr::Integers(_), None) => {
                self.become_table(limits);
                self.add(member, limits)
            }
            (Repr::Table(table), _) => {
                let new = !table.contains(member);
                if new {
                    table.insert(SmallBytes::from(member));
                }
                new
            }
        }
    }

    /// Adds a member of another set; false if it was there.
    pub fn add_member(&mut self, member: Member<'_>, limits: &Limits) -> bool {
        match (&self.0, member) {
            (Repr::Integers(_), Member::Integer(value)) => self.add_integer(value, limits),
            (_, member) => self.add(member.bytes(&mut itoa::Buffer::new()), limits),
        }
    }

    /// Takes `member` out; false if it was not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Repr::Integers(integers) => {
                parse_integer(member).is_some_and(|value| integers.remove(value))
            }
            Repr::Table(table) => table.remove(member).is_some(),
        }
    }

    /// Member number `index`, in an order that holds until the set changes.
    #[inline]
    pub fn at(&self, index: usize) -> Option<Member<'_>> {
        match &self.0 {
            Repr::Integers(integers) => integers.get(index).map(Member::Integer),
            Repr::Table(table) => table.at(index).map(|member| Member::Bytes(member)),
        }
    }

    /// A member drawn uniformly.
    pub fn random<R: Rng + ?Sized>(&self, rng: &mut R) -> Option<Member<'_>> {
        match self.len() {
            0 => None,
            len => self.at(rng.random_range(0..len)),
        }
    }

    /// Takes out a member drawn uniformly.
    pub fn pop<R: Rng + ?Sized>(&mut self, rng: &mut R) -> Option<Vec<u8>> {
        let member = self.random(rng)?.to_vec();
        self.remove(&member).then_some(member)
    }

    /// The members, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = Member<'_>> {
        let (integers, table) = match &self.0 {
            Repr::Integers(integers) => (Some(integers), None),
            Repr::Table(table) => (None, Some(table)),
        };
        let integers = integers
            .into_iter()
            .flat_map(IntSet::iter)
            .map(Member::Integer);
        integers.chain(
            table
                .into_iter()
                .flat_map(Table::iter)
                .map(|member| Member::Bytes(member)),
        )
    }

    /// Visits about `count` members from `cursor` on (0 to begin); returns the next cursor, 0 at the end.
    ///
    /// A member that is there from the first call to the last is visited at least once. Sorted arrays are visited whole.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Member<'_>)) -> u64 {
        let Repr::Table(table) = &self.0 else {
            self.iter().for_each(visit);
            return 0;
        };
        let (ids, next) = table.scan(cursor, count);
        ids.rev()
            .filter_map(|id| table.at(id))
            .for_each(|member| visit(Member::Bytes(member)));
        next
    }

    /// Adds an integer to what must be a sorted array, and leaves that form when there are too many.
    fn add_integer(&mut self, value: i64, limits: &Limits) -> bool {
        let Repr::Integers(integers) = &mut self.0 else {
            return false;
        };
        let new = integers.insert(value);
        if new && integers.len() > limits.set_max_intset_entries.min(INTSET_CEILING) {
            self.become_table(limits);
        }
        new
    }

    /// Moves to the form of a table.
    fn become_table(&mut self, limits: &Limits) {
        let mut table = Table::new(limits.hash_seed);
        let mut digits = itoa::Buffer::new();
        for member in self.iter() {
            table.insert(SmallBytes::from(member.bytes(&mut digits)));
        }
        self.0 = Repr::Table(table);
    }
}

/// Visits the members common to all `sets`, until `visit` breaks. Of no sets, there are none.
///
/// It walks the smallest, so its cost is that set's size times the number of sets.
pub fn intersect<'a>(sets: &[&'a Set], mut visit: impl FnMut(Member<'a>) -> ControlFlow<()>) {
    let mut ordered = sets.to_vec();
    ordered.sort_by_key(|set| set.len());
    let Some((smallest, others)) = ordered.split_first() else {
        return;
    };
    for member in smallest.iter() {
        let common = others.iter().all(|set| set.contains_member(member));
        if common && visit(member).is_break() {
            return;
        }
    }
}

/// The members of any of `sets`.
pub fn union(sets: &[&Set], limits: &Limits) -> Set {
    let mut result = Set::new();
    for member in sets.iter().flat_map(|set| set.iter()) {
        result.add_member(member, limits);
    }
    result
}

/// The members of `first` that are in none of `others`.
pub fn difference(first: &Set, others: &[&Set], limits: &Limits) -> Set {
    let mut result = Set::new();
    // The largest first: it is the likeliest to hold a member.
    let mut others = others.to_vec();
    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
    for member in first
        .iter()
        .filter(|&member| !others.iter().any(|set| set.contains_member(member)))
    {
        result.add_member(member, limits);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::{Limits, Member, Set, difference, intersect, union};
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use std::collections::BTreeSet;
    use std::ops::ControlFlow;

    type Model = BTreeSet<Vec<u8>>;

    fn member() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            30 => (0i64..40).prop_map(|i| i.to_string().into_bytes()),
            1 => "[a-c]{1,2}".prop_map(String::into_bytes),
            1 => "[a-c]{25}".prop_map(String::into_bytes),
        ]
    }

    fn members(set: &Set) -> Model {
        let all: Vec<_> = set.iter().map(Member::to_vec).collect();
        assert_eq!(all.len(), set.len());
        all.into_iter().collect()
    }

    fn build(model: &Model, limits: &Limits) -> Set {
        let mut set = Set::new();
        model
            .iter()
            .for_each(|member| assert!(set.add(member, limits)));
        set
    }

    proptest! {
        #[test]
        fn behaves_as_a_set(max in 4usize..64, ops in prop::collection::vec((0u8..5, member()), 1..200)) {
            let limits = Limits { set_max_intset_entries: max, ..Limits::default() };
            let (mut set, mut model, mut rng) = (Set::new(), Model::new(), StdRng::seed_from_u64(1));
            let mut integers = true;
            for (kind, member) in ops {
                match kind {
                    0 => prop_assert_eq!(set.remove(&member), model.remove(&member)),
                    1 => {
                        let popped = set.pop(&mut rng);
                        prop_assert_eq!(popped.is_some(), !model.is_empty());
                        prop_assert!(popped.is_none_or(|member| model.remove(&member)));
                    }
                    _ => {
                        integers &= member[0].is_ascii_digit() && (model.contains(&member) || model.len() < max);
                        prop_assert_eq!(set.add(&member, &limits), model.insert(member));
                    }
                }
                prop_assert_eq!(set.encoding(), if integers { "intset" } else { "hashtable" });
            }
            prop_assert_eq!(members(&set), model.clone());
            let mut scanned = Model::new();
            let mut cursor = set.scan(0, 3, |member| { scanned.insert(member.to_vec()); });
            while cursor != 0 {
                cursor = set.scan(cursor, 3, |member| { scanned.insert(member.to_vec()); });
            }
            prop_assert_eq!(scanned, model);
        }

        #[test]
        fn algebra_is_that_of_sets(models in prop::collection::vec(prop::collection::btree_set(member(), 0..30), 1..4)) {
            let limits = Limits { set_max_intset_entries: 16, ..Limits::default() };
            let sets: Vec<Set> = models.iter().map(|model| build(model, &limits)).collect();
            let sets: Vec<&Set> = sets.iter().collect();
            let mut common = Model::new();
            intersect(&sets, |member| { common.insert(member.to_vec()); ControlFlow::Continue(()) });
            let expected: Model = models[0].iter().filter(|m| models.iter().all(|set| set.contains(*m))).cloned().collect();
            prop_assert_eq!(common, expected);
            let expected: Model = models.iter().flatten().cloned().collect();
            prop_assert_eq!(members(&union(&sets, &limits)), expected);
            let expected: Model = models[0].iter().filter(|m| !models[1..].iter().any(|set| set.contains(*m))).cloned().collect();
            prop_assert_eq!(members(&difference(sets[0], &sets[1..], &limits)), expected);
        }
    }
}
