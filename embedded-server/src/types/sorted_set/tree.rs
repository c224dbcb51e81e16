//! The order of a large sorted set: a B+tree over scores that counts what lies below every node.
//!
//! Leaves hold scores and, beside them, the numbers of the members in the set's table; the order is by score, then by
//! the member's bytes. Inner nodes hold for each child its smallest element and how many elements are under it, so that
//! a rank is found, or found by, in one descent. Leaves are linked, so that a range is walked without the inner nodes.
//!
//! Nodes live densely in vectors and refer to each other by number; when one goes, the last of its vector takes its
//! number. A full node splits in halves (or leaves itself full, where elements arrive in order); one less than a
//! quarter full joins a neighbour, or evens out with it.

use super::{Scored, order};
use crate::types::chunked::Chunked;
use crate::types::table::Table;
use std::cmp::Ordering;

/// Elements of a leaf, and children of an inner node.
const WIDTH: usize = 64;
/// Fewest elements or children of a node that is not the root.
const FEWEST: usize = WIDTH / 4;
/// Two neighbours that together hold no more than this are joined.
const JOINED_MOST: usize = WIDTH * 3 / 4;
/// More levels than 2^32 elements can need.
const MAX_LEVELS: usize = 16;
/// No such leaf.
const NONE: u32 = u32::MAX;

/// What decides the place of an element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) score: f64,
    pub(super) member: &'a [u8],
}

/// Elements in order.
#[derive(Debug, Clone)]
struct Leaf {
    scores: [f64; WIDTH],
    ids: [u32; WIDTH],
    len: usize,
    next: u32,
    prev: u32,
}

/// Children in order, each with its smallest element and its count of elements.
#[derive(Debug, Clone)]
struct Inner {
    scores: [f64; WIDTH],
    ids: [u32; WIDTH],
    children: [u32; WIDTH],
    counts: [u32; WIDTH],
    len: usize,
}

/// A child as its parent sees it.
#[derive(Debug, Clone, Copy)]
struct Child {
    score: f64,
    id: u32,
    node: u32,
    count: u32,
}

/// The way from the root to a leaf: at each level the inner node and the child taken.
#[derive(Debug, Clone, Copy)]
struct Path {
    steps: [(u32, usize); MAX_LEVELS],
    len: usize,
}

/// Where an element stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    leaf: u32,
    slot: usize,
}

/// The tree. It holds nothing of the members: every method that compares is given the table they are in.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    leaves: Chunked<Leaf, 32>,
    inners: Chunked<Inner, 32>,
    /// A leaf when `levels` is 0.
    root: u32,
    /// Levels of inner nodes.
    levels: usize,
    len: usize,
}

/// Puts `value` at `at` of the first `len` elements, moving the rest up.
#[inline]
fn shift_in<T: Copy>(values: &mut [T; WIDTH], len: usize, at: usize, value: T) {
    values.copy_within(at..len, at + 1);
    values[at] = value;
}

/// Takes the element at `at` out of the first `len`, moving the rest down.
#[inline]
fn shift_out<T: Copy>(values: &mut [T; WIDTH], len: usize, at: usize) {
    values.copy_within(at + 1..len, at);
}

/// Moves the elements from `at` to `len` to the front of another array.
fn move_tail<T: Copy>(from: &[T; WIDTH], at: usize, len: usize, to: &mut [T; WIDTH]) {
    to[..len - at].copy_from_slice(&from[at..len]);
}

/// Moves elements between the neighbours `left` and `right`, whose lengths are given, until `left` has `target`.
fn even_out<T: Copy>(
    left: &mut [T; WIDTH],
    right: &mut [T; WIDTH],
    lens: (usize, usize),
    target: usize,
) {
    let (left_len, right_len) = lens;
    if let Some(moved) = target.checked_sub(left_len) {
        left[left_len..target].copy_from_slice(&right[..moved]);
        right.copy_within(moved..right_len, 0);
    } else {
        let moved = left_len - target;
        right.copy_within(..right_len, moved);
        right[..moved].copy_from_slice(&left[target..left_len]);
    }
}

