//! Requests by slot over time, as a share of what each slot would get if all got the same, with the masters of the slots.

use std::collections::BTreeMap;

use super::canvas::{Align, Canvas, PlotError, Rect, Stroke, Text};
use super::events;
use super::grid::Grid;
use super::labels::{self, Entry};
use super::load_time::LoadTime;
use super::measure;
use super::owners::{self, Run, SLOTS};
use super::panel::{Panel, name_below, name_beside};
use super::rows::{draw_bands, key_of_phases, time_axis};
use super::scale::Axis;
use super::survival_curve::head;
use super::theme::{self, Ink};
use crate::recording::keys::unpack_numbers;
use crate::recording::model::{CellRecord, ClusterLoad, HotSlot, Recording, Repetition};
use crate::stats::human;

/// From how many times the fair share on a field has which opacity.
const SHADES: [(f64, f64, &str); 5] = [
    (8.0, 0.95, "8 times its fair share and more"),
    (3.0, 0.68, "3 times"),
    (1.5, 0.42, "1.5 times"),
    (0.5, 0.2, "about its share"),
    (0.0, 0.08, "less"),
];
/// Fields of a picture, so that it stays below 100 kB; with more, neighbours are put together first.
const FIELDS_MAX: usize = 700;
/// Ranges of slots are put together down to so many, then slices of time.
const RANGES_MIN: usize = 32;
/// With more stretches of slots than this their borders would cover everything.
const BORDERS_MAX: usize = 60;
/// A stretch of slots lower than this has no room for the name of its master, pixels.
const NAME_HEIGHT: f64 = 14.0;

/// A cell with the load of its first repetition.
struct Heat<'a> {
    cell: &'a CellRecord,
    repetition: &'a Repetition,
    load: &'a ClusterLoad,
    time: LoadTime,
    matrix: Matrix,
}

/// Requests by slice of time and range of slots.
#[derive(Debug, Clone, PartialEq)]
struct Matrix {
    /// Begin and end of the slices, seconds since the repetition began.
    slices: Vec<(f64, f64)>,
    /// By slice, the requests of each range.
    rows: Vec<Vec<f64>>,
}

/// A field of one shade: slices and ranges, the ends not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    slices: (usize, usize),
    ranges: (usize, usize),
    shade: usize,
}

/// Draws it; nothing where no cluster was driven.
///
/// # Errors
/// Where the picture cannot be written, which would be a fault of ours.
pub(super) fn draw(recording: &Recording) -> Result<Option<String>, PlotError> {
    let cells = recording.cells.iter();
    let heats: Vec<Heat<'_>> = cells.filter_map(heat).collect();
    if heats.is_empty() {
        return Ok(None);
    }
    let how_to_read = format!(
        "{}: the darker, the more of a moment's requests were for these slots, beside what they would get if all slots got the same. \
         Lines part the masters, as clients knew them.{}",
        recording.plan.name,
        super::of_the_first(recording)
    );
    let (mut canvas, top) = Canvas::titled("Requests by hash slot", &how_to_read);
    let mut top = labels::legend(&mut canvas, top, &entries());
    top += 4.0;
    for heat in &heats {
        top = heat.name_hottest(&mut canvas, top, heats.len() > 1);
    }
    let times: Vec<&LoadTime> = heats.iter().map(|heat| &heat.time).collect();
    let top = top + key_of_phases(&mut canvas, top + 4.0, &times);
    let (head_room, height) = match heats.len() {
        1 => (24.0, 300.0),
        _ => (44.0, 200.0),
    };
    let end = times.iter().map(|time| time.end()).fold(0.0, f64::max);
    let without_names = Grid::new(heats.len(), top, head_room, height);
    let names = heats.iter().enumerate().map(|(index, heat)| {
        let panel = heat.panel(without_names.area(index), end);
        events::room(&panel, &heat.time, heat.repetition)
    });
    let names = names.fold(0.0, f64::max);
    let grid = Grid::new(heats.len(), top, head_room + names, height);
    let most = FIELDS_MAX / heats.len();
    for (index, heat) in heats.iter().enumerate() {
        let area = grid.area(index);
        let panel = heat.panel(area, end);
        heat.draw(&mut canvas, &panel, grid.is_leftmost(index), most);
        if heats.len() > 1 {
            let above = Rect {
                top: area.top - 17.0 - names,
                ..area
            };
            head(&mut canvas, &above, &heat.cell.label);
        }
    }
    name_below(&mut canvas, &grid.whole(), "seconds under load");
    name_beside(&mut canvas, &grid.whole(), "hash slot");
    canvas
        .render(grid.whole().bottom + theme::TICK_ROOM + theme::NAME_ROOM + 8.0)
        .map(Some)
}

