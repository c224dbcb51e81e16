//! Lists: packed blocks in a deque, as in Redis's quicklist.
//!
//! Both ends are cheap: a push writes into the block at that end, which keeps its free room on the side that is pushed
//! at. An index is found by walking the blocks' counts from the nearer end.

use super::Limits;
use super::heap::heap_bytes;
use super::packed::{Packed, Position, framed_len};
use std::collections::VecDeque;

/// Most bytes of a block whose size is limited by a count of elements.
const COUNTED_BLOCK_BYTES: usize = 8 * 1024;

/// One of the two ends of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The head: LPUSH, LPOP.
    Left,
    /// The tail: RPUSH, RPOP.
    Right,
}

/// A sequence of byte strings.
#[derive(Debug, Clone, Default)]
pub struct List {
    blocks: VecDeque<Packed>,
    len: usize,
    /// Bytes on the heap of the blocks' contents.
    content_bytes: usize,
}

/// How large a block may get.
#[derive(Debug, Clone, Copy)]
struct BlockLimit {
    elements: usize,
    bytes: usize,
}

impl BlockLimit {
    /// As `list-max-listpack-size` says: a count, or one of five sizes.
    #[inline]
    fn of(limits: &Limits) -> Self {
        match limits.list_max_listpack_size {
            0 => BlockLimit {
                elements: 1,
                bytes: COUNTED_BLOCK_BYTES,
            },
            count @ 1.. => BlockLimit {
                elements: count as usize,
                bytes: COUNTED_BLOCK_BYTES,
            },
            size => BlockLimit {
                elements: usize::MAX,
                bytes: 4096 << (size.max(-5) + 1).unsigned_abs(),
            },
        }
    }

    /// Whether a block of this many elements and bytes is allowed. One element always is.
    #[inline]
    fn allows(self, elements: usize, bytes: usize) -> bool {
        elements <= 1 || (elements <= self.elements && bytes <= self.bytes)
    }

    /// Whether one more element of `len` bytes is.
    #[inline]
    fn allows_in(self, block: &Packed, len: usize) -> bool {
        self.allows(block.len() + 1, block.byte_len() + framed_len(len))
    }
}

impl List {
    /// An empty list.
    pub fn new() -> Self {
        List::default()
    }

