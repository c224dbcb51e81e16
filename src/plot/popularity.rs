//! Survival by popularity: whether a policy keeps what is asked for most.

use super::canvas::PlotError;
use super::repeats;
use super::survival_curve::{self, Subject};
use crate::recording::model::Recording;

/// Draws it; nothing where no cell was probed.
///
/// # Errors
/// Where the picture cannot be written, which would be a fault of ours.
pub(super) fn draw(recording: &Recording) -> Result<Option<String>, PlotError> {
    survival_curve::draw(
        recording,
        &Subject {
            title: "Survival by popularity",
            how_to_read: format!(
                "{}: keys ranked by how often they were touched; a policy that keeps what is asked for most draws a step, one that \
                 does not look at it draws a flat line.{}",
                recording.plan.name,
                repeats(recording),
            ),
            x_name: "keys ranked by touches, most first",
            order: |survival| &survival.by_popularity,
            mark: None,
        },
    )
}
