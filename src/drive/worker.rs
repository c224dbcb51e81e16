//! One worker: a thread with a runtime of its own, its connections, and the tasks that serve them.
//!
//! Each connection has a task that reads replies and sends what may follow them. On an open loop one more task, the
//! pacer, sends what falls due. A connection that is lost is made again by its task. They share the [`State`].

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until};

use super::access::Access;
use super::advance::Advance;
use super::backoff::backoff;
use super::connection::Connection;
use super::fault::Fault;
use super::interrupt::Interrupt;
use super::job::Job;
use super::known::Known;
use super::pace::{Waiter, nanoseconds};
use super::state::State;
use super::tally::Measured;
use super::usage::Usage;
use crate::traffic::share_of;
use crate::traffic::stream::derive;

/// How often progress is told and limits are looked after.
const TICK: Duration = Duration::from_millis(100);
/// Connections that are being made at the same time.
const CONNECTING_MAX: usize = 128;
/// Replies that do not come are noticed after so much of the limit at the latest.
const LOOKS_PER_LIMIT: u32 = 10;
/// They are not looked for more often.
const LOOK_MIN: Duration = Duration::from_millis(1);
/// Sets the chance in waiting to connect apart from other draws.
const BACKOFF: u64 = 0x0bac_0ff0;
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
    pub(super) known: Known,
    /// Requests drawn and sent.
    pub(super) taken: u64,
    /// Requests that fell due.
    pub(super) due: u64,
    /// Of these, those without an answer that no error explains.
    pub(super) in_flight: u64,
    pub(super) ended_ns: u64,
    pub(super) usage: Usage,
    pub(super) spin_s: f64,
    /// Connections that were lost and made again.
    pub(super) reconnects: u64,
    pub(super) fault: Option<Fault>,
    pub(super) interrupted: bool,
}

/// The worker's side of the talk with the thread that waits for it.
pub(super) struct Line<'a> {
    /// Among all that work at the same time.
    pub(super) number: usize,
    /// Among those of the same job.
    pub(super) worker: u64,
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

struct Shared {
    state: RefCell<State>,
    done: Notify,
    /// What was owed while all pipelines were full has been sent.
    room: Notify,
}

/// Drives the share of `line.worker` of the job until it is done, and says what came of it.
///
/// # Errors
///
/// Where nothing was sent: no runtime, no connection.
pub(super) fn work(job: &Job<'_>, known: Known, line: &Line<'_>) -> Result<Finished, Fault> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let connections = connect(job, line).await?;
        line.tell(Message::Ready);
        // The runtime rests meanwhile; nothing is under way on it.
        let began_ns = line.start.recv().map_err(|_| Fault::CalledOff)?;
        let before = Usage::now();
        let shared = Rc::new(Shared {
            state: RefCell::new(State::new(job, connections, known, began_ns, line.worker)?),
            done: Notify::new(),
            room: Notify::new(),
        });
        begin(&shared, job, line.number)?;
        conduct(&shared, job, line).await;
        line.tell(Message::Progress(Box::new(
            shared.state.borrow_mut().advance(),
        )));
        let mut finished = shared.state.borrow_mut().finish()?;
        finished.usage = Usage::now() - before;
        Ok(finished)
    })
}

