//! The drive: sends the load of a phase and measures what comes back.
//!
//! The hot part of the program: nothing here prints, reads YAML, takes a lock or allocates per request. Worker threads
//! share nothing while they work; [`drive`] starts them together, passes on their progress and merges what they leave.

pub mod access;
mod advance;
mod backoff;
pub mod cluster;
mod connection;
mod dial;
pub mod encode;
mod engine;
mod fan_out;
mod fault;
mod inserts;
mod interrupt;
mod job;
mod known;
pub mod ledger;
pub mod pace;
mod read_back;
mod redraw;
pub mod replay;
pub mod resp;
mod rule;
pub mod spectrum;
mod state;
pub mod stream;
mod sweep;
pub mod tally;
pub mod timeline;
mod timer;
pub mod tls;
pub mod touch;
mod turns;
mod usage;
mod worker;

use std::sync::mpsc;
use std::thread;

pub use access::Access;
pub use advance::Advance;
pub use dial::dial;
pub use fan_out::{Heard, Published};
pub use fault::Fault;
pub use interrupt::Interrupt;
pub use job::{Job, Limits};
pub use known::Known;
pub use read_back::{Found, read_back};
pub use redraw::Redraw;
pub use replay::Replaying;
pub use sweep::sweep;
pub use turns::{Turn, Turns};

use fan_out::listeners::Listeners;
use pace::nanoseconds;
use tally::Measured;
use worker::{Finished, Line, Message};

/// What a phase left.
#[derive(Debug)]
pub struct Driven {
    /// What was measured.
    pub measured: Measured,
    /// What subscribers heard; none where nothing is published.
    pub heard: Option<Heard>,
    /// What is known of the keys, from this phase and before it.
    pub known: Known,
    /// Requests that each worker drew and sent.
    pub taken: Vec<u64>,
    /// Requests that fell due.
    pub due: u64,
    /// Requests without an answer that no error explains.
    pub in_flight: u64,
    /// When the first request could be sent, nanoseconds since the job's origin.
    pub began_ns: u64,
    /// When the last reply came, or waiting for it was given up.
    pub ended_ns: u64,
    /// Worker threads.
    pub workers: u64,
    /// CPU seconds of the workers.
    pub cpu_s: f64,
    /// Seconds that they were ready to run while other threads held their cores.
    pub delayed_s: f64,
    /// Of these, seconds spent watching the clock with nothing else to do.
    pub spin_s: f64,
    /// Connections that were lost and made again.
    pub reconnects: u64,
    /// Why the phase was cut short, if it was.
    pub fault: Option<Fault>,
    /// Whether the user stopped it.
    pub interrupted: bool,
}

/// Drives `job` to its end, telling `progress` about ten times a second on the calling thread.
///
/// `known` is what is known of the keys from the phases before.
///
/// # Errors
///
/// Where nothing was sent, because connections could not be made. What goes wrong later is part of what is returned.
pub fn drive(
    job: &Job<'_>,
    known: Known,
    interrupt: &Interrupt,
    progress: &mut dyn FnMut(&Advance),
) -> Result<Driven, Fault> {
    let mut driven = drive_together(std::slice::from_ref(job), known, interrupt, progress)?;
    driven.pop().ok_or(Fault::CalledOff)
}

/// Drives `jobs` at the same time, each with connections and threads of its own. What is known of the keys is with the
/// first of them afterwards.
///
/// # Errors
///
/// As [`drive`]; where one of them cannot begin, none does.
pub fn drive_together(
    jobs: &[Job<'_>],
    mut known: Known,
    interrupt: &Interrupt,
    progress: &mut dyn FnMut(&Advance),
) -> Result<Vec<Driven>, Fault> {
    let Some(first) = jobs.first() else {
        return Ok(Vec::new());
    };
    let counts = jobs.iter().map(|job| job.keys.count);
    let (count, nothing) = (counts.fold(0, u64::max), known.fresh(0));
    let mut listeners = jobs
        .iter()
        .map(Listeners::open)
        .collect::<Result<Vec<_>, _>>()?;
    let (mut advance, driven) = thread::scope(|scope| {
        let (messages, inbox) = mpsc::channel();
        let (mut starts, mut threads) = (Vec::new(), Vec::new());
        for (job, worker) in jobs
            .iter()
            .flat_map(|job| (0..job.crew()).map(move |worker| (job, worker)))
        {
            let (start, started) = mpsc::channel();
            let line = Line {
                number: starts.len(),
                worker,
                messages: messages.clone(),
                start: started,
                interrupt,
            };
            // What is known from before is with the first worker.
            let own = match starts.is_empty() {
                true => std::mem::take(&mut known),
                false => nothing.fresh(count),
            };
            let thread = thread::Builder::new()
                .name(format!("drive-{}", line.number))
                .spawn_scoped(scope, move || worker::work(job, own, &line));
            starts.push(start);
            threads.push(thread?);
        }
        drop(messages);
        for replay in jobs.iter().filter_map(|job| job.replay) {
            let reader = thread::Builder::new().name("trace".to_owned());
            reader.spawn_scoped(scope, || replay.read())?;
        }
        let (began_ns, advance) = supervise(first, &inbox, starts, &mut |advance| {
            let heard = listeners.iter_mut().flatten();
            heard.for_each(|heard| advance.deliveries.add(heard.so_far()));
            progress(advance);
        });
        let mut results = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Err(Fault::Panicked)));
        let driven = jobs
            .iter()
            .map(|job| merge(began_ns, results.by_ref().take(job.crew() as usize)));
        all(driven.collect()).map(|driven| (advance, driven))
    })?;
    let driven = driven.into_iter().zip(listeners);
    let driven: Vec<_> = driven.map(|(driven, heard)| hear(driven, heard)).collect();
    let heard: Vec<_> = driven.iter().filter_map(|one| one.heard.as_ref()).collect();
    if !heard.is_empty() {
        heard
            .iter()
            .for_each(|heard| advance.deliveries.add(&heard.so_far));
        progress(&advance);
    }
    Ok(driven)
}

