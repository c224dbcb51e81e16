//! Throughput, errors, hit ratio and evictions over the time under load.

use super::canvas::PlotError;
use super::load_time::LoadTime;
use super::rows::{self, Range, Row, Stretch, Subject, short};
use crate::recording::model::{Interval, Recording, Repetition, Sample};

/// Stretches that are shorter are the rounding of two that touch.
const MOMENT: f64 = 1e-9;

/// Draws it; nothing where no phase took time.
pub fn draw(recording: &Recording) -> Result<Option<String>, PlotError> {
    rows::draw(
        recording,
        &Subject {
            title: "Throughput, hit ratio and evictions",
            how_to_read: "what the server answered while it was under load; shades part the phases.",
            rows: vec![
                row("requests/s", Range::Number, |one, time| {
                    intervals(one, time, &|interval| (interval.operations, None))
                }),
                row("errors/s", Range::Number, errors),
                row("hit ratio", Range::Share, |one, time| {
                    intervals(one, time, &|interval| {
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
    stretches: impl Fn(&Repetition, &LoadTime) -> Vec<Stretch> + 'static,
) -> Row {
    Row {
        name: name.to_owned(),
        label: short,
        range,
        stretches: Box::new(stretches),
        limit: |_| None,
    }
}

/// A stretch per interval: a rate per second, or a share of what is given.
pub(super) fn intervals(
    repetition: &Repetition,
    time: &LoadTime,
    count: &dyn Fn(&Interval) -> (u64, Option<u64>),
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
    let intervals = repetition.timeline.iter();
    let intervals = intervals.filter(|interval| interval.length_s > 0.0);
    let is_share = intervals
        .clone()
        .any(|interval| count(interval).1.is_some());
    added(intervals.map(stretch).collect(), is_share)
}

/// Stretches of phases beside one another, added up: one after another again.
fn added(stretches: Vec<Stretch>, is_share: bool) -> Vec<Stretch> {
    let overlap = |pair: &[Stretch]| matches!(pair, [a, b] if b.from < a.to - MOMENT);
    if !stretches.windows(2).any(overlap) {
        return stretches;
    }
    let mut edges: Vec<(f64, f64, &Stretch)> = stretches
        .iter()
        .flat_map(|one| [(one.from, 1.0, one), (one.to, -1.0, one)])
        .collect();
    edges.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut value, mut of, mut under_way, mut from) = (0.0, 0.0, 0.0, 0.0);
    let mut together = Vec::new();
    for (at, sign, stretch) in edges {
        if under_way > 0.5 && at > from + MOMENT {
            together.push(Stretch {
                from,
                to: at,
                value: f64::max(value, 0.0),
                of: if is_share { f64::max(of, 0.0) } else { 1.0 },
            });
        }
        value += sign * stretch.value;
        of += sign * stretch.of;
        under_way += sign;
        from = at;
    }
    together
}

/// Errors, where there are any.
fn errors(repetition: &Repetition, time: &LoadTime) -> Vec<Stretch> {
    if repetition
        .timeline
        .iter()
        .all(|interval| interval.errors == 0)
    {
        return Vec::new();
    }
    intervals(repetition, time, &|interval| (interval.errors, None))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(from: f64, to: f64, value: f64) -> Stretch {
        Stretch {
            from,
            to,
            value,
            of: 2.0 * value,
        }
    }

    fn figures(stretches: &[Stretch]) -> Vec<(f64, f64, f64, f64)> {
        let figures = |one: &Stretch| (one.from, one.to, one.value, one.of);
        stretches.iter().map(figures).collect()
    }

    #[test]
    fn what_happens_at_the_same_time_is_added_up() {
        let streams = || {
            vec![
                stretch(0.0, 1.0, 10.0),
                stretch(1.0, 2.0, 20.0),
                stretch(0.5, 1.5, 4.0),
            ]
        };
        let shares = added(streams(), true);
        let expected = [
            (0.0, 0.5, 10.0, 20.0),
            (0.5, 1.0, 14.0, 28.0),
            (1.0, 1.5, 24.0, 48.0),
            (1.5, 2.0, 20.0, 40.0),
        ];
        assert_eq!(figures(&shares), expected);
        assert_eq!(figures(&added(streams(), false))[1], (0.5, 1.0, 14.0, 1.0));
        let alone = vec![stretch(0.0, 1.0, 3.0), stretch(1.0, 2.0, 4.0)];
        assert_eq!(figures(&added(alone, true)).len(), 2);
    }
}
