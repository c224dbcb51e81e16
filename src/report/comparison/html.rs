//! A comparison as a page: one file that needs nothing else.

use maud::{Markup, PreEscaped, html};

use super::{Compared, ComparisonFigures, Overlay, Row, change_and_interval};
use crate::report::html::{document, told, when};

/// The page of `figures`: cell by cell its figures, and its pictures with the recordings overlaid.
pub(super) fn page(figures: &ComparisonFigures, overlays: &[Overlay]) -> String {
    let title = if figures.question.is_empty() {
        &figures.workload
    } else {
        &figures.question
    };
    let body = html! {
        p.name { (figures.workload) ", " (figures.recordings.len()) " recordings" }
        h1 { (title) }
        div.card {
            @for one in &figures.recordings { (compared(one)) }
            @for note in &figures.notes { p.caption { (told(note)) } }
        }
        @for rows in figures.rows.chunk_by(|a, b| a.cell == b.cell) { (cell(figures, overlays, rows)) }
        footer { "Made by cachebench " (env!("CARGO_PKG_VERSION")) " from recordings alone; this page needs no network." }
    };
    document(
        &format!("{} compared – cachebench", figures.workload),
        &body,
    )
}

fn compared(one: &Compared) -> Markup {
    html! {
        p { b { (one.letter) } " " (one.server) ", " (when(&one.started_at)) " " code { (one.path) } }
        @if !one.differences.is_empty() {
            ul { @for difference in &one.differences {
                li { (difference.aspect.name()) ": " (difference.what) " " code { (difference.other) } ", not " code { (difference.first) } }
            } }
        }
    }
}

fn cell(figures: &ComparisonFigures, overlays: &[Overlay], rows: &[Row]) -> Markup {
    let label = rows.first().map_or("", |row| row.cell.as_str());
    let plots = overlays.iter().find(|overlay| overlay.cell == label);
    html! {
        h2 { (label) }
        (table(figures, rows))
        @for plot in plots.iter().flat_map(|overlay| &overlay.plots) {
            figure { div.scroll { (PreEscaped(&plot.svg)) } }
        }
    }
}

fn table(figures: &ComparisonFigures, rows: &[Row]) -> Markup {
    let others = 1..figures.recordings.len();
    html! {
        div.card { div.scroll { table {
            thead { tr {
                th scope="col" { "mean of repetitions" }
                th scope="col" { "A" }
                @for one in figures.recordings.iter().skip(1) {
                    th scope="col" { (one.letter) }
                    th scope="col" { (one.letter) " beside A" }
                }
            } }
            tbody { @for row in rows { tr {
                th scope="row" { (row.figure) }
                td { (mean(row, 0)) }
                @for other in others.clone() {
                    td { (mean(row, other)) }
                    (change(row, other))
                }
            } } }
        } } }
    }
}

/// What is clear is bold; an interval without width says nothing.
fn change(row: &Row, other: usize) -> Markup {
    let (change, interval) = change_and_interval(row, other);
    let found = row.changes.get(other - 1).copied().flatten();
    let is_wide = found
        .and_then(|one| one.interval)
        .is_some_and(|(low, high)| low < high);
    html! {
        td {
            @if found.is_some_and(|one| one.is_clear()) { b { (change) } } @else { (change) }
            @if is_wide { small { (interval) } }
        }
    }
}

fn mean(row: &Row, index: usize) -> String {
    let mean = row.means.get(index).copied().flatten();
    mean.map_or("–".to_owned(), |mean| row.unit.say(mean))
}
