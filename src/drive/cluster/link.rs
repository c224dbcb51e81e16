//! The connection of one client to one node: made when it is needed, and again after a rest when it was lost.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::drive::access::Access;
use crate::drive::dial::dial;
use crate::drive::fault::Fault;
use crate::drive::resp::{Malformed, Reply, Scanner, Step};
use crate::drive::stream::Stream;

/// A node that could not be reached is left alone for so long.
const REST: Duration = Duration::from_millis(100);
/// Replies that were taken are cleared away once they are so many bytes.
const TAKEN_BYTES_MAX: usize = 64 * 1024;
const ASKING: &[u8] = b"*1\r\n$6\r\nASKING\r\n";

/// The number of a request.
pub(super) type Id = u64;

/// Stands for an ASKING, whose reply nobody waits for.
const NOBODY: Id = Id::MAX;

type Dialing = Pin<Box<dyn Future<Output = Result<Stream, Fault>> + Send>>;

enum State {
    Idle,
    Dialing(Dialing),
    Up(Box<Stream>),
    /// It could not be reached, or was lost.
    Resting(Pin<Box<Sleep>>),
}

/// What has become of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// Nothing that needs anything done.
    Quiet,
    /// It has come about.
    Opened,
    /// It has ended; what was out on it will not be answered.
    Lost,
    /// After a rest it may be tried again.
    Rested,
}

/// A reply.
pub(super) struct Taken<'a> {
    /// The request that it answers.
    pub(super) id: Id,
    pub(super) bytes: &'a [u8],
    pub(super) is_error: bool,
}

/// A connection to one node.
pub(super) struct Link {
    state: State,
    output: Vec<u8>,
    input: Vec<u8>,
    /// Where the next reply begins in `input`, and how far it has been looked at.
    begin: usize,
    seen: usize,
    scanner: Scanner,
    /// Whose replies are to come, in order.
    expected: VecDeque<Id>,
    /// Requests that wait until the node can be reached, and whether ASKING goes before them.
    waiting: Vec<(Id, bool)>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            state: State::Idle,
            output: Vec::new(),
            input: Vec::new(),
            begin: 0,
            seen: 0,
            scanner: Scanner::default(),
            expected: VecDeque::new(),
            waiting: Vec::new(),
        }
    }
}

/// Dials apart from whoever asks for it: a dial of a cluster dials its nodes.
pub(super) fn dialing(access: Access) -> Dialing {
    Box::pin(async move { dial(&access).await })
}

impl Link {
    /// A connection that stands.
    pub(super) fn of(stream: Stream) -> Self {
        Self {
            state: State::Up(Box::new(stream)),
            ..Self::default()
        }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// Whether it could not be reached, or was lost, a moment ago.
    pub(super) fn is_resting(&self) -> bool {
        matches!(self.state, State::Resting(_))
    }

    /// Whether requests wait for it to come about.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Sends a request, or has it wait; `access` is dialled where nobody has yet.
    pub(super) fn send(
        &mut self,
        id: Id,
        request: &[u8],
        asking: bool,
        access: impl FnOnce() -> Access,
    ) {
        match self.state {
            State::Up(_) => {
                if asking {
                    self.output.extend_from_slice(ASKING);
                    self.expected.push_back(NOBODY);
                }
                self.output.extend_from_slice(request);
                self.expected.push_back(id);
                return;
            }
            State::Idle => self.state = State::Dialing(dialing(access())),
            State::Dialing(_) | State::Resting(_) => {}
        }
        self.waiting.push((id, asking));
    }

    /// The requests that have waited.
    pub(super) fn take_waiting(&mut self) -> Vec<(Id, bool)> {
        std::mem::take(&mut self.waiting)
    }

    /// The requests that a lost connection leaves without reply; the next is made after a rest.
    pub(super) fn take_lost(&mut self) -> Vec<Id> {
        let lost = std::mem::take(self);
        self.waiting = lost.waiting;
        self.state = State::Resting(Box::pin(sleep(REST)));
        let asked = lost.expected.into_iter();
        asked.filter(|id| *id != NOBODY).collect()
    }

    /// Goes on as far as it can without waiting.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Event {
        loop {
            match &mut self.state {
                State::Idle => return Event::Quiet,
                State::Dialing(dialing) => match dialing.as_mut().poll(cx) {
                    Poll::Pending => return Event::Quiet,
                    Poll::Ready(Ok(stream)) => {
                        self.state = State::Up(Box::new(stream));
                        return Event::Opened;
                    }
                    Poll::Ready(Err(_)) => self.state = State::Resting(Box::pin(sleep(REST))),
                },
                State::Resting(rest) => {
                    if rest.as_mut().poll(cx).is_pending() {
                        return Event::Quiet;
                    }
                    self.state = State::Idle;
                    return Event::Rested;
                }
                State::Up(_) => {
                    let went = self.flush(cx).and_then(|()| self.receive(cx, scratch));
                    return went.map_or(Event::Lost, |()| Event::Quiet);
                }
            }
        }
    }

    /// Sends what waits, as far as the socket takes it.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let State::Up(stream) = &mut self.state else {
            return Ok(());
        };
        while !self.output.is_empty() {
            match Pin::new(&mut **stream).poll_write(cx, &self.output) {
                Poll::Ready(sent) => drop(self.output.drain(..sent?)),
                Poll::Pending => break,
            }
        }
        match Pin::new(&mut **stream).poll_flush(cx) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }

    fn receive(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> io::Result<()> {
        let State::Up(stream) = &mut self.state else {
            return Ok(());
        };
        loop {
            let mut buffer = ReadBuf::new(scratch);
            match Pin::new(&mut **stream).poll_read(cx, &mut buffer) {
                Poll::Pending => return Ok(()),
                Poll::Ready(read) => read?,
            }
            if buffer.filled().is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.input.extend_from_slice(buffer.filled());
        }
    }

    /// The next whole reply that somebody waits for.
    pub(super) fn take(&mut self) -> Result<Option<Taken<'_>>, Malformed> {
        loop {
            self.tidy();
            let rest = self.input.get(self.seen..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(None);
            }
            let reply = match self.scanner.next(rest)? {
                Step::More(used) => {
                    self.seen += used;
                    return Ok(None);
                }
                Step::Reply(used, reply) => {
                    self.seen += used;
                    reply
                }
            };
            let begin = std::mem::replace(&mut self.begin, self.seen);
            let id = self.expected.pop_front().ok_or(Malformed)?;
            if id != NOBODY {
                let bytes = self.input.get(begin..self.seen).unwrap_or_default();
                let is_error = reply == Reply::Error;
                return Ok(Some(Taken {
                    id,
                    bytes,
                    is_error,
                }));
            }
        }
    }

    /// Clears away what has been taken.
    fn tidy(&mut self) {
        if self.begin == self.input.len() {
            self.input.clear();
        } else if self.begin > TAKEN_BYTES_MAX {
            self.input.drain(..self.begin);
        } else {
            return;
        }
        self.seen -= self.begin;
        self.begin = 0;
    }
}
