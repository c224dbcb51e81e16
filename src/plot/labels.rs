//! Names of lines: beside their ends where there is room, in a row above where not; and the markers that tell lines
//! apart without colour.

use super::canvas::{Canvas, Rect, Stroke, Text};
use super::measure;
use super::panel::Panel;
use super::theme::{self, Ink};

/// Distance of labels under each other.
const LINE_HEIGHT: f64 = 15.0;
/// The most room that labels beside a panel may take.
const ROOM_MAX: f64 = 190.0;
/// From the end of a line to its label.
const LEADER: f64 = 22.0;
/// Half of a marker.
const RADIUS: f64 = 4.0;

/// Room that labels beside the ends of lines need.
pub(super) fn room_beside<'a>(names: impl Iterator<Item = &'a str>) -> f64 {
    let widest = names
        .map(|name| measure::width(name, theme::BODY))
        .fold(0.0, f64::max);
    LEADER + widest.min(ROOM_MAX)
}

/// Writes the name of each line beside its end, moved apart where ends meet, with a thin line from end to name. The
/// number of a line is its series.
pub(super) fn beside_ends(canvas: &mut Canvas, panel: &Panel, ends: &[(usize, (f64, f64), &str)]) {
    let mut ends: Vec<_> = ends
        .iter()
        .map(|(series, (x, y), name)| (*series, (panel.x(*x), panel.y(*y)), *name))
        .collect();
    ends.sort_by(|a, b| a.1.1.total_cmp(&b.1.1));
    let wanted: Vec<f64> = ends.iter().map(|(_, (_, y), _)| *y).collect();
    let placed = spread(&wanted, panel.area.top, panel.area.bottom);
    for ((series, end, name), y) in ends.into_iter().zip(placed) {
        let ink = Ink::Series(series);
        let x = panel.area.right + LEADER;
        let edge = (panel.area.right + 4.0, end.1);
        // A line that ends early is not led on to the edge as if it were data.
        let stroke = Stroke::new(ink, 1.0).faint(0.5);
        canvas.line(
            vec![end, edge],
            if edge.0 - end.0 > 30.0 {
                stroke.dashed()
            } else {
                stroke
            },
        );
        canvas.line(vec![edge, (x - 6.0, y)], stroke);
        canvas.text(Text::new(
            x,
            y,
            measure::fit(name, theme::BODY, ROOM_MAX),
            theme::BODY,
            ink,
        ));
    }
}

/// Moves rising positions apart to [`LINE_HEIGHT`], as little as possible, within `top..bottom` where they fit: runs
/// that touch are pooled and centred on the mean of what they wanted (pool adjacent violators).
fn spread(wanted: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let half = |count: usize| count as f64 * LINE_HEIGHT / 2.0;
    let centre = |(sum, count): (f64, usize)| {
        (sum / count as f64)
            .min(bottom - half(count))
            .max(top + half(count))
    };
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for position in wanted {
        let mut pool = (*position, 1);
        while let Some(before) = pools.pop() {
            if centre(before) + half(before.1) <= centre(pool) - half(pool.1) {
                pools.push(before);
                break;
            }
            pool = (before.0 + pool.0, before.1 + pool.1);
        }
        pools.push(pool);
    }
    let lines = |pool: (f64, usize)| {
        (0..pool.1).map(move |i| centre(pool) - half(pool.1) + LINE_HEIGHT * (i as f64 + 0.5))
    };
    pools.into_iter().flat_map(lines).collect()
}

/// An entry of a legend: a swatch and what it stands for.
pub(super) struct Entry {
    pub(super) ink: Ink,
    pub(super) swatch: Swatch,
    pub(super) name: String,
}

impl Entry {
    /// A shade of the first series.
    pub(super) fn shade(opacity: f64, name: &str) -> Self {
        Self {
            ink: Ink::Series(0),
            swatch: Swatch::Shade(opacity),
            name: name.to_owned(),
        }
    }
}

/// What stands before a name.
pub(super) enum Swatch {
    /// A line with its marker, by series.
    Line(usize),
    /// A line.
    Bare,
    /// A mark as small as one of many.
    Dot,
    /// A filled square.
    Square,
    /// The same, so opaque.
    Shade(f64),
}

/// Entries in rows from `y` on; returns where the rows end.
pub(super) fn legend(canvas: &mut Canvas, y: f64, entries: &[Entry]) -> f64 {
    const SWATCH: f64 = 26.0;
    let (mut x, mut y) = (theme::MARGIN, y + 8.0);
    for entry in entries {
        let name = measure::fit(&entry.name, theme::BODY, 400.0);
        let width = SWATCH + measure::width(&name, theme::BODY) + 20.0;
        if x + width > theme::WIDTH - theme::MARGIN + 20.0 && x > theme::MARGIN {
            (x, y) = (theme::MARGIN, y + 18.0);
        }
        draw_swatch(canvas, x, y, entry);
        canvas.text(Text::new(x + SWATCH, y, name, theme::BODY, Ink::Text));
        x += width;
    }
    y + 12.0
}

