//! Server CPU microseconds per operation: redis-benchmark drives every server with the same requests.

use std::path::Path;
use std::process::Stdio;

use crate::common::{Kind, Server, program_or_skip};
use crate::ratio::Spread;
use crate::{command, on_core};

/// Connections, as redis-benchmark opens them by default.
const CONNECTIONS: &str = "50";
/// As long as the values of the published figures.
const VALUE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// What `__rand_int__` counts up to where it is not the number of keys: members of the sorted set.
const MEMBERS: u64 = 100_000;

/// What redis-benchmark is told to send.
struct Operation {
    name: &'static str,
    words: &'static [&'static str],
    /// Requests in flight per connection, and requests of one slice: about half a second each.
    slices: &'static [(u32, u64)],
    /// Of how many keys, fields or members it draws; as many as there are keys where it does not say.
    draws_of: Option<u64>,
}

const BATCHED: &[(u32, u64)] = &[(16, 300_000), (64, 600_000)];
const SINGLE_AND_BATCHED: &[(u32, u64)] = &[(1, 40_000), (16, 300_000), (64, 600_000)];
const LONG: &[(u32, u64)] = &[(16, 80_000), (64, 150_000)];

const OPERATIONS: &[Operation] = &[
    Operation::new("GET", &["GET", "key:__rand_int__"], SINGLE_AND_BATCHED),
    Operation::new(
        "SET",
        &["SET", "key:__rand_int__", VALUE],
        SINGLE_AND_BATCHED,
    ),
    Operation::new("INCR", &["INCR", "counter:__rand_int__"], BATCHED),
    Operation::new("LPUSH", &["LPUSH", "list", VALUE], BATCHED),
    Operation::new(
        "HSET",
        &["HSET", "hash", "field:__rand_int__", VALUE],
        BATCHED,
    ),
    Operation {
        draws_of: Some(MEMBERS),
        ..Operation::new(
            "ZADD",
            &["ZADD", "sorted", "__rand_int__", "member:__rand_int__"],
            BATCHED,
        )
    },
    Operation::new("MGET 10", &MGET, LONG),
];

const MGET: [&str; 11] = {
    let mut words = ["key:__rand_int__"; 11];
    words[0] = "MGET";
    words
};

impl Operation {
    const fn new(
        name: &'static str,
        words: &'static [&'static str],
        slices: &'static [(u32, u64)],
    ) -> Self {
        Self {
            name,
            words,
            slices,
            draws_of: None,
        }
    }
}

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
        "\nServer CPU, microseconds per operation: {keys} keys, {CONNECTIONS} connections, 16-byte keys, 64-byte values,"
    );
    println!(
        "medians of {rounds} rounds; ratio = cachebench / peer within a round: min median max; user = the same of the time \
         outside of the kernel, which costs all of them alike, over all rounds"
    );
    for operation in OPERATIONS {
        for &(pipeline, requests) in operation.slices {
            let slice = Slice {
                generator: &generator,
                operation,
                pipeline,
                requests,
                keys,
            };
            let series = slice.in_rounds(&servers, rounds);
            print_line(
                &format!("{:7} pipeline {pipeline:>2}", operation.name),
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
    operation: &'a Operation,
    pipeline: u32,
    requests: u64,
    keys: u64,
}

/// What a server took over the rounds.
#[derive(Clone, Default)]
struct Series {
    /// Microseconds per operation in each round.
    per_operation: Vec<f64>,
    /// Seconds outside of the kernel, of all rounds.
    user_s: f64,
}

impl Slice<'_> {
    /// A series per server, a figure per round. Each round begins with another server.
    fn in_rounds(&self, servers: &[Server], rounds: usize) -> Vec<Series> {
        let mut series = vec![Series::default(); servers.len()];
        for round in 0..rounds {
            for turn in 0..servers.len() {
                let at = (round + turn) % servers.len();
                self.measure(&servers[at], &mut series[at]);
            }
        }
        series
    }

    fn measure(&self, server: &Server, series: &mut Series) {
        let (before, user_before) = (server.cpu(), server.user_cpu());
        self.run(server.port);
        let took_us = (server.cpu() - before).as_secs_f64() * 1e6;
        series.per_operation.push(took_us / self.requests as f64);
        series.user_s += (server.user_cpu() - user_before).as_secs_f64();
    }

    fn run(&self, port: u16) {
        let draws_of = self.operation.draws_of.unwrap_or(self.keys).to_string();
        let (requests, pipeline) = (self.requests.to_string(), self.pipeline.to_string());
        let mut load = command(&on_core("1"), self.generator);
        load.args(["-p", &port.to_string(), "-c", CONNECTIONS, "-q"])
            .args(["-n", &requests, "-r", &draws_of, "-P", &pipeline])
            .args(self.operation.words);
        let status = load
            .stdout(Stdio::null())
            .status()
            .expect("redis-benchmark runs");
        assert!(status.success(), "redis-benchmark: {status}");
    }
}

fn print_line(what: &str, servers: &[Server], series: &[Series]) {
    let ours = &series[0];
    let medians = servers.iter().zip(series).map(|(server, series)| {
        let median = Spread::of(series.per_operation.iter().copied()).median();
        format!("{} {median:6.3}", server.kind.name())
    });
    let ratios = servers.iter().zip(series).skip(1).map(|(server, theirs)| {
        format!(
            "/ {} {}, user {:.2}",
            server.kind.name(),
            Spread::of_ratios(&ours.per_operation, &theirs.per_operation),
            ours.user_s / theirs.user_s
        )
    });
    let line: Vec<_> = medians.chain(ratios).collect();
    println!("{what}   {}", line.join("   "));
}
