//! `compare`, `gate` and `trend` from outside: exit codes, JSON that its schema admits, and what bad input is told.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends by panicking; clippy's exemption does not reach a test's helpers"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const WORKLOAD: &str = "
name: small
keys: { count: 60 }
values: { fixed: 1000b }
capacity: { keys: 40 }
phases:
  - save: { keys: 0..30 }
  - read: { keys: 0..10 }
  - flood: { keys: 30..60 }
survival: { groups: { read: 0..10 } }
compare: { maxmemory-policy: [allkeys-lru] }
";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path("w.yaml"), WORKLOAD).unwrap();
        folder
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], environment: &[(&str, &Path)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_cachebench"))
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("GITHUB_STEP_SUMMARY")
            .env_remove("GITHUB_ACTIONS")
            .envs(environment.iter().copied())
            .output()
            .unwrap()
    }

    fn record(&self, name: &str, more: &[&str]) {
        let output = self.run(&[&["run", "w.yaml", "--quiet", "--out", name], more].concat());
        assert!(output.status.success(), "{output:?}");
    }

    /// What a command printed as JSON, which its schema must admit.
    fn json(&self, arguments: &[&str], schema: &str) -> Value {
        let output = self.run(&[arguments, &["--output-format", "json"]].concat());
        let printed: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let schema: Value = serde_json::from_slice(&self.run(&["schema", schema]).stdout).unwrap();
        jsonschema::validate(&schema, &printed)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        printed
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_is_printed_as_json_is_what_the_schema_says() {
    let folder = Folder::new();
    assert_eq!(
        folder.json(&["run", "w.yaml", "--quiet", "--out", "a"], "summary")["workload"],
        "small"
    );
    folder.record("b", &[]);
    assert_eq!(folder.json(&["report", "a"], "summary")["seed"], 42);
    assert_eq!(
        folder.json(&["check", "w.yaml"], "check")["files"][0]["plan"]["name"],
        "small"
    );
    let compared = folder.json(&["compare", "a", "b", "--out", "c"], "comparison");
    assert_eq!(compared["recordings"][1]["letter"], "B");
    let gated = folder.json(
        &[
            "gate",
            "a",
            "--baseline",
            "b",
            "--objective",
            "error_rate == 0",
        ],
        "gate",
    );
    assert_eq!(gated["verdict"], "passed");
    let trend = folder.json(&["trend", ".", "--metric", "read.p99"], "trend");
    assert_eq!(trend["points"].as_array().unwrap().len(), 2);
    assert_eq!(trend["files"].as_array().unwrap().len(), 2);
    assert!(folder.path("trend.html").is_file());
    let script = folder.json(&["completions", "bash"], "printed");
    assert!(script["text"].as_str().unwrap().contains("objective"));
    let pages = folder.json(&["man", "--out", "man"], "printed");
    assert!(pages["files"].as_array().unwrap().len() > 8, "{pages}");
    let recorded: Value =
        serde_json::from_slice(&fs::read(folder.path("a/recording.json")).unwrap()).unwrap();
    let schema: Value =
        serde_json::from_slice(&folder.run(&["schema", "recording"]).stdout).unwrap();
    jsonschema::validate(&schema, &recorded).unwrap();
}

#[test]
fn a_cluster_says_where_its_nodes_are_and_a_server_has_nothing_to_print() {
    let folder = Folder::new();
    let mut cluster = Command::new(env!("CARGO_BIN_EXE_cachebench"))
        .args(["cluster", "--masters", "3", "--replicas", "0"])
        .args(["--port", "0", "--output-format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut printed =
        serde_json::Deserializer::from_reader(cluster.stdout.take().unwrap()).into_iter::<Value>();
    let formed = printed.next().unwrap().unwrap();
    cluster.kill().unwrap();
    cluster.wait().unwrap();
    let schema = folder.run(&["schema", "cluster", "--output-format", "json"]);
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    jsonschema::validate(&schema, &formed).unwrap();
    assert_eq!(formed["nodes"].as_array().unwrap().len(), 3);
    let served = folder.run(&["serve", "--output-format", "json"]);
    assert_eq!(code(&served), 2);
    assert!(told(&served).contains("no result to print as JSON"));
}

#[test]
fn a_gate_opens_for_the_same_program_and_not_for_another_outcome() {
    let folder = Folder::new();
    folder.record("base", &[]);
    let gate = |more: &[&str]| {
        folder.run(&[&["gate", "w.yaml", "--quiet", "--baseline", "base"], more].concat())
    };
    let passed = gate(&["--out", "g"]);
    assert_eq!(code(&passed), 0, "{passed:?}");
    let summary = String::from_utf8_lossy(&passed.stdout).into_owned();
    assert!(
        summary.contains("PASSED") && summary.contains("Times are not held against a stored"),
        "{summary}"
    );
    assert!(folder.path("g/gate.json").is_file() && folder.path("g/recording.json").is_file());
    let failed = gate(&[
        "--out",
        "h",
        "--objective",
        "hit_ratio < 10%",
        "--junit",
        "gate.xml",
        "--markdown",
        "gate.md",
    ]);
    assert_eq!(code(&failed), 3);
    assert!(
        fs::read_to_string(folder.path("gate.xml"))
            .unwrap()
            .contains("failures=\"1\"")
    );
    assert!(
        fs::read_to_string(folder.path("gate.md"))
            .unwrap()
            .contains("| ❌ | read: hit\\_ratio &lt; 10%")
    );
    let changed = folder.run(&[
        "gate",
        "w.yaml",
        "--quiet",
        "--out",
        "i",
        "--baseline",
        "base",
        "--set",
        "repeat=1",
        "--objective",
        "errors == 0",
    ]);
    assert_eq!(
        code(&changed),
        0,
        "how often is repeated is no other workload: {changed:?}"
    );
}

/// Arguments, and what they are told.
const SENSELESS: [(&[&str], &str); 9] = [
    (&["gate", "w.yaml"], "nothing would be gated"),
    (
        &["gate", "w.yaml", "--objective", "p99 <= 2"],
        "does not fit",
    ),
    (
        &["gate", "w.yaml", "--objective", "hitratio > 1%"],
        "did you mean `hit_ratio`?",
    ),
    (
        &[
            "gate",
            "w.yaml",
            "--baseline",
            "base",
            "--tolerance",
            "survivor=3",
        ],
        "did you mean `survivors`?",
    ),
    (
        &["gate", "w.yaml", "--baseline", "nowhere"],
        "there is no recording nowhere",
    ),
    (
        &["gate", "w.yaml", "--baseline", "base", "--seed", "7"],
        "another seed (42 there, 7 here)",
    ),
    (
        &[
            "gate",
            "w.yaml",
            "--baseline",
            "base",
            "--set",
            "keys.count=70",
        ],
        "another workload: keys",
    ),
    (
        &[
            "gate",
            "w.yaml",
            "--baseline",
            "embedded",
            "--candidate",
            "embedded",
            "--phase",
            "raed",
        ],
        "did you mean `read`?",
    ),
    (
        &["gate", "base", "--seed", "7", "--objective", "errors == 0"],
        "a recording was made already",
    ),
];

#[test]
fn nothing_is_started_for_demands_that_make_no_sense() {
    let folder = Folder::new();
    folder.record("base", &[]);
    for (arguments, text) in SENSELESS {
        let output = folder.run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {output:?}");
        assert!(
            told(&output).contains(text),
            "{arguments:?}: {}",
            told(&output)
        );
        assert!(!folder.path("reports").exists());
    }
}

#[test]
fn what_is_not_comparable_is_refused_until_it_is_allowed() {
    let folder = Folder::new();
    folder.record("a", &[]);
    folder.record("b", &["--seed", "7"]);
    let refused = folder.run(&["compare", "a", "b", "--out", "c"]);
    assert_eq!(code(&refused), 2);
    assert!(
        told(&refused).contains("seed, seed: 42 and 7") && told(&refused).contains("--allow seed"),
        "{}",
        told(&refused)
    );
    let allowed = folder.run(&["compare", "a", "b", "--out", "c", "--allow", "seed"]);
    assert_eq!(code(&allowed), 0, "{allowed:?}");
    assert!(String::from_utf8_lossy(&allowed.stdout).contains("seed: seed 7, not 42"));
    assert!(folder.path("c/compare.html").is_file());
}

#[test]
fn recordings_that_are_none_are_named_with_the_place() {
    let folder = Folder::new();
    folder.record("a", &[]);
    let text = fs::read_to_string(folder.path("a/recording.json")).unwrap();
    fs::write(folder.path("cut.json"), &text[..text.len() / 2]).unwrap();
    fs::write(
        folder.path("newer.json"),
        text.replacen("recording/1", "recording/9", 1),
    )
    .unwrap();
    fs::write(folder.path("words.json"), "no JSON at all").unwrap();
    fs::File::create(folder.path("huge.json"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    let cases = [
        ("cut.json", "breaks off at line 1"),
        ("newer.json", "cachebench.recording/9"),
        ("words.json", "is not JSON (line 1, column "),
        ("huge.json", "has 1073741824 bytes"),
        ("absent", "name a recording.json"),
    ];
    for (file, text) in cases {
        for arguments in [
            &["compare", "a", file][..],
            &[
                "gate",
                "a",
                "--objective",
                "errors == 0",
                "--baseline",
                file,
            ],
            &["report", file],
        ] {
            let output = folder.run(arguments);
            assert_eq!(code(&output), 2, "{arguments:?}: {output:?}");
            let expected = if file == "absent" && arguments[0] == "gate" {
                "there is no recording absent"
            } else {
                text
            };
            assert!(
                told(&output).contains(expected),
                "{arguments:?}: {}",
                told(&output)
            );
        }
    }
}

#[test]
fn github_actions_gets_annotations_and_a_summary() {
    let folder = Folder::new();
    folder.record("a", &[]);
    fs::write(
        folder.path("bad.yaml"),
        "keys: { count: 9 }\nphases:\n  - save: { cleints: 2 }\n",
    )
    .unwrap();
    let here = Path::new("true");
    let output = folder.run_with(&["check", "bad.yaml"], &[("GITHUB_ACTIONS", here)]);
    assert_eq!(code(&output), 2);
    assert!(
        told(&output).contains("\n::error file=bad.yaml,line=3,col=13::unknown key"),
        "{}",
        told(&output)
    );
    let summary = folder.path("summary.md");
    fs::write(&summary, "before\n").unwrap();
    folder.run_with(
        &["gate", "a", "--objective", "errors == 0"],
        &[("GITHUB_STEP_SUMMARY", &summary)],
    );
    let summary = fs::read_to_string(summary).unwrap();
    assert!(
        summary.starts_with("before\n### ✅ cachebench small: passed"),
        "{summary}"
    );
}

#[test]
fn two_targets_take_turns() {
    let folder = Folder::new();
    let arguments = [
        "gate",
        "w.yaml",
        "--quiet",
        "--baseline",
        "embedded",
        "--candidate",
        "embedded",
        "--phase",
        "read",
        "--out",
        "g",
        "--slice",
        "1ms",
        "--pair",
        "4ms",
        "--warm-up",
        "3ms",
    ];
    let gated = folder.json(&arguments, "gate");
    let pairs = gated["contest"]["pairs"].as_array().unwrap().len();
    assert!([30, 60, 120].contains(&pairs), "{pairs} pairs");
    assert_eq!(gated["contest"]["phase"], "read");
    assert_eq!(gated["checks"].as_array().unwrap().len(), 5);
    for file in ["g/gate.html", "g/gate.json", "g/plots/pairs.svg"] {
        assert!(folder.path(file).is_file(), "no {file}");
    }
}

#[test]
fn shells_and_man_are_told_of_every_subcommand() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = String::from_utf8(folder.run(&["completions", shell]).stdout).unwrap();
        assert!(
            script.contains("gate") && script.contains("objective"),
            "{shell}"
        );
    }
    assert_eq!(code(&folder.run(&["man", "--out", "man"])), 0);
    for page in [
        "cachebench",
        "cachebench-run",
        "cachebench-gate",
        "cachebench-compare",
        "cachebench-trend",
    ] {
        let text = fs::read_to_string(folder.path(&format!("man/{page}.1"))).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
}
