//! When requests are due, and waiting until they are.
//!
//! On an open loop requests are due when the arrival process says so, whatever the server does, and what is owed needs no
//! queue: the same due times are drawn again when it is sent.

use std::io;
use std::thread::available_parallelism;
use std::time::Duration;

use super::replay::Replay;
use super::timer::Timer;
use crate::traffic::{Arrivals, Stream, share_of};
use crate::workload::plan::{Load, Until};

/// A trace is looked at for more requests at least so often.
const READING_NS: u64 = 1_000_000;

/// How near a due time must be for the clock to be watched instead of a timer being set, which wakes a thread late by as
/// long as the core needs to come out of its sleep. Watching takes a core, so that it must not be the server's.
#[derive(Debug, Clone, Copy)]
struct Watch {
    /// A timer wakes so much early; the rest is spent watching.
    early_ns: u64,
    /// Shorter gaps are not worth a timer.
    gap_ns: u64,
}

/// Where there is a core to spare: longer than nearly any core takes to wake.
const WITH_A_CORE: Watch = Watch {
    early_ns: 200_000,
    gap_ns: 1_000_000,
};
/// Where there is one core for all.
const WITHOUT: Watch = Watch {
    early_ns: 40_000,
    gap_ns: 60_000,
};

/// The due times of one worker's requests.
#[derive(Debug)]
pub struct Schedule {
    /// None on a closed loop, where a request is due whenever there is a place for it.
    open: Option<Open>,
    /// Where requests and due times come from a trace.
    replay: Option<Box<Replay>>,
    taken: u64,
    /// Requests in all.
    count: u64,
    /// No request is due from here on.
    end_ns: u64,
}

/// The same due times twice: requests are taken at the one behind, and the one ahead is moved only when it is asked how many
/// have fallen due; between the two lies what is owed.
#[derive(Debug, Clone)]
struct Open {
    ahead: Cursor,
    behind: Cursor,
    /// Requests that have fallen due.
    fallen: u64,
}

#[derive(Debug, Clone)]
struct Cursor {
    arrivals: Arrivals,
    began_ns: u64,
    next_ns: u64,
}

impl Cursor {
    fn new(mut arrivals: Arrivals, began_ns: u64) -> Self {
        let next_ns = began_ns.saturating_add(arrivals.draw());
        Self {
            arrivals,
            began_ns,
            next_ns,
        }
    }

    /// The due time it stands at; goes on to the next.
    #[inline]
    fn pass(&mut self) -> u64 {
        let due_ns = self.next_ns;
        self.next_ns = self.began_ns.saturating_add(self.arrivals.draw());
        due_ns
    }

    /// Passes all due times before `end_ns`, at most `limit`; how many there were.
    fn pass_until(&mut self, end_ns: u64, limit: u64) -> u64 {
        if limit == 0 || self.next_ns >= end_ns {
            return 0;
        }
        let mut passed = 1 + self
            .arrivals
            .skip(end_ns.saturating_sub(self.began_ns), limit - 1);
        self.pass();
        while passed < limit && self.next_ns < end_ns {
            self.pass();
            passed += 1;
        }
        passed
    }
}

impl Schedule {
    /// The due times of worker `worker` of `workers`, in a phase that begins at `began_ns`; chance comes from `stream`, the
    /// same for all workers.
    #[must_use]
    pub fn new(load: &Load, stream: Stream, began_ns: u64, worker: u64, workers: u64) -> Self {
        let (count, end_ns) = match load.until {
            Until::Count(count) => (share_of(count, worker, workers), u64::MAX),
            Until::Elapsed(length) => (u64::MAX, began_ns.saturating_add(nanoseconds(length))),
        };
        let open = |arrivals| {
            let cursor = Cursor::new(arrivals, began_ns);
            Open {
                ahead: cursor.clone(),
                behind: cursor,
                fallen: 0,
            }
        };
        Self {
            open: Arrivals::new(&load.pace, stream, worker, workers).map(open),
            replay: None,
            taken: 0,
            count,
            end_ns,
        }
    }

