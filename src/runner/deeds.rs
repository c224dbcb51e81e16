//! What is done to a cluster while a phase drives it, each thing by a thread of its own.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::recording::model::EventRecord;
use crate::target::Hand;
use crate::workload::plan::Event;

/// The shortest wait, so that an end that has come is seen.
const MOMENT: Duration = Duration::from_micros(1);

/// Drives, and does `events` meanwhile, each at its time after now; what has not ended when the drive has ends then. Times
/// told count from `origin`.
pub(super) fn meanwhile<'a, T>(
    hand: Option<&Hand>,
    events: impl Iterator<Item = &'a Event>,
    origin: Instant,
    drive: impl FnOnce() -> T,
) -> (T, Vec<EventRecord>) {
    let began = Instant::now();
    thread::scope(|scope| {
        let mut under_way = Vec::new();
        for event in events {
            let Some(hand) = hand else { break };
            let (over, ended) = mpsc::channel::<()>();
            let thread = scope.spawn(move || act(hand, event, began, origin, &ended));
            under_way.push((over, thread));
        }
        let driven = drive();
        let (overs, threads): (Vec<_>, Vec<_>) = under_way.into_iter().unzip();
        drop(overs);
        let done = threads.into_iter().filter_map(|thread| thread.join().ok());
        let mut done: Vec<EventRecord> = done.flatten().collect();
        done.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        (driven, done)
    })
}

/// Does `event` in its time, unless `over` is closed before.
fn act(
    hand: &Hand,
    event: &Event,
    began: Instant,
    origin: Instant,
    over: &Receiver<()>,
) -> Option<EventRecord> {
    let mut wait =
        |length: Duration| over.recv_timeout(length.max(MOMENT)) == Err(RecvTimeoutError::Timeout);
    if !wait(event.at.saturating_sub(began.elapsed())) {
        return None;
    }
    let at_s = origin.elapsed().as_secs_f64();
    let failure = hand.act(&event.deed, &mut wait).err();
    Some(EventRecord {
        at_s,
        ended_s: event.deed.lasts().then(|| origin.elapsed().as_secs_f64()),
        what: event.deed.to_string(),
        failure,
    })
}
