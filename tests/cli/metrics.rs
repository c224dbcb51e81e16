//! `--metrics`: what is served while a run goes on, and what is said where it cannot be.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};

use crate::tool::{Ending, Place};

const LONG: &str = "\
name: long
keys: { count: 1000 }
phases:
  - save: { keys: all }
  - mix: { operations: { get: 90%, set: 10% }, for: 10m, clients: 4 }
";

/// What is served at `address`.
fn fetched(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n")
        .expect("it takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it is text");
    answer
}

/// The value of the first sample that begins with `begin`.
fn value(page: &str, begin: &str) -> f64 {
    let sample = page.lines().find(|line| line.starts_with(begin));
    let number = sample.and_then(|sample| sample.rsplit_once(' '));
    number.map_or(0.0, |(_, number)| number.parse().expect("a number"))
}

/// Reads what `run` says until it tells where its metrics are.
fn told(run: &mut Child) -> String {
    let said = BufReader::new(run.stderr.take().expect("stderr is piped"));
    let address = |line: String| {
        let rest = line.strip_prefix("metrics: http://")?;
        Some(rest.strip_suffix("/metrics")?.to_owned())
    };
    said.lines()
        .map_while(Result::ok)
        .find_map(address)
        .expect("it says where")
}

#[test]
fn a_run_is_counted_while_it_goes_on() {
    let place = Place::with(LONG);
    let mut run = place
        .run()
        .args(["--metrics", "127.0.0.1:0"])
        .spawn()
        .expect("it runs");
    let address = told(&mut run);
    let get =
        r#"cachebench_requests_total{workload="long",cell="run",phase="mix",operation="get"}"#;
    let (mut before, mut growths) = (0.0, 0);
    while growths < 3 {
        let page = fetched(&address);
        assert!(page.contains("text/plain; version=0.0.4"), "{page}");
        let now = value(&page, get);
        assert!(now >= before, "a counter fell from {before} to {now}");
        growths += u32::from(now > before);
        before = now;
        let save = r#"{workload="long",cell="run",phase="save","#;
        if now > 0.0 {
            let saved = format!("cachebench_requests_total{save}operation=\"set\"}}");
            assert_eq!(value(&page, &saved), 1000.0, "{page}");
            let all = format!("cachebench_latency_seconds_bucket{save}le=\"+Inf\"}}");
            assert_eq!(value(&page, &all), 1000.0, "{page}");
        }
    }
    let stopped = Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status();
    assert!(stopped.expect("kill runs").success());
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
}

#[test]
fn an_address_that_cannot_be_listened_on_is_named_before_anything_is_started() {
    let place = Place::with(LONG);
    let refused = |address: &str| Ending::of(place.run().args(["--metrics", address]));
    refused("nonsense").must_be(2, &["`nonsense`", "127.0.0.1:9464"]);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address").to_string();
    refused(&address).must_be(1, &[&address, "in use", "another port"]);
    assert!(!place.out().exists());
}