/// How many elements the left of two neighbours should have: all, when they fit together, else half.
fn target_of(left_len: usize, right_len: usize) -> usize {
    let both = left_len + right_len;
    if both <= JOINED_MOST { both } else { both / 2 }
}

/// The first index for which `before` is false, given that it is true up to there.
#[inline]
fn partition(len: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = usize::midpoint(low, high);
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// How many of the elements of a node, whose scores and numbers are given, are before `key`; `key` itself is counted if
/// `inclusive` is set.
///
/// Scores are counted by a plain loop over the whole node: it has no branch to mispredict, is vectorized, and its cache
/// lines are fetched side by side, where a search by halves waits for one after the other.
#[inline]
fn count_before(
    table: &Table<Scored>,
    scores: &[f64],
    ids: &[u32],
    key: Key<'_>,
    inclusive: bool,
) -> usize {
    let lower = scores
        .iter()
        .map(|&score| u32::from(score < key.score))
        .sum::<u32>() as usize;
    let equal = scores[lower..]
        .iter()
        .take_while(|&&score| score == key.score)
        .count();
    if equal == 0 {
        return lower;
    }
    lower
        + ids[lower..lower + equal].partition_point(|&id| match member(table, id).cmp(key.member) {
            Ordering::Less => true,
            Ordering::Equal => inclusive,
            Ordering::Greater => false,
        })
}

/// How an element stands to a key.
#[inline]
fn compare(table: &Table<Scored>, score: f64, id: u32, key: Key<'_>) -> Ordering {
    order(score, member(table, id), key)
}

/// The bytes of a member.
#[inline]
fn member(table: &Table<Scored>, id: u32) -> &[u8] {
    table.at(id as usize).map_or(&[], |entry| &entry.member)
}

impl Default for Leaf {
    fn default() -> Self {
        Leaf {
            scores: [0.0; WIDTH],
            ids: [0; WIDTH],
            len: 0,
            next: NONE,
            prev: NONE,
        }
    }
}

impl Default for Inner {
    fn default() -> Self {
        Inner {
            scores: [0.0; WIDTH],
            ids: [0; WIDTH],
            children: [0; WIDTH],
            counts: [0; WIDTH],
            len: 0,
        }
    }
}

impl Leaf {
    /// The slot of the first element not before `key`.
    #[inline]
    fn slot(&self, table: &Table<Scored>, key: Key<'_>) -> usize {
        let len = self.len.min(WIDTH);
        count_before(table, &self.scores[..len], &self.ids[..len], key, false)
    }

    #[inline]
    fn insert(&mut self, slot: usize, score: f64, id: u32) {
        shift_in(&mut self.scores, self.len, slot, score);
        shift_in(&mut self.ids, self.len, slot, id);
        self.len += 1;
    }

    #[inline]
    fn remove(&mut self, slot: usize) {
        shift_out(&mut self.scores, self.len, slot);
        shift_out(&mut self.ids, self.len, slot);
        self.len -= 1;
    }

    /// Moves the elements from `slot` on into a new leaf.
    fn split(&mut self, slot: usize) -> Leaf {
        let mut right = Leaf::default();
        move_tail(&self.scores, slot, self.len, &mut right.scores);
        move_tail(&self.ids, slot, self.len, &mut right.ids);
        (right.len, self.len) = (self.len - slot, slot);
        right
    }

    /// Joins with the neighbour `right`, which is left empty, or evens out with it.
    fn mend(&mut self, right: &mut Leaf) {
        let (lens, target) = ((self.len, right.len), target_of(self.len, right.len));
        even_out(&mut self.scores, &mut right.scores, lens, target);
        even_out(&mut self.ids, &mut right.ids, lens, target);
        (self.len, right.len) = (target, lens.0 + lens.1 - target);
    }
}

impl Inner {
    /// The child under which `key` belongs: the last that does not begin after it, else the first.
    #[inline]
    fn slot(&self, table: &Table<Scored>, key: Key<'_>) -> usize {
        let len = self.len.min(WIDTH);
        count_before(table, &self.scores[..len], &self.ids[..len], key, true).saturating_sub(1)
    }

    fn insert(&mut self, slot: usize, child: Child) {
        shift_in(&mut self.scores, self.len, slot, child.score);
        shift_in(&mut self.ids, self.len, slot, child.id);
        shift_in(&mut self.children, self.len, slot, child.node);
        shift_in(&mut self.counts, self.len, slot, child.count);
        self.len += 1;
    }

    fn remove(&mut self, slot: usize) {
        shift_out(&mut self.scores, self.len, slot);
        shift_out(&mut self.ids, self.len, slot);
        shift_out(&mut self.children, self.len, slot);
        shift_out(&mut self.counts, self.len, slot);
        self.len -= 1;
    }

    /// Moves the children from `slot` on into a new node.
    fn split(&mut self, slot: usize) -> Inner {
        let mut right = Inner::default();
        move_tail(&self.scores, slot, self.len, &mut right.scores);
        move_tail(&self.ids, slot, self.len, &mut right.ids);
        move_tail(&self.children, slot, self.len, &mut right.children);
        move_tail(&self.counts, slot, self.len, &mut right.counts);
        (right.len, self.len) = (self.len - slot, slot);
        right
    }

    /// Joins with the neighbour `right`, which is left empty, or evens out with it.
    fn mend(&mut self, right: &mut Inner) {
        let (lens, target) = ((self.len, right.len), target_of(self.len, right.len));
        even_out(&mut self.scores, &mut right.scores, lens, target);
        even_out(&mut self.ids, &mut right.ids, lens, target);
        even_out(&mut self.children, &mut right.children, lens, target);
        even_out(&mut self.counts, &mut right.counts, lens, target);
        (self.len, right.len) = (target, lens.0 + lens.1 - target);
    }

    /// Writes what is known of a child.
    fn set(&mut self, slot: usize, child: Child) {
        (self.scores[slot], self.ids[slot]) = (child.score, child.id);
        (self.children[slot], self.counts[slot]) = (child.node, child.count);
    }

    /// How many elements are under the children before `slot`.
    #[inline]
    fn count_before(&self, slot: usize) -> usize {
        self.counts[..slot.min(WIDTH)].iter().sum::<u32>() as usize
    }

    /// How many elements are under it.
    fn count(&self) -> u32 {
        self.counts[..self.len.min(WIDTH)].iter().sum()
    }
}

impl Path {
    const EMPTY: Path = Path {
        steps: [(0, 0); MAX_LEVELS],
        len: 0,
    };

    fn push(&mut self, node: u32, slot: usize) {
        if let Some(step) = self.steps.get_mut(self.len) {
            *step = (node, slot);
            self.len += 1;
        }
    }

    fn pop(&mut self) -> Option<(u32, usize)> {
        self.len = self.len.checked_sub(1)?;
        self.steps.get(self.len).copied()
    }
}

impl Tree {
    /// An empty tree: one empty leaf.
    pub(super) fn new() -> Self {
        let mut leaves = Chunked::default();
        leaves.push(Leaf::default());
        Tree {
            leaves,
            inners: Chunked::default(),
            root: 0,
            levels: 0,
            len: 0,
        }
    }

    /// Bytes held on the heap.
    pub(super) fn memory_bytes(&self) -> usize {
        self.leaves.memory_bytes() + self.inners.memory_bytes()
    }

    /// Adds the element `key`, which is number `id` of the table and not in the tree yet.
    pub(super) fn insert(&mut self, table: &Table<Scored>, key: Key<'_>, id: u32) {
        let (path, at) = self.descend(table, key, |inner, slot| inner.counts[slot] += 1);
        self.len += 1;
        let Some(leaf) = self.leaves.get_mut(at as usize) else {
            return;
        };
        let (slot, full) = (leaf.slot(table, key), leaf.len == WIDTH);
        if !full {
            leaf.insert(slot, key.score, id);
        }
        if slot == 0 {
            self.set_minimum(path, key.score, id);
        }
        if full {
            self.insert_splitting(path, at, slot, key.score, id);
        }
    }

    /// Takes out the element `key`, which must be in the tree.
    pub(super) fn remove(&mut self, table: &Table<Scored>, key: Key<'_>) {
        let (path, at) = self.descend(table, key, |inner, slot| inner.counts[slot] -= 1);
        self.len -= 1;
        let Some(leaf) = self.leaves.get_mut(at as usize) else {
            return;
        };
        let slot = leaf.slot(table, key);
        leaf.remove(slot);
        let (score, id, len) = (leaf.scores[0], leaf.ids[0], leaf.len);
        if slot == 0 {
            self.set_minimum(path, score, id);
        }
        if len < FEWEST {
            self.mend(table, path, true);
        }
    }

    /// Follows the table, where the entry that is `key` gets the number `new` in place of `old`.
    pub(super) fn renumber(&mut self, table: &Table<Scored>, key: Key<'_>, old: u32, new: u32) {
        let (_, at) = self.descend(table, key, |inner, slot| {
            if inner.ids[slot] == old {
                inner.ids[slot] = new;
            }
        });
        if let Some(leaf) = self.leaves.get_mut(at as usize) {
            let slot = leaf.slot(table, key);
            if let Some(id) = leaf.ids.get_mut(slot) {
                *id = new;
            }
        }
    }

    /// Replaces the score of the element `key` if that leaves it where it is; false if it has to move.
    pub(super) fn rescore(&mut self, table: &Table<Scored>, key: Key<'_>, score: f64) -> bool {
        let (_, at) = self.descend(table, key, |_, _| {});
        let Some(leaf) = self.leaves.get_mut(at as usize) else {
            return false;
        };
        let slot = leaf.slot(table, key);
        let new = Key {
            score,
            member: key.member,
        };
        // The outermost elements of a leaf may have nearer neighbours elsewhere, and the first is known to the parent.
        if slot == 0 || slot + 1 >= leaf.len {
            return false;
        }
        let stays = compare(table, leaf.scores[slot - 1], leaf.ids[slot - 1], new).is_lt()
            && compare(table, leaf.scores[slot + 1], leaf.ids[slot + 1], new).is_gt();
        if stays {
            leaf.scores[slot] = score;
        }
        stays
    }

    /// How many elements are before a bound, which `before` tells of an element's score and number.
    #[inline]
    pub(super) fn rank(&self, before: impl Fn(f64, u32) -> bool) -> usize {
        let (mut node, mut rank) = (self.root, 0);
        for _ in 0..self.levels {
            let Some(inner) = self.inners.get(node as usize) else {
                return rank;
            };
            let begun = partition(inner.len.min(WIDTH), |i| {
                before(inner.scores[i], inner.ids[i])
            });
            let Some(slot) = begun.checked_sub(1) else {
                return rank;
            };
            rank += inner.count_before(slot);
            node = inner.children[slot];
        }
        let Some(leaf) = self.leaves.get(node as usize) else {
            return rank;
        };
        rank + partition(leaf.len.min(WIDTH), |i| before(leaf.scores[i], leaf.ids[i]))
    }

    /// How many elements are before `key`, which is in the tree.
    pub(super) fn rank_of(&self, table: &Table<Scored>, key: Key<'_>) -> usize {
        let (mut node, mut rank) = (self.root, 0);
        for _ in 0..self.levels {
            let Some(inner) = self.inners.get(node as usize) else {
                return rank;
            };
            let slot = inner.slot(table, key);
            rank += inner.count_before(slot);
            node = inner.children[slot];
        }
        rank + self
            .leaves
            .get(node as usize)
            .map_or(0, |leaf| leaf.slot(table, key))
    }

    /// Where the element of this rank stands.
    pub(super) fn place(&self, rank: usize) -> Option<Place> {
        if rank >= self.len {
            return None;
        }
        let (mut node, mut rest) = (self.root, rank);
        for _ in 0..self.levels {
            let inner = self.inners.get(node as usize)?;
            let mut slot = 0;
            while rest >= *inner.counts.get(slot)? as usize {
                rest -= inner.counts[slot] as usize;
                slot += 1;
            }
            node = *inner.children.get(slot)?;
        }
        Some(Place {
            leaf: node,
            slot: rest,
        })
    }

    /// The number of the element at a place.
    #[inline]
    pub(super) fn id_at(&self, place: Place) -> Option<u32> {
        self.leaves
            .get(place.leaf as usize)?
            .ids
            .get(place.slot)
            .copied()
    }

    /// The place behind, or before when `back` is set; `None` at the end.
    #[inline]
    pub(super) fn step(&self, place: Place, back: bool) -> Option<Place> {
        let leaf = self.leaves.get(place.leaf as usize)?;
        if back {
            if let Some(slot) = place.slot.checked_sub(1) {
                return Some(Place { slot, ..place });
            }
            let prev = self.leaves.get(leaf.prev as usize)?;
            return Some(Place {
                leaf: leaf.prev,
                slot: prev.len.checked_sub(1)?,
            });
        }
        if place.slot + 1 < leaf.len {
            return Some(Place {
                slot: place.slot + 1,
                ..place
            });
        }
        self.leaves.get(leaf.next as usize).map(|_| Place {
            leaf: leaf.next,
            slot: 0,
        })
    }

    /// Goes down to the leaf where `key` belongs, letting `visit` change each step; returns the way and the leaf.
    #[inline]
    fn descend(
        &mut self,
        table: &Table<Scored>,
        key: Key<'_>,
        mut visit: impl FnMut(&mut Inner, usize),
    ) -> (Path, u32) {
        let (mut path, mut node) = (Path::EMPTY, self.root);
        for _ in 0..self.levels {
            let Some(inner) = self.inners.get_mut(node as usize) else {
                break;
            };
            let slot = inner.slot(table, key);
            visit(inner, slot);
            path.push(node, slot);
            node = inner.children[slot];
        }
        (path, node)
    }

    /// Tells the nodes of `path` that the leaf it leads to begins with another element now.
    fn set_minimum(&mut self, mut path: Path, score: f64, id: u32) {
        while let Some((node, slot)) = path.pop() {
            if let Some(inner) = self.inners.get_mut(node as usize) {
                (inner.scores[slot], inner.ids[slot]) = (score, id);
            }
            if slot != 0 {
                return;
            }
        }
    }

    /// Puts an element into a full leaf.
    fn insert_splitting(&mut self, path: Path, at: u32, slot: usize, score: f64, id: u32) {
        let right_at = self.leaves.len() as u32;
        let Some(left) = self.leaves.get_mut(at as usize) else {
            return;
        };
        // What arrives in order leaves full leaves behind.
        let cut = if slot == WIDTH && left.next == NONE {
            WIDTH
        } else {
            WIDTH / 2
        };
        let mut right = left.split(cut);
        if slot <= cut && cut != WIDTH {
            left.insert(slot, score, id);
        } else {
            right.insert(slot - cut, score, id);
        }
        (right.prev, right.next) = (at, left.next);
        left.next = right_at;
        let child = Child {
            score: right.scores[0],
            id: right.ids[0],
            node: right_at,
            count: right.len as u32,
        };
        self.link_prev(right.next, right_at);
        self.leaves.push(right);
        self.add_child(path, child);
    }

    /// Tells the last node of `path` that the child it took was split in two, of which `child` is the right one.
    fn add_child(&mut self, mut path: Path, child: Child) {
        let Some((at, slot)) = path.pop() else {
            return self.grow_root(child);
        };
        let right_at = self.inners.len() as u32;
        let Some(left) = self.inners.get_mut(at as usize) else {
            return;
        };
        left.counts[slot] -= child.count;
        if left.len < WIDTH {
            return left.insert(slot + 1, child);
        }
        let cut = if slot + 1 == WIDTH {
            WIDTH - FEWEST
        } else {
            WIDTH / 2
        };
        let mut right = left.split(cut);
        if slot < cut {
            left.insert(slot + 1, child);
        } else {
            right.insert(slot + 1 - cut, child);
        }
        let above = Child {
            score: right.scores[0],
            id: right.ids[0],
            node: right_at,
            count: right.count(),
        };
        self.inners.push(right);
        self.add_child(path, above);
    }

    /// Puts a new root above the old one and `right`.
    fn grow_root(&mut self, right: Child) {
        let (score, id) = self.root_minimum();
        let left = Child {
            score,
            id,
            node: self.root,
            count: self.len as u32 - right.count,
        };
        let mut root = Inner::default();
        root.insert(0, left);
        root.insert(1, right);
        self.root = self.inners.len() as u32;
        self.inners.push(root);
        self.levels += 1;
    }

    /// The smallest element.
    fn root_minimum(&self) -> (f64, u32) {
        let first = if self.levels == 0 {
            self.leaves
                .get(self.root as usize)
                .map(|leaf| (leaf.scores[0], leaf.ids[0]))
        } else {
            self.inners
                .get(self.root as usize)
                .map(|inner| (inner.scores[0], inner.ids[0]))
        };
        first.unwrap_or_default()
    }

    /// Mends the node that `path` leads to, a leaf or not, which has become too empty; then its parents, where needed.
    fn mend(&mut self, table: &Table<Scored>, mut path: Path, leaf: bool) {
        let Some((parent, slot)) = path.pop() else {
            return self.lower_root(table);
        };
        let left_slot = slot.saturating_sub(1);
        let Some(inner) = self.inners.get(parent as usize) else {
            return;
        };
        let (left, right) = (inner.children[left_slot], inner.children[left_slot + 1]);
        let (left_count, child) = if leaf {
            self.mend_leaves(left, right)
        } else {
            self.mend_inners(left, right)
        };
        let Some(inner) = self.inners.get_mut(parent as usize) else {
            return;
        };
        inner.counts[left_slot] = left_count;
        if child.count > 0 {
            return inner.set(left_slot + 1, child);
        }
        inner.remove(left_slot + 1);
        let few = inner.len < FEWEST;
        if leaf {
            self.release_leaf(table, right);
        } else {
            self.release_inner(table, right, &mut path);
        }
        if few {
            self.mend(table, path, false);
        }
    }

    /// Joins or evens out two leaves; returns the count of the left one, and the right one, empty if they were joined.
    fn mend_leaves(&mut self, left_at: u32, right_at: u32) -> (u32, Child) {
        let mut right = self
            .leaves
            .get_mut(right_at as usize)
            .map_or_else(Leaf::default, std::mem::take);
        let left_count = self.leaves.get_mut(left_at as usize).map_or(0, |left| {
            left.mend(&mut right);
            left.len as u32
        });
        let child = Child {
            score: right.scores[0],
            id: right.ids[0],
            node: right_at,
            count: right.len as u32,
        };
        if let Some(slot) = self.leaves.get_mut(right_at as usize) {
            *slot = right;
        }
        (left_count, child)
    }

    /// Joins or evens out two inner nodes, likewise.
    fn mend_inners(&mut self, left_at: u32, right_at: u32) -> (u32, Child) {
        let mut right = self
            .inners
            .get_mut(right_at as usize)
            .map_or_else(Inner::default, std::mem::take);
        let left_count = self.inners.get_mut(left_at as usize).map_or(0, |left| {
            left.mend(&mut right);
            left.count()
        });
        let child = Child {
            score: right.scores[0],
            id: right.ids[0],
            node: right_at,
            count: right.count(),
        };
        if let Some(slot) = self.inners.get_mut(right_at as usize) {
            *slot = right;
        }
        (left_count, child)
    }

    /// Drops a root with a single child.
    fn lower_root(&mut self, table: &Table<Scored>) {
        let Some(inner) = self
            .inners
            .get(self.root as usize)
            .filter(|_| self.levels > 0)
        else {
            return;
        };
        if inner.len == 1 {
            let old = std::mem::replace(&mut self.root, inner.children[0]);
            self.levels -= 1;
            let mut path = Path::EMPTY;
            self.release_inner(table, old, &mut path);
        }
    }

    /// Removes a leaf that no parent has any more, and gives its number to the last leaf.
    fn release_leaf(&mut self, table: &Table<Scored>, at: u32) {
        let Some(leaf) = self.leaves.get(at as usize) else {
            return;
        };
        let (prev, next) = (leaf.prev, leaf.next);
        self.link_next(prev, next);
        self.link_prev(next, prev);
        let last = self.leaves.len() as u32 - 1;
        if at != last {
            self.replace_child(table, last, at, 0);
        }
        self.leaves.swap_remove(at as usize);
        if let Some(moved) = self.leaves.get(at as usize) {
            let (prev, next) = (moved.prev, moved.next);
            self.link_next(prev, at);
            self.link_prev(next, at);
        }
    }

    /// Removes an inner node that no parent has any more, and gives its number to the last one, in `path` too.
    fn release_inner(&mut self, table: &Table<Scored>, at: u32, path: &mut Path) {
        let last = self.inners.len() as u32 - 1;
        if self.root == last {
            self.root = if self.levels > 0 { at } else { self.root };
        }
        if at != last {
            (1..self.levels).for_each(|height| self.replace_child(table, last, at, height));
        }
        path.steps
            .iter_mut()
            .filter(|step| step.0 == last)
            .for_each(|step| step.0 = at);
        self.inners.swap_remove(at as usize);
    }

    /// Makes the parent of node `old`, which is `height` levels above the leaves, refer to it as `new`.
    fn replace_child(&mut self, table: &Table<Scored>, old: u32, new: u32, height: usize) {
        let first = match height {
            0 => self
                .leaves
                .get(old as usize)
                .map(|leaf| (leaf.scores[0], leaf.ids[0])),
            _ => self
                .inners
                .get(old as usize)
                .map(|inner| (inner.scores[0], inner.ids[0])),
        };
        let Some((score, id)) = first else { return };
        let key = Key {
            score,
            member: member(table, id),
        };
        let (path, _) = self.descend(table, key, |_, _| {});
        let Some(&(parent, slot)) = path
            .len
            .checked_sub(1 + height)
            .and_then(|step| path.steps.get(step))
        else {
            return;
        };
        if let Some(child) = self
            .inners
            .get_mut(parent as usize)
            .and_then(|inner| inner.children.get_mut(slot))
            && *child == old
        {
            *child = new;
        }
    }

    fn link_prev(&mut self, leaf: u32, prev: u32) {
        if let Some(leaf) = self.leaves.get_mut(leaf as usize) {
            leaf.prev = prev;
        }
    }

    fn link_next(&mut self, leaf: u32, next: u32) {
        if let Some(leaf) = self.leaves.get_mut(leaf as usize) {
            leaf.next = next;
        }
    }
}

#[cfg(test)]
impl Tree {
    /// Asserts every invariant below `node`; returns its count and its smallest element.
    fn check_node(
        &self,
        node: u32,
        levels: usize,
        is_root: bool,
        seen: &mut (usize, usize),
    ) -> (usize, (f64, u32)) {
        if levels == 0 {
            seen.0 += 1;
            let leaf = self.leaves.get(node as usize).unwrap();
            // The last leaf may be as short as what has arrived in order since it was opened.
            assert!(is_root || leaf.len >= FEWEST || leaf.next == NONE);
            return (leaf.len, (leaf.scores[0], leaf.ids[0]));
        }
        seen.1 += 1;
        let inner = self.inners.get(node as usize).unwrap();
        assert!(inner.len >= if is_root { 2 } else { FEWEST });
        let mut total = 0;
        for slot in 0..inner.len {
            let (count, minimum) = self.check_node(inner.children[slot], levels - 1, false, seen);
            assert_eq!(count, inner.counts[slot] as usize);
            assert_eq!(minimum, (inner.scores[slot], inner.ids[slot]));
            total += count;
        }
        (total, (inner.scores[0], inner.ids[0]))
    }

    /// Asserts every invariant of the tree.
    pub(super) fn check(&self) {
        let mut seen = (0, 0);
        assert_eq!(
            self.check_node(self.root, self.levels, true, &mut seen).0,
            self.len
        );
        assert_eq!(seen, (self.leaves.len(), self.inners.len()));
        assert_eq!(
            self.leaves.iter().filter(|leaf| leaf.prev == NONE).count(),
            1
        );
    }
}
