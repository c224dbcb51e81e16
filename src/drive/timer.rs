//! A timer that is not rounded to milliseconds, as tokio's are: a Linux timerfd waited for in the runtime. Elsewhere it
//! is tokio's.

#[cfg(target_os = "linux")]
pub(super) use linux::Timer;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::Timer;

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    use std::ptr;
    use std::time::Duration;

    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// Wakes a task of the runtime that it was made in.
    #[derive(Debug)]
    pub(in crate::drive) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        pub(in crate::drive) fn new() -> io::Result<Self> {
            // SAFETY: takes two numbers and no memory.
            let fd = unsafe {
                libc::timerfd_create(
                    libc::CLOCK_MONOTONIC,
                    libc::TFD_NONBLOCK | libc::TFD_CLOEXEC,
                )
            };
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: the descriptor was just made and nobody else knows it.
            let fd = unsafe { OwnedFd::from_raw_fd(fd) };
            // SAFETY: the runtime's handle owns the descriptor, which is open, and gives it back to nobody.
            let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?;
            Ok(Self(fd))
        }

        /// Sleeps for `length`, late by the time that waking takes.
        pub(in crate::drive) async fn sleep(&mut self, length: Duration) -> io::Result<()> {
            self.arm(length)?;
            // The expiry need not be read: arming anew clears it, and events are edge-triggered.
            self.0.readable().await?.clear_ready();
            Ok(())
        }

        fn arm(&self, length: Duration) -> io::Result<()> {
            let never = libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let value = libc::timespec {
                tv_sec: libc::time_t::try_from(length.as_secs()).unwrap_or(libc::time_t::MAX),
                // All zero would disarm the timer.
                tv_nsec: libc::c_long::from(length.subsec_nanos().max(1).cast_signed()),
            };
            let setting = libc::itimerspec {
                it_interval: never,
                it_value: value,
            };
            // SAFETY: the descriptor is a timer of ours; `setting` is read during the call only, and nothing is written.
            let result = unsafe {
                libc::timerfd_settime(self.0.as_raw_fd(), 0, &raw const setting, ptr::null_mut())
            };
            if result < 0 {
                Err(io::Error::last_os_error())
            } else {
                Ok(())
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use std::io;
    use std::time::Duration;

    /// Wakes a task up to a millisecond late.
    #[derive(Debug)]
    pub(in crate::drive) struct Timer;

    impl Timer {
        pub(in crate::drive) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(in crate::drive) async fn sleep(&mut self, length: Duration) -> io::Result<()> {
            tokio::time::sleep(length.saturating_sub(Duration::from_millis(1))).await;
            Ok(())
        }
    }
}
