//! What a recording counts is what the server counts.

use std::collections::BTreeMap;
use std::time::Instant;

use cachebench::report::{Figures, text};
use cachebench::runner::Event;

use crate::common::Server;
use crate::{Allow, assert_closed, phases, plan_for, redis, run};

/// Calls by command, from INFO commandstats.
pub(crate) fn calls(server: &Server) -> BTreeMap<String, u64> {
    let text: String = redis::cmd("INFO")
        .arg("commandstats")
        .query(&mut server.connect())
        .expect("INFO");
    let call = |line: &str| {
        let (name, figures) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), figures.split(',').next()?.parse().ok()?))
    };
    text.lines().filter_map(call).collect()
}

fn error_count(server: &Server, word: &str) -> u64 {
    let text: String = redis::cmd("INFO")
        .arg("errorstats")
        .query(&mut server.connect())
        .expect("INFO");
    let count = |line: &str| {
        line.strip_prefix(&format!("errorstat_{word}:count="))?
            .trim()
            .parse()
            .ok()
    };
    text.lines().find_map(count).unwrap_or(0)
}

/// The rate that is recorded is that of the server's own counts over the wall time of the phase.
#[test]
fn the_rate_is_what_the_server_counted_over_the_wall_time() {
    let Some(server) = redis(&[]) else { return };
    let yaml = "
keys: { count: 500 }
phases:
  - mix: { name: closed, operations: { get: 80%, set: 20% }, for: 2s, clients: 20, pipeline: 4 }
  - mix: { name: open, operations: { get: 80%, set: 20% }, for: 2s, clients: 20, rate: 20k/s }
";
    let (mut began, mut before, mut seen) = (Instant::now(), 0, Vec::new());
    let plan = plan_for(&server, yaml, Allow::Nothing);
    let recording = run(&plan, |event| match event {
        Event::PhaseBegan { .. } => {
            before = sum_of_calls(&server);
            began = Instant::now();
        }
        Event::PhaseEnded { .. } => {
            let wall_s = began.elapsed().as_secs_f64();
            seen.push((sum_of_calls(&server) - before, wall_s));
        }
        _ => {}
    })
    .expect("a recording");
    for (phase, (calls, wall_s)) in phases(&recording).iter().zip(seen) {
        let off = phase.throughput * phase.elapsed_s / calls as f64 - 1.0;
        assert!(off.abs() < 0.005, "{calls} calls: {phase:#?}");
        // No phase is made shorter than it was: from outside, connecting belongs to it as well.
        assert!(
            (2.0..=wall_s).contains(&phase.elapsed_s),
            "{wall_s}: {phase:#?}"
        );
    }
}

fn sum_of_calls(server: &Server) -> u64 {
    let calls = calls(server);
    ["get", "set"]
        .iter()
        .filter_map(|name| calls.get(*name))
        .sum()
}

#[test]
fn every_request_is_one_that_the_server_saw() {
    let Some(server) = redis(&[]) else { return };
    let yaml = "
name: accounts
keys: { count: 500 }
phases:
  - save: { keys: 0..300, clients: 3, pipeline: 7 }
  - mix:
      count: 20k
      clients: 8
      pipeline: 16
      operations: { get: 60%, set: 30%, exists: 10% }
      keys: { zipfian: { exponent: 0.9 } }
      on_miss: set
  - mix: { name: steady, for: 500ms, rate: 4k/s, clients: 5, operations: get }
";
    let recording = run(&plan_for(&server, yaml, Allow::All), |_| ()).expect("a recording");
    let calls = calls(&server);
    let phases = phases(&recording);
    phases.iter().for_each(assert_closed);
    for command in ["get", "set", "exists"] {
        let counted: u64 = phases
            .iter()
            .filter_map(|phase| phase.operations_by_kind.get(command))
            .sum();
        assert_eq!(counted, calls[command], "{command}");
    }
    let (mixed, steady) = (&phases[1], &phases[2]);
    assert_eq!(
        mixed.operations,
        20_000 + (mixed.operations_by_kind["set"] - sets_drawn(mixed))
    );
    assert_eq!((steady.due, steady.in_flight), (2_000, 0));
    let hits: u64 = phases.iter().map(|phase| phase.hits).sum();
    let misses: u64 = phases.iter().map(|phase| phase.misses).sum();
    assert_eq!(
        (hits, misses),
        (server.info("keyspace_hits"), server.info("keyspace_misses"))
    );
    let intervals = &recording.cells[0].repetitions[0].timeline;
    let timed: u64 = intervals.iter().map(|interval| interval.operations).sum();
    assert_eq!(
        timed,
        phases.iter().map(|phase| phase.operations).sum::<u64>()
    );
}

