//! Latency over time: how many requests took how long at every moment, and the 99th percentile on top.

use std::collections::{BTreeMap, BTreeSet};

use super::canvas::{Canvas, PlotError, Rect, Stroke};
use super::grid::Grid;
use super::labels::{self, Entry, Swatch};
use super::load_time::LoadTime;
use super::panel::{Panel, name_below, name_beside};
use super::rows::{draw_bands, key_of_phases, time_axis};
use super::spectrum::latency_axis;
use super::survival_curve::head;
use super::theme::{self, Ink};
use crate::recording::latency::quarter_s;
use crate::recording::model::{CellRecord, Interval, Recording, Repetition};

/// Moments over the whole width; panels side by side share them.
const MOMENTS: usize = 120;
/// Beyond this, 275 s, no client waits.
const QUARTER_MAX: u16 = 4 * 38;

/// From which share of the requests of a moment on a field has which opacity.
const SHADES: [(f64, f64, &str); 4] = [
    (0.1, 0.95, "10% and more"),
    (0.01, 0.62, "1% and more"),
    (0.001, 0.36, "0.1% and more"),
    (0.0, 0.16, "fewer"),
];

/// A cell with what its requests took, moment by moment.
struct Heat<'a> {
    cell: &'a CellRecord,
    time: LoadTime,
    moments: Vec<Moment>,
}

/// What was seen in a moment, over all repetitions.
#[derive(Debug, Clone, Default)]
struct Moment {
    /// By quarter of an octave.
    counts: BTreeMap<u16, f64>,
    /// The 99th percentiles of its intervals, each times the requests in it, and these requests.
    p99: (f64, f64),
}

/// Draws it; nothing where the recording does not tell latencies over time.
///
/// # Errors
/// Where the picture cannot be written, which would be a fault of ours.
pub(super) fn draw(recording: &Recording) -> Result<Option<String>, PlotError> {
    let moments = MOMENTS / recording.cells.len().clamp(1, 3);
    let cells = recording.cells.iter();
    let heats: Vec<Heat<'_>> = cells.filter_map(|cell| heat(cell, moments)).collect();
    let Some(range) = range(&heats) else {
        return Ok(None);
    };
    let how_to_read = format!(
        "{}: the darker, the larger the share of a moment's requests that took so long; line: their 99th percentile. A stall is a column \
         that reaches up.",
        recording.plan.name
    );
    let (mut canvas, top) = Canvas::titled("Latency over time", &how_to_read);
    let top = labels::legend(&mut canvas, top, &entries());
    let times: Vec<&LoadTime> = heats.iter().map(|heat| &heat.time).collect();
    let top = top + key_of_phases(&mut canvas, top + 4.0, &times);
    let (head_room, height) = if heats.len() == 1 {
        (24.0, 260.0)
    } else {
        (44.0, 150.0)
    };
    let grid = Grid::new(heats.len(), top, head_room, height);
    for (index, heat) in heats.iter().enumerate() {
        let area = grid.area(index);
        let end = times.iter().map(|time| time.end()).fold(0.0, f64::max);
        let panel = Panel {
            area,
            x: time_axis(&heat.time, end, area.width()),
            y: latency_axis(range.0, range.1),
        };
        heat.draw(&mut canvas, &panel, grid.is_leftmost(index));
        if heats.len() > 1 {
            let above = Rect {
                top: area.top - 17.0,
                ..area
            };
            head(&mut canvas, &above, &heat.cell.label);
        }
    }
    name_below(&mut canvas, &grid.whole(), "seconds under load");
    name_beside(&mut canvas, &grid.whole(), "latency (log)");
    canvas
        .render(grid.whole().bottom + theme::TICK_ROOM + theme::NAME_ROOM + 8.0)
        .map(Some)
}

fn entries() -> Vec<Entry> {
    let shades = SHADES.map(|(_, opacity, name)| Entry::shade(opacity, name));
    let p99 = Entry {
        ink: Ink::Series(1),
        swatch: Swatch::Bare,
        name: "p99".to_owned(),
    };
    shades.into_iter().chain([p99]).collect()
}

fn heat(cell: &CellRecord, moments: usize) -> Option<Heat<'_>> {
    let time = LoadTime::of(&cell.repetitions)?;
    let mut moments = vec![Moment::default(); moments];
    for repetition in &cell.repetitions {
        for interval in &repetition.timeline {
            spread(&mut moments, &time, repetition, interval);
        }
    }
    let has_latencies = moments.iter().any(|moment| !moment.counts.is_empty());
    has_latencies.then_some(Heat {
        cell,
        time,
        moments,
    })
}

