//! A panel: two axes over a rectangle, and what is drawn on them.

use super::canvas::{Align, Canvas, Rect, Stroke, Text};
use super::scale::Axis;
use super::theme::{self, Ink};

/// Two axes over a rectangle.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Panel {
    pub(super) area: Rect,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Panel {
    /// Where a value of the horizontal axis is, pixels, within the panel.
    pub(super) fn x(&self, value: f64) -> f64 {
        self.area.left + share(&self.x, value) * self.area.width()
    }

    /// Where a value of the vertical axis is, pixels, within the panel.
    pub(super) fn y(&self, value: f64) -> f64 {
        self.area.bottom - share(&self.y, value) * self.area.height()
    }

    /// Grid and axes.
    pub(super) fn draw_frame(&self, canvas: &mut Canvas) {
        let Rect {
            left,
            top,
            right,
            bottom,
        } = self.area;
        for (at, _) in &self.x.ticks {
            canvas.line(
                vec![(self.x(*at), top), (self.x(*at), bottom)],
                Stroke::new(Ink::Grid, 1.0),
            );
        }
        for (at, _) in &self.y.ticks {
            canvas.line(
                vec![(left, self.y(*at)), (right, self.y(*at))],
                Stroke::new(Ink::Grid, 1.0),
            );
        }
        canvas.line(
            vec![(left, bottom), (right, bottom)],
            Stroke::new(Ink::Axis, 1.0),
        );
    }

    /// Labels below the panel.
    pub(super) fn draw_x_ticks(&self, canvas: &mut Canvas) {
        for (at, label) in &self.x.ticks {
            let text = Text::new(
                self.x(*at),
                self.area.bottom + 11.0,
                label.as_str(),
                theme::SMALL,
                Ink::Muted,
            );
            canvas.text(text.align(Align::Middle));
        }
    }

    /// Labels left of the panel.
    pub(super) fn draw_y_ticks(&self, canvas: &mut Canvas) {
        for (at, label) in &self.y.ticks {
            let text = Text::new(
                self.area.left - 6.0,
                self.y(*at),
                label.as_str(),
                theme::SMALL,
                Ink::Muted,
            );
            canvas.text(text.align(Align::End));
        }
    }

    /// A line through values, interrupted where there is none.
    pub(super) fn draw_line(
        &self,
        canvas: &mut Canvas,
        values: &[(f64, Option<f64>)],
        stroke: Stroke,
    ) {
        for run in runs(values) {
            canvas.line(
                run.iter().map(|(x, y)| (self.x(*x), self.y(*y))).collect(),
                stroke,
            );
        }
    }

    /// The band between the smallest and the largest of repeated values.
    pub(super) fn draw_spread(
        &self,
        canvas: &mut Canvas,
        values: &[(f64, Option<(f64, f64)>)],
        ink: Ink,
    ) {
        for run in runs(values) {
            let low = run.iter().map(|(x, (low, _))| (self.x(*x), self.y(*low)));
            let high = run
                .iter()
                .rev()
                .map(|(x, (_, high))| (self.x(*x), self.y(*high)));
            canvas.area(low.chain(high).collect(), ink, theme::SPREAD);
        }
    }
}

/// The name of horizontal axes, centred below `area` and the labels of its ticks.
pub(super) fn name_below(canvas: &mut Canvas, area: &Rect, name: &str) {
    let middle = f64::midpoint(area.left, area.right);
    let text = Text::new(
        middle,
        area.bottom + theme::TICK_ROOM + 12.0,
        name,
        theme::BODY,
        Ink::Text,
    );
    canvas.text(text.align(Align::Middle));
}

/// The name of vertical axes, at the edge of the picture, centred on `area`.
pub(super) fn name_beside(canvas: &mut Canvas, area: &Rect, name: &str) {
    let middle = f64::midpoint(area.top, area.bottom);
    canvas.text(
        Text::new(theme::MARGIN + 2.0, middle, name, theme::BODY, Ink::Text)
            .align(Align::Middle)
            .upwards(),
    );
}

/// Where a value is between the ends of an axis, 0 to 1. What is no number is at the begin.
fn share(axis: &Axis, value: f64) -> f64 {
    let share = (value - axis.from) / (axis.to - axis.from);
    if share.is_finite() {
        share.clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// The stretches of values that are there.
fn runs<T: Copy>(values: &[(f64, Option<T>)]) -> Vec<Vec<(f64, T)>> {
    let mut runs = vec![Vec::new()];
    for (x, value) in values {
        match (value, runs.last_mut()) {
            (Some(value), Some(run)) => run.push((*x, *value)),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs
}
