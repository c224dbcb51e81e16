//! Figures that one seed fixes: hit ratio, survivors, evictions and bytes per key of two runs on the embedded server.
//!
//! On its virtual clock a counted load over one connection repeats bit by bit, so that any difference is a change of the
//! program and none is noise. Where chance has a say, a figure is gated only within a tolerance that the user gives.

use schemars::JsonSchema;
use serde::Serialize;

use super::identity::matching_cells;
use crate::recording::model::{CellRecord, Recording, Repetition};
use crate::workload::criteria::{Tolerance, Tolerated};
use crate::workload::plan::{Action, Load, Plan, Until};

/// Sums of decimal fractions differ in the last digits.
const ROUNDING: f64 = 1e-9;

/// One figure in one cell, here and in the baseline.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExactGate {
    /// The cell's label.
    pub cell: String,
    /// Which figure: `mix.hit_ratio`, `survivors of read`, `evicted keys`, `bytes per key`.
    pub figure: String,
    /// In the baseline, the mean over repetitions; a share, a count or bytes.
    pub baseline: f64,
    /// In what is gated; absent where it was not measured.
    pub candidate: Option<f64>,
    /// The largest difference between two repetitions of one number.
    pub difference: f64,
    /// The largest that is allowed.
    pub tolerance: f64,
    /// Whether it held.
    pub held: bool,
}

/// Decides every figure that the cells of both recordings have: those that repeat exactly, and those with a tolerance.
#[must_use]
pub fn decide(
    baseline: &Recording,
    candidate: &Recording,
    tolerances: &[Tolerance],
) -> Vec<ExactGate> {
    let is_exact = why_not_exact(baseline)
        .or_else(|| why_not_exact(candidate))
        .is_none();
    let allowed = |of: Tolerated| {
        let given = tolerances.iter().rev().find(|tolerance| tolerance.of == of);
        given
            .map(|tolerance| tolerance.most)
            .or(is_exact.then_some(0.0))
    };
    let mut gates = Vec::new();
    for (first, other) in matching_cells(baseline, candidate) {
        let (Some(first), Some(other)) = (baseline.cells.get(first), candidate.cells.get(other))
        else {
            continue;
        };
        for figure in figures(&baseline.plan) {
            if let Some(tolerance) = allowed(figure.of) {
                gates.extend(gate(&figure, first, other, tolerance));
            }
        }
    }
    gates
}

/// Why a run of this recording's workload does not repeat exactly; nothing where it does.
#[must_use]
pub fn why_not_exact(recording: &Recording) -> Option<String> {
    if recording.server.target != "embedded" {
        let target = &recording.server.target;
        return Some(format!(
            "`{target}` draws at random by itself; only the embedded server repeats"
        ));
    }
    if recording.server.clock != "virtual" {
        return Some(
            "the embedded server ran on the real clock; only its virtual clock repeats".to_owned(),
        );
    }
    recording
        .plan
        .phases
        .iter()
        .find_map(|phase| match &phase.action {
            Action::Pause(_) => None,
            Action::Load(load) => Some(format!("phase `{}` {}", phase.name, chance(load)?)),
        })
}

/// Where chance has a say in a load.
fn chance(load: &Load) -> Option<String> {
    if matches!(load.until, Until::Elapsed(_)) {
        Some("ends after a time, not after a number of requests".to_owned())
    } else if load.clients > 1 {
        Some(format!(
            "has {} clients, whose requests arrive in any order",
            load.clients
        ))
    } else if load.is_open_loop() {
        Some("has a rate, so that how requests are grouped depends on the machine".to_owned())
    } else {
        None
    }
}

/// A figure and how to read it from a repetition.
struct Figure {
    name: String,
    of: Tolerated,
    read: Read,
}

type Read = Box<dyn Fn(&Repetition) -> Option<f64>>;