/// Makes the connections of a worker.
async fn connect(job: &Job<'_>, line: &Line<'_>) -> Result<Vec<Connection>, Fault> {
    let wanted = share_of(u64::from(job.load.clients).max(1), line.worker, job.crew());
    tokio::select! {
        connections = connect_all(job, wanted as usize) => connections,
        () = pulled(line.interrupt) => Err(Fault::CalledOff),
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
                let (access, pipeline) = (job.way(), job.load.pipeline as usize);
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
fn begin(shared: &Rc<Shared>, job: &Job<'_>, worker: usize) -> Result<(), Fault> {
    let (connections, needs_pacing) = {
        let state = shared.state.borrow();
        (state.connections(), state.engine.schedule.needs_pacing())
    };
    for index in 0..connections {
        let shared = Rc::clone(shared);
        let redial = Redial {
            access: job.way(),
            pipeline: job.load.pipeline as usize,
            seed: derive(job.seed, &[BACKOFF, job.phase, worker as u64, index as u64]),
        };
        tokio::task::spawn_local(async move { tend(&shared, index, &redial).await });
    }
    if needs_pacing {
        let (shared, mut waiter) = (Rc::clone(shared), Waiter::new()?);
        tokio::task::spawn_local(async move {
            if let Err(fault) = pace(&shared, &mut waiter).await {
                shared.with(|state| state.fail(fault));
            }
        });
    }
    Ok(())
}

/// How a lost connection is made again.
struct Redial {
    access: Access,
    pipeline: usize,
    /// Chance in how long to wait.
    seed: u64,
}

/// Serves a connection, and makes it again whenever it is lost.
async fn tend(shared: &Shared, index: usize, redial: &Redial) {
    loop {
        poll_fn(|cx| shared.with(|state| state.poll(index, cx))).await;
        for attempt in 0.. {
            sleep(backoff(redial.seed, attempt)).await;
            match Connection::open(&redial.access, redial.pipeline).await {
                Ok(connection) => {
                    let is_heard = !redial.access.greeting.is_empty();
                    shared.with(|state| state.restore(index, connection, is_heard));
                    break;
                }
                Err(fault) => shared.with(|state| state.despair(fault)),
            }
        }
    }
}

/// Waits for the end, looking after limits meanwhile.
async fn conduct(shared: &Shared, job: &Job<'_>, line: &Line<'_>) {
    let end_ns = shared.state.borrow().engine.schedule.end_ns();
    let at = |ns: u64| tokio::time::Instant::from_std(job.origin + Duration::from_nanos(ns));
    // Where requests are counted, there is no end by time.
    let timed = end_ns < u64::MAX;
    let mut over = std::pin::pin!(sleep_until(at(if timed { end_ns } else { 0 })));
    let mut drained = std::pin::pin!(sleep_until(at(0)));
    let (mut running, mut tick) = (true, interval(TICK));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut look = interval((job.limits.reply / LOOKS_PER_LIMIT).clamp(LOOK_MIN, TICK));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.done.notified() => return,
            () = &mut drained, if !running => return,
            () = &mut over, if timed && running => {
                running = false;
                shared.end();
                drained.as_mut().reset(at(end_ns.saturating_add(nanoseconds(job.limits.drain))));
            }
            _ = look.tick() => shared.with(State::lose_stalled),
            _ = tick.tick() => {
                if running && line.interrupt.is_pulled() {
                    running = false;
                    shared.interrupt();
                    drained.as_mut().reset(tokio::time::Instant::now() + TICK);
                }
                line.tell(Message::Progress(Box::new(shared.state.borrow_mut().advance())));
            }
        }
    }
}

/// Sends what falls due, until nothing more will.
async fn pace(shared: &Shared, waiter: &mut Waiter) -> Result<(), Fault> {
    loop {
        let (wait_ns, everything_sent, before) = {
            let mut state = shared.state.borrow_mut();
            let now_ns = state.now();
            let everything_sent = state.send_due(now_ns);
            let Some(next_ns) = state.engine.schedule.next_after(now_ns) else {
                return Ok(());
            };
            let gap_ns = next_ns - now_ns;
            let wait_ns = if everything_sent {
                gap_ns
            } else {
                gap_ns.max(FULL_WAIT_NS)
            };
            // Sending is no watching.
            let before = (state.now(), state.engine.batches);
            (wait_ns, everything_sent, before)
        };
        let watched = tokio::select! {
            watched = waiter.wait(wait_ns) => watched?,
            () = shared.room.notified(), if !everything_sent => false,
        };
        if watched {
            shared.state.borrow_mut().note_spin(before);
        }
    }
}

impl Shared {
    /// Does something with the state, and tells when nothing more is to be done.
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.borrow_mut();
        let result = act(&mut state);
        if state.is_over() {
            self.done.notify_one();
        }
        if std::mem::take(&mut state.engine.has_room) {
            self.room.notify_one();
        }
        result
    }

    /// The phase has come to its time; what fell due before is still sent, as far as connections have places.
    fn end(&self) {
        self.with(|state| state.engine.ended = true);
    }

    /// Nothing more falls due or is sent.
    fn interrupt(&self) {
        self.with(|state| {
            let now_ns = state.now();
            state.engine.schedule.end(now_ns);
            state.engine.closing = true;
            state.interrupted = true;
        });
    }
}
