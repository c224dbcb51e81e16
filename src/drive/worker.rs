//! One worker: a thread with a runtime of its own, its connections, and the tasks that serve them.
//!
//! Each connection has a task that reads replies and sends what may follow them. On an open loop one more task, the
//! pacer, sends what falls due. They share the [`Worker`] without locks, since they take turns on one thread, and no
//! borrow of it is held across a wait.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until};

use super::advance::Advance;
use super::connection::Connection;
use super::engine::Engine;
use super::fault::Fault;
use super::interrupt::Interrupt;
use super::job::Job;
use super::pace::{Schedule, Waiter, nanoseconds};
use super::rule::Rule;
use super::tally::{Measured, Tally};
use super::touch::Touches;
use super::usage::thread_cpu_s;
use crate::traffic::share_of;

/// Replies are read into a buffer of this size, shared by the connections of a worker.
const INPUT_BYTES: usize = 256 * 1024;
/// How often progress is told and limits are looked after.
const TICK: Duration = Duration::from_millis(100);
/// Connections that are being made at the same time.
const CONNECTING_MAX: usize = 128;
/// While all connections have their pipelines full there is nothing to pace.
const FULL_WAIT_NS: u64 = 1_000_000;

/// What a worker tells while it works.
#[derive(Debug)]
pub(super) enum Message {
    /// All connections stand.
    Ready,
    /// So far.
    Progress(Box<Advance>),
    /// The thread is about to end.
    Gone,
}

/// What a worker leaves.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) measured: Measured,
    pub(super) touches: Option<Touches>,
    /// Requests drawn and sent.
    pub(super) taken: u64,
    /// Requests that fell due.
    pub(super) due: u64,
    /// Of these, those without an answer that no error explains.
    pub(super) in_flight: u64,
    pub(super) ended_ns: u64,
    pub(super) cpu_s: f64,
    pub(super) spin_s: f64,
    pub(super) fault: Option<Fault>,
    pub(super) interrupted: bool,
}

/// The worker's side of the talk with the thread that waits for it.
pub(super) struct Line<'a> {
    pub(super) number: usize,
    pub(super) messages: Sender<(usize, Message)>,
    /// Gives the moment at which the phase begins, nanoseconds since the origin; closed if it shall not.
    pub(super) start: Receiver<u64>,
    pub(super) interrupt: &'a Interrupt,
}

impl Line<'_> {
    fn tell(&self, message: Message) {
        // Nobody listens any more only where the run has been given up.
        let _ = self.messages.send((self.number, message));
    }
}

impl Drop for Line<'_> {
    /// Also when the thread panics, so that nobody waits for it in vain.
    fn drop(&mut self) {
        self.tell(Message::Gone);
    }
}

/// What the tasks of a worker share.
pub(super) struct Worker {
    origin: Instant,
    began_ns: u64,
    pub(super) connections: Vec<Connection>,
    pub(super) engine: Engine,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Where the pacer goes on handing out requests.
    turn: usize,
    pub(super) reply_limit_ns: u64,
    fault: Option<(usize, Fault)>,
    interrupted: bool,
    spin_ns: u64,
}

struct Shared {
    worker: RefCell<Worker>,
    done: Notify,
}

/// Drives the share of `line.number` of the job until it is done, and says what came of it.
///
/// # Errors
///
/// Where nothing was sent: no runtime, no connection.
pub(super) fn work(
    job: &Job<'_>,
    touches: Option<Touches>,
    line: &Line<'_>,
) -> Result<Finished, Fault> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let connections = connect(job, line).await?;
        line.tell(Message::Ready);
        // The runtime rests meanwhile; nothing is under way on it.
        let began_ns = line.start.recv().map_err(|_| Fault::CalledOff)?;
        let cpu_s = thread_cpu_s();
        let shared = Rc::new(Shared {
            worker: RefCell::new(Worker::new(
                job,
                connections,
                touches,
                began_ns,
                line.number as u64,
            )?),
            done: Notify::new(),
        });
        begin(&shared)?;
        conduct(&shared, job, line).await;
        line.tell(Message::Progress(Box::new(shared.tick())));
        let mut finished = shared.worker.borrow_mut().finish()?;
        finished.cpu_s = thread_cpu_s() - cpu_s;
        Ok(finished)
    })
}

/// Makes the connections of a worker.
async fn connect(job: &Job<'_>, line: &Line<'_>) -> Result<Vec<Connection>, Fault> {
    let wanted = share_of(
        u64::from(job.load.clients).max(1),
        line.number as u64,
        job.crew(),
    );
    tokio::select! {
        connections = connect_all(job, wanted as usize) => connections,
        () = pulled(line.interrupt) => Err(Fault::CalledOff),
        () = sleep(job.limits.connect) => {
            Err(Fault::Slow { address: job.access.address, within: job.limits.connect })
        }
    }
}

/// Waits until the run is interrupted.
async fn pulled(interrupt: &Interrupt) {
    while !interrupt.is_pulled() {
        sleep(TICK).await;
    }
}

