//! Survival by last access: the fingerprint of an eviction policy.

use super::canvas::PlotError;
use super::repeats;
use super::survival_curve::{self, Subject};
use crate::recording::model::Recording;
use crate::stats::{Summary, human};
use crate::workload::plan::Capacity;

/// Draws it; nothing where no cell was probed.
pub fn draw(recording: &Recording) -> Result<Option<String>, PlotError> {
    survival_curve::draw(
        recording,
        &Subject {
            title: "Survival by last access",
            how_to_read: format!(
                "{}: keys ranked by when they were last touched; exact LRU draws a step, sampled LRU smears it, a policy that does not \
             look at recency draws a flat line.{}",
                recording.plan.name,
                repeats(recording),
            ),
            x_name: "keys ranked by last touch, latest first",
            order: |survival| &survival.by_last_access,
            mark: edge(recording),
        },
    )
}

/// Where exact LRU would draw its step: at the number of keys that fit, if cells agree on it.
fn edge(recording: &Recording) -> Option<(f64, String)> {
    if recording.plan.capacity == Capacity::AsConfigured {
        return None;
    }
    let repetitions = recording.cells.iter().flat_map(|cell| &cell.repetitions);
    let present: Vec<f64> = repetitions
        .filter_map(|one| one.survival.as_ref())
        .map(|survival| survival.present as f64)
        .collect();
    let fit = Summary::of(&present)?;
    let agreed = fit.max - fit.min <= 0.05 * fit.mean;
    agreed.then(|| {
        (
            fit.mean,
            format!(
                "room for {} keys: the step of exact LRU",
                human::count(fit.mean.round() as u64)
            ),
        )
    })
}
