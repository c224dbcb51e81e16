//! The knee: what latency does as the offered rate rises, and how much of it is still answered.

use std::collections::BTreeMap;

use super::canvas::{Align, Canvas, PlotError, Rect, Stroke, Text};
use super::labels;
use super::panel::{Panel, name_below};
use super::repeated::Curve;
use super::scale::Axis;
use super::spectrum::latency_axis;
use super::theme::{self, Ink};
use crate::recording::model::{CellRecord, PhaseRecord, Recording, Repetition};
use crate::stats::human;
use crate::workload::plan::{Action, Pace, Plan, Stretch};

/// With fewer rates there is no knee to see.
const RATES_MIN: usize = 3;
/// A ramp is read at so many rates.
const STEPS_OF_A_RAMP: f64 = 16.0;
/// A server that answers this share of what is due keeps up; the rest is what is under way when a phase ends.
const KEEPS_UP: f64 = 0.98;
const LATENCY_HEIGHT: f64 = 210.0;
const ANSWERED_HEIGHT: f64 = 90.0;
const BETWEEN: f64 = 16.0;

/// What one rate came to.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// Requests that were due, and how many seconds long.
    due: f64,
    seconds: f64,
    answered: f64,
    /// The 99th percentiles, each times the requests it is of.
    p99: f64,
}

impl Seen {
    fn add(&mut self, rate: f64, seconds: f64, answered: f64, p99_s: f64) {
        self.due += rate * seconds;
        self.seconds += seconds;
        self.answered += answered;
        self.p99 += p99_s * answered;
    }

    fn rate(&self) -> f64 {
        self.due / self.seconds
    }
}

/// A cell over rising rates.
struct Line<'a> {
    name: &'a str,
    /// Logarithm of seconds.
    p99: Curve,
    /// Share of what was due.
    answered: Curve,
}

/// Draws it; nothing where fewer than three rates were offered.
///
/// # Errors
/// Where the picture cannot be written, which would be a fault of ours.
pub(super) fn draw(recording: &Recording) -> Result<Option<String>, PlotError> {
    let cells = recording.cells.iter().take(theme::SERIES);
    let lines: Vec<Line<'_>> = cells
        .filter_map(|cell| line(&recording.plan, cell))
        .collect();
    let Some((low, high)) = range(&lines) else {
        return Ok(None);
    };
    let how_to_read = format!(
        "{}: latency counts from when a request was due; it bends up where the server no longer keeps up, and what is answered falls \
         behind.{}",
        recording.plan.name,
        super::repeats(recording)
    );
    let (mut canvas, top) = Canvas::titled("Offered rate against p99", &how_to_read);
    let beside = match lines.len() {
        1 => 0.0,
        _ => labels::room_beside(lines.iter().map(|line| line.name)),
    };
    let area = |top: f64, height: f64| Rect {
        left: theme::MARGIN + theme::AXIS_ROOM,
        top,
        right: theme::WIDTH - theme::MARGIN - beside,
        bottom: top + height,
    };
    let upper = area(top + 20.0, LATENCY_HEIGHT);
    let lower = area(upper.bottom + BETWEEN, ANSWERED_HEIGHT);
    let x = Axis::across(0.0, largest_rate(&lines), upper.width(), human::short);
    let latency = Panel {
        area: upper,
        x: x.clone(),
        y: latency_axis(low, high),
    };
    let answered = Panel {
        area: lower,
        x,
        y: Axis::shares(ANSWERED_HEIGHT),
    };
    draw_panel(&mut canvas, &latency, "p99 (log)", &lines, |line| &line.p99);
    draw_panel(&mut canvas, &answered, "answered", &lines, |line| {
        &line.answered
    });
    answered.draw_x_ticks(&mut canvas);
    mark_knee(&mut canvas, &latency, &lines);
    name_ends(&mut canvas, &latency, &lines);
    name_below(&mut canvas, &lower, "requests due per second");
    canvas
        .render(lower.bottom + theme::TICK_ROOM + theme::NAME_ROOM + 8.0)
        .map(Some)
}