fn figures(plan: &Plan) -> Vec<Figure> {
    let figure = |name: String, of, read: Read| Figure { name, of, read };
    let mut figures: Vec<Figure> = Vec::new();
    for (index, phase) in plan.phases.iter().enumerate() {
        let name = format!("{}.hit_ratio", phase.name);
        figures.push(figure(
            name,
            Tolerated::HitRatio,
            Box::new(move |one| hit_ratio(one, index)),
        ));
    }
    figures.push(figure(
        "survivors".to_owned(),
        Tolerated::Survivors,
        Box::new(|one| Some(one.survival.as_ref()?.present as f64)),
    ));
    for (index, group) in plan.survival.groups.iter().enumerate() {
        let name = format!("survivors of {}", group.name);
        figures.push(figure(
            name,
            Tolerated::Survivors,
            Box::new(move |one| Some(one.survival.as_ref()?.groups.get(index)?.present as f64)),
        ));
    }
    figures.push(figure(
        "evicted keys".to_owned(),
        Tolerated::EvictedKeys,
        Box::new(|one| Some(one.samples.last()?.evicted_keys as f64)),
    ));
    figures.push(figure(
        "bytes per key".to_owned(),
        Tolerated::BytesPerKey,
        Box::new(bytes_per_key),
    ));
    figures
}

fn hit_ratio(repetition: &Repetition, phase: usize) -> Option<f64> {
    let phase = repetition.phases.get(phase)?;
    let reads = phase.hits + phase.misses;
    (reads > 0).then(|| phase.hits as f64 / reads as f64)
}

fn bytes_per_key(repetition: &Repetition) -> Option<f64> {
    let last = repetition.samples.last()?;
    (last.keys > 0).then(|| last.used_memory_bytes as f64 / last.keys as f64)
}

/// Nothing where the baseline has no such figure.
fn gate(
    figure: &Figure,
    baseline: &CellRecord,
    candidate: &CellRecord,
    tolerance: f64,
) -> Option<ExactGate> {
    let of = |cell: &CellRecord| -> Vec<f64> {
        cell.repetitions
            .iter()
            .filter_map(|one| (figure.read)(one))
            .collect()
    };
    let (before, now) = (of(baseline), of(candidate));
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let difference = before
        .iter()
        .zip(&now)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    Some(ExactGate {
        cell: baseline.label.clone(),
        figure: figure.name.clone(),
        baseline: mean(&before)?,
        candidate: mean(&now),
        difference,
        tolerance,
        held: !now.is_empty() && difference <= tolerance + ROUNDING,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::fixture::{lru_flood, zipf_read};

    fn failed(gates: &[ExactGate]) -> Vec<(&str, &str)> {
        let failed = gates.iter().filter(|gate| !gate.held);
        failed
            .map(|gate| (gate.cell.as_str(), gate.figure.as_str()))
            .collect()
    }

    #[test]
    fn a_run_holds_against_itself() {
        let gates = decide(&lru_flood(), &lru_flood(), &[]);
        assert_eq!(gates.len(), 6 * 6, "six figures in six cells");
        assert!(failed(&gates).is_empty());
    }

    #[test]
    fn one_survivor_less_is_found_and_a_tolerance_lets_it_pass() {
        let (baseline, mut candidate) = (lru_flood(), lru_flood());
        let survival = candidate.cells[0].repetitions[1].survival.as_mut().unwrap();
        survival.groups[0].present -= 1;
        survival.present -= 1;
        let expected = [
            ("allkeys-lru", "survivors"),
            ("allkeys-lru", "survivors of read"),
        ];
        assert_eq!(failed(&decide(&baseline, &candidate, &[])), expected);
        let tolerance = Tolerance {
            of: Tolerated::Survivors,
            most: 1.0,
        };
        assert!(failed(&decide(&baseline, &candidate, &[tolerance])).is_empty());
    }

    #[test]
    fn what_is_no_longer_measured_does_not_hold() {
        let (baseline, mut candidate) = (lru_flood(), lru_flood());
        candidate.cells[0].repetitions.clear();
        assert_eq!(failed(&decide(&baseline, &candidate, &[])).len(), 6);
    }

    #[test]
    fn where_chance_has_a_say_only_tolerances_gate() {
        let mut real = zipf_read();
        "real".clone_into(&mut real.server.clock);
        assert!(decide(&real, &real, &[]).is_empty());
        let tolerance = Tolerance {
            of: Tolerated::EvictedKeys,
            most: 10.0,
        };
        assert_eq!(decide(&real, &real, &[tolerance]).len(), 1);
        assert!(why_not_exact(&real).unwrap().contains("virtual clock"));
    }

    #[test]
    fn the_reason_names_the_phase() {
        let mut recording = zipf_read();
        recording.plan =
            crate::workload::parse("keys: { count: 9 }\nphases: [{ save: { clients: 4 } }]\n")
                .unwrap();
        let why = why_not_exact(&recording).unwrap();
        assert!(why.starts_with("phase `save` has 4 clients"), "{why}");
    }
}
