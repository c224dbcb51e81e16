//! What became of acknowledged writes that were read back: figures, a line of text, a table.

use maud::{Markup, html};
use schemars::JsonSchema;
use serde::Serialize;

use super::figures::CellFigures;
use crate::recording::losses::{self, Instead, LostWrite};
use crate::recording::model::{CellRecord, ReadBackRecord, Recording};
use crate::stats::human;

/// Lost writes that are told one by one; all are in `lost_writes.csv`.
const TOLD_MAX: usize = 20;

/// What became of acknowledged writes, over all repetitions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct ReadBackFigures {
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Keys with an acknowledged write that were read.
    pub keys: u64,
    /// Keys whose last acknowledged write is lost.
    pub lost: u64,
    /// Keys of which that cannot be told.
    pub undetermined: u64,
    /// Keys that could not be read.
    pub unread: u64,
    /// Keys left aside: deleted or changed by other commands, or written with a time to live.
    pub left_out: u64,
    /// The first of the lost writes.
    pub first: Vec<LostWriteFigures>,
}

/// An acknowledged write that was lost.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LostWriteFigures {
    /// The key.
    pub key: String,
    /// Its hash slot; absent where no cluster was driven.
    pub slot: Option<u16>,
    /// When it was written, seconds since the repetition began.
    pub written_s: f64,
    /// What the key holds, in words.
    pub holds: String,
}

impl ReadBackFigures {
    /// Of a cell; none where nothing was read back.
    pub(super) fn of(recording: &Recording, cell: &CellRecord) -> Option<Self> {
        let records = || {
            cell.repetitions
                .iter()
                .filter_map(|one| one.read_back.as_ref())
        };
        records().next()?;
        let sum = |count: fn(&ReadBackRecord) -> u64| records().map(count).sum();
        let first = records().flat_map(|record| {
            // What cannot be unpacked is counted all the same.
            losses::list(record, &recording.plan.keys, TOLD_MAX).unwrap_or_default()
        });
        let is_cluster = recording.plan.target.is_cluster();
        Some(Self {
            acknowledged: sum(|one| one.acknowledged),
            keys: sum(|one| one.keys),
            lost: sum(|one| one.lost),
            undetermined: sum(|one| one.undetermined),
            unread: sum(|one| one.unread),
            left_out: sum(|one| one.left_out),
            first: first
                .take(TOLD_MAX)
                .map(|lost| told(lost, is_cluster))
                .collect(),
        })
    }

    /// `37 lost, 2 undetermined`: what is not as it should be, or that nothing is.
    fn outcome(&self) -> String {
        let counts = [
            (self.undetermined, "undetermined"),
            (self.unread, "could not be read"),
        ];
        let others = counts.iter().filter(|(count, _)| *count > 0);
        let others = others.map(|(count, what)| format!(", {} {what}", human::count(*count)));
        let lost = match self.lost {
            0 => "none lost".to_owned(),
            lost => format!("{} lost", human::count(lost)),
        };
        lost + &others.collect::<String>()
    }
}

fn told(lost: LostWrite, is_cluster: bool) -> LostWriteFigures {
    LostWriteFigures {
        key: lost.name,
        slot: is_cluster.then_some(lost.slot),
        written_s: lost.written_s,
        holds: match lost.instead {
            Instead::Nothing => "nothing".to_owned(),
            Instead::Older(at_s) => format!("what was written at {at_s:.3} s"),
            Instead::Unknown => "what this run never wrote".to_owned(),
        },
    }
}

fn rows(cells: &[CellFigures]) -> impl Iterator<Item = (&str, &ReadBackFigures)> {
    cells
        .iter()
        .filter_map(|cell| Some((cell.label.as_str(), cell.read_back.as_ref()?)))
}

/// A line for each cell whose writes were read back.
pub(super) fn lines(cells: &[CellFigures]) -> Vec<String> {
    let line = |(cell, figures): (&str, &ReadBackFigures)| {
        let place = match cells.len() {
            1 => String::new(),
            _ => format!("{cell}: "),
        };
        let first = figures.first.first().map_or_else(String::new, |first| {
            let slot = first
                .slot
                .map_or_else(String::new, |slot| format!(", slot {slot}"));
            format!(
                "; first {}{slot}, written at {:.3} s, holds {}",
                first.key, first.written_s, first.holds
            )
        });
        let aside = match figures.left_out {
            0 => String::new(),
            count => format!("; {} keys left aside", human::count(count)),
        };
        format!(
            "{place}{} acknowledged writes, {} keys read back: {}{first}{aside}",
            human::count(figures.acknowledged),
            human::count(figures.keys),
            figures.outcome()
        )
    };
    rows(cells).map(line).collect()
}

/// The counts of every cell, and the first of the lost writes.
pub(super) fn table(cells: &[CellFigures]) -> Markup {
    html! {
        @if rows(cells).next().is_some() {
            h2 { "Whether acknowledged writes were there at the end" }
            div.card {
                p.caption { "Every key with an acknowledged write was read after the last phase. Lost: it holds nothing, or a value that had been acknowledged before this one was sent. Undetermined: an older write that nobody acknowledged may have come late, or the server evicts. Left aside: deleted or changed by other commands, or written with a time to live." }
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "cell" }
                        @for name in ["acknowledged writes", "keys read back", "lost", "undetermined", "not readable", "left aside"] { th scope="col" { (name) } }
                    } }
                    tbody { @for (cell, figures) in rows(cells) { tr {
                        th scope="row" { (cell) }
                        @for count in [figures.acknowledged, figures.keys, figures.lost, figures.undetermined, figures.unread, figures.left_out] { td { (human::count(count)) } }
                    } } }
                } }
                @if rows(cells).any(|(_, figures)| !figures.first.is_empty()) { (first(cells)) }
            }
        }
    }
}

fn first(cells: &[CellFigures]) -> Markup {
    let has_slots =
        rows(cells).any(|(_, figures)| figures.first.iter().any(|one| one.slot.is_some()));
    html! {
        details { summary { "The first lost writes; all are in lost_writes.csv" }
            div.scroll { table {
                thead { tr {
                    th scope="col" { "cell" } th.word scope="col" { "key" }
                    @if has_slots { th scope="col" { "slot" } }
                    th scope="col" { "written at" } th.word scope="col" { "holds" }
                } }
                tbody { @for (cell, figures) in rows(cells) { @for one in &figures.first { tr {
                    th scope="row" { (cell) } td.word { (one.key) }
                    @if has_slots { td { (one.slot.map_or("–".to_owned(), |slot| slot.to_string())) } }
                    td { (format!("{:.3} s", one.written_s)) } td.word { (one.holds) }
                } } } }
            } }
        }
    }
}