/// Writes that were drawn, not those that followed a miss: what remains of the count.
fn sets_drawn(phase: &cachebench::recording::model::PhaseRecord) -> u64 {
    20_000 - phase.operations_by_kind["get"] - phase.operations_by_kind["exists"]
}

#[test]
fn refused_writes_are_the_servers_own_count() {
    let Some(server) = redis(&[]) else { return };
    let yaml = "
name: refused
keys: { count: 5000 }
values: { fixed: 1000b }
capacity: { bytes: 3mb }
phases: [ save: { keys: all, pipeline: 10 } ]
";
    let recording = run(&plan_for(&server, yaml, Allow::All), |_| ()).expect("a recording");
    let phase = &phases(&recording)[0];
    assert_closed(phase);
    assert!(phase.errors["OOM"] > 0);
    assert_eq!(phase.errors["OOM"], error_count(&server, "OOM"));
    let interval_errors: u64 = recording.cells[0].repetitions[0]
        .timeline
        .iter()
        .map(|interval| interval.errors)
        .sum();
    assert_eq!(interval_errors, phase.errors["OOM"]);
}

/// `ERR` alone says nothing: the first such error is kept in full and told.
#[test]
fn an_error_without_a_word_of_its_own_is_told_in_full() {
    let Some(server) = redis(&[]) else { return };
    let yaml = "
keys: { count: 100 }
phases: [ save: { keys: all }, mix: { operations: { incr: 50%, llen: 50% }, count: 400, clients: 3 } ]
";
    let recording = run(&plan_for(&server, yaml, Allow::Nothing), |_| ()).expect("a recording");
    let mix = &phases(&recording)[1];
    assert_eq!(mix.errors["ERR"], mix.operations_by_kind["incr"]);
    assert_eq!(mix.errors["WRONGTYPE"], mix.operations_by_kind["llen"]);
    let why = "ERR value is not an integer or out of range";
    assert_eq!(mix.unspecific_error.as_deref(), Some(why));
    let figures = Figures::of(&recording);
    let summary = text::summary(&recording, &figures, 80).replace('\n', " ");
    assert!(
        summary.contains(&format!("({why}, WRONGTYPE)")),
        "{summary}"
    );
}

/// Ten values are changed and five written over with another key's; values larger than a read of the socket come in pieces.
#[test]
fn values_that_are_not_as_written_are_counted() {
    let Some(server) = redis(&[]) else { return };
    let yaml = "
name: verified
keys: { count: 100 }
values: { uniform: { min: 30b, max: 600kb }, contents: random, verify: true }
phases:
  - save
  - read
  - flood: { name: scratch, keys: 0..10, operations: \"SETRANGE {key} 26 !\" }
  - flood: { name: swap, keys: 10..15, operations: \"COPY cachebench:test:key-50 {key} REPLACE\" }
  - read: { name: again, pipeline: 7, clients: 3 }
";
    let recording = run(&plan_for(&server, yaml, Allow::All), |_| ()).expect("a recording");
    let found = |phase: usize| {
        let verified = phases(&recording)[phase]
            .verified
            .expect("values are verified");
        (verified.values, verified.corrupt, verified.foreign)
    };
    assert_eq!(
        [found(0), found(1), found(4)],
        [(0, 0, 0), (100, 0, 0), (100, 10, 5)]
    );
}
