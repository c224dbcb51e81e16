//! How late requests are sent on an open loop: the client on one core, redis-server on the other.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use cachebench::recording::model::Latency;
use cachebench::recording::read;

use crate::common::{Kind, Server};
use crate::{command, on_core};

/// Requests per second.
const RATES: [&str; 3] = ["1k/s", "10k/s", "50k/s"];

/// Prints a line per rate.
pub(crate) fn measure() {
    let Some(server) = Server::start_behind(&on_core("0"), Kind::Redis, &[]) else {
        return;
    };
    println!(
        "\nLateness of requests on an open loop, microseconds: 50 connections, redis-server answers"
    );
    for rate in RATES {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (workload, out) = (folder.path().join("l.yaml"), folder.path().join("out"));
        let text = format!(
            "name: l\nkeys: {{ count: 10k }}\nphases:\n  - save: {{ keys: all, pipeline: 64 }}\n  \
             - mix: {{ operations: get, keys: uniform, rate: {rate}, for: 5s, clients: 50 }}\n"
        );
        fs::write(&workload, text).expect("room for a workload");
        let mut run = command(&on_core("1"), Path::new(env!("CARGO_BIN_EXE_cachebench")));
        run.arg("run")
            .arg(&workload)
            .arg("--quiet")
            .arg("--out")
            .arg(&out);
        run.args(["--target", &server.url()]).stdout(Stdio::null());
        assert!(
            run.status().expect("cachebench runs").success(),
            "cachebench run"
        );
        let recording = read::read(&out).unwrap_or_else(|error| panic!("{error}"));
        let phase = &recording.cells[0].repetitions[0].phases[1];
        let lateness = phase.lateness.as_ref().expect("an open loop");
        println!(
            "{rate:>6}   lateness p50 {:6.1} p99 {:6.1}   response time p50 {:6.1} p99 {:6.1}   core busy {:3.0} %, \
             watching the clock {:3.0} %, held by other threads {:.1} %, requests that found no free connection {:.1} %",
            at(lateness, "50"),
            at(lateness, "99"),
            at(&phase.latency, "50"),
            at(&phase.latency, "99"),
            100.0 * (phase.client_cpu_s - phase.client_spin_s) / phase.elapsed_s,
            100.0 * phase.client_spin_s / phase.elapsed_s,
            100.0 * phase.client_delayed_s / phase.elapsed_s,
            100.0 * phase.queued as f64 / phase.due as f64,
        );
    }
}

fn at(latency: &Latency, percentile: &str) -> f64 {
    latency.percentiles_s[percentile] * 1e6
}
