//! Runs a plan: every cell, every repetition, every phase, and what was measured on the way into one recording.
//!
//! Nothing here prints. What happens is told to an [`Observer`]; whoever wants to stop the run pulls its
//! [`Interrupt`]. What has been measured is never lost: a server that dies, or an interrupt, ends the run early
//! and [`Outcome`](crate::recording::model::Outcome) says so.

mod observe;

pub use crate::drive::Interrupt;
pub use observe::{Event, Extent, Ignore, Observer, Progress};

use crate::recording::model::Recording;
use crate::workload::plan::Plan;

/// Why nothing could be measured at all. Each text names the next step.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The target refuses what the plan asks for, by the rule about somebody else's data.
    #[error("{0}")]
    NotAllowed(String),
    /// The server could not be started or reached, or could not be set up.
    #[error("{0}")]
    Target(String),
}

/// Runs `plan` and returns what was measured.
///
/// `command` is recorded as the command line that repeats the run; leave passwords out of it.
///
/// # Errors
///
/// Only while nothing has been measured. Later failures end the run with `Outcome::Failed`, and an interrupt with
/// `Outcome::Interrupted`, in a recording that holds everything measured before.
pub fn run(
    plan: &Plan,
    command: Vec<String>,
    observer: &mut dyn Observer,
    interrupt: &Interrupt,
) -> Result<Recording, RunError> {
    let _ = (plan, command, observer, interrupt);
    Err(RunError::Target("the drive is not there yet".to_owned()))
}
