//! One connection: its socket, the requests that wait for a reply, and bytes that did not fit.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::access::Access;
use super::dial::dial;
use super::fan_out::Publication;
use super::fault::Fault;
use super::resp::Scanner;
use super::stream::Stream;
use crate::traffic::seal::Verifier;

/// A request without a reply yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) key: u64,
    pub(super) due_ns: u64,
    pub(super) sent_ns: u64,
    /// Place in the load's list of operations.
    pub(super) operation: u16,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    pub(super) scanner: Scanner,
    /// Of the value that is coming in, where values are verified.
    pub(super) verifier: Verifier,
    /// Oldest first: replies come in this order.
    pub(super) pending: VecDeque<Sent>,
    /// Further keys of the pending requests that have several, in the same order.
    pub(super) further_keys: VecDeque<u64>,
    /// What must be known of pending reads of a trace when they are answered, in the same order.
    pub(super) asked: VecDeque<u8>,
    /// The last message that was published over it.
    pub(super) publication: Publication,
    /// Bytes of a reply that has come in part and must be seen again.
    kept: Vec<u8>,
    /// Requests that the socket did not take.
    unsent: Vec<u8>,
    /// Wakes the task that reads.
    reader: Option<Waker>,
}

impl Connection {
    /// Connects and says what every connection must say first.
    pub(super) async fn open(access: &Access, pipeline: usize) -> Result<Self, Fault> {
        Ok(Self {
            stream: dial(access).await?,
            scanner: Scanner::default(),
            verifier: Verifier::default(),
            pending: VecDeque::with_capacity(pipeline),
            further_keys: VecDeque::new(),
            asked: VecDeque::new(),
            publication: Publication::default(),
            kept: Vec::new(),
            unsent: Vec::new(),
            reader: None,
        })
    }

    /// Wakes the task that reads, to look what has become of the connection.
    pub(super) fn wake(&self) {
        if let Some(reader) = &self.reader {
            reader.wake_by_ref();
        }
    }

    /// The next bytes, in `buffer` behind those kept from before: how many there are in all; 0 where the peer has closed.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let kept = self.kept.len();
        let (front, free) = buffer.split_at_mut_checked(kept).unwrap_or_default();
        let mut free = ReadBuf::new(free);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut free))?;
        let come = free.filled().len();
        if come == 0 {
            return Poll::Ready(Ok(0));
        }
        front.copy_from_slice(&self.kept);
        self.kept.clear();
        Poll::Ready(Ok(kept + come))
    }

    /// Keeps `bytes`, which hold no whole reply, for the next time.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
    }

    /// Sends `requests`, or keeps for later what the socket does not take.
    pub(super) fn send(&mut self, requests: &[u8]) -> io::Result<()> {
        let sent = if self.unsent.is_empty() {
            let reader = self.reader.as_ref().unwrap_or(Waker::noop());
            self.stream.write_now(requests, reader)?
        } else {
            0
        };
        if sent < requests.len() {
            self.unsent
                .extend_from_slice(requests.get(sent..).unwrap_or_default());
            // The reader also waits until the socket takes more.
            self.wake();
        }
        Ok(())
    }

    /// Sends what was kept, as far as the socket takes it, and has the task woken when it takes more.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.reader.is_none() {
            self.reader = Some(cx.waker().clone());
        }
        while !self.unsent.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.unsent) {
                Poll::Ready(sent) => drop(self.unsent.drain(..sent?)),
                Poll::Pending => break,
            }
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }
}
