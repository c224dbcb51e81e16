//! Sorted sets: distinct members in the order of their scores, members of equal score in the order of their bytes.
//!
//! A packed block of members and scores while small; else a table from member to score and a counted B+tree over both.
//! All ranges, by rank, score or bytes, are turned into ranges of ranks, so they are counted, skipped into and walked
//! from either end alike.

mod tree;

use super::heap::heap_bytes;
use super::packed::{Packed, Pairs, Position};
use super::small::SmallBytes;
use super::table::{Keyed, Table};
use super::{Approach, Limits};
use rand::{Rng, RngExt};
use std::cmp::Ordering;
use std::ops::Range;
use tree::{Key, Place, Tree};

/// Most bytes of a packed block: past them moving its tail about costs more than a tree.
const PACKED_BYTES_MAX: usize = 1 << 30;

/// A set of members, each with a score that is not NaN.
#[derive(Debug, Clone)]
pub struct SortedSet(Repr);

#[derive(Debug, Clone)]
enum Repr {
    /// Members and scores in turn, in order.
    Packed(Packed),
    Tree(Box<Large>),
}

/// The large form.
#[derive(Debug, Clone)]
struct Large {
    table: Table<Scored>,
    tree: Tree,
}

/// A member with its score.
#[derive(Debug, Clone)]
struct Scored {
    score: f64,
    member: SmallBytes,
}

/// One end of a range of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreBound {
    /// The score; infinities for an open end.
    pub score: f64,
    /// Whether the score itself is outside.
    pub exclusive: bool,
}

/// One end of a range of members, among members of equal score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before all members: `-`.
    Lowest,
    /// Behind all members: `+`.
    Highest,
    /// From or up to this one: `[`.
    Included(&'a [u8]),
    /// Short of this one: `(`.
    Excluded(&'a [u8]),
}

impl Keyed for Scored {
    #[inline]
    fn key(&self) -> &[u8] {
        &self.member
    }

    #[inline]
    fn memory_bytes(&self) -> usize {
        self.member.memory_bytes()
    }
}

/// The bytes of a score in a packed block: the shortest of 1, 2 or 4 bytes for an integer, else 8.
struct PackedScore {
    bytes: [u8; 8],
    len: usize,
}

impl PackedScore {
    #[inline]
    fn new(score: f64) -> Self {
        let integer = score as i32;
        // Zero loses its sign here, and only here: so it does in Redis's compact form.
        if f64::from(integer) != score {
            return PackedScore {
                bytes: score.to_le_bytes(),
                len: 8,
            };
        }
        let len = match integer {
            -128..=127 => 1,
            -32_768..=32_767 => 2,
            _ => 4,
        };
        PackedScore {
            bytes: i64::from(integer).to_le_bytes(),
            len,
        }
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len.min(8)]
    }
}

/// Reads what [`PackedScore`] wrote.
#[inline]
fn read_score(bytes: &[u8]) -> f64 {
    match *bytes {
        [a] => f64::from(a as i8),
        [a, b] => f64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => f64::from(i32::from_le_bytes([a, b, c, d])),
        _ => bytes
            .first_chunk::<8>()
            .map_or(0.0, |bytes| f64::from_le_bytes(*bytes)),
    }
}

/// The order of a sorted set.
#[inline]
fn order(score: f64, member: &[u8], other: Key<'_>) -> Ordering {
    score
        .partial_cmp(&other.score)
        .unwrap_or(Ordering::Equal)
        .then_with(|| member.cmp(other.member))
}

impl ScoreBound {
    /// Whether a score is before the range that begins here.
    #[inline]
    fn begins_after(self, score: f64) -> bool {
        score < self.score || (self.exclusive && score == self.score)
    }

    /// Whether a score is not behind the range that ends here.
    #[inline]
    fn reaches(self, score: f64) -> bool {
        score < self.score || (!self.exclusive && score == self.score)
    }
}

impl LexBound<'_> {
    /// Whether a member is before the range that begins here.
    #[inline]
    fn begins_after(self, member: &[u8]) -> bool {
        match self {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::Included(bound) => member < bound,
            LexBound::Excluded(bound) => member <= bound,
        }
    }

    /// Whether a member is not behind the range that ends here.
    #[inline]
    fn reaches(self, member: &[u8]) -> bool {
        match self {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::Included(bound) => member <= bound,
            LexBound::Excluded(bound) => member < bound,
        }
    }
}

