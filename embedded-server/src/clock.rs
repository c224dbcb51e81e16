//! Real or virtual time. Nothing else in this crate asks the system what time it is.
//!
//! A virtual clock stands still until somebody turns it, so that a test or a benchmark can let an hour pass at once and
//! a run repeats exactly. The node reads its clock once per turn of its loop; commands see that reading.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where a virtual clock starts unless told otherwise: 2026-01-01T00:00:00Z, in microseconds since the Unix epoch.
pub const VIRTUAL_EPOCH_US: u64 = 1_767_225_600_000_000;

/// A source of wall-clock time, cheap to clone; clones of a virtual clock show the same time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    Real,
    /// Microseconds since the Unix epoch, turned by [`Clock::advance`] alone.
    Virtual(Arc<AtomicU64>),
}

impl Clock {
    /// A virtual clock that starts at [`VIRTUAL_EPOCH_US`].
    #[must_use]
    pub fn virtual_clock() -> Self {
        Self::Virtual(Arc::new(AtomicU64::new(VIRTUAL_EPOCH_US)))
    }

    /// Whether this clock only moves when told to.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        matches!(self, Self::Virtual(_))
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        match self {
            Self::Real => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, saturating_us),
            Self::Virtual(now) => now.load(Ordering::Acquire),
        }
    }

    /// Turns a virtual clock forward; a real one is left alone. True when the clock moved.
    ///
    /// A node learns of it at its next turn; `Handle::advance` also waits for that turn.
    pub fn advance(&self, by: Duration) -> bool {
        match self {
            Self::Real => false,
            Self::Virtual(now) => {
                now.fetch_add(saturating_us(by), Ordering::AcqRel);
                true
            }
        }
    }

    /// Lets `by` pass: sleeps on a real clock, turns a virtual one.
    pub fn sleep(&self, by: Duration) {
        if !self.advance(by) {
            sleep(by);
        }
    }
}

/// Lets real time pass, whatever any clock shows.
pub fn sleep(by: Duration) {
    std::thread::sleep(by);
}

/// A monotonic stopwatch on the real processor's time line, for measuring how long work took whatever the clock shows.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub fn elapsed_ns(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

fn saturating_us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_moves_only_when_turned_and_its_clones_move_with_it() {
        let clock = Clock::virtual_clock();
        let seen_by_node = clock.clone();
        let before = seen_by_node.now_us();
        assert_eq!(before, seen_by_node.now_us());
        assert!(clock.advance(Duration::from_millis(1500)));
        assert_eq!(seen_by_node.now_us(), before + 1_500_000);
    }

    #[test]
    fn a_real_clock_cannot_be_turned() {
        assert!(!Clock::Real.advance(Duration::from_secs(1)));
    }
}
