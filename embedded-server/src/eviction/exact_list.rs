//! Exact LRU: every key in one list, ordered by its last access.
//!
//! The yardstick for the sampled policies: what they approximate, at 32 bytes a key and some writes to memory per access.
//! A key's access word is the number of its node in an arena.

use super::Handle;
use crate::types::heap::heap_bytes;

/// No node.
const NIL: u32 = u32::MAX;

/// Nodes are allocated this many at a time, so that growing moves none.
const BLOCK_NODES: usize = 128;

#[derive(Clone, Copy, Debug)]
struct Node {
    handle: Handle,
    touched_ms: i64,
    /// Towards the least recently used; in a free node, the next free one.
    older: u32,
    newer: u32,
}

const VACANT: Node = Node {
    handle: Handle { group: 0, id: 0 },
    touched_ms: 0,
    older: NIL,
    newer: NIL,
};

/// The list.
#[derive(Debug)]
pub struct ExactList {
    blocks: Vec<Box<[Node; BLOCK_NODES]>>,
    oldest: u32,
    newest: u32,
    free: u32,
    now_ms: i64,
}

impl ExactList {
    /// An empty list.
    pub(super) fn new() -> Self {
        Self {
            blocks: Vec::new(),
            oldest: NIL,
            newest: NIL,
            free: NIL,
            now_ms: 0,
        }
    }

    /// Tells the time.
    pub(super) fn set_now_ms(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
    }

    /// Adds a key as the most recently used; its word.
    pub(super) fn add(&mut self, handle: Handle) -> u32 {
        let word = self.take_free();
        *self.node_mut(word) = Node {
            handle,
            touched_ms: self.now_ms,
            ..VACANT
        };
        self.link_after(self.newest, word);
        word
    }

    /// Adds a key that was last used `idle_ms` ago, in its place among the others. Looks for the place from the least
    /// recently used on, so it is cheap to add keys in the order of their ages, whichever way.
    pub(super) fn add_idle(&mut self, handle: Handle, idle_ms: u64) -> u32 {
        let touched_ms = self.now_ms.saturating_sub_unsigned(idle_ms);
        let word = self.take_free();
        *self.node_mut(word) = Node {
            handle,
            touched_ms,
            ..VACANT
        };
        self.link_after(self.last_before(touched_ms), word);
        word
    }

    /// The newest node that was touched no later than then.
    fn last_before(&self, touched_ms: i64) -> u32 {
        if self.newest != NIL && self.node(self.newest).touched_ms <= touched_ms {
            return self.newest;
        }
        let (mut before, mut at) = (NIL, self.oldest);
        while at != NIL && self.node(at).touched_ms <= touched_ms {
            (before, at) = (at, self.node(at).newer);
        }
        before
    }

    /// Makes a key the most recently used.
    pub(super) fn touch(&mut self, word: u32) {
        if word != self.newest {
            self.unlink(word);
            self.link_after(self.newest, word);
        }
        self.node_mut(word).touched_ms = self.now_ms;
    }

    /// Removes a key.
    pub(super) fn remove(&mut self, word: u32) {
        self.unlink(word);
        *self.node_mut(word) = Node {
            older: self.free,
            ..VACANT
        };
        self.free = word;
    }

    /// Gives a key another handle in the same place.
    pub(super) fn rename(&mut self, word: u32, handle: Handle) {
        self.node_mut(word).handle = handle;
    }

    /// How long ago a key was used.
    pub(super) fn idle_ms(&self, word: u32) -> u64 {
        u64::try_from(self.now_ms.saturating_sub(self.node(word).touched_ms)).unwrap_or(0)
    }

    /// The least recently used key that `is_there`.
    pub(super) fn oldest(&self, is_there: impl Fn(Handle) -> bool) -> Option<Handle> {
        let mut at = self.oldest;
        while at != NIL {
            let node = self.node(at);
            if is_there(node.handle) {
                return Some(node.handle);
            }
            at = node.newer;
        }
        None
    }

    /// Bytes it occupies.
    pub(super) fn bytes(&self) -> usize {
        self.blocks.len() * BLOCK_BYTES + heap_bytes(self.blocks.capacity() * POINTER_BYTES)
    }

