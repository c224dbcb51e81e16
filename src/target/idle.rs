//! Threads that run only where a core has nothing else to do.

/// Has the calling thread give way to all others from now on, on systems that have such a class (Linux: `SCHED_IDLE`, see
/// sched(7)). On a core that is never idle it still gets about 3 parts of 1,000.
pub(super) fn give_way() {
    #[cfg(target_os = "linux")]
    {
        let parameters = libc::sched_param { sched_priority: 0 };
        // SAFETY: the call reads one `sched_param`, which `parameters` is, and keeps no pointer to it.
        // A system that refuses leaves the thread as it was: a figure less true, not a run less.
        let _ = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) };
    }
}