impl Large {
    fn memory_bytes(&self) -> usize {
        heap_bytes(size_of::<Large>()) + self.table.memory_bytes() + self.tree.memory_bytes()
    }

    fn insert(&mut self, member: &[u8], score: f64) {
        let id = self.table.insert(Scored {
            score,
            member: SmallBytes::from(member),
        });
        self.tree
            .insert(&self.table, Key { score, member }, id as u32);
    }

    fn rescore(&mut self, id: usize, member: &[u8], old: f64, new: f64) {
        if !self
            .tree
            .rescore(&self.table, Key { score: old, member }, new)
        {
            self.tree.remove(&self.table, Key { score: old, member });
            self.tree
                .insert(&self.table, Key { score: new, member }, id as u32);
        }
        self.table.update(id, |entry| entry.score = new);
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let id = self.table.find(member)?;
        let score = self.table.at(id)?.score;
        self.tree.remove(&self.table, Key { score, member });
        let last = self.table.len() - 1;
        if id != last
            && let Some(moved) = self.table.at(last)
        {
            let key = Key {
                score: moved.score,
                member: &moved.member,
            };
            self.tree.renumber(&self.table, key, last as u32, id as u32);
        }
        self.table.remove_at(id);
        Some(score)
    }

    fn member(&self, id: u32) -> &[u8] {
        self.table
            .at(id as usize)
            .map_or(&[], |entry| &entry.member)
    }
}

impl Default for SortedSet {
    fn default() -> Self {
        SortedSet(Repr::Packed(Packed::new()))
    }
}

impl SortedSet {
    /// See [`Value::prefetch`](super::Value::prefetch).
    #[inline]
    pub(super) fn prefetch(&self, member: &[u8], approach: Approach) {
        if let Repr::Tree(large) = &self.0 {
            large.table.prefetch(member, approach);
        }
    }

    /// An empty sorted set.
    pub fn new() -> Self {
        SortedSet::default()
    }

    /// An empty sorted set in the form of a tree, to be filled as a whole and then to [`settle`](Self::settle).
    pub fn as_tree(limits: &Limits) -> Self {
        SortedSet(Repr::Tree(SortedSet::new().to_large(limits)))
    }

    /// Takes the packed form if all members fit into it. Only then does a score of -0 become 0, which is what Redis's
    /// sorted sets do that are read as a whole.
    pub fn settle(&mut self, limits: &Limits) {
        let mut packed = SortedSet::new();
        for (member, score) in self.iter() {
            packed.insert(member, score, limits);
            if matches!(packed.0, Repr::Tree(_)) {
                return;
            }
        }
        *self = packed;
    }

