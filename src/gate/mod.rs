//! Decisions: from recordings and from pairs of slices to verdicts. Pure.
//!
//! [`expectations`] decides what a workload or a command line demands, [`identity`] what may be compared with what,
//! [`exact`] figures that must repeat exactly, [`pairs`] an A/B of two targets.
//!
//! Times of a stored run are never gated: two identical servers on one machine, run one after the other, differ by 15 %
//! (standard deviation of the log ratio), and comparing one run with one run raises false alarms in a third of all trials.

mod contested;
pub mod exact;
pub mod expectations;
pub mod identity;
pub mod merge;
pub mod pairs;

pub use contested::Contested;

use crate::recording::model::Recording;
use crate::workload::plan::Expectation;

/// Adds `objectives` to what `recording` was expected to show, and decides them.
pub fn demand(recording: &mut Recording, objectives: &[Expectation]) {
    recording.plan.expect.extend_from_slice(objectives);
    recording.expectations = expectations::verdicts(&recording.plan, &recording.cells);
}
