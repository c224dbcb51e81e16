//! The recording: what a run leaves, and all that reports, plots, comparisons and gates may look at.
//!
//! `recording.json` is self-sufficient: every other file is made from it alone, so that a report can be drawn again
//! at any time. [`model`] says what is in it, [`latency`], [`keys`] and [`losses`] how histograms and per-key figures are packed,
//! [`read`] and [`write`] move it between memory and disk.

mod csv;
#[cfg(test)]
pub(crate) mod fixture;
pub mod hlog;
pub mod keys;
pub mod latency;
pub mod losses;
mod lost_writes_csv;
pub mod model;
pub mod read;
mod survival_csv;
mod timeline_csv;
pub mod write;

/// The JSON Schema (draft 7) of [`model::Recording`].
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<model::Recording>()
}

#[cfg(test)]
mod tests;
