//! The pairs of an A/B in time order: how far the candidate was from the baseline in each, and the baseline from itself.

use super::canvas::{Align, Canvas, PlotError, Rect, Stroke, Text};
use super::labels::{self, Entry, Swatch};
use super::panel::{Panel, name_below};
use super::scale::{Axis, round_ticks};
use super::survival_curve::head;
use super::theme::{self, Ink};
use crate::gate::Contested;
use crate::gate::pairs::{Compared, Figures, Pair};
use crate::stats::human;

/// The most metrics in one picture; the rest are in the table.
const PANELS_MAX: usize = 4;
const HEIGHT: f64 = 96.0;
const HEAD: f64 = 26.0;
/// Half of a mark of a pair.
const RADIUS: f64 = 2.2;

/// Draws it; nothing for fewer than two pairs.
///
/// # Errors
/// Where the picture cannot be written, which would be a fault of ours.
pub fn draw(contest: &Contested) -> Result<Option<String>, PlotError> {
    if contest.pairs.len() < 2 {
        return Ok(None);
    }
    let how_to_read = format!(
        "Phase {} of {}: a mark for each pair of turns, in the order in which they were measured; orange line and band: the estimate \
         over all of them and its interval. Grey: too little to matter.",
        contest.phase, contest.cell
    );
    let (mut canvas, top) = Canvas::titled("Candidate beside baseline, pair by pair", &how_to_read);
    let top = labels::legend(&mut canvas, top, &entries());
    let mut area = Rect {
        left: theme::MARGIN + theme::AXIS_ROOM,
        top: top + HEAD,
        right: theme::WIDTH - theme::MARGIN,
        bottom: top + HEAD + HEIGHT,
    };
    let mut last = area;
    for compared in contest.decision.candidate.iter().take(PANELS_MAX) {
        draw_metric(&mut canvas, area, compared, &contest.pairs);
        last = area;
        area.top += HEIGHT + HEAD;
        area.bottom += HEIGHT + HEAD;
    }
    panel(last, 0.1, &contest.pairs).draw_x_ticks(&mut canvas);
    name_below(&mut canvas, &last, "pairs, first to last");
    canvas
        .render(last.bottom + theme::TICK_ROOM + theme::NAME_ROOM + 8.0)
        .map(Some)
}

fn entries() -> [Entry; 2] {
    let entry = |ink, name: &str| Entry {
        ink,
        swatch: Swatch::Dot,
        name: name.to_owned(),
    };
    [
        entry(Ink::Series(0), "candidate"),
        entry(Ink::Muted, "the baseline itself, a second time"),
    ]
}

fn draw_metric(canvas: &mut Canvas, area: Rect, compared: &Compared, pairs: &[Pair]) {
    let changes = |side: fn(&Pair) -> &Figures| -> Vec<Option<f64>> {
        let change = |pair| Some(compared.metric.ratio(side(pair), &pair.baseline)? - 1.0);
        pairs.iter().map(change).collect()
    };
    let (candidate, again) = (changes(|pair| &pair.candidate), changes(|pair| &pair.again));
    let panel = panel(area, reach(compared, &candidate, &again), pairs);
    let across = |low: f64, high: f64| Rect {
        top: panel.y(high),
        bottom: panel.y(low),
        ..area
    };
    canvas.rect(across(-compared.floor, compared.floor), Ink::Band, 1.0);
    panel.draw_frame(canvas);
    panel.draw_y_ticks(canvas);
    canvas.rect(
        across(compared.low, compared.high),
        Ink::Series(1),
        theme::SPREAD,
    );
    marks(canvas, &panel, &again, Ink::Muted);
    marks(canvas, &panel, &candidate, Ink::Series(0));
    let y = panel.y(compared.change);
    canvas.line(
        vec![(area.left, y), (area.right, y)],
        Stroke::new(Ink::Series(1), 1.5),
    );
    head(canvas, &area, compared.metric.name());
    let found = format!(
        "{} ({} to {})",
        human::change(compared.change),
        human::change(compared.low),
        human::change(compared.high)
    );
    let text = Text::new(
        area.right,
        area.top - 11.0,
        found,
        theme::BODY,
        Ink::Series(1),
    );
    canvas.text(text.align(Align::End));
}

/// How far from nothing the axis goes: nine of ten marks, the interval and the floor.
fn reach(compared: &Compared, candidate: &[Option<f64>], again: &[Option<f64>]) -> f64 {
    let known = candidate.iter().chain(again).flatten();
    let mut distances: Vec<f64> = known.map(|change| change.abs()).collect();
    distances.sort_by(f64::total_cmp);
    let most = distances.get(distances.len() * 9 / 10).copied();
    let ends = [compared.low.abs(), compared.high.abs(), compared.floor];
    let reach = ends.into_iter().chain(most).fold(0.0, f64::max);
    (1.2 * reach).min(10.0)
}

fn panel(area: Rect, reach: f64, pairs: &[Pair]) -> Panel {
    let count = pairs.len() as f64;
    let ticks = round_ticks(-reach, reach, 4.0).into_iter();
    Panel {
        area,
        x: Axis::across(0.0, count + 1.0, area.width(), |at| format!("{at:.0}")),
        y: Axis {
            from: -reach,
            to: reach,
            ticks: ticks.map(|at| (at, human::change(at))).collect(),
        },
    }
}

/// What is beyond the edge is drawn on it.
fn marks(canvas: &mut Canvas, panel: &Panel, changes: &[Option<f64>], ink: Ink) {
    for (number, change) in (1_u32..).zip(changes) {
        let Some(change) = change else { continue };
        let (x, y) = (panel.x(f64::from(number)), panel.y(*change));
        let mark = Rect {
            left: x - RADIUS,
            top: y - RADIUS,
            right: x + RADIUS,
            bottom: y + RADIUS,
        };
        canvas.rect(mark, ink, 0.8);
    }
}
