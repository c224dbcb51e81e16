//! Watches a server while it is driven: INFO at intervals, on a connection and a thread of its own.
//!
//! Samples come every 10 ms at first. Whenever there are [`SAMPLES_MAX`], every second one is dropped and the interval
//! doubles, so that memory and the load on the server stay bounded.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::TargetError;
use super::control::{Control, Info};
use super::process::rss_bytes;
use crate::drive::Access;
use crate::recording::model::Sample;

/// Interval of the first samples.
const FIRST_INTERVAL: Duration = Duration::from_millis(10);
/// So many samples are thinned out to half.
const SAMPLES_MAX: usize = 2_000;

/// A thread that watches.
#[derive(Debug)]
pub struct Watch {
    /// Closed to end it.
    stop: Sender<()>,
    thread: JoinHandle<Vec<Sample>>,
}

struct Watcher {
    control: Control,
    /// Process whose resident memory is read from the system, which is fresher than what INFO says of it.
    process: Option<u32>,
    origin: Instant,
    before: Info,
    samples: Vec<Sample>,
    interval: Duration,
}

impl Watch {
    /// Begins to watch; times and counters count from now on, times in seconds since `origin`.
    ///
    /// # Errors
    ///
    /// Where the server cannot be reached.
    pub(super) fn start(
        access: &Access,
        process: Option<u32>,
        origin: Instant,
    ) -> Result<Self, TargetError> {
        let mut control = Control::open(access)?;
        let before = control.watched_info()?;
        let watcher = Watcher {
            control,
            process,
            origin,
            before,
            samples: Vec::new(),
            interval: FIRST_INTERVAL,
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

impl Watcher {
    /// Samples until `stopped` is closed. While the server does not answer there are none.
    fn run(mut self, stopped: &mpsc::Receiver<()>) -> Vec<Sample> {
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
        let Ok(info) = self.control.watched_info() else {
            return;
        };
        let since = |name| info.count(name).saturating_sub(self.before.count(name));
        let rss_bytes = self
            .process
            .and_then(rss_bytes)
            .unwrap_or_else(|| info.count("used_memory_rss"));
        self.samples.push(Sample {
            at_s: self.origin.elapsed().as_secs_f64(),
            used_memory_bytes: info.count("used_memory"),
            rss_bytes,
            keys: info.keys(),
            evicted_keys: since("evicted_keys"),
            expired_keys: since("expired_keys"),
            hits: since("keyspace_hits"),
            misses: since("keyspace_misses"),
            cpu_s: (info.cpu_s() - self.before.cpu_s()).max(0.0),
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
