//! Rows of panels over one time axis, a column per cell: what the timeline and the memory plot share.

use super::canvas::{Align, Canvas, PlotError, Rect, Stroke, Text};
use super::events;
use super::load_time::LoadTime;
use super::measure;
use super::panel::{Panel, name_below};
use super::repeated::Curve;
use super::repeats;
use super::scale::Axis;
use super::survival_curve::head;
use super::theme::{self, Ink};
use crate::recording::model::{CellRecord, Recording, Repetition};
use crate::stats::human;

/// How the curve of a repetition is found.
pub(super) type Stretches = Box<dyn Fn(&Repetition, &LoadTime) -> Vec<Stretch>>;

/// One row: a quantity over time.
pub(super) struct Row {
    /// Name with its unit.
    pub(super) name: String,
    /// How its ticks are labelled.
    pub(super) label: fn(f64) -> String,
    /// The range of its axis.
    pub(super) range: Range,
    /// The curve of a repetition as stretches of drawn time with a rate: numerator and denominator per second.
    pub(super) stretches: Stretches,
    /// A limit to be drawn in every panel, with its name.
    pub(super) limit: fn(&CellRecord) -> Option<(f64, &'static str)>,
}

/// The range of the axis of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// A share from nothing to all.
    Share,
    /// From 0 up, in round decimal numbers.
    Number,
    /// From 0 up, in round binary numbers.
    Bytes,
}

/// A stretch of drawn time in which a quantity is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    pub(super) from: f64,
    pub(super) to: f64,
    /// The quantity is `value / of`, which lets shares be pooled rightly.
    pub(super) value: f64,
    pub(super) of: f64,
}

/// What is drawn.
pub(super) struct Subject {
    pub(super) title: &'static str,
    pub(super) how_to_read: &'static str,
    pub(super) rows: Vec<Row>,
}

/// A cell with its time and its curves, one a row.
struct Column<'a> {
    cell: &'a CellRecord,
    time: LoadTime,
    curves: Vec<Curve>,
}

const ROW: f64 = 84.0;
const ROW_GAP: f64 = 12.0;
/// The smallest that the name of a row is set, as a share of its usual size.
const SMALLEST: f64 = 0.8;
/// Above a column: the cell's name and the names of its phases.
const HEAD: f64 = 42.0;
/// Above the only column there is: the names of its phases.
const HEAD_ALONE: f64 = 20.0;
/// Points of a curve over the whole width; panels side by side share them.
const POINTS: usize = 360;

/// Draws `subject`; nothing where no row of any cell has a figure.
pub(super) fn draw(recording: &Recording, subject: &Subject) -> Result<Option<String>, PlotError> {
    let side_by_side = recording.cells.len().clamp(1, 3);
    let columns: Vec<Column<'_>> = recording
        .cells
        .iter()
        .filter_map(|cell| column(cell, subject, POINTS / side_by_side))
        .collect();
    let has_figures = |row: usize| {
        columns.iter().any(|column| {
            column
                .curves
                .get(row)
                .is_some_and(|curve| curve.end().is_some())
        })
    };
    let rows: Vec<usize> = (0..subject.rows.len())
        .filter(|row| has_figures(*row))
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let how_to_read = format!(
        "{}: {}{}{}",
        recording.plan.name,
        subject.how_to_read,
        pauses(&columns),
        repeats(recording)
    );
    let (mut canvas, top) = Canvas::titled(subject.title, &how_to_read);
    let times: Vec<&LoadTime> = columns.iter().map(|column| &column.time).collect();
    let mut sheet = Sheet {
        subject,
        rows: &rows,
        columns: &columns,
        top: top + key_of_phases(&mut canvas, top, &times),
    };
    let bottom = sheet.draw(&mut canvas);
    canvas.render(bottom).map(Some)
}

