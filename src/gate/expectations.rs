//! Decides the plan's expectations from what was measured.

use crate::recording::model::{
    CellRecord, Census, Latency, PhaseRecord, Reads, Repetition, Verdict,
};
use crate::stats::pool;
use crate::workload::plan::{Action, Comparison, Expectation, Measure, Metric, Operand, Plan};

/// Sums of decimal fractions differ in the last digits.
const TOLERANCE: f64 = 1e-9;

/// A row per expectation and cell, in the plan's order.
#[must_use]
pub fn verdicts(plan: &Plan, cells: &[CellRecord]) -> Vec<Verdict> {
    let rows = plan.expect.iter().flat_map(|expectation| {
        let listed = expectation
            .cells
            .iter()
            .filter_map(|index| cells.get(*index));
        listed.map(move |cell| verdict(plan, expectation, cell))
    });
    rows.collect()
}

fn verdict(plan: &Plan, expectation: &Expectation, cell: &CellRecord) -> Verdict {
    let side = |operand| match operand {
        Operand::Number(number) => Some(number),
        Operand::Metric(metric) => observed(plan, metric, cell),
    };
    let (left, right) = (side(expectation.left), side(expectation.right));
    let held = matches!((left, right), (Some(left), Some(right)) if holds(left, expectation.comparison, right));
    Verdict {
        text: expectation.text.clone(),
        cell: cell.label.clone(),
        left,
        right,
        held,
    }
}

fn holds(left: f64, comparison: Comparison, right: f64) -> bool {
    let equal = (left - right).abs() <= TOLERANCE * right.abs().max(1.0);
    match comparison {
        Comparison::Less => left < right && !equal,
        Comparison::AtMost => left <= right || equal,
        Comparison::Equal => equal,
        Comparison::NotEqual => !equal,
        Comparison::AtLeast => left >= right || equal,
        Comparison::Greater => left > right && !equal,
    }
}

/// What was observed in a cell, in the base unit; nothing where no repetition came so far.
#[must_use]
pub fn observed(plan: &Plan, metric: Metric, cell: &CellRecord) -> Option<f64> {
    match metric {
        Metric::GroupSurvival(group) => mean(cell, |repetition| {
            repetition.survival.as_ref()?.groups.get(group)?.share()
        }),
        Metric::Fidelity => mean(cell, |repetition| {
            Some(repetition.survival.as_ref()?.fidelity)
        }),
        Metric::Phase(phase, measure) => of_phase(&plan.phases.get(phase)?.name, measure, cell),
        Metric::Operation(phase, operation, measure) => {
            let phase = plan.phases.get(phase)?;
            let Action::Load(load) = &phase.action else {
                return None;
            };
            let operation = &load.operations.get(operation)?.name;
            of_operation((&phase.name, operation), measure, cell)
        }
        Metric::Space(phase, space, measure) => {
            let space = &plan.keys.spaces.get(space)?.name;
            of_space((&plan.phases.get(phase)?.name, space), measure, cell)
        }
        Metric::LostWrites => mean(cell, |repetition| {
            Some(repetition.read_back.as_ref()?.lost as f64)
        }),
        Metric::EvictedKeys => mean(cell, |repetition| {
            Some(repetition.samples.last()?.evicted_keys as f64)
        }),
        Metric::UsedMemory => {
            let samples = cell
                .repetitions
                .iter()
                .flat_map(|repetition| &repetition.samples);
            samples
                .map(|sample| sample.used_memory_bytes as f64)
                .reduce(f64::max)
        }
    }
}