    /// Bytes by which it would grow for one more key.
    pub(super) fn growth_bytes(&self) -> usize {
        let (len, capacity) = (self.blocks.len(), self.blocks.capacity());
        if self.free != NIL {
            0
        } else if len < capacity {
            BLOCK_BYTES
        } else {
            BLOCK_BYTES + heap_bytes((len + headroom(len)) * POINTER_BYTES)
                - heap_bytes(capacity * POINTER_BYTES)
        }
    }

    fn take_free(&mut self) -> u32 {
        if self.free == NIL {
            self.add_block();
        }
        let word = self.free;
        self.free = self.node(word).older;
        word
    }

    fn add_block(&mut self) {
        let len = self.blocks.len();
        if len == self.blocks.capacity() {
            self.blocks.reserve_exact(headroom(len));
        }
        let first = (len * BLOCK_NODES) as u32;
        self.blocks.push(Box::new([VACANT; BLOCK_NODES]));
        for word in (first..first + BLOCK_NODES as u32).rev() {
            self.node_mut(word).older = self.free;
            self.free = word;
        }
    }

    /// Links a node right behind `before` (towards the newest), at the very front if that is none.
    fn link_after(&mut self, before: u32, word: u32) {
        let after = if before == NIL {
            self.oldest
        } else {
            self.node(before).newer
        };
        let node = self.node_mut(word);
        (node.older, node.newer) = (before, after);
        self.join(before, word);
        self.join(word, after);
    }

    fn unlink(&mut self, word: u32) {
        let Node { older, newer, .. } = *self.node(word);
        self.join(older, newer);
    }

    /// Makes two nodes neighbours; `NIL` stands for the respective end.
    fn join(&mut self, older: u32, newer: u32) {
        if older == NIL {
            self.oldest = newer
        } else {
            self.node_mut(older).newer = newer
        }
        if newer == NIL {
            self.newest = older
        } else {
            self.node_mut(newer).older = older
        }
    }

    fn node(&self, word: u32) -> &Node {
        &self.blocks[word as usize / BLOCK_NODES][word as usize % BLOCK_NODES]
    }

    fn node_mut(&mut self, word: u32) -> &mut Node {
        &mut self.blocks[word as usize / BLOCK_NODES][word as usize % BLOCK_NODES]
    }
}

const BLOCK_BYTES: usize = heap_bytes(BLOCK_NODES * size_of::<Node>());
const POINTER_BYTES: usize = size_of::<Box<[Node; BLOCK_NODES]>>();

/// Room for more blocks to reserve when their list is full.
fn headroom(blocks: usize) -> usize {
    (blocks / 8).max(8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(list: &ExactList) -> Vec<u64> {
        let (mut order, mut at, mut before) = (Vec::new(), list.oldest, NIL);
        while at != NIL {
            assert_eq!(list.node(at).older, before);
            order.push(list.node(at).handle.id);
            (before, at) = (at, list.node(at).newer);
        }
        assert_eq!(list.newest, before);
        order
    }

    proptest! {
        #[test]
        fn orders_as_a_plain_list_does(steps in proptest::collection::vec((0_u8..5, 0_usize..400, 0_u64..50), 1..400)) {
            // The model: (id, touched, word), the oldest first.
            let (mut list, mut model) = (ExactList::new(), Vec::<(u64, i64, u32)>::new());
            for (now_ms, (kind, at, idle)) in (0_i64..).zip(steps) {
                list.set_now_ms(now_ms);
                let id = now_ms as u64;
                let at = at % model.len().max(1);
                match kind {
                    0 | 1 => {
                        let announced = list.bytes() + list.growth_bytes();
                        model.push((id, now_ms, list.add(Handle { group: 0, id })));
                        prop_assert_eq!(list.bytes(), announced);
                    }
                    2 => {
                        let touched = now_ms - idle as i64;
                        let place = model.partition_point(|&(_, other, _)| other <= touched);
                        model.insert(place, (id, touched, list.add_idle(Handle { group: 0, id }, idle)));
                    }
                    3 if !model.is_empty() => {
                        let (id, _, word) = model.remove(at);
                        list.touch(word);
                        model.push((id, now_ms, word));
                    }
                    4 if !model.is_empty() => list.remove(model.remove(at).2),
                    _ => {}
                }
                prop_assert_eq!(order(&list), model.iter().map(|&(id, ..)| id).collect::<Vec<_>>());
                for &(_, touched, word) in &model {
                    prop_assert_eq!(list.idle_ms(word), (now_ms - touched) as u64);
                }
            }
        }
    }
}