fn draw_panel<'a>(
    canvas: &mut Canvas,
    panel: &Panel,
    name: &str,
    lines: &'a [Line<'a>],
    curve: fn(&'a Line<'a>) -> &'a Curve,
) {
    panel.draw_frame(canvas);
    panel.draw_y_ticks(canvas);
    let middle = f64::midpoint(panel.area.top, panel.area.bottom);
    let name = Text::new(theme::MARGIN, middle, name, theme::SMALL, Ink::Text);
    canvas.text(name.align(Align::Middle).upwards());
    for (series, line) in lines.iter().enumerate() {
        let (ink, curve) = (Ink::Series(series), curve(line));
        panel.draw_spread(canvas, &curve.spread, ink);
        panel.draw_line(canvas, &curve.mean, Stroke::new(ink, theme::LINE));
        for (x, y) in &curve.mean {
            if let Some(y) = y {
                labels::marker(canvas, series, (panel.x(*x), panel.y(*y)));
            }
        }
    }
}

fn name_ends(canvas: &mut Canvas, panel: &Panel, lines: &[Line<'_>]) {
    if lines.len() > 1 {
        let ends: Vec<_> = lines
            .iter()
            .enumerate()
            .filter_map(|(series, line)| Some((series, line.p99.end()?, line.name)))
            .collect();
        labels::beside_ends(canvas, panel, &ends);
    }
}

/// The highest rate that is kept up with, where one cell is drawn and a higher one was offered.
fn mark_knee(canvas: &mut Canvas, panel: &Panel, lines: &[Line<'_>]) {
    let [line] = lines else { return };
    let keeps_up = |(_, share): &&(f64, Option<f64>)| share.is_some_and(|share| share >= KEEPS_UP);
    let kept: Vec<_> = line.answered.mean.iter().take_while(keeps_up).collect();
    let Some((rate, _)) = kept.last() else { return };
    if kept.len() == line.answered.mean.len() {
        return;
    }
    let x = panel.x(*rate);
    canvas.line(
        vec![(x, panel.area.top), (x, panel.area.bottom)],
        Stroke::new(Ink::Axis, 1.0).dashed(),
    );
    let align = if x > f64::midpoint(panel.area.left, panel.area.right) {
        Align::End
    } else {
        Align::Start
    };
    let text = format!("keeps up to {}/s", human::short(*rate));
    let text = Text::new(x, panel.area.top - 9.0, text, theme::SMALL, Ink::Muted);
    canvas.text(text.align(align));
}

/// Nothing for a cell that was offered too few rates.
fn line<'a>(plan: &Plan, cell: &'a CellRecord) -> Option<Line<'a>> {
    let mut joined: BTreeMap<Step, Vec<Seen>> = BTreeMap::new();
    for repetition in &cell.repetitions {
        for (step, seen) in steps(plan, repetition) {
            joined.entry(step).or_default().push(seen);
        }
    }
    let mut points: Vec<(f64, Vec<Seen>)> = joined
        .into_values()
        .filter_map(|seen| Some((seen.first()?.rate(), seen)))
        .filter(|(rate, _)| rate.is_finite() && *rate > 0.0)
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.dedup_by(|a, b| a.0 == b.0);
    let curve = |figure: fn(&Seen) -> f64| {
        let points = points.iter().map(|(rate, seen)| {
            let values = seen.iter().map(figure);
            (*rate, values.filter(|one| one.is_finite()).collect())
        });
        Curve::of(cell.repetitions.len(), points)
    };
    (points.len() >= RATES_MIN).then(|| Line {
        name: &cell.label,
        p99: curve(|seen| (seen.p99 / seen.answered).log10()),
        answered: curve(|seen| (seen.answered / seen.due).min(1.0)),
    })
}

/// A phase, a stretch of its profile and a part of that: what is the same in every repetition.
type Step = (usize, usize, u32);

