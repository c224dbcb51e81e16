//! The first steps of every Redis tutorial, typed into redis-cli: they answer as printed there, and as a real server does.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Kind, Server, program_or_skip};

/// What is typed, and what redis-cli prints for it.
const STEPS: &[(&str, &str)] = &[
    ("SET user:1 \"Tantia Tope\"", "OK"),
    ("GET user:1", "\"Tantia Tope\""),
    ("EXISTS user:1", "(integer) 1"),
    ("DEL user:1", "(integer) 1"),
    ("EXISTS user:1", "(integer) 0"),
    ("GET user:1", "(nil)"),
    ("INCR counter", "(integer) 1"),
    ("INCR counter", "(integer) 2"),
    (
        "CONFIG GET maxmemory-policy",
        "1) \"maxmemory-policy\"\n2) \"noeviction\"",
    ),
    ("CONFIG SET maxmemory 1mb", "OK"),
    ("CONFIG GET maxmemory", "1) \"maxmemory\"\n2) \"1048576\""),
    ("CONFIG SET maxmemory 0", "OK"),
    ("SET session 1 EX 100", "OK"),
    ("TTL session", "(integer) 100"),
    ("TTL counter", "(integer) -1"),
    ("TTL nothing", "(integer) -2"),
    ("TYPE counter", "string"),
    ("MSET a 1 b 2", "OK"),
    ("MGET a b nothing", "1) \"1\"\n2) \"2\"\n3) (nil)"),
    (
        "GET",
        "(error) ERR wrong number of arguments for 'get' command",
    ),
    (
        "NOSUCH a",
        "(error) ERR unknown command 'NOSUCH', with args beginning with: 'a' ",
    ),
    (
        "SET a 1 EX 0",
        "(error) ERR invalid expire time in 'set' command",
    ),
    (
        "INCRBY a x",
        "(error) ERR value is not an integer or out of range",
    ),
    ("SELECT 16", "(error) ERR DB index is out of range"),
];

#[test]
fn the_tutorial_answers_as_printed() {
    let Some(cli) = program_or_skip("redis-cli", "the tutorial in redis-cli") else {
        return;
    };
    for server in [Kind::Cachebench, Kind::Redis]
        .into_iter()
        .filter_map(|kind| Server::start(kind, &[]))
    {
        let typed: Vec<_> = STEPS.iter().map(|(typed, _)| *typed).collect();
        let printed: Vec<_> = STEPS.iter().map(|(_, printed)| *printed).collect();
        assert_eq!(
            session(&cli, &server, &typed),
            printed.join("\n"),
            "{}",
            server.kind.name()
        );
    }
}

#[test]
fn a_thousand_keys_come_in_one_reply() {
    let Some(cli) = program_or_skip("redis-cli", "MGET of a thousand keys in redis-cli") else {
        return;
    };
    let server = Server::start(Kind::Cachebench, &[]).expect("ours is always here");
    let pairs: Vec<_> = (0..1000).map(|i| format!("key-{i} value-{i}")).collect();
    let keys: Vec<_> = (0..1000).map(|i| format!("key-{i}")).collect();
    let lines = session(
        &cli,
        &server,
        &[
            &format!("MSET {}", pairs.join(" ")),
            &format!("MGET {}", keys.join(" ")),
        ],
    );
    assert_eq!(lines.lines().count(), 1001);
    assert!(lines.ends_with("1000) \"value-999\""), "{lines}");
}

#[test]
fn info_tells_the_memory_as_people_read_it() {
    let Some(cli) = program_or_skip("redis-cli", "INFO in redis-cli") else {
        return;
    };
    let server = Server::start(Kind::Cachebench, &[]).expect("ours is always here");
    let info = session(&cli, &server, &["INFO memory"]);
    let human = info
        .lines()
        .find_map(|line| line.trim_end().strip_prefix("used_memory_human:"));
    let number = human
        .and_then(|text| text.strip_suffix(['B', 'K', 'M']))
        .and_then(|text| text.parse::<f64>().ok());
    assert!(number.is_some_and(|number| number > 0.0), "{human:?}");
}

/// What redis-cli prints for the typed lines, as on a terminal; it ends its output with a line end, which is taken away.
fn session(cli: &Path, server: &Server, typed: &[&str]) -> String {
    let mut cli = Command::new(cli)
        .args(["-p", &server.port.to_string(), "--no-raw"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-cli runs");
    let mut input = cli.stdin.take().expect("its input");
    input
        .write_all((typed.join("\n") + "\n").as_bytes())
        .expect("it reads");
    drop(input);
    let output = cli.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&output.stdout)
        .trim_end_matches('\n')
        .to_owned()
}