pub(super) async fn connect_all(job: &Job<'_>, wanted: usize) -> Result<Vec<Connection>, Fault> {
    let mut connections = Vec::with_capacity(wanted);
    while connections.len() < wanted {
        let several = CONNECTING_MAX.min(wanted - connections.len());
        let tasks: Vec<_> = (0..several)
            .map(|_| {
                let (access, pipeline) = (job.access.clone(), job.load.pipeline as usize);
                tokio::task::spawn_local(async move { Connection::open(&access, pipeline).await })
            })
            .collect();
        for task in tasks {
            connections.push(task.await.map_err(|_| Fault::Panicked)??);
        }
    }
    Ok(connections)
}

/// Starts the tasks.
fn begin(shared: &Rc<Shared>) -> Result<(), Fault> {
    let (connections, open_loop) = {
        let worker = shared.worker.borrow();
        (
            worker.connections.len(),
            worker.engine.schedule.is_open_loop(),
        )
    };
    for index in 0..connections {
        let shared = Rc::clone(shared);
        tokio::task::spawn_local(async move {
            let fault = poll_fn(|cx| shared.poll(index, cx)).await;
            shared.fail(index, fault);
        });
    }
    if open_loop {
        let (shared, mut waiter) = (Rc::clone(shared), Waiter::new()?);
        tokio::task::spawn_local(async move {
            if let Err(fault) = pace(&shared, &mut waiter).await {
                shared.fail(usize::MAX, fault);
            }
        });
    }
    Ok(())
}

/// Waits for the end, looking after limits meanwhile.
async fn conduct(shared: &Shared, job: &Job<'_>, line: &Line<'_>) {
    let end_ns = shared.worker.borrow().engine.schedule.end_ns();
    let at = |ns: u64| tokio::time::Instant::from_std(job.origin + Duration::from_nanos(ns));
    // Where requests are counted, there is no end by time.
    let timed = end_ns < u64::MAX;
    let mut over = std::pin::pin!(sleep_until(at(if timed { end_ns } else { 0 })));
    let mut drained = std::pin::pin!(sleep_until(at(0)));
    let (mut running, mut tick) = (true, interval(TICK));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.done.notified() => return,
            () = &mut drained, if !running => return,
            () = &mut over, if timed && running => {
                running = false;
                shared.end();
                drained.as_mut().reset(at(end_ns.saturating_add(nanoseconds(job.limits.drain))));
            }
            _ = tick.tick() => {
                if running && line.interrupt.is_pulled() {
                    running = false;
                    shared.interrupt();
                    drained.as_mut().reset(tokio::time::Instant::now() + TICK);
                }
                line.tell(Message::Progress(Box::new(shared.tick())));
            }
        }
    }
}

/// Sends what falls due, until nothing more will.
async fn pace(shared: &Shared, waiter: &mut Waiter) -> Result<(), Fault> {
    loop {
        let (wait_ns, before) = {
            let mut worker = shared.worker.borrow_mut();
            let now_ns = worker.now();
            let everything_sent = worker.send_due(now_ns)?;
            let Some(next_ns) = worker.engine.schedule.next_after(now_ns) else {
                return Ok(());
            };
            let gap_ns = next_ns - now_ns;
            (
                if everything_sent {
                    gap_ns
                } else {
                    gap_ns.max(FULL_WAIT_NS)
                },
                (now_ns, worker.engine.batches),
            )
        };
        let watched = waiter.wait(wait_ns).await?;
        if watched {
            shared.worker.borrow_mut().note_spin(before);
        }
    }
}

impl Shared {
    /// Serves one connection as far as it can be; ready when it is broken.
    fn poll(&self, index: usize, cx: &mut Context<'_>) -> Poll<Fault> {
        let mut worker = self.worker.borrow_mut();
        let result = worker.serve(index, cx);
        if worker.engine.is_done() {
            self.done.notify_one();
        }
        match result {
            Ok(()) => Poll::Pending,
            Err(fault) => Poll::Ready(fault),
        }
    }

    /// Notes the first fault and ends the phase.
    fn fail(&self, index: usize, fault: Fault) {
        self.worker.borrow_mut().fault.get_or_insert((index, fault));
        self.done.notify_one();
    }

    /// The phase has come to its time; what fell due before is still sent, as far as connections have places.
    fn end(&self) {
        let mut worker = self.worker.borrow_mut();
        worker.engine.ended = true;
        if worker.engine.is_done() {
            self.done.notify_one();
        }
    }

    /// Sends nothing more.
    fn close(&self) {
        let mut worker = self.worker.borrow_mut();
        worker.engine.closing = true;
        if worker.engine.is_done() {
            self.done.notify_one();
        }
    }

    fn interrupt(&self) {
        {
            let mut worker = self.worker.borrow_mut();
            let now_ns = worker.now();
            worker.engine.schedule.end(now_ns);
            worker.interrupted = true;
        }
        self.close();
    }

    /// Looks after replies that do not come; how far the worker has come.
    fn tick(&self) -> Advance {
        let (advance, stalled) = {
            let mut worker = self.worker.borrow_mut();
            (worker.advance(), worker.stalled())
        };
        if let Some((index, fault)) = stalled {
            self.fail(index, fault);
        }
        advance
    }
}

