//! What a request costs the client: CPU microseconds and system calls an operation, and memory. cachebench and the other
//! generators send the same number of GETs to the same server, in turns.
//!
//! cachebench draws zipfian keys and counts latency from the due time, the others draw uniformly and from the send. Every
//! read finds 64 bytes; what cachebench reads it made itself under longer names, as it leaves other keys alone. Of cachebench the CPU time is what its driving threads used, as its recording says; of the others, the whole process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use cachebench::recording::read;

use crate::common::{Kind, Server, program_or_skip};
use crate::cpu::fill;
use crate::ratio::Spread;
use crate::{command, on_core};

/// Connections of all.
const CONNECTIONS: u64 = 50;
/// Requests in flight per connection, and requests of one slice.
const SLICES: [(u32, u64); 3] = [(1, 50_000), (16, 400_000), (64, 800_000)];
/// Requests of the shorter of two runs whose system calls are counted; the other has twice as many.
const TRACED: u64 = 20_000;
/// Between two looks at the memory of a client.
const LOOK: Duration = Duration::from_millis(5);

/// Prints a line per pipeline, then system calls and memory.
pub(crate) fn measure(rounds: usize, keys: u64) {
    let Some(server) = Server::start_behind(&on_core("0"), Kind::Redis, &[]) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bench = Bench {
        server: &server,
        folder: folder.path(),
        keys,
    };
    fill(&server, keys);
    let generators = generators();

    println!(
        "\nClient CPU, microseconds per GET: {keys} keys, {CONNECTIONS} connections, redis-server answers,"
    );
    println!(
        "medians of {rounds} rounds; ratio = cachebench / other within a round: min median max"
    );
    for (pipeline, requests) in SLICES {
        let mut series = vec![Vec::new(); generators.len()];
        for _ in 0..rounds {
            for (generator, figures) in generators.iter().zip(&mut series) {
                figures.push(bench.cpu(generator, pipeline, requests) * 1e6 / requests as f64);
            }
        }
        print_cpu(pipeline, &generators, &series);
    }
    println!(
        "\nSystem calls per GET without a pipeline, and the client's largest resident memory:"
    );
    for generator in &generators {
        let calls = bench.system_calls(generator);
        let calls = calls.map_or_else(|| "SKIPPED".to_owned(), |calls| format!("{calls:.2}"));
        let megabytes = bench.memory(generator) as f64 / (1 << 20) as f64;
        println!(
            "{:<17} calls {calls:>7}   RSS {megabytes:5.1} MB",
            generator.name()
        );
    }
}

fn print_cpu(pipeline: u32, generators: &[Generator], series: &[Vec<f64>]) {
    let line = generators.iter().zip(series).map(|(generator, figures)| {
        let median = Spread::of(figures.iter().copied()).median();
        match generator {
            Generator::Cachebench => format!("cachebench {median:6.3}"),
            other => format!(
                "{} {median:6.3} / {}",
                other.name(),
                Spread::of_ratios(&series[0], figures)
            ),
        }
    });
    println!(
        "GET pipeline {pipeline:>2}   {}",
        line.collect::<Vec<_>>().join("   ")
    );
}

/// A load generator.
enum Generator {
    Cachebench,
    /// redis-benchmark, or one that takes its arguments.
    Benchmark(&'static str, PathBuf),
    Memtier(PathBuf),
}

impl Generator {
    fn name(&self) -> &'static str {
        match self {
            Self::Cachebench => "cachebench",
            Self::Benchmark(name, _) => name,
            Self::Memtier(_) => "memtier_benchmark",
        }
    }
}

/// Those that are installed here, ours first.
fn generators() -> Vec<Generator> {
    let found = |name| program_or_skip(name, "client CPU per operation");
    let benchmarks = ["redis-benchmark", "valkey-benchmark"]
        .into_iter()
        .filter_map(|name| Some(Generator::Benchmark(name, found(name)?)));
    let memtier = found("memtier_benchmark").map(Generator::Memtier);
    [Generator::Cachebench]
        .into_iter()
        .chain(benchmarks)
        .chain(memtier)
        .collect()
}

struct Bench<'a> {
    server: &'a Server,
    folder: &'a Path,
    keys: u64,
}

