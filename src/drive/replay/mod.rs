//! Requests that somebody recorded, on their way from a trace to the connections.
//!
//! One thread reads the trace ([`reader`]) and deals its requests out to the workers, a key always to the same one, in
//! chunks that go round: nothing is allocated once all are in use, and a trace of any length takes the same memory.

mod chunk;
mod command;
mod meaning;
mod reader;

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};

use super::encode::append_number;
use crate::traffic::ValueSource;
use crate::workload::plan::Effect;
use chunk::{Chunk, End, Recorded};

pub use meaning::meaning;
pub use reader::Replaying;

/// Places of the operations of a replay: those of traces of keys, and then those of whole commands.
pub(super) const READ: u16 = 0;
const WRITE: u16 = 1;
const DELETE: u16 = 2;
const INCREMENT: u16 = 3;

/// The place of the operation that a whole command with this effect counts as, behind the others.
fn place_of(effect: Effect) -> u16 {
    match effect {
        Effect::Read => 4,
        Effect::Search | Effect::Exists => 5,
        Effect::Write => 6,
        Effect::Delete => 7,
        Effect::ReadMany | Effect::Alter | Effect::Other => 8,
    }
}

/// One worker's side.
#[derive(Debug)]
pub(super) struct Replay {
    feed: Receiver<Chunk>,
    /// Takes chunks back.
    empty: Sender<Chunk>,
    chunk: Chunk,
    /// Of the chunk, the request that is next.
    next: usize,
    end: Option<End>,
    began_ns: u64,
    /// How much faster than recorded; none for as fast as possible.
    speed: Option<f64>,
    values: ValueSource,
    /// Whether reads that miss are followed by writes.
    fills: bool,
    /// What a read that was just answered asked for.
    asked: (Recorded, Vec<u8>),
}

impl Replay {
    pub(super) fn begin(&mut self, now_ns: u64) {
        self.began_ns = now_ns;
    }

    /// Whether requests are due when they were recorded, rather than when there is a place for them.
    pub(super) fn is_paced(&self) -> bool {
        self.speed.is_some()
    }

    /// When the next request is due; none where there is none, or none has been read yet.
    #[inline]
    pub(super) fn due_ns(&mut self, now_ns: u64) -> Option<u64> {
        self.pull();
        let (request, _) = self.chunk.get(self.next)?;
        Some(self.placed(request.at_ns).unwrap_or(now_ns))
    }

    /// Requests at hand that are due at `now_ns`.
    pub(super) fn at_hand(&mut self, now_ns: u64) -> u64 {
        self.pull();
        let until_ns = match self.speed {
            Some(speed) => (now_ns.saturating_sub(self.began_ns) as f64 * speed) as u64,
            None => u64::MAX,
        };
        self.chunk.until(self.next, until_ns) as u64
    }

    /// When the first of those at hand is due that is not due at `now_ns`.
    pub(super) fn next_after(&mut self, now_ns: u64) -> Option<u64> {
        let place = self.next + self.at_hand(now_ns) as usize;
        let (request, _) = self.chunk.get(place)?;
        self.placed(request.at_ns)
    }

    /// Whether nothing is left of the trace.
    pub(super) fn is_exhausted(&mut self) -> bool {
        self.pull();
        self.end.is_some() && self.next >= self.chunk.len()
    }

    /// Why the trace ended before its end.
    pub(super) fn damage(&self) -> Option<String> {
        match &self.end {
            Some(End::Damaged(why)) => Some(why.clone()),
            Some(End::Reached) | None => None,
        }
    }

    fn placed(&self, at_ns: u64) -> Option<u64> {
        let speed = self.speed?;
        Some(self.began_ns.saturating_add((at_ns as f64 / speed) as u64))
    }

    /// Takes the next chunk where this one is used up and there is one.
    #[inline]
    fn pull(&mut self) {
        while self.next >= self.chunk.len() && self.end.is_none() {
            match self.feed.try_recv() {
                Ok(chunk) => self.take(chunk),
                Err(TryRecvError::Empty) => return,
                // Its thread has panicked, or a worker could not begin.
                Err(TryRecvError::Disconnected) => {
                    self.end = Some(End::Damaged("the trace is read no further".to_owned()));
                }
            }
        }
    }

    fn take(&mut self, chunk: Chunk) {
        let mut used = std::mem::replace(&mut self.chunk, chunk);
        self.next = 0;
        self.end.clone_from(&self.chunk.end);
        used.clear();
        // The reader may be through.
        let _ = self.empty.send(used);
    }

