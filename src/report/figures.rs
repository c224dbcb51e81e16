//! What is said of a recording: the figures that text, page and JSON share.

use std::collections::{BTreeMap, BTreeSet};

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer;
use super::delivery::DeliveryFigures;
use super::drawn::DrawnFigures;
use super::expectation;
use super::losses::ReadBackFigures;
use super::verified::VerifiedFigures;
use crate::recording::model::{CellRecord, Latency, Outcome, PhaseRecord, Recording, Repetition};
use crate::stats::{Summary, pool};

/// The schema of the JSON form.
pub const SCHEMA: &str = "cachebench.summary/1";

/// How sure the intervals are.
const LEVEL: f64 = 0.95;

/// A recording in figures. Times are seconds, sizes bytes, shares from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Figures {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the workload.
    pub workload: String,
    /// The question that it answers; empty where it asks none.
    pub question: String,
    /// The answer in a sentence or two, made of the figures below.
    pub answer: String,
    /// Whether the run came to its end.
    pub outcome: Outcome,
    /// What was driven: `embedded`, `spawn:redis-server`, …
    pub target: String,
    /// Name and version of the server.
    pub server: String,
    /// The seed.
    pub seed: u64,
    /// A cell each, in the workload's order.
    pub cells: Vec<CellFigures>,
    /// An expectation and cell each, in the workload's order.
    pub expectations: Vec<ExpectationFigures>,
    /// What a reader must know before believing the figures.
    pub warnings: Vec<String>,
    /// The files written, where any were.
    pub files: Vec<String>,
}

/// A cell over its repetitions.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CellFigures {
    /// The cell's label.
    pub label: String,
    /// How often it was run.
    pub repetitions: usize,
    /// Survival of the workload's groups, in its order.
    pub survival: Vec<GroupFigures>,
    /// Share of the survivors that exact LRU would have kept.
    pub fidelity: Option<Estimate>,
    /// Keys evicted, by the server's last word.
    pub evicted_keys: Option<Estimate>,
    /// What became of acknowledged writes; absent where they were not read back.
    pub read_back: Option<ReadBackFigures>,
    /// The largest memory that the server was seen to use.
    pub used_memory_bytes_max: Option<u64>,
    /// All phases together.
    pub total: LoadFigures,
    /// Phase by phase.
    pub phases: Vec<LoadFigures>,
}

/// A group of keys.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GroupFigures {
    /// Its name.
    pub name: String,
    /// Share of the keys written, or refused, that were present at the end.
    pub present: Option<Estimate>,
}

/// Requests of a phase, or of all phases.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LoadFigures {
    /// The phase, or `all`.
    pub name: String,
    /// Requests answered in a repetition.
    pub operations: Option<Estimate>,
    /// Requests answered per second.
    pub throughput: Option<Estimate>,
    /// Requests per second that were due; absent for a closed loop.
    pub offered_rate: Option<f64>,
    /// Hits per read; absent where nothing was read.
    pub hit_ratio: Option<Estimate>,
    /// Errors in a repetition.
    pub errors: Option<Estimate>,
    /// Errors by kind, over all repetitions.
    pub errors_by_kind: BTreeMap<String, u64>,
    /// The first error that begins with `ERR`, in full.
    pub unspecific_error: Option<String>,
    /// Latency over all repetitions.
    pub latency: Option<LatencyFigures>,
    /// The operations that it was made of, where there are several.
    pub kinds: Vec<KindFigures>,
    /// The key spaces that it read, where there are several.
    pub spaces: Vec<SpaceFigures>,
    /// 99th percentile of how late requests were sent after they were due; absent for a closed loop.
    pub lateness_p99_s: Option<f64>,
    /// What became of messages that were published; absent where none was, and for all phases together.
    pub delivery: Option<DeliveryFigures>,
    /// What became of values that were verified; absent where none was, and for all phases together.
    pub verified: Option<VerifiedFigures>,
    /// What was drawn; absent where that was not worked out, and for all phases together.
    pub drawn: Option<DrawnFigures>,
}

/// One operation of several.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct KindFigures {
    /// Its name.
    pub name: String,
    /// Requests answered in a repetition.
    pub operations: Option<Estimate>,
    /// Latency over all repetitions.
    pub latency: Option<LatencyFigures>,
}

/// One key space of several.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SpaceFigures {
    /// Its name.
    pub name: String,
    /// Keys of it that were read in a repetition.
    pub reads: Option<Estimate>,
    /// Hits per read.
    pub hit_ratio: Option<Estimate>,
}

/// A pooled latency distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct LatencyFigures {
    /// Median.
    pub p50_s: f64,
    /// 99th percentile.
    pub p99_s: f64,
    /// 99.9th percentile.
    pub p999_s: f64,
    /// Largest.
    pub max_s: f64,
}

/// A figure that was measured once a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Estimate {
    /// In how many repetitions it was measured.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// The smallest of them.
    pub min: f64,
    /// The largest of them.
    pub max: f64,
    /// The interval that covers the true mean with 95 % if repetitions are independent and normal (Student's t);
    /// absent for a single repetition.
    pub interval: Option<(f64, f64)>,
}

