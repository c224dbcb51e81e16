//! A comparison as a page: one file that needs nothing else.

use maud::{Markup, html};

use super::{Compared, ComparisonFigures, Row, change_and_interval};
use crate::plot::Plot;
use crate::report::html::{document, pictures};

/// The page of `figures`, with the recordings overlaid in `plots`.
pub(super) fn page(figures: &ComparisonFigures, plots: &[Plot]) -> String {
    let title = if figures.question.is_empty() {
        &figures.workload
    } else {
        &figures.question
    };
    let body = html! {
        p.name { (figures.workload) ", " (figures.recordings.len()) " recordings" }
        h1 { (title) }
        div.card { @for one in &figures.recordings { (compared(one)) } }
        @for note in &figures.notes { p.caption { (note) } }
        h2 { "Figure by figure" }
        @for rows in figures.rows.chunk_by(|a, b| a.cell == b.cell) { (table(figures, rows)) }
        h2 { "Overlaid" }
        (pictures(plots))
        footer { "Made by cachebench " (env!("CARGO_PKG_VERSION")) " from recordings alone; this page needs no network." }
    };
    document(
        &format!("{} compared – cachebench", figures.workload),
        &body,
    )
}

fn compared(one: &Compared) -> Markup {
    html! {
        p { b { (one.letter) } " " (one.server) ", " (one.started_at) " " code { (one.path) } }
        @if !one.differences.is_empty() {
            ul { @for difference in &one.differences {
                li { (difference.aspect.name()) ": " (difference.what) " " code { (difference.other) } ", not " code { (difference.first) } }
            } }
        }
    }
}

fn table(figures: &ComparisonFigures, rows: &[Row]) -> Markup {
    let others = 1..figures.recordings.len();
    html! {
        div.card { div.scroll { table {
            thead { tr {
                th scope="col" { (rows.first().map_or("", |row| row.cell.as_str())) }
                @for one in &figures.recordings { th scope="col" { (one.letter) @if one.letter != "A" { " beside A" } } }
            } }
            tbody { @for row in rows { tr {
                th scope="row" { (row.figure) }
                td { (mean(row, 0)) }
                @for other in others.clone() { (cell(row, other)) }
            } } }
        } } }
    }
}

fn cell(row: &Row, other: usize) -> Markup {
    let (change, interval) = change_and_interval(row, other);
    let clear = row
        .changes
        .get(other - 1)
        .copied()
        .flatten()
        .is_some_and(|one| one.is_clear());
    html! {
        td {
            (mean(row, other)) " "
            @if clear { b { (change) } } @else { (change) }
            @if !interval.is_empty() { small { (interval) } }
        }
    }
}

fn mean(row: &Row, index: usize) -> String {
    row.means
        .get(index)
        .copied()
        .flatten()
        .map_or("–".to_owned(), |mean| row.unit.say(mean))
}
