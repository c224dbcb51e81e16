//! A packed block: byte strings one after the other in a single allocation, walked from either end.
//!
//! Each element is framed by its length in front and the length of both behind, so that the block can be read in
//! either direction:
//!
//! ```text
//! forward length, 7 bits a byte | content | backward length, 7 bits a byte, read from the right
//! ```
//!
//! Free room may lie at both ends of the allocation, so that pushes at the front are as cheap as at the back, and an
//! insertion moves the shorter side. A position is the offset of an element from the start of the first.

use super::heap::heap_bytes;
use super::varint;
use std::ops::Range;

/// An element's offset in its block. Any change of the block before it makes it stale.
pub type Position = usize;

/// A block of byte strings.
#[derive(Debug, Clone, Default)]
pub struct Packed {
    buf: Box<[u8]>,
    start: usize,
    end: usize,
    count: usize,
}

/// Bytes that an element of `len` bytes takes in a block.
#[inline]
pub fn framed_len(len: usize) -> usize {
    let front = varint::len(len) + len;
    front + varint::len(front)
}

impl Packed {
    /// An empty block, which allocates nothing.
    pub fn new() -> Self {
        Packed::default()
    }

    /// How many elements it holds.
    #[inline]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it holds none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the elements with their framing.
    #[inline]
    pub fn byte_len(&self) -> usize {
        self.end - self.start
    }

