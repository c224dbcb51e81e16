//! Expectations with what was observed, in the unit of what they speak of.

use super::figures::ExpectationFigures;
use crate::recording::model::{Recording, Verdict};
use crate::stats::human;
use crate::workload::plan::{Comparison, Expectation, Measure, Metric, Operand};

/// A row per verdict.
pub(super) fn rows(recording: &Recording) -> Vec<ExpectationFigures> {
    let row = |verdict: &Verdict| {
        let expectation = recording
            .plan
            .expect
            .iter()
            .find(|expectation| expectation.text == verdict.text);
        ExpectationFigures {
            cell: verdict.cell.clone(),
            text: verdict.text.clone(),
            observed: observed(verdict, expectation),
            held: verdict.held,
        }
    };
    recording.expectations.iter().map(row).collect()
}

/// `67% > 12%` where it held, `12% is not > 67%` where not.
fn observed(verdict: &Verdict, expectation: Option<&Expectation>) -> String {
    let (Some(left), Some(right)) = (verdict.left, verdict.right) else {
        return "was not observed".to_owned();
    };
    let (unit, comparison) = expectation.map_or((Unit::Count, "against"), |one| {
        (unit(one), symbol(one.comparison))
    });
    let not = if verdict.held || expectation.is_none() {
        ""
    } else {
        "is not "
    };
    format!("{} {not}{comparison} {}", unit.say(left), unit.say(right))
}

fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "<",
        Comparison::AtMost => "<=",
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
        Comparison::AtLeast => ">=",
        Comparison::Greater => ">",
    }
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Share,
    Seconds,
    Bytes,
    Rate,
    Count,
}

impl Unit {
    fn say(self, value: f64) -> String {
        match self {
            Self::Share => human::percent(value),
            Self::Seconds => human::seconds(value),
            Self::Bytes => human::bytes(value),
            Self::Rate => format!("{}/s", human::short(value)),
            Self::Count if value.fract() == 0.0 || value >= 100.0 => {
                human::count(value.max(0.0).round() as u64)
            }
            Self::Count => human::short(value),
        }
    }
}

/// The unit of whichever side is measured; a constant is in the same.
fn unit(expectation: &Expectation) -> Unit {
    match (expectation.left, expectation.right) {
        (Operand::Metric(metric), _) | (_, Operand::Metric(metric)) => unit_of(metric),
        _ => Unit::Count,
    }
}

fn unit_of(metric: Metric) -> Unit {
    match metric {
        Metric::GroupSurvival(_) | Metric::Fidelity => Unit::Share,
        Metric::EvictedKeys => Unit::Count,
        Metric::UsedMemory => Unit::Bytes,
        Metric::Phase(_, measure) => match measure {
            Measure::Operations
            | Measure::Errors
            | Measure::Hits
            | Measure::Misses
            | Measure::Distinct
            | Measure::Exponent => Unit::Count,
            Measure::Throughput => Unit::Rate,
            Measure::ErrorRate
            | Measure::HitRatio
            | Measure::HottestShare
            | Measure::IdealHitRatio => Unit::Share,
            Measure::LatencyMean | Measure::LatencyMax | Measure::LatencyPercentile(_) => {
                Unit::Seconds
            }
        },
    }
}
