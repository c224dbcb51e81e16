//! cachebench beside the software it is compared with: clients that were written for Redis, and real servers.
//!
//! What is not installed is left out with a line `SKIPPED: ...`; `scripts/peers.sh` installs it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends by panicking; clippy's exemption does not reach a test's helpers"
)]

#[path = "../common/mod.rs"]
mod common;

mod clients;
mod flood;
mod tutorial;