    /// Bytes held on the heap.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        heap_bytes(self.buf.len())
    }

    /// The framed elements.
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.buf.get(self.start..self.end).unwrap_or_default()
    }

    /// The position of the first element.
    #[inline]
    pub fn first(&self) -> Option<Position> {
        (self.count > 0).then_some(0)
    }

    /// The position of the last element.
    #[inline]
    pub fn last(&self) -> Option<Position> {
        self.prev(self.byte_len())
    }

    /// The element at `at` and the position behind it; `None` at the end.
    #[inline]
    pub fn read(&self, at: Position) -> Option<(&[u8], Position)> {
        let rest = self.bytes().get(at..)?;
        let &first = rest.first()?;
        let (len, header) = if first < 0x80 {
            (usize::from(first), 1)
        } else {
            varint::read(rest)
        };
        let content = rest.get(header..header + len)?;
        Some((content, at + header + len + varint::len(header + len)))
    }

    /// The element at `at`; empty at the end.
    #[inline]
    pub fn get(&self, at: Position) -> &[u8] {
        self.read(at).map_or(&[], |(element, _)| element)
    }

    /// The position of the element behind the one at `at`.
    #[inline]
    pub fn next(&self, at: Position) -> Option<Position> {
        let (_, next) = self.read(at)?;
        (next < self.byte_len()).then_some(next)
    }

    /// The position of the element before `at`, which may be the end of the block.
    #[inline]
    pub fn prev(&self, at: Position) -> Option<Position> {
        let before = self.bytes().get(..at)?;
        if before.is_empty() {
            return None;
        }
        let (front, back) = varint::read_back(before);
        at.checked_sub(front + back)
    }

    /// The position of element number `index`, walked to from the nearer end.
    pub fn seek(&self, index: usize) -> Option<Position> {
        if index >= self.count {
            return None;
        }
        if index <= self.count / 2 {
            return (0..index).try_fold(0, |at, _| self.next(at));
        }
        (index..self.count).try_fold(self.byte_len(), |at, _| self.prev(at))
    }

    /// Appends an element.
    #[inline]
    pub fn push_back(&mut self, element: &[u8]) {
        self.insert(self.byte_len(), element);
    }

    /// Puts an element in front.
    #[inline]
    pub fn push_front(&mut self, element: &[u8]) {
        self.insert(0, element);
    }

    /// Puts an element in front of the one at `at`, or last when `at` is [`Packed::byte_len`].
    #[inline]
    pub fn insert(&mut self, at: Position, element: &[u8]) {
        self.count += 1;
        self.write_at(at, 0, element);
    }

    /// Replaces the element at `at`.
    pub fn replace(&mut self, at: Position, element: &[u8]) {
        if let Some((_, next)) = self.read(at) {
            self.write_at(at, next - at, element);
        }
    }

    /// Takes out up to `n` elements from the one at `at` on.
    pub fn remove(&mut self, at: Position, n: usize) {
        let mut end = at;
        for _ in 0..n {
            let Some((_, next)) = self.read(end) else {
                break;
            };
            end = next;
            self.count -= 1;
        }
        self.splice(at, end - at, 0);
        self.shrink_if_sparse();
    }

    /// Empties it and gives the memory back.
    pub fn clear(&mut self) {
        *self = Packed::default();
    }

    /// Takes the elements from the one at `at` on, which is number `index`, into a new block.
    pub fn split_off(&mut self, at: Position, index: usize) -> Packed {
        let tail: Box<[u8]> = self.bytes().get(at..).unwrap_or_default().into();
        let split = Packed {
            start: 0,
            end: tail.len(),
            buf: tail,
            count: self.count - index,
        };
        self.end = self.start + at.min(self.byte_len());
        self.count = index;
        self.shrink();
        split
    }

    /// The elements in order.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }

    /// The elements from the one at `at` on.
    pub fn iter_from(&self, at: Position) -> Iter<'_> {
        Iter {
            block: self,
            front: at,
            back: self.byte_len(),
        }
    }

    /// The elements before the one at `at`.
    pub fn iter_until(&self, at: Position) -> Iter<'_> {
        Iter {
            block: self,
            front: 0,
            back: at,
        }
    }

    /// The elements up to and with the one at `at`.
    pub fn iter_through(&self, at: Position) -> Iter<'_> {
        self.iter_until(self.read(at).map_or(at, |(_, next)| next))
    }

    /// The elements taken two by two: fields with values, members with scores.
    pub fn pairs(&self) -> Pairs<'_> {
        Pairs(self.iter())
    }

    /// The pairs of these numbers.
    pub fn pairs_between(&self, numbers: Range<usize>) -> Pairs<'_> {
        let position = |number| self.seek(2 * number).unwrap_or(self.byte_len());
        Pairs(Iter {
            block: self,
            front: position(numbers.start),
            back: position(numbers.end),
        })
    }

    /// The position of the first of a pair that equals `key`.
    #[inline]
    pub fn find_pair(&self, key: &[u8]) -> Option<Position> {
        let mut at = 0;
        loop {
            let (first, second) = self.read(at)?;
            if first == key {
                return Some(at);
            }
            (_, at) = self.read(second)?;
        }
    }

    /// The pair whose first is at `at`.
    #[inline]
    pub fn pair(&self, at: Position) -> Option<(&[u8], &[u8])> {
        let (first, second) = self.read(at)?;
        Some((first, self.get(second)))
    }

    /// Replaces the second of the pair whose first is at `at`.
    pub fn replace_second(&mut self, at: Position, element: &[u8]) {
        if let Some((_, second)) = self.read(at) {
            self.replace(second, element);
        }
    }

    /// Replaces `old` framed bytes at `at` by `element`, framed.
    #[inline]
    fn write_at(&mut self, at: Position, old: usize, element: &[u8]) {
        let header = varint::len(element.len());
        let front = header + element.len();
        let hole = self.splice(at, old, front + varint::len(front));
        varint::write(hole, element.len());
        hole[header..front].copy_from_slice(element);
        varint::write_back(&mut hole[front..], front);
    }

    /// Makes the `old` bytes at `at` become `new` bytes of unspecified content, which are returned to be written.
    #[inline]
    fn splice(&mut self, at: usize, old: usize, new: usize) -> &mut [u8] {
        let tail = self.byte_len() - at - old;
        if new <= old {
            self.close_gap(at, old, old - new, tail);
        } else {
            self.open_gap(at, old, new - old, tail);
        }
        let begin = self.start + at;
        &mut self.buf[begin..begin + new]
    }

    /// Gives up `gap` of the `old` bytes at `at`, moving the shorter side.
    fn close_gap(&mut self, at: usize, old: usize, gap: usize, tail: usize) {
        if gap == 0 {
            return;
        }
        if at < tail {
            self.buf
                .copy_within(self.start..self.start + at, self.start + gap);
            self.start += gap;
        } else {
            let from = self.start + at + old;
            self.buf.copy_within(from..self.end, from - gap);
            self.end -= gap;
        }
    }

    /// Makes room for `gap` more bytes at `at`, on the shorter side if it is free there, growing where neither is.
    #[inline]
    fn open_gap(&mut self, at: usize, old: usize, gap: usize, tail: usize) {
        let front_fits = self.start >= gap;
        let back_fits = self.buf.len() - self.end >= gap;
        if front_fits && (at < tail || !back_fits) {
            self.buf
                .copy_within(self.start..self.start + at, self.start - gap);
            self.start -= gap;
        } else if back_fits {
            let from = self.start + at + old;
            self.buf.copy_within(from..self.end, from + gap);
            self.end += gap;
        } else {
            self.grow(at, old, gap, tail);
        }
    }

    /// Moves to an allocation a quarter larger than needed, the new room on the side that is being pushed at.
    #[cold]
    fn grow(&mut self, at: usize, old: usize, gap: usize, tail: usize) {
        let len = self.byte_len() + gap;
        // One word short of a step of the allocator, so that none of what it hands out is lost.
        let capacity = (len + len / 4 + 16).next_multiple_of(16) + 8;
        let mut buf = vec![0; capacity].into_boxed_slice();
        let start = if at < tail { capacity - len } else { 0 };
        buf[start..start + at].copy_from_slice(&self.buf[self.start..self.start + at]);
        buf[start + len - tail - old..start + len]
            .copy_from_slice(&self.buf[self.start + at..self.end]);
        (self.buf, self.start, self.end) = (buf, start, start + len);
    }

    /// Gives back memory once less than half of it is used.
    fn shrink_if_sparse(&mut self) {
        if self.buf.len() > 64 && self.byte_len() < self.buf.len() / 2 {
            self.shrink();
        }
    }

    /// Gives back all memory not used.
    pub fn shrink(&mut self) {
        if self.byte_len() < self.buf.len() {
            self.buf = self.bytes().into();
            (self.start, self.end) = (0, self.buf.len());
        }
    }
}

