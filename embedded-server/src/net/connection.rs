//! One connection: reads what there is, has it carried out, writes the replies.
//!
//! Limits of this kind of loop were measured before it was written: the system calls are nearly all of its cost, so it
//! makes one read and one write for a batch of commands, reads into a buffer that all connections share, and keeps a
//! buffer of its own only for a command that has not arrived in full. The short replies to a batch are written once every
//! connection that is ready has had its turn: a peer that sleeps is woken once for all of them, and waking it is the
//! dearest part of a write.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::task::yield_now;

use super::Shared;
use super::stream::Stream;
use super::turn::{Done, INPUT_BYTES, Turn};
use crate::client::{Client, Close};
use crate::log::Level;
use crate::resp::Parser;

/// An unfinished command up to so many bytes is moved to the shared buffer, so that what follows it is read behind it;
/// a longer one is read where it lies.
const TAIL_BYTES_MOVED: usize = 64 * 1024;
/// Of a long unfinished command so many bytes are read at a time.
const CHUNK_BYTES_MIN: usize = 8 * 1024;
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// What an empty tail, and the shared replies, keep allocated.
const TAIL_BYTES_KEPT: usize = 16 * 1024;
const REPLY_BYTES_KEPT: usize = 1 << 20;
/// Longer replies are not copied to wait for the others.
const REPLY_BYTES_DEFERRED: usize = 16 * 1024;

/// The task of one connection; it ends with the connection.
pub(super) struct Connection {
    node: Shared,
    wire: Wire,
}

/// What the connection alone owns.
struct Wire {
    stream: Stream,
    slot: usize,
    parser: Parser,
    /// An unfinished command, or all that came after one that made the client wait.
    tail: Vec<u8>,
    /// Whether the tail may hold whole commands.
    held_back: bool,
}

impl Connection {
    pub(super) fn new(node: Shared, stream: Stream, slot: usize) -> Self {
        Self {
            node,
            wire: Wire {
                stream,
                slot,
                parser: Parser::default(),
                tail: Vec::new(),
                held_back: false,
            },
        }
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let Self { node, wire } = &mut *self;
        let turn = &mut *node.borrow_mut();
        let Some(mut client) = turn.server.clients.take(wire.slot) else {
            return Poll::Ready(());
        };
        match wire.exchange(task, turn, &mut client) {
            Poll::Pending => {
                client.set_waker(task.waker());
                client.input_bytes = wire.tail.len();
                client.input_capacity = wire.tail.capacity();
                turn.server.put_back(client);
                turn.server.look_after_waits();
                Poll::Pending
            }
            Poll::Ready(result) => {
                if let Err(error) = result {
                    turn.server.log(
                        Level::Verbose,
                        &format!("Client {} is gone: {error}", client.id),
                    );
                }
                turn.server.forget(&client);
                Poll::Ready(())
            }
        }
    }
}

/// Goes on once every task that is ready now had a turn.
fn after_the_ready<T>(task: &mut Context<'_>) -> Poll<T> {
    task.waker().wake_by_ref();
    Poll::Pending
}

/// Goes on once everybody else had a turn, those included that the sockets have ready by then.
fn others_first<T>(task: &mut Context<'_>) -> Poll<T> {
    // It has the task woken, as it cannot be ready when first asked.
    let _ = pin!(yield_now()).poll(task);
    Poll::Pending
}

