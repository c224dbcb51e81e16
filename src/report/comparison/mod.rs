//! Recordings side by side: every figure that both have, how far apart they are, and how sure that is.
//!
//! The first recording is what the others are held against. Intervals come from the repetitions within each recording
//! (Welch); what drifted between the recordings is not in them, which the page says.

mod html;
pub mod text;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::ReportError;
use super::unit::Unit;
use crate::gate::identity::{Difference, differences, matching_cells};
use crate::gate::merge::merge;
use crate::plot::{self, Plot, PlotError};
use crate::recording::model::{CellRecord, PhaseRecord, Recording, Repetition};
use crate::recording::write::write_file;
use crate::stats::{Summary, human, welch};

/// The schema of the JSON form.
pub const SCHEMA: &str = "cachebench.comparison/1";

/// The page.
const PAGE_FILE: &str = "compare.html";
/// How sure the intervals are.
const LEVEL: f64 = 0.95;

/// What the intervals do not cover.
const CAUTION: &str = "Intervals cover what differs between repetitions, not what drifted between the recordings: identical servers, \
    run one after the other, differ by 15% in times. `cachebench gate --baseline TARGET --candidate TARGET` lets them take turns.";

/// Recordings side by side. Times are seconds, sizes bytes, shares from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ComparisonFigures {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the workload.
    pub workload: String,
    /// The question that it answers; empty where it asks none.
    pub question: String,
    /// What is compared; the first is what the others are held against.
    pub recordings: Vec<Compared>,
    /// A figure each, cell by cell.
    pub rows: Vec<Row>,
    /// What a reader must know besides.
    pub notes: Vec<String>,
    /// The files written, where any were.
    pub files: Vec<String>,
}

/// A recording of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Compared {
    /// `A` for the first, `B` for the next.
    pub letter: String,
    /// Where it was read from.
    pub path: String,
    /// What was driven: target, name and version of the server.
    pub server: String,
    /// When the run started.
    pub started_at: String,
    /// In what it differs from the first.
    pub differences: Vec<Difference>,
}

/// One figure in one cell of all recordings.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Row {
    /// The cell's label in the first recording.
    pub cell: String,
    /// Which figure: `read: p99`, `evicted keys`.
    pub figure: String,
    /// Its unit.
    pub unit: Unit,
    /// The mean over the repetitions of each recording; absent where it was not measured.
    pub means: Vec<Option<f64>>,
    /// What separates each but the first from the first.
    pub changes: Vec<Option<Change>>,
}

/// A difference from the first recording, in the unit of the figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// How much more it is.
    pub difference: f64,
    /// The interval that covers the difference of the true means with 95 %; absent where a run was not repeated.
    pub interval: Option<(f64, f64)>,
}

impl Change {
    /// Whether there is a difference that repetitions do not explain; without repetitions, whether there is any.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        match self.interval {
            Some((low, high)) => low > 0.0 || high < 0.0,
            None => self.difference != 0.0,
        }
    }
}

impl ComparisonFigures {
    /// Everything that is said of `recordings`, which are named by where they were read from.
    #[must_use]
    pub fn of(recordings: &[(String, Recording)]) -> Self {
        let first = recordings.first().map(|(_, one)| one);
        let compared = recordings
            .iter()
            .enumerate()
            .map(|(index, (path, one))| Compared {
                letter: letter(index),
                path: path.clone(),
                server: format!(
                    "{} ({} {})",
                    one.server.target, one.server.name, one.server.version
                ),
                started_at: one.started_at.clone(),
                differences: first
                    .map(|first| differences(first, one))
                    .unwrap_or_default(),
            });
        Self {
            schema: SCHEMA.to_owned(),
            workload: first.map_or_else(String::new, |one| one.plan.name.clone()),
            question: first.map_or_else(String::new, |one| one.plan.question.clone()),
            recordings: compared.collect(),
            rows: rows(recordings),
            notes: notes(recordings),
            files: Vec::new(),
        }
    }
}