/// An expectation in a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExpectationFigures {
    /// The cell's label.
    pub cell: String,
    /// As written.
    pub text: String,
    /// What was observed, in words: `67% > 12%`.
    pub observed: String,
    /// Whether it held.
    pub held: bool,
}

impl Figures {
    /// Everything that is said of `recording`.
    #[must_use]
    pub fn of(recording: &Recording) -> Self {
        let cells: Vec<CellFigures> = recording
            .cells
            .iter()
            .map(|cell| cell_figures(recording, cell))
            .collect();
        Self {
            schema: SCHEMA.to_owned(),
            workload: recording.plan.name.clone(),
            question: recording.plan.question.clone(),
            answer: answer::answer(&cells),
            outcome: recording.outcome.clone(),
            target: recording.server.target.clone(),
            server: format!("{} {}", recording.server.name, recording.server.version),
            seed: recording.plan.seed,
            cells,
            expectations: expectation::rows(recording),
            warnings: recording.warnings.clone(),
            files: Vec::new(),
        }
    }

    /// How many expectations did not hold.
    #[must_use]
    pub fn failed_expectations(&self) -> usize {
        self.expectations
            .iter()
            .filter(|expectation| !expectation.held)
            .count()
    }
}

fn cell_figures(recording: &Recording, cell: &CellRecord) -> CellFigures {
    let groups = recording.plan.survival.groups.iter().enumerate();
    let group = |(index, name): (usize, &str)| GroupFigures {
        name: name.to_owned(),
        present: estimate(cell, |one| {
            one.survival.as_ref()?.groups.get(index)?.share()
        }),
    };
    let is_probed = cell.repetitions.iter().any(|one| one.survival.is_some());
    let samples = cell.repetitions.iter().flat_map(|one| &one.samples);
    CellFigures {
        label: cell.label.clone(),
        repetitions: cell.repetitions.len(),
        survival: if is_probed {
            groups
                .map(|(index, one)| group((index, &one.name)))
                .collect()
        } else {
            Vec::new()
        },
        fidelity: estimate(cell, |one| Some(one.survival.as_ref()?.fidelity)),
        evicted_keys: estimate(cell, |one| Some(one.samples.last()?.evicted_keys as f64)),
        read_back: ReadBackFigures::of(recording, cell),
        used_memory_bytes_max: samples.map(|sample| sample.used_memory_bytes).max(),
        total: load_figures("all", cell, |_| true),
        phases: phase_names(cell)
            .into_iter()
            .map(|name| LoadFigures {
                delivery: DeliveryFigures::of(name, cell),
                verified: VerifiedFigures::of(name, cell),
                drawn: DrawnFigures::of(name, cell),
                ..load_figures(name, cell, |phase| phase.name == name)
            })
            .collect(),
    }
}

/// Names of the phases that sent something, in the order in which they ran.
fn phase_names(cell: &CellRecord) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for phase in cell
        .repetitions
        .iter()
        .flat_map(|one| &one.phases)
        .filter(|phase| phase.due > 0 || phase.operations > 0)
    {
        if !names.contains(&phase.name.as_str()) {
            names.push(&phase.name);
        }
    }
    names
}

fn load_figures(
    name: &str,
    cell: &CellRecord,
    is_wanted: impl Fn(&PhaseRecord) -> bool,
) -> LoadFigures {
    let wanted = |one: &Repetition| -> Vec<PhaseRecord> {
        one.phases
            .iter()
            .filter(|phase| is_wanted(phase))
            .cloned()
            .collect()
    };
    let sum = |one: &Repetition, get: fn(&PhaseRecord) -> u64| {
        wanted(one).iter().map(get).fold(0, u64::saturating_add)
    };
    let began = |one: &Repetition| one.phases.iter().any(&is_wanted);
    let phases = || {
        cell.repetitions
            .iter()
            .flat_map(|one| &one.phases)
            .filter(|phase| is_wanted(phase))
    };
    LoadFigures {
        name: name.to_owned(),
        operations: estimate(cell, |one| {
            began(one).then(|| sum(one, |phase| phase.operations) as f64)
        }),
        throughput: estimate(cell, |one| rate(&wanted(one))),
        offered_rate: phases().filter_map(|phase| phase.offered_rate).next(),
        hit_ratio: estimate(cell, |one| {
            let hits = sum(one, |phase| phase.hits);
            ratio(hits, hits.saturating_add(sum(one, |phase| phase.misses)))
        }),
        errors: estimate(cell, |one| {
            began(one).then(|| sum(one, |phase| phase.errors.values().sum()) as f64)
        }),
        errors_by_kind: errors_by_kind(phases()),
        unspecific_error: phases().find_map(|phase| phase.unspecific_error.clone()),
        latency: latency(phases().map(|phase| &phase.latency)),
        kinds: kinds(cell, &is_wanted),
        spaces: spaces(cell, &is_wanted),
        lateness_p99_s: pooled(
            phases().filter_map(|phase| phase.lateness.as_ref()?.histogram().ok()),
        )
        .map(|one| seconds(&one, 0.99)),
        delivery: None,
        verified: None,
        drawn: None,
    }
}

