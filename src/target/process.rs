//! A server process of ours: it never outlives this one, and the kernel tells what it used.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

/// A server closes its connections a little before it ends.
const DYING: Duration = Duration::from_millis(500);
/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(5);

/// A child process that is killed when it is dropped, and by the kernel should this process die first.
#[derive(Debug)]
pub(super) struct Process(Child);

impl Process {
    /// Starts `command` in a process group of its own, so that a Ctrl-C in the terminal does not reach it.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        command.process_group(0);
        leash(command);
        command.spawn().map(Self)
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<String> {
        self.0
            .try_wait()
            .ok()
            .flatten()
            .map(|status| status.to_string())
    }

    /// CPU seconds of all its threads that still live, from the scheduler's nanoseconds.
    pub(super) fn cpu_s(&self) -> Option<f64> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0.id())).ok()?;
        let nanoseconds = threads.filter_map(|thread| {
            let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        Some(nanoseconds.sum::<u64>() as f64 * 1e-9).filter(|seconds| *seconds > 0.0)
    }

    /// Number of the process.
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // What it holds is in memory and in a folder of ours: there is nothing to be saved.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What `look` finds of the end of a server: one that has closed its connections ends a little later.
pub(super) fn dying<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + DYING;
    loop {
        let found = look();
        if found.is_some() || Instant::now() >= deadline {
            return found;
        }
        thread::sleep(LOOK);
    }
}

/// Resident memory of a process, bytes.
pub(super) fn rss_bytes(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Has the kernel kill the child when the thread that starts it ends, however that comes about.
#[cfg(target_os = "linux")]
fn leash(command: &mut Command) {
    let tie = || {
        // SAFETY: the call takes numbers only, and is allowed between fork and exec.
        let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    };
    // SAFETY: the closure runs between fork and exec and makes one system call; it neither allocates nor locks.
    unsafe { command.pre_exec(tie) };
}

#[cfg(not(target_os = "linux"))]
fn leash(_command: &mut Command) {}
