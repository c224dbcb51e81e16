//! What was done to the nodes of a cluster, drawn into a row over time.

use super::canvas::{Canvas, Rect, Stroke, Text};
use super::load_time::LoadTime;
use super::measure;
use super::panel::Panel;
use super::theme::{self, Ink};
use crate::recording::model::{EventRecord, Repetition};
use crate::stats::human;

/// Height of a line of names.
const LINE: f64 = 12.0;
/// Height of the names of phases above a panel.
const PHASE_NAMES: f64 = 18.0;
/// From an event's line to its name, and from that to the next line.
const SPACE: f64 = 4.0;
/// What lasts is shaded from its begin to its end, so lightly that curves are seen through it.
const SHADE: f64 = 0.09;

/// A line at each event of a repetition, and one at its end where it lasted.
pub(super) fn draw(canvas: &mut Canvas, panel: &Panel, time: &LoadTime, repetition: &Repetition) {
    let x = |moment_s| panel.x(time.at(repetition, moment_s));
    for event in &repetition.events {
        let (left, right) = (x(event.at_s), event.ended_s.map(x));
        if let Some(right) = right {
            let during = Rect {
                left,
                right,
                ..panel.area
            };
            canvas.rect(during, Ink::Text, SHADE);
        }
        for edge in [Some(left), right].into_iter().flatten() {
            canvas.line(
                vec![(edge, panel.area.top), (edge, panel.area.bottom)],
                Stroke::new(Ink::Text, 1.0).dashed(),
            );
        }
    }
}

/// Room that the names of a repetition's events take above a panel, pixels.
pub(super) fn room(panel: &Panel, time: &LoadTime, repetition: &Repetition) -> f64 {
    let lines = places(panel, time, repetition).into_iter();
    lines
        .map(|(_, line, _)| (line + 1) as f64 * LINE)
        .fold(0.0, f64::max)
}

/// The names of a repetition's events above a panel and the names of its phases, in the room that they take.
pub(super) fn name_above(
    canvas: &mut Canvas,
    panel: &Panel,
    time: &LoadTime,
    repetition: &Repetition,
) {
    let area = Rect {
        top: panel.area.top - PHASE_NAMES - room(panel, time, repetition),
        ..panel.area
    };
    let above = Panel {
        area,
        ..panel.clone()
    };
    name(canvas, &above, time, repetition);
}

/// The names of a repetition's events, each beside its line, and below another's where there is no room.
pub(super) fn name(canvas: &mut Canvas, panel: &Panel, time: &LoadTime, repetition: &Repetition) {
    for (x, line, name) in places(panel, time, repetition) {
        let y = panel.area.top + 9.0 + line as f64 * LINE;
        canvas.text(Text::new(x, y, name, theme::SMALL, Ink::Text));
    }
}

/// Where each name begins, in which line, and as much of it as fits.
fn places(panel: &Panel, time: &LoadTime, repetition: &Repetition) -> Vec<(f64, usize, String)> {
    let (mut ends, mut places): (Vec<f64>, Vec<(f64, usize, String)>) = (Vec::new(), Vec::new());
    for event in &repetition.events {
        let name = measure::fit(&name_of(event), theme::SMALL, panel.area.width());
        let begin = panel.x(time.at(repetition, event.at_s)) + SPACE;
        // A name that would leave the picture stands before its line.
        let width = measure::width(&name, theme::SMALL);
        let is_cut = begin + width > panel.area.right;
        let begin = if is_cut {
            (begin - 2.0 * SPACE - width).max(panel.area.left)
        } else {
            begin
        };
        let free = ends.iter().position(|end| *end <= begin);
        let line = free.unwrap_or(ends.len());
        ends.resize(ends.len().max(line + 1), 0.0);
        if let Some(end) = ends.get_mut(line) {
            *end = begin + width + SPACE;
        }
        places.push((begin, line, name));
    }
    places
}

/// What was done, and how long it took.
fn name_of(event: &EventRecord) -> String {
    let mut name = event.what.clone();
    if let Some(ended_s) = event.ended_s {
        let took = human::seconds(ended_s - event.at_s);
        name = format!("{name} ({took})");
    }
    if event.failure.is_some() {
        name.push_str(": failed");
    }
    name
}
