//! Traces are sent again as they were recorded, counted to the last request, and measured against the best cache.

use std::fs;
use std::io::Write as _;

use cachebench::recording::model::{Outcome, PhaseRecord, Recording};
use cachebench::runner::RunError;
use cachebench::workload::{Overrides, load};
use tempfile::TempDir;

use crate::{assert_closed, phases, run};

/// A folder with a trace in it.
fn folder(trace: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("trace"), trace).expect("room");
    folder
}

/// A run of a replay with `settings` of the trace in `folder`, under as many keys as `capacity`.
fn replayed(folder: &TempDir, settings: &str) -> Result<Recording, RunError> {
    let yaml = format!(
        "
keys: {{ name: \"object:{{i}}\", count: 1000 }}
target: {{ embedded: {{ maxmemory-policy: allkeys-lru-exact }} }}
capacity: {{ keys: 200 }}
phases: [ replay: {{ file: trace, {settings} }} ]
"
    );
    let file = folder.path().join("workload.yaml").display().to_string();
    let plan = load(&file, &yaml, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
    run(&plan, |_| ())
}

fn recorded(folder: &TempDir, settings: &str) -> Recording {
    replayed(folder, settings).unwrap_or_else(|error| panic!("{error}"))
}

fn only(recording: &Recording) -> &PhaseRecord {
    assert_eq!(recording.outcome, Outcome::Complete);
    let [phase] = phases(recording) else {
        panic!("one phase")
    };
    assert_closed(phase);
    phase
}

/// `count` requests over a second each `per_second`, on keys that come back after a while.
fn oracle(count: u32, per_second: u32) -> Vec<u8> {
    let mut state = 1_u64;
    let record = |number| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        // The smaller of two draws comes more often.
        let id = ((state >> 33) % 800).min((state >> 13) % 800);
        let time: u32 = 1_000 + number / per_second;
        [
            &time.to_le_bytes()[..],
            &id.to_le_bytes(),
            &100_u32.to_le_bytes(),
            &(-1_i64).to_le_bytes(),
        ]
        .concat()
    };
    (0..count).flat_map(record).collect()
}

#[test]
fn a_trace_is_sent_to_its_end_and_no_cache_beats_the_ideal() {
    let folder = folder(&zstd::encode_all(&oracle(20_000, 1000)[..], 3).expect("packed"));
    let settings =
        "format: oracle_general, speed: as_fast_as_possible, on_miss: set, clients: 3, pipeline: 5";
    let recording = recorded(&folder, settings);
    let phase = only(&recording);
    let kinds = &phase.operations_by_kind;
    assert_eq!((kinds["get"], kinds["set"]), (20_000, phase.misses));
    assert_eq!(
        (phase.hits + phase.misses, phase.lateness.as_ref()),
        (20_000, None)
    );
    let drawn = phase.drawn.as_ref().expect("worked out");
    let (census, ideal) = (
        drawn.census.expect("counted"),
        drawn.ideal.expect("worked out"),
    );
    assert_eq!(drawn.requests, 20_000);
    assert!((700..=800).contains(&census.distinct), "{census:?}");
    let measured = phase.hits as f64 / 20_000.0;
    assert!(
        measured < ideal.hit_ratio && ideal.hit_ratio < 1.0,
        "{measured} of {ideal:?}"
    );
    // What has a size in the trace is stored in that size, under the names that ids have.
    let keys = recording.cells[0].repetitions[0]
        .samples
        .last()
        .expect("sampled")
        .keys;
    assert!((190..=210).contains(&keys), "{keys}");
}

#[test]
fn a_trace_with_times_is_an_open_loop_and_seconds_are_spread() {
    let folder = folder(&oracle(2_000, 500));
    let recording = recorded(
        &folder,
        "format: oracle_general, speed: 8x, clients: 4, for: 10s",
    );
    let phase = only(&recording);
    assert_eq!((phase.due, phase.in_flight), (2_000, 0));
    // Four seconds of the trace in half a second; its requests are not sent in bursts.
    assert!(phase.elapsed_s > 0.45, "{}", phase.elapsed_s);
    assert!(phase.lateness.is_some() && phase.service_time.is_some());
    let busy = recording.cells[0].repetitions[0].timeline.iter();
    let busy = busy.filter(|interval| interval.operations > 0).count();
    assert!(busy > 25, "{busy} intervals of 10 ms");
}

#[test]
fn limits_end_a_replay() {
    let folder = folder(&oracle(5_000, 1));
    let recording = recorded(
        &folder,
        "format: oracle_general, speed: as_fast_as_possible, limit: 1234",
    );
    assert_eq!(only(&recording).operations, 1234);
    let recording = recorded(&folder, "format: oracle_general, for: 300ms");
    let phase = only(&recording);
    assert!(phase.due <= 2, "a request a second: {}", phase.due);
}

#[test]
fn what_monitor_printed_is_sent_but_for_what_could_do_harm() {
    let mut trace = Vec::new();
    for line in [
        r#""SET" "a" "1" "EX" "100""#,
        r#""FLUSHALL""#,
        r#""get" "a""#,
        r#""CONFIG" "SET" "maxmemory" "1""#,
        r#""MSET" "b" "2" "c" "3""#,
        r#""SHUTDOWN" "NOSAVE""#,
        r#""GET" "nothing""#,
        r#""DEL" "b" "c""#,
    ] {
        writeln!(trace, "1339518083.107412 [0 127.0.0.1:60866] {line}").expect("room");
    }
    let recording = recorded(
        &folder(&trace),
        "format: monitor, speed: as_fast_as_possible",
    );
    let phase = only(&recording);
    let kinds = &phase.operations_by_kind;
    assert_eq!(
        (kinds["reads"], kinds["writes"], kinds["deletes"]),
        (2, 2, 1)
    );
    assert_eq!((phase.hits, phase.misses, phase.errors.len()), (1, 1, 0));
    let warning = recording
        .warnings
        .iter()
        .find(|text| text.contains("left out"));
    let warning = warning.expect("it is told");
    assert!(
        warning.contains("FLUSHALL 1") && warning.contains("SHUTDOWN 1"),
        "{warning}"
    );
}

#[test]
fn a_damaged_trace_ends_the_phase_and_what_was_measured_is_kept() {
    let mut bytes = oracle(6_000, 1000);
    bytes.truncate(24 * 5_000 + 7);
    let recording = recorded(
        &folder(&bytes),
        "format: oracle_general, speed: as_fast_as_possible",
    );
    let Outcome::Failed(why) = &recording.outcome else {
        panic!("{:?}", recording.outcome)
    };
    for word in ["trace", "record 5001", "byte 120000"] {
        assert!(why.contains(word), "no `{word}` in {why}");
    }
    assert_eq!(phases(&recording)[0].operations, 5_000);
}

#[test]
fn what_is_no_trace_is_refused_before_anything_is_started() {
    let refused = |bytes: &[u8], settings: &str| {
        let error = replayed(&folder(bytes), settings).expect_err("refused");
        error.to_string()
    };
    let oracle_general = "format: oracle_general";
    assert!(refused(b"", oracle_general).contains("holds no request"));
    assert!(refused(b"short", oracle_general).contains("byte 0"));
    assert!(refused(&[0xff; 48], oracle_general).contains("is this the format"));
    assert!(
        refused(b"\x28\xb5\x2f\xfdgarbage", oracle_general)
            .contains("check that the file is whole")
    );
    assert!(refused(b"a,b\n1,2\n", "format: csv, columns: { key: id }").contains("no column `id`"));
    assert!(refused(b"hello\n", "format: monitor").contains("does not begin with a time"));
    let empty = tempfile::tempdir().expect("a temporary folder");
    let missing = replayed(&empty, oracle_general)
        .expect_err("refused")
        .to_string();
    assert!(missing.contains("cannot read the trace"), "{missing}");
    fs::create_dir(empty.path().join("trace")).expect("room");
    let folder = replayed(&empty, oracle_general)
        .expect_err("refused")
        .to_string();
    assert!(folder.contains("is a folder"), "{folder}");
}
