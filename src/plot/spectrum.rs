//! Latency by percentile: a panel per phase, a line per cell; x = 1/(1-p), logarithmic.

use hdrhistogram::Histogram;

use super::canvas::{Canvas, PlotError, Stroke};
use super::grid::Grid;
use super::labels::{self, Entry, Swatch};
use super::panel::{Panel, name_below, name_beside};
use super::repeated::Curve;
use super::scale::Axis;
use super::survival_curve::head;
use super::theme::{self, Ink};
use crate::recording::model::{CellRecord, Recording};
use crate::stats::{human, pool};

/// With more cells than this the bands of their repetitions cover one another.
const BANDS_MAX: usize = 3;

/// Points per decade of rarity.
const POINTS: u32 = 40;

struct PhaseLines<'a> {
    name: &'a str,
    /// Series, and its curve: decades of rarity against the logarithm of seconds.
    lines: Vec<(usize, Curve)>,
}

/// Draws it; nothing where no request was answered.
pub fn draw(recording: &Recording) -> Result<Option<String>, PlotError> {
    let phases: Vec<PhaseLines<'_>> = phase_names(recording)
        .into_iter()
        .map(|name| phase_lines(recording, name))
        .filter(|phase| !phase.lines.is_empty())
        .collect();
    let Some(range) = range(&phases) else {
        return Ok(None);
    };
    let (mut canvas, top) = Canvas::titled("Latency by percentile", &how_to_read(recording));
    let top = if recording.cells.len() > 1 {
        labels::legend(&mut canvas, top, &entries(recording))
    } else {
        top
    };
    let (head_room, height) = if phases.len() == 1 {
        (24.0, 300.0)
    } else {
        (30.0, 190.0)
    };
    let grid = Grid::new(phases.len(), top, head_room, height);
    for (index, phase) in phases.iter().enumerate() {
        let area = grid.area(index);
        let panel = Panel {
            area,
            x: rarity_axis(range.0, area.width()),
            y: latency_axis(range.1, range.2),
        };
        draw_phase(&mut canvas, &panel, phase, grid.is_leftmost(index));
    }
    name_below(
        &mut canvas,
        &grid.whole(),
        "percentile of requests (log of 1/(1-p))",
    );
    name_beside(&mut canvas, &grid.whole(), "latency (log)");
    canvas
        .render(grid.whole().bottom + theme::TICK_ROOM + theme::NAME_ROOM + 8.0)
        .map(Some)
}

fn how_to_read(recording: &Recording) -> String {
    let loads = recording
        .cells
        .iter()
        .flat_map(|cell| &cell.repetitions)
        .flat_map(|one| &one.phases);
    let open = loads
        .clone()
        .filter(|phase| phase.offered_rate.is_some())
        .count();
    let clock = match (open, loads.count() - open) {
        (0, _) => "closed loop: latency counts from the send",
        (_, 0) => "open loop: latency counts from the due time",
        _ => "latency counts from the due time where there is a rate, else from the send",
    };
    let repeats = match (
        super::is_repeated(recording),
        recording.cells.len() <= BANDS_MAX,
    ) {
        (false, _) => "",
        (true, false) => " Lines pool the repetitions.",
        (true, true) => " Lines pool the repetitions; bands span the single ones.",
    };
    format!(
        "{}: {clock}. Each step to the right is ten times rarer.{repeats}",
        recording.plan.name
    )
}

fn entries(recording: &Recording) -> Vec<Entry> {
    let entry = |(series, cell): (usize, &CellRecord)| Entry {
        ink: Ink::Series(series),
        swatch: Swatch::Line(series),
        name: cell.label.clone(),
    };
    recording
        .cells
        .iter()
        .enumerate()
        .take(theme::SERIES)
        .map(entry)
        .collect()
}

/// Names of phases in the order in which they were first seen.
fn phase_names(recording: &Recording) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for phase in recording
        .cells
        .iter()
        .flat_map(|cell| &cell.repetitions)
        .flat_map(|one| &one.phases)
    {
        if !names.contains(&phase.name.as_str()) {
            names.push(&phase.name);
        }
    }
    names
}

fn phase_lines<'a>(recording: &Recording, name: &'a str) -> PhaseLines<'a> {
    let cells = recording.cells.iter().enumerate().take(theme::SERIES);
    PhaseLines {
        name,
        lines: cells
            .filter_map(|(series, cell)| Some((series, curve(cell, name)?)))
            .collect(),
    }
}

