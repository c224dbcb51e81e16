//! Cells beside the first one: how much more or less of every figure, how sure that is, and what is too little to matter.

use super::canvas::{Align, Canvas, PlotError, Rect, Stroke, Text};
use super::labels;
use super::measure;
use super::panel::Panel;
use super::scale::Axis;
use super::survival_curve::head;
use super::theme::{self, Ink};
use crate::gate::pairs::Metric;
use crate::recording::model::{CellRecord, PhaseRecord, Recording, Repetition};
use crate::stats::{Summary, human, welch};

/// How sure the intervals are.
const LEVEL: f64 = 0.95;
/// Shares nearer than this are as good as equal.
const SHARE_FLOOR: f64 = 0.01;
const FIGURES_MAX: usize = 6;
const COLUMNS: usize = 3;
const ROW: f64 = 21.0;
const HEAD: f64 = 26.0;
/// The names of cells, at the left, get no more room.
const NAMES_MAX: f64 = 170.0;

/// A figure that every cell has.
struct Figure {
    name: String,
    /// Whether the difference is told in points, or as a share of the first cell's.
    is_share: bool,
    /// Differences up to this do not matter.
    floor: f64,
    read: Read,
}

type Read = Box<dyn Fn(&Repetition) -> Option<f64>>;

/// A cell's difference from the first.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Difference {
    by: f64,
    /// Absent where a cell was not repeated.
    interval: Option<(f64, f64)>,
}

/// A panel: a figure with a difference for each cell.
struct Shown {
    figure: Figure,
    differences: Vec<Option<Difference>>,
}

/// Draws it; nothing for a single cell.
///
/// # Errors
/// Where the picture cannot be written, which would be a fault of ours.
pub(super) fn draw(recording: &Recording) -> Result<Option<String>, PlotError> {
    let Some(first) = recording.cells.first() else {
        return Ok(None);
    };
    let shown: Vec<Shown> = figures(recording)
        .into_iter()
        .filter_map(|figure| shown(figure, first, &recording.cells))
        .take(FIGURES_MAX)
        .collect();
    if shown.is_empty() {
        return Ok(None);
    }
    let (mut canvas, top) = Canvas::titled("What a policy changes", &how_to_read(recording, first));
    let sheet = Sheet::new(&shown, &recording.cells, top);
    for (index, one) in shown.iter().enumerate() {
        sheet.draw(&mut canvas, index, one);
    }
    canvas.render(sheet.bottom()).map(Some)
}

fn how_to_read(recording: &Recording, first: &CellRecord) -> String {
    let intervals = if first.repetitions.len() > 1 {
        "lines: 95% intervals of the difference, cut at the edge"
    } else {
        "without repetitions nothing tells how sure they are"
    };
    format!(
        "{}: marks are differences of means from {}, {intervals}. Grey: too little to matter.",
        recording.plan.name, first.label
    )
}

fn figures(recording: &Recording) -> Vec<Figure> {
    let share = |name: String, read: Read| Figure {
        name,
        is_share: true,
        floor: SHARE_FLOOR,
        read,
    };
    let mut figures = Vec::new();
    for (index, group) in recording.plan.survival.groups.iter().enumerate().take(3) {
        let read = move |one: &Repetition| one.survival.as_ref()?.groups.get(index)?.share();
        figures.push(share(
            format!("{} still present", group.name),
            Box::new(read),
        ));
    }
    figures.push(share(
        "LRU fidelity".to_owned(),
        Box::new(|one| Some(one.survival.as_ref()?.fidelity)),
    ));
    figures.extend(
        telling_phase(recording)
            .into_iter()
            .flat_map(|name| of_phase(&name)),
    );
    figures
}

/// The last phase that reads, or else the last that was driven.
fn telling_phase(recording: &Recording) -> Option<String> {
    let repetitions = recording.cells.iter().flat_map(|cell| &cell.repetitions);
    let phases = repetitions.max_by_key(|one| one.phases.len())?;
    let driven: Vec<&PhaseRecord> = phases.phases.iter().filter(|phase| phase.due > 0).collect();
    let reads = |phase: &&&PhaseRecord| phase.hits + phase.misses > 0;
    let found = driven.iter().rev().find(reads).or(driven.last())?;
    Some(found.name.clone())
}

fn of_phase(name: &str) -> [Figure; 3] {
    let figure = |figure: &str, floor, read: fn(&PhaseRecord) -> Option<f64>| {
        let phase = name.to_owned();
        Figure {
            name: format!("{name}: {figure}"),
            is_share: figure == "hit ratio",
            floor,
            read: Box::new(move |one| read(one.phases.iter().find(|one| one.name == phase)?)),
        }
    };
    [
        figure("hit ratio", SHARE_FLOOR, |phase| {
            let reads = phase.hits + phase.misses;
            (reads > 0).then(|| phase.hits as f64 / reads as f64)
        }),
        figure("requests/s", Metric::Throughput.floor(), |phase| {
            (phase.operations > 0).then_some(phase.throughput)
        }),
        figure("p99", Metric::P99.floor(), |phase| {
            (phase.latency.count > 0).then(|| phase.latency.percentiles_s.get("99").copied())?
        }),
    ]
}