/// Gives every moment its part of an interval.
fn spread(moments: &mut [Moment], time: &LoadTime, repetition: &Repetition, interval: &Interval) {
    let width = time.end() / moments.len().max(1) as f64;
    let from = time.at(repetition, interval.at_s) / width;
    let to = time.at(repetition, interval.at_s + interval.length_s) / width;
    let (first, last) = (from.floor().max(0.0) as usize, to.ceil().max(0.0) as usize);
    let places = (0_u32..).zip(moments).take(last).skip(first);
    for (place, moment) in places {
        let (begin, end) = (f64::from(place), f64::from(place) + 1.0);
        let part = (to.min(end) - from.max(begin)) / (to - from);
        if part > 0.0 && part.is_finite() {
            moment.add(interval, part);
        }
    }
}

impl Moment {
    fn add(&mut self, interval: &Interval, part: f64) {
        let known = interval.latencies.iter();
        for (quarter, times) in known.filter(|(quarter, _)| *quarter < QUARTER_MAX) {
            *self.counts.entry(*quarter).or_default() += *times as f64 * part;
        }
        let weight = interval.operations as f64 * part;
        if interval.p99_s > 0.0 {
            self.p99.0 += interval.p99_s * weight;
            self.p99.1 += weight;
        }
    }

    fn total(&self) -> f64 {
        self.counts.values().sum()
    }

    /// Place in [`SHADES`] of a quarter; none where nothing took so long.
    fn shade(&self, quarter: u16) -> Option<usize> {
        let share = self.counts.get(&quarter)? / self.total();
        SHADES.iter().position(|(least, _, _)| share >= *least)
    }
}

impl Heat<'_> {
    fn draw(&self, canvas: &mut Canvas, panel: &Panel, is_leftmost: bool) {
        draw_bands(canvas, panel, &self.time, true);
        panel.draw_frame(canvas);
        panel.draw_x_ticks(canvas);
        if is_leftmost {
            panel.draw_y_ticks(canvas);
        }
        let quarters: BTreeSet<u16> = self
            .moments
            .iter()
            .flat_map(|moment| moment.counts.keys().copied())
            .collect();
        for quarter in quarters {
            self.draw_quarter(canvas, panel, quarter);
        }
        panel.draw_line(canvas, &self.p99(), Stroke::new(Ink::Series(1), 1.5));
    }

    /// Neighbours of one shade are one field.
    fn draw_quarter(&self, canvas: &mut Canvas, panel: &Panel, quarter: u16) {
        let shades: Vec<(usize, Option<usize>)> = self
            .moments
            .iter()
            .map(|moment| moment.shade(quarter))
            .enumerate()
            .collect();
        for run in shades.chunk_by(|a, b| a.1 == b.1) {
            let (Some((first, Some(shade))), Some((last, _))) = (run.first(), run.last()) else {
                continue;
            };
            let field = Rect {
                left: panel.x(self.begin(*first)),
                right: panel.x(self.begin(last + 1)),
                top: panel.y(quarter_s(quarter + 1).log10()),
                bottom: panel.y(quarter_s(quarter).log10()),
            };
            let opacity = SHADES.get(*shade).map_or(0.0, |(_, opacity, _)| *opacity);
            canvas.rect(field, Ink::Series(0), opacity);
        }
    }

    fn p99(&self) -> Vec<(f64, Option<f64>)> {
        let point = |(place, moment): (usize, &Moment)| {
            let (sum, weight) = moment.p99;
            let middle = f64::midpoint(self.begin(place), self.begin(place + 1));
            (middle, (weight > 0.0).then(|| (sum / weight).log10()))
        };
        self.moments.iter().enumerate().map(point).collect()
    }

    /// When a moment begins, drawn seconds.
    fn begin(&self, moment: usize) -> f64 {
        self.time.end() * moment as f64 / self.moments.len().max(1) as f64
    }
}

/// Lowest and highest logarithm of seconds; nothing where there is none.
fn range(heats: &[Heat<'_>]) -> Option<(f64, f64)> {
    let quarters = || {
        let moments = heats.iter().flat_map(|heat| &heat.moments);
        moments.flat_map(|moment| moment.counts.keys().copied())
    };
    let (low, high) = (quarters().min()?, quarters().max()?);
    Some((quarter_s(low).log10(), quarter_s(high + 1).log10()))
}