/// `A`, `B`, … for people; numbers after the alphabet.
fn letter(index: usize) -> String {
    let letter = u8::try_from(index).ok().filter(|index| *index < 26);
    letter.map_or_else(
        || (index + 1).to_string(),
        |index| char::from(b'A' + index).to_string(),
    )
}

fn notes(recordings: &[(String, Recording)]) -> Vec<String> {
    let mut notes = vec![CAUTION.to_owned()];
    let repeated = recordings
        .iter()
        .all(|(_, one)| one.cells.iter().any(|cell| cell.repetitions.len() > 1));
    if !repeated {
        notes.push("Where a run was not repeated (`repeat: 3`) there is no interval, and any difference may be chance.".to_owned());
    }
    let Some((_, first)) = recordings.first() else {
        return notes;
    };
    for (index, (_, other)) in recordings.iter().enumerate().skip(1) {
        let left_out =
            first.cells.len() + other.cells.len() - 2 * matching_cells(first, other).len();
        if left_out > 0 {
            notes.push(format!(
                "{left_out} cells that only one of A and {} has are left out.",
                letter(index)
            ));
        }
    }
    notes
}

/// A figure and how to read it from a repetition.
struct Spec {
    name: String,
    unit: Unit,
    read: Read,
}

type Read = Box<dyn Fn(&Repetition) -> Option<f64>>;

fn rows(recordings: &[(String, Recording)]) -> Vec<Row> {
    let Some(((_, first), others)) = recordings.split_first() else {
        return Vec::new();
    };
    let partners: Vec<Vec<(usize, usize)>> = others
        .iter()
        .map(|(_, other)| matching_cells(first, other))
        .collect();
    let specs = specs(first);
    let mut rows = Vec::new();
    for (index, cell) in first.cells.iter().enumerate() {
        let alike: Vec<Option<&CellRecord>> = others
            .iter()
            .zip(&partners)
            .map(|((_, other), pairs)| {
                let (_, theirs) = pairs.iter().find(|(mine, _)| *mine == index)?;
                other.cells.get(*theirs)
            })
            .collect();
        if alike.iter().any(Option::is_some) {
            rows.extend(specs.iter().filter_map(|spec| row(spec, cell, &alike)));
        }
    }
    rows
}

/// Nothing where the first recording has no such figure.
fn row(spec: &Spec, first: &CellRecord, others: &[Option<&CellRecord>]) -> Option<Row> {
    let of = |cell: &CellRecord| {
        let values: Vec<f64> = cell
            .repetitions
            .iter()
            .filter_map(|one| (spec.read)(one))
            .collect();
        Summary::of(&values)
    };
    let mine = of(first)?;
    let theirs: Vec<Option<Summary>> = others.iter().map(|cell| of((*cell)?)).collect();
    let change = |other: &Option<Summary>| {
        let other = other.as_ref()?;
        Some(Change {
            difference: other.mean - mine.mean,
            interval: welch::difference_interval(&mine, other, LEVEL),
        })
    };
    Some(Row {
        cell: first.label.clone(),
        figure: spec.name.clone(),
        unit: spec.unit,
        changes: theirs.iter().map(change).collect(),
        means: [Some(mine)]
            .iter()
            .chain(&theirs)
            .map(|one| Some(one.as_ref()?.mean))
            .collect(),
    })
}

fn specs(first: &Recording) -> Vec<Spec> {
    let spec = |name: String, unit, read: Read| Spec { name, unit, read };
    let mut specs = Vec::new();
    for (index, group) in first.plan.survival.groups.iter().enumerate() {
        specs.push(spec(
            format!("{} still present", group.name),
            Unit::Share,
            Box::new(move |one| one.survival.as_ref()?.groups.get(index)?.share()),
        ));
    }
    specs.push(spec(
        "LRU fidelity".to_owned(),
        Unit::Share,
        Box::new(|one| Some(one.survival.as_ref()?.fidelity)),
    ));
    specs.push(spec(
        "evicted keys".to_owned(),
        Unit::Count,
        Box::new(|one| Some(one.samples.last()?.evicted_keys as f64)),
    ));
    specs.push(spec(
        "memory, at most".to_owned(),
        Unit::Bytes,
        Box::new(|one| {
            one.samples
                .iter()
                .map(|sample| sample.used_memory_bytes as f64)
                .reduce(f64::max)
        }),
    ));
    for name in phases(first) {
        specs.extend(of_phase(name));
    }
    specs
}

