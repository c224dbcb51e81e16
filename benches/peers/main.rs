//! Server CPU per operation, bytes per key, what a request costs the client, how late it is sent, and how fast a cluster forms,
//! fails over and moves slots, beside the peers.
//!
//! All servers are measured in one run, on the same work from the same generator, in rounds that alternate between
//! them: a shared machine drifts by tens of percent within minutes, so ratios within a round are what to read, and
//! absolute figures are not. Run it on a quiet machine:
//!
//! ```text
//! cargo bench --bench peers                                  everything, about ten minutes
//! cargo bench --bench peers -- --rounds 9 --keys 1000000 cpu memory client lateness cluster
//! ```

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints its result and ends where it cannot measure"
)]

mod client;
mod cluster;
mod cpu;
mod lateness;
mod memory;
mod ratio;

#[path = "../../tests/common/mod.rs"]
mod common;

use std::process::Command;

use common::program;

/// What was asked for on the command line.
struct Options {
    /// Interleaved rounds of every measurement.
    rounds: usize,
    /// Keys in the servers.
    keys: u64,
    /// `cpu`, `memory`, `client`, `lateness`, `cluster`; all where none is named.
    parts: Vec<String>,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            rounds: 5,
            keys: 1_000_000,
            parts: Vec::new(),
        };
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok());
            match argument.as_str() {
                "--rounds" => {
                    options.rounds = number().filter(|n| *n > 0).ok_or("--rounds N")? as usize
                }
                "--keys" => options.keys = number().filter(|n| *n > 0).ok_or("--keys N")?,
                "cpu" | "memory" | "client" | "lateness" | "cluster" => {
                    options.parts.push(argument)
                }
                other => {
                    return Err(format!(
                        "{other}: [--rounds N] [--keys N] [cpu] [memory] [client] [lateness] [cluster]"
                    ));
                }
            }
        }
        Ok(options)
    }

    fn wants(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|wanted| wanted == part)
    }
}

fn main() {
    // `cargo test --benches` runs this too, for which it is far too long.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("run by: cargo bench --bench peers");
        return;
    }
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(usage) => {
            println!("{usage}");
            std::process::exit(2);
        }
    };
    if options.wants("memory") {
        memory::measure(options.keys);
    }
    if options.wants("cpu") {
        cpu::measure(options.rounds, options.keys);
    }
    if options.wants("client") {
        client::measure(options.rounds, options.keys);
    }
    if options.wants("lateness") {
        lateness::measure();
    }
    if options.wants("cluster") {
        cluster::measure(options.rounds);
    }
}

/// What makes a program run on one core only; nothing where that cannot be done.
fn on_core(core: &'static str) -> Vec<&'static str> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match program("taskset") {
        Some(_) if cores > 1 => vec!["taskset", "-c", core],
        _ => Vec::new(),
    }
}

/// A command that runs behind `launcher`.
fn command(launcher: &[&str], program: &std::path::Path) -> Command {
    let Some((first, rest)) = launcher.split_first() else {
        return Command::new(program);
    };
    let mut command = Command::new(first);
    command.args(rest).arg(program);
    command
}
