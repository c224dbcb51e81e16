//! What the calling thread has had of the CPUs, and what it has waited for them.

use std::fs;
use std::ops::Sub;

/// Seconds, counted since the thread began, or between two such counts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Usage {
    /// On a CPU, user and system; 0 where the system does not tell.
    pub(super) cpu_s: f64,
    /// Ready to run while other threads held the CPU; 0 where the system does not tell.
    pub(super) delayed_s: f64,
}

impl Usage {
    /// Of the calling thread, until now.
    pub(super) fn now() -> Self {
        Self {
            cpu_s: cpu_s(),
            delayed_s: delayed_s().unwrap_or(0.0),
        }
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu_s: self.cpu_s - before.cpu_s,
            delayed_s: self.delayed_s - before.delayed_s,
        }
    }
}

fn cpu_s() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes one `timespec`, which `time` is, and keeps no pointer to it.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    if result == 0 {
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    } else {
        0.0
    }
}

/// The second number of Linux's `schedstat` (Documentation/scheduler/sched-stats.rst), which is in nanoseconds.
fn delayed_s() -> Option<f64> {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let run_delay_ns: u64 = told.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(run_delay_ns as f64 * 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_cpu_time() {
        let before = Usage::now();
        let mut word = 1_u64;
        while (Usage::now() - before).cpu_s == 0.0 {
            word = std::hint::black_box(word.wrapping_mul(3));
        }
        assert!((Usage::now() - before).cpu_s > 0.0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn threads_that_share_the_cores_wait_for_each_other() {
        use std::sync::atomic::{AtomicBool, Ordering};
        use std::thread;

        let before = Usage::now();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            while (Usage::now() - before).delayed_s == 0.0 {
                std::hint::spin_loop();
            }
            done.store(true, Ordering::Relaxed);
        });
        assert!((Usage::now() - before).delayed_s > 0.0);
    }
}
