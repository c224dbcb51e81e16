//! The CPU time of the calling thread.

/// Seconds that the calling thread has spent on a CPU, user and system; 0 where the system does not tell.
pub(super) fn thread_cpu_s() -> f64 {
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

#[cfg(test)]
mod tests {
    #[test]
    fn work_takes_cpu_time() {
        let before = super::thread_cpu_s();
        let mut word = 1_u64;
        while super::thread_cpu_s() == before {
            word = std::hint::black_box(word.wrapping_mul(3));
        }
        assert!(super::thread_cpu_s() > before);
    }
}
