//! How much processor time a thread has used, and which memory its process has: facts that only the system knows.
//!
//! A node is one thread of a process that may also be driving it, so the node's time is kept apart from the process's.

use std::time::Duration;

/// Processor time of the calling thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadTime {
    /// In the program.
    pub user: Duration,
    /// In the kernel on its behalf.
    pub system: Duration,
}

/// What the calling thread has used so far.
#[must_use]
pub fn of_this_thread() -> ThreadTime {
    // SAFETY: all-zero bytes are a valid `rusage`, which is plain integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is a valid place for the kernel to write one `rusage` to, and outlives the call.
    let failed = unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) } != 0;
    if failed {
        return ThreadTime::default();
    }
    ThreadTime {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
    }
}

/// The processor clock of one thread, readable from any other while that thread lives.
#[derive(Debug, Clone, Copy)]
pub struct ThreadClock(libc::clockid_t);

impl ThreadClock {
    /// The clock of the calling thread; `None` where the system has none.
    #[must_use]
    pub fn of_this_thread() -> Option<Self> {
        let mut clock: libc::clockid_t = 0;
        // SAFETY: `pthread_self` always names a living thread, and `clock` is a valid place for the answer.
        let failed =
            unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) } != 0;
        (!failed).then_some(Self(clock))
    }

    /// Processor time used so far, user and system; `None` once the thread has ended.
    #[must_use]
    pub fn read(self) -> Option<Duration> {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is a valid place for one `timespec`; a clock that is gone makes the call fail, no more.
        let failed = unsafe { libc::clock_gettime(self.0, &raw mut time) } != 0;
        if failed {
            return None;
        }
        Some(Duration::new(
            u64::try_from(time.tv_sec).ok()?,
            u32::try_from(time.tv_nsec).ok()?,
        ))
    }
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_in_the_threads_own_time_and_a_dead_thread_has_none() {
        let clock = ThreadClock::of_this_thread().unwrap();
        let before = clock.read().unwrap();
        let mut sum = 0u64;
        while clock.read().unwrap() < before + Duration::from_millis(5) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let time = of_this_thread();
        assert!(time.user + time.system > Duration::ZERO);
        let dead = std::thread::spawn(ThreadClock::of_this_thread)
            .join()
            .unwrap()
            .unwrap();
        // A thread can be joined a moment before the system has let go of it.
        while dead.read().is_some() {
            std::thread::yield_now();
        }
    }
}