/// Names of the phases that were driven, in the order in which they were first seen.
fn phases(recording: &Recording) -> Vec<&str> {
    let repetitions = recording.cells.iter().flat_map(|cell| &cell.repetitions);
    let mut names: Vec<&str> = Vec::new();
    for phase in repetitions.flat_map(|one| &one.phases) {
        if !names.contains(&phase.name.as_str()) {
            names.push(&phase.name);
        }
    }
    names
}

type OfPhase = (&'static str, Unit, fn(&PhaseRecord) -> Option<f64>);

const OF_PHASE: [OfPhase; 6] = [
    ("requests/s", Unit::Rate, |phase| {
        (phase.operations > 0).then_some(phase.throughput)
    }),
    ("hit ratio", Unit::Share, |phase| {
        let reads = phase.hits + phase.misses;
        (reads > 0).then(|| phase.hits as f64 / reads as f64)
    }),
    ("p50", Unit::Seconds, |phase| percentile(phase, "50")),
    ("p99", Unit::Seconds, |phase| percentile(phase, "99")),
    ("p99.9", Unit::Seconds, |phase| percentile(phase, "99.9")),
    ("errors", Unit::Count, |phase| {
        (phase.due > 0).then(|| phase.errors.values().sum::<u64>() as f64)
    }),
];

fn percentile(phase: &PhaseRecord, name: &str) -> Option<f64> {
    (phase.latency.count > 0).then(|| phase.latency.percentiles_s.get(name).copied())?
}

fn of_phase(name: &str) -> impl Iterator<Item = Spec> + '_ {
    OF_PHASE.iter().map(move |(figure, unit, read)| {
        let phase = name.to_owned();
        Spec {
            name: format!("{name}: {figure}"),
            unit: *unit,
            read: Box::new(move |one| read(one.phases.iter().find(|one| one.name == phase)?)),
        }
    })
}

/// The pictures of one cell.
struct Overlay {
    /// Its label in the first recording.
    cell: String,
    plots: Vec<Plot>,
}

/// Writes the page and its pictures into `folder`, cell by cell with the recordings overlaid; which files.
///
/// # Errors
/// Where a file cannot be written or a picture not be drawn.
pub fn write(
    recordings: &[(String, Recording)],
    figures: &ComparisonFigures,
    folder: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    let overlays = overlays(recordings)?;
    let mut files = Vec::new();
    for (number, overlay) in overlays.iter().enumerate() {
        for plot in &overlay.plots {
            let path = folder
                .join("plots")
                .join(format!("{}-{}.svg", number + 1, plot.name));
            files.push(write_file(&path, |out| out.write_all(plot.svg.as_bytes()))?);
        }
    }
    let page = html::page(figures, &overlays);
    files.push(write_file(&folder.join(PAGE_FILE), |out| {
        out.write_all(page.as_bytes())
    })?);
    Ok(files)
}

fn overlays(recordings: &[(String, Recording)]) -> Result<Vec<Overlay>, PlotError> {
    let letters: Vec<String> = (0..recordings.len()).map(letter).collect();
    let recorded = recordings.iter().map(|(_, one)| one);
    let named: Vec<(&str, &Recording)> = letters.iter().map(String::as_str).zip(recorded).collect();
    let cells = named
        .first()
        .map_or(&[][..], |(_, first)| first.cells.as_slice());
    let mut overlays = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        if let Some(merged) = merge(&named, index).filter(|merged| merged.cells.len() > 1) {
            overlays.push(Overlay {
                cell: cell.label.clone(),
                plots: plot::all(&merged)?,
            });
        }
    }
    Ok(overlays)
}

