//! Survival by insertion order: who was evicted, a panel per cell, with the groups of the workload in their colours.

use super::canvas::{Align, Canvas, PlotError, Rect, Stroke, Text};
use super::grid::Grid;
use super::labels::{self, Entry, Swatch};
use super::measure;
use super::panel::{Panel, name_below, name_beside};
use super::repeated::{Share, shares};
use super::scale::Axis;
use super::survival_curve::head;
use super::theme::{self, Ink};
use crate::recording::model::{CellRecord, GroupSurvival, Recording};
use crate::stats::{Summary, human};
use crate::workload::plan::Group;

/// Above a panel: its name and the shares of its groups.
const HEAD: f64 = 44.0;
/// Whiskers closer than this are a grey mass.
const WHISKER_ROOM: f64 = 5.0;

/// Draws it; nothing where no cell was probed.
pub fn draw(recording: &Recording) -> Result<Option<String>, PlotError> {
    let cells: Vec<(&CellRecord, Vec<Share>)> = recording
        .cells
        .iter()
        .map(|cell| (cell, shares(cell, |survival| &survival.by_insertion)))
        .filter(|(_, shares)| !shares.is_empty())
        .collect();
    if cells.is_empty() {
        return Ok(None);
    }
    let groups = &recording.plan.survival.groups;
    let (mut canvas, top) = Canvas::titled("Survival by insertion order", &how_to_read(recording));
    let top = labels::legend(&mut canvas, top, &entries(groups));
    let grid = Grid::new(
        cells.len(),
        top,
        HEAD,
        if cells.len() == 1 { 240.0 } else { 120.0 },
    );
    let end = cells
        .iter()
        .flat_map(|(_, shares)| shares)
        .map(|share| share.ranks.1)
        .max()
        .unwrap_or(1);
    for (index, (cell, shares)) in cells.iter().enumerate() {
        let panel = panel(grid.area(index), end);
        draw_cell(&mut canvas, &panel, groups, cell, shares);
        if grid.is_leftmost(index) {
            panel.draw_y_ticks(&mut canvas);
        }
    }
    name_below(&mut canvas, &grid.whole(), "keys in order of insertion");
    name_beside(&mut canvas, &grid.whole(), "share of the keys");
    canvas
        .render(grid.whole().bottom + theme::TICK_ROOM + theme::NAME_ROOM + 8.0)
        .map(Some)
}

fn how_to_read(recording: &Recording) -> String {
    let whiskers = if super::is_repeated(recording) {
        " Bars: mean of the repetitions; thin lines: from the smallest to the largest."
    } else {
        ""
    };
    format!(
        "{}: each bar is a stretch of keys; colour: still present, grey: evicted, blank: not written or refused.{whiskers}",
        recording.plan.name,
    )
}

fn entries(groups: &[Group]) -> Vec<Entry> {
    let entry = |(series, group): (usize, &Group)| Entry {
        ink: Ink::Series(series),
        swatch: Swatch::Square,
        name: format!(
            "{} (keys {} to {})",
            group.name,
            human::count(group.keys.start),
            human::count(group.keys.end.saturating_sub(1))
        ),
    };
    let evicted = Entry {
        ink: Ink::Grid,
        swatch: Swatch::Square,
        name: "evicted".to_owned(),
    };
    groups
        .iter()
        .enumerate()
        .map(entry)
        .chain([evicted])
        .collect()
}

fn panel(area: Rect, end: u64) -> Panel {
    Panel {
        area,
        x: Axis::across(0.0, end as f64, area.width(), human::short),
        y: Axis::shares(area.height()),
    }
}

fn draw_cell(
    canvas: &mut Canvas,
    panel: &Panel,
    groups: &[Group],
    cell: &CellRecord,
    shares: &[Share],
) {
    panel.draw_frame(canvas);
    panel.draw_x_ticks(canvas);
    let area = panel.area;
    head(
        canvas,
        &Rect {
            top: area.top - 17.0,
            ..area
        },
        &cell.label,
    );
    draw_group_shares(canvas, &area, groups, cell);
    for share in shares {
        draw_bar(canvas, panel, groups, share);
    }
    draw_unwritten(canvas, panel, shares);
}

