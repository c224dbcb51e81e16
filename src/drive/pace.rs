//! When requests are due, and waiting until they are.
//!
//! On an open loop request `k` is due at `k / rate` after the begin of the phase whatever the server does, so what is owed
//! needs no queue: it is the requests between the number taken and the number due.

use std::io;
use std::time::Duration;

use super::timer::Timer;
use crate::traffic::share_of;
use crate::workload::plan::{Load, Pace, Until};

/// A timer wakes so much early, because waking takes time; the rest is spent watching the clock.
const EARLY_NS: u64 = 40_000;
/// Shorter gaps are not worth a timer.
const WATCHED_NS: u64 = 60_000;

/// The due times of one worker's requests.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Nanoseconds between two requests of this worker; 0 on a closed loop, where they are always due.
    period_ns: f64,
    /// When the first request is due.
    first_ns: f64,
    taken: u64,
    /// Requests in all.
    count: u64,
    /// No request is due from here on.
    end_ns: u64,
}

impl Schedule {
    /// The due times of worker `worker` of `workers`, in a phase that begins at `began_ns`.
    #[must_use]
    pub fn new(load: &Load, began_ns: u64, worker: u64, workers: u64) -> Self {
        let between_ns = match load.pace {
            Pace::Closed => 0.0,
            Pace::Rate(per_second) => 1e9 / per_second,
        };
        let (count, end_ns) = match load.until {
            Until::Count(count) => (share_of(count, worker, workers), u64::MAX),
            Until::Elapsed(length) => (u64::MAX, began_ns.saturating_add(nanoseconds(length))),
        };
        // Workers take turns, so that together they keep the rate evenly.
        let first_ns = began_ns as f64 + between_ns * worker as f64;
        Self {
            period_ns: between_ns * workers as f64,
            first_ns,
            taken: 0,
            count,
            end_ns,
        }
    }

    /// Whether due times are given, rather than found when a reply has come.
    #[must_use]
    pub fn is_open_loop(&self) -> bool {
        self.period_ns > 0.0
    }

    /// Takes the next request if it is due at `now_ns`; its due time.
    #[inline]
    pub fn take(&mut self, now_ns: u64) -> Option<u64> {
        let due_ns = if self.period_ns > 0.0 {
            self.due(self.taken)
        } else {
            now_ns
        };
        if due_ns > now_ns || due_ns >= self.end_ns || self.taken >= self.count {
            return None;
        }
        self.taken += 1;
        Some(due_ns)
    }

    /// Requests due at `now_ns` that have not been taken; on an open loop only.
    #[must_use]
    pub fn owed(&self, now_ns: u64) -> u64 {
        let until_ns = now_ns.min(self.end_ns.saturating_sub(1)) as f64;
        if self.period_ns <= 0.0 || until_ns < self.first_ns {
            return 0;
        }
        let fallen_due = ((until_ns - self.first_ns) / self.period_ns) as u64 + 1;
        fallen_due.min(self.count).saturating_sub(self.taken)
    }

    /// When the first request after `now_ns` is due, taken or owed ones left aside; none after the last.
    #[must_use]
    pub fn next_after(&self, now_ns: u64) -> Option<u64> {
        let next = self.taken + self.owed(now_ns);
        let due_ns = self.due(next).max(now_ns);
        (next < self.count && due_ns < self.end_ns).then_some(due_ns)
    }

    /// Whether all requests of a counted load have been taken.
    #[inline]
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.taken >= self.count
    }

    /// Nothing falls due from `now_ns` on; what is owed by then stays owed.
    pub fn end(&mut self, now_ns: u64) {
        self.end_ns = self.end_ns.min(now_ns);
    }

    /// When requests cease to fall due; the largest number where they are counted.
    #[must_use]
    pub fn end_ns(&self) -> u64 {
        self.end_ns
    }

    /// Requests taken so far.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    #[inline]
    fn due(&self, number: u64) -> u64 {
        (self.first_ns + self.period_ns * number as f64) as u64
    }
}

/// Waits for due times.
#[derive(Debug)]
pub struct Waiter(Timer);

impl Waiter {
    /// To be made within the runtime that will wait.
    ///
    /// # Errors
    ///
    /// Where the system has no timer left to give.
    pub fn new() -> io::Result<Self> {
        Timer::new().map(Self)
    }

    /// Waits about `gap_ns`, rather less than more; true where it only let other tasks run, to watch the clock.
    ///
    /// # Errors
    ///
    /// Where the timer fails.
    pub async fn wait(&mut self, gap_ns: u64) -> io::Result<bool> {
        if gap_ns <= WATCHED_NS {
            tokio::task::yield_now().await;
            return Ok(true);
        }
        self.0
            .sleep(Duration::from_nanos(gap_ns - EARLY_NS))
            .await?;
        Ok(false)
    }
}

/// Nanoseconds in `duration`, at most 584 years.
#[must_use]
pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::plan::{OnMiss, Operation, Order, Share, Ttl};

    fn load(pace: Pace, until: Until) -> Load {
        Load {
            operations: vec![Share {
                operation: Operation::Get,
                share: 1.0,
            }],
            keys: 0..10,
            order: Order::Sequential,
            until,
            clients: 1,
            pipeline: 1,
            pace,
            ttl: Ttl::None,
            on_miss: OnMiss::Nothing,
        }
    }

    #[test]
    fn due_times_are_even_over_all_workers_and_end_with_the_phase() {
        let load = load(
            Pace::Rate(1000.0),
            Until::Elapsed(Duration::from_millis(10)),
        );
        let mut due = Vec::new();
        for worker in 0..3 {
            let mut schedule = Schedule::new(&load, 5_000_000, worker, 3);
            due.extend(std::iter::from_fn(|| schedule.take(1_000_000_000)));
            assert_eq!(schedule.next_after(0), None);
        }
        due.sort_unstable();
        let expected: Vec<u64> = (5..15).map(|ms| ms * 1_000_000).collect();
        assert_eq!(due, expected);
    }

    #[test]
    fn what_is_owed_is_what_take_would_give() {
        let load = load(Pace::Rate(3_000_000.0), Until::Count(1000));
        let mut schedule = Schedule::new(&load, 17, 0, 1);
        for now in (0..500_000).step_by(777) {
            let owed = schedule.owed(now);
            let taken = std::iter::from_fn(|| schedule.take(now)).count() as u64;
            assert!(
                owed.abs_diff(taken) <= 1,
                "{owed} owed and {taken} taken at {now}"
            );
        }
        assert!(schedule.is_spent());
        assert_eq!(
            (schedule.taken(), schedule.next_after(500_000)),
            (1000, None)
        );
    }

    #[test]
    fn a_closed_loop_is_always_due_until_it_is_over() {
        let mut counted = Schedule::new(&load(Pace::Closed, Until::Count(2)), 0, 0, 1);
        assert_eq!(
            [counted.take(7), counted.take(9), counted.take(9)],
            [Some(7), Some(9), None]
        );
        let mut timed = Schedule::new(
            &load(Pace::Closed, Until::Elapsed(Duration::from_nanos(10))),
            5,
            0,
            1,
        );
        assert_eq!([timed.take(7), timed.take(15)], [Some(7), None]);
    }

    #[test]
    fn a_phase_cut_short_owes_what_had_fallen_due() {
        let mut schedule = Schedule::new(&load(Pace::Rate(1000.0), Until::Count(100)), 0, 0, 1);
        schedule.end(5_500_000);
        assert_eq!(schedule.owed(1_000_000_000), 6);
        assert!(!schedule.is_spent());
    }
}
