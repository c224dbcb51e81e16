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

/// The names of a repetition's events, each beside its line, and below another's where there is no room.
pub(super) fn name(canvas: &mut Canvas, panel: &Panel, time: &LoadTime, repetition: &Repetition) {
    let mut ends: Vec<f64> = Vec::new();
    for event in &repetition.events {
        let name = name_of(event);
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
        let y = panel.area.top + 9.0 + line as f64 * LINE;
        canvas.text(Text::new(begin, y, name, theme::SMALL, Ink::Text));
    }
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
