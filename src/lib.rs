//! cachebench: a benchmark and workload generator for caches that speak the Redis protocol.
//!
//! Data flows one way, and the recording is the wall in the middle:
//!
//! ```text
//! YAML -> workload -> traffic + drive on target -> RECORDING -> report, plot -> pictures and verdicts
//! ```
//!
//! `runner` is the only module that knows both sides of the drive; `cli` is the only one that knows the
//! terminal, the environment and exit codes. `ARCHITECTURE.md` has the map.

pub mod cli;
pub mod drive;
pub mod gate;
pub mod plot;
pub mod recording;
pub mod report;
pub mod runner;
pub mod stats;
pub mod survival;
pub mod target;
pub mod trace;
pub mod traffic;
pub mod workload;
