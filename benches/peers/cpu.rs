//! Server CPU microseconds per operation: redis-benchmark drives every server with the same requests.

use std::path::Path;
use std::process::Stdio;

use crate::common::{Kind, Server, program_or_skip};
use crate::ratio::Spread;
use crate::{command, on_core};

/// Connections, as redis-benchmark opens them by default.
const CONNECTIONS: &str = "50";
/// Requests in flight per connection, and requests of one slice: about half a second each.
const SLICES: [(u32, u64); 3] = [(1, 40_000), (16, 300_000), (64, 600_000)];
/// As long as the values of the published figures.
const VALUE: &str = "0123456789abcdef";

/// Prints a line per operation and pipeline.
pub(crate) fn measure(rounds: usize, keys: u64) {
    let Some(generator) = program_or_skip("redis-benchmark", "server CPU per operation") else {
        return;
    };
    if on_core("0").is_empty() {
        println!(
            "SKIPPED: pinning to cores: no taskset, or one core only; the figures scatter more"
        );
    }
    let directives = ["--maxmemory", "0"];
    let start = |kind| Server::start_behind(&on_core("0"), kind, &directives);
    let servers: Vec<_> = Kind::ALL.into_iter().filter_map(start).collect();
    servers.iter().for_each(|server| fill(server, keys));

    println!(
        "\nServer CPU, microseconds per operation: {keys} keys, {CONNECTIONS} connections, 16-byte keys and values,"
    );
    println!(
        "medians of {rounds} rounds; ratio = cachebench / peer within a round: min median max"
    );
    for operation in ["GET", "SET"] {
        for (pipeline, requests) in SLICES {
            let slice = Slice {
                generator: &generator,
                operation,
                pipeline,
                requests,
                keys,
            };
            let series = slice.in_rounds(&servers, rounds);
            print_line(
                &format!("{operation} pipeline {pipeline:>2}"),
                &servers,
                &series,
            );
        }
    }
}

/// Writes `key:000000000000` and on, which are the keys that redis-benchmark draws.
pub(crate) fn fill(server: &Server, keys: u64) {
    let mut connection = server.connect();
    for from in (0..keys).step_by(10_000) {
        let mut pipe = redis::pipe();
        for key in from..keys.min(from + 10_000) {
            pipe.cmd("SET")
                .arg(format!("key:{key:012}"))
                .arg(VALUE)
                .ignore();
        }
        pipe.query::<()>(&mut connection)
            .expect("the server takes the keys");
    }
}

/// One measurement: so many requests of one kind.
struct Slice<'a> {
    generator: &'a Path,
    operation: &'a str,
    pipeline: u32,
    requests: u64,
    keys: u64,
}

impl Slice<'_> {
    /// Microseconds per operation: a series per server, a figure per round. Each round begins with another server.
    fn in_rounds(&self, servers: &[Server], rounds: usize) -> Vec<Vec<f64>> {
        let mut series = vec![Vec::new(); servers.len()];
        for round in 0..rounds {
            for turn in 0..servers.len() {
                let at = (round + turn) % servers.len();
                series[at].push(self.server_microseconds(&servers[at]));
            }
        }
        series
    }

    fn server_microseconds(&self, server: &Server) -> f64 {
        let before = server.cpu();
        self.run(server.port);
        (server.cpu() - before).as_secs_f64() * 1e6 / self.requests as f64
    }

    fn run(&self, port: u16) {
        let mut load = command(&on_core("1"), self.generator);
        load.args(["-p", &port.to_string(), "-c", CONNECTIONS, "-q"])
            .args([
                "-n",
                &self.requests.to_string(),
                "-r",
                &self.keys.to_string(),
            ])
            .args([
                "-P",
                &self.pipeline.to_string(),
                self.operation,
                "key:__rand_int__",
            ]);
        if self.operation == "SET" {
            load.arg(VALUE);
        }
        let status = load
            .stdout(Stdio::null())
            .status()
            .expect("redis-benchmark runs");
        assert!(status.success(), "redis-benchmark: {status}");
    }
}

fn print_line(what: &str, servers: &[Server], series: &[Vec<f64>]) {
    let medians = servers.iter().zip(series).map(|(server, figures)| {
        format!(
            "{} {:6.3}",
            server.kind.name(),
            Spread::of(figures.iter().copied()).median()
        )
    });
    let ratios = servers.iter().zip(series).skip(1).map(|(server, figures)| {
        format!(
            "/ {} {}",
            server.kind.name(),
            Spread::of_ratios(&series[0], figures)
        )
    });
    let line: Vec<_> = medians.chain(ratios).collect();
    println!("{what}   {}", line.join("   "));
}
