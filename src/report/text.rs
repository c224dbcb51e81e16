//! The summary for a terminal: tidy in 80 columns, styles as ANSI sequences for whoever prints it to keep or strip.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, Table, TableStyle};

use super::figures::{CellFigures, Estimate, Figures, LoadFigures};
use crate::recording::model::{Outcome, Recording};
use crate::stats::human;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CAUTION: Style = AnsiColor::Yellow.on_default().bold();

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
    let mut table = table(columns);
    let groups = first.survival.iter().map(|group| group.name.as_str());
    header(
        &mut table,
        ["still present"]
            .into_iter()
            .chain(groups)
            .chain(["LRU fidelity", "evicted"]),
    );
    for cell in cells {
        let shares = cell.survival.iter().map(|group| percent(group.present));
        let shares: Vec<String> = if cell.survival.is_empty() {
            vec!["–".to_owned(); first.survival.len()]
        } else {
            shares.collect()
        };
        let rest = [percent(cell.fidelity), count(cell.evicted_keys)];
        table.add_row([cell.label.clone()].into_iter().chain(shares).chain(rest));
    }
    finish(table)
}

/// What the load was: a row per cell, or per phase where there is one cell.
fn load_table(cells: &[CellFigures], columns: usize) -> String {
    let rows: Vec<(&str, &LoadFigures)> = match cells {
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
    if rows.iter().all(|(_, load)| load.operations.is_none()) {
        return String::new();
    }
    let mut table = table(columns);
    let first = if cells.len() == 1 {
        "phase"
    } else {
        "all phases"
    };
    header(
        &mut table,
        [
            first,
            "requests",
            "per second",
            "hit ratio",
            "p50",
            "p99",
            "p99.9",
            "errors",
        ],
    );
    for (name, load) in rows {
        let latency = |get: fn(&super::figures::LatencyFigures) -> f64| {
            load.latency
                .as_ref()
                .map_or("–".to_owned(), |one| human::seconds(get(one)))
        };
        table.add_row([
            name.to_owned(),
            count(load.operations),
            load.throughput
                .map_or("–".to_owned(), |rate| human::short(rate.mean)),
            percent(load.hit_ratio),
            latency(|one| one.p50_s),
            latency(|one| one.p99_s),
            latency(|one| one.p999_s),
            human::count(load.error_count()),
        ]);
    }
    finish(table)
}

fn table(columns: usize) -> Table {
    let mut table = Table::new();
    table
        .load_style(TableStyle::new())
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(columns).unwrap_or(u16::MAX));
    table
}

/// The first column is a name; the others are figures, and stand right.
fn header<'a>(table: &mut Table, names: impl IntoIterator<Item = &'a str>) {
    table.set_header(names.into_iter().map(str::to_owned).collect::<Vec<_>>());
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
        if column.index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// The table, its header underlined by being dim.
fn finish(table: Table) -> String {
    let mut lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    if let Some(header) = lines.first_mut() {
        *header = format!("{DIM}{header}{DIM:#}");
    }
    lines.join("\n")
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
            prose(&text, "  ", columns.saturating_sub(2))
        ));
    }
    lines.join("\n")
}

fn warnings(figures: &Figures, columns: usize) -> String {
    let line = |warning: &String| {
        format!(
            "{CAUTION}warning:{CAUTION:#} {}",
            prose(warning, "         ", columns.saturating_sub(9))
        )
    };
    figures
        .warnings
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

/// `text` in lines of at most `columns`, the second and later ones indented. A word is never broken.
fn prose(text: &str, indent: &str, columns: usize) -> String {
    let (mut set, mut used) = (String::new(), 0);
    for word in plain(text).split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > columns.min(PROSE_MAX) {
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
fn plain(text: &str) -> String {
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
