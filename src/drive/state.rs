//! What the tasks of a worker share: its connections and its engine. They take turns on one thread, so that there is
//! nothing to lock, and none of them holds on to it across a wait.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::advance::Advance;
use super::backoff::LONGEST;
use super::connection::Connection;
use super::engine::Engine;
use super::fan_out::publisher::Publisher;
use super::fault::Fault;
use super::job::{Job, Limits};
use super::known::Known;
use super::pace::nanoseconds;
use super::tally::Tally;
use super::usage::Usage;
use super::worker::Finished;

/// Replies are read into a buffer of this size, shared by the connections of a worker.
const INPUT_BYTES: usize = 256 * 1024;

/// What the tasks of a worker share.
pub(super) struct State {
    origin: Instant,
    began_ns: u64,
    /// None where a connection was lost and is being made again.
    connections: Vec<Option<Connection>>,
    pub(super) engine: Engine,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Where the pacer goes on handing out requests.
    turn: usize,
    pub(super) limits: Limits,
    /// Connections that were made again.
    reconnects: u64,
    /// Since when connections have been lost without a reply on any.
    lost_since_ns: Option<u64>,
    /// Why one of them was, or could not be made again.
    last_failure: Option<Fault>,
    /// Why the phase is to end.
    fault: Option<Fault>,
    pub(super) interrupted: bool,
    spin_ns: u64,
}

impl State {
    pub(super) fn new(
        job: &Job<'_>,
        connections: Vec<Connection>,
        known: Known,
        began_ns: u64,
        number: u64,
    ) -> Result<Self, Fault> {
        let schedule = job.schedule(began_ns, number);
        let operations = &job.load.operations;
        let mut tally = Tally::new(operations, schedule.is_open_loop(), began_ns)
            .map_err(|error| Fault::System(std::io::Error::other(error.to_string())))?;
        tally.tell_apart(job.keys);
        // What is replayed is as long as the trace says, and not sealed.
        let verifies = job.values.are_verified() && job.load.recorded.is_none();
        if verifies {
            tally.verify();
        }
        let publisher = Publisher::new(job, number);
        if let Some(fan_out) = &job.load.fan_out {
            tally.publish(fan_out);
        }
        let engine = Engine {
            looks_closely: verifies || publisher.is_some(),
            publisher,
            source: job.source(number),
            schedule,
            tally,
            known,
            pipeline: job.load.pipeline.max(1) as usize,
            verifies,
            rules: job.rules(),
            batch: Vec::new(),
            drawn: Vec::new(),
            follow_ups: 0,
            in_flight: 0,
            full_since_ns: None,
            has_room: false,
            ended: false,
            closing: false,
            batches: 0,
        };
        Ok(Self {
            origin: job.origin,
            began_ns,
            connections: connections.into_iter().map(Some).collect(),
            engine,
            input: vec![0; INPUT_BYTES],
            output: Vec::new(),
            turn: 0,
            limits: job.limits,
            reconnects: 0,
            lost_since_ns: None,
            last_failure: None,
            fault: None,
            interrupted: false,
            spin_ns: 0,
        })
    }

    pub(super) fn now(&self) -> u64 {
        nanoseconds(self.origin.elapsed())
    }

    pub(super) fn advance(&mut self) -> Advance {
        let now_ns = self.now();
        let engine = &mut self.engine;
        let (taken, owed) = (engine.schedule.taken(), engine.schedule.owed(now_ns));
        Advance {
            elapsed_ns: now_ns.saturating_sub(self.began_ns),
            due: taken + owed + engine.follow_ups,
            requests: taken.saturating_sub(engine.in_flight),
            in_flight: engine.in_flight,
            owed,
            ..engine.tally.so_far()
        }
    }

    /// Connections, lost ones included.
    pub(super) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Whether nothing more is to be done.
    pub(super) fn is_over(&mut self) -> bool {
        self.fault.is_some() || self.engine.is_done()
    }