    /// The same of a trace, whose requests are read as they are needed.
    #[must_use]
    pub(super) fn of_replay(load: &Load, mut replay: Replay, began_ns: u64) -> Self {
        replay.begin(began_ns);
        Self {
            open: None,
            replay: Some(Box::new(replay)),
            taken: 0,
            // The reader counts, as it is one for all workers.
            count: u64::MAX,
            end_ns: match load.until {
                Until::Count(_) => u64::MAX,
                Until::Elapsed(length) => began_ns.saturating_add(nanoseconds(length)),
            },
        }
    }

    /// The requests of a trace, if they come from one.
    #[inline]
    pub(super) fn replay(&mut self) -> Option<&mut Replay> {
        self.replay.as_deref_mut()
    }

    /// Why the trace ended before its end, if it did.
    #[must_use]
    pub fn damage(&self) -> Option<String> {
        self.replay.as_ref().and_then(|replay| replay.damage())
    }

    /// Whether somebody must look when requests can be sent, as no reply tells.
    #[must_use]
    pub fn needs_pacing(&self) -> bool {
        self.open.is_some() || self.replay.is_some()
    }

    /// Whether due times are given, rather than found when a reply has come.
    #[must_use]
    pub fn is_open_loop(&self) -> bool {
        match &self.replay {
            Some(replay) => replay.is_paced(),
            None => self.open.is_some(),
        }
    }

    /// Takes the next request if it is due at `now_ns`; its due time.
    #[inline]
    pub fn take(&mut self, now_ns: u64) -> Option<u64> {
        let due_ns = if let Some(replay) = &mut self.replay {
            replay
                .due_ns(now_ns)
                .filter(|due_ns| *due_ns <= now_ns && *due_ns < self.end_ns)?
        } else if let Some(open) = &mut self.open {
            let next_ns = open.behind.next_ns;
            if next_ns > now_ns || next_ns >= self.end_ns || self.taken >= self.count {
                return None;
            }
            open.behind.pass()
        } else if now_ns < self.end_ns && self.taken < self.count {
            now_ns
        } else {
            return None;
        };
        self.taken += 1;
        Some(due_ns)
    }

    /// Requests due at `now_ns`, or seen to be due before, that have not been taken; on an open loop only.
    #[inline]
    pub fn owed(&mut self, now_ns: u64) -> u64 {
        if let Some(replay) = &mut self.replay {
            let until_ns = now_ns.min(self.end_ns.saturating_sub(1));
            return if replay.is_paced() {
                replay.at_hand(until_ns)
            } else {
                0
            };
        }
        let Some(open) = &mut self.open else {
            return 0;
        };
        let end_ns = now_ns.saturating_add(1).min(self.end_ns);
        open.fallen += open.ahead.pass_until(end_ns, self.count - open.fallen);
        open.fallen.saturating_sub(self.taken)
    }

    /// Requests that could be sent at `now_ns`: those that are owed, and all that have been read where a trace is
    /// replayed as fast as possible.
    pub fn sendable(&mut self, now_ns: u64) -> u64 {
        let end_ns = self.end_ns;
        match &mut self.replay {
            Some(replay) if !replay.is_paced() && now_ns < end_ns => replay.at_hand(now_ns),
            _ => self.owed(now_ns),
        }
    }

    /// When the first request after `now_ns` is due, taken or owed ones left aside; none after the last.
    #[must_use]
    pub fn next_after(&mut self, now_ns: u64) -> Option<u64> {
        if let Some(replay) = &mut self.replay {
            let look_ns = now_ns.saturating_add(READING_NS);
            let next_ns = replay
                .next_after(now_ns)
                .map_or(look_ns, |due_ns| due_ns.min(look_ns));
            return (!replay.is_exhausted() && next_ns < self.end_ns).then_some(next_ns);
        }
        self.owed(now_ns);
        let open = self.open.as_ref()?;
        let due_ns = open.ahead.next_ns.max(now_ns);
        (open.fallen < self.count && due_ns < self.end_ns).then_some(due_ns)
    }

