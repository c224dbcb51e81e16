//! Reports of a recording: figures, words, a page. Pure but for [`write`], which puts them into a folder.
//!
//! [`figures`] is everything that is said of a recording, once; [`text`] prints it for a terminal, [`html`] for a
//! browser, and as JSON it is what `--output-format json` prints; [`comparison`] is of several recordings, [`trend`] of many,
//! [`gate`] of a verdict. Nothing here looks beyond recordings, so a report can be made again at any time and comes out the same.

mod answer;
pub mod comparison;
mod delivery;
mod drawn;
mod expectation;
pub mod figures;
pub mod gate;
pub mod html;
mod live;
mod losses;
mod nodes;
mod spread;
#[cfg(test)]
mod tests;
pub mod text;
pub mod trend;
pub mod unit;
mod verified;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::plot::{self, PlotError};
use crate::recording::model::Recording;
use crate::recording::write::{WriteError, write_file, write_tables};

pub use figures::Figures;

/// The JSON Schema (draft 7) of what a report prints as JSON.
#[must_use]
pub fn schema_of<T: schemars::JsonSchema>() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft07()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<T>()
}

/// The page.
pub const PAGE_FILE: &str = "report.html";

/// A report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A picture could not be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

/// Writes everything that is made from a recording into `folder`: tables, `plots/NAME.svg`, `report.html` last; and
/// says which files.
///
/// # Errors
/// Where a file cannot be written; those written before stay.
pub fn write(recording: &Recording, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let mut files = write_tables(recording, folder)?;
    let plots = plot::all(recording)?;
    for plot in &plots {
        let path = folder.join("plots").join(format!("{}.svg", plot.name));
        files.push(write_file(&path, |out| out.write_all(plot.svg.as_bytes()))?);
    }
    let page = html::page(recording, &Figures::of(recording), &plots);
    files.push(write_file(&folder.join(PAGE_FILE), |out| {
        out.write_all(page.as_bytes())
    })?);
    Ok(files)
}
