//! Errors by kind over the time under load: a row for each of the most frequent kinds.

use std::collections::BTreeMap;

use super::canvas::PlotError;
use super::rows::{self, Range, Row, Subject, short};
use super::timeline::intervals;
use crate::recording::model::{Interval, Recording};

/// Kinds with a row of their own; the others share one.
const KINDS_MAX: usize = 5;

/// Draws it; nothing where there was no error.
///
/// # Errors
/// Where the picture cannot be written, which would be a fault of ours.
pub(super) fn draw(recording: &Recording) -> Result<Option<String>, PlotError> {
    let kinds = by_frequency(recording);
    let (own, others) = match kinds.len() <= KINDS_MAX + 1 {
        true => (kinds.as_slice(), &[][..]),
        false => kinds.split_at_checked(KINDS_MAX).unwrap_or_default(),
    };
    let mut rows: Vec<Row> = own
        .iter()
        .map(|kind| row(kind, vec![kind.clone()]))
        .collect();
    if !others.is_empty() {
        rows.push(row("others", others.to_vec()));
    }
    rows::draw(
        recording,
        &Subject {
            title: "Errors by kind",
            how_to_read: "errors per second that clients met, by the first word of the reply or by what became of the connection; shades part the phases.",
            rows,
        },
    )
}

/// The kinds that there were, most frequent first.
fn by_frequency(recording: &Recording) -> Vec<String> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let repetitions = recording.cells.iter().flat_map(|cell| &cell.repetitions);
    for interval in repetitions.flat_map(|one| &one.timeline) {
        for (kind, count) in &interval.errors_by_kind {
            *counts.entry(kind).or_default() += count;
        }
    }
    let mut kinds: Vec<(&str, u64)> = counts.into_iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    kinds.iter().map(|(kind, _)| (*kind).to_owned()).collect()
}

fn row(name: &str, kinds: Vec<String>) -> Row {
    let count = move |interval: &Interval| {
        let counts = kinds.iter();
        let counts = counts.filter_map(|kind| interval.errors_by_kind.get(kind));
        (counts.sum::<u64>(), None)
    };
    Row {
        name: name.to_owned(),
        label: short,
        range: Range::Number,
        stretches: Box::new(move |one, time| intervals(one, time, &count)),
        limit: |_| None,
    }
}
