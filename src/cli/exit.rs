//! Exit codes, the one table.

/// What a process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, every expectation held.
    Done = 0,
    /// Could not: connection refused, disk full, a server that died.
    CouldNot = 1,
    /// Bad arguments or a bad workload; nothing was started.
    BadInput = 2,
    /// An expectation or a gate failed.
    ExpectationFailed = 3,
    /// Cannot tell (with `--strict`).
    CannotTell = 4,
    /// Interrupted; what was recorded is kept.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
