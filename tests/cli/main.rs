//! The command line as people and scripts meet it: exit codes, the sentences of errors, and what is kept when a run ends early.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends by panicking; clippy's exemption does not reach a test's helpers"
)]

#[path = "../common/mod.rs"]
mod common;

mod bad_workloads;
mod clients;
mod endings;
mod judging;
mod metrics;
mod mishaps;
mod tool;