fn draw_swatch(canvas: &mut Canvas, x: f64, y: f64, entry: &Entry) {
    let mut square = |half: f64, opacity: f64| {
        let middle = x + 11.0;
        let square = Rect {
            left: middle - half,
            top: y - half,
            right: middle + half,
            bottom: y + half,
        };
        canvas.rect(square, entry.ink, opacity);
    };
    match entry.swatch {
        Swatch::Square => square(7.0, 1.0),
        Swatch::Shade(opacity) => square(7.0, opacity),
        Swatch::Dot => square(2.5, 1.0),
        Swatch::Line(series) => {
            line_swatch(canvas, (x, y), entry.ink);
            marker(canvas, series, (x + 10.0, y));
        }
        Swatch::Bare => line_swatch(canvas, (x, y), entry.ink),
    }
}

fn line_swatch(canvas: &mut Canvas, (x, y): (f64, f64), ink: Ink) {
    canvas.line(vec![(x, y), (x + 20.0, y)], Stroke::new(ink, theme::LINE));
}

/// Markers along a line, a few dozen pixels apart, starting elsewhere for each series so that they do not cover one
/// another where lines run together.
pub(super) fn markers(
    canvas: &mut Canvas,
    panel: &Panel,
    series: usize,
    values: &[(f64, Option<f64>)],
) {
    let spacing = (panel.area.width() / 7.0).max(60.0);
    let mut due =
        panel.area.left + spacing * ((series % theme::SERIES) as f64 + 0.5) / theme::SERIES as f64;
    let points = values
        .iter()
        .filter_map(|(x, value)| Some((panel.x(*x), panel.y((*value)?))));
    let points: Vec<(f64, f64)> = points.collect();
    for (from, to) in points.iter().zip(points.iter().skip(1)) {
        while due > from.0 && due <= to.0 {
            let share = (due - from.0) / (to.0 - from.0);
            marker(canvas, series, (due, from.1 + share * (to.1 - from.1)));
            due += spacing;
        }
    }
}

/// The marker of a series: a shape of its own.
pub(super) fn marker(canvas: &mut Canvas, series: usize, (x, y): (f64, f64)) {
    const R: f64 = RADIUS;
    let shape: &[(f64, f64)] = match series % theme::SERIES {
        0 => &[
            (R, 0.0),
            (0.7 * R, 0.7 * R),
            (0.0, R),
            (-0.7 * R, 0.7 * R),
            (-R, 0.0),
            (-0.7 * R, -0.7 * R),
            (0.0, -R),
            (0.7 * R, -0.7 * R),
        ],
        1 => &[(-R, -R), (R, -R), (R, R), (-R, R)],
        2 => &[(0.0, -1.2 * R), (1.2 * R, R), (-1.2 * R, R)],
        3 => &[
            (0.0, -1.4 * R),
            (1.4 * R, 0.0),
            (0.0, 1.4 * R),
            (-1.4 * R, 0.0),
        ],
        4 => &[(0.0, 1.2 * R), (1.2 * R, -R), (-1.2 * R, -R)],
        5 => &[
            (-1.3 * R, -0.6 * R),
            (1.3 * R, -0.6 * R),
            (1.3 * R, 0.6 * R),
            (-1.3 * R, 0.6 * R),
        ],
        _ => &[
            (-0.6 * R, -1.3 * R),
            (0.6 * R, -1.3 * R),
            (0.6 * R, 1.3 * R),
            (-0.6 * R, 1.3 * R),
        ],
    };
    canvas.area(
        shape.iter().map(|(dx, dy)| (x + dx, y + dy)).collect(),
        Ink::Series(series),
        1.0,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_that_do_not_touch_stay() {
        assert_eq!(
            spread(&[100.0, 200.0, 300.0], 0.0, 400.0),
            [100.0, 200.0, 300.0]
        );
    }

    #[test]
    fn labels_at_one_place_are_centred_on_it() {
        assert_eq!(
            spread(&[100.0, 100.0, 100.0], 0.0, 400.0),
            [85.0, 100.0, 115.0]
        );
        assert_eq!(spread(&[0.0, 0.0], 0.0, 400.0), [7.5, 22.5]);
    }

    proptest! {
        #[test]
        fn labels_never_touch(mut wanted in prop::collection::vec(0.0_f64..300.0, 1..20)) {
            wanted.sort_by(f64::total_cmp);
            let placed = spread(&wanted, 0.0, 300.0);
            prop_assert_eq!(placed.len(), wanted.len());
            for (a, b) in placed.iter().zip(placed.iter().skip(1)) {
                prop_assert!(b - a >= LINE_HEIGHT - 1e-6);
            }
            prop_assert!(placed[0] >= 0.0 && placed[placed.len() - 1] <= 300.0);
        }
    }
}
