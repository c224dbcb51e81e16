//! Runs that come to their end: what they print where, and how their expectations decide the exit code.

use std::process::Stdio;

use cachebench::recording::model::Outcome;

use crate::tool::{Ending, Place, cachebench};

const SHORT: &str = "\
name: short
seed: 7
keys: { count: 2000 }
values: { fixed: 100b }
capacity: { keys: 1000 }
phases:
  - save: { keys: all }
  - read: { keys: 0..500 }
survival: { groups: { early: 0..1000, late: 1000..2000 } }
compare: { maxmemory-policy: [allkeys-lru, noeviction] }
expect:
  - allkeys-lru: survival.late > survival.early
";

#[test]
fn a_run_that_holds_ends_well_and_leaves_everything() {
    let place = Place::with(SHORT);
    let ending = Ending::of(&mut place.run());
    ending.must_be(0, &[]);
    assert!(ending.stdout.contains("allkeys-lru"), "{}", ending.stdout);
    let recording = place.recording();
    assert_eq!(recording.outcome, Outcome::Complete);
    assert!(recording.expectations.iter().all(|verdict| verdict.held));
    for file in [
        "report.html",
        "timeline.csv",
        "survival.csv",
        "latency.hlog",
    ] {
        assert!(place.out().join(file).is_file(), "{file}");
    }
}

#[test]
fn a_failed_expectation_is_told_and_has_its_code() {
    let place = Place::with(&SHORT.replace("late > survival.early", "late < survival.early"));
    let ending = Ending::of(&mut place.run());
    ending.must_be(3, &[]);
    assert!(
        ending.stdout.contains("survival.late < survival.early"),
        "{}",
        ending.stdout
    );
    assert_eq!(place.recording().outcome, Outcome::Complete);
}

/// Refused writes end no run: whether they may be is what `expect` says.
#[test]
fn a_server_without_room_refuses_and_expectations_decide() {
    for (expected, code) in [("save.errors > 0", 0), ("save.errors == 0", 3)] {
        let place = Place::with(&format!(
            "name: full\nkeys: {{ count: 20k }}\nvalues: {{ fixed: 1000b }}\ncapacity: {{ bytes: 3mb }}\n\
             phases: [ save: {{ pipeline: 10 }}, read: {{ pipeline: 10 }} ]\nexpect: [ {expected} ]\n"
        ));
        Ending::of(&mut place.run()).must_be(code, &[]);
        let recording = place.recording();
        assert_eq!(recording.outcome, Outcome::Complete);
        let [save, read] = recording.cells[0].repetitions[0].phases.as_slice() else {
            panic!("two phases");
        };
        assert_eq!((save.due, save.operations), (20_000, 20_000));
        assert_eq!(save.errors["OOM"], read.misses);
    }
}

#[test]
fn the_same_seed_repeats_exactly() {
    let measured = || {
        let place = Place::with(SHORT);
        Ending::of(&mut place.run()).must_be(0, &[]);
        let cells = place.recording().cells;
        let repetitions = cells.into_iter().flat_map(|cell| cell.repetitions);
        let facts = repetitions.map(|repetition| {
            let phases = repetition
                .phases
                .into_iter()
                .map(|p| (p.name, p.operations, p.errors, p.hits, p.misses));
            (
                repetition.maxmemory_bytes,
                phases.collect::<Vec<_>>(),
                repetition.survival,
            )
        });
        facts.collect::<Vec<_>>()
    };
    assert_eq!(measured(), measured());
}

#[test]
fn json_on_stdout_is_one_document() {
    let place = Place::with(SHORT);
    let ending = Ending::of(place.run().args(["--output-format", "json", "--quiet"]));
    ending.must_be(0, &[]);
    let document: serde_json::Value = serde_json::from_str(&ending.stdout).expect("JSON");
    assert!(document.is_object(), "{document}");
    assert_eq!(
        ending.stderr, "",
        "--quiet says nothing where nothing is wrong"
    );
}

#[test]
fn a_report_is_drawn_again_from_the_recording_alone() {
    let place = Place::with(SHORT);
    Ending::of(&mut place.run()).must_be(0, &[]);
    let page = place.out().join("report.html");
    let first = std::fs::read_to_string(&page).expect("the page");
    std::fs::remove_file(&page).expect("removed");
    Ending::of(cachebench().arg("report").arg(place.out())).must_be(0, &[]);
    assert_eq!(
        std::fs::read_to_string(&page).expect("the page again"),
        first
    );
}

#[test]
fn a_recording_that_is_none_is_refused_with_its_place() {
    let place = Place::with("{}");
    let ending = Ending::of(cachebench().arg("report").arg(place.workload()));
    assert!(matches!(ending.code, Some(1 | 2)), "{}", ending.stderr);
    assert!(ending.stderr.contains("workload.yaml"), "{}", ending.stderr);
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    for arguments in [["schema", "workload"], ["schema", "recording"]] {
        let mut child = cachebench()
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        drop(child.stdout.take());
        let ending = Ending::from(child.wait_with_output().expect("it ends"));
        assert_eq!((ending.code, ending.stderr.as_str()), (Some(0), ""));
    }
}

#[test]
fn help_is_a_result_and_silence_a_mistake() {
    let help = Ending::of(cachebench().arg("--help"));
    help.must_be(0, &[]);
    assert!(
        help.stdout.contains("run") && help.stdout.contains("Exit codes"),
        "{}",
        help.stdout
    );
    assert_eq!(Ending::of(&mut cachebench()).code, Some(2));
}