/// With what subscribers have heard, once all of it has come.
fn hear(mut driven: Driven, listeners: Option<Listeners>) -> Driven {
    let published = driven.measured.published;
    let most = published.map_or(0, |published| published.reached + published.doubtful);
    match listeners.map(|listeners| listeners.close(most)) {
        None => {}
        Some(Ok(heard)) => driven.heard = Some(heard),
        Some(Err(fault)) => driven.fault = driven.fault.or(Some(fault)),
    }
    driven
}

/// Everything or the first fault, those left aside that only say that another could not begin.
fn all(results: Vec<Result<Driven, Fault>>) -> Result<Vec<Driven>, Fault> {
    let (mut driven, mut fault) = (Vec::new(), None);
    for result in results {
        match (result, &fault) {
            (Ok(one), _) => driven.push(one),
            (Err(why), None | Some(Fault::CalledOff)) => fault = Some(why),
            (Err(_), Some(_)) => {}
        }
    }
    if let Some(fault) = fault {
        return Err(fault);
    }
    if let Some((first, others)) = driven.split_first_mut() {
        for other in others {
            first.known.merge(&std::mem::take(&mut other.known));
        }
    }
    Ok(driven)
}

/// Starts the workers once all are ready, and listens to them until all have gone; when they began, and how far they came.
fn supervise(
    job: &Job<'_>,
    inbox: &mpsc::Receiver<(usize, Message)>,
    mut starts: Vec<mpsc::Sender<u64>>,
    progress: &mut dyn FnMut(&mut Advance),
) -> (u64, Advance) {
    let (mut ready, mut began_ns) = (0, 0);
    let mut latest = vec![Advance::default(); starts.len()];
    while let Ok((number, message)) = inbox.recv() {
        match message {
            Message::Ready => {
                ready += 1;
                if ready == latest.len() {
                    began_ns = nanoseconds(job.origin.elapsed());
                    for start in starts.drain(..) {
                        // A worker that is gone has said so or will.
                        let _ = start.send(began_ns);
                    }
                }
            }
            // A worker that could not begin keeps the others from beginning.
            Message::Gone => starts.clear(),
            Message::Progress(advance) => {
                if let Some(place) = latest.get_mut(number) {
                    *place = *advance;
                }
                progress(&mut together(&latest));
            }
        }
    }
    (began_ns, together(&latest))
}

fn together(workers: &[Advance]) -> Advance {
    let mut all = Advance::default();
    workers.iter().for_each(|worker| all.add(worker));
    all
}

/// Everything that the workers leave as one; the first fault where none of them began.
fn merge(
    began_ns: u64,
    results: impl Iterator<Item = Result<Finished, Fault>>,
) -> Result<Driven, Fault> {
    let (mut whole, mut first_fault) = (None::<Driven>, None);
    for result in results {
        match (result, &mut whole) {
            (Ok(finished), None) => whole = Some(alone(began_ns, finished)),
            (Ok(finished), Some(whole)) => add(whole, finished),
            (Err(Fault::CalledOff), _) => {}
            (Err(fault), _) => first_fault = first_fault.or(Some(fault)),
        }
    }
    match (whole, first_fault) {
        (Some(mut whole), fault) => {
            whole.fault = whole.fault.or(fault);
            Ok(whole)
        }
        (None, fault) => Err(fault.unwrap_or(Fault::CalledOff)),
    }
}

fn alone(began_ns: u64, finished: Finished) -> Driven {
    Driven {
        measured: finished.measured,
        heard: None,
        known: finished.known,
        taken: vec![finished.taken],
        due: finished.due,
        in_flight: finished.in_flight,
        began_ns,
        ended_ns: finished.ended_ns,
        workers: 1,
        cpu_s: finished.usage.cpu_s,
        delayed_s: finished.usage.delayed_s,
        spin_s: finished.spin_s,
        reconnects: finished.reconnects,
        fault: finished.fault,
        interrupted: finished.interrupted,
    }
}

fn add(whole: &mut Driven, finished: Finished) {
    whole.measured.merge(finished.measured);
    whole.known.merge(&finished.known);
    whole.taken.push(finished.taken);
    whole.due += finished.due;
    whole.in_flight += finished.in_flight;
    whole.ended_ns = whole.ended_ns.max(finished.ended_ns);
    whole.workers += 1;
    whole.cpu_s += finished.usage.cpu_s;
    whole.delayed_s += finished.usage.delayed_s;
    whole.spin_s += finished.spin_s;
    whole.reconnects += finished.reconnects;
    whole.fault = whole.fault.take().or(finished.fault);
    whole.interrupted |= finished.interrupted;
}
