//! Many clients, on systems that allow few open files.

use std::process::Command;

use crate::common::{Kind, Server};
use crate::tool::{Ending, Place};

const LOAD: &str = "\
name: many
keys: { count: 100 }
phases:
  - mix: { operations: { get: 90%, set: 10% }, count: 30k, clients: 3 }
";

/// `cachebench run` with 10,000 clients, after `ulimit` with these arguments.
fn run_under(limit: &str, place: &Place, server: &Server) -> Ending {
    let run = place.run();
    let mut limited = Command::new("sh");
    limited
        .args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")])
        .arg(run.get_program())
        .args(run.get_args())
        .args(["--clients", "10000", "--target", &server.url()]);
    Ending::of(&mut limited)
}

fn server() -> Server {
    Server::start(Kind::Cachebench, &["--maxclients", "10100"]).expect("ours is always here")
}

#[test]
fn ten_thousand_clients_where_a_process_may_ask_for_more_files() {
    let most = Command::new("sh").args(["-c", "ulimit -Hn"]).output();
    let most = String::from_utf8(most.expect("a shell").stdout).expect("a number");
    if most.trim().parse().is_ok_and(|most: u64| most < 10_200) {
        println!(
            "SKIPPED: 10,000 clients: this system allows {} open files",
            most.trim()
        );
        return;
    }
    let (place, server) = (Place::with(LOAD), server());
    run_under("-Sn 256", &place, &server).must_be(0, &[]);
    let recording = place.recording();
    let phase = &recording.cells[0].repetitions[0].phases[0];
    assert_eq!((phase.due, phase.operations), (30_000, 30_000));
    assert!(phase.errors.is_empty(), "{:?}", phase.errors);
    assert!(server.info("total_connections_received") > 10_000);
}

#[test]
fn too_few_open_files_are_told_before_anything_starts() {
    let (place, server) = (Place::with(LOAD), server());
    let ending = run_under("-n 256", &place, &server);
    ending.must_be(
        2,
        &[
            "10000 clients need 10064 open files",
            "256",
            "ulimit -Hn 10064",
        ],
    );
    assert!(!place.out().exists());
}

#[test]
fn too_many_for_the_server_are_told_before_anything_starts() {
    let place = Place::with(LOAD);
    let server =
        Server::start(Kind::Cachebench, &["--maxclients", "50"]).expect("ours is always here");
    let ending = Ending::of(
        place
            .run()
            .args(["--clients", "60", "--target", &server.url()]),
    );
    ending.must_be(2, &["takes 50 clients at a time", "--clients"]);
}

#[test]
fn an_embedded_server_that_takes_half_of_the_files_may_stand_apart() {
    let place = Place::with(LOAD);
    let run = place.run();
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -n 600 && exec \"$0\" \"$@\""])
        .arg(run.get_program())
        .args(run.get_args())
        .args(["--clients", "400"]);
    let words = [
        "400 clients need 864 open files",
        "cachebench serve --port 7000 --maxclients 464",
    ];
    Ending::of(&mut limited).must_be(2, &words);
}
