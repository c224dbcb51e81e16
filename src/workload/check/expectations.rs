//! Expectations: expressions, and the cells they are about.

use super::compare::part_of_label;
use crate::workload::expect::{self, Expression, Names, PhaseFacts};
use crate::workload::limits;
use crate::workload::plan::{Cell, Expectation, Metric, Operand, Survival};
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::{At, Given};
use crate::workload::units::Plain;
use crate::workload::words;
use crate::workload::written::Expect;

pub(super) fn expectations(
    written: &Given<Vec<At<Expect>>>,
    cells: &[Cell],
    phases: &[PhaseFacts],
    survival: &Survival,
    problems: &mut Vec<Problem>,
) -> Vec<Expectation> {
    let Some((list, place)) = written.get() else {
        return Vec::new();
    };
    if list.len() > limits::EXPECTATIONS {
        problems.push(Problem::new(
            place,
            format!(
                "{} expectations; allowed are {}",
                list.len(),
                limits::EXPECTATIONS
            ),
        ));
        return Vec::new();
    }
    let groups: Vec<String> = survival
        .groups
        .iter()
        .map(|group| group.name.clone())
        .collect();
    let names = Names {
        phases,
        groups: &groups,
        unnamed: None,
    };
    let mut expectations = Vec::new();
    for expect in list {
        match expect.get() {
            None => {}
            Some((Expect::Everywhere(text), place)) => {
                expectations.extend(expectation(
                    text,
                    place,
                    (0..cells.len()).collect(),
                    &names,
                    problems,
                ));
            }
            Some((Expect::In(entries), _)) => {
                for (cell, text) in &entries.0 {
                    expectations.extend(expectation_in(cell, text, cells, &names, problems));
                }
            }
        }
    }
    expectations
}

fn expectation_in(
    cell: &At<String>,
    text: &At<Plain>,
    cells: &[Cell],
    names: &Names<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Expectation> {
    let ((label, label_place), (Plain(text), place)) = (cell.get()?, text.get()?);
    let chosen: Vec<usize> = (0..cells.len())
        .filter(|index| answers_to(&cells[*index], label))
        .collect();
    if chosen.is_empty() {
        problems.push(Problem::new(label_place, unknown_cell(label, cells)));
    }
    expectation(text, place, chosen, names, problems)
}

/// A cell answers to its label, and to each value that sets it apart.
fn answers_to(cell: &Cell, name: &str) -> bool {
    cell.label == name
        || cell
            .directives
            .iter()
            .any(|directive| directive.value == name || part_of_label(directive) == name)
}

fn unknown_cell(name: &str, cells: &[Cell]) -> String {
    let mut known: Vec<String> = cells
        .iter()
        .flat_map(|cell| &cell.directives)
        .map(part_of_label)
        .collect();
    known.sort();
    known.dedup();
    if known.is_empty() {
        return format!(
            "unknown cell `{name}`: nothing is compared; write the expectation alone, or `compare`"
        );
    }
    words::unknown("cell", name, &known)
}

fn expectation(
    text: &str,
    place: Place,
    cells: Vec<usize>,
    names: &Names<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Expectation> {
    match expect::parse(text, names) {
        Ok(Expression {
            left,
            comparison,
            right,
        }) => Some(Expectation {
            text: text.to_owned(),
            cells,
            left,
            comparison,
            right,
        }),
        Err(flaw) => {
            problems.push(flaw.at(place, text));
            None
        }
    }
}

/// Whether deciding the expectation needs acknowledged writes to be read back.
pub(super) fn asks_for_read_back(expectation: &Expectation) -> bool {
    [expectation.left, expectation.right].contains(&Operand::Metric(Metric::LostWrites))
}

/// Whether deciding the expectation needs to know which keys survived.
pub(in crate::workload) fn asks_for_survival(expectation: &Expectation) -> bool {
    [expectation.left, expectation.right].iter().any(|operand| {
        matches!(
            operand,
            Operand::Metric(Metric::GroupSurvival(_) | Metric::Fidelity)
        )
    })
}
