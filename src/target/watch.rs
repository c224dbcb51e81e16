//! Watches a server while it is driven: INFO at intervals, on a connection and a thread of its own.
//!
//! Samples come every 10 ms at first, or at the interval that the run would come to anyway, where it is known how long it
//! lasts. Whenever there are [`SAMPLES_MAX`], every second one is dropped and the interval doubles, so that memory stays bounded,
//! and a long phase is hardly disturbed: each sample holds up whoever shares its core.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::TargetError;
use super::control::{Control, Info};
use super::idle::give_way;
use super::process::rss_bytes;
use crate::drive::Access;
use crate::recording::model::Sample;

/// Interval of the first samples of a run of which nothing is known.
const FIRST_INTERVAL: Duration = Duration::from_millis(10);
/// So many samples are thinned out to half.
const SAMPLES_MAX: usize = 64;

/// A thread that watches.
#[derive(Debug)]
pub struct Watch {
    /// Closed to end it.
    stop: Sender<()>,
    thread: JoinHandle<Vec<Sample>>,
}

struct Watcher {
    /// One, or one to each node of a cluster.
    controls: Vec<Control>,
    /// Process whose resident memory is read from the system, which is fresher than what INFO says of it.
    process: Option<u32>,
    origin: Instant,
    before: Vec<Info>,
    samples: Vec<Sample>,
    interval: Duration,
}

impl Watch {
    /// Begins to watch for `length_min` or longer; times and counters count from now on, times in seconds since `origin`.
    ///
    /// # Errors
    ///
    /// Where the server cannot be reached.
    pub(super) fn start(
        access: &Access,
        process: Option<u32>,
        origin: Instant,
        length_min: Duration,
    ) -> Result<Self, TargetError> {
        let (mut controls, mut before) = (Vec::new(), Vec::new());
        for node in access.nodes() {
            let mut control = Control::open(&node)?;
            before.push(control.watched_info()?);
            controls.push(control);
        }
        let watcher = Watcher {
            controls,
            process,
            origin,
            before,
            samples: Vec::new(),
            interval: first_interval(length_min),
        };
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || watcher.run(&stopped))
            .map_err(|source| TargetError::System {
                doing: "starting a thread",
                source,
            })?;
        Ok(Self { stop, thread })
    }

    /// Takes a last sample and ends; what has been seen.
    #[must_use]
    pub fn stop(self) -> Vec<Sample> {
        drop(self.stop);
        self.thread.join().unwrap_or_default()
    }
}

/// The interval that is left when a run of this length is over, however it began.
fn first_interval(length: Duration) -> Duration {
    let mut interval = FIRST_INTERVAL;
    while interval * SAMPLES_MAX as u32 <= length {
        interval *= 2;
    }
    interval
}

impl Watcher {
    /// Samples until `stopped` is closed. While the server does not answer there are none.
    fn run(mut self, stopped: &mpsc::Receiver<()>) -> Vec<Sample> {
        // Those that drive must not wait for one that looks on.
        give_way();
        loop {
            self.sample();
            if stopped.recv_timeout(self.interval) != Err(RecvTimeoutError::Timeout) {
                break;
            }
            self.thin_out();
        }
        self.sample();
        self.samples
    }

    fn sample(&mut self) {
        // A node of a cluster that is down does not keep the others from being watched.
        let answers = self
            .controls
            .iter_mut()
            .map(|control| control.watched_info());
        let now: Vec<(Info, &Info)> = answers
            .zip(&self.before)
            .filter_map(|(info, before)| Some((info.ok()?, before)))
            .collect();
        if now.is_empty() {
            return;
        }
        let sum = |name| now.iter().map(|(info, _)| info.count(name)).sum::<u64>();
        let since = |name| {
            let of = |(info, before): &(Info, &Info)| {
                info.count(name).saturating_sub(before.count(name))
            };
            now.iter().map(of).sum::<u64>()
        };
        let rss_bytes = self
            .process
            .and_then(rss_bytes)
            .unwrap_or_else(|| sum("used_memory_rss"));
        let cpu_s = |(info, before): &(Info, &Info)| (info.cpu_s() - before.cpu_s()).max(0.0);
        self.samples.push(Sample {
            at_s: self.origin.elapsed().as_secs_f64(),
            used_memory_bytes: sum("used_memory"),
            rss_bytes,
            keys: now.iter().map(|(info, _)| info.keys()).sum(),
            evicted_keys: since("evicted_keys"),
            expired_keys: since("expired_keys"),
            hits: since("keyspace_hits"),
            misses: since("keyspace_misses"),
            cpu_s: now.iter().map(cpu_s).sum(),
        });
    }

    fn thin_out(&mut self) {
        if self.samples.len() >= SAMPLES_MAX {
            let mut odd = false;
            self.samples.retain(|_| {
                odd = !odd;
                odd
            });
            self.interval *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The interval after so many of the first intervals, of a watch that began with `interval`.
    fn interval_after(firsts: u32, mut interval: Duration) -> Duration {
        let (mut at, mut samples) = (Duration::ZERO, 1);
        while at + interval <= FIRST_INTERVAL * firsts {
            at += interval;
            if samples == SAMPLES_MAX {
                (samples, interval) = (SAMPLES_MAX / 2, interval * 2);
            }
            samples += 1;
        }
        interval
    }

    #[test]
    fn a_run_of_known_length_begins_with_the_interval_that_it_would_end_with() {
        assert_eq!(first_interval(Duration::ZERO), FIRST_INTERVAL);
        for firsts in [1, 60, 100, 500, 1000, 30_000] {
            let length = FIRST_INTERVAL * firsts;
            let known = first_interval(length);
            assert_eq!(known, interval_after(firsts, FIRST_INTERVAL), "{length:?}");
            assert_eq!(known, interval_after(firsts, known), "{length:?}");
        }
    }
}
