//! The time under load: phases one after another, the pauses between them shortened to a strip.
//!
//! Repetitions of a phase that counts requests last a little longer or shorter. So that they can be drawn over one
//! another, time within a phase is stretched to the phase's mean length; a phase of a fixed length keeps it.

use crate::recording::model::Repetition;
use crate::stats::Summary;

/// The most that a pause takes of the whole.
const PAUSE_SHARE: f64 = 0.015;

/// A stretch of the drawn time that belongs to a phase, seconds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Band {
    pub(super) name: String,
    pub(super) from: f64,
    pub(super) to: f64,
    /// Seconds under load before it.
    pub(super) load_before: f64,
}

/// How the times of a cell's repetitions are drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LoadTime {
    pub(super) bands: Vec<Band>,
}

impl LoadTime {
    /// The mean schedule of `repetitions`; nothing where none came to a phase that took time.
    pub(super) fn of(repetitions: &[Repetition]) -> Option<Self> {
        let all: Vec<Vec<Span>> = repetitions.iter().map(spans).collect();
        let longest = all.iter().max_by_key(|spans| spans.len())?;
        let mean = |get: &dyn Fn(&[Span]) -> Option<f64>| {
            let values: Vec<f64> = all.iter().filter_map(|spans| get(spans)).collect();
            Summary::of(&values).map_or(0.0, |summary| summary.mean.max(0.0))
        };
        let lengths: Vec<f64> = (0..longest.len())
            .map(|i| mean(&|spans| spans.get(i).map(|span| span.to - span.from)))
            .collect();
        let total: f64 = lengths.iter().sum();
        let mut bands: Vec<Band> = Vec::new();
        let mut load_before = 0.0;
        for ((i, length), span) in lengths.into_iter().enumerate().zip(longest) {
            let pause = mean(&|spans| pause_before(spans, i)).min(total * PAUSE_SHARE);
            let from = bands.last().map_or(0.0, |band| band.to + pause);
            bands.push(Band {
                name: span.name.clone(),
                from,
                to: from + length,
                load_before,
            });
            load_before += length;
        }
        (total > 0.0).then_some(Self { bands })
    }

    /// Where the drawn time ends.
    pub(super) fn end(&self) -> f64 {
        self.bands.last().map_or(0.0, |band| band.to)
    }

    /// Seconds under load, all phases together.
    pub(super) fn load(&self) -> f64 {
        self.bands
            .last()
            .map_or(0.0, |band| band.load_before + band.to - band.from)
    }

    /// Where a moment of a repetition is drawn.
    pub(super) fn at(&self, repetition: &Repetition, moment_s: f64) -> f64 {
        let (mut real, mut drawn) = (0.0, 0.0);
        for (span, band) in spans(repetition).iter().zip(&self.bands) {
            for (next_real, next_drawn) in [(span.from, band.from), (span.to, band.to)] {
                if moment_s <= next_real {
                    let share = if next_real > real {
                        (moment_s - real) / (next_real - real)
                    } else {
                        1.0
                    };
                    return drawn + share.clamp(0.0, 1.0) * (next_drawn - drawn);
                }
                (real, drawn) = (next_real, next_drawn);
            }
        }
        drawn
    }

    /// Where a number of seconds under load is drawn.
    pub(super) fn at_load(&self, load_s: f64) -> f64 {
        let band = self
            .bands
            .iter()
            .rev()
            .find(|band| band.load_before <= load_s)
            .or(self.bands.first());
        band.map_or(0.0, |band| {
            (band.from + load_s - band.load_before).min(band.to)
        })
    }
}

/// A stretch of a repetition's time that phases fill: one, or several beside one another.
struct Span {
    name: String,
    from: f64,
    to: f64,
}

fn spans(repetition: &Repetition) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for phase in &repetition.phases {
        let (from, to) = (phase.started_s, phase.started_s + phase.elapsed_s);
        match spans.last_mut().filter(|last| from < last.to) {
            Some(last) => {
                last.name = format!("{} + {}", last.name, phase.name);
                last.to = last.to.max(to);
            }
            None => spans.push(Span {
                name: phase.name.clone(),
                from,
                to,
            }),
        }
    }
    spans
}

fn pause_before(spans: &[Span], span: usize) -> Option<f64> {
    let before = spans.get(span.checked_sub(1)?)?;
    Some(spans.get(span)?.from - before.to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::fixture;

    /// The fixture's phases last 0.12, 0.03 and 0.15 s with pauses of more than a second between.
    #[test]
    fn pauses_shrink_and_phases_keep_their_length() {
        let recording = fixture::lru_flood();
        let repetitions = &recording.cells[0].repetitions;
        let time = LoadTime::of(repetitions).unwrap();
        assert!((time.load() - 0.3).abs() < 1e-12);
        assert!((time.end() - 0.3 * (1.0 + 2.0 * PAUSE_SHARE)).abs() < 1e-12);
        let one = &repetitions[0];
        assert!((time.at(one, 0.06) - 0.06).abs() < 1e-12);
        assert!((time.at(one, 2.6 + 0.15) - time.end()).abs() < 1e-12);
        assert!((time.at(one, 99.0) - time.end()).abs() < 1e-12);
        assert!((time.at_load(0.13) - (0.13 + 0.3 * PAUSE_SHARE)).abs() < 1e-12);
    }

    #[test]
    fn without_phases_there_is_no_time() {
        assert_eq!(LoadTime::of(&[]), None);
    }
}
