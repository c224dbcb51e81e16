//! Survival against a rank: a line per cell, all cells in one panel where they can be told apart, else a panel each.

use super::canvas::{Align, Canvas, PlotError, Rect, Stroke, Text};
use super::grid::Grid;
use super::labels;
use super::measure;
use super::panel::{Panel, name_below, name_beside};
use super::repeated::{Curve, shares};
use super::scale::Axis;
use super::theme::{self, Ink};
use crate::recording::model::{Bucket, Recording, SurvivalRecord};
use crate::stats::human;

const HEIGHT: f64 = 330.0;
const SMALL_HEIGHT: f64 = 130.0;
const HEAD: f64 = 24.0;

/// What is drawn.
pub(super) struct Subject {
    pub(super) title: &'static str,
    pub(super) how_to_read: String,
    pub(super) x_name: &'static str,
    pub(super) order: fn(&SurvivalRecord) -> &[Bucket],
    /// A rank worth a line of its own, with what it is.
    pub(super) mark: Option<(f64, String)>,
}

struct Line<'a> {
    name: &'a str,
    curve: Curve,
    end: u64,
}

/// Draws `subject`; nothing where no cell was probed.
pub(super) fn draw(recording: &Recording, subject: &Subject) -> Result<Option<String>, PlotError> {
    let lines: Vec<Line<'_>> = recording
        .cells
        .iter()
        .filter_map(|cell| line(cell, subject))
        .collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let (canvas, top) = Canvas::titled(subject.title, &subject.how_to_read);
    if lines.len() <= theme::SERIES {
        together(canvas, top, subject, &lines)
    } else {
        apart(canvas, top, subject, &lines)
    }
    .map(Some)
}

fn line<'a>(cell: &'a crate::recording::model::CellRecord, subject: &Subject) -> Option<Line<'a>> {
    let shares = shares(cell, subject.order);
    let end = shares.iter().map(|share| share.ranks.1).max()?;
    // A stair per bucket: what is known of it holds from its first rank to its last.
    let stair = |share: super::repeated::Share| {
        [
            (share.ranks.0 as f64, share.present.clone()),
            (share.ranks.1 as f64, share.present),
        ]
    };
    let points = shares.into_iter().flat_map(stair);
    Some(Line {
        name: &cell.label,
        curve: Curve::of(cell.repetitions.len(), points),
        end,
    })
}

fn together(
    mut canvas: Canvas,
    top: f64,
    subject: &Subject,
    lines: &[Line<'_>],
) -> Result<String, PlotError> {
    let beside = labels::room_beside(lines.iter().map(|line| line.name));
    let left = theme::MARGIN + theme::AXIS_ROOM;
    let top = top + if subject.mark.is_some() { 18.0 } else { 6.0 };
    let area = Rect {
        left,
        top,
        right: theme::WIDTH - theme::MARGIN - beside,
        bottom: top + HEIGHT,
    };
    let panel = panel(area, lines);
    panel.draw_frame(&mut canvas);
    panel.draw_x_ticks(&mut canvas);
    panel.draw_y_ticks(&mut canvas);
    draw_mark(&mut canvas, &panel, subject);
    for (series, line) in lines.iter().enumerate() {
        panel.draw_spread(&mut canvas, &line.curve.spread, Ink::Series(series));
    }
    for (series, line) in lines.iter().enumerate() {
        panel.draw_line(
            &mut canvas,
            &line.curve.mean,
            Stroke::new(Ink::Series(series), theme::LINE),
        );
        if lines.len() > 1 {
            labels::markers(&mut canvas, &panel, series, &line.curve.mean);
        }
    }
    let ends: Vec<_> = lines
        .iter()
        .enumerate()
        .filter_map(|(series, line)| Some((series, line.curve.end()?, line.name)))
        .collect();
    labels::beside_ends(&mut canvas, &panel, &ends);
    finish(canvas, &panel.area, subject)
}

fn apart(
    mut canvas: Canvas,
    top: f64,
    subject: &Subject,
    lines: &[Line<'_>],
) -> Result<String, PlotError> {
    let grid = Grid::new(lines.len(), top, HEAD, SMALL_HEIGHT);
    for (index, line) in lines.iter().enumerate() {
        let mut panel = panel(grid.area(index), lines);
        panel.y = Axis::shares(SMALL_HEIGHT);
        panel.draw_frame(&mut canvas);
        panel.draw_x_ticks(&mut canvas);
        if grid.is_leftmost(index) {
            panel.draw_y_ticks(&mut canvas);
        }
        head(&mut canvas, &panel.area, line.name);
        panel.draw_spread(&mut canvas, &line.curve.spread, Ink::Series(0));
        panel.draw_line(
            &mut canvas,
            &line.curve.mean,
            Stroke::new(Ink::Series(0), theme::LINE),
        );
    }
    finish(canvas, &grid.whole(), subject)
}

/// The name of a small panel, above it.
pub(super) fn head(canvas: &mut Canvas, area: &Rect, name: &str) {
    let name = measure::fit(name, theme::BODY * 1.1, area.width());
    canvas.text(Text::new(area.left, area.top - 11.0, name, theme::BODY, Ink::Text).bold());
}

fn panel(area: Rect, lines: &[Line<'_>]) -> Panel {
    let end = lines.iter().map(|line| line.end).max().unwrap_or(1) as f64;
    Panel {
        area,
        x: Axis::across(0.0, end, area.width(), human::short),
        y: Axis::shares(area.height()),
    }
}

fn draw_mark(canvas: &mut Canvas, panel: &Panel, subject: &Subject) {
    if let Some((rank, what)) = &subject.mark {
        let x = panel.x(*rank);
        canvas.line(
            vec![(x, panel.area.top), (x, panel.area.bottom)],
            Stroke::new(Ink::Axis, 1.0).dashed(),
        );
        canvas.text(
            Text::new(
                x,
                panel.area.top - 10.0,
                what.as_str(),
                theme::SMALL,
                Ink::Muted,
            )
            .align(Align::Middle),
        );
    }
}

fn finish(mut canvas: Canvas, area: &Rect, subject: &Subject) -> Result<String, PlotError> {
    name_below(&mut canvas, area, subject.x_name);
    name_beside(&mut canvas, area, "share still present");
    canvas.render(area.bottom + theme::TICK_ROOM + theme::NAME_ROOM + 8.0)
}
