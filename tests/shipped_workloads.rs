//! The workloads that ship: each is whole, runs on every server, and, however mangled, never makes the parser panic.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends by panicking; clippy's exemption does not reach a test's helpers"
)]

use std::path::{Path, PathBuf};

use cachebench::workload::plan::{Action, ClockKind, Plan, Target};
use cachebench::workload::{Overrides, advice, describe, load, parse};
use proptest::prelude::*;
use proptest::sample::Index;

fn shipped() -> Vec<(PathBuf, String)> {
    let folders = ["workloads", "workloads/ycsb"].map(|folder| std::fs::read_dir(folder).unwrap());
    let entries = folders.into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    files.sort();
    files
        .into_iter()
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

fn plan(path: &Path, text: &str, target: Option<&str>) -> Plan {
    let overrides = Overrides {
        target: target.map(str::to_owned),
        ..Overrides::default()
    };
    load(&path.display().to_string(), text, &overrides)
        .unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn each_is_whole_and_needs_no_advice() {
    assert!(shipped().len() >= 6);
    for (path, text) in shipped() {
        let plan = plan(&path, &text, None);
        assert_eq!(path.file_stem().unwrap().to_str(), Some(plan.name.as_str()));
        assert_eq!(advice(&plan), Vec::<String>::new(), "{}", path.display());
        assert!(describe(&plan).lines().count() > 5);
    }
}

fn schema_line(path: &Path) -> &'static str {
    if path.starts_with("workloads/ycsb") {
        "# yaml-language-server: $schema=../schema.json"
    } else {
        "# yaml-language-server: $schema=schema.json"
    }
}

/// The files of YCSB 0.17, without their comments.
const YCSB: [(&str, &str); 6] = [
    (
        "workloada",
        "readproportion=0.5\nupdateproportion=0.5\nscanproportion=0\ninsertproportion=0\nrequestdistribution=zipfian\n",
    ),
    (
        "workloadb",
        "readproportion=0.95\nupdateproportion=0.05\nscanproportion=0\ninsertproportion=0\nrequestdistribution=zipfian\n",
    ),
    (
        "workloadc",
        "readproportion=1\nupdateproportion=0\nscanproportion=0\ninsertproportion=0\nrequestdistribution=zipfian\n",
    ),
    (
        "workloadd",
        "readproportion=0.95\nupdateproportion=0\nscanproportion=0\ninsertproportion=0.05\nrequestdistribution=latest\n",
    ),
    (
        "workloade",
        "readproportion=0\nupdateproportion=0\nscanproportion=0.95\ninsertproportion=0.05\nrequestdistribution=zipfian\nmaxscanlength=100\nscanlengthdistribution=uniform\n",
    ),
    (
        "workloadf",
        "readproportion=0.5\nupdateproportion=0\nscanproportion=0\ninsertproportion=0\nreadmodifywriteproportion=0.5\nrequestdistribution=zipfian\n",
    ),
];

/// What ships as YAML is what YCSB's own files mean, but for the room that is left for inserts.
#[test]
fn ycsb_property_files_are_the_workloads_that_ship() {
    for (name, proportions) in YCSB {
        let text = format!(
            "# Yahoo! Cloud System Benchmark\nrecordcount=100000\noperationcount=100000\n\
             workload=site.ycsb.workloads.CoreWorkload\n\nreadallfields=true\n\n{proportions}"
        );
        let read = plan(Path::new(name), &text, None);
        let path = PathBuf::from(format!("workloads/ycsb/{name}.yaml"));
        let shipped = plan(&path, &std::fs::read_to_string(&path).unwrap(), None);
        assert_eq!((read.name.as_str(), read.notes.len()), (name, 0));
        assert_eq!(
            (&read.phases, &read.values),
            (&shipped.phases, &shipped.values),
            "{name}"
        );
        assert!(read.keys.count.abs_diff(shipped.keys.count) < 10_000);
    }
}

#[test]
fn what_a_property_file_says_wrongly_is_told_with_its_line() {
    let told = |text: &str| match load("workloadx", text, &Overrides::default()) {
        Ok(plan) => plan.notes.join("\n"),
        Err(problems) => problems.to_string(),
    };
    assert_eq!(
        told("recordcount=10\noperationcount=10\nreqestdistribution=zipfian\nexporter=x\n"),
        "workloadx:3: the property `reqestdistribution` means nothing here and is left aside; did you mean `requestdistribution`?"
    );
    assert!(
        told("recordcount=10\noperationcount=10\ninsertorder=hashed\n")
            .starts_with("insertorder=hashed: keys")
    );
    assert_eq!(
        told("recordcount=ten\noperationcount=10\nfieldlength=abc\nrequestdistribution=zipf\nthreadcount=20000\n"),
        "workloadx:1:13: `recordcount` is `ten`; wanted is a whole number
  |
1 | recordcount=ten
  |             ^^^
workloadx:3:13: `fieldlength` is `abc`; wanted is a whole number
  |
3 | fieldlength=abc
  |             ^^^
workloadx:4:21: unknown requestdistribution `zipf`; known: uniform, zipfian, latest, hotspot, exponential, sequential; did you mean `zipfian`?
  |
4 | requestdistribution=zipf
  |                     ^^^^
workloadx:5:13: `clients` is 20000; allowed are 1 to 10000
  |
5 | threadcount=20000
  |             ^^^^^"
    );
}

/// Each opens for the editor, then with its question.
#[test]
fn each_opens_with_its_question() {
    for (path, text) in shipped() {
        let lines: Vec<&str> = text.lines().take(3).collect();
        assert_eq!(lines[..2], [schema_line(&path), "#"], "{}", path.display());
        assert!(
            lines[2].starts_with("# ") && lines[2].ends_with('?'),
            "{}: {}",
            path.display(),
            lines[2]
        );
        let question = plan(&path, &text, None).question;
        assert!(
            question.is_empty() || lines[2] == format!("# {question}"),
            "{}",
            path.display()
        );
    }
}

/// The same file on another server: only the target differs, and nothing is asked of it that it may not know.
#[test]
fn each_runs_unchanged_on_a_server_that_is_spawned() {
    for (path, text) in shipped()
        .into_iter()
        // Only the embedded server has that policy, and only its cluster can be had with more or fewer nodes.
        .filter(|(path, _)| {
            !path.ends_with("lru_exact.yaml") && !path.ends_with("cluster_growth.yaml")
        })
    {
        let (here, there) = (
            plan(&path, &text, None),
            plan(&path, &text, Some("spawn:redis-server")),
        );
        assert_eq!(
            there.target,
            Target::Spawn {
                program: "redis-server".into()
            }
        );
        assert_eq!(
            Plan {
                target: here.target.clone(),
                // Only a cluster has nodes to which something can be done.
                events: here.events.clone(),
                notes: here.notes.clone(),
                // Which is why what was acknowledged is read back, and told by its version.
                read_back: here.read_back,
                values: here.values.clone(),
                ..there.clone()
            },
            here
        );
        let asked = describe(&there);
        assert!(
            !asked.contains("allkeys-lru-exact") && !asked.contains("lru-clock-resolution"),
            "{asked}"
        );
    }
}

#[test]
fn the_clock_is_virtual_where_all_is_counted() {
    let clock =
        |phases: &str| match parse(&format!("keys: {{ count: 10 }}\nphases: [ {phases} ]\n"))
            .unwrap()
            .target
        {
            Target::Embedded { clock } => clock,
            other => panic!("{other:?}"),
        };
    assert_eq!(clock("save, pause: 5s, read"), ClockKind::Virtual);
    assert_eq!(clock("save: { for: 1s }"), ClockKind::Real);
    assert_eq!(clock("save: { rate: 5/s }"), ClockKind::Real);
}

#[test]
fn an_endpoint_gets_keys_under_a_prefix_of_their_own() {
    let plan = parse(
        "name: n\nkeys: { name: \"k{i}\", count: 10 }\nphases: [ save ]\ntarget: redis://host\n",
    )
    .unwrap();
    assert_eq!(plan.keys.name.before, "cachebench:n:k");
}

/// The command line's endpoint inherits no permission from the file's.
#[test]
fn permissions_belong_to_their_endpoint() {
    let text = "keys: { count: 10 }\nphases: [ save ]\ntarget: { endpoint: { url: redis://mine, allow: [flush, config] } }\nrepeat: 2\n";
    assert!(parse(text).is_ok());
    let theirs = Overrides {
        target: Some("redis://theirs".into()),
        ..Overrides::default()
    };
    assert!(load("w.yaml", text, &theirs).is_err());
    let allowed = Overrides {
        allow: vec!["flush".into()],
        ..theirs
    };
    assert!(load("w.yaml", text, &allowed).is_ok());
}

#[test]
fn a_password_never_reaches_a_description_or_a_recording() {
    let plan =
        parse("keys: { count: 10 }\nphases: [ save ]\ntarget: redis://ann:secret@host\n").unwrap();
    assert!(!describe(&plan).contains("secret"));
    assert!(!serde_json::to_string(&plan).unwrap().contains("secret"));
}

/// The path from file to plan keeps what was written.
#[test]
fn overrides_change_what_they_name_and_nothing_else() {
    let (path, text) = shipped()
        .into_iter()
        .find(|(path, _)| path.ends_with("zipf_read.yaml"))
        .unwrap();
    let before = plan(&path, &text, None);
    let set = [
        "keys.count=20k",
        "phases.mix.clients=7",
        "target.embedded.maxmemory-samples=10",
    ]
    .map(str::to_owned);
    let after = load(
        "workloads/zipf_read.yaml",
        &text,
        &Overrides {
            set: set.into(),
            seed: Some(7),
            ..Overrides::default()
        },
    )
    .unwrap();
    assert_eq!((after.seed, after.keys.count), (7, 20_000));
    assert_eq!(after.directives.last().unwrap().value, "10");
    let clients = |plan: &Plan| {
        plan.phases
            .iter()
            .map(|phase| match &phase.action {
                Action::Load(load) => load.clients,
                Action::Pause(_) => 0,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (clients(&before), clients(&after)),
        (vec![1, 20], vec![1, 7])
    );
    assert_eq!(
        (before.values, before.capacity, before.expect),
        (after.values, after.capacity, after.expect)
    );
}

/// One change to a text.
#[derive(Debug, Clone)]
enum Mangle {
    Delete(Index, u8),
    Insert(Index, String),
    Copy(Index, Index, u8),
    Cut(Index),
}

fn mangles() -> impl Strategy<Value = Vec<Mangle>> {
    let word = prop_oneof![
        "[-:{}\\[\\],.&*!#%@|>'\"0-9a-z \n\t]{1,6}",
        "[0-9]{1,25}(k|M|G|mb|ms|s|/s|%|\\.\\.|d)?",
        Just("\u{feff}é\u{0}".to_owned()),
        Just("{i:0".to_owned()),
        Just("null".to_owned()),
    ];
    let mangle = prop_oneof![
        (any::<Index>(), 1..40u8).prop_map(|(at, length)| Mangle::Delete(at, length)),
        (any::<Index>(), word).prop_map(|(at, word)| Mangle::Insert(at, word)),
        (any::<Index>(), any::<Index>(), 1..80u8)
            .prop_map(|(from, to, length)| Mangle::Copy(from, to, length)),
        any::<Index>().prop_map(Mangle::Cut),
    ];
    prop::collection::vec(mangle, 1..6)
}

fn mangled(text: &str, mangles: &[Mangle]) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for mangle in mangles {
        let length = letters.len() + 1;
        let until = |at: usize, count: u8| (at + usize::from(count)).min(length - 1);
        match mangle {
            Mangle::Delete(at, count) => {
                let at = at.index(length);
                letters.drain(at..until(at, *count));
            }
            Mangle::Insert(at, word) => {
                let at = at.index(length);
                letters.splice(at..at, word.chars());
            }
            Mangle::Copy(from, to, count) => {
                let from = from.index(length);
                let piece = letters[from..until(from, *count)].to_vec();
                let to = to.index(length);
                letters.splice(to..to, piece);
            }
            Mangle::Cut(at) => letters.truncate(at.index(length)),
        }
    }
    letters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// A plan or problems, each of which points into the text; never a panic.
    #[test]
    fn no_mangled_workload_panics(file: Index, mangles in mangles()) {
        let files = shipped();
        let (_, text) = file.get(&files);
        match parse(&mangled(text, &mangles)) {
            Ok(plan) => prop_assert!(!describe(&plan).is_empty()),
            Err(problems) => prop_assert!(problems.count() > 0 && problems.to_string().starts_with("workload.yaml:")),
        }
    }

    #[test]
    fn no_setting_panics(file: Index, path in "[a-z.0-9]{0,12}|phases\\.(save|mix|0|9)\\.[a-z]{1,8}", value in "\\PC{0,12}") {
        let files = shipped();
        let (_, text) = file.get(&files);
        let overrides = Overrides { set: vec![format!("{path}={value}")], ..Overrides::default() };
        if let Err(problems) = load("w.yaml", text, &overrides) {
            prop_assert!(!problems.to_string().is_empty());
        }
    }
}