fn pauses(columns: &[Column<'_>]) -> &'static str {
    let has_pause = |column: &Column<'_>| column.time.end() > column.time.load() * 1.001;
    if columns.iter().any(has_pause) {
        " Pauses between phases are cut short to the gaps."
    } else {
        ""
    }
}

fn column<'a>(cell: &'a CellRecord, subject: &Subject, points: usize) -> Option<Column<'a>> {
    let time = LoadTime::of(&cell.repetitions)?;
    let curves = subject
        .rows
        .iter()
        .map(|row| curve(cell, &time, row, points))
        .collect();
    Some(Column { cell, time, curves })
}

fn curve(cell: &CellRecord, time: &LoadTime, row: &Row, points: usize) -> Curve {
    let repetitions: Vec<Vec<Stretch>> = cell
        .repetitions
        .iter()
        .map(|one| (row.stretches)(one, time))
        .collect();
    let step = time.end() / points as f64;
    let at = |i: usize| {
        let (from, to) = (step * i as f64, step * (i + 1) as f64);
        let values = repetitions
            .iter()
            .filter_map(|stretches| pooled(stretches, from, to))
            .collect();
        (f64::midpoint(from, to), values)
    };
    Curve::of(cell.repetitions.len(), (0..points).map(at))
}

/// The quantity over `from..to`: stretches weighted by how much of them lies in it.
fn pooled(stretches: &[Stretch], from: f64, to: f64) -> Option<f64> {
    // Stretches are in time order, and there may be many.
    let first = stretches.partition_point(|stretch| stretch.to <= from);
    let (mut value, mut of) = (0.0, 0.0);
    for stretch in stretches
        .iter()
        .skip(first)
        .take_while(|stretch| stretch.from < to)
    {
        let overlap = stretch.to.min(to) - stretch.from.max(from);
        value += stretch.value * overlap;
        of += stretch.of * overlap;
    }
    (of > 0.0).then(|| value / of)
}

struct Sheet<'a> {
    subject: &'a Subject,
    rows: &'a [usize],
    columns: &'a [Column<'a>],
    top: f64,
}