/// Nothing where no cell can be held against the first, or all are alike.
fn shown(figure: Figure, first: &CellRecord, cells: &[CellRecord]) -> Option<Shown> {
    let summary = |cell: &CellRecord| {
        let values = cell.repetitions.iter().filter_map(&figure.read);
        Summary::of(&values.collect::<Vec<_>>())
    };
    let mine = summary(first)?;
    let unit = if figure.is_share { 1.0 } else { mine.mean };
    let difference = |cell: &CellRecord| {
        let theirs = summary(cell)?;
        let is_first = std::ptr::eq(cell, first);
        let interval = welch::difference_interval(&mine, &theirs, LEVEL).filter(|_| !is_first);
        let one = Difference {
            by: (theirs.mean - mine.mean) / unit,
            interval: interval.map(|(low, high)| (low / unit, high / unit)),
        };
        one.by.is_finite().then_some(one)
    };
    let differences: Vec<Option<Difference>> = cells.iter().map(difference).collect();
    let differs = differences.iter().flatten().any(|one| one.by != 0.0);
    differs.then_some(Shown {
        figure,
        differences,
    })
}

/// Where everything is.
struct Sheet<'a> {
    cells: &'a [CellRecord],
    panels: usize,
    top: f64,
    left: f64,
    width: f64,
}

impl<'a> Sheet<'a> {
    fn new(shown: &[Shown], cells: &'a [CellRecord], top: f64) -> Self {
        let names = cells
            .iter()
            .map(|cell| measure::width(&cell.label, theme::BODY));
        let names = names.fold(0.0, f64::max).min(NAMES_MAX);
        let left = theme::MARGIN + names + 14.0;
        let across = shown.len().min(COLUMNS) as f64;
        let room = theme::WIDTH - theme::MARGIN - left;
        Self {
            cells,
            panels: shown.len(),
            top,
            left,
            width: (room - theme::GAP * (across - 1.0)) / across,
        }
    }

    fn height(&self) -> f64 {
        ROW * self.cells.len() as f64 + 4.0
    }

    fn area(&self, index: usize) -> Rect {
        let (column, row) = (index % COLUMNS, index / COLUMNS);
        let left = self.left + column as f64 * (self.width + theme::GAP);
        let step = HEAD + self.height() + theme::TICK_ROOM + 6.0;
        let top = self.top + HEAD + row as f64 * step;
        Rect {
            left,
            top,
            right: left + self.width,
            bottom: top + self.height(),
        }
    }

    fn bottom(&self) -> f64 {
        self.area(self.panels.saturating_sub(1)).bottom + theme::TICK_ROOM + 8.0
    }

    fn draw(&self, canvas: &mut Canvas, index: usize, shown: &Shown) {
        let area = self.area(index);
        let panel = Panel {
            area,
            x: axis(shown, area.width()),
            y: Axis {
                from: 0.0,
                to: 1.0,
                ticks: Vec::new(),
            },
        };
        head(canvas, &area, &shown.figure.name);
        let floor = Rect {
            left: panel.x(-shown.figure.floor),
            right: panel.x(shown.figure.floor),
            ..area
        };
        canvas.rect(floor, Ink::Band, 1.0);
        panel.draw_frame(canvas);
        panel.draw_x_ticks(canvas);
        let zero = panel.x(0.0);
        canvas.line(
            vec![(zero, area.top), (zero, area.bottom)],
            Stroke::new(Ink::Axis, 1.0),
        );
        for (row, difference) in shown.differences.iter().enumerate() {
            let y = area.top + ROW * (row as f64 + 0.5) + 2.0;
            if index.is_multiple_of(COLUMNS) {
                self.name(canvas, row, y);
            }
            if let Some(difference) = difference {
                draw_difference(canvas, &panel, row, y, *difference);
            }
        }
    }

    fn name(&self, canvas: &mut Canvas, row: usize, y: f64) {
        let label = self.cells.get(row).map_or("", |cell| cell.label.as_str());
        let label = measure::fit(label, theme::BODY, NAMES_MAX);
        let text = Text::new(self.left - 14.0, y, label, theme::BODY, Ink::Text);
        canvas.text(text.align(Align::End));
    }
}

fn draw_difference(canvas: &mut Canvas, panel: &Panel, series: usize, y: f64, one: Difference) {
    if let Some((low, high)) = one.interval {
        canvas.line(
            vec![(panel.x(low), y), (panel.x(high), y)],
            Stroke::new(Ink::Series(series), theme::LINE),
        );
    }
    labels::marker(canvas, series, (panel.x(one.by), y));
}

/// From the least to the most, nothing and the floor included. Intervals of few repetitions may be far wider than what they
/// are about; they get half as much room again as the marks, and end at the edge.
fn axis(shown: &Shown, room: f64) -> Axis {
    let known = || shown.differences.iter().flatten();
    let floor = shown.figure.floor;
    let least = known().map(|one| one.by).fold(-floor, f64::min);
    let most = known().map(|one| one.by).fold(floor, f64::max);
    let slack = 0.5 * (most - least);
    let ends = || known().filter_map(|one| one.interval);
    let low = ends().map(|(low, _)| low).fold(least, f64::min);
    let high = ends().map(|(_, high)| high).fold(most, f64::max);
    let (from, to) = (low.max(least - slack), high.min(most + slack));
    let margin = 0.06 * (to - from);
    let is_share = shown.figure.is_share;
    Axis::across(from - margin, to + margin, room, |value| {
        if value == 0.0 {
            "0".to_owned()
        } else if is_share {
            human::change(value).replace('%', " pt")
        } else {
            human::change(value)
        }
    })
}
