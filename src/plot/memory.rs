//! What the server held: memory against its limit, and keys.

use super::canvas::PlotError;
use super::load_time::LoadTime;
use super::rows::{self, Range, Row, Stretch, Subject, between, short};
use crate::recording::model::{CellRecord, Recording, Repetition, Sample};
use crate::stats::human;

/// Draws it; nothing where the server was never sampled.
pub fn draw(recording: &Recording) -> Result<Option<String>, PlotError> {
    rows::draw(
        recording,
        &Subject {
            title: "Memory and keys",
            how_to_read: "what the server held while it was under load; dashed: the limit of its memory, maxmemory.",
            rows: vec![
                Row {
                    name: "used memory".to_owned(),
                    label: human::bytes,
                    range: Range::Bytes,
                    stretches: Box::new(used_memory),
                    limit: maxmemory,
                },
                Row {
                    name: "keys".to_owned(),
                    label: short,
                    range: Range::Number,
                    stretches: Box::new(keys),
                    limit: |_| None,
                },
            ],
        },
    )
}

fn maxmemory(cell: &CellRecord) -> Option<(f64, &'static str)> {
    let limits = cell
        .repetitions
        .iter()
        .map(|repetition| repetition.maxmemory_bytes);
    limits
        .max()
        .filter(|limit| *limit > 0)
        .map(|limit| (limit as f64, "maxmemory"))
}

fn used_memory(repetition: &Repetition, time: &LoadTime) -> Vec<Stretch> {
    sampled(repetition, time, |sample| sample.used_memory_bytes)
}

fn keys(repetition: &Repetition, time: &LoadTime) -> Vec<Stretch> {
    sampled(repetition, time, |sample| sample.keys)
}

fn sampled(repetition: &Repetition, time: &LoadTime, value: fn(&Sample) -> u64) -> Vec<Stretch> {
    let point = |sample: &Sample| (time.at(repetition, sample.at_s), value(sample) as f64);
    between(&repetition.samples.iter().map(point).collect::<Vec<_>>())
}
