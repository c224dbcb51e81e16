//! `compare`: the matrix, multiplied out.

use std::collections::BTreeSet;

use super::target::{MASTERS, REPLICAS, counted};
use crate::workload::directives;
use crate::workload::limits;
use crate::workload::plan::{Capacity, Cell, Directive, Plan, Target};
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::{At, Entries, Given};
use crate::workload::units::Setting;
use crate::workload::written::Workload;

/// The label of the only cell where nothing is compared.
const ONLY: &str = "run";

/// The directive that `capacity` sets.
const MAXMEMORY: &str = "maxmemory";

/// Every combination of the values of all axes, the last axis changing fastest.
pub(super) fn cells(
    written: &Given<Entries<Vec<At<Setting>>>>,
    target: &Target,
    problems: &mut Vec<Problem>,
) -> Vec<Cell> {
    let mut cells = vec![Cell::default()];
    let Some((Entries(entries), place)) = written.get() else {
        return named(cells);
    };
    for (name, values) in entries {
        note_nodes(name, values, target, problems);
        let axis = axis(name, values, problems);
        if cells.len().saturating_mul(axis.len()) > limits::CELLS {
            let message = format!(
                "more than {} cells; compare fewer values, or in several files",
                limits::CELLS
            );
            problems.push(Problem::new(place, message));
            break;
        }
        if !axis.is_empty() {
            cells = cells
                .iter()
                .flat_map(|cell| axis.iter().map(|value| with(cell, value)))
                .collect();
        }
    }
    named(cells)
}

fn named(mut cells: Vec<Cell>) -> Vec<Cell> {
    if let [only] = cells.as_mut_slice()
        && only.label.is_empty()
    {
        ONLY.clone_into(&mut only.label);
    }
    cells
}

/// How many nodes a cluster has is compared as directives are, but it is none.
fn note_nodes(
    name: &At<String>,
    values: &At<Vec<At<Setting>>>,
    target: &Target,
    problems: &mut Vec<Problem>,
) {
    let of_nodes = [MASTERS, REPLICAS];
    let (Some((name, place)), Some((values, _))) = (name.get(), values.get()) else {
        return;
    };
    let Some(nodes) = of_nodes.into_iter().find(|(known, ..)| known == name) else {
        return;
    };
    if !matches!(target, Target::EmbeddedCluster { .. }) {
        let message = format!("`{name}` are of a cluster of ours; drive embedded-cluster");
        problems.push(Problem::new(place, message));
    }
    for value in values {
        if let Some((Setting(text), place)) = value.get() {
            counted(text, place, &nodes, problems);
        }
    }
}

/// The directives that one axis stands for; empty where a problem was noted.
fn axis(
    name: &At<String>,
    values: &At<Vec<At<Setting>>>,
    problems: &mut Vec<Problem>,
) -> Vec<Directive> {
    let (Some((name, place)), Some((values, values_place))) = (name.get(), values.get()) else {
        return Vec::new();
    };
    let name = name.to_ascii_lowercase();
    if let Some(message) = directives::implausible(&name) {
        problems.push(Problem::new(place, message));
        return Vec::new();
    }
    if values.is_empty() {
        problems.push(Problem::new(
            values_place,
            format!("`{name}` has no values to compare; write two or more, as in [a, b]"),
        ));
    }
    let mut seen = BTreeSet::new();
    let mut axis = Vec::new();
    for value in values {
        let Some(text) = directives::value_of(&name, value, problems) else {
            continue;
        };
        if !seen.insert(text.clone()) {
            problems.push(Problem::new(
                value.place,
                format!(
                    "`{text}` is compared twice; leave one out (`repeat` runs every cell again)"
                ),
            ));
        }
        axis.push(Directive {
            name: name.clone(),
            value: text,
        });
    }
    axis
}

fn with(cell: &Cell, directive: &Directive) -> Cell {
    let part = part_of_label(directive);
    let label = if cell.label.is_empty() {
        part
    } else {
        format!("{} / {part}", cell.label)
    };
    let mut cell = Cell {
        label,
        ..cell.clone()
    };
    let Directive { name, value } = directive;
    match name.as_str() {
        name if name == MASTERS.0 => cell.masters = value.parse().ok(),
        name if name == REPLICAS.0 => cell.replicas = value.parse().ok(),
        _ => cell.directives.push(directive.clone()),
    }
    cell
}

/// A value that speaks for itself, or the directive and its value.
pub(super) fn part_of_label(directive: &Directive) -> String {
    let speaks = directive
        .value
        .starts_with(|letter: char| letter.is_ascii_alphabetic())
        && directive.value.len() > 3;
    if speaks {
        directive.value.clone()
    } else {
        format!("{} {}", directive.name, directive.value)
    }
}

/// `maxmemory` comes from one place only.
pub(super) fn note_conflicts(plan: &Plan, written: &Workload, problems: &mut Vec<Problem>) {
    let Some((_, place)) = written
        .capacity
        .get()
        .filter(|_| plan.capacity != Capacity::AsConfigured)
    else {
        return;
    };
    let mut conflict = |place: Place, with: &str| {
        problems.push(Problem::new(
            place,
            format!("`capacity` sets maxmemory, and so does {with}; leave one of them out"),
        ));
    };
    if plan
        .directives
        .iter()
        .any(|directive| directive.name == MAXMEMORY)
    {
        conflict(place, "`target`");
    }
    if plan
        .cells
        .iter()
        .flat_map(|cell| &cell.directives)
        .any(|directive| directive.name == MAXMEMORY)
    {
        conflict(place, "`compare`");
    }
}
