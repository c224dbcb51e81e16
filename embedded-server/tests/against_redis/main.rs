//! The embedded server beside a real redis-server: the same questions to both, the same answers from both.
//!
//! Most tests here need `redis-server` on the path (7.0, whose behaviour is the yardstick); where there is
//! none they print `SKIPPED: redis-server not found` and pass.

// All of this crate is test: its helpers assert by panicking, as tests do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

mod ageing;
mod blocking;
mod client;
mod compatibility;
mod differential;
mod elements;
mod embedded;
mod formats;
mod frame;
mod introspection;
mod newer;
mod peer;
mod scenario;
mod serialized;
mod streams;
mod templates;
mod tracking;
