//! The house style: every colour, size and distance of the plots.
//!
//! Colours are those of Okabe and Ito ("Color Universal Design", 2008), which people with any common colour blindness
//! tell apart; each series has a marker of its own besides. A picture carries a style sheet that swaps each colour
//! for its dark twin where the reader's system is dark, so the same file serves a light page, a dark page and paper.

use std::fmt::Write as _;

/// Width of every picture, pixels.
pub(super) const WIDTH: f64 = 900.0;
/// Distance of everything from the edges.
pub(super) const MARGIN: f64 = 20.0;
/// Room left of a panel for the name of its axis and the labels of its ticks.
pub(super) const AXIS_ROOM: f64 = 64.0;
/// Room below a panel for the labels of its ticks.
pub(super) const TICK_ROOM: f64 = 20.0;
/// Room below the labels of the ticks for the name of the axis.
pub(super) const NAME_ROOM: f64 = 20.0;
/// Distance between panels side by side.
pub(super) const GAP: f64 = 32.0;

/// Font sizes, pixels.
pub(super) const TITLE: f64 = 18.0;
/// The grey line, names of axes, labels of lines.
pub(super) const BODY: f64 = 12.0;
/// Ticks and notes inside a panel.
pub(super) const SMALL: f64 = 11.0;

/// Width of a data line.
pub(super) const LINE: f64 = 2.0;
/// Opacity of the band from the smallest to the largest repetition.
pub(super) const SPREAD: f64 = 0.16;

/// What something is drawn in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// The ground.
    Paper,
    /// Titles and labels.
    Text,
    /// Explanations and ticks.
    Muted,
    /// Grid lines.
    Grid,
    /// Axes.
    Axis,
    /// Every other phase, and the part of a bar that is missing.
    Band,
    /// A series, by its number.
    Series(usize),
}

/// How many series can be told apart in one panel.
pub(super) const SERIES: usize = 7;

/// Colours on white with their twins on a dark ground. Each light colour is unique: the style sheet finds it by value.
const SURFACES: [((u8, u8, u8), &str); 6] = [
    ((255, 255, 255), "#171A1F"),
    ((34, 34, 34), "#E8E8E8"),
    ((102, 102, 102), "#A3A8AF"),
    ((224, 224, 224), "#343A42"),
    ((110, 110, 110), "#8A9099"),
    ((236, 238, 241), "#262B32"),
];

/// Okabe and Ito's colours but for yellow, which does not read on white, and black, which is the seventh here.
const PALETTE: [((u8, u8, u8), &str); SERIES] = [
    ((0x00, 0x72, 0xB2), "#4FA3E0"),
    ((0xD5, 0x5E, 0x00), "#F0803C"),
    ((0x00, 0x9E, 0x73), "#2BC298"),
    ((0xCC, 0x79, 0xA7), "#E39BC3"),
    ((0xE6, 0x9F, 0x00), "#F2B632"),
    ((0x56, 0xB4, 0xE9), "#9AD6FF"),
    ((0x33, 0x33, 0x33), "#DDDDDD"),
];

impl Ink {
    /// The colour on white.
    pub(super) fn rgb(self) -> (u8, u8, u8) {
        self.twins().0
    }

    fn twins(self) -> ((u8, u8, u8), &'static str) {
        let [paper, text, muted, grid, axis, band] = SURFACES;
        match self {
            Self::Paper => paper,
            Self::Text => text,
            Self::Muted => muted,
            Self::Grid => grid,
            Self::Axis => axis,
            Self::Band => band,
            Self::Series(number) => PALETTE.get(number % SERIES).copied().unwrap_or(text),
        }
    }
}

/// The style sheet of a picture: round joins, and the dark twins.
pub(super) fn style_sheet() -> String {
    let mut sheet = String::from(
        "polyline{stroke-linejoin:round;stroke-linecap:round}@media screen and (prefers-color-scheme:dark){",
    );
    for ((red, green, blue), dark) in SURFACES.iter().chain(&PALETTE) {
        let light = format!("#{red:02X}{green:02X}{blue:02X}");
        // Writing to a String cannot fail.
        let _ = write!(
            sheet,
            "[fill=\"{light}\"]{{fill:{dark}}}[stroke=\"{light}\"]{{stroke:{dark}}}"
        );
    }
    sheet.push('}');
    sheet
}

/// The colours of series as custom properties of a page, `--series-0` first, with their dark twins.
pub(super) fn properties() -> String {
    let (mut light, mut dark) = (String::new(), String::new());
    for (series, ((red, green, blue), twin)) in PALETTE.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(light, "--series-{series}:#{red:02x}{green:02x}{blue:02x};");
        let _ = write!(dark, "--series-{series}:{twin};");
    }
    format!(":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_colours_are_mistaken_for_each_other_in_the_dark() {
        let mut lights: Vec<_> = SURFACES
            .iter()
            .chain(&PALETTE)
            .map(|(light, _)| *light)
            .collect();
        lights.sort_unstable();
        lights.dedup();
        assert_eq!(lights.len(), SURFACES.len() + PALETTE.len());
    }
}
