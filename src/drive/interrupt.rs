//! Stops a run from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often whoever waits looks up.
const TICK: Duration = Duration::from_millis(100);

/// Stops a run from another thread (Ctrl-C): clones share one switch.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// A switch that is off.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to stop; it does within about a tenth of a second, and keeps what it has measured.
    pub fn pull(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the run was asked to stop.
    #[must_use]
    pub fn is_pulled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Lets `length` pass; true where the run was asked to stop meanwhile.
    #[must_use]
    pub fn wait(&self, length: Duration) -> bool {
        let began = Instant::now();
        while began.elapsed() < length && !self.is_pulled() {
            thread::sleep(TICK.min(length.saturating_sub(began.elapsed())));
        }
        self.is_pulled()
    }
}
