//! Runs that are cut short: by a server that is not there or dies, a full disk, Ctrl-C. What was measured is kept.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use cachebench::recording::model::{Outcome, Recording};

use crate::common::{Kind, Server, free_port, program};
use crate::tool::{Ending, Place};

/// Runs for longer than any test waits.
const LONG: &str = "\
name: long
keys: { count: 1000 }
phases:
  - save: { keys: all }
  - mix: { operations: { get: 90%, set: 10% }, for: 10m, clients: 4 }
";

/// The second phase is under way once the server has answered this many commands.
const UNDER_WAY: u64 = 10_000;

#[test]
fn an_endpoint_that_is_not_there_is_named() {
    let place = Place::with(LONG);
    let port = free_port();
    let target = format!("redis://127.0.0.1:{port}/0");
    Ending::of(place.run().args(["--target", &target])).must_be(1, &[&format!("127.0.0.1:{port}")]);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let place = Place::with(LONG);
    let ending = Ending::of(place.run().args(["--target", "spawn:no-such-server"]));
    assert!(matches!(ending.code, Some(1 | 2)), "{}", ending.stderr);
    ending.must_be(ending.code.unwrap_or(0), &["no-such-server"]);
}

#[test]
fn somebody_elses_data_is_left_alone() {
    let server = Server::start(Kind::Cachebench, &[]).expect("ours is always here");
    let theirs = || {
        redis::cmd("GET")
            .arg("key-1")
            .query::<String>(&mut server.connect())
    };
    redis::cmd("SET")
        .arg("key-1")
        .arg("theirs")
        .exec(&mut server.connect())
        .expect("SET");

    // What would change the server is refused before anything is sent.
    let place = Place::with(&LONG.replace("phases:", "capacity: { keys: 500 }\nphases:"));
    let before = server.info("total_connections_received");
    Ending::of(place.run().args(["--target", &server.url()])).must_be(2, &["allow", "config"]);
    let connections = server.info("total_connections_received") - before;
    assert_eq!(connections, 1, "only the one that asks");

    // What only writes stays under a prefix of its own.
    let place = Place::with(&LONG.replace("10m", "100ms"));
    Ending::of(place.run().args(["--target", &server.url()])).must_be(0, &[]);
    assert_eq!(theirs().expect("still there"), "theirs");
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query(&mut server.connect())
        .expect("KEYS");
    assert!(
        keys.iter()
            .all(|key| key == "key-1" || key.starts_with("cachebench:")),
        "{keys:?}"
    );
}

#[test]
fn a_server_that_dies_ends_the_run_and_nothing_is_lost() {
    let mut server = Server::start(Kind::Cachebench, &[]).expect("ours is always here");
    let place = Place::with(LONG);
    let run = under_way(&place, &server);
    server.kill();
    let ending = Ending::from(run.wait_with_output().expect("it ends"));
    ending.must_be(1, &["127.0.0.1"]);
    let recording = place.recording();
    assert!(
        matches!(recording.outcome, Outcome::Failed(_)),
        "{:?}",
        recording.outcome
    );
    assert_what_was_measured_is_there(&recording);
}

#[test]
fn an_interrupt_keeps_what_was_measured() {
    let server = Server::start(Kind::Cachebench, &[]).expect("ours is always here");
    let place = Place::with(LONG);
    let run = under_way(&place, &server);
    let signal = Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status();
    assert!(signal.expect("kill runs").success());
    let ending = Ending::from(run.wait_with_output().expect("it ends"));
    ending.must_be(130, &[]);
    let recording = place.recording();
    assert_eq!(recording.outcome, Outcome::Interrupted);
    assert_what_was_measured_is_there(&recording);
}

/// Starts the run and waits until its second phase has begun.
fn under_way(place: &Place, server: &Server) -> Child {
    let mut run = place
        .run()
        .args(["--target", &server.url()])
        .spawn()
        .expect("cachebench runs");
    while server.info("total_commands_processed") < UNDER_WAY {
        assert!(
            run.try_wait().expect("its state").is_none(),
            "it ended by itself"
        );
        // There is no event to wait for in another process's progress.
        thread::sleep(Duration::from_millis(10));
    }
    run
}

fn assert_what_was_measured_is_there(recording: &Recording) {
    let phases = &recording.cells[0].repetitions[0].phases;
    let operations: Vec<_> = phases
        .iter()
        .map(|p| (p.name.as_str(), p.operations))
        .collect();
    assert!(
        matches!(operations[..], [("save", 1000), ("mix", 1..)]),
        "{operations:?}"
    );
    assert!(phases[1].latency.count > 0);
}

#[test]
fn a_full_disk_is_told_and_the_recording_saved_elsewhere() {
    let Some(unshare) = program("unshare") else {
        println!("SKIPPED: a full disk: unshare is not installed");
        return;
    };
    let place = Place::with(&LONG.replace("10m", "100ms"));
    let fallback = place.folder().join("tmp");
    fs::create_dir_all(place.out()).expect("room");
    fs::create_dir_all(&fallback).expect("room");
    // A file system of one page, which is gone with the process.
    let mount = "mount -t tmpfs -o size=4k tmpfs \"$0\" || exit 77; exec \"$@\"";
    let run = place.run();
    let mut full = Command::new(unshare);
    full.args(["--mount", "--map-root-user", "sh", "-c", mount])
        .arg(place.out());
    full.arg(run.get_program())
        .args(run.get_args())
        .stdin(Stdio::null());
    full.env("TMPDIR", &fallback).env("NO_COLOR", "1");
    let ending = Ending::of(&mut full);
    if ending.code == Some(77) || ending.stderr.contains("unshare:") {
        println!(
            "SKIPPED: a full disk: this user may not mount a tmpfs: {}",
            ending.stderr.trim()
        );
        return;
    }
    ending.must_be(
        1,
        &[
            "recording.json",
            "free some space",
            &fallback.display().to_string(),
        ],
    );
    assert!(holds_a_recording(&fallback), "{}", ending.stderr);
}

/// A limit on the size of files is no reason to end without a word: the recording fits under it, the page does not.
#[test]
fn a_file_that_may_not_be_so_large_is_told() {
    let place = Place::with(&LONG.replace("10m", "100ms"));
    let run = place.run();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 100; exec \"$@\"", "sh"]);
    limited
        .arg(run.get_program())
        .args(run.get_args())
        .env("NO_COLOR", "1");
    let ending = Ending::of(limited.stdin(Stdio::null()));
    ending.must_be(1, &["cannot write", "report.html", "ulimit -f"]);
    assert_eq!(ending.stderr.matches("os error").count(), 1);
    assert_what_was_measured_is_there(&place.recording());
}

/// Whether there is a readable recording somewhere below `folder`.
fn holds_a_recording(folder: &Path) -> bool {
    let entries = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    entries.into_iter().any(|path| match path.is_dir() {
        true => holds_a_recording(&path),
        false => {
            path.ends_with("recording.json") && cachebench::recording::read::read(&path).is_ok()
        }
    })
}