impl Wire {
    /// Reads, carries out and answers until there is nothing to read, or the connection is to end.
    fn exchange(
        &mut self,
        task: &mut Context<'_>,
        turn: &mut Turn,
        client: &mut Client,
    ) -> Poll<io::Result<()>> {
        let mut handled = 0;
        loop {
            self.flush(task, turn, client)?;
            match client.close {
                Close::No => {}
                Close::AfterReply if !client.outbox().is_empty() => return Poll::Pending,
                Close::AfterReply | Close::Now => return Poll::Ready(Ok(())),
            }
            if client.resync.is_some()
                && client.outbox().is_empty()
                && turn.server.send_slice(client)
            {
                self.flush(task, turn, client)?;
                return others_first(task);
            }
            if self.held_back && !client.blocked {
                self.begin_turn(turn, client, 0);
                self.carry_out(task, turn, client, 0)?;
                continue;
            }
            if handled >= INPUT_BYTES {
                // A client that sends without pause must not keep the others waiting: it goes on after them.
                return after_the_ready(task);
            }
            let received = match self.receive(task, turn) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(result) => result?,
            };
            if received == 0 {
                return Poll::Ready(Ok(()));
            }
            handled += received;
            self.begin_turn(turn, client, received);
            if client.blocked {
                self.hold_back(turn, client, received);
            } else {
                self.carry_out(task, turn, client, received)?;
            }
            if client.close == Close::No && !client.outbox().is_empty() {
                return after_the_ready(task);
            }
        }
    }

    /// Reads the clock and counts what was received.
    fn begin_turn(&self, turn: &mut Turn, client: &mut Client, received: usize) {
        turn.server.read_clock();
        turn.server.stats.reads += u64::from(received > 0);
        turn.server.stats.input_bytes += received as u64;
        client.active_ms = turn.server.now_ms;
        turn.server.keyspace.set_no_touch(client.no_touch);
    }

    /// Keeps what has been received until the client no longer waits.
    fn hold_back(&mut self, turn: &mut Turn, client: &mut Client, received: usize) {
        let known = self.tail.len();
        if known <= TAIL_BYTES_MOVED {
            let received = turn.input.get(known..known + received);
            self.tail.extend_from_slice(received.unwrap_or_default());
        }
        self.bound_tail(turn, client);
    }

    /// Reads behind the unfinished command: into the shared buffer where that is short, else where it lies.
    fn receive(&mut self, task: &mut Context<'_>, turn: &mut Turn) -> Poll<io::Result<usize>> {
        let known = self.tail.len();
        let buffer = if known <= TAIL_BYTES_MOVED {
            turn.input.get_mut(known..INPUT_BYTES).unwrap_or_default()
        } else {
            let wanted = self.parser.wanted();
            let room = wanted.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX);
            if self.tail.capacity() < known + room {
                // At most twice what has come, and no more than the command needs; counted before it is filled.
                self.tail.reserve_exact(room.max(wanted.min(known)));
                return others_first(task);
            }
            self.tail.resize(known + room, 0);
            self.tail.get_mut(known..).unwrap_or_default()
        };
        let mut buffer = ReadBuf::new(buffer);
        let result = self.stream.poll_read(task, &mut buffer);
        let received = buffer.filled().len();
        if known > TAIL_BYTES_MOVED {
            self.tail.truncate(known + received);
        }
        result.map_ok(|()| received)
    }

    /// Carries out what has been received and sends the replies.
    fn carry_out(
        &mut self,
        task: &mut Context<'_>,
        turn: &mut Turn,
        client: &mut Client,
        received: usize,
    ) -> io::Result<()> {
        let known = self.tail.len();
        if known > TAIL_BYTES_MOVED {
            let mut input = std::mem::take(&mut self.tail);
            let consumed = self.run_all(task, turn, client, &mut input)?;
            input.drain(..consumed);
            self.tail = input;
        } else {
            let mut input = std::mem::take(&mut turn.input);
            let filled = input.get_mut(..known + received).unwrap_or_default();
            if let Some(start) = filled.get_mut(..known) {
                start.copy_from_slice(&self.tail);
            }
            let result = self.run_all(task, turn, client, filled);
            self.tail.clear();
            if let Ok(consumed) = result {
                let rest = filled.get(consumed..).unwrap_or_default();
                self.tail.reserve_exact(rest.len());
                self.tail.extend_from_slice(rest);
            }
            turn.input = input;
            result?;
        }
        self.held_back = client.blocked;
        self.bound_tail(turn, client);
        Ok(())
    }

    /// Carries out every complete command of `input`; says how many bytes they were.
    fn run_all(
        &mut self,
        task: &mut Context<'_>,
        turn: &mut Turn,
        client: &mut Client,
        input: &mut [u8],
    ) -> io::Result<usize> {
        let mut consumed = 0;
        loop {
            let rest = input.get_mut(consumed..).unwrap_or_default();
            let Done {
                consumed: more,
                starved,
            } = turn.run(client, &mut self.parser, rest);
            consumed += more;
            if starved && client.close == Close::No && Self::answers_later(turn) {
                client.send_later(turn.reply.bytes());
                turn.reply.clear(REPLY_BYTES_KEPT);
            } else {
                self.answer(task, turn, client)?;
            }
            if starved || client.close != Close::No {
                return Ok(consumed);
            }
        }
    }

    /// Whether the replies shall wait until the others have had their turn. That to a single command does not: going
    /// through the queue once more would cost it more than it can save.
    fn answers_later(turn: &Turn) -> bool {
        turn.is_pipelined() && turn.reply.len() <= REPLY_BYTES_DEFERRED
    }

    /// Sends the replies, or as much of them as the socket takes; the rest waits.
    fn answer(
        &mut self,
        task: &mut Context<'_>,
        turn: &mut Turn,
        client: &mut Client,
    ) -> io::Result<()> {
        let Turn { server, reply, .. } = turn;
        if reply.is_empty() {
            return Ok(());
        }
        let mut sent = 0;
        if client.outbox().is_empty()
            && let Poll::Ready(result) = self.stream.poll_write(task, reply.bytes())
        {
            sent = result?;
            server.stats.writes += 1;
            server.stats.output_bytes += sent as u64;
        }
        client.send_later(reply.bytes().get(sent..).unwrap_or_default());
        reply.clear(REPLY_BYTES_KEPT);
        if !client.outbox().is_empty() && server.is_over_output_limit(client) {
            client.end(Close::Now);
        }
        Ok(())
    }

    /// Sends what waits, as far as the socket takes it.
    fn flush(
        &mut self,
        task: &mut Context<'_>,
        turn: &mut Turn,
        client: &mut Client,
    ) -> io::Result<()> {
        while !client.outbox().is_empty() {
            match self.stream.poll_write(task, client.outbox()) {
                Poll::Pending => return Ok(()),
                Poll::Ready(result) => {
                    let sent = result?;
                    turn.server.stats.writes += 1;
                    turn.server.stats.output_bytes += sent as u64;
                    client.sent(sent);
                }
            }
        }
        Ok(())
    }

    /// Ends a connection whose unfinished command is longer than allowed; gives memory back that is no longer used.
    fn bound_tail(&mut self, turn: &mut Turn, client: &mut Client) {
        if self.tail.is_empty() {
            self.tail.shrink_to(TAIL_BYTES_KEPT);
        }
        if self.tail.len() > turn.server.config.client_query_buffer_limit {
            turn.server.stats.query_limit_disconnections += 1;
            let message = format!(
                "Client {} sent a longer command than client-query-buffer-limit allows",
                client.id
            );
            turn.server.log(Level::Warning, &message);
            client.end(Close::Now);
        }
    }
}
