//! A vector in chunks: it grows without ever moving what it already holds, so no push costs more than one chunk.

use super::heap::heap_bytes;

/// A vector of `T` stored in chunks of `CHUNK` elements.
///
/// The first chunk grows as a plain vector does; the others are allocated whole.
#[derive(Debug, Clone)]
pub struct Chunked<T, const CHUNK: usize = 512> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T, const CHUNK: usize> Default for Chunked<T, CHUNK> {
    fn default() -> Self {
        Chunked {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

impl<T, const CHUNK: usize> Chunked<T, CHUNK> {
    /// How many elements it holds.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The element at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// The element at `index`, to change.
    #[inline]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }

    /// Appends an element.
    #[inline]
    pub fn push(&mut self, element: T) {
        if self.len.is_multiple_of(CHUNK) {
            let capacity = if self.len == 0 { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(capacity));
        }
        if let Some(last) = self.chunks.last_mut() {
            last.push(element);
            self.len += 1;
        }
    }

    /// Takes the last element off, and gives its chunk back when that was its last.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.chunks.last_mut()?;
        let element = last.pop()?;
        if last.is_empty() {
            self.chunks.pop();
        }
        self.len -= 1;
        Some(element)
    }

    /// Takes out the element at `index` and puts the last one in its place.
    pub fn swap_remove(&mut self, index: usize) -> Option<T> {
        if index >= self.len {
            return None;
        }
        let last = self.pop()?;
        Some(match self.get_mut(index) {
            Some(hole) => std::mem::replace(hole, last),
            None => last,
        })
    }

    /// The elements in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.chunks.iter().flatten()
    }

    /// Bytes held on the heap for the elements themselves, not for what they point at.
    pub fn memory_bytes(&self) -> usize {
        let first = self.chunks.first().map_or(0, Vec::capacity);
        let others = self.chunks.len().saturating_sub(1);
        heap_bytes(self.chunks.capacity() * size_of::<Vec<T>>())
            + heap_bytes(first * size_of::<T>())
            + others * heap_bytes(CHUNK * size_of::<T>())
    }
}

#[cfg(test)]
mod tests {
    use super::Chunked;

    #[test]
    fn behaves_as_a_vector_across_chunks() {
        let mut chunked: Chunked<u32> = Chunked::default();
        let mut model = Vec::new();
        for i in 0..2000u32 {
            chunked.push(i);
            model.push(i);
            if i % 3 == 0 {
                let at = (i as usize * 7) % model.len();
                assert_eq!(chunked.swap_remove(at), Some(model.swap_remove(at)));
            }
        }
        assert!(chunked.iter().eq(model.iter()));
        assert_eq!(chunked.get(model.len()), None);
        while let Some(last) = model.pop() {
            assert_eq!(chunked.pop(), Some(last));
        }
        assert_eq!((chunked.pop(), chunked.len()), (None, 0));
    }
}
