//! What a gate found, once: [`text`] prints it for a terminal, `html` for a browser, [`markdown`] for a page of a CI system,
//! [`junit`] for its list of tests, and as JSON it is what `--output-format json` prints.

mod html;
pub mod junit;
pub mod markdown;
#[cfg(test)]
mod tests;
pub mod text;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::ReportError;
use super::figures::{ExpectationFigures, Figures};
use crate::gate::Contested;
use crate::gate::exact::ExactGate;
use crate::gate::pairs::{Compared, Decision, Metric, Verdict};
use crate::plot;
use crate::recording::model::Recording;
use crate::recording::write::write_file;
use crate::stats::human;

/// The schema of the JSON form.
pub const SCHEMA: &str = "cachebench.gate/1";

/// The page.
const PAGE_FILE: &str = "gate.html";

/// Why no time is gated against a stored baseline.
pub const NO_TIMES: &str = "Times are not held against a stored recording: two identical servers on one machine, run one \
    after the other, differ by 15% (standard deviation), and such a gate raises a false alarm in every third trial. To gate \
    times, let both targets take turns: --baseline TARGET --candidate TARGET.";

/// A gate in full.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GateFigures {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the workload.
    pub workload: String,
    /// What was judged: a target, and the server's name and version.
    pub candidate: String,
    /// What it was held against, where it was.
    pub baseline: Option<String>,
    /// Whether the gate opens.
    pub verdict: Passage,
    /// Everything that was checked, in the order of the checks.
    pub checks: Vec<Check>,
    /// The exact figures.
    pub exact: Vec<ExactGate>,
    /// The A/B with its pairs.
    pub contest: Option<Contested>,
    /// What a reader must know besides.
    pub notes: Vec<String>,
    /// The files written, where any were.
    pub files: Vec<String>,
}

/// Whether a gate opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Passage {
    /// Every check held.
    Passed,
    /// A check did not hold.
    Failed,
    /// No check failed, but something could not be told.
    CannotTell,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    /// Of which kind.
    pub kind: Kind,
    /// What was checked: `allkeys-lru: p99 < 2ms`, `throughput`.
    pub name: String,
    /// What came of it.
    pub outcome: Passage,
    /// What was observed, in words.
    pub detail: String,
}

/// A kind of check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A figure that must be that of the baseline.
    Exact,
    /// An objective of the command line or an expectation of the workload.
    Objective,
    /// A metric of an A/B.
    Comparison,
}

impl Kind {
    /// In the order of the checks.
    pub const ALL: [Self; 3] = [Self::Exact, Self::Objective, Self::Comparison];

    /// A heading.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "Figures that must be those of the baseline",
            Self::Objective => "Objectives",
            Self::Comparison => "Candidate beside baseline, second for second",
        }
    }
}

/// What a gate is made of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts<'a> {
    /// The run that was judged, where there was one.
    pub recording: Option<&'a Recording>,
    /// The stored run that it was held against.
    pub baseline: Option<&'a Recording>,
    /// What must be equal.
    pub exact: &'a [ExactGate],
    /// The A/B.
    pub contest: Option<&'a Contested>,
}

impl GateFigures {
    /// Everything that a gate found.
    #[must_use]
    pub fn of(parts: &Parts<'_>) -> Self {
        let figures = parts.recording.map(Figures::of);
        let expected = figures
            .as_ref()
            .map_or(&[][..], |one| one.expectations.as_slice());
        let many = parts.recording.is_some_and(|one| one.cells.len() > 1);
        let mut checks: Vec<Check> = parts.exact.iter().map(|gate| exact(gate, many)).collect();
        checks.extend(expected.iter().map(|one| objective(one, many)));
        checks.extend(
            parts
                .contest
                .iter()
                .flat_map(|one| comparisons(&one.decision)),
        );
        Self {
            schema: SCHEMA.to_owned(),
            workload: parts
                .recording
                .map_or_else(String::new, |one| one.plan.name.clone()),
            candidate: candidate(parts),
            baseline: baseline(parts),
            verdict: passage(checks.iter().map(|check| check.outcome)),
            checks,
            exact: parts.exact.to_vec(),
            contest: parts.contest.cloned(),
            notes: notes(parts),
            files: Vec::new(),
        }
    }

    /// The verdict in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let count = |wanted| {
            self.checks
                .iter()
                .filter(|check| check.outcome == wanted)
                .count()
        };
        let (all, failed, unknown) = (
            self.checks.len(),
            count(Passage::Failed),
            count(Passage::CannotTell),
        );
        let checks = if all == 1 { "check" } else { "checks" };
        match self.verdict {
            Passage::Passed if all == 1 => "The check held.".to_owned(),
            Passage::Passed => format!("All {all} checks held."),
            Passage::Failed => format!("{failed} of {all} {checks} did not hold."),
            Passage::CannotTell => {
                format!("{unknown} of {all} {checks} cannot be told; none failed.")
            }
        }
    }

    /// The checks of one kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(move |check| check.kind == kind)
    }
}

/// Writes the page into `folder`, and the pairs of an A/B as a picture beside it; which files.
///
/// # Errors
/// Where a file cannot be written or the picture not be drawn.
pub fn write(figures: &GateFigures, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let svg = figures.contest.as_ref().map(plot::pairs::draw);
    let svg = svg.transpose()?.flatten();
    let mut files = Vec::new();
    if let Some(svg) = &svg {
        let path = folder.join("plots").join("pairs.svg");
        files.push(write_file(&path, |out| out.write_all(svg.as_bytes()))?);
    }
    let page = html::page(figures, svg.as_deref());
    files.push(write_file(&folder.join(PAGE_FILE), |out| {
        out.write_all(page.as_bytes())
    })?);
    Ok(files)
}