impl Sheet<'_> {
    /// Draws blocks of three columns under each other; returns where they end.
    fn draw(&mut self, canvas: &mut Canvas) -> f64 {
        let columns = self.columns;
        for block in columns.chunks(3) {
            self.draw_block(canvas, block);
        }
        self.top
    }

    /// Whether there is one cell, which then needs no name.
    fn is_alone(&self) -> bool {
        self.columns.len() == 1
    }

    fn draw_block(&mut self, canvas: &mut Canvas, block: &[Column<'_>]) {
        let height = self.rows.len() as f64 * (ROW + ROW_GAP) - ROW_GAP;
        let left = theme::MARGIN + theme::AXIS_ROOM;
        let across = self.columns.len().clamp(1, 3) as f64;
        let width = (theme::WIDTH - theme::MARGIN - left - theme::GAP * (across - 1.0)) / across;
        let top = self.top + if self.is_alone() { HEAD_ALONE } else { HEAD };
        for (index, column) in block.iter().enumerate() {
            let left = left + index as f64 * (width + theme::GAP);
            let area = Rect {
                left,
                top,
                right: left + width,
                bottom: top + height,
            };
            self.draw_column(canvas, column, &area, index == 0);
        }
        let right = left + block.len() as f64 * (width + theme::GAP) - theme::GAP;
        let whole = Rect {
            left,
            top,
            right,
            bottom: top + height,
        };
        name_below(canvas, &whole, "seconds under load");
        self.top = whole.bottom + theme::TICK_ROOM + theme::NAME_ROOM + 8.0;
    }

    fn draw_column(
        &self,
        canvas: &mut Canvas,
        column: &Column<'_>,
        area: &Rect,
        is_leftmost: bool,
    ) {
        let end = self
            .columns
            .iter()
            .map(|column| column.time.end())
            .fold(0.0, f64::max);
        if !self.is_alone() {
            head(
                canvas,
                &Rect {
                    top: area.top - 17.0,
                    ..*area
                },
                &column.cell.label,
            );
        }
        let x = time_axis(&column.time, end, area.width());
        for (place, row) in self.rows.iter().enumerate() {
            let top = area.top + place as f64 * (ROW + ROW_GAP);
            let panel = Panel {
                area: Rect {
                    top,
                    bottom: top + ROW,
                    ..*area
                },
                x: x.clone(),
                y: self.y_axis(*row),
            };
            draw_bands(canvas, &panel, &column.time, place == 0);
            if let Some(first) = column.cell.repetitions.first() {
                events::draw(canvas, &panel, &column.time, first);
                if place == 0 {
                    events::name(canvas, &panel, &column.time, first);
                }
            }
            panel.draw_frame(canvas);
            self.draw_row(canvas, column, &panel, *row);
            if is_leftmost {
                panel.draw_y_ticks(canvas);
                self.name_row(canvas, &panel.area, *row);
            }
            if place + 1 == self.rows.len() {
                panel.draw_x_ticks(canvas);
            }
        }
    }

    fn draw_row(&self, canvas: &mut Canvas, column: &Column<'_>, panel: &Panel, row: usize) {
        let ink = Ink::Series(row);
        if let Some(curve) = column.curves.get(row) {
            panel.draw_spread(canvas, &curve.spread, ink);
            panel.draw_line(canvas, &curve.mean, Stroke::new(ink, theme::LINE));
        }
        let limit = self
            .subject
            .rows
            .get(row)
            .and_then(|row| (row.limit)(column.cell));
        if let Some((limit, name)) = limit {
            let y = panel.y(limit);
            canvas.line(
                vec![(panel.area.left, y), (panel.area.right, y)],
                Stroke::new(Ink::Series(1), 1.2).dashed(),
            );
            // Above its line, unless that would leave the panel.
            let beside = if y - panel.area.top > 16.0 {
                y - 9.0
            } else {
                y + 9.0
            };
            let text = Text::new(
                panel.area.right - 4.0,
                beside,
                name,
                theme::SMALL,
                Ink::Series(1),
            );
            canvas.text(text.align(Align::End));
        }
    }

    fn name_row(&self, canvas: &mut Canvas, area: &Rect, row: usize) {
        let name = self
            .subject
            .rows
            .get(row)
            .map_or("", |row| row.name.as_str());
        // A long name is set smaller before it is cut.
        let room = ROW + ROW_GAP - 4.0;
        let wide = measure::width(name, theme::SMALL);
        let size = theme::SMALL * (room / wide).clamp(SMALLEST, 1.0);
        let name = measure::fit(name, size, room);
        let (x, y) = (theme::MARGIN, f64::midpoint(area.top, area.bottom));
        canvas.text(
            Text::new(x, y, name, size, Ink::Text)
                .align(Align::Middle)
                .upwards(),
        );
    }

    /// The same for every cell, so that their heights compare.
    fn y_axis(&self, row: usize) -> Axis {
        let Some(subject) = self.subject.rows.get(row) else {
            return Axis::shares(ROW);
        };
        let curves = self
            .columns
            .iter()
            .filter_map(|column| column.curves.get(row));
        let means = curves
            .clone()
            .flat_map(|curve| &curve.mean)
            .filter_map(|(_, value)| *value);
        let largest = curves
            .flat_map(|curve| &curve.spread)
            .filter_map(|(_, spread)| spread.map(|(_, high)| high));
        let limits = self
            .columns
            .iter()
            .filter_map(|column| (subject.limit)(column.cell))
            .map(|(limit, _)| limit);
        let largest = means.chain(largest).chain(limits).fold(0.0, f64::max);
        match subject.range {
            Range::Share => Axis::shares(ROW),
            Range::Number => Axis::upwards(largest, 1.0, ROW, subject.label),
            Range::Bytes => Axis::upwards(largest, binary_unit(largest), ROW, subject.label),
        }
    }
}

/// Ticks at round numbers of seconds under load, none within a pause.
pub(super) fn time_axis(time: &LoadTime, end: f64, room: f64) -> Axis {
    let pixels = room * time.load() / end.max(1e-9);
    let by_load = Axis::across(0.0, time.load(), pixels, seconds);
    let ticks = by_load
        .ticks
        .into_iter()
        .map(|(load, label)| (time.at_load(load), label))
        .collect();
    Axis {
        from: 0.0,
        to: if end > 0.0 { end } else { 1.0 },
        ticks,
    }
}

