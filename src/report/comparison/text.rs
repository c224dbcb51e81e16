//! A comparison for a terminal.

use super::{Compared, ComparisonFigures, Row, change_and_interval};
use crate::report::text::{BOLD, CAUTION, DIM, plain, prose, table};

/// With more rows than this, only those that differ are shown.
const ROWS_MAX: usize = 30;

/// What `figures` say, in lines of at most `columns`.
#[must_use]
pub fn summary(figures: &ComparisonFigures, columns: usize) -> String {
    let columns = columns.max(40);
    let question = if figures.question.is_empty() {
        &figures.workload
    } else {
        &figures.question
    };
    let mut blocks = vec![format!("{BOLD}{}{BOLD:#}", plain(question))];
    blocks.push(
        figures
            .recordings
            .iter()
            .map(|one| compared(one, columns))
            .collect::<Vec<_>>()
            .join("\n"),
    );
    for other in 1..figures.recordings.len() {
        blocks.push(beside(figures, other, columns));
    }
    let notes = figures
        .notes
        .iter()
        .map(|note| format!("{DIM}{}{DIM:#}", prose(note, "", columns)));
    blocks.push(notes.collect::<Vec<_>>().join("\n"));
    blocks.join("\n\n")
}

fn compared(one: &Compared, columns: usize) -> String {
    let head = format!(
        "{}  {}: {}, {}",
        one.letter, one.path, one.server, one.started_at
    );
    let mut lines = vec![prose(&head, "   ", columns)];
    for difference in &one.differences {
        let aspect = difference.aspect.name();
        let text = format!(
            "{aspect}: {} {}, not {}",
            difference.what, difference.other, difference.first
        );
        let text = prose(&text, "     ", columns);
        let mark = if difference.aspect.forbids() {
            CAUTION
        } else {
            DIM
        };
        lines.push(format!("   {mark}{text}{mark:#}"));
    }
    lines.join("\n")
}

fn beside(figures: &ComparisonFigures, other: usize, columns: usize) -> String {
    let differs = |row: &&Row| {
        row.changes
            .get(other - 1)
            .copied()
            .flatten()
            .is_some_and(|one| one.is_clear())
    };
    let all = figures.rows.len();
    let shown: Vec<&Row> = if all > ROWS_MAX {
        figures.rows.iter().filter(differs).collect()
    } else {
        figures.rows.iter().collect()
    };
    let letter = figures
        .recordings
        .get(other)
        .map_or("", |one| one.letter.as_str());
    let mut blocks = Vec::new();
    for rows in shown.chunk_by(|a, b| a.cell == b.cell) {
        let cell = rows.first().map_or("", |row| row.cell.as_str());
        let header = ["A", letter, "interval", "change"].map(str::to_owned);
        let mut lines = vec![[&[plain(cell)][..], &header].concat()];
        lines.extend(rows.iter().map(|row| cells(row, other)));
        blocks.push(table(lines, columns));
    }
    if shown.len() < all {
        let rest = format!(
            "{} figures that do not clearly differ are left out here; the page has them",
            all - shown.len()
        );
        blocks.push(prose(&rest, "", columns));
    }
    blocks.join("\n\n")
}

fn cells(row: &Row, other: usize) -> Vec<String> {
    let mean = |index: usize| {
        row.means
            .get(index)
            .copied()
            .flatten()
            .map_or("–".to_owned(), |mean| row.unit.say(mean))
    };
    let (change, interval) = change_and_interval(row, other);
    vec![plain(&row.figure), mean(0), mean(other), interval, change]
}
