//! Runs a plan: every cell, every repetition, every phase, and what was measured on the way into one recording.
//!
//! Nothing here prints. What happens is told to an [`Observer`]; whoever wants to stop the run pulls its
//! [`Interrupt`]. What has been measured is never lost: a server that dies, or an interrupt, ends the run early
//! and [`Outcome`] says so.

mod chart;
pub mod contest;
mod deeds;
mod drawn;
mod machine;
mod observe;
mod recent;
mod record;
mod repetition;
mod threads;
mod traces;
mod warn;

use std::time::Instant;

pub use crate::drive::spectrum::Spectrum;
pub use crate::drive::{Advance, Interrupt};
pub use observe::{Event, Extent, Ignore, Observer, Progress};

use crate::gate::expectations;
use crate::recording::model::{CellRecord, Outcome, Recording, Repetition, SCHEMA, Server};
use crate::target::{self, TargetError};
use crate::workload;
use crate::workload::plan::{Capacity, Plan};
use repetition::End;

/// Why nothing could be measured at all. Each text names the next step.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The target refuses what the plan asks for, by the rule about somebody else's data.
    #[error("{0}")]
    NotAllowed(String),
    /// The server could not be started or reached, or could not be set up.
    #[error("{0}")]
    Target(String),
    /// A trace is not there, or none.
    #[error("{0}")]
    Trace(String),
    /// Stopped by the user before anything was measured.
    #[error("interrupted before anything was measured; nothing was recorded")]
    Interrupted,
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
    traces::look(plan).map_err(RunError::Trace)?;
    let started_at = jiff::Timestamp::now().to_string();
    let mut run = Run::new(plan, observer, interrupt);
    let outcome = run.everything();
    let measured = run
        .cells
        .iter()
        .flat_map(|cell| &cell.repetitions)
        .any(|repetition| !repetition.phases.is_empty());
    let (outcome, server) = match (outcome, run.server) {
        (outcome, Some(server)) if measured => (outcome, server),
        (Err(Stop::Failed(error)), _) => return Err(error),
        _ => return Err(RunError::Interrupted),
    };
    let outcome = match outcome {
        Ok(()) => Outcome::Complete,
        Err(Stop::Interrupted) => Outcome::Interrupted,
        Err(Stop::Failed(error)) => Outcome::Failed(error.to_string()),
    };
    Ok(Recording {
        schema: SCHEMA.to_owned(),
        cachebench: env!("CARGO_PKG_VERSION").to_owned(),
        started_at,
        command,
        outcome,
        plan: plan.clone(),
        server,
        machine: machine::machine(),
        expectations: expectations::verdicts(plan, &run.cells),
        cells: run.cells,
        warnings: run.warnings,
    })
}

/// Why a run does not go on.
#[derive(Debug)]
enum Stop {
    Interrupted,
    Failed(RunError),
}

/// A run under way.
struct Run<'a> {
    plan: &'a Plan,
    observer: &'a mut dyn Observer,
    interrupt: &'a Interrupt,
    began: Instant,
    /// What the first server said of itself.
    server: Option<Server>,
    /// The limit that every cell gets, bytes.
    maxmemory_bytes: Option<u64>,
    cells: Vec<CellRecord>,
    warnings: Vec<String>,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, observer: &'a mut dyn Observer, interrupt: &'a Interrupt) -> Self {
        let cells = plan.cells.iter().map(|cell| CellRecord {
            label: cell.label.clone(),
            directives: cell.directives.clone(),
            repetitions: Vec::new(),
        });
        Self {
            plan,
            observer,
            interrupt,
            began: Instant::now(),
            server: None,
            maxmemory_bytes: None,
            cells: cells.collect(),
            warnings: Vec::new(),
        }
    }

    /// All cells, repetition by repetition, so that what drifts on the machine meets all of them alike.
    fn everything(&mut self) -> Result<(), Stop> {
        target::permit(self.plan).map_err(|error| self.stop(error))?;
        self.warn(workload::advice(self.plan));
        self.limit()?;
        for repetition in 0..self.plan.repeat.max(1) {
            for cell in 0..self.plan.cells.len() {
                self.repeat(cell, repetition)?;
            }
        }
        Ok(())
    }

    /// Finds the memory limit that the plan asks for.
    fn limit(&mut self) -> Result<(), Stop> {
        self.maxmemory_bytes = match self.plan.capacity {
            Capacity::AsConfigured => None,
            Capacity::Bytes(bytes) => Some(bytes),
            Capacity::Keys(keys) => {
                self.observer.on(Event::Calibrating { keys });
                let found = target::capacity::calibrate(self.plan, keys, self.interrupt)
                    .map_err(|error| self.stop(error))?;
                let (maxmemory_bytes, fitting_keys) = (found.maxmemory_bytes, found.fitting_keys);
                self.observer.on(Event::Calibrated {
                    maxmemory_bytes,
                    fitting_keys,
                });
                self.warn(warn::calibration(keys.min(self.plan.keys.count), found));
                Some(maxmemory_bytes)
            }
        };
        Ok(())
    }

    /// One repetition of one cell; what it measured is kept however it ends.
    fn repeat(&mut self, cell: usize, number: u32) -> Result<(), Stop> {
        let End { repetition, stop } = self.repetition(cell, number);
        self.keep(cell, repetition);
        stop.map_or(Ok(()), Err)
    }

    fn keep(&mut self, cell: usize, repetition: Option<Repetition>) {
        if let (Some(cell), Some(repetition)) = (self.cells.get_mut(cell), repetition) {
            cell.repetitions.push(repetition);
        }
    }

    /// Tells and keeps warnings, each text once.
    fn warn(&mut self, warnings: impl IntoIterator<Item = String>) {
        for warning in warnings {
            if !self.warnings.contains(&warning) {
                self.observer.on(Event::Warning(&warning));
                self.warnings.push(warning);
            }
        }
    }

    /// What an error means for the run: an interrupt shows as one, too.
    fn stop(&self, error: TargetError) -> Stop {
        match error {
            _ if self.interrupt.is_pulled() => Stop::Interrupted,
            TargetError::NotAllowed(why) => Stop::Failed(RunError::NotAllowed(why)),
            other => Stop::Failed(RunError::Target(other.to_string())),
        }
    }
}