/// A change as it is read: in the figure's own unit for shares and counts, as a share of `before` for the rest.
fn said(row: &Row, amount: f64, before: f64) -> String {
    match row.unit {
        Unit::Share => human::change(amount).replace('%', " points"),
        Unit::Count => {
            let sign = if amount < 0.0 { "−" } else { "+" };
            if amount == 0.0 {
                "±0".to_owned()
            } else {
                format!("{sign}{}", Unit::Count.say(amount.abs()))
            }
        }
        _ if before == 0.0 => "–".to_owned(),
        // Nothing can fall by more than all of it, whatever an interval says.
        _ => human::change((amount / before).max(-1.0)),
    }
}

/// `+2.1%` and `−1% to +5%` for recording `other`, counted from 1.
fn change_and_interval(row: &Row, other: usize) -> (String, String) {
    let before = row.means.first().copied().flatten().unwrap_or(0.0);
    let Some(change) = other
        .checked_sub(1)
        .and_then(|place| row.changes.get(place))
        .copied()
        .flatten()
    else {
        return ("–".to_owned(), String::new());
    };
    let interval = change.interval.map_or(String::new(), |(low, high)| {
        format!("{} to {}", said(row, low, before), said(row, high, before))
    });
    (said(row, change.difference, before), interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::fixture::{hostile, lru_flood};

    fn compared(a: Recording, b: Recording) -> (Vec<(String, Recording)>, ComparisonFigures) {
        let recordings = vec![
            ("a/recording.json".to_owned(), a),
            ("b/recording.json".to_owned(), b),
        ];
        let figures = ComparisonFigures::of(&recordings);
        (recordings, figures)
    }

    #[test]
    fn a_recording_beside_itself_shows_no_difference() {
        let (_, figures) = compared(lru_flood(), lru_flood());
        assert!(figures.rows.len() > 100);
        for row in &figures.rows {
            let change = row.changes[0].unwrap();
            assert!(change.difference == 0.0 && !change.is_clear(), "{row:?}");
        }
    }

    #[test]
    fn what_differs_in_every_repetition_is_clear() {
        let mut b = lru_flood();
        for repetition in &mut b.cells[0].repetitions {
            repetition.phases[1].throughput *= 1.5;
        }
        let (_, figures) = compared(lru_flood(), b);
        let clear: Vec<&Row> = figures
            .rows
            .iter()
            .filter(|row| row.changes[0].is_some_and(|one| one.is_clear()))
            .collect();
        assert_eq!(clear.len(), 1);
        assert_eq!(
            (clear[0].cell.as_str(), clear[0].figure.as_str()),
            ("allkeys-lru", "read: requests/s")
        );
        assert_eq!(change_and_interval(clear[0], 1).0, "+50%");
        let plain = anstream::adapter::strip_str(&text::summary(&figures, 80)).to_string();
        assert!(
            plain.contains("read: requests/s") && plain.contains("+50%"),
            "{plain}"
        );
        assert!(
            plain.lines().all(|line| line.chars().count() <= 80),
            "{plain}"
        );
    }

    #[test]
    fn the_page_overlays_the_plots_and_lets_nothing_break_out() {
        let (recordings, figures) = compared(hostile(), hostile());
        let folder = tempfile::tempdir().unwrap();
        let files = write(&recordings, &figures, folder.path()).unwrap();
        assert!(files.len() > 3, "{files:?}");
        let page = std::fs::read_to_string(folder.path().join(PAGE_FILE)).unwrap();
        assert!(!page.contains("<script"));
        assert!(page.contains("<svg"));
    }

    #[test]
    fn the_schema_admits_what_is_printed() {
        let (_, figures) = compared(lru_flood(), hostile());
        let schema = crate::report::schema_of::<ComparisonFigures>().to_value();
        jsonschema::validate(&schema, &serde_json::to_value(figures).unwrap()).unwrap();
    }
}
