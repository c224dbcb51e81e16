//! Client CPU microseconds per operation: cachebench and redis-benchmark send the same requests to the same server.
//!
//! Of cachebench it is what its driving threads used, as its recording says; of redis-benchmark, the whole process.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use cachebench::recording::read;

use crate::common::{Kind, Server, program_or_skip};
use crate::ratio::Spread;
use crate::{command, on_core};

/// Connections of both.
const CONNECTIONS: u32 = 50;
/// Requests in flight per connection, and requests of one slice.
const SLICES: [(u32, u64); 3] = [(1, 50_000), (16, 400_000), (64, 800_000)];
/// Where cachebench keeps its keys on a server that is not its own, for a workload named `c`.
const PREFIX: &str = "cachebench:c:";

/// Prints a line per pipeline.
pub(crate) fn measure(rounds: usize, keys: u64) {
    let what = "client CPU per operation";
    let Some(generator) = program_or_skip("redis-benchmark", what) else {
        return;
    };
    let Some(server) = Server::start_behind(&on_core("0"), Kind::Redis, &[]) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bench = Bench {
        generator: &generator,
        server: &server,
        folder: folder.path(),
        keys,
    };
    bench.drive("save: { keys: all, pipeline: 64 }", keys);

    println!(
        "\nClient CPU, microseconds per GET: {keys} keys, {CONNECTIONS} connections, redis-server answers,"
    );
    println!(
        "medians of {rounds} rounds; ratio = cachebench / redis-benchmark within a round: min median max"
    );
    for (pipeline, requests) in SLICES {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            ours.push(bench.cachebench(pipeline, requests));
            theirs.push(bench.redis_benchmark(pipeline, requests));
        }
        println!(
            "GET pipeline {pipeline:>2}   cachebench {:6.3}   redis-benchmark {:6.3}   / redis-benchmark {}",
            Spread::of(ours.iter().copied()).median(),
            Spread::of(theirs.iter().copied()).median(),
            Spread::of_ratios(&ours, &theirs)
        );
    }
}

struct Bench<'a> {
    generator: &'a Path,
    server: &'a Server,
    folder: &'a Path,
    keys: u64,
}

impl Bench<'_> {
    fn cachebench(&self, pipeline: u32, requests: u64) -> f64 {
        let phase = format!(
            "mix: {{ operations: get, keys: uniform, count: {requests}, clients: {CONNECTIONS}, pipeline: {pipeline} }}"
        );
        self.drive(&phase, requests)
    }

    /// Runs a workload of one phase and gives the microseconds that each of its `requests` took.
    fn drive(&self, phase: &str, requests: u64) -> f64 {
        let workload = self.folder.join("c.yaml");
        let text = format!(
            "name: c\nkeys: {{ name: \"key:{{i:012}}\", count: {} }}\nvalues: {{ fixed: 16b }}\nphases:\n  - {phase}\n",
            self.keys
        );
        fs::write(&workload, text).expect("room for a workload");
        let out = self.folder.join("out");
        let mut run = command(&on_core("1"), Path::new(env!("CARGO_BIN_EXE_cachebench")));
        run.arg("run")
            .arg(&workload)
            .arg("--quiet")
            .arg("--out")
            .arg(&out);
        let status = run
            .args(["--target", &self.server.url()])
            .stdout(Stdio::null())
            .status();
        assert!(status.expect("cachebench runs").success(), "cachebench run");
        let recording = read::read(&out).unwrap_or_else(|error| panic!("{error}"));
        let phase = &recording.cells[0].repetitions[0].phases[0];
        assert!(phase.errors.is_empty(), "{:?}", phase.errors);
        phase.client_cpu_s * 1e6 / requests as f64
    }

    fn redis_benchmark(&self, pipeline: u32, requests: u64) -> f64 {
        let before = cpu_of_children();
        let mut load = command(&on_core("1"), self.generator);
        load.args([
            "-p",
            &self.server.port.to_string(),
            "-c",
            &CONNECTIONS.to_string(),
            "-q",
        ])
        .args(["-n", &requests.to_string(), "-r", &self.keys.to_string()])
        .args([
            "-P",
            &pipeline.to_string(),
            "GET",
            &format!("{PREFIX}key:__rand_int__"),
        ]);
        let status = load
            .stdout(Stdio::null())
            .status()
            .expect("redis-benchmark runs");
        assert!(status.success(), "redis-benchmark: {status}");
        (cpu_of_children() - before) * 1e6 / requests as f64
    }
}

/// Seconds of CPU that the children of this process used, those that have ended: fields 16 and 17 of its `stat`, in
/// ticks of 10 ms, as on every Linux that there is.
fn cpu_of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("this process");
    let behind_name = stat.rsplit(')').next().expect("fields");
    let ticks = behind_name
        .split_whitespace()
        .skip(13)
        .take(2)
        .map(|field| field.parse::<f64>());
    ticks.map(|field| field.expect("a number") / 100.0).sum()
}
