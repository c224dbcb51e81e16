//! Requests per second of every node of a cluster over time: a row each, all of one scale.

use super::canvas::{Align, Canvas, PlotError, Rect, Stroke, Text};
use super::events;
use super::labels::{self, Entry, Swatch};
use super::load_time::LoadTime;
use super::measure;
use super::owners::{self, Stretch};
use super::panel::{Panel, name_below};
use super::rows::{draw_bands, key_of_phases_in, short, time_axis};
use super::scale::Axis;
use super::theme::{self, Ink};
use crate::recording::model::{CellRecord, ClusterLoad, ClusterSlice, Recording, Repetition};
use crate::stats::human;

/// What masters and replicas are drawn in.
const MASTER: Ink = Ink::Series(0);
const REPLICA: Ink = Ink::Series(2);

const ROW: f64 = 46.0;
const ROW_GAP: f64 = 14.0;
/// Right of the rows, for the names of the nodes and their shares.
const NAME_ROOM: f64 = 112.0;
/// Above the first row: the names of the phases.
const HEAD: f64 = 20.0;
/// Rates above what all but a tenth of the time stays below are cut off, where they are so many times higher.
const PEAK: f64 = 4.0;
/// Cells, and nodes of each, that are drawn.
const CELLS_MAX: usize = 6;
const NODES_MAX: usize = 16;

/// The load of the first repetition of a cell.
struct Block<'a> {
    cell: &'a CellRecord,
    repetition: &'a Repetition,
    load: &'a ClusterLoad,
    time: LoadTime,
    masters: Vec<Stretch>,
}

/// Draws it; nothing where no cluster was driven.
///
/// # Errors
/// Where the picture cannot be written, which would be a fault of ours.
pub(super) fn draw(recording: &Recording) -> Result<Option<String>, PlotError> {
    let cells = recording.cells.iter().filter_map(block);
    let blocks: Vec<Block<'_>> = cells.take(CELLS_MAX).collect();
    let Some((most, cut)) = scale(&blocks) else {
        return Ok(None);
    };
    let how_to_read = format!(
        "{}: requests per second that were sent to each node, those sent on to another included; right: its share of all.{cut}{}",
        recording.plan.name,
        super::of_the_first(recording)
    );
    let (mut canvas, top) = Canvas::titled("Load of the nodes", &how_to_read);
    let mut top = labels::legend(&mut canvas, top, &entries(&blocks));
    let times: Vec<&LoadTime> = blocks.iter().map(|block| &block.time).collect();
    let width = theme::WIDTH - 2.0 * theme::MARGIN - theme::AXIS_ROOM - NAME_ROOM;
    top += key_of_phases_in(&mut canvas, top + 4.0, &times, width);
    for block in &blocks {
        top = block.draw(&mut canvas, top, most, blocks.len() > 1);
    }
    canvas.render(top).map(Some)
}

fn entries(blocks: &[Block<'_>]) -> Vec<Entry> {
    let entry = |ink, name: &str| Entry {
        ink,
        swatch: Swatch::Shade(0.6),
        name: name.to_owned(),
    };
    let has_replicas = blocks.iter().any(|block| {
        let nodes = 0..block.load.nodes.len();
        nodes.into_iter().any(|node| {
            let parts = block.parts(node);
            parts.iter().any(|(is_master, _)| !is_master)
        })
    });
    let replica = has_replicas.then(|| entry(REPLICA, "while it was a replica"));
    [entry(MASTER, "while it was a master")]
        .into_iter()
        .chain(replica)
        .collect()
}

fn block(cell: &CellRecord) -> Option<Block<'_>> {
    let repetition = cell.repetitions.first()?;
    let load = repetition.cluster.as_ref()?;
    Some(Block {
        cell,
        repetition,
        load,
        time: LoadTime::of(&cell.repetitions)?,
        masters: owners::stretches(load),
    })
}

