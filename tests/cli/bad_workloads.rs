//! Workloads that are wrong: each is refused with exit code 2 before anything is started, and the sentence says where and what to do.

use std::path::Path;

use crate::tool::{Ending, Place, cachebench};

const GOOD: &str = "\
name: good
seed: 1
keys: { count: 100 }
phases:
  - save: { keys: 0..50 }
  - mix:
      operations: { get: 90%, set: 10% }
      keys: { zipfian: { exponent: 0.99 } }
      rate: 10k/s
      for: 100ms
";

/// What of [`GOOD`] is replaced by what, the line and column that are named, and words that help.
const BAD: &[(&str, &str, &str, &[&str])] = &[
    ("phases:", "phazes:", "4:1", &["phazes", "phases"]),
    ("seed: 1", "seed: many", "2:7", &["many"]),
    ("count: 100", "count: -3", "3:16", &["-3"]),
    ("0..50", "50..10", "5:19", &["50..10"]),
    ("0..50", "0..500", "5:19", &["100"]),
    ("0..50", "half", "5:19", &["half"]),
    ("zipfian:", "zipfan:", "8:15", &["zipfan", "zipfian"]),
    ("exponent: 0.99", "exponent: -1", "8:36", &["-1"]),
    ("exponent: 0.99", "exponnent: 0.99", "8:26", &["exponent"]),
    ("rate: 10k/s", "rate: 0", "9:13", &["0/s"]),
    ("rate: 10k/s", "rate: 0/s", "9:13", &["rate"]),
    ("get: 90%", "get: 80%", "7:", &["100"]),
    ("get: 90%", "got: 90%", "7:21", &["got", "get"]),
    (
        "for: 100ms",
        "for: 100 fortnights",
        "10:12",
        &["fortnights"],
    ),
    ("- save:", "- safe:", "5:5", &["safe", "save"]),
    ("name: good", "name: [good", "", &[]),
];

#[test]
fn every_mistake_is_shown_where_it_is() {
    for (good, bad, place, words) in BAD {
        let place_of_test = Place::with(&GOOD.replacen(good, bad, 1));
        let ending = Ending::of(&mut place_of_test.run());
        let located = format!("{}:{place}", place_of_test.workload().display());
        let words: Vec<_> = words.iter().copied().chain([located.as_str()]).collect();
        ending.must_be(2, &words);
        assert!(!place_of_test.out().exists(), "{bad}: nothing is written");
    }
}

#[test]
fn what_is_meant_to_be_good_is_good() {
    let place = Place::with(GOOD);
    let ending = Ending::of(cachebench().arg("check").arg(place.workload()));
    ending.must_be(0, &[]);
    assert!(ending.stdout.contains("good"), "{}", ending.stdout);
}

#[test]
fn one_mistake_does_not_hide_another() {
    let place = Place::with(&GOOD.replace("0..50", "50..10").replace("10k/s", "0"));
    Ending::of(&mut place.run()).must_be(2, &["50..10", ":5:19", ":9:13"]);
}

#[test]
fn files_that_are_no_workloads_are_refused() {
    Ending::of(cachebench().args(["check", "no-such-file.yaml"]))
        .must_be(2, &["no-such-file.yaml"]);
    Ending::of(cachebench().arg("check").arg(std::env::temp_dir())).must_be(2, &[]);
    for text in ["", "- a list\n", "just words", "\u{0}"] {
        let place = Place::with(text);
        Ending::of(cachebench().arg("check").arg(place.workload())).must_be(2, &["workload.yaml"]);
    }
}

#[test]
fn a_bad_word_on_the_command_line_names_itself() {
    let place = Place::with(GOOD);
    for (arguments, word) in [
        (vec!["--set", "keys.cuont=5"], "cuont"),
        (vec!["--target", "spwan:redis-server"], "spwan"),
        (vec!["--seed", "x"], "x"),
        (vec!["--no-such-option"], "--no-such-option"),
    ] {
        Ending::of(place.run().args(arguments)).must_be(2, &[word]);
    }
    Ending::of(cachebench().arg("rnu")).must_be(2, &["rnu"]);
}

#[test]
fn every_workload_that_ships_is_good() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads");
    let entries = std::fs::read_dir(folder)
        .expect("the workloads")
        .map(|entry| entry.expect("an entry").path());
    let files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    assert!(files.len() >= 4, "{files:?}");
    Ending::of(cachebench().arg("check").args(files)).must_be(0, &[]);
}