fn seconds(value: f64) -> String {
    // Twelve digits hide that 3 * 0.1 is not 0.3.
    format!("{}", (value * 1e12).round() / 1e12)
}

/// Every other phase shaded, their names above the first row.
pub(super) fn draw_bands(canvas: &mut Canvas, panel: &Panel, time: &LoadTime, is_first_row: bool) {
    for (number, band) in time.bands.iter().enumerate() {
        let area = Rect {
            left: panel.x(band.from),
            right: panel.x(band.to),
            ..panel.area
        };
        let (ink, opacity) = (Ink::Band, if number % 2 == 0 { 1.0 } else { 0.45 });
        canvas.rect(area, ink, opacity);
        if is_first_row {
            let text = Text::new(
                f64::midpoint(area.left, area.right),
                area.top - 8.0,
                name_of(number, &band.name, area.width()),
                theme::SMALL,
                Ink::Muted,
            );
            canvas.text(text.align(Align::Middle));
        }
    }
}

/// The name of a phase where it fits above its band, else its number, else nothing.
fn name_of(number: usize, name: &str, room: f64) -> String {
    let number = (number + 1).to_string();
    let fits = |text: &str| measure::width(text, theme::SMALL) + 4.0 <= room;
    if fits(name) {
        name.to_owned()
    } else if fits(&number) {
        number
    } else {
        String::new()
    }
}

/// What the numbers of phases stand for, where a name did not fit; returns the room it took.
pub(super) fn key_of_phases(canvas: &mut Canvas, top: f64, times: &[&LoadTime]) -> f64 {
    let width = (theme::WIDTH - 2.0 * theme::MARGIN - theme::AXIS_ROOM)
        / times.len().clamp(1, 3) as f64
        - theme::GAP;
    key_of_phases_in(canvas, top, times, width)
}

/// The same of panels that are so wide.
pub(super) fn key_of_phases_in(
    canvas: &mut Canvas,
    top: f64,
    times: &[&LoadTime],
    width: f64,
) -> f64 {
    let end = times.iter().map(|time| time.end()).fold(1e-9, f64::max);
    let is_cut = |time: &&&LoadTime| {
        let mut bands = time.bands.iter().enumerate();
        bands.any(|(number, band)| {
            name_of(number, &band.name, (band.to - band.from) / end * width) != band.name
        })
    };
    let Some(time) = times.iter().find(is_cut) else {
        return 0.0;
    };
    let bands = time.bands.iter().enumerate();
    let names = bands.map(|(number, band)| format!("{} {}", number + 1, band.name));
    let key = measure::wrap(
        &format!("Phases: {}", names.collect::<Vec<_>>().join(" · ")),
        theme::BODY,
        theme::WIDTH - 2.0 * theme::MARGIN,
        3,
    );
    for (line, text) in key.iter().enumerate() {
        canvas.text(Text::new(
            theme::MARGIN,
            top + 6.0 + 17.0 * line as f64,
            text.as_str(),
            theme::BODY,
            Ink::Muted,
        ));
    }
    17.0 * key.len() as f64
}

/// 1, 1024, 1024², … whichever is the last below `bytes`.
fn binary_unit(bytes: f64) -> f64 {
    let power = bytes.max(1.0).log(1024.0).floor().clamp(0.0, 6.0);
    1024_f64.powf(power)
}

/// A tick of a number in short.
pub(super) fn short(value: f64) -> String {
    human::short(value)
}

/// A panel's worth of points between two values that are known at their ends.
pub(super) fn between(points: &[(f64, f64)]) -> Vec<Stretch> {
    let ends = points.iter().zip(points.iter().skip(1));
    ends.map(|(a, b)| Stretch {
        from: a.0,
        to: b.0,
        value: f64::midpoint(a.1, b.1),
        of: 1.0,
    })
    .filter(|stretch| stretch.to > stretch.from)
    .collect()
}
