//! Exit codes, the one table.

use std::io;

use crate::workload::Problems;

/// What a process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, every expectation held.
    Done = 0,
    /// Could not: connection refused, disk full, a server that died.
    CouldNot = 1,
    /// Bad arguments or a bad workload; nothing was started.
    BadInput = 2,
    /// An expectation failed.
    ExpectationFailed = 3,
    /// A gate could not tell, and was told to be strict.
    CannotTell = 4,
    /// Interrupted; what was recorded is kept.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The user's input was at fault; the text says where and what to write instead. Ends with [`Exit::BadInput`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadInput(pub(super) String);

/// The code that an error ends with: what the user wrote wrongly is [`BadInput`], all else could not be done.
pub(super) fn of(error: &anyhow::Error) -> Exit {
    let is_bad_input = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<BadInput>() || cause.is::<Problems>()
    };
    if error.chain().any(is_bad_input) {
        Exit::BadInput
    } else {
        Exit::CouldNot
    }
}

/// Whether the reader of our output has gone away.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_cause_decides_the_code() {
        let bad: anyhow::Result<()> = Err(BadInput("no such policy".into()).into());
        assert_eq!(
            of(&bad.context("reading the workload").unwrap_err()),
            Exit::BadInput
        );
        assert_eq!(of(&anyhow::anyhow!("disk full")), Exit::CouldNot);
    }

    #[test]
    fn a_reader_that_left_is_known_beneath_other_words() {
        let gone = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(
            &anyhow::Error::new(gone).context("writing the summary")
        ));
        assert!(!is_broken_pipe(
            &io::Error::from(io::ErrorKind::NotFound).into()
        ));
    }
}
