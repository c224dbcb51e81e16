//! Which key goes when room is needed.
//!
//! Knows no keys and no sockets: it works on opaque handles with a 32-bit access word each, so that a simulator can run the
//! same policies over bare ids. Three parts, held together by [`Evictor`]:
//!
//! ```text
//! AccessLog    what the access words mean: a tick of the LRU clock, an LFU counter, or a node of an exact LRU list
//! Policy       which handle goes, judged by words and deadlines; one file per policy
//! Population   the keys as a policy sees them; the keyspace implements it
//! ```

mod access;
mod evictor;
mod exact_list;
mod frequency;
mod lfu;
mod lru;
mod lru_exact;
mod name;
mod none;
mod policy;
mod pool;
mod random;
mod recency;
mod ttl;
mod uniform;

pub use access::{AccessLog, History};
pub use evictor::{Evictor, Tuning};
pub use name::{PolicyName, UnknownPolicy};
pub use policy::{Candidate, Handle, Population, Scope};
pub use random::Random;
