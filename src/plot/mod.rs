//! Pictures of a recording, each an SVG document made from the recording alone and the same each time.
//!
//! A file per plot, in the order of [`all`]; [`theme`] is the house style, `canvas` the marks and how plotters writes
//! them, `panel` and `scale` the axes, `labels` the names of lines, `repeated` what becomes of repetitions.

mod canvas;
mod differences;
mod errors;
mod events;
mod grid;
mod heat;
pub mod insertion;
mod knee;
mod labels;
pub mod last_access;
mod load_time;
mod measure;
pub mod memory;
mod node_load;
mod owners;
pub mod pairs;
mod panel;
mod popularity;
mod repeated;
mod rows;
mod scale;
mod slot_heat;
pub mod spectrum;
mod survival_curve;
#[cfg(test)]
mod tests;
mod theme;
pub mod timeline;
pub mod trend;

pub use canvas::PlotError;

use crate::recording::model::Recording;

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// Name of its file, without the ending.
    pub name: &'static str,
    /// The SVG document.
    pub svg: String,
}

/// How one plot is made: nothing where the recording has nothing for it.
type Draw = fn(&Recording) -> Result<Option<String>, PlotError>;

/// Every plot there is, in the order in which a report shows them.
const PLOTS: [(&str, Draw); 12] = [
    ("survival_by_insertion", insertion::draw),
    ("survival_by_last_access", last_access::draw),
    ("survival_by_popularity", popularity::draw),
    ("differences", differences::draw),
    ("knee", knee::draw),
    ("latency_by_percentile", spectrum::draw),
    ("latency_over_time", heat::draw),
    ("timeline", timeline::draw),
    ("errors", errors::draw),
    ("node_load", node_load::draw),
    ("slot_heat", slot_heat::draw),
    ("memory", memory::draw),
];

/// Every plot that `recording` has something for.
///
/// # Errors
/// Where a picture cannot be written, which would be a fault of ours.
pub fn all(recording: &Recording) -> Result<Vec<Plot>, PlotError> {
    let mut plots = Vec::new();
    for (name, draw) in PLOTS {
        if let Some(svg) = draw(recording)? {
            plots.push(Plot { name, svg });
        }
    }
    Ok(plots)
}

/// The colours of series for a style sheet of a page: `--series-0` and so on.
#[must_use]
pub fn colours() -> String {
    theme::properties()
}

fn is_repeated(recording: &Recording) -> bool {
    recording
        .cells
        .iter()
        .any(|cell| cell.repetitions.len() > 1)
}

/// What is said of a picture that shows one repetition of each cell, if there are more.
fn of_the_first(recording: &Recording) -> &'static str {
    if is_repeated(recording) {
        " First repetition."
    } else {
        ""
    }
}

/// What lines and bands are where cells were repeated.
fn repeats(recording: &Recording) -> String {
    let most = recording
        .cells
        .iter()
        .map(|cell| cell.repetitions.len())
        .max()
        .unwrap_or_default();
    if most > 1 {
        format!(" Lines: mean of {most} repetitions; bands: smallest to largest.")
    } else {
        String::new()
    }
}
