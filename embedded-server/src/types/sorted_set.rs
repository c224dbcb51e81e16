//! Distinct members in the order of their scores.

/// Distinct members in the order of their scores.
#[derive(Debug, Clone, Default)]
pub struct SortedSet {}

impl SortedSet {
    /// How many elements it holds.
    pub fn len(&self) -> usize {
        0
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held on the heap.
    pub fn memory_bytes(&self) -> usize {
        0
    }

    /// The name that `OBJECT ENCODING` answers.
    pub fn encoding(&self) -> &'static str {
        "listpack"
    }
}