fn entries() -> [Entry; SHADES.len()] {
    SHADES.map(|(_, opacity, name)| Entry::shade(opacity, name))
}

/// The first slot on top.
fn slot_axis() -> Axis {
    let ticks = [0_u16, 4096, 8192, 12_288, SLOTS];
    Axis {
        from: f64::from(SLOTS),
        to: 0.0,
        ticks: ticks.map(|slot| (f64::from(slot), slot.to_string())).into(),
    }
}

fn heat(cell: &CellRecord) -> Option<Heat<'_>> {
    let repetition = cell.repetitions.first()?;
    let load = repetition.cluster.as_ref()?;
    Some(Heat {
        cell,
        repetition,
        load,
        time: LoadTime::of(&cell.repetitions)?,
        matrix: Matrix::of(load)?,
    })
}

impl Matrix {
    /// None where there is nothing, or it is damaged.
    fn of(load: &ClusterLoad) -> Option<Self> {
        let ranges = u64::from(SLOTS).div_ceil(load.slots_per_range.max(1));
        let count = ranges * load.slices.len() as u64;
        let numbers = unpack_numbers(&load.requests_by_range, count).ok()?;
        let rows = numbers.chunks(usize::try_from(ranges).ok()?);
        let slices = load.slices.iter();
        (count > 0).then(|| Self {
            slices: slices
                .map(|slice| (slice.at_s, slice.at_s + slice.length_s))
                .collect(),
            rows: rows
                .map(|row| row.iter().map(|count| f64::from(*count)).collect())
                .collect(),
        })
    }

    /// At most so many fields, of as much detail as that leaves.
    fn fields_up_to(mut self, most: usize) -> (Self, Vec<Field>) {
        loop {
            let fields = self.fields();
            if fields.len() <= most || self.slices.len() < 2 {
                return (self, fields);
            }
            if self.ranges() > RANGES_MIN {
                self.widen_ranges();
            } else {
                self.widen_slices();
            }
        }
    }

    fn ranges(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    fn widen_ranges(&mut self) {
        for row in &mut self.rows {
            *row = row.chunks(2).map(|pair| pair.iter().sum()).collect();
        }
    }

    fn widen_slices(&mut self) {
        let ends = |pair: &[(f64, f64)]| Some((pair.first()?.0, pair.last()?.1));
        self.slices = self.slices.chunks(2).filter_map(ends).collect();
        let sum = |pair: &[Vec<f64>]| match pair {
            [one, two] => one.iter().zip(two).map(|(a, b)| a + b).collect(),
            rest => rest.concat(),
        };
        self.rows = self.rows.chunks(2).map(sum).collect();
    }

    /// Place in [`SHADES`] by range and slice; none where there was nothing.
    fn shades(&self) -> Vec<Vec<Option<usize>>> {
        let fair = |row: &Vec<f64>| row.iter().sum::<f64>() / row.len().max(1) as f64;
        let shares: Vec<f64> = self.rows.iter().map(fair).collect();
        let shade = |range: usize, row: &Vec<f64>, fair: f64| {
            let count = row.get(range).copied().filter(|count| *count > 0.0)?;
            SHADES.iter().position(|(least, ..)| count / fair >= *least)
        };
        let of_range = |range| {
            let rows = self.rows.iter().zip(&shares);
            rows.map(|(row, fair)| shade(range, row, *fair)).collect()
        };
        (0..self.ranges()).map(of_range).collect()
    }

    /// Neighbours of one shade in time are one field, and so are those below one another.
    fn fields(&self) -> Vec<Field> {
        let mut closed: Vec<Field> = Vec::new();
        // Those that may go on in the next range, by slices and shade.
        let mut open: BTreeMap<(usize, usize, usize), Field> = BTreeMap::new();
        for (range, shades) in self.shades().iter().enumerate() {
            let numbered: Vec<_> = shades.iter().copied().enumerate().collect();
            let mut next = BTreeMap::new();
            for run in numbered.chunk_by(|a, b| a.1 == b.1) {
                let (Some((first, Some(shade))), Some((last, _))) = (run.first(), run.last())
                else {
                    continue;
                };
                let key = (*first, *last, *shade);
                let field = open.remove(&key).map_or(
                    Field {
                        slices: (*first, last + 1),
                        ranges: (range, range + 1),
                        shade: *shade,
                    },
                    |field| Field {
                        ranges: (field.ranges.0, range + 1),
                        ..field
                    },
                );
                next.insert(key, field);
            }
            closed.extend(std::mem::replace(&mut open, next).into_values());
        }
        closed.extend(open.into_values());
        closed
    }
}

impl Heat<'_> {
    fn panel(&self, area: Rect, end: f64) -> Panel {
        Panel {
            x: time_axis(&self.time, end, area.width()),
            y: slot_axis(),
            area,
        }
    }