fn steps(plan: &Plan, repetition: &Repetition) -> BTreeMap<Step, Seen> {
    let mut steps: BTreeMap<Step, Seen> = BTreeMap::new();
    for (index, phase) in repetition.phases.iter().enumerate() {
        let planned = plan.phases.iter().find(|one| one.name == phase.name);
        match planned.map(|one| &one.action) {
            Some(Action::Load(load)) => match &load.pace {
                Pace::Profile(profile) => read_profile(&mut steps, repetition, index, profile),
                _ => read_phase(&mut steps, index, phase),
            },
            _ => read_phase(&mut steps, index, phase),
        }
    }
    steps
}

fn read_phase(steps: &mut BTreeMap<Step, Seen>, index: usize, phase: &PhaseRecord) {
    let p99_s = phase.latency.percentiles_s.get("99");
    if let (Some(rate), Some(p99_s)) = (phase.offered_rate, p99_s) {
        let answered = phase.throughput * phase.elapsed_s;
        let seen = steps.entry((index, 0, 0)).or_default();
        seen.add(rate, phase.elapsed_s, answered, *p99_s);
    }
}

fn read_profile(
    steps: &mut BTreeMap<Step, Seen>,
    repetition: &Repetition,
    index: usize,
    profile: &[Stretch],
) {
    let began_s = repetition
        .phases
        .get(index)
        .map_or(0.0, |phase| phase.started_s);
    let intervals = repetition.timeline.iter();
    for interval in intervals.filter(|interval| interval.phase == index && interval.length_s > 0.0)
    {
        let moment_s = interval.at_s - began_s + interval.length_s / 2.0;
        if let Some((stretch, part, rate)) = rate_at(profile, moment_s) {
            let seen = steps.entry((index, stretch, part)).or_default();
            let answered = interval.operations as f64;
            seen.add(rate, interval.length_s, answered, interval.p99_s);
        }
    }
}

/// The stretch that a moment is in, the part of it where the rate changes, and the rate; nothing after the last.
fn rate_at(profile: &[Stretch], moment_s: f64) -> Option<(usize, u32, f64)> {
    let mut left_s = moment_s;
    for (place, stretch) in profile.iter().enumerate() {
        let length_s = stretch.length.as_secs_f64();
        if left_s < length_s {
            let share = left_s / length_s;
            let part = if stretch.from == stretch.to {
                0
            } else {
                (share * STEPS_OF_A_RAMP) as u32
            };
            return Some((
                place,
                part,
                stretch.from + share * (stretch.to - stretch.from),
            ));
        }
        left_s -= length_s;
    }
    None
}

fn largest_rate(lines: &[Line<'_>]) -> f64 {
    let ends = lines.iter().filter_map(|line| line.answered.end());
    ends.map(|(rate, _)| rate).fold(0.0, f64::max)
}

/// Lowest and highest logarithm of seconds.
fn range(lines: &[Line<'_>]) -> Option<(f64, f64)> {
    let means = lines.iter().flat_map(|line| &line.p99.mean);
    let means = means.filter_map(|(_, value)| *value);
    let spreads = lines.iter().flat_map(|line| &line.p99.spread);
    let spreads = spreads.filter_map(|(_, spread)| *spread);
    let values: Vec<f64> = means
        .chain(spreads.flat_map(|(low, high)| [low, high]))
        .filter(|value| value.is_finite())
        .collect();
    let low = values.iter().copied().reduce(f64::min)?;
    let high = values.iter().copied().reduce(f64::max)?;
    Some((low, high))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_has_the_rate_of_its_stretch() {
        let stretch = |from, to, seconds| Stretch {
            from,
            to,
            length: Duration::from_secs(seconds),
        };
        let profile = [stretch(100.0, 100.0, 2), stretch(100.0, 300.0, 4)];
        assert_eq!(rate_at(&profile, 1.0), Some((0, 0, 100.0)));
        assert_eq!(rate_at(&profile, 4.0), Some((1, 8, 200.0)));
        assert_eq!(rate_at(&profile, 6.0), None);
    }
}