impl Worker {
    pub(super) fn new(
        job: &Job<'_>,
        connections: Vec<Connection>,
        touches: Option<Touches>,
        began_ns: u64,
        number: u64,
    ) -> Result<Self, Fault> {
        let schedule = Schedule::new(job.load, job.arrivals(), began_ns, number, job.crew());
        let operations = &job.load.operations;
        let tally = Tally::new(operations, schedule.is_open_loop(), began_ns)
            .map_err(|error| Fault::System(std::io::Error::other(error.to_string())))?;
        let engine = Engine {
            source: job.source(number),
            schedule,
            tally,
            touches,
            pipeline: job.load.pipeline.max(1) as usize,
            rules: operations.iter().map(Rule::of).collect(),
            drawn: Vec::new(),
            follow_ups: 0,
            in_flight: 0,
            ended: false,
            closing: false,
            batches: 0,
        };
        Ok(Self {
            origin: job.origin,
            began_ns,
            connections,
            engine,
            input: vec![0; INPUT_BYTES],
            output: Vec::new(),
            turn: 0,
            reply_limit_ns: nanoseconds(job.limits.reply),
            fault: None,
            interrupted: false,
            spin_ns: 0,
        })
    }

    pub(super) fn now(&self) -> u64 {
        nanoseconds(self.origin.elapsed())
    }

    fn advance(&mut self) -> Advance {
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

    /// Reads what has come on a connection and sends what may follow, until nothing more comes.
    pub(super) fn serve(&mut self, index: usize, cx: &mut Context<'_>) -> Result<(), Fault> {
        let Some(connection) = self.connections.get_mut(index) else {
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
            self.engine
                .refill(connection, usize::MAX, now_ns, &mut self.output);
            send(connection, &mut self.output)?;
        }
        Ok(())
    }

    /// Hands what is due to the connections in turn, as evenly as they have places, in one write each; false where
    /// some could not be sent because all pipelines are full.
    fn send_due(&mut self, now_ns: u64) -> Result<bool, Fault> {
        let owed = self.engine.schedule.owed(now_ns);
        let count = self.connections.len();
        let each = usize::try_from(owed.div_ceil(count.max(1) as u64)).unwrap_or(usize::MAX);
        let mut left = owed;
        for step in 0..count {
            if left == 0 {
                break;
            }
            let at = (self.turn + step) % count;
            let Some(connection) = self.connections.get_mut(at) else {
                break;
            };
            self.engine
                .refill(connection, each, now_ns, &mut self.output);
            left = self.engine.schedule.owed(now_ns);
            send(connection, &mut self.output)?;
            if left == 0 {
                self.turn = (at + 1) % count;
            }
        }
        Ok(left == 0)
    }

    /// The clock was watched since `before`, a time and a number of batches; if no reply came meanwhile, for nothing.
    fn note_spin(&mut self, before: (u64, u64)) {
        if self.engine.batches == before.1 {
            self.spin_ns += self.now().saturating_sub(before.0);
        }
    }

    /// A connection that has waited too long for a reply.
    fn stalled(&self) -> Option<(usize, Fault)> {
        let now_ns = self.now();
        let waits = |connection: &Connection| {
            connection
                .pending
                .front()
                .is_some_and(|sent| now_ns.saturating_sub(sent.sent_ns) > self.reply_limit_ns)
        };
        let index = self.connections.iter().position(waits)?;
        Some((
            index,
            Fault::Timeout(Duration::from_nanos(self.reply_limit_ns)),
        ))
    }

    /// Accounts for every request that has no reply, and closes the books.
    fn finish(&mut self) -> Result<Finished, Fault> {
        let now_ns = self.now();
        let engine = &mut self.engine;
        let end_ns = now_ns.min(engine.schedule.end_ns());
        let (mut in_flight, taken) = (0, engine.schedule.taken());
        let fault = self.fault.take();
        let mut tally = std::mem::replace(
            &mut engine.tally,
            Tally::new(&[], false, now_ns).map_err(|_| Fault::Panicked)?,
        );
        tally.begin_batch(now_ns);
        for (index, connection) in self.connections.iter().enumerate() {
            let lost_to = fault
                .as_ref()
                .filter(|(at, _)| *at == index)
                .and_then(|(_, fault)| fault.kind());
            for sent in &connection.pending {
                tally.took(sent.operation, sent.due_ns, sent.sent_ns, now_ns);
                match lost_to {
                    Some(kind) => tally.error(kind.as_bytes()),
                    None => in_flight += 1,
                }
            }
        }
        while engine.schedule.is_open_loop()
            && let Some(due_ns) = engine.schedule.take(end_ns)
        {
            tally.never_sent(due_ns, now_ns);
            in_flight += 1;
        }
        let due = engine.schedule.taken() + engine.follow_ups;
        Ok(Finished {
            measured: tally.finish(now_ns),
            touches: engine.touches.take(),
            taken,
            due,
            in_flight,
            ended_ns: now_ns,
            cpu_s: 0.0,
            spin_s: self.spin_ns as f64 * 1e-9,
            fault: fault.map(|(_, fault)| fault),
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
