//! Estimators and intervals, and figures as people read them. Pure: numbers in, numbers out.
//!
//! [`summary`] for repeated measurements, [`student_t`] for intervals of their mean, [`welch`] for the difference of two, [`pool`] for histograms,
//! [`change_points`] for a history, [`signed_rank`] and [`holm`] for pairs, [`human`] for text.

pub mod change_points;
pub mod holm;
pub mod human;
pub mod pool;
pub mod signed_rank;
pub mod student_t;
pub mod summary;
pub mod welch;

pub use pool::pool;
pub use summary::Summary;
