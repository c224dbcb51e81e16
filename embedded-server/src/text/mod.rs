//! How bytes read as patterns and as numbers, by the rules the Redis protocol's users rely on. Pure.

pub mod double;
pub mod extended;
pub mod glob;
pub mod integer;

mod natural;
