//! A figure over many recordings in time order, with the levels between its changes.

use super::PlotError;
use super::canvas::{Align, Canvas, Rect, Stroke, Text};
use super::panel::{Panel, name_below};
use super::scale::Axis;
use super::theme::{self, Ink};
use crate::stats::change_points::ChangePoint;

const HEIGHT: f64 = 300.0;
/// Half of a mark of a measurement.
const RADIUS: f64 = 2.5;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Trend<'a> {
    /// What is measured.
    pub title: &'a str,
    /// The grey line.
    pub how_to_read: &'a str,
    /// The measurements in time order.
    pub values: &'a [f64],
    /// Where the level changed.
    pub changes: &'a [ChangePoint],
}

/// Draws it, values said by `say`; nothing for fewer than two measurements.
///
/// # Errors
/// Where the picture cannot be written, which would be a fault of ours.
pub fn draw(trend: &Trend<'_>, say: impl Fn(f64) -> String) -> Result<Option<String>, PlotError> {
    let values = trend.values;
    if values.len() < 2 {
        return Ok(None);
    }
    let (mut canvas, top) = Canvas::titled(trend.title, trend.how_to_read);
    let area = Rect {
        left: theme::MARGIN + theme::AXIS_ROOM,
        top: top + 24.0,
        right: theme::WIDTH - theme::MARGIN,
        bottom: top + 24.0 + HEIGHT,
    };
    let largest = values.iter().copied().fold(0.0, f64::max);
    let panel = Panel {
        area,
        x: Axis::across(1.0, values.len() as f64, area.width(), |at| {
            format!("{at:.0}")
        }),
        y: Axis::upwards(largest, 1.0, area.height(), &say),
    };
    panel.draw_frame(&mut canvas);
    panel.draw_x_ticks(&mut canvas);
    panel.draw_y_ticks(&mut canvas);
    let curve: Vec<(f64, Option<f64>)> = values
        .iter()
        .enumerate()
        .map(|(at, value)| (number(at), Some(*value)))
        .collect();
    panel.draw_line(
        &mut canvas,
        &curve,
        Stroke::new(Ink::Series(0), 1.0).faint(0.6),
    );
    for (at, value) in values.iter().enumerate() {
        mark(&mut canvas, (panel.x(number(at)), panel.y(*value)));
    }
    levels(&mut canvas, &panel, trend, &say);
    name_below(&mut canvas, &area, "recordings, oldest first");
    canvas
        .render(area.bottom + theme::TICK_ROOM + theme::NAME_ROOM + 8.0)
        .map(Some)
}

/// Recordings are counted from 1.
fn number(index: usize) -> f64 {
    index as f64 + 1.0
}

fn mark(canvas: &mut Canvas, (x, y): (f64, f64)) {
    let square = Rect {
        left: x - RADIUS,
        top: y - RADIUS,
        right: x + RADIUS,
        bottom: y + RADIUS,
    };
    canvas.rect(square, Ink::Series(0), 1.0);
}

/// A line for each level, and at each change what it was and became.
fn levels(canvas: &mut Canvas, panel: &Panel, trend: &Trend<'_>, say: impl Fn(f64) -> String) {
    let (mut from, last) = (1.0, trend.values.len() as f64);
    for (row, change) in trend.changes.iter().enumerate() {
        let at = number(change.index) - 0.5;
        level(canvas, panel, (from, at), change.before);
        if row + 1 == trend.changes.len() {
            level(canvas, panel, (at, last), change.after);
        }
        let x = panel.x(at);
        canvas.line(
            vec![(x, panel.area.top), (x, panel.area.bottom)],
            Stroke::new(Ink::Muted, 1.0).dashed(),
        );
        let text = format!("{} → {}", say(change.before), say(change.after));
        let align = if x > f64::midpoint(panel.area.left, panel.area.right) {
            Align::End
        } else {
            Align::Start
        };
        let y = panel.area.top - 12.0 + 14.0 * (row % 3) as f64;
        canvas.text(Text::new(x, y, text, theme::SMALL, Ink::Text).align(align));
        from = at;
    }
}

fn level(canvas: &mut Canvas, panel: &Panel, (from, to): (f64, f64), value: f64) {
    let y = panel.y(value);
    canvas.line(
        vec![(panel.x(from), y), (panel.x(to), y)],
        Stroke::new(Ink::Series(1), theme::LINE),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::change_points::change_points;

    #[test]
    fn a_change_is_drawn_with_its_levels() {
        let values: Vec<f64> = (0..40)
            .map(|i| f64::from(i % 3) + if i < 20 { 100.0 } else { 150.0 })
            .collect();
        let changes = change_points(&values);
        let trend = Trend {
            title: "p99",
            how_to_read: "",
            values: &values,
            changes: &changes,
        };
        let svg = draw(&trend, |value| format!("{value:.0}"))
            .unwrap()
            .unwrap();
        assert!(svg.contains("101 → 151"), "{svg}");
        let single = Trend {
            values: &values[..1],
            changes: &[],
            ..trend
        };
        assert!(draw(&single, |value| value.to_string()).unwrap().is_none());
    }
}