    /// How many elements it holds.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes held on the heap.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        heap_bytes(self.blocks.capacity() * size_of::<Packed>()) + self.content_bytes
    }

    /// The name that `OBJECT ENCODING` answers: Redis 7.0 has only this one.
    pub fn encoding(&self) -> &'static str {
        "quicklist"
    }

    /// How many blocks it is made of.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Adds an element at one end.
    #[inline]
    pub fn push(&mut self, end: End, element: &[u8], limits: &Limits) {
        let limit = BlockLimit::of(limits);
        let outer = match end {
            End::Left => self.blocks.front_mut(),
            End::Right => self.blocks.back_mut(),
        };
        self.len += 1;
        match outer {
            Some(block) if limit.allows_in(block, element.len()) => {
                let before = block.memory_bytes();
                match end {
                    End::Left => block.push_front(element),
                    End::Right => block.push_back(element),
                }
                self.content_bytes = self.content_bytes + block.memory_bytes() - before;
            }
            _ => self.start_block(end, element),
        }
    }

    /// The element at one end.
    #[inline]
    pub fn peek(&self, end: End) -> Option<&[u8]> {
        match end {
            End::Left => self
                .blocks
                .front()
                .and_then(|block| Some(block.get(block.first()?))),
            End::Right => self
                .blocks
                .back()
                .and_then(|block| Some(block.get(block.last()?))),
        }
    }

    /// Takes the element at one end off; false when there is none. Read it by [`List::peek`] before.
    #[inline]
    pub fn pop(&mut self, end: End) -> bool {
        let (at, position) = match end {
            End::Left => (0, self.blocks.front().and_then(Packed::first)),
            End::Right => (
                self.blocks.len().wrapping_sub(1),
                self.blocks.back().and_then(Packed::last),
            ),
        };
        let Some(position) = position else {
            return false;
        };
        self.change(at, |block| block.remove(position, 1));
        self.len -= 1;
        self.drop_if_empty(at);
        true
    }

    /// Element number `index`, from 0 at the left.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let (at, within) = self.locate(index)?;
        let block = self.blocks.get(at)?;
        Some(block.get(block.seek(within)?))
    }

    /// Replaces element number `index`; false when there is none.
    pub fn set(&mut self, index: usize, element: &[u8], limits: &Limits) -> bool {
        let Some((at, position)) = self.position(index) else {
            return false;
        };
        let fits = self.blocks.get(at).is_some_and(|block| {
            let others = block.byte_len() - framed_len(block.get(position).len());
            BlockLimit::of(limits).allows(block.len(), others + framed_len(element.len()))
        });
        if fits {
            self.change(at, |block| block.replace(position, element));
        } else {
            self.change(at, |block| block.remove(position, 1));
            self.len -= 1;
            self.drop_if_empty(at);
            self.insert(index, element, limits);
        }
        true
    }

    /// Puts an element in front of number `index`, or at the end when `index` is the length.
    pub fn insert(&mut self, index: usize, element: &[u8], limits: &Limits) {
        if index == 0 {
            return self.push(End::Left, element, limits);
        }
        let Some((at, position)) = self.position(index) else {
            return self.push(End::Right, element, limits);
        };
        self.len += 1;
        let limit = BlockLimit::of(limits);
        let fits = |at: usize| {
            self.blocks
                .get(at)
                .is_some_and(|block| limit.allows_in(block, element.len()))
        };
        if fits(at) {
            self.change(at, |block| block.insert(position, element));
        } else if position == 0 && at > 0 && fits(at - 1) {
            self.change(at - 1, |block| block.push_back(element));
        } else {
            self.insert_splitting(at, position, element, limit);
        }
    }

    /// Keeps `count` elements from number `start` on, and drops the rest.
    pub fn trim(&mut self, start: usize, count: usize) {
        let start = start.min(self.len);
        let count = count.min(self.len - start);
        self.drop_right(self.len - start - count);
        self.drop_left(start);
    }

    /// Takes out elements equal to `element`, at most `most` of them, beginning at one end. Returns how many.
    pub fn remove_equal(
        &mut self,
        element: &[u8],
        from: End,
        most: usize,
        limits: &Limits,
    ) -> usize {
        let mut removed = 0;
        let mut step = 0;
        while step < self.blocks.len() && removed < most {
            let at = match from {
                End::Left => step,
                End::Right => self.blocks.len() - 1 - step,
            };
            let gone = self.change(at, |block| {
                remove_equal(block, element, from, most - removed)
            });
            removed += gone;
            if !self.drop_if_empty(at) {
                step += 1;
            }
        }
        self.len -= removed;
        if removed > 0 {
            self.merge_small(limits);
        }
        removed
    }

    /// The elements from left to right.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.blocks.iter().flat_map(Packed::iter)
    }

    /// The elements from number `start` on, to the right.
    pub fn iter_from(&self, start: usize) -> impl Iterator<Item = &[u8]> {
        let (at, position) = self.position(start).unwrap_or((self.blocks.len(), 0));
        let first = self.blocks.get(at).map(|block| block.iter_from(position));
        let others = self.blocks.range((at + 1).min(self.blocks.len())..);
        first
            .into_iter()
            .flatten()
            .chain(others.flat_map(Packed::iter))
    }

    /// The elements from number `start` on, to the left.
    pub fn iter_back_from(&self, start: usize) -> impl Iterator<Item = &[u8]> {
        let found = self.position(start);
        let first = found
            .and_then(|(at, position)| Some(self.blocks.get(at)?.iter_through(position).rev()));
        let others = self.blocks.range(..found.map_or(0, |(at, _)| at));
        first
            .into_iter()
            .flatten()
            .chain(others.rev().flat_map(|block| block.iter().rev()))
    }

    /// Opens a new block at one end with one element, and closes the one that was there.
    fn start_block(&mut self, end: End, element: &[u8]) {
        let outer = match end {
            End::Left => 0,
            End::Right => self.blocks.len().saturating_sub(1),
        };
        if !self.blocks.is_empty() {
            self.change(outer, Packed::shrink);
        }
        let block = single(element);
        self.content_bytes += block.memory_bytes();
        match end {
            End::Left => self.blocks.push_front(block),
            End::Right => self.blocks.push_back(block),
        }
    }

    /// Puts an element at `position` of a full block, between its two halves.
    fn insert_splitting(
        &mut self,
        at: usize,
        position: Position,
        element: &[u8],
        limit: BlockLimit,
    ) {
        let Some(block) = self.blocks.get_mut(at) else {
            return;
        };
        let before = block.memory_bytes();
        let index = block.iter_until(position).count();
        let tail = block.split_off(position, index);
        self.content_bytes =
            self.content_bytes + block.memory_bytes() + tail.memory_bytes() - before;
        self.blocks.insert(at + 1, tail);
        if self
            .blocks
            .get(at)
            .is_some_and(|head| limit.allows_in(head, element.len()))
        {
            self.change(at, |head| head.push_back(element));
        } else if self
            .blocks
            .get(at + 1)
            .is_some_and(|tail| limit.allows_in(tail, element.len()))
        {
            self.change(at + 1, |tail| tail.push_front(element));
        } else {
            let middle = single(element);
            self.content_bytes += middle.memory_bytes();
            self.blocks.insert(at + 1, middle);
        }
        self.drop_if_empty(at);
    }

    /// The block that holds element number `index`, and its number there.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index < self.len / 2 {
            let mut within = index;
            for (at, block) in self.blocks.iter().enumerate() {
                match within.checked_sub(block.len()) {
                    Some(rest) => within = rest,
                    None => return Some((at, within)),
                }
            }
            return None;
        }
        let mut behind = self.len - index;
        for (at, block) in self.blocks.iter().enumerate().rev() {
            match block.len().checked_sub(behind) {
                Some(within) => return Some((at, within)),
                None => behind -= block.len(),
            }
        }
        None
    }

    /// The block that holds element number `index`, and its position there.
    fn position(&self, index: usize) -> Option<(usize, Position)> {
        let (at, within) = self.locate(index)?;
        Some((at, self.blocks.get(at)?.seek(within)?))
    }

    /// Changes a block and keeps the account of its memory.
    #[inline]
    fn change<R: Default>(&mut self, at: usize, change: impl FnOnce(&mut Packed) -> R) -> R {
        let Some(block) = self.blocks.get_mut(at) else {
            return R::default();
        };
        let before = block.memory_bytes();
        let result = change(block);
        self.content_bytes = self.content_bytes + block.memory_bytes() - before;
        result
    }

    /// Removes a block that holds nothing; true if it did.
    #[inline]
    fn drop_if_empty(&mut self, at: usize) -> bool {
        if !self.blocks.get(at).is_some_and(Packed::is_empty) {
            return false;
        }
        if let Some(block) = self.blocks.remove(at) {
            self.content_bytes -= block.memory_bytes();
        }
        if self.blocks.capacity() > 4 * self.blocks.len() + 8 {
            self.blocks.shrink_to(2 * self.blocks.len());
        }
        true
    }

    /// Drops the `n` elements furthest to the left.
    fn drop_left(&mut self, mut n: usize) {
        self.len -= n;
        while n > 0 {
            let Some(block) = self.blocks.front() else {
                return;
            };
            let here = n.min(block.len());
            self.change(0, |block| block.remove(0, here));
            self.drop_if_empty(0);
            n -= here;
        }
    }

    /// Drops the `n` elements furthest to the right.
    fn drop_right(&mut self, mut n: usize) {
        self.len -= n;
        while n > 0 {
            let at = self.blocks.len().wrapping_sub(1);
            let Some(block) = self.blocks.back() else {
                return;
            };
            let here = n.min(block.len());
            let position = block.seek(block.len() - here).unwrap_or(0);
            self.change(at, |block| block.remove(position, here));
            self.drop_if_empty(at);
            n -= here;
        }
    }

    /// Joins neighbours that fit into one block.
    fn merge_small(&mut self, limits: &Limits) {
        let limit = BlockLimit::of(limits);
        let mut at = 0;
        while at + 1 < self.blocks.len() {
            let (left, right) = (&self.blocks[at], &self.blocks[at + 1]);
            if limit.allows(left.len() + right.len(), left.byte_len() + right.byte_len()) {
                self.merge_with_next(at);
            } else {
                at += 1;
            }
        }
    }

    /// Moves the elements of the next block into this one.
    fn merge_with_next(&mut self, at: usize) {
        let Some(next) = self.blocks.remove(at + 1) else {
            return;
        };
        self.content_bytes -= next.memory_bytes();
        self.change(at, |block| {
            next.iter().for_each(|element| block.push_back(element))
        });
    }
}

