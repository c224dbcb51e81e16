//! Estimators and intervals, and figures as people read them. Pure: numbers in, numbers out.
//!
//! [`summary`] for repeated measurements, [`student_t`] for intervals of their mean, [`pool`] for histograms,
//! [`human`] for text.

pub mod human;
pub mod pool;
pub mod student_t;
pub mod summary;

pub use pool::pool;
pub use summary::Summary;