fn server(target: &str, name: &str, version: &str) -> String {
    format!("{target} ({name} {version})")
}

fn of_recording(recording: &Recording) -> String {
    let one = &recording.server;
    server(&one.target, &one.name, &one.version)
}

fn candidate(parts: &Parts<'_>) -> String {
    let contested = parts.contest.map(|one| &one.candidate);
    let contested = contested.map(|one| server(&one.target, &one.name, &one.version));
    contested
        .or_else(|| parts.recording.map(of_recording))
        .unwrap_or_default()
}

fn baseline(parts: &Parts<'_>) -> Option<String> {
    let contested = parts.contest.map(|one| &one.baseline);
    let contested = contested.map(|one| server(&one.target, &one.name, &one.version));
    contested.or_else(|| {
        let stored = parts.baseline?;
        Some(format!(
            "{}, recorded {}",
            of_recording(stored),
            stored.started_at
        ))
    })
}

fn notes(parts: &Parts<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if parts.baseline.is_some() {
        notes.push(NO_TIMES.to_owned());
    }
    if let Some(contest) = parts.contest {
        notes.push(fitness(&contest.decision));
    }
    notes.extend(
        parts
            .recording
            .into_iter()
            .flat_map(|one| one.warnings.clone()),
    );
    notes
}

/// What the A/A says of the machine.
fn fitness(decision: &Decision) -> String {
    if decision.unfit.is_empty() {
        return "The machine is fit: the baseline beside itself, in the same seconds, shows no difference.".to_owned();
    }
    let differs = |metric: &Metric| {
        let one = decision.again.iter().find(|one| one.metric == *metric)?;
        Some(format!(
            "{} by {}",
            metric.name(),
            human::change(one.change)
        ))
    };
    let differs: Vec<String> = decision.unfit.iter().filter_map(differs).collect();
    format!(
        "The machine is unfit to tell: the baseline differs from itself in {}. Look for what else runs on it, and give the \
         server and the client a core each.",
        differs.join(", ")
    )
}

fn passage(outcomes: impl Iterator<Item = Passage>) -> Passage {
    outcomes.fold(Passage::Passed, |worst, one| match (worst, one) {
        (Passage::Failed, _) | (_, Passage::Failed) => Passage::Failed,
        (Passage::CannotTell, _) | (_, Passage::CannotTell) => Passage::CannotTell,
        _ => Passage::Passed,
    })
}

fn held(held: bool) -> Passage {
    if held {
        Passage::Passed
    } else {
        Passage::Failed
    }
}

fn in_cell(cell: &str, name: &str, many: bool) -> String {
    if many {
        format!("{cell}: {name}")
    } else {
        name.to_owned()
    }
}

fn objective(one: &ExpectationFigures, many: bool) -> Check {
    Check {
        kind: Kind::Objective,
        name: in_cell(&one.cell, &one.text, many),
        outcome: held(one.held),
        detail: one.observed.clone(),
    }
}

fn exact(gate: &ExactGate, many: bool) -> Check {
    let say = |value: f64| match gate.figure.ends_with("hit_ratio") {
        true => format!("{:.4}%", value * 100.0),
        false if value.fract() == 0.0 => human::count(value as u64),
        false => format!("{value:.2}"),
    };
    let tolerance = if gate.tolerance > 0.0 {
        format!(", {} allowed", say(gate.tolerance))
    } else {
        String::new()
    };
    let detail = match gate.candidate {
        None => format!("was {}, is not measured any more", say(gate.baseline)),
        Some(_) if gate.difference == 0.0 => format!("{}, as in the baseline", say(gate.baseline)),
        Some(now) => format!(
            "{}, was {} (off by {} at most{tolerance})",
            say(now),
            say(gate.baseline),
            say(gate.difference)
        ),
    };
    Check {
        kind: Kind::Exact,
        name: in_cell(&gate.cell, &gate.figure, many),
        outcome: held(gate.held),
        detail,
    }
}

fn comparisons(decision: &Decision) -> Vec<Check> {
    let check = |one: &Compared| Check {
        kind: Kind::Comparison,
        name: one.metric.name().to_owned(),
        outcome: match decision.of(one) {
            Verdict::Worse => Passage::Failed,
            Verdict::Same | Verdict::Better => Passage::Passed,
            Verdict::CannotTell => Passage::CannotTell,
        },
        detail: format!("{}: {}", verdict(decision, one), change(one)),
    };
    let mut checks: Vec<Check> = decision.candidate.iter().map(check).collect();
    if checks.is_empty() {
        checks.push(Check {
            kind: Kind::Comparison,
            name: "pairs".to_owned(),
            outcome: Passage::CannotTell,
            detail: format!("{} pairs are too few to tell anything", decision.pairs),
        });
    }
    checks
}

/// `worse`, `cannot tell; a change of 8% would have shown`, …
fn verdict(decision: &Decision, one: &Compared) -> String {
    match decision.of(one) {
        Verdict::Worse => "worse".to_owned(),
        Verdict::Same => "the same".to_owned(),
        Verdict::Better => "better".to_owned(),
        Verdict::CannotTell if decision.is_unfit_for(one.metric) => "unfit machine".to_owned(),
        Verdict::CannotTell => format!(
            "cannot tell; the smallest change for the worse that would have shown is {}",
            human::percent(one.smallest_shown)
        ),
    }
}

/// `−4.2% (−5.1% to −3.3%); up to 3% does not matter`
fn change(one: &Compared) -> String {
    format!(
        "{} ({}); up to {} does not matter",
        human::change(one.change),
        interval(one),
        human::percent(one.floor)
    )
}

fn interval(one: &Compared) -> String {
    format!("{} to {}", human::change(one.low), human::change(one.high))
}