    /// How many members it holds.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Packed(packed) => packed.len() / 2,
            Repr::Tree(large) => large.table.len(),
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
            Repr::Tree(large) => large.memory_bytes(),
        }
    }

    /// The name that `OBJECT ENCODING` answers.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Packed(_) => "listpack",
            Repr::Tree(_) => "skiplist",
        }
    }

    /// The score of a member.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Repr::Packed(packed) => Some(read_score(packed.pair(packed.find_pair(member)?)?.1)),
            Repr::Tree(large) => large.table.get(member).map(|entry| entry.score),
        }
    }

    /// Lets `decide` see the score of a member, if it is there, and choose a new one, which must not be NaN; `None` leaves
    /// everything as it is. Returns the score before.
    #[inline]
    pub fn upsert(
        &mut self,
        member: &[u8],
        limits: &Limits,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Option<f64> {
        match &mut self.0 {
            Repr::Packed(packed) => {
                let at = packed.find_pair(member);
                let old = at
                    .and_then(|at| packed.pair(at))
                    .map(|(_, score)| read_score(score));
                if let Some(new) = decide(old) {
                    self.put_packed(at, member, new, limits);
                }
                old
            }
            Repr::Tree(large) => {
                let id = large.table.find(member);
                let old = id
                    .and_then(|id| large.table.at(id))
                    .map(|entry| entry.score);
                match (decide(old), id, old) {
                    (Some(new), Some(id), Some(old)) if new.to_bits() != old.to_bits() => {
                        large.rescore(id, member, old, new);
                    }
                    (Some(new), None, _) => large.insert(member, new),
                    _ => {}
                }
                old
            }
        }
    }

    /// Sets the score of a member, added if it is not there. The score must not be NaN. Returns the score before.
    #[inline]
    pub fn insert(&mut self, member: &[u8], score: f64, limits: &Limits) -> Option<f64> {
        self.upsert(member, limits, |_| Some(score))
    }

    /// Takes a member out; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Repr::Packed(packed) => {
                let at = packed.find_pair(member)?;
                let score = packed.pair(at).map(|(_, score)| read_score(score));
                packed.remove(at, 2);
                score
            }
            Repr::Tree(large) => large.remove(member),
        }
    }

    /// How many members are before this one.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        match &self.0 {
            Repr::Packed(packed) => packed
                .pairs()
                .position(|(candidate, _)| candidate == member),
            Repr::Tree(large) => {
                let score = large.table.get(member)?.score;
                Some(large.tree.rank_of(&large.table, Key { score, member }))
            }
        }
    }

    /// The ranks of the members whose score is between two bounds.
    pub fn ranks_by_score(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        let start = self.count_before(|score, _| min.begins_after(score));
        let end = self.count_before(|score, _| max.reaches(score));
        start..end.max(start)
    }

    /// The ranks of the members between two bounds, given that all scores are equal.
    pub fn ranks_by_lex(&self, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
        let start = self.count_before(|_, member| min.begins_after(member()));
        let end = self.count_before(|_, member| max.reaches(member()));
        start..end.max(start)
    }

    /// The member of this rank, and its score.
    pub fn at(&self, rank: usize) -> Option<(&[u8], f64)> {
        self.range(rank..rank.saturating_add(1)).next()
    }

    /// The members of these ranks with their scores, in order.
    pub fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        self.walk(ranks, false)
    }

    /// The members of these ranks with their scores, from the highest down.
    pub fn range_back(&self, ranks: Range<usize>) -> Iter<'_> {
        self.walk(ranks, true)
    }

    /// All members with their scores, in order.
    pub fn iter(&self) -> Iter<'_> {
        self.range(0..self.len())
    }

    /// Takes out the members of these ranks; returns how many.
    pub fn remove_range(&mut self, ranks: Range<usize>) -> usize {
        let end = ranks.end.min(self.len());
        let count = end.saturating_sub(ranks.start);
        match &mut self.0 {
            Repr::Packed(packed) => {
                if let Some(at) = packed.seek(2 * ranks.start) {
                    packed.remove(at, 2 * count);
                }
            }
            Repr::Tree(large) => {
                for _ in 0..count {
                    let id = large
                        .tree
                        .place(ranks.start)
                        .and_then(|place| large.tree.id_at(place));
                    let Some(entry) = id.and_then(|id| large.table.at(id as usize)) else {
                        break;
                    };
                    let member = entry.member.clone();
                    large.remove(&member);
                }
            }
        }
        count
    }

    /// A member drawn uniformly, with its score.
    pub fn random<R: Rng + ?Sized>(&self, rng: &mut R) -> Option<(&[u8], f64)> {
        match (self.len(), &self.0) {
            (0, _) => None,
            (len, Repr::Packed(_)) => self.at(rng.random_range(0..len)),
            (len, Repr::Tree(large)) => large
                .table
                .at(rng.random_range(0..len))
                .map(|entry| (&entry.member[..], entry.score)),
        }
    }

    /// Visits about `count` members from `cursor` on (0 to begin); returns the next cursor, 0 at the end.
    ///
    /// A member that is there from the first call to the last is visited at least once. Packed sets are visited whole.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        let Repr::Tree(large) = &self.0 else {
            self.iter().for_each(|(member, score)| visit(member, score));
            return 0;
        };
        let (ids, next) = large.table.scan(cursor, count);
        ids.rev()
            .filter_map(|id| large.table.at(id))
            .for_each(|entry| visit(&entry.member, entry.score));
        next
    }

    /// How many members are before a bound, which `before` tells of a score and, if it asks, the member.
    fn count_before<'a>(&'a self, before: impl Fn(f64, &dyn Fn() -> &'a [u8]) -> bool) -> usize {
        match &self.0 {
            Repr::Packed(packed) => packed
                .pairs()
                .take_while(|&(member, score)| before(read_score(score), &|| member))
                .count(),
            Repr::Tree(large) => large
                .tree
                .rank(|score, id| before(score, &|| large.member(id))),
        }
    }

    fn walk(&self, ranks: Range<usize>, back: bool) -> Iter<'_> {
        let end = ranks.end.min(self.len());
        let start = ranks.start.min(end);
        let walk = match &self.0 {
            Repr::Packed(packed) => Walk::Packed(packed.pairs_between(start..end)),
            Repr::Tree(large) => {
                let first = if back { end.wrapping_sub(1) } else { start };
                Walk::Tree {
                    large,
                    place: large.tree.place(first),
                    left: end - start,
                }
            }
        };
        Iter { walk, back }
    }

    /// Writes a member of the packed form, which stands at `at` if it is there.
    fn put_packed(&mut self, at: Option<Position>, member: &[u8], score: f64, limits: &Limits) {
        let Repr::Packed(packed) = &mut self.0 else {
            return;
        };
        if let Some(at) = at {
            packed.remove(at, 2);
        } else if packed.len() / 2 >= limits.zset_max_listpack_entries
            || member.len() > limits.zset_max_listpack_value
            || packed.byte_len() + member.len() > PACKED_BYTES_MAX
        {
            let mut large = self.to_large(limits);
            large.insert(member, score);
            self.0 = Repr::Tree(large);
            return;
        }
        let position = position_in_order(packed, Key { score, member });
        packed.insert(position, PackedScore::new(score).as_slice());
        packed.insert(position, member);
    }

    /// Its members in the form of a tree.
    fn to_large(&self, limits: &Limits) -> Box<Large> {
        let mut large = Box::new(Large {
            table: Table::new(limits.hash_seed),
            tree: Tree::new(),
        });
        self.iter()
            .for_each(|(member, score)| large.insert(member, score));
        large
    }
}