/// The elements of a block, from either end.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    block: &'a Packed,
    front: Position,
    back: Position,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.front >= self.back {
            return None;
        }
        let (element, next) = self.block.read(self.front)?;
        self.front = next;
        Some(element)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = self.block.prev(self.back)?;
        Some(self.block.get(self.back))
    }
}

/// The elements of a block two by two, from either end.
#[derive(Debug, Clone)]
pub struct Pairs<'a>(Iter<'a>);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}

impl DoubleEndedIterator for Pairs<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let second = self.0.next_back()?;
        Some((self.0.next_back()?, second))
    }
}

#[cfg(test)]
mod tests {
    use super::{Packed, framed_len};
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Op {
        Insert(usize, Vec<u8>),
        Replace(usize, Vec<u8>),
        Remove(usize, usize),
        Split(usize),
    }

    fn element() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => prop::collection::vec(any::<u8>(), 0..20),
            1 => prop::collection::vec(any::<u8>(), 120..140),
            1 => (16_370usize..16_400).prop_map(|len| vec![7; len]),
        ]
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            3 => (prop_oneof![Just(0), Just(usize::MAX), any::<usize>()], element()).prop_map(|(i, e)| Op::Insert(i, e)),
            1 => (any::<usize>(), element()).prop_map(|(i, e)| Op::Replace(i, e)),
            1 => (any::<usize>(), 1usize..4).prop_map(|(i, n)| Op::Remove(i, n)),
            1 => any::<usize>().prop_map(Op::Split),
        ]
    }

    fn apply(block: &mut Packed, model: &mut Vec<Vec<u8>>, op: Op) {
        match op {
            Op::Insert(i, e) => {
                let i = if i == usize::MAX {
                    model.len()
                } else {
                    i % (model.len() + 1)
                };
                let at = block.seek(i).unwrap_or(block.byte_len());
                block.insert(at, &e);
                model.insert(i, e);
            }
            Op::Replace(i, e) if !model.is_empty() => {
                let i = i % model.len();
                block.replace(block.seek(i).unwrap(), &e);
                model[i] = e;
            }
            Op::Remove(i, n) if !model.is_empty() => {
                let i = i % model.len();
                block.remove(block.seek(i).unwrap(), n);
                model.drain(i..(i + n).min(model.len()));
            }
            Op::Split(i) if !model.is_empty() => {
                let i = i % model.len();
                let at = block.seek(i).unwrap();
                let tail = block.split_off(at, i);
                let tail_model = model.split_off(i);
                assert!(tail.iter().eq(tail_model.iter().map(Vec::as_slice)));
                assert_eq!(tail.len(), tail_model.len());
            }
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn behaves_as_a_vector_of_strings(ops in prop::collection::vec(op(), 1..80)) {
            let mut block = Packed::new();
            let mut model = Vec::new();
            for op in ops {
                apply(&mut block, &mut model, op);
                prop_assert_eq!(block.len(), model.len());
                prop_assert!(block.iter().eq(model.iter().map(Vec::as_slice)));
                prop_assert!(block.iter().rev().eq(model.iter().rev().map(Vec::as_slice)));
                prop_assert_eq!(block.byte_len(), model.iter().map(|e| framed_len(e.len())).sum::<usize>());
            }
        }
    }
}