impl LoadFigures {
    /// Why requests failed: the kinds of errors, and in full the first that has no kind of its own.
    pub(super) fn failures(&self) -> String {
        let kinds = self.errors_by_kind.keys();
        let said = kinds.map(|kind| match &self.unspecific_error {
            Some(text) if kind == "ERR" => text,
            _ => kind,
        });
        said.map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

fn errors_by_kind<'a>(phases: impl Iterator<Item = &'a PhaseRecord>) -> BTreeMap<String, u64> {
    let mut errors: BTreeMap<String, u64> = BTreeMap::new();
    for (kind, count) in phases.flat_map(|phase| &phase.errors) {
        let total = errors.entry(kind.clone()).or_default();
        *total = total.saturating_add(*count);
    }
    errors
}

/// Requests answered per second of load, pauses between phases not counted, nor twice what phases have in common.
fn rate(phases: &[PhaseRecord]) -> Option<f64> {
    let (mut elapsed_s, mut until_s) = (0.0, 0.0_f64);
    for phase in phases {
        let end_s = phase.started_s + phase.elapsed_s;
        elapsed_s += (end_s - phase.started_s.max(until_s)).max(0.0);
        until_s = until_s.max(end_s);
    }
    let operations: f64 = phases.iter().map(|phase| phase.operations as f64).sum();
    (elapsed_s > 0.0).then(|| operations / elapsed_s)
}

/// Operations by name, those of all wanted phases together.
fn kinds(cell: &CellRecord, is_wanted: &impl Fn(&PhaseRecord) -> bool) -> Vec<KindFigures> {
    let wanted = |one: &'_ Repetition| -> Vec<PhaseRecord> {
        let phases = one.phases.iter().filter(|phase| is_wanted(phase));
        phases.cloned().collect()
    };
    let phases: Vec<PhaseRecord> = cell.repetitions.iter().flat_map(wanted).collect();
    let names: BTreeSet<&String> = phases
        .iter()
        .flat_map(|phase| phase.latency_by_kind.keys())
        .collect();
    let kind = |name: &String| KindFigures {
        name: name.clone(),
        operations: estimate(cell, |one| {
            let phases = wanted(one);
            let counts = phases
                .iter()
                .filter_map(|phase| phase.operations_by_kind.get(name));
            Some(counts.fold(0_u64, |sum, count| sum.saturating_add(*count)) as f64)
        }),
        latency: latency(
            phases
                .iter()
                .filter_map(|phase| phase.latency_by_kind.get(name)),
        ),
    };
    names.into_iter().map(kind).collect()
}

/// Key spaces by name, over all wanted phases together.
fn spaces(cell: &CellRecord, is_wanted: &impl Fn(&PhaseRecord) -> bool) -> Vec<SpaceFigures> {
    let reads = |one: &Repetition, name: &str| {
        let phases = one.phases.iter().filter(|phase| is_wanted(phase));
        let reads = phases.filter_map(|phase| phase.reads_by_space.get(name));
        reads.fold((0_u64, 0_u64), |(hits, all), reads| {
            (hits + reads.hits, all + reads.hits + reads.misses)
        })
    };
    let phases = cell.repetitions.iter().flat_map(|one| &one.phases);
    let names: BTreeSet<&String> = phases
        .filter(|phase| is_wanted(phase))
        .flat_map(|phase| phase.reads_by_space.keys())
        .collect();
    let space = |name: &String| SpaceFigures {
        name: name.clone(),
        reads: estimate(cell, |one| Some(reads(one, name).1 as f64)),
        hit_ratio: estimate(cell, |one| {
            let (hits, all) = reads(one, name);
            ratio(hits, all)
        }),
    };
    names.into_iter().map(space).collect()
}

pub(super) fn latency<'a>(latencies: impl Iterator<Item = &'a Latency>) -> Option<LatencyFigures> {
    let pooled = pooled(latencies.filter_map(|latency| latency.histogram().ok()))?;
    let at = |quantile| seconds(&pooled, quantile);
    Some(LatencyFigures {
        p50_s: at(0.5),
        p99_s: at(0.99),
        p999_s: at(0.999),
        max_s: at(1.0),
    })
}

fn pooled(histograms: impl Iterator<Item = Histogram<u64>>) -> Option<Histogram<u64>> {
    pool(histograms).filter(|pooled| !pooled.is_empty())
}

fn seconds(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 * 1e-9
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// What `figure` came to in the repetitions in which there is something.
pub(super) fn estimate(
    cell: &CellRecord,
    figure: impl Fn(&Repetition) -> Option<f64>,
) -> Option<Estimate> {
    let values: Vec<f64> = cell.repetitions.iter().filter_map(figure).collect();
    let summary = Summary::of(&values)?;
    let Summary {
        count,
        mean,
        min,
        max,
        ..
    } = summary;
    Some(Estimate {
        count,
        mean,
        min,
        max,
        interval: summary.mean_interval(LEVEL),
    })
}