fn of_phase(name: &str, measure: Measure, cell: &CellRecord) -> Option<f64> {
    let each = |figure: fn(&PhaseRecord) -> Option<f64>| {
        mean(cell, |repetition| figure(phase(repetition, name)?))
    };
    let latency = || {
        let phases = cell.repetitions.iter();
        latency(
            phases.filter_map(|one| Some(&phase(one, name)?.latency)),
            measure,
        )
    };
    let delivery = || {
        let phases = cell.repetitions.iter();
        let fan_outs = phases.filter_map(|one| phase(one, name)?.fan_out.as_ref());
        self::latency(fan_outs.map(|one| &one.delivery), measure)
    };
    match measure {
        Measure::Operations => each(|phase| Some(phase.operations as f64)),
        Measure::Throughput => each(|phase| Some(phase.throughput)),
        Measure::Errors => each(|phase| Some(errors(phase) as f64)),
        Measure::ErrorRate => each(|phase| ratio(errors(phase), phase.due)),
        Measure::Hits => each(|phase| Some(phase.hits as f64)),
        Measure::Misses => each(|phase| Some(phase.misses as f64)),
        Measure::HitRatio => each(|phase| ratio(phase.hits, phase.hits + phase.misses)),
        Measure::Distinct => each(|phase| Some(census(phase)?.distinct as f64)),
        Measure::HottestShare => each(|phase| Some(census(phase)?.hottest_share)),
        Measure::Exponent => each(|phase| census(phase)?.exponent),
        Measure::IdealHitRatio => each(|phase| Some(phase.drawn.as_ref()?.ideal?.hit_ratio)),
        Measure::Corrupt => each(|phase| Some(phase.verified?.corrupt as f64)),
        Measure::Foreign => each(|phase| Some(phase.verified?.foreign as f64)),
        Measure::LatencyMean | Measure::LatencyMax | Measure::LatencyPercentile(_) => latency(),
        Measure::Delivered => each(|phase| Some(phase.fan_out.as_ref()?.delivered as f64)),
        Measure::Lost => each(|phase| Some(phase.fan_out.as_ref()?.lost as f64)),
        Measure::Undetermined => each(|phase| Some(phase.fan_out.as_ref()?.undetermined as f64)),
        Measure::OutOfOrder => each(|phase| Some(phase.fan_out.as_ref()?.out_of_order as f64)),
        Measure::DeliveryMean | Measure::DeliveryMax | Measure::DeliveryPercentile(_) => delivery(),
        Measure::BusiestNodeShare => each(|phase| phase.cluster.as_ref()?.busiest_share()),
        Measure::BusiestNodeRate => each(|phase| {
            let cpu_s = phase.cluster.as_ref()?.most_cpu_s()?;
            Some(phase.operations as f64 / cpu_s)
        }),
    }
}

/// One operation of a phase, which is all of it where there is no other.
fn of_operation(
    (name, operation): (&str, &str),
    measure: Measure,
    cell: &CellRecord,
) -> Option<f64> {
    if measure == Measure::Operations {
        return mean(cell, |one| {
            let answered = phase(one, name)?.operations_by_kind.get(operation);
            Some(answered.copied().unwrap_or(0) as f64)
        });
    }
    let own = |one| {
        let phase: &PhaseRecord = phase(one, name)?;
        if phase.latency_by_kind.is_empty() {
            return Some(&phase.latency);
        }
        phase.latency_by_kind.get(operation)
    };
    latency(cell.repetitions.iter().filter_map(own), measure)
}

/// One key space in a phase.
fn of_space((name, space): (&str, &str), measure: Measure, cell: &CellRecord) -> Option<f64> {
    mean(cell, |one| {
        let reads = phase(one, name)?.reads_by_space.get(space);
        let Reads { hits, misses } = reads.copied().unwrap_or_default();
        match measure {
            Measure::Hits => Some(hits as f64),
            Measure::Misses => Some(misses as f64),
            _ => ratio(hits, hits + misses),
        }
    })
}

/// A latency of all repetitions together, seconds.
fn latency<'a>(each: impl Iterator<Item = &'a Latency>, measure: Measure) -> Option<f64> {
    let pooled = pool(each.filter_map(|one| one.histogram().ok()))?;
    let ns = match measure {
        _ if pooled.is_empty() => return None,
        Measure::LatencyMean | Measure::DeliveryMean => pooled.mean(),
        Measure::LatencyPercentile(percentile) | Measure::DeliveryPercentile(percentile) => {
            pooled.value_at_quantile(percentile / 100.0) as f64
        }
        _ => pooled.max() as f64,
    };
    Some(ns * 1e-9)
}

fn phase<'a>(repetition: &'a Repetition, name: &str) -> Option<&'a PhaseRecord> {
    repetition.phases.iter().find(|phase| phase.name == name)
}

fn census(phase: &PhaseRecord) -> Option<Census> {
    phase.drawn.as_ref()?.census
}

fn errors(phase: &PhaseRecord) -> u64 {
    phase.errors.values().sum()
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The mean over the repetitions in which there is something.
fn mean(cell: &CellRecord, figure: impl Fn(&Repetition) -> Option<f64>) -> Option<f64> {
    let figures: Vec<f64> = cell.repetitions.iter().filter_map(figure).collect();
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sides_are_equal_in_every_comparison() {
        let (left, right) = (0.1 + 0.2, 0.3);
        let held = [
            Comparison::Less,
            Comparison::AtMost,
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::AtLeast,
            Comparison::Greater,
        ]
        .map(|comparison| holds(left, comparison, right));
        assert_eq!(held, [false, true, true, false, true, false]);
    }

    #[test]
    fn what_was_not_observed_is_absent() {
        let empty = CellRecord {
            label: "run".to_owned(),
            directives: Vec::new(),
            repetitions: Vec::new(),
        };
        assert_eq!(mean(&empty, |_| Some(1.0)), None);
        assert_eq!(of_phase("save", Measure::LatencyMax, &empty), None);
        assert_eq!(ratio(1, 0), None);
    }
}
