//! The workflow files that ship: YAML, with the keys that their systems want, and commands that this program takes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends by panicking; clippy's exemption does not reach a test's helpers"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn workflow(name: &str) -> Value {
    let path = Path::new("reports/example/ci").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every text in `value` that calls cachebench.
fn commands(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.starts_with("./cachebench ") => vec![text.clone()],
        Value::Array(list) => list.iter().flat_map(commands).collect(),
        Value::Object(map) => map.values().flat_map(commands).collect(),
        _ => Vec::new(),
    }
}

/// Words as a shell parts them, as far as these files need.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in command.trim().chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
}

/// Runs a command of a workflow where the files that it names are there; servers that it names need not be.
fn exit_code(command: &str) -> i32 {
    let folder = tempfile::tempdir().unwrap();
    let bench = folder.path().join("bench");
    std::fs::create_dir_all(&bench).unwrap();
    std::fs::write(
        bench.join("cache.yaml"),
        "keys: { count: 50 }\nphases:\n  - save: {}\n  - read: {}\n",
    )
    .unwrap();
    let cachebench = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cachebench"));
        command
            .current_dir(folder.path())
            .env_remove("GITHUB_STEP_SUMMARY");
        command
    };
    let recorded = cachebench()
        .args([
            "run",
            "bench/cache.yaml",
            "--quiet",
            "--out",
            "bench/baseline",
        ])
        .output()
        .unwrap();
    assert!(recorded.status.success(), "{recorded:?}");
    let output = cachebench().args(&words(command)[1..]).output().unwrap();
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

#[test]
fn github_actions() {
    let workflow = workflow("github-actions.yml");
    assert!(workflow["name"].is_string() && !workflow["on"].is_null());
    for job in ["exact", "times"] {
        let job = &workflow["jobs"][job];
        assert!(job["runs-on"].is_string());
        let steps = job["steps"].as_array().unwrap();
        assert!(
            steps
                .iter()
                .all(|step| step["uses"].is_string() != step["run"].is_string()),
            "{steps:?}"
        );
    }
    let commands = commands(&workflow);
    assert_eq!(commands.len(), 2);
    assert_eq!(
        exit_code(&commands[0]),
        0,
        "the exact gate opens for an unchanged program"
    );
    assert_eq!(
        exit_code(&commands[1]),
        1,
        "there is no ./server-old here, and the arguments are understood"
    );
}

#[test]
fn gitlab() {
    let pipeline = workflow("gitlab-ci.yml");
    for job in ["exact", "times"] {
        assert_eq!(pipeline[job]["extends"], ".cachebench");
        assert!(pipeline[job]["script"].is_array());
    }
    assert_eq!(pipeline["times"]["allow_failure"]["exit_codes"], 4);
    let commands = commands(&pipeline);
    assert_eq!(commands.len(), 2);
    assert_eq!(exit_code(&commands[0]), 0);
    assert_eq!(exit_code(&commands[1]), 1);
}

#[test]
fn the_files_are_those_that_ship() {
    let mut files: Vec<PathBuf> = std::fs::read_dir("reports/example/ci")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "reports/example/ci/github-actions.yml",
            "reports/example/ci/gitlab-ci.yml"
        ]
        .map(PathBuf::from)
    );
}
