//! The recording: what a run leaves, and all that reports, plots, comparisons and gates may look at.

pub mod keys;
pub mod latency;
pub mod model;
