//! Which key goes when room is needed. Policies work on opaque handles: they know no keys and no sockets.

mod name;

pub use name::{PolicyName, UnknownPolicy};