    /// The slot that got the largest share of any phase's requests; returns where the line ends.
    fn name_hottest(&self, canvas: &mut Canvas, top: f64, is_one_of_several: bool) -> f64 {
        let Some(hot) = self.hottest() else {
            return top;
        };
        let key = hot
            .key
            .as_ref()
            .map_or_else(String::new, |key| format!(" (hottest key {key})"));
        let phase = self.repetition.phases.get(hot.phase);
        let cell = match is_one_of_several {
            true => format!("{}: ", self.cell.label),
            false => String::new(),
        };
        let text = format!(
            "{cell}hottest slot {}{key}: {} of the requests of {}",
            hot.slot,
            human::percent(hot.requests as f64 / hot.of.max(1) as f64),
            phase.map_or("", |phase| phase.name.as_str()),
        );
        let room = theme::WIDTH - 2.0 * theme::MARGIN - 16.0;
        let text = measure::fit(&text, theme::BODY, room);
        labels::marker(canvas, 1, (theme::MARGIN + 4.0, top + 6.0));
        let x = theme::MARGIN + 14.0;
        canvas.text(Text::new(x, top + 6.0, text, theme::BODY, Ink::Text));
        top + 17.0
    }

    fn hottest(&self) -> Option<&HotSlot> {
        let share = |hot: &HotSlot| hot.requests as f64 / hot.of.max(1) as f64;
        let slots = self.load.hottest.iter();
        slots.max_by(|a, b| share(a).total_cmp(&share(b)))
    }

    fn draw(&self, canvas: &mut Canvas, panel: &Panel, is_leftmost: bool, most: usize) {
        draw_bands(canvas, panel, &self.time, true);
        panel.draw_x_ticks(canvas);
        if is_leftmost {
            panel.draw_y_ticks(canvas);
        }
        self.draw_fields(canvas, panel, most);
        panel.draw_frame(canvas);
        events::draw(canvas, panel, &self.time, self.repetition);
        events::name_above(canvas, panel, &self.time, self.repetition);
        self.draw_masters(canvas, panel);
        if let Some(hot) = self.hottest() {
            let place = (panel.area.left, panel.y(f64::from(hot.slot) + 0.5));
            labels::marker(canvas, 1, place);
        }
    }

    fn draw_fields(&self, canvas: &mut Canvas, panel: &Panel, most: usize) {
        let (matrix, fields) = self.matrix.clone().fields_up_to(most);
        let at = |moment_s| panel.x(self.time.at(self.repetition, moment_s));
        let slot = |range: usize| {
            let share = range as f64 / matrix.ranges().max(1) as f64;
            panel.y(share * f64::from(SLOTS))
        };
        for Field {
            slices,
            ranges,
            shade,
        } in fields
        {
            let begin = matrix.slices.get(slices.0).map_or(0.0, |slice| slice.0);
            let end = matrix.slices.get(slices.1 - 1).map_or(0.0, |slice| slice.1);
            let rect = Rect {
                left: at(begin),
                right: at(end),
                top: slot(ranges.0),
                bottom: slot(ranges.1),
            };
            let opacity = SHADES.get(shade).map_or(0.0, |(_, opacity, _)| *opacity);
            canvas.rect(rect, Ink::Series(0), opacity);
        }
    }