/// The pooled histogram as the line, the single ones as the band. A damaged histogram is left out.
fn curve(cell: &CellRecord, name: &str) -> Option<Curve> {
    let phases = cell
        .repetitions
        .iter()
        .flat_map(|one| &one.phases)
        .filter(|phase| phase.name == name);
    let single: Vec<Histogram<u64>> = phases
        .filter_map(|phase| phase.latency.histogram().ok())
        .filter(|one| !one.is_empty())
        .collect();
    let pooled = pool(single.iter().cloned())?;
    let decades = decades_of(&pooled);
    let points = (decades * f64::from(POINTS)).ceil().max(1.0) as u32;
    let places: Vec<f64> = (0..=points)
        .map(|i| decades * f64::from(i) / f64::from(points))
        .collect();
    let mean = places
        .iter()
        .map(|place| (*place, Some(at(&pooled, *place))))
        .collect();
    let band = |place: &f64| {
        let known = single
            .iter()
            .filter(|one| decades_of(one) >= *place - 1e-9)
            .map(|one| at(one, *place));
        let (low, high) = known.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        (*place, (low <= high).then_some((low, high)))
    };
    let spread = if single.len() > 1 {
        places.iter().map(band).collect()
    } else {
        Vec::new()
    };
    Some(Curve { mean, spread })
}

/// How rare the rarest of the values is: one in `10^decades`.
fn decades_of(histogram: &Histogram<u64>) -> f64 {
    (histogram.len() as f64).log10()
}

/// Logarithm of the seconds that one in `10^decades` values exceeds.
fn at(histogram: &Histogram<u64>, decades: f64) -> f64 {
    let nanoseconds = histogram
        .value_at_quantile(1.0 - 10_f64.powf(-decades))
        .max(1);
    (nanoseconds as f64 * 1e-9).log10()
}

/// Decades of rarity, lowest and highest logarithm of seconds.
fn range(phases: &[PhaseLines<'_>]) -> Option<(f64, f64, f64)> {
    let curves = || {
        phases
            .iter()
            .flat_map(|phase| &phase.lines)
            .map(|(_, curve)| curve)
    };
    let decades = curves()
        .filter_map(|curve| curve.end())
        .map(|(x, _)| x)
        .fold(0.0, f64::max);
    let values = curves()
        .flat_map(|curve| &curve.mean)
        .filter_map(|(_, value)| *value);
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    (low <= high).then_some((decades.max(1.0), low, high))
}

/// 0%, 90%, 99%, … as far as there are values, with half of all in between where there is room.
fn rarity_axis(decades: f64, room: f64) -> Axis {
    let label = |nines: u32| match nines {
        0 => "0%".to_owned(),
        1 => "90%".to_owned(),
        2 => "99%".to_owned(),
        more => format!("99.{}%", "9".repeat(more as usize - 2)),
    };
    let step = if room / decades < 46.0 { 2 } else { 1 };
    let ticks = (0..=decades.floor().min(15.0) as u32).step_by(step);
    Axis {
        from: 0.0,
        to: decades,
        ticks: ticks
            .map(|nines| (f64::from(nines), label(nines)))
            .collect(),
    }
}

/// Whole decades around the values, each with its unit, and 2 and 5 between where there are few.
pub(super) fn latency_axis(low: f64, high: f64) -> Axis {
    let (from, to) = (low - 0.05, (high + 0.05).max(low + 0.5));
    let factors: &[f64] = if to - from < 2.2 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    // A label in the very corner would run into that of the other axis.
    let lowest = from + 0.02 * (to - from);
    let mut ticks = Vec::new();
    for decade in from.floor().max(-12.0) as i32..=to.ceil().min(12.0) as i32 {
        for factor in factors {
            let at = f64::from(decade) + factor.log10();
            if at >= lowest && at <= to {
                ticks.push((at, human::seconds(factor * 10_f64.powi(decade))));
            }
        }
    }
    Axis { from, to, ticks }
}

fn draw_phase(canvas: &mut Canvas, panel: &Panel, phase: &PhaseLines<'_>, is_leftmost: bool) {
    panel.draw_frame(canvas);
    panel.draw_x_ticks(canvas);
    if is_leftmost {
        panel.draw_y_ticks(canvas);
    }
    head(canvas, &panel.area, phase.name);
    let shown = if phase.lines.len() <= BANDS_MAX {
        phase.lines.as_slice()
    } else {
        &[]
    };
    for (series, curve) in shown {
        panel.draw_spread(canvas, &curve.spread, Ink::Series(*series));
    }
    for (series, curve) in &phase.lines {
        panel.draw_line(
            canvas,
            &curve.mean,
            Stroke::new(Ink::Series(*series), theme::LINE),
        );
        if phase.lines.len() > 1 {
            labels::markers(canvas, panel, *series, &curve.mean);
        }
    }
}