/// Where a member that is not there belongs in a packed block. It looks from the end first, where most are added.
fn position_in_order(packed: &Packed, key: Key<'_>) -> Position {
    let mut at = packed.byte_len();
    while let Some((score, member)) = packed
        .prev(at)
        .and_then(|score| Some((score, packed.prev(score)?)))
    {
        if order(read_score(packed.get(score)), packed.get(member), key).is_lt() {
            break;
        }
        at = member;
    }
    at
}

/// Members with their scores, in order or in reverse.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    walk: Walk<'a>,
    back: bool,
}

#[derive(Debug, Clone)]
enum Walk<'a> {
    Packed(Pairs<'a>),
    Tree {
        large: &'a Large,
        place: Option<Place>,
        left: usize,
    },
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.walk {
            Walk::Packed(pairs) => {
                let (member, score) = if self.back {
                    pairs.next_back()
                } else {
                    pairs.next()
                }?;
                Some((member, read_score(score)))
            }
            Walk::Tree { large, place, left } => {
                *left = left.checked_sub(1)?;
                let here = (*place)?;
                let entry = large.table.at(large.tree.id_at(here)? as usize)?;
                *place = large.tree.step(here, self.back);
                Some((&entry.member, entry.score))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LexBound, Limits, Repr, ScoreBound, SortedSet};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Model = BTreeMap<Vec<u8>, f64>;

    #[derive(Debug, Clone)]
    enum Op {
        Insert(Vec<u8>, f64),
        Remove(Vec<u8>),
        RemoveRange(usize, usize),
        /// Many at once, so that the tree grows levels.
        Fill(u16, f64),
    }

    fn member() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            6 => (0u16..400).prop_map(|i| format!("m{i}").into_bytes()),
            1 => (0u16..40).prop_map(|i| format!("a member too long to stay inside {i}").into_bytes()),
        ]
    }

    fn score() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => (-3i32..4).prop_map(f64::from),
            2 => any::<i32>().prop_map(f64::from),
            2 => -1e9..1e9f64,
            1 => prop_oneof![Just(-0.0), Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
        ]
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            8 => (member(), score()).prop_map(|(m, s)| Op::Insert(m, s)),
            4 => member().prop_map(Op::Remove),
            1 => (0usize..3000, 0usize..900).prop_map(|(start, n)| Op::RemoveRange(start, n)),
            1 => (0u16..6000, score()).prop_map(|(n, s)| Op::Fill(n, s)),
        ]
    }

    /// The model in order.
    fn sorted(model: &Model) -> Vec<(Vec<u8>, f64)> {
        let mut all: Vec<_> = model
            .iter()
            .map(|(member, score)| (member.clone(), *score))
            .collect();
        all.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(&b.0)));
        all
    }

    fn apply(zset: &mut SortedSet, model: &mut Model, op: Op, limits: &Limits) {
        match op {
            Op::Insert(member, score) => {
                assert_eq!(
                    zset.insert(&member, score, limits),
                    model.insert(member, score)
                );
            }
            Op::Remove(member) => assert_eq!(zset.remove(&member), model.remove(&member)),
            Op::RemoveRange(start, n) => {
                let gone: Vec<_> = sorted(model).into_iter().skip(start).take(n).collect();
                assert_eq!(zset.remove_range(start..start + n), gone.len());
                model.retain(|member, _| !gone.iter().any(|(other, _)| other == member));
            }
            Op::Fill(n, step) => {
                for i in 0..n {
                    let (member, score) = (
                        format!("f{i}").into_bytes(),
                        f64::from(i) * step.clamp(-9.0, 9.0),
                    );
                    zset.insert(&member, score, limits);
                    model.insert(member, score);
                }
            }
        }
    }

    /// Compares every way of reading.
    fn check(zset: &SortedSet, model: &Model) {
        let all = sorted(model);
        assert_eq!(zset.len(), all.len());
        let same = |found: (&[u8], f64), expected: &(Vec<u8>, f64)| {
            found.0 == &expected.0[..] && found.1 == expected.1
        };
        assert!(
            zset.iter()
                .zip(&all)
                .all(|(found, expected)| same(found, expected))
        );
        assert!(
            zset.range_back(0..all.len())
                .zip(all.iter().rev())
                .all(|(found, expected)| same(found, expected))
        );
        assert_eq!(zset.range_back(0..usize::MAX).count(), all.len());
        for (rank, expected) in all.iter().enumerate().step_by(7) {
            assert_eq!(zset.rank(&expected.0), Some(rank));
            assert!(same(zset.at(rank).unwrap(), expected));
        }
        if let Repr::Tree(large) = &zset.0 {
            large.tree.check();
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn behaves_as_a_sorted_map(max in 0usize..40, ops in prop::collection::vec(op(), 1..60)) {
            let limits = Limits { zset_max_listpack_entries: max, ..Limits::default() };
            let (mut zset, mut model) = (SortedSet::new(), Model::new());
            for op in ops {
                apply(&mut zset, &mut model, op, &limits);
                check(&zset, &model);
            }
            while let Some(member) = model.keys().nth(model.len() / 2).cloned() {
                prop_assert_eq!(zset.remove(&member), model.remove(&member));
            }
            check(&zset, &model);
        }

        #[test]
        fn ranges_are_those_of_a_filter(
            max in prop_oneof![Just(0usize), Just(1000)],
            members in prop::collection::vec((member(), score()), 0..200),
            bounds in ((score(), any::<bool>()), (score(), any::<bool>()))
        ) {
            let limits = Limits { zset_max_listpack_entries: max, ..Limits::default() };
            let mut zset = SortedSet::new();
            for (member, score) in &members {
                zset.insert(member, *score, &limits);
            }
            let ((low, low_out), (high, high_out)) = bounds;
            let inside = |score: f64| {
                (score > low || (!low_out && score == low)) && (score < high || (!high_out && score == high))
            };
            let ranks = zset.ranks_by_score(
                ScoreBound { score: low, exclusive: low_out },
                ScoreBound { score: high, exclusive: high_out },
            );
            let expected: Vec<_> = zset.iter().filter(|(_, score)| inside(*score)).collect();
            prop_assert_eq!(zset.range(ranks).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn lexical_ranges_are_those_of_a_filter(
            max in prop_oneof![Just(0usize), Just(1000)],
            members in prop::collection::btree_set(member(), 0..200),
            low in member(), high in member(), low_out: bool, high_out: bool
        ) {
            let limits = Limits { zset_max_listpack_entries: max, ..Limits::default() };
            let mut zset = SortedSet::new();
            for member in &members {
                zset.insert(member, 0.0, &limits);
            }
            let bound = |out, member| if out { LexBound::Excluded(member) } else { LexBound::Included(member) };
            let ranks = zset.ranks_by_lex(bound(low_out, &low[..]), bound(high_out, &high[..]));
            let inside = |m: &Vec<u8>| (*m > low || (!low_out && *m == low)) && (*m < high || (!high_out && *m == high));
            let expected: Vec<_> = members.iter().filter(|member| inside(member)).map(|member| (&member[..], 0.0)).collect();
            prop_assert_eq!(zset.range(ranks).collect::<Vec<_>>(), expected);
            prop_assert_eq!(zset.ranks_by_lex(LexBound::Lowest, LexBound::Highest), 0..members.len());
            prop_assert_eq!(zset.ranks_by_lex(LexBound::Highest, LexBound::Lowest).len(), 0);
        }
    }
}
