//! Throughput, hit ratio and evictions over the time under load.

use super::canvas::PlotError;
use super::load_time::LoadTime;
use super::rows::{self, Range, Row, Stretch, Subject, short};
use crate::recording::model::{Interval, Recording, Repetition, Sample};

/// Draws it; nothing where no phase took time.
pub fn draw(recording: &Recording) -> Result<Option<String>, PlotError> {
    rows::draw(
        recording,
        &Subject {
            title: "Throughput, hit ratio and evictions",
            how_to_read: "what the server answered while it was under load; shades part the phases.",
            rows: vec![
                row("requests/s", Range::Number, |one, time| {
                    intervals(one, time, |interval| (interval.operations, None))
                }),
                row("hit ratio", Range::Share, |one, time| {
                    intervals(one, time, |interval| {
                        (interval.hits, Some(interval.hits + interval.misses))
                    })
                }),
                row("evictions/s", Range::Number, evictions),
            ],
        },
    )
}

fn row(
    name: &'static str,
    range: Range,
    stretches: fn(&Repetition, &LoadTime) -> Vec<Stretch>,
) -> Row {
    Row {
        name,
        label: short,
        range,
        stretches,
        limit: |_| None,
    }
}

/// A stretch per interval: a rate per second, or a share of what is given.
fn intervals(
    repetition: &Repetition,
    time: &LoadTime,
    count: fn(&Interval) -> (u64, Option<u64>),
) -> Vec<Stretch> {
    let stretch = |interval: &Interval| {
        let (from, to) = (
            time.at(repetition, interval.at_s),
            time.at(repetition, interval.at_s + interval.length_s),
        );
        let (value, of) = count(interval);
        let rate = |count: u64| count as f64 / interval.length_s;
        Stretch {
            from,
            to,
            value: rate(value),
            of: of.map_or(1.0, rate),
        }
    };
    repetition
        .timeline
        .iter()
        .filter(|interval| interval.length_s > 0.0)
        .map(stretch)
        .collect()
}

/// A stretch per pair of samples of the server.
fn evictions(repetition: &Repetition, time: &LoadTime) -> Vec<Stretch> {
    let stretch = |(a, b): (&Sample, &Sample)| {
        let rate = b.evicted_keys.saturating_sub(a.evicted_keys) as f64 / (b.at_s - a.at_s);
        Stretch {
            from: time.at(repetition, a.at_s),
            to: time.at(repetition, b.at_s),
            value: rate,
            of: 1.0,
        }
    };
    let pairs = repetition
        .samples
        .iter()
        .zip(repetition.samples.iter().skip(1));
    pairs
        .filter(|(a, b)| b.at_s > a.at_s)
        .map(stretch)
        .filter(|stretch| stretch.to > stretch.from)
        .collect()
}
