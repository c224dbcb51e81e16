//! Fan-out: publications that say when they were due, and the subscribers that hear them.
//!
//! Publishing is a load like any other, whose requests carry a [`stamp`]. Beside it a thread of its own keeps the
//! [`listeners`], which are subscribed before the first publication and listen until all have come that are expected, or
//! nothing more comes.

pub(super) mod listeners;
mod message;
pub(super) mod publisher;
mod stamp;

pub(super) use stamp::Publication;

pub use listeners::Heard;
pub use publisher::Published;