/// A block of one element.
fn single(element: &[u8]) -> Packed {
    let mut block = Packed::new();
    block.push_back(element);
    block
}

/// Takes out of a block what is equal to `element`, at most `most`, beginning at one end. Returns how many.
fn remove_equal(block: &mut Packed, element: &[u8], from: End, most: usize) -> usize {
    let mut removed = 0;
    let mut at = match from {
        End::Left => block.first(),
        End::Right => block.last(),
    };
    while let Some(position) = at
        && removed < most
    {
        let equal = block.get(position) == element;
        if equal {
            block.remove(position, 1);
            removed += 1;
        }
        at = match from {
            End::Left if equal => (position < block.byte_len()).then_some(position),
            End::Left => block.next(position),
            End::Right => block.prev(position),
        };
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::super::heap::heap_bytes;
    use super::{End, Limits, List, Packed};
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[derive(Debug, Clone)]
    enum Op {
        Push(End, Vec<u8>),
        Pop(End),
        Set(usize, Vec<u8>),
        Insert(usize, Vec<u8>),
        Trim(usize, usize),
        Remove(Vec<u8>, End, usize),
    }

    fn end() -> impl Strategy<Value = End> {
        prop_oneof![Just(End::Left), Just(End::Right)]
    }

    fn element() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            8 => "[ab]{1,2}".prop_map(String::into_bytes),
            2 => prop::collection::vec(any::<u8>(), 30..300),
            1 => prop::collection::vec(any::<u8>(), 4000..5000),
        ]
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            12 => (end(), element()).prop_map(|(end, e)| Op::Push(end, e)),
            3 => end().prop_map(Op::Pop),
            3 => (any::<usize>(), element()).prop_map(|(i, e)| Op::Set(i, e)),
            6 => (any::<usize>(), element()).prop_map(|(i, e)| Op::Insert(i, e)),
            1 => (0usize..10, 0usize..60).prop_map(|(start, count)| Op::Trim(start, count)),
            1 => ("[ab]{1,2}", end(), 1usize..9).prop_map(|(e, end, n)| Op::Remove(e.into_bytes(), end, n)),
        ]
    }

    fn limits(size: i64) -> Limits {
        Limits {
            list_max_listpack_size: size,
            ..Limits::default()
        }
    }

    fn apply_edit(list: &mut List, model: &mut VecDeque<Vec<u8>>, op: Op, limits: &Limits) {
        match op {
            Op::Push(End::Left, e) => (list.push(End::Left, &e, limits), model.push_front(e)).1,
            Op::Push(End::Right, e) => (list.push(End::Right, &e, limits), model.push_back(e)).1,
            Op::Pop(end) => {
                let expected = if end == End::Left {
                    model.pop_front()
                } else {
                    model.pop_back()
                };
                assert_eq!(list.peek(end), expected.as_deref());
                assert_eq!(list.pop(end), expected.is_some());
            }
            Op::Set(i, e) if !model.is_empty() => {
                let i = i % model.len();
                assert!(list.set(i, &e, limits));
                model[i] = e;
            }
            Op::Insert(i, e) => {
                let i = i % (model.len() + 1);
                list.insert(i, &e, limits);
                model.insert(i, e);
            }
            Op::Trim(start, count) => {
                list.trim(start, count);
                *model = model.iter().skip(start).take(count).cloned().collect();
            }
            Op::Remove(e, from, most) => {
                let mut hits: Vec<_> = (0..model.len()).filter(|&i| model[i] == e).collect();
                if from == End::Right {
                    hits.reverse();
                }
                hits.truncate(most);
                hits.sort_unstable();
                assert_eq!(list.remove_equal(&e, from, most, limits), hits.len());
                hits.iter().rev().for_each(|&i| drop(model.remove(i)));
            }
            Op::Set(..) => {}
        }
    }

    proptest! {
        #[test]
        fn behaves_as_a_deque(size in prop_oneof![Just(-1), Just(-2), 1i64..6], ops in prop::collection::vec(op(), 1..150)) {
            let limits = limits(size);
            let (mut list, mut model) = (List::new(), VecDeque::new());
            for op in ops {
                apply_edit(&mut list, &mut model, op, &limits);
                prop_assert_eq!(list.len(), model.len());
                prop_assert!(list.iter().eq(model.iter().map(Vec::as_slice)));
                let content: usize = list.blocks.iter().map(Packed::memory_bytes).sum();
                let deque = heap_bytes(list.blocks.capacity() * size_of::<Packed>());
                prop_assert_eq!(list.memory_bytes(), content + deque);
                prop_assert!(list.blocks.iter().all(|block| !block.is_empty()));
                prop_assert!(size < 0 || list.blocks.iter().all(|block| block.len() <= size as usize));
            }
            for (i, e) in model.iter().enumerate() {
                prop_assert_eq!(list.get(i), Some(e.as_slice()));
                prop_assert!(list.iter_from(i).eq(model.range(i..).map(Vec::as_slice)));
                prop_assert!(list.iter_back_from(i).eq(model.range(..=i).rev().map(Vec::as_slice)));
            }
            prop_assert_eq!(list.iter_from(model.len()).next(), None);
        }
    }
}
