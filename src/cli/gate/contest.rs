//! The A/B of a gate: its arguments, its two plans, and its progress.

use std::path::Path;
use std::time::Duration;

use super::length;
use crate::cli::exit::BadInput;
use crate::cli::workload::Changes;
use crate::cli::{interrupt, password, terminal};
use crate::gate::Contested;
use crate::gate::identity;
use crate::gate::pairs::{Decision, Verdict};
use crate::runner::RunError;
use crate::runner::contest::{Contest, Course, Timing, contest};
use crate::stats::human;
use crate::workload::plan::{Action, Plan};
use crate::workload::words;

/// How two targets take turns.
#[derive(Debug, clap::Args)]
pub(super) struct Turns {
    /// The phase whose load both get in turns; those before it are played once on each [default: the last that loads]
    #[arg(long, value_name = "PHASE", requires = "candidate")]
    phase: Option<String>,
    /// The cell of `compare` whose directives are in force [default: the first]
    #[arg(long, value_name = "LABEL", requires = "candidate")]
    cell: Option<String>,
    /// Set a key of the workload for the baseline alone; may be repeated
    #[arg(long, value_name = "PATH=VALUE", requires = "candidate")]
    baseline_set: Vec<String>,
    /// Set a key of the workload for the candidate alone; may be repeated
    #[arg(long, value_name = "PATH=VALUE", requires = "candidate")]
    candidate_set: Vec<String>,
    /// How long a turn takes; ten times the median latency where that is longer
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "5ms", requires = "candidate")]
    slice: Duration,
    /// How long both are measured for one pair
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "1s", requires = "candidate")]
    pair: Duration,
    /// What is dropped at the begin of every launch
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "2s", requires = "candidate")]
    warm_up: Duration,
}

/// Two plans that differ in the server alone.
pub(super) struct Pair {
    pub(super) baseline: Plan,
    pub(super) candidate: Plan,
    cell: usize,
    phase: usize,
    timing: Timing,
}

impl Turns {
    /// The plans of both targets.
    ///
    /// # Errors
    ///
    /// Where the workload, a target or a name is wrong, or both differ in more than the server.
    pub(super) fn pair(
        &self,
        changes: &Changes,
        file: &Path,
        targets: (&str, &str),
    ) -> anyhow::Result<Pair> {
        let mut baseline = changes.load_side(file, targets.0, &self.baseline_set)?;
        let mut candidate = changes.load_side(file, targets.1, &self.candidate_set)?;
        password::fill(&mut baseline)?;
        password::fill(&mut candidate)?;
        let differing = identity::plan_differences(&baseline, &candidate);
        if let Some(one) = differing.iter().find(|one| one.aspect.forbids()) {
            let message = format!(
                "baseline and candidate get different loads: {} is {} for one and {} for the other",
                one.what, one.first, one.other
            );
            return Err(BadInput(message).into());
        }
        if identity::is_same_endpoint(&baseline, &candidate) {
            let message = "baseline and candidate are the same endpoint, where each would clear away the other's keys; name two servers";
            return Err(BadInput(message.to_owned()).into());
        }
        let (cell, phase) = (self.cell_of(&baseline)?, self.phase_of(&baseline)?);
        let timing = Timing {
            slice: self.slice,
            pair: self.pair,
            warm_up: self.warm_up,
        };
        Ok(Pair {
            baseline,
            candidate,
            cell,
            phase,
            timing,
        })
    }

    fn cell_of(&self, plan: &Plan) -> anyhow::Result<usize> {
        let labels: Vec<&str> = plan.cells.iter().map(|cell| cell.label.as_str()).collect();
        place_of("cell", self.cell.as_deref(), &labels).map(|found| found.unwrap_or(0))
    }

    fn phase_of(&self, plan: &Plan) -> anyhow::Result<usize> {
        let loads = |index: &usize| {
            plan.phases
                .get(*index)
                .is_some_and(|phase| matches!(phase.action, Action::Load(_)))
        };
        let names: Vec<&str> = plan
            .phases
            .iter()
            .map(|phase| phase.name.as_str())
            .collect();
        let last = (0..names.len()).rev().find(loads).unwrap_or(0);
        place_of("phase", self.phase.as_deref(), &names).map(|found| found.unwrap_or(last))
    }
}

/// Where the name that was asked for stands among those there are; nothing where none was.
fn place_of(kind: &str, asked: Option<&str>, names: &[&str]) -> anyhow::Result<Option<usize>> {
    let Some(asked) = asked else {
        return Ok(None);
    };
    match names.iter().position(|name| *name == asked) {
        Some(place) => Ok(Some(place)),
        None => Err(BadInput(format!("--{kind}: {}", words::unknown(kind, asked, names))).into()),
    }
}

/// Lets both take turns until it can be told, or not.
pub(super) fn drive(pair: &Pair, is_quiet: bool) -> Result<Contested, RunError> {
    let subject = Contest {
        baseline: &pair.baseline,
        candidate: &pair.candidate,
        cell: pair.cell,
        phase: pair.phase,
        timing: pair.timing,
    };
    let contested = contest(
        &subject,
        &mut |course| show(course, is_quiet),
        &interrupt::on_signals(),
    );
    if !is_quiet && terminal::is_watched() {
        terminal::show(&[]);
    }
    contested
}

fn show(course: Course<'_>, is_quiet: bool) {
    match course {
        _ if is_quiet => {}
        Course::Looked(decision) => terminal::note(&looked(decision)),
        _ if !terminal::is_watched() => {}
        Course::Launching { launch } => {
            terminal::show(&[format!("launch {}: starting the servers", launch + 1)]);
        }
        Course::Measured { pairs, wanted } => {
            terminal::show(&[format!("{pairs} of {wanted} pairs")]);
        }
    }
}

/// `30 pairs: throughput −4.2%, …`
fn looked(decision: &Decision) -> String {
    let metrics = decision.candidate.iter().map(|one| {
        let word = match decision.of(one) {
            Verdict::Worse => "worse",
            Verdict::Same => "the same",
            Verdict::Better => "better",
            Verdict::CannotTell => "cannot tell",
        };
        format!("{} {} {word}", one.metric.name(), human::change(one.change))
    });
    format!(
        "{} pairs: {}",
        decision.pairs,
        metrics.collect::<Vec<_>>().join(", ")
    )
}
