//! The command compatibility cases of tair-opensource/resp-compatibility, which are not part of this project: the
//! file is looked for where `CACHEBENCH_CTS` says, or beside the checkout in `shared/compat/cts.json`. Where there
//! is none, the tests say so and pass.
//!
//! A case is a few commands, sent after FLUSHALL, with the reply to each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::client::{Client, Command, Reply};
use crate::embedded::Embedded;
use crate::peer::Peer;

/// The newest version whose commands are asked for.
const VERSION: &str = "7.0.0";

struct Case {
    name: String,
    commands: Vec<Command>,
    expected: Vec<Value>,
    sorted: bool,
    floats: bool,
}

/// The cases for a single node up to [`VERSION`]; `None`, after saying so, when the file is not there.
fn cases() -> Option<Vec<Case>> {
    let path = std::env::var_os("CACHEBENCH_CTS").map_or_else(default_path, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("SKIPPED: no compatibility cases at {}", path.display());
        return None;
    };
    let all: Vec<Value> = serde_json::from_str(&text).expect("a list of cases");
    Some(
        all.iter()
            .filter(|case| is_asked_for(case))
            .map(Case::read)
            .collect(),
    )
}

fn default_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/compat/cts.json")
}

fn is_asked_for(case: &Value) -> bool {
    let since = case["since"].as_str().expect("a version");
    case["tags"] != "cluster" && case["skipped"] != true && since <= VERSION
}

impl Case {
    fn read(case: &Value) -> Self {
        let lines = case["command"].as_array().expect("commands");
        let is_binary = case["command_binary"] == true;
        Self {
            name: case["name"].as_str().expect("a name").to_owned(),
            commands: lines
                .iter()
                .map(|line| words(line.as_str().expect("a line"), is_binary))
                .collect(),
            expected: case["result"].as_array().expect("replies").clone(),
            sorted: case["sort_result"] == true,
            floats: case["float_result"] == true,
        }
    }

    /// The first command that was not answered as it should, if any.
    fn failure(&self, client: &mut Client, resp3: bool) -> Option<String> {
        client.line("FLUSHALL");
        for (command, expected) in self.commands.iter().zip(&self.expected) {
            let reply = client.call(command);
            let (mut ours, mut theirs) = (flat_reply(&reply, resp3), flat_value(expected, resp3));
            if self.sorted {
                ours.sort();
                theirs.sort();
            }
            if !same(&ours, &theirs, self.floats || resp3) {
                return Some(format!(
                    "{}: {command:?} answered {reply:?}, not {expected}",
                    self.name
                ));
            }
        }
        None
    }
}

/// A line's words: parted by spaces outside double quotes. In a binary line escapes stand for bytes.
fn words(line: &str, is_binary: bool) -> Command {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    let bytes = |word: String| {
        if is_binary {
            unescaped(&word)
        } else {
            word.into_bytes()
        }
    };
    Command(words.into_iter().map(bytes).collect())
}

fn unescaped(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    loop {
        rest = match rest {
            [] => return bytes,
            [b'\\', b'x', high, low, rest @ ..] => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("hexadecimal digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
                rest
            }
            [b'\\', letter, rest @ ..] => {
                let escapes = BTreeMap::from([
                    (b'a', 7),
                    (b'b', 8),
                    (b't', 9),
                    (b'n', 10),
                    (b'v', 11),
                    (b'f', 12),
                    (b'r', 13),
                ]);
                bytes.push(*escapes.get(letter).unwrap_or(letter));
                rest
            }
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        };
    }
}

/// A reply as its scalars in order. Brackets mark the arrays, but not on RESP3, which nests what RESP2 does not.
fn flat_reply(reply: &Reply, resp3: bool) -> Vec<String> {
    match reply {
        Reply::Items(_, items) => {
            bracketed(items.iter().flat_map(|item| flat_reply(item, resp3)), resp3)
        }
        Reply::Null(_) => vec!["(null)".to_owned()],
        Reply::Other('#', truth) => vec![if truth == "t" { "1" } else { "0" }.to_owned()],
        scalar => vec![scalar.text()],
    }
}

fn flat_value(value: &Value, resp3: bool) -> Vec<String> {
    match value {
        Value::Array(items) => {
            bracketed(items.iter().flat_map(|item| flat_value(item, resp3)), resp3)
        }
        Value::Null => vec!["(null)".to_owned()],
        Value::String(text) => vec![text.clone()],
        scalar => vec![scalar.to_string()],
    }
}

fn bracketed(items: impl Iterator<Item = String>, resp3: bool) -> Vec<String> {
    let mark = |mark: &str| (!resp3).then(|| mark.to_owned());
    mark("[")
        .into_iter()
        .chain(items)
        .chain(mark("]"))
        .collect()
}

fn same(ours: &[String], theirs: &[String], floats: bool) -> bool {
    ours.len() == theirs.len()
        && ours
            .iter()
            .zip(theirs)
            .all(|(a, b)| a == b || (floats && same_number(a, b)))
}

fn same_number(a: &str, b: &str) -> bool {
    let (Ok(a), Ok(b)) = (a.parse::<f64>(), b.parse::<f64>()) else {
        return false;
    };
    (a - b).abs() <= 1e-3 * a.abs().max(1.0)
}

/// What came of the cases on one server.
#[derive(Default)]
struct Tally {
    passed: usize,
    failures: Vec<String>,
    /// How many cases wait for each command that the server does not know.
    missing: BTreeMap<String, usize>,
}

fn run(cases: &[Case], mut connect: impl FnMut() -> Client, resp3: bool) -> Tally {
    let mut tally = Tally::default();
    for case in cases {
        // A connection each: some cases leave theirs subscribed, or closed.
        let mut client = connect();
        if let Some(name) = case
            .commands
            .iter()
            .find_map(|command| unknown(&mut client, command))
        {
            *tally.missing.entry(name).or_default() += 1;
            continue;
        }
        if resp3 {
            client.line("HELLO 3");
        }
        match case.failure(&mut client, resp3) {
            None => tally.passed += 1,
            Some(failure) => tally.failures.push(failure),
        }
    }
    tally
}

/// The command's name, when the server does not know it.
fn unknown(client: &mut Client, command: &Command) -> Option<String> {
    let name = String::from_utf8_lossy(&command.0[0]).into_owned();
    let info = client.line(&format!("COMMAND INFO {name}"));
    matches!(info.items(), [Reply::Null(_)]).then_some(name)
}

#[test]
fn the_embedded_server_passes_every_case_it_has_the_commands_for() {
    let Some(cases) = cases() else { return };
    let embedded = Embedded::start();
    for resp3 in [false, true] {
        let tally = run(&cases, || embedded.client(), resp3);
        let (passed, waiting) = (tally.passed, tally.missing.values().sum::<usize>());
        println!(
            "RESP{}: {passed} cases passed, {waiting} wait for {:?}",
            2 + u8::from(resp3),
            tally.missing
        );
        assert!(
            tally.failures.is_empty(),
            "{} cases failed:\n{}",
            tally.failures.len(),
            tally.failures.join("\n")
        );
        assert!(passed > 0, "no case was run");
    }
}

#[test]
fn redis_passes_every_case() {
    let (Some(cases), Some(peer)) = (cases(), Peer::start(&[])) else {
        return;
    };
    let tally = run(&cases, || peer.client(), false);
    println!("redis-server: {} cases passed", tally.passed);
    assert!(
        tally.missing.is_empty(),
        "redis-server lacks {:?}",
        tally.missing
    );
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n"));
}
