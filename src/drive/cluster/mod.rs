//! A cluster as if it were one server: a [`Map`] of which node has which slot, and [`Shards`], a stream that sends every
//! request to the node of its key.
//!
//! To the rest of the drive it is a stream like any other: requests go in, replies come out in the same order, so that
//! driving one node costs nothing more for it. Each client has a connection to each node it needs. MOVED and ASK are
//! followed, and what is learnt of them holds for all clients of a run.
//!
//! As replies keep the order of requests, a client with a pipeline takes those of a slow node before those behind them
//! from fast ones.

mod link;
mod map;
mod redirection;
mod request;
mod shards;

pub use map::{Map, Met};
pub use shards::Shards;