    /// Whether all requests of a counted load have been taken.
    #[inline]
    #[must_use]
    pub fn is_spent(&mut self) -> bool {
        match &mut self.replay {
            Some(replay) => replay.is_exhausted(),
            None => self.taken >= self.count,
        }
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
}

/// Whether a thread may keep a core to itself without taking the server's.
pub(super) fn has_a_core() -> bool {
    available_parallelism().is_ok_and(|cores| cores.get() > 1)
}

/// Waits for due times.
#[derive(Debug)]
pub struct Waiter {
    timer: Timer,
    watch: Watch,
}

impl Waiter {
    /// To be made within the runtime that will wait.
    ///
    /// # Errors
    ///
    /// Where the system has no timer left to give.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            timer: Timer::new()?,
            watch: if has_a_core() { WITH_A_CORE } else { WITHOUT },
        })
    }

    /// Waits about `gap_ns`, rather less than more; true where it only let other tasks run, to watch the clock.
    ///
    /// # Errors
    ///
    /// Where the timer fails.
    pub async fn wait(&mut self, gap_ns: u64) -> io::Result<bool> {
        if gap_ns <= self.watch.gap_ns {
            tokio::task::yield_now().await;
            return Ok(true);
        }
        self.timer
            .sleep(Duration::from_nanos(gap_ns - self.watch.early_ns))
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
    use crate::workload::plan::{Operation, Pace};

    fn load(pace: Pace, until: Until) -> Load {
        Load {
            until,
            pace,
            ..Load::of(vec![Operation::get()], 0..10)
        }
    }

    fn of(load: &Load, began_ns: u64, worker: u64, workers: u64) -> Schedule {
        let stream = Stream::of_arrivals(1, 0, 0);
        Schedule::new(load, stream, began_ns, worker, workers)
    }

    #[test]
    fn due_times_are_even_over_all_workers_and_end_with_the_phase() {
        let load = load(
            Pace::Rate(1000.0),
            Until::Elapsed(Duration::from_millis(10)),
        );
        let mut due = Vec::new();
        for worker in 0..3 {
            let mut schedule = of(&load, 5_000_000, worker, 3);
            due.extend(std::iter::from_fn(|| schedule.take(1_000_000_000)));
            assert_eq!(schedule.next_after(1_000_000_000), None);
        }
        due.sort_unstable();
        let expected: Vec<u64> = (5..15).map(|ms| ms * 1_000_000).collect();
        assert_eq!(due, expected);
    }

    #[test]
    fn what_is_owed_is_what_take_would_give() {
        for pace in [Pace::Rate(3e6), Pace::Poisson(3e6)] {
            let mut schedule = of(&load(pace, Until::Count(1000)), 17, 0, 1);
            for now in (0..600_000).step_by(777) {
                let owed = schedule.owed(now);
                let taken = std::iter::from_fn(|| schedule.take(now)).count() as u64;
                assert_eq!(owed, taken, "at {now}");
            }
            assert!(schedule.is_spent());
            assert_eq!(
                (schedule.taken(), schedule.next_after(600_000)),
                (1000, None)
            );
        }
    }

    #[test]
    fn a_closed_loop_is_always_due_until_it_is_over() {
        let mut counted = of(&load(Pace::Closed, Until::Count(2)), 0, 0, 1);
        assert_eq!(
            [counted.take(7), counted.take(9), counted.take(9)],
            [Some(7), Some(9), None]
        );
        let mut timed = of(
            &load(Pace::Closed, Until::Elapsed(Duration::from_nanos(10))),
            5,
            0,
            1,
        );
        assert_eq!([timed.take(7), timed.take(15)], [Some(7), None]);
    }

    #[test]
    fn a_phase_cut_short_owes_what_had_fallen_due() {
        let mut schedule = of(&load(Pace::Rate(1000.0), Until::Count(100)), 0, 0, 1);
        schedule.end(5_500_000);
        assert_eq!(schedule.owed(1_000_000_000), 6);
        assert!(!schedule.is_spent());
    }
}
