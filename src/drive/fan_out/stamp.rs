//! What a message says of its publication: whose it is, when it was due and sent, and its number.
//!
//! Four words of 64 bits, little-endian, at the end of the message: a tag of the run, nanoseconds from the run's origin to
//! the due time and to the send, and the publication, by connection and number.

use crate::workload::plan::FanOut;

/// Bytes of a stamp.
pub(super) const STAMP_BYTES: usize = FanOut::STAMP_BYTES as usize;

/// What a message says of its publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The same in all messages of a phase, and in no others.
    pub(super) tag: u64,
    pub(super) due_ns: u64,
    pub(super) sent_ns: u64,
    pub(super) publication: Publication,
}

/// Which message of which connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::drive) struct Publication {
    /// Unique among the connections of a phase; 0 for none.
    pub(super) connection: u32,
    /// From 1.
    pub(super) number: u32,
}

impl Stamp {
    /// Writes itself over the end of `message`.
    pub(super) fn write(self, message: &mut [u8]) {
        let Publication { connection, number } = self.publication;
        let words = [
            self.tag,
            self.due_ns,
            self.sent_ns,
            u64::from(connection) << 32 | u64::from(number),
        ];
        let start = message.len().saturating_sub(STAMP_BYTES);
        let places = message.get_mut(start..).unwrap_or_default();
        for (place, word) in places.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
    }

    /// What stands at the end of `message`; none where it is too short.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let stamp = message.last_chunk::<STAMP_BYTES>()?;
        let mut words = stamp.chunks_exact(8).map(|word| {
            let word = word.first_chunk::<8>().copied().unwrap_or_default();
            u64::from_le_bytes(word)
        });
        let (tag, due_ns, sent_ns, publication) =
            (words.next()?, words.next()?, words.next()?, words.next()?);
        Some(Self {
            tag,
            due_ns,
            sent_ns,
            publication: Publication {
                connection: (publication >> 32) as u32,
                number: publication as u32,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let stamp = Stamp {
            tag: 7,
            due_ns: u64::MAX,
            sent_ns: 1,
            publication: Publication {
                connection: u32::MAX,
                number: 3,
            },
        };
        let mut message = vec![b'x'; STAMP_BYTES + 5];
        stamp.write(&mut message);
        assert_eq!(Stamp::read(&message), Some(stamp));
        assert_eq!(&message[..5], b"xxxxx");
        assert_eq!(Stamp::read(&message[..STAMP_BYTES - 1]), None);
    }
}
