//! How bytes read as patterns and as numbers, and how they are digested, by the rules the Redis protocol's users rely on.
//! Pure.

pub mod double;
pub mod extended;
pub mod glob;
pub mod integer;
pub mod sha1;

mod natural;
