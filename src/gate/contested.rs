//! What an A/B leaves: who took part, what was measured, what was decided.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pairs::{Decision, Pair};
use crate::recording::model::{Machine, Server};

/// An A/B that was driven and decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contested {
    /// What the candidate was held against.
    pub baseline: Server,
    /// What was judged.
    pub candidate: Server,
    /// The machine that drove.
    pub machine: Machine,
    /// Name of the phase that was measured.
    pub phase: String,
    /// Label of the cell whose directives were in force.
    pub cell: String,
    /// Length of a slice, seconds.
    pub slice_s: f64,
    /// The decision.
    pub decision: Decision,
    /// What it was made from, in time order.
    pub pairs: Vec<Pair>,
}
