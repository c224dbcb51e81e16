//! The arrows of `ARCHITECTURE.md`: which module may use which, and what only some of them may do.

use std::path::Path;

use crate::report;
use crate::source::Source;
use crate::tree::{Module, is_within, modules_of, read, root};

/// A room and the rooms that it may use besides itself.
type Arrows = (&'static str, &'static [&'static str]);

/// Every room of the root crate. The most specific line counts: `recording::model` has its own.
const ROOT: &[Arrows] = &[
    ("main", &["cli"]),
    ("workload", &[]),
    ("traffic", &["workload"]),
    ("trace", &["workload::plan"]),
    ("stats", &["recording::model", "workload::plan"]),
    ("recording", &["stats", "traffic", "workload::plan"]),
    ("recording::model", &["workload::plan"]),
    (
        "drive",
        &[
            "recording::latency",
            "recording::model",
            "stats",
            "trace",
            "traffic",
            "workload::plan",
        ],
    ),
    ("target", &["drive", "recording::model", "workload::plan"]),
    (
        "survival",
        &[
            "drive",
            "recording::keys",
            "recording::model",
            "target",
            "traffic",
            "workload::plan",
        ],
    ),
    ("gate", &["recording::model", "stats", "workload"]),
    (
        "runner",
        &[
            "drive",
            "gate",
            "recording",
            "stats",
            "survival",
            "target",
            "trace",
            "traffic",
            "workload",
        ],
    ),
    ("plot", &["gate", "recording", "stats", "workload::plan"]),
    (
        "report",
        &["gate", "plot", "recording", "stats", "workload::plan"],
    ),
    (
        "cli",
        &[
            "gate",
            "plot",
            "recording",
            "report",
            "runner",
            "stats",
            "target",
            "workload",
        ],
    ),
];

/// Rooms of the server and what they must not use. What is not named is free.
const SERVER_WALLS: &[Arrows] = &[
    (
        "clock",
        &["command", "config", "eviction", "keyspace", "net", "node"],
    ),
    (
        "resp",
        &["command", "config", "eviction", "keyspace", "net", "node"],
    ),
    ("eviction", &["command", "keyspace", "net", "node"]),
    ("keyspace", &["command", "net", "node"]),
    ("command", &["net"]),
];

/// A privilege: the paths that claim it, the modules that have it, and what it is.
type Privilege = (
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

/// What only some modules of the root crate may do.
const PRIVILEGES: &[Privilege] = &[
    (&["std::env"], &["cli", "main"], "read the environment"),
    (
        &["std::process::exit", "process::exit"],
        &["cli"],
        "end the process",
    ),
    (
        &[
            "std::io::stdout",
            "std::io::stderr",
            "io::stdout",
            "io::stderr",
            "anstream",
        ],
        &["cli"],
        "print",
    ),
    (
        &["embedded_server"],
        &["target", "cli"],
        "name the server crate, which is known through a socket",
    ),
    (&["plotters"], &["plot"], "draw"),
    (&["maud"], &["report"], "write HTML"),
    (&["anyhow"], &["cli"], "forget the type of an error"),
    (
        &["rand::rng", "rand::random", "rand::thread_rng"],
        &[],
        "draw what does not come from the run's seed",
    ),
];

/// Modules that compute the same from the same, wherever and whenever they run.
const PURE: &[&str] = &[
    "workload",
    "traffic",
    "trace",
    "stats",
    "gate",
    "recording::model",
];

/// What a pure module must not touch.
const IMPURE: &[&str] = &[
    "std::net",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "tokio",
    "redis",
    "Instant::now",
    "std::time::Instant",
    "SystemTime::now",
    "std::time::SystemTime",
];

#[test]
fn modules_use_only_what_the_arrows_allow() {
    report(
        modules_of("src")
            .iter()
            .flat_map(|module| forbidden_uses(module, ROOT)),
    );
}

#[test]
fn every_module_of_the_root_crate_has_its_arrows() {
    let modules = modules_of("src").into_iter();
    let strays =
        modules.filter(|module| !module.path.is_empty() && arrows_of(&module.path, ROOT).is_none());
    report(strays.map(|module| {
        format!(
            "{}: tests/tidy/arrows.rs has no arrows for it",
            module.file.display()
        )
    }));
}

#[test]
fn a_forbidden_arrow_is_found_however_it_is_written() {
    let count = |path: &str, text: &str| forbidden_uses(&sample(path, text), ROOT).len();
    assert_eq!(count("drive::worker", "use crate::report;"), 1);
    assert_eq!(
        count(
            "drive::worker",
            "use crate::{stats::mean, report::{html, text as t}, plot::*};"
        ),
        3
    );
    assert_eq!(
        count("drive", "fn f() { select! { crate::cli::x() } }"),
        1,
        "in a macro's braces"
    );
    assert_eq!(count("drive::worker", "use super::super::cli::Exit;"), 1);
    assert_eq!(
        count("recording::model", "use crate::stats;"),
        1,
        "the nearest line counts"
    );
    assert_eq!(
        count("recording::model", "use crate::recording::write;"),
        1,
        "its own folder is not itself"
    );
    assert_eq!(
        count(
            "traffic",
            "use crate::workload::plan;\n// crate::cli\nconst S: &str = \"crate::cli\";"
        ),
        0
    );
    assert_eq!(
        count("drive", "#[cfg(test)] mod tests { use crate::cli; }"),
        0,
        "tests may use anything"
    );
    assert_eq!(
        count("drive", "#[cfg(test)] use crate::cli; use crate::plot;"),
        1,
        "and end where they end"
    );
    assert_eq!(
        count("drive::worker", "use super::pace; pub(crate) fn f() {}"),
        0
    );
}

fn forbidden_uses(module: &Module, arrows: &[Arrows]) -> Vec<String> {
    let Some((room, allowed)) = arrows_of(&module.path, arrows) else {
        return Vec::new();
    };
    let is_allowed = |used: &str| {
        is_within(used, room) || allowed.iter().any(|allowed| is_within(used, allowed))
    };
    // What stands at the root of the crate is not a room: its macros and its re-exports.
    let is_room = |used: &str| arrows.iter().any(|(room, _)| is_within(used, room));
    let found = uses_of_own_crate(module)
        .into_iter()
        .filter(|(_, used)| is_room(used) && !is_allowed(used));
    found
        .map(|(line, used)| {
            format!(
                "{}:{line}: uses `{used}`; `{room}` may use {allowed:?}",
                module.file.display()
            )
        })
        .collect()
}

/// The most specific line of `arrows` that stands above `path`.
fn arrows_of(path: &str, arrows: &[Arrows]) -> Option<Arrows> {
    arrows
        .iter()
        .filter(|(room, _)| is_within(path, room))
        .max_by_key(|(room, _)| room.len())
        .copied()
}

#[test]
fn rooms_of_the_server_stay_behind_their_walls() {
    report(
        modules_of("embedded-server/src")
            .iter()
            .flat_map(broken_walls),
    );
}

#[test]
fn a_broken_wall_is_found() {
    assert_eq!(
        broken_walls(&sample("command::string", "use crate::net::Connection;")).len(),
        1
    );
    assert_eq!(
        broken_walls(&sample("command::string", "use crate::keyspace::Entry;")).len(),
        0
    );
    assert_eq!(
        broken_walls(&sample(
            "eviction::lru",
            "use crate::{clock::Clock, keyspace::Key};"
        ))
        .len(),
        1
    );
}

fn broken_walls(module: &Module) -> Vec<String> {
    let walls: Vec<_> = SERVER_WALLS
        .iter()
        .filter(|(room, _)| is_within(&module.path, room))
        .collect();
    let is_behind = |used: &str| {
        walls
            .iter()
            .any(|(_, behind)| behind.iter().any(|wall| is_within(used, wall)))
    };
    let found = uses_of_own_crate(module)
        .into_iter()
        .filter(|(_, used)| is_behind(used));
    found
        .map(|(line, used)| {
            format!(
                "{}:{line}: `{}` uses `{used}`",
                module.file.display(),
                module.path
            )
        })
        .collect()
}

/// What a module names of its own crate, with the line: paths from the crate's root.
fn uses_of_own_crate(module: &Module) -> Vec<(usize, String)> {
    let paths = Source::parse(&module.text).paths().into_iter();
    paths
        .filter_map(|(line, path)| Some((line, from_root(&module.path, &path)?)))
        .collect()
}

/// `path` as it reads from the root of the crate: `crate::` taken away, `self::` and `super::` followed.
fn from_root(module: &str, path: &str) -> Option<String> {
    let mut at: Vec<&str> = module.split("::").filter(|name| !name.is_empty()).collect();
    let mut names = path.split("::").peekable();
    match *names.peek()? {
        "crate" => at.clear(),
        "self" => {}
        "super" => at.truncate(at.len().saturating_sub(path.matches("super").count())),
        _ => return None,
    }
    at.extend(names.skip_while(|name| ["crate", "self", "super"].contains(name)));
    Some(at.join("::"))
}

#[test]
fn privileges_are_kept_and_the_pure_stay_pure() {
    report(modules_of("src").iter().flat_map(overreach));
}

#[test]
fn an_overreach_is_found() {
    let count = |path: &str, text: &str| overreach(&sample(path, text)).len();
    assert_eq!(count("runner", "fn f() { std::env::var(\"HOME\"); }"), 1);
    assert_eq!(count("runner", "use std::{env, fs};"), 1);
    assert_eq!(
        count("runner", "use std::process; fn f() { process::exit(1) }"),
        1
    );
    assert_eq!(count("drive", "use embedded_server::Server;"), 1);
    assert_eq!(count("traffic", "fn f() { let mut r = rand::rng(); }"), 1);
    assert_eq!(count("traffic", "fn f() { std::time::Instant::now(); }"), 1);
    assert_eq!(
        count(
            "workload::check",
            "use std::{collections::BTreeMap, fs::File};"
        ),
        1
    );
    assert_eq!(
        count(
            "cli::run",
            "fn f() { std::env::var(\"CI\"); anstream::stdout(); }"
        ),
        0
    );
    assert_eq!(
        count("runner", "const V: &str = env!(\"CARGO_PKG_VERSION\");"),
        0
    );
}

fn overreach(module: &Module) -> Vec<String> {
    let mut paths = Source::parse(&module.text).paths();
    // What the program was compiled for is no part of its environment.
    paths.retain(|(_, used)| !is_within(used, "std::env::consts"));
    let line_of = |claim: &&str| {
        paths
            .iter()
            .find(|(_, used)| is_within(used, claim))
            .map(|(line, _)| *line)
    };
    let is_one_of = |rooms: &[&str]| rooms.iter().any(|room| is_within(&module.path, room));
    let place = module.file.display();
    let mut found = Vec::new();
    for (claims, holders, what) in PRIVILEGES {
        if let (false, Some(line)) = (is_one_of(holders), claims.iter().find_map(line_of)) {
            found.push(format!("{place}:{line}: must not {what}; {holders:?} may"));
        }
    }
    if let (true, Some(line)) = (is_one_of(PURE), IMPURE.iter().find_map(line_of)) {
        found.push(format!("{place}:{line}: is pure and touches the world"));
    }
    found
}

#[test]
fn only_the_servers_clock_asks_for_the_time() {
    report(
        modules_of("embedded-server/src")
            .iter()
            .flat_map(second_clocks),
    );
}

#[test]
fn a_second_clock_is_found() {
    assert_eq!(
        second_clocks(&sample(
            "keyspace",
            "fn f() { std::time::SystemTime::now(); }"
        ))
        .len(),
        1
    );
    assert_eq!(
        second_clocks(&sample(
            "net",
            "use std::time::Instant; fn f() { Instant::now(); }"
        ))
        .len(),
        1
    );
    assert_eq!(
        second_clocks(&sample("clock", "fn f() { Instant::now(); }")).len(),
        0
    );
}

fn second_clocks(module: &Module) -> Vec<String> {
    let asks = |used: &str| used.ends_with("Instant::now") || used.ends_with("SystemTime::now");
    let found = Source::parse(&module.text).paths().into_iter();
    let found = found.filter(|(_, used)| asks(used) && !is_within(&module.path, "clock"));
    found
        .map(|(line, used)| format!("{}:{line}: `{used}`: ask `clock`", module.file.display()))
        .collect()
}

#[test]
fn the_server_does_not_know_that_it_is_measured() {
    let manifest = read(&root().join("embedded-server/Cargo.toml"));
    assert!(
        !depends_on(&manifest, "cachebench"),
        "embedded-server depends on the root crate"
    );
    assert!(depends_on(
        "[dev-dependencies]\ncachebench = { path = \"..\" }",
        "cachebench"
    ));
    assert!(depends_on(
        "[dependencies]\ncachebench.workspace = true",
        "cachebench"
    ));
}

fn depends_on(manifest: &str, name: &str) -> bool {
    let names = manifest
        .lines()
        .filter_map(|line| line.split(['=', '.']).next());
    names.map(str::trim).any(|found| found == name)
}

fn sample(path: &str, text: &str) -> Module {
    Module {
        file: Path::new("sample.rs").to_owned(),
        path: path.to_owned(),
        text: text.to_owned(),
    }
}
