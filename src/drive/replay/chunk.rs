//! Recorded requests by the thousand, in two pieces of memory that are used again and again.

/// Bytes after which a chunk is full.
const BYTES: usize = 4 << 20;

/// A request as it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recorded {
    /// When, nanoseconds since the first.
    pub(super) at_ns: u64,
    /// Place in the load's list of operations.
    pub(super) operation: u16,
    /// Size of the value, where that was recorded.
    pub(super) size: Option<u32>,
    /// Time to live of what is written, milliseconds; 0 for none.
    pub(super) ttl_ms: u64,
}

/// How a trace came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// All of it was read, or as much as was asked for.
    Reached,
    /// It could not be read any further.
    Damaged(String),
}

/// Requests in their order.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// With where each ends in `bytes`.
    requests: Vec<(Recorded, usize)>,
    /// Of each request its key, or the whole command.
    bytes: Vec<u8>,
    /// Nothing comes after this chunk.
    pub(super) end: Option<End>,
}

impl Chunk {
    pub(super) fn clear(&mut self) {
        self.requests.clear();
        self.bytes.clear();
        self.end = None;
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= BYTES
    }

    pub(super) fn push(&mut self, request: Recorded, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.requests.push((request, self.bytes.len()));
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Request `number` and its bytes.
    #[inline]
    pub(super) fn get(&self, number: usize) -> Option<(Recorded, &[u8])> {
        let (request, end) = *self.requests.get(number)?;
        let before = number.checked_sub(1).and_then(|one| self.requests.get(one));
        let start = before.map_or(0, |(_, end)| *end);
        Some((request, self.bytes.get(start..end)?))
    }

    /// How many requests from `number` on were recorded up to `at_ns`.
    pub(super) fn until(&self, number: usize, at_ns: u64) -> usize {
        let rest = self.requests.get(number..).unwrap_or_default();
        rest.partition_point(|(request, _)| request.at_ns <= at_ns)
    }

    /// The times of all requests, to be changed.
    pub(super) fn set_time(&mut self, number: usize, at_ns: u64) {
        if let Some((request, _)) = self.requests.get_mut(number) {
            request.at_ns = at_ns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_out_as_they_went_in() {
        let mut chunk = Chunk::default();
        for (at_ns, key) in [(5, "a"), (7, ""), (9, "ccc")] {
            let request = Recorded {
                at_ns,
                operation: 1,
                size: None,
                ttl_ms: 0,
            };
            chunk.push(request, |bytes| bytes.extend_from_slice(key.as_bytes()));
        }
        let key = |number| chunk.get(number).map(|(_, key)| key);
        assert_eq!(
            [key(0), key(1), key(2)],
            [Some(&b"a"[..]), Some(b""), Some(b"ccc")]
        );
        assert_eq!(key(3), None);
        assert_eq!(
            (chunk.until(0, 7), chunk.until(1, 7), chunk.until(3, 99)),
            (2, 1, 0)
        );
    }
}