/// From the bottom: what is present, what was evicted, and nothing where nothing was written.
fn draw_bar(canvas: &mut Canvas, panel: &Panel, groups: &[Group], share: &Share) {
    let (Some(written), Some(present)) = (
        Summary::of(&share.written).filter(|written| written.mean > 0.0),
        Summary::of(&share.present),
    ) else {
        return;
    };
    let (left, right) = (panel.x(share.ranks.0 as f64), panel.x(share.ranks.1 as f64));
    // A hair's breadth between bars, where they are wide enough for one.
    let right = if right - left > 4.0 {
        right - 1.0
    } else {
        right
    };
    let (top, bottom) = (panel.y(present.mean), panel.area.bottom);
    canvas.rect(
        Rect {
            left,
            top: panel.y(written.mean),
            right,
            bottom: top,
        },
        Ink::Grid,
        1.0,
    );
    canvas.rect(
        Rect {
            left,
            top,
            right,
            bottom,
        },
        ink(groups, share),
        1.0,
    );
    if right - left >= WHISKER_ROOM && present.max > present.min {
        let middle = f64::midpoint(left, right);
        canvas.line(
            vec![
                (middle, panel.y(present.min)),
                (middle, panel.y(present.max)),
            ],
            Stroke::new(Ink::Text, 1.0),
        );
    }
}

/// The colour of the first group that the middle of the stretch is in.
fn ink(groups: &[Group], share: &Share) -> Ink {
    let middle = u64::midpoint(share.ranks.0, share.ranks.1);
    let group = groups.iter().position(|group| group.keys.contains(&middle));
    group.map_or(
        if groups.is_empty() {
            Ink::Series(0)
        } else {
            Ink::Muted
        },
        Ink::Series,
    )
}

/// Under the name of a panel: the share of each group, in its colour, as many as have room.
fn draw_group_shares(canvas: &mut Canvas, area: &Rect, groups: &[Group], cell: &CellRecord) {
    let mut x = area.left;
    for (series, group) in groups.iter().enumerate() {
        let text = format!(
            "{} {}",
            measure::fit(&group.name, theme::SMALL, 90.0),
            share_of(cell, group)
        );
        let end = x + measure::width(&text, theme::SMALL);
        if end > area.right {
            break;
        }
        canvas.text(
            Text::new(x, area.top - 9.0, text, theme::SMALL, Ink::Series(series))
                .align(Align::Start),
        );
        x = end + 8.0;
    }
}

fn share_of(cell: &CellRecord, group: &Group) -> String {
    let survivals = cell
        .repetitions
        .iter()
        .filter_map(|repetition| repetition.survival.as_ref());
    let groups = survivals
        .flat_map(|survival| &survival.groups)
        .filter(|one| one.name == group.name);
    let shares: Vec<f64> = groups.filter_map(GroupSurvival::share).collect();
    Summary::of(&shares).map_or_else(
        || "–".to_owned(),
        |summary| format!("{:.0}%", summary.mean * 100.0),
    )
}

/// Says so where the last keys were never written, as under a policy that refuses instead of evicting.
fn draw_unwritten(canvas: &mut Canvas, panel: &Panel, shares: &[Share]) {
    const NOTE: &str = "not written";
    let is_written =
        |share: &&Share| Summary::of(&share.written).is_some_and(|written| written.mean > 0.1);
    let last = shares
        .iter()
        .filter(is_written)
        .map(|share| share.ranks.1)
        .max()
        .unwrap_or(0);
    let (left, right) = (panel.x(last as f64), panel.area.right);
    if right - left > measure::width(NOTE, theme::SMALL) + 8.0 {
        let at = (
            f64::midpoint(left, right),
            f64::midpoint(panel.area.top, panel.area.bottom) - 9.0,
        );
        canvas.text(Text::new(at.0, at.1, NOTE, theme::SMALL, Ink::Muted).align(Align::Middle));
    }
}