    /// Appends the next request to `out`, and what must be known when its reply comes to `asked`; its operation.
    #[inline]
    pub(super) fn append(&mut self, asked: &mut VecDeque<u8>, out: &mut Vec<u8>) -> Option<u16> {
        let (request, bytes) = self.chunk.get(self.next)?;
        self.next += 1;
        match request.operation {
            READ => append_short(b"*2\r\n$3\r\nGET", bytes, out),
            WRITE => append_set(&self.values, request, bytes, out),
            DELETE => append_short(b"*2\r\n$3\r\nDEL", bytes, out),
            INCREMENT => append_short(b"*2\r\n$4\r\nINCR", bytes, out),
            _ => out.extend_from_slice(bytes),
        }
        if request.operation == READ && self.fills {
            remember(request, bytes, asked);
        }
        Some(request.operation)
    }

    /// The oldest read of a connection was answered.
    #[inline]
    pub(super) fn recall(&mut self, asked: &mut VecDeque<u8>) {
        recall(asked, &mut self.asked);
    }

    /// Appends the write that follows it.
    pub(super) fn append_follower(&self, out: &mut Vec<u8>) {
        append_set(&self.values, self.asked.0, &self.asked.1, out);
    }
}

fn append_short(head: &[u8], key: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(head);
    append_bulk(key, out);
    out.extend_from_slice(b"\r\n");
}

fn append_bulk(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n$");
    append_number(bytes.len() as u64, out);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(bytes);
}

fn append_set(values: &ValueSource, request: Recorded, key: &[u8], out: &mut Vec<u8>) {
    let with_ttl = request.ttl_ms > 0;
    out.extend_from_slice(if with_ttl {
        b"*5\r\n$3\r\nSET"
    } else {
        b"*3\r\n$3\r\nSET"
    });
    append_bulk(key, out);
    let number = number(key);
    let length = request
        .size
        .map_or_else(|| values.length(number), |size| size as usize);
    out.extend_from_slice(b"\r\n$");
    append_number(length as u64, out);
    out.extend_from_slice(b"\r\n");
    values.append_of_length(number, length, out);
    if with_ttl {
        out.extend_from_slice(b"\r\n$2\r\nPX\r\n$");
        append_number(
            u64::from(request.ttl_ms.checked_ilog10().unwrap_or(0)) + 1,
            out,
        );
        out.extend_from_slice(b"\r\n");
        append_number(request.ttl_ms, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// A number for a key, the same whenever it is asked for (FNV-1a).
fn number(key: &[u8]) -> u64 {
    key.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Puts a read behind those of its connection: the length of its key, size and time to live of the value, the key.
fn remember(request: Recorded, key: &[u8], asked: &mut VecDeque<u8>) {
    let size = request.size.unwrap_or(u32::MAX);
    asked.extend((key.len() as u32).to_le_bytes());
    asked.extend(size.to_le_bytes());
    asked.extend(request.ttl_ms.to_le_bytes());
    asked.extend(key);
}

/// Takes the oldest read off.
fn recall(asked: &mut VecDeque<u8>, (request, key): &mut (Recorded, Vec<u8>)) {
    let length = u32::from_le_bytes(taken(asked)) as usize;
    let size = u32::from_le_bytes(taken(asked));
    request.size = (size < u32::MAX).then_some(size);
    request.ttl_ms = u64::from_le_bytes(taken(asked));
    key.clear();
    key.extend(asked.drain(..length.min(asked.len())));
}

fn taken<const N: usize>(asked: &mut VecDeque<u8>) -> [u8; N] {
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().zip(asked.drain(..N.min(asked.len()))) {
        *place = byte;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_recalled_in_their_order() {
        let mut asked = VecDeque::new();
        let request = |size, ttl_ms| Recorded {
            at_ns: 0,
            operation: READ,
            size,
            ttl_ms,
        };
        remember(request(Some(7), 0), b"one", &mut asked);
        remember(request(None, 1000), b"", &mut asked);
        let mut found = (request(None, 9), Vec::new());
        recall(&mut asked, &mut found);
        assert_eq!(found, (request(Some(7), 0), b"one".to_vec()));
        recall(&mut asked, &mut found);
        assert_eq!(found, (request(None, 1000), Vec::new()));
        assert!(asked.is_empty());
    }
}
