//! Expectations with what was observed, in the unit of what they speak of.

use super::figures::ExpectationFigures;
use super::unit::Unit;
use crate::recording::model::{Recording, Verdict};
use crate::workload::plan::{Comparison, Expectation, Operand};

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

/// The unit of whichever side is measured; a constant is in the same.
fn unit(expectation: &Expectation) -> Unit {
    match (expectation.left, expectation.right) {
        (Operand::Metric(metric), _) | (_, Operand::Metric(metric)) => Unit::of(metric),
        _ => Unit::Count,
    }
}