impl Bench<'_> {
    /// Seconds of CPU that `requests` take.
    fn cpu(&self, generator: &Generator, pipeline: u32, requests: u64) -> f64 {
        if let Generator::Cachebench = generator {
            return self.drive(&self.phase(pipeline, requests));
        }
        let before = cpu_of_children();
        succeed(&mut self.command(generator, &on_core("1"), pipeline, requests));
        cpu_of_children() - before
    }

    /// System calls of a request; nothing where they cannot be counted.
    fn system_calls(&self, generator: &Generator) -> Option<f64> {
        let strace = program_or_skip("strace", "system calls per operation")?;
        let count = |requests| {
            let report = self.folder.join("strace");
            let mut launcher = on_core("1");
            let (strace, report_name) =
                (strace.display().to_string(), report.display().to_string());
            launcher.extend([strace.as_str(), "-c", "-f", "-o", &report_name]);
            succeed(&mut self.command(generator, &launcher, 1, requests));
            let text = fs::read_to_string(&report).expect("a report of strace");
            let total = text
                .lines()
                .find(|line| line.ends_with("total"))
                .expect("a total");
            // Share, seconds, microseconds a call, calls, and errors where there were any.
            let calls = total
                .split_whitespace()
                .nth(3)
                .and_then(|calls| calls.parse::<f64>().ok());
            calls.expect("a number of calls")
        };
        Some((count(2 * TRACED) - count(TRACED)) / TRACED as f64)
    }

    /// The largest resident memory of the client, bytes.
    fn memory(&self, generator: &Generator) -> u64 {
        let mut client = self
            .command(generator, &on_core("1"), 1, 4 * TRACED)
            .spawn()
            .expect("a client");
        let mut most = 0;
        while client.try_wait().expect("its state").is_none() {
            let status = fs::read_to_string(format!("/proc/{}/status", client.id()));
            let peak = status.unwrap_or_default();
            let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes =
                peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            most = most.max(kilobytes.unwrap_or(0) * 1024);
            thread::sleep(LOOK);
        }
        most
    }

    /// Makes the keys and runs a phase; seconds of CPU that its threads used.
    fn drive(&self, phase: &str) -> f64 {
        succeed(&mut self.cachebench(&on_core("1"), phase));
        let recording =
            read::read(&self.folder.join("out")).unwrap_or_else(|error| panic!("{error}"));
        let phase = &recording.cells[0].repetitions[0].phases[1];
        assert!(phase.errors.is_empty(), "{:?}", phase.errors);
        assert_eq!(phase.misses, 0, "every read finds its key");
        phase.client_cpu_s
    }

    /// As many GETs as the connections take, each due long before it can be sent.
    fn phase(&self, pipeline: u32, requests: u64) -> String {
        format!(
            "mix: {{ operations: get, keys: {{ zipfian: {{ exponent: 0.99 }} }}, rate: 50M/s, count: {requests}, \
             clients: {CONNECTIONS}, pipeline: {pipeline} }}"
        )
    }

    fn cachebench(&self, launcher: &[&str], phase: &str) -> Command {
        let workload = self.folder.join("c.yaml");
        let text = format!(
            "name: c\nkeys: {{ name: \"key:{{i:012}}\", count: {} }}\nvalues: {{ fixed: 64b }}\nphases:\n  \
             - save: {{ keys: all, pipeline: 64 }}\n  - {phase}\n",
            self.keys
        );
        fs::write(&workload, text).expect("room for a workload");
        let mut run = command(launcher, Path::new(env!("CARGO_BIN_EXE_cachebench")));
        run.arg("run").arg(&workload).arg("--quiet");
        run.arg("--out").arg(self.folder.join("out"));
        run.args(["--target", &self.server.url()]);
        run.stdout(Stdio::null());
        run
    }

    /// `generator` with so many GETs to send.
    fn command(
        &self,
        generator: &Generator,
        launcher: &[&str],
        pipeline: u32,
        requests: u64,
    ) -> Command {
        let (port, keys) = (self.server.port.to_string(), self.keys.to_string());
        let (connections, pipeline_text) = (CONNECTIONS.to_string(), pipeline.to_string());
        let mut load = match generator {
            Generator::Cachebench => {
                return self.cachebench(launcher, &self.phase(pipeline, requests));
            }
            Generator::Benchmark(_, program) => {
                let mut load = command(launcher, program);
                load.args([
                    "-p",
                    &port,
                    "-c",
                    &connections,
                    "-q",
                    "-r",
                    &keys,
                    "-P",
                    &pipeline_text,
                ])
                .args(["-n", &requests.to_string()])
                .args(["GET", "key:__rand_int__"]);
                load
            }
            Generator::Memtier(program) => {
                let mut load = command(launcher, program);
                let each = (requests / CONNECTIONS).to_string();
                load.args([
                    "-p",
                    &port,
                    "-c",
                    &connections,
                    "-t",
                    "1",
                    "--pipeline",
                    &pipeline_text,
                ])
                .args(["-n", &each, "--ratio", "0:1", "--key-maximum", &keys])
                .args(["--key-prefix", "key:", "--hide-histogram"]);
                load
            }
        };
        load.stdout(Stdio::null()).stderr(Stdio::null());
        load
    }
}

fn succeed(command: &mut Command) {
    let status = command.status().expect("the client runs");
    assert!(status.success(), "{command:?}: {status}");
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
