//! The embedded server beside a real redis-server: the same questions to both, the same answers from both.
//!
//! Every test here needs `redis-server` on the path (7.0, whose behaviour is the yardstick); where there is
//! none it prints `SKIPPED: redis-server not found` and passes.

// All of this crate is test: its helpers assert by panicking, as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod formats;
mod peer;
