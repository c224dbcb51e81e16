//! Values that were read and held against what had been written: figures, a line of text, a table.

use maud::{Markup, html};
use schemars::JsonSchema;
use serde::Serialize;

use super::figures::CellFigures;
use crate::recording::model::{CellRecord, Verified};
use crate::stats::human;

/// What became of the values that a phase read, over all repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VerifiedFigures {
    /// All of them.
    pub values: u64,
    /// Those that were not as anybody had written them.
    pub corrupt: u64,
    /// Those that had been written under another key.
    pub foreign: u64,
}

impl VerifiedFigures {
    /// Of the phase called `name`; none where it verified nothing.
    pub(super) fn of(name: &str, cell: &CellRecord) -> Option<Self> {
        let phases = cell.repetitions.iter().flat_map(|one| &one.phases);
        let phases = phases.filter(|phase| phase.name == name);
        let mut all = Verified::default();
        phases
            .filter_map(|phase| phase.verified.as_ref())
            .for_each(|one| all.add(one));
        let Verified {
            values,
            corrupt,
            foreign,
        } = all;
        (values > 0).then_some(Self {
            values,
            corrupt,
            foreign,
        })
    }
}

/// Each phase that verified something, with its cell.
fn rows(cells: &[CellFigures]) -> impl Iterator<Item = (&str, &str, VerifiedFigures)> {
    cells.iter().flat_map(|cell| {
        let phases = cell.phases.iter();
        phases.filter_map(|phase| Some((cell.label.as_str(), phase.name.as_str(), phase.verified?)))
    })
}

/// A line for each phase of each cell that verified something.
pub(super) fn lines(cells: &[CellFigures]) -> Vec<String> {
    let line = |(cell, phase, figures): (&str, &str, VerifiedFigures)| {
        let place = if cells.len() == 1 {
            phase.to_owned()
        } else {
            format!("{phase} of {cell}")
        };
        format!(
            "{place}: {} values verified, {} corrupt, {} foreign",
            human::count(figures.values),
            human::count(figures.corrupt),
            human::count(figures.foreign)
        )
    };
    rows(cells).map(line).collect()
}

/// A table of all phases that verified something.
pub(super) fn table(cells: &[CellFigures]) -> Markup {
    html! {
        @if rows(cells).next().is_some() {
            h2 { "Whether values were as they had been written" }
            div.card {
                p.caption { "Every value read was held against its checksum and its key. Corrupt are those that nobody had written so, foreign those that had been written under another key." }
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "cell" }
                        th.word scope="col" { "phase" }
                        @for name in ["verified", "corrupt", "foreign"] { th scope="col" { (name) } }
                    } }
                    tbody { @for (cell, phase, figures) in rows(cells) { tr {
                        th scope="row" { (cell) }
                        td.word { (phase) }
                        @for count in [figures.values, figures.corrupt, figures.foreign] { td { (human::count(count)) } }
                    } } }
                } }
            }
        }
    }
}