    /// Borders between masters as long as they held, and who they were at first and in the end.
    fn draw_masters(&self, canvas: &mut Canvas, panel: &Panel) {
        let stretches = owners::stretches(self.load);
        let x = |moment_s: f64| panel.x(self.time.at(self.repetition, moment_s));
        for (place, stretch) in stretches.iter().enumerate() {
            let next = stretches.get(place + 1);
            let (left, right) = (
                x(stretch.from_s),
                next.map_or(panel.x(self.time.end()), |next| x(next.from_s)),
            );
            if stretch.runs.len() > BORDERS_MAX {
                continue;
            }
            for run in stretch.runs.iter().skip(1) {
                let y = panel.y(f64::from(run.first));
                canvas.line(vec![(left, y), (right, y)], Stroke::new(Ink::Text, 1.2));
            }
        }
        for change in self.load.owners.iter().take(BORDERS_MAX) {
            let is_first = stretches
                .first()
                .is_some_and(|first| change.at_s <= first.from_s);
            if !is_first {
                let (x, top) = (x(change.at_s), panel.y(f64::from(change.first)));
                let bottom = panel.y(f64::from(change.last) + 1.0);
                canvas.line(vec![(x, top), (x, bottom)], Stroke::new(Ink::Text, 1.2));
            }
        }
        let (first, last) = (stretches.first(), stretches.last());
        if stretches.len() > 1 {
            let runs = first.map_or(&[][..], |first| &first.runs);
            self.name_masters(canvas, panel, runs, Align::Start);
        }
        let runs = last.map_or(&[][..], |last| &last.runs);
        self.name_masters(canvas, panel, runs, Align::End);
    }

    fn name_masters(&self, canvas: &mut Canvas, panel: &Panel, runs: &[Run], align: Align) {
        let room = panel.area.width() / 2.0 - 16.0;
        for run in runs {
            let (top, bottom) = (
                panel.y(f64::from(run.first)),
                panel.y(f64::from(run.last) + 1.0),
            );
            let Some(name) = self.load.nodes.get(run.node) else {
                continue;
            };
            if bottom - top < NAME_HEIGHT {
                continue;
            }
            let name = measure::fit(name, theme::SMALL, room);
            let width = measure::width(&name, theme::SMALL) + 8.0;
            let (left, x) = match align {
                Align::End => (panel.area.right - width - 6.0, panel.area.right - 10.0),
                _ => (panel.area.left + 6.0, panel.area.left + 10.0),
            };
            let y = f64::midpoint(top, bottom);
            let ground = Rect {
                left,
                right: left + width,
                top: y - 7.0,
                bottom: y + 7.0,
            };
            canvas.rect(ground, Ink::Paper, 0.85);
            canvas.text(Text::new(x, y, name, theme::SMALL, Ink::Text).align(align));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: &[&[f64]]) -> Matrix {
        Matrix {
            slices: (0..rows.len())
                .map(|at| (at as f64, at as f64 + 1.0))
                .collect(),
            rows: rows.iter().map(|row| row.to_vec()).collect(),
        }
    }

    #[test]
    fn neighbours_of_one_shade_are_one_field() {
        let even = matrix(&[&[5.0, 5.0, 5.0, 5.0], &[9.0, 9.0, 9.0, 9.0]]);
        let whole = Field {
            slices: (0, 2),
            ranges: (0, 4),
            shade: 3,
        };
        assert_eq!(even.fields(), [whole]);
        let hot = matrix(&[&[4.0, 0.0, 0.0, 0.0], &[1.0, 1.0, 1.0, 1.0]]);
        let shades: Vec<_> = hot.fields().iter().map(|field| field.shade).collect();
        assert_eq!(shades.len(), 2);
        let (matrix, _) = hot.fields_up_to(1);
        assert_eq!(
            matrix.slices,
            [(0.0, 2.0)],
            "what is too fine is put together"
        );
    }
}
