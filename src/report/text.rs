//! The summary for a terminal: tidy in 80 columns, styles as ANSI sequences for whoever prints it to keep or strip.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, Table, TableStyle};

use super::delivery;
use super::drawn;
use super::figures::{
    CellFigures, Estimate, Figures, KindFigures, LatencyFigures, LoadFigures, SpaceFigures,
};
use super::losses;
use super::nodes;
use super::spread;
use super::verified;
use crate::recording::model::{Outcome, Recording};
use crate::stats::human;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const CAUTION: Style = AnsiColor::Yellow.on_default().bold();

/// Between columns of a table.
const GAP: u16 = 2;

/// Names are not cut shorter than this.
const NAME_MIN: usize = 12;

/// The widest that prose is set; longer lines are hard to read.
const PROSE_MAX: usize = 100;

/// The summary of `recording`, of which `figures` are the figures, in lines of at most `columns`.
#[must_use]
pub fn summary(recording: &Recording, figures: &Figures, columns: usize) -> String {
    let columns = columns.max(40);
    let blocks = [
        headline(figures, columns),
        driven(recording, columns),
        survival_table(&figures.cells, columns),
        load_table(&figures.cells, columns),
        lines(&delivery::lines(&figures.cells), columns),
        lines(&verified::lines(&figures.cells), columns),
        lines(&losses::lines(&figures.cells), columns),
        lines(&nodes::lines(recording), columns),
        lines(&spread::lines(recording), columns),
        lines(&drawn::lines(&figures.cells), columns),
        expectations(figures, columns),
        warnings(figures, columns),
    ];
    blocks
        .into_iter()
        .filter(|block| !block.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// What ended the run early, the question and the answer.
fn headline(figures: &Figures, columns: usize) -> String {
    let question = if figures.question.is_empty() {
        &figures.workload
    } else {
        &figures.question
    };
    let mut lines = vec![
        format!("{BOLD}{}{BOLD:#}", plain(question)),
        prose(&figures.answer, "", columns),
    ];
    match &figures.outcome {
        Outcome::Complete => {}
        Outcome::Interrupted => lines.insert(
            0,
            format!("{CAUTION}interrupted:{CAUTION:#} what was measured before is below"),
        ),
        Outcome::Failed(why) => lines.insert(
            0,
            format!(
                "{BAD}failed:{BAD:#} {}",
                prose(why, "", columns.saturating_sub(8))
            ),
        ),
    }
    lines.join("\n")
}

/// What was driven, and from where.
fn driven(recording: &Recording, columns: usize) -> String {
    let (server, machine) = (&recording.server, &recording.machine);
    let repetitions = recording
        .cells
        .iter()
        .map(|cell| cell.repetitions.len())
        .max()
        .unwrap_or_default();
    let text = format!(
        "{}: {} {}, {} clock; seed {}; {} of {}; {}, {} cores",
        server.target,
        server.name,
        server.version,
        server.clock,
        recording.plan.seed,
        counted(recording.cells.len(), "cell"),
        counted(repetitions, "repetition"),
        machine.processor,
        machine.cores,
    );
    format!("{DIM}{}{DIM:#}", prose(&text, "", columns))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Which keys survived, a row per cell.
fn survival_table(cells: &[CellFigures], columns: usize) -> String {
    let Some(first) = cells
        .iter()
        .find(|cell| !cell.survival.is_empty() || cell.fidelity.is_some())
    else {
        return String::new();
    };
    let groups = first.survival.iter().map(|group| plain(&group.name));
    let header = ["still present".to_owned()]
        .into_iter()
        .chain(groups)
        .chain(["LRU fidelity", "evicted"].map(str::to_owned));
    let mut rows: Vec<Vec<String>> = vec![header.collect()];
    for cell in cells {
        let shares = (0..first.survival.len())
            .map(|index| percent(cell.survival.get(index).and_then(|group| group.present)));
        let rest = [percent(cell.fidelity), count(cell.evicted_keys)];
        rows.push(
            [plain(&cell.label)]
                .into_iter()
                .chain(shares)
                .chain(rest)
                .collect(),
        );
    }
    table(rows, columns)
}

/// What the load was: a row per cell, or per phase where there is one cell.
fn load_table(cells: &[CellFigures], columns: usize) -> String {
    let loads: Vec<(&str, &LoadFigures)> = match cells {
        [cell] => cell
            .phases
            .iter()
            .map(|phase| (phase.name.as_str(), phase))
            .collect(),
        _ => cells
            .iter()
            .map(|cell| (cell.label.as_str(), &cell.total))
            .collect(),
    };
    if loads.iter().all(|(_, load)| load.operations.is_none()) {
        return String::new();
    }
    let first = if cells.len() == 1 {
        "phase"
    } else {
        "all phases"
    };
    let header = [
        first,
        "requests",
        "per s",
        "hit ratio",
        "p50",
        "p99",
        "p99.9",
        "errors",
    ];
    let rows = loads.into_iter().flat_map(|(name, load)| {
        let kinds = if cells.len() == 1 {
            load.kinds.as_slice()
        } else {
            &[]
        };
        std::iter::once(load_row(name, load))
            .chain(kinds.iter().map(kind_row))
            .chain(load.spaces.iter().map(space_row))
    });
    table(
        [header.map(str::to_owned).to_vec()]
            .into_iter()
            .chain(rows)
            .collect(),
        columns,
    )
}

/// Sentences, one a line.
fn lines(lines: &[String], columns: usize) -> String {
    let set = lines.iter().map(|line| prose(line, "  ", columns));
    set.collect::<Vec<_>>().join("\n")
}

fn load_row(name: &str, load: &LoadFigures) -> Vec<String> {
    let [p50, p99, p999] = percentiles(load.latency.as_ref());
    vec![
        plain(name),
        count(load.operations),
        load.throughput
            .map_or("–".to_owned(), |rate| human::short(rate.mean)),
        percent(load.hit_ratio),
        p50,
        p99,
        p999,
        count(load.errors),
    ]
}

/// One of the operations of the phase in the row above.
fn kind_row(kind: &KindFigures) -> Vec<String> {
    let [p50, p99, p999] = percentiles(kind.latency.as_ref());
    let (name, none) = (format!("  {}", plain(&kind.name)), String::new);
    vec![
        name,
        count(kind.operations),
        none(),
        none(),
        p50,
        p99,
        p999,
        none(),
    ]
}

/// What was read of one of the key spaces, in the phase or cell above.
fn space_row(space: &SpaceFigures) -> Vec<String> {
    let mut row = vec![format!("  {}", plain(&space.name)), count(space.reads)];
    row.extend([String::new(), percent(space.hit_ratio)]);
    row.extend([const { String::new() }; 4]);
    row
}

fn percentiles(latency: Option<&LatencyFigures>) -> [String; 3] {
    let say = |seconds: fn(&LatencyFigures) -> f64| {
        latency.map_or("–".to_owned(), |one| human::seconds(seconds(one)))
    };
    [
        say(|one| one.p50_s),
        say(|one| one.p99_s),
        say(|one| one.p999_s),
    ]
}

/// A table under its header, the first row. The first column holds names; figures stand right. Where it is too wide,
/// names are cut first, then columns are left out from the last but one backwards.
pub(super) fn table(mut rows: Vec<Vec<String>>, columns: usize) -> String {
    cut_names(&mut rows, columns);
    while width(&rows) > columns && rows.first().is_some_and(|row| row.len() > 2) {
        rows.iter_mut()
            .for_each(|row| drop(row.remove(row.len() - 2)));
    }
    let mut table = Table::new();
    table
        .load_style(TableStyle::new())
        .set_content_arrangement(ContentArrangement::Disabled);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
        column.set_cell_alignment(if column.index == 0 {
            CellAlignment::Left
        } else {
            CellAlignment::Right
        });
    }
    let mut lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    if let Some(header) = lines.first_mut() {
        *header = format!("{DIM}{header}{DIM:#}");
    }
    lines.join("\n")
}

fn cut_names(rows: &mut [Vec<String>], columns: usize) {
    let excess = width(rows).saturating_sub(columns);
    let longest = rows
        .iter()
        .filter_map(|row| row.first())
        .map(|name| name.chars().count())
        .max();
    let room = longest.unwrap_or(0).saturating_sub(excess).max(NAME_MIN);
    for name in rows
        .iter_mut()
        .filter_map(|row| row.first_mut())
        .filter(|name| name.chars().count() > room)
    {
        *name = name.chars().take(room - 1).chain(['…']).collect();
    }
}

/// Columns that a table takes, the gap after its last column not counted.
fn width(rows: &[Vec<String>]) -> usize {
    let columns = rows.first().map_or(0, Vec::len);
    let widest = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|text| text.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: usize = (0..columns)
        .map(|column| widest(column) + usize::from(GAP))
        .sum();
    widths.saturating_sub(usize::from(GAP))
}

fn percent(estimate: Option<Estimate>) -> String {
    estimate.map_or("–".to_owned(), |estimate| human::percent(estimate.mean))
}

fn count(estimate: Option<Estimate>) -> String {
    estimate.map_or("–".to_owned(), |estimate| {
        human::count(estimate.mean.max(0.0).round() as u64)
    })
}

fn expectations(figures: &Figures, columns: usize) -> String {
    let mut lines = Vec::new();
    for expectation in &figures.expectations {
        let (style, mark) = if expectation.held {
            (GOOD, "✓")
        } else {
            (BAD, "✗")
        };
        let cell = if figures.cells.len() > 1 {
            format!("{}: ", expectation.cell)
        } else {
            String::new()
        };
        let text = format!("{cell}{} ({})", expectation.text, expectation.observed);
        lines.push(format!(
            "{style}{mark}{style:#} {}",
            prose(&text, "  ", columns)
        ));
    }
    lines.join("\n")
}

fn warnings(figures: &Figures, columns: usize) -> String {
    let line = |warning: &String| {
        format!(
            "{CAUTION}warning:{CAUTION:#} {}",
            prose(warning, "         ", columns)
        )
    };
    figures
        .warnings
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

/// `text` in lines of at most `columns`, the second and later ones indented; before the first there is as much room for
/// something else. A word is never broken.
#[must_use]
pub fn prose(text: &str, indent: &str, columns: usize) -> String {
    let room = columns.min(PROSE_MAX).saturating_sub(indent.len());
    let (mut set, mut used) = (String::new(), 0);
    for word in plain(text).split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            let _ = write!(set, "\n{indent}");
            used = 0;
        } else if used > 0 {
            set.push(' ');
            used += 1;
        }
        set.push_str(word);
        used += length;
    }
    set
}

/// Names come from files that others wrote: control characters could drive the terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}
