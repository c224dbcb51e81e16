//! What is done to a cluster while a phase drives it, by a thread of its own.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::recording::model::EventRecord;
use crate::target::Hand;
use crate::workload::plan::Event;

/// Does `events`, each at its time after now, until all are done or `over` is closed. Times told count from `origin`.
pub(super) fn act<'a>(
    hand: &Hand,
    events: impl Iterator<Item = &'a Event>,
    origin: Instant,
    over: &Receiver<()>,
) -> Vec<EventRecord> {
    let began = Instant::now();
    let mut done = Vec::new();
    for event in events {
        let wait = event.at.saturating_sub(began.elapsed());
        if over.recv_timeout(wait.max(Duration::from_micros(1))) != Err(RecvTimeoutError::Timeout) {
            break;
        }
        let failure = hand.act(event).err();
        done.push(EventRecord {
            at_s: origin.elapsed().as_secs_f64(),
            what: event.to_string(),
            failure,
        });
    }
    done
}
