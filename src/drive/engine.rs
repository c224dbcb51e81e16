//! The inner loop: from a batch of bytes to counted replies, and from free places in the pipelines to requests.
//!
//! Everything here belongs to one worker, is called with the time of the batch, and touches no socket.

use super::connection::{Connection, Sent};
use super::fault::Fault;
use super::job::Source;
use super::pace::Schedule;
use super::resp::{Reply, Step};
use super::tally::Tally;
use super::touch::Touches;
use crate::workload::plan::Operation;

/// What a worker's connections share.
pub(super) struct Engine {
    pub(super) source: Source,
    pub(super) schedule: Schedule,
    pub(super) tally: Tally,
    pub(super) touches: Option<Touches>,
    /// Requests in flight per connection, at the most.
    pub(super) pipeline: usize,
    /// Whether a read that misses is followed by a write.
    pub(super) write_after_miss: bool,
    /// Writes that followed a miss.
    pub(super) follow_ups: u64,
    /// Requests without a reply yet.
    pub(super) in_flight: u64,
    /// Nothing falls due any more; what is owed is still sent.
    pub(super) ended: bool,
    /// Nothing more is sent.
    pub(super) closing: bool,
    /// Batches of replies so far; tells whether anything was done in between.
    pub(super) batches: u64,
}

impl Engine {
    /// Counts the replies in `bytes`, which came on `connection` at `now_ns`; appends writes that follow a miss to `out`.
    pub(super) fn absorb(
        &mut self,
        connection: &mut Connection,
        bytes: &[u8],
        now_ns: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        self.batches += 1;
        self.tally.begin_batch(now_ns);
        let mut rest = bytes;
        while !rest.is_empty() {
            match connection.scanner.next(rest)? {
                Step::Reply(used, reply) => {
                    rest = rest.get(used..).unwrap_or_default();
                    let sent = connection.pending.pop_front().ok_or(Fault::Unasked)?;
                    self.count(connection, sent, reply, now_ns, out);
                }
                Step::More(used) => {
                    connection.keep(rest.get(used..).unwrap_or_default());
                    break;
                }
            }
        }
        self.tally.end_batch();
        Ok(())
    }

    /// Appends requests to `out` as long as some are due and `connection` has places for them, at most `limit`.
    #[inline]
    pub(super) fn refill(
        &mut self,
        connection: &mut Connection,
        limit: usize,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) {
        let free = self
            .pipeline
            .saturating_sub(connection.pending.len())
            .min(limit);
        for _ in 0..free {
            let Some(due_ns) = self.take(now_ns) else {
                return;
            };
            let operation = self.source.operations.draw(&mut self.source.stream);
            let key = self.source.keys.draw(&mut self.source.stream);
            self.issue(
                connection,
                Sent {
                    key,
                    due_ns,
                    sent_ns: now_ns,
                    operation,
                },
                out,
            );
        }
    }

    /// Whether all requests have been sent and answered.
    #[inline]
    pub(super) fn is_done(&mut self) -> bool {
        self.in_flight == 0 && (self.closing || self.schedule.is_spent() || self.has_run_out())
    }

    fn has_run_out(&mut self) -> bool {
        self.ended && self.schedule.owed(u64::MAX) == 0
    }

    #[inline]
    fn take(&mut self, now_ns: u64) -> Option<u64> {
        if self.closing {
            None
        } else {
            self.schedule.take(now_ns)
        }
    }

    #[inline]
    fn issue(&mut self, connection: &mut Connection, sent: Sent, out: &mut Vec<u8>) {
        self.source.encoder.append(sent.operation, sent.key, out);
        self.tally.late(sent.sent_ns - sent.due_ns);
        connection.pending.push_back(sent);
        self.in_flight += 1;
    }

    #[inline]
    fn count(
        &mut self,
        connection: &mut Connection,
        sent: Sent,
        reply: Reply,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) {
        self.in_flight -= 1;
        self.tally.answered(sent.operation);
        self.tally.took(sent.due_ns, sent.sent_ns, now_ns);
        if reply == Reply::Error {
            self.tally.error(connection.scanner.word());
            self.refuse(sent, now_ns);
            return;
        }
        match sent.operation {
            Operation::Get => {
                let found = reply != Reply::Nil;
                self.tally.read(found);
                if found {
                    self.touch(sent.key, now_ns, false);
                } else if self.write_after_miss && !self.closing {
                    self.follow_up(connection, sent.key, now_ns, out);
                }
            }
            Operation::Set | Operation::Incr => self.touch(sent.key, now_ns, true),
            Operation::Exists => self.tally.read(reply != Reply::Zero),
            Operation::Del => self.forget(sent.key, now_ns, reply),
        }
    }

    /// A write is due the moment its read has missed.
    fn follow_up(&mut self, connection: &mut Connection, key: u64, now_ns: u64, out: &mut Vec<u8>) {
        self.follow_ups += 1;
        self.issue(
            connection,
            Sent {
                key,
                due_ns: now_ns,
                sent_ns: now_ns,
                operation: Operation::Set,
            },
            out,
        );
    }

    #[inline]
    fn touch(&mut self, key: u64, now_ns: u64, written: bool) {
        if let Some(touches) = &mut self.touches {
            touches.touch(key, now_ns, written);
        }
    }

    fn refuse(&mut self, sent: Sent, now_ns: u64) {
        if let Some(touches) = &mut self.touches
            && matches!(sent.operation, Operation::Set | Operation::Incr)
        {
            touches.refuse(sent.key, now_ns);
        }
    }

    fn forget(&mut self, key: u64, now_ns: u64, reply: Reply) {
        if let Some(touches) = &mut self.touches
            && reply != Reply::Zero
        {
            touches.forget(key, now_ns);
        }
    }
}