    /// Ends the phase, if nothing else has.
    pub(super) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Serves connection `index` as far as it can be; ready when it is lost.
    pub(super) fn poll(&mut self, index: usize, cx: &mut Context<'_>) -> Poll<()> {
        if let Err(fault) = self.serve(index, cx) {
            self.lose(index, fault);
        }
        match self.connections.get(index) {
            Some(Some(_)) => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }

    /// Reads what has come on a connection and sends what may follow, until nothing more comes.
    pub(super) fn serve(&mut self, index: usize, cx: &mut Context<'_>) -> Result<(), Fault> {
        let Some(Some(connection)) = self.connections.get_mut(index) else {
            return Ok(());
        };
        connection.poll_flush(cx).map_err(Fault::Disconnected)?;
        if !self.engine.schedule.is_open_loop() && connection.pending.is_empty() {
            let now_ns = nanoseconds(self.origin.elapsed());
            self.engine
                .refill(connection, usize::MAX, now_ns, &mut self.output);
            send(connection, &mut self.output)?;
        }
        while let Poll::Ready(come) = connection.poll_receive(cx, &mut self.input) {
            let come = come.and_then(closed).map_err(Fault::Disconnected)?;
            let now_ns = nanoseconds(self.origin.elapsed());
            let bytes = self.input.get(..come).unwrap_or_default();
            self.engine
                .absorb(connection, bytes, now_ns, &mut self.output)?;
            self.lost_since_ns = None;
            self.engine
                .refill(connection, usize::MAX, now_ns, &mut self.output);
            send(connection, &mut self.output)?;
        }
        Ok(())
    }

    /// Hands what is due to the connections in turn, as evenly as they have places, in one write each; false where
    /// some could not be sent because all pipelines are full or connections are lost.
    pub(super) fn send_due(&mut self, now_ns: u64) -> bool {
        let mut left = self.engine.schedule.sendable(now_ns);
        let count = self.connections.len();
        let each = usize::try_from(left.div_ceil(count.max(1) as u64)).unwrap_or(usize::MAX);
        for step in 0..count {
            if left == 0 {
                break;
            }
            let at = (self.turn + step) % count;
            let Some(Some(connection)) = self.connections.get_mut(at) else {
                continue;
            };
            self.engine
                .refill(connection, each, now_ns, &mut self.output);
            left = self.engine.schedule.sendable(now_ns);
            if let Err(fault) = send(connection, &mut self.output) {
                self.lose(at, fault);
            }
            if left == 0 {
                self.turn = (at + 1) % count;
            }
        }
        if left > 0 {
            self.engine.note_full(now_ns);
        }
        left == 0
    }

    /// Gives up the connections that have waited too long for a reply.
    pub(super) fn lose_stalled(&mut self) {
        let (now_ns, limit_ns) = (self.now(), nanoseconds(self.limits.reply));
        for index in 0..self.connections.len() {
            let waits = self
                .connections
                .get(index)
                .and_then(Option::as_ref)
                .and_then(|connection| connection.pending.front())
                .is_some_and(|sent| now_ns.saturating_sub(sent.sent_ns) >= limit_ns);
            if waits {
                self.lose(index, Fault::Timeout(self.limits.reply));
            }
        }
    }

    /// Gives up a connection; what was in flight on it is counted as lost.
    fn lose(&mut self, index: usize, fault: Fault) {
        let Some(connection) = self.connections.get_mut(index).and_then(Option::take) else {
            return;
        };
        connection.wake();
        // Requests that were to be sent on it are in flight there.
        self.output.clear();
        let now_ns = self.now();
        let timed_out_ns = match fault {
            Fault::Timeout(limit) => nanoseconds(limit),
            _ => u64::MAX,
        };
        self.engine.lose(&connection, timed_out_ns, now_ns);
        // A server may close a connection that has nothing to do.
        if !connection.pending.is_empty() || !fault.is_passing() {
            self.despair(fault);
        }
    }

    /// Notes a failure; it ends the phase where a new connection would do no better or none has for too long.
    pub(super) fn despair(&mut self, fault: Fault) {
        let now_ns = self.now();
        let since_ns = *self.lost_since_ns.get_or_insert(now_ns);
        if !fault.is_passing() {
            self.fail(fault);
        } else if now_ns.saturating_sub(since_ns) > nanoseconds(self.limits.unreachable) {
            self.fail(Fault::Unreachable {
                within: self.limits.unreachable,
                last: Box::new(fault),
            });
        } else {
            self.last_failure = Some(fault);
        }
    }

    /// The server that has been gone for so long that clients have tried again, and was when the phase came to its end.
    fn still_gone(&mut self, now_ns: u64) -> Option<Fault> {
        let gone_ns = now_ns.saturating_sub(self.lost_since_ns?);
        let is_told = self.interrupted || gone_ns < nanoseconds(LONGEST);
        let last = self.last_failure.take().filter(|_| !is_told)?;
        Some(Fault::Unreachable {
            within: Duration::from_millis(gone_ns / 1_000_000),
            last: Box::new(last),
        })
    }

    /// A lost connection has been made again; `is_heard` if the server has answered on it.
    pub(super) fn restore(&mut self, index: usize, connection: Connection, is_heard: bool) {
        if let Some(place) = self.connections.get_mut(index) {
            *place = Some(connection);
            self.reconnects += 1;
        }
        if is_heard {
            self.lost_since_ns = None;
        }
    }

    /// The clock was watched since `before`, a time and a number of batches; if no reply came meanwhile, for nothing.
    pub(super) fn note_spin(&mut self, before: (u64, u64)) {
        if self.engine.batches == before.1 {
            self.spin_ns += self.now().saturating_sub(before.0);
        }
    }

    /// Accounts for every request that has no reply, and closes the books.
    pub(super) fn finish(&mut self) -> Result<Finished, Fault> {
        let now_ns = self.now();
        for connection in self.connections.iter().flatten() {
            self.engine.doubt(connection);
        }
        let engine = &mut self.engine;
        let end_ns = now_ns.min(engine.schedule.end_ns());
        let (mut in_flight, taken) = (0, engine.schedule.taken());
        let mut tally = std::mem::replace(
            &mut engine.tally,
            Tally::new(&[], false, now_ns).map_err(|_| Fault::Panicked)?,
        );
        tally.begin_batch(now_ns);
        for sent in self
            .connections
            .iter()
            .flatten()
            .flat_map(|connection| &connection.pending)
        {
            tally.gave_up(*sent, now_ns);
            in_flight += 1;
        }
        while engine.schedule.is_open_loop()
            && let Some(due_ns) = engine.schedule.take(end_ns)
        {
            tally.never_sent(due_ns, now_ns);
            in_flight += 1;
        }
        let due = engine.schedule.taken() + engine.follow_ups;
        let damage = engine.schedule.damage().map(Fault::Trace);
        let gone = self.still_gone(now_ns);
        let engine = &mut self.engine;
        Ok(Finished {
            measured: tally.finish(now_ns),
            known: std::mem::take(&mut engine.known),
            taken,
            due,
            in_flight,
            ended_ns: now_ns,
            usage: Usage::default(),
            spin_s: self.spin_ns as f64 * 1e-9,
            reconnects: self.reconnects,
            fault: self.fault.take().or(gone).or(damage),
            interrupted: self.interrupted,
        })
    }
}

/// Sends and empties `output`.
#[inline]
fn send(connection: &mut Connection, output: &mut Vec<u8>) -> Result<(), Fault> {
    if output.is_empty() {
        return Ok(());
    }
    let result = connection.send(output).map_err(Fault::Disconnected);
    output.clear();
    result
}

/// No bytes mean that the peer has closed.
fn closed(come: usize) -> std::io::Result<usize> {
    if come == 0 {
        Err(std::io::ErrorKind::UnexpectedEof.into())
    } else {
        Ok(come)
    }
}