/// The rate that rows reach up to, and what is to be said where higher ones are cut off; nothing where there was no load.
fn scale(blocks: &[Block<'_>]) -> Option<(f64, String)> {
    let mut peaks: Vec<(f64, f64)> = blocks.iter().flat_map(Block::peaks).collect();
    peaks.sort_by(|a, b| a.0.total_cmp(&b.0));
    let most = peaks.last().map(|peak| peak.0).filter(|most| *most > 0.0)?;
    let all: f64 = peaks.iter().map(|peak| peak.1).sum();
    let mut below = 0.0;
    let usual = peaks.iter().find(|peak| {
        below += peak.1;
        below >= 0.9 * all
    });
    match usual.map(|peak| peak.0).filter(|usual| *usual > 0.0) {
        Some(usual) if usual * PEAK < most => Some((
            usual * 1.5,
            format!(" Peaks are cut off: the highest is {}/s.", short(most)),
        )),
        _ => Some((most, String::new())),
    }
}

fn rate(slice: &ClusterSlice, node: usize) -> f64 {
    let requests = slice.requests.get(node).copied().unwrap_or_default();
    if slice.length_s > 0.0 {
        requests as f64 / slice.length_s
    } else {
        0.0
    }
}

impl Block<'_> {
    /// The largest rate of any node in each slice, and how long that is.
    fn peaks(&self) -> impl Iterator<Item = (f64, f64)> {
        let slices = self.load.slices.iter();
        slices.map(|slice| {
            let rates = (0..self.load.nodes.len()).map(|node| rate(slice, node));
            (rates.fold(0.0, f64::max), slice.length_s)
        })
    }

    fn requests(&self, node: usize) -> u64 {
        let slices = self.load.slices.iter();
        slices.filter_map(|slice| slice.requests.get(node)).sum()
    }

    /// Nodes that were sent anything, in their order.
    fn nodes(&self) -> impl Iterator<Item = usize> {
        let nodes = 0..self.load.nodes.len();
        nodes
            .filter(|node| self.requests(*node) > 0)
            .take(NODES_MAX)
    }

    /// Draws it from `top` on; returns where it ends.
    fn draw(&self, canvas: &mut Canvas, top: f64, most: f64, is_one_of_several: bool) -> f64 {
        let left = theme::MARGIN + theme::AXIS_ROOM;
        let right = theme::WIDTH - theme::MARGIN - NAME_ROOM;
        let mut top = top;
        if is_one_of_several {
            let name = measure::fit(&self.cell.label, theme::BODY, right - left);
            let text = Text::new(left, top + 10.0, name, theme::BODY, Ink::Text);
            canvas.text(text.bold());
            top += 18.0;
        }
        let x = time_axis(&self.time, self.time.end(), right - left);
        let panel_at = |top: f64| Panel {
            area: Rect {
                left,
                top,
                right,
                bottom: top + ROW,
            },
            x: x.clone(),
            y: Axis::upwards(most, 1.0, ROW, short),
        };
        top += events::room(&panel_at(top), &self.time, self.repetition) + HEAD;
        events::name_above(canvas, &panel_at(top), &self.time, self.repetition);
        let nodes: Vec<usize> = self.nodes().collect();
        for (place, node) in nodes.iter().enumerate() {
            let panel = panel_at(top + place as f64 * (ROW + ROW_GAP));
            draw_bands(canvas, &panel, &self.time, place == 0);
            panel.draw_frame(canvas);
            panel.draw_y_ticks(canvas);
            self.draw_node(canvas, &panel, *node);
            events::draw(canvas, &panel, &self.time, self.repetition);
            self.name_node(canvas, &panel.area, *node);
            if place + 1 == nodes.len() {
                panel.draw_x_ticks(canvas);
            }
        }
        let bottom = top + nodes.len() as f64 * (ROW + ROW_GAP) - ROW_GAP;
        let whole = Rect {
            left,
            top,
            right,
            bottom,
        };
        name_below(canvas, &whole, "seconds under load");
        let middle = f64::midpoint(top, bottom);
        let name = Text::new(
            theme::MARGIN + 2.0,
            middle,
            "requests/s",
            theme::BODY,
            Ink::Text,
        );
        canvas.text(name.align(Align::Middle).upwards());
        bottom + theme::TICK_ROOM + theme::NAME_ROOM + 8.0
    }

    /// Slices one after another in which a node was a master, or was not.
    fn parts(&self, node: usize) -> Vec<(bool, Vec<&ClusterSlice>)> {
        let mut parts: Vec<(bool, Vec<&ClusterSlice>)> = Vec::new();
        for slice in &self.load.slices {
            let middle_s = slice.at_s + slice.length_s / 2.0;
            let is_master = owners::is_master(&self.masters, node, middle_s);
            let last = parts.last_mut().filter(|(was_master, slices)| {
                let end_s = slices.last().map_or(0.0, |last| last.at_s + last.length_s);
                *was_master == is_master && (end_s - slice.at_s).abs() < 1e-6
            });
            match last {
                Some((_, slices)) => slices.push(slice),
                None => parts.push((is_master, vec![slice])),
            }
        }
        let is_idle =
            |slices: &[&ClusterSlice]| slices.iter().all(|slice| rate(slice, node) == 0.0);
        parts.retain(|(_, slices)| !is_idle(slices));
        parts
    }

    fn draw_node(&self, canvas: &mut Canvas, panel: &Panel, node: usize) {
        let at = |moment_s| panel.x(self.time.at(self.repetition, moment_s));
        for (is_master, slices) in self.parts(node) {
            let ink = if is_master { MASTER } else { REPLICA };
            let step = |slice: &&ClusterSlice| {
                let y = panel.y(rate(slice, node));
                [(at(slice.at_s), y), (at(slice.at_s + slice.length_s), y)]
            };
            let steps: Vec<(f64, f64)> = slices.iter().flat_map(step).collect();
            let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
                continue;
            };
            let ground = [(last.0, panel.area.bottom), (first.0, panel.area.bottom)];
            let outline = steps.iter().copied().chain(ground).collect();
            canvas.area(outline, ink, 0.35);
            canvas.line(steps, Stroke::new(ink, 1.4));
        }
    }

    fn name_node(&self, canvas: &mut Canvas, area: &Rect, node: usize) {
        let all: u64 = (0..self.load.nodes.len())
            .map(|node| self.requests(node))
            .sum();
        let share = self.requests(node) as f64 / all.max(1) as f64;
        let (x, y) = (area.right + 8.0, f64::midpoint(area.top, area.bottom));
        let name = self.load.nodes.get(node).map_or("", String::as_str);
        let name = measure::fit(name, theme::SMALL, NAME_ROOM - 8.0);
        canvas.text(Text::new(x, y - 7.0, name, theme::SMALL, Ink::Text));
        let share = human::percent(share);
        canvas.text(Text::new(x, y + 7.0, share, theme::SMALL, Ink::Muted));
    }
}
