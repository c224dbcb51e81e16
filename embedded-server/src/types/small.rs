//! A byte string that keeps short content inside itself: most members and fields cost no allocation and no cache miss.

use super::heap::heap_bytes;
use std::fmt;
use std::ops::Deref;

/// The longest content kept inside, in bytes: what fits beside the tag and the length in 24.
const INLINE: usize = 22;

/// An owned, immutable byte string of 24 bytes, holding up to 22 bytes in place and longer ones on the heap.
#[derive(Clone)]
pub struct SmallBytes(Repr);

#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE] },
    Heap(Box<[u8]>),
}

impl SmallBytes {
    /// Joins `parts` into one string.
    #[inline]
    pub fn concat(parts: &[&[u8]]) -> Self {
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        if len > INLINE {
            return SmallBytes(Repr::Heap(parts.concat().into_boxed_slice()));
        }
        let mut bytes = [0; INLINE];
        let mut at = 0;
        for part in parts {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        SmallBytes(Repr::Inline {
            len: len as u8,
            bytes,
        })
    }

    /// The content.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..usize::from(*len).min(INLINE)],
            Repr::Heap(bytes) => bytes,
        }
    }

    /// The content, to be overwritten in place.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Repr::Inline { len, bytes } => &mut bytes[..usize::from(*len).min(INLINE)],
            Repr::Heap(bytes) => bytes,
        }
    }

    /// Bytes held on the heap.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        match &self.0 {
            Repr::Inline { .. } => 0,
            Repr::Heap(bytes) => heap_bytes(bytes.len()),
        }
    }
}

impl From<&[u8]> for SmallBytes {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        SmallBytes::concat(&[bytes])
    }
}

impl Deref for SmallBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl fmt::Debug for SmallBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::SmallBytes;

    #[test]
    fn is_three_words_and_keeps_any_length() {
        assert_eq!(size_of::<SmallBytes>(), 24);
        for len in 0..64 {
            let bytes: Vec<u8> = (0..len).collect();
            let small = SmallBytes::from(&bytes[..]);
            assert_eq!(&*small, &bytes[..]);
            assert_eq!(small.memory_bytes() > 0, len > 22);
        }
    }
}
