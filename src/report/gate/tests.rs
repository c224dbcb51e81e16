//! Gates over invented recordings and pairs, in every form.

use super::{GateFigures, Kind, Parts, Passage, junit, markdown, text};
use crate::gate::pairs::{Figures, Pair, decide};
use crate::gate::{Contested, exact};
use crate::recording::fixture::{hostile, lru_flood};

fn contested(cost: f64) -> Contested {
    let figures = |cost: f64| Figures {
        throughput: 1e5 / cost,
        mean_s: 1e-5 * cost,
        p50_s: 9e-6 * cost,
        p99_s: 4e-5 * cost,
        used_memory_bytes: Some(1_000_000),
    };
    let wobble = |index: u32, phase: f64| 1.0 + 0.01 * (f64::from(index) * 2.4 + phase).sin();
    let pair = |index| Pair {
        baseline: figures(wobble(index, 0.0)),
        again: figures(wobble(index, 2.0)),
        candidate: figures(cost * wobble(index, 4.0)),
    };
    let pairs: Vec<Pair> = (0..30).map(pair).collect();
    let recording = lru_flood();
    Contested {
        baseline: recording.server.clone(),
        candidate: recording.server,
        machine: recording.machine,
        phase: "read".to_owned(),
        cell: "allkeys-lru".to_owned(),
        slice_s: 0.005,
        decision: decide(&pairs),
        pairs,
    }
}

fn whole_gate(cost: f64) -> GateFigures {
    let (baseline, mut recording) = (lru_flood(), lru_flood());
    recording.cells[0].repetitions[0]
        .samples
        .last_mut()
        .unwrap()
        .evicted_keys += 3;
    let exact = exact::decide(&baseline, &recording, &[]);
    GateFigures::of(&Parts {
        recording: Some(&recording),
        baseline: Some(&baseline),
        exact: &exact,
        contest: Some(&contested(cost)),
    })
}

#[test]
fn the_page_says_what_did_not_hold_and_draws_the_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let files = super::write(&whole_gate(1.2), folder.path()).unwrap();
    assert_eq!(files.len(), 2);
    let page = std::fs::read_to_string(folder.path().join("gate.html")).unwrap();
    for words in [
        "<h1>Failed</h1>",
        "6 of 43 checks did not hold.",
        "evicted keys",
        "<b>worse</b>",
        "Candidate beside baseline, pair by pair",
        "throughput",
    ] {
        assert!(page.contains(words), "no {words}");
    }
    let hostile = GateFigures::of(&Parts {
        recording: Some(&hostile()),
        ..Parts::default()
    });
    let files = super::write(&hostile, folder.path()).unwrap();
    let page = std::fs::read_to_string(&files[0]).unwrap();
    assert_eq!((files.len(), page.matches("<script").count()), (1, 0));
}

#[test]
fn every_form_says_what_did_not_hold() {
    let figures = whole_gate(1.2);
    assert_eq!(figures.verdict, Passage::Failed);
    assert_eq!(figures.sentence(), "6 of 43 checks did not hold.");
    let plain = anstream::adapter::strip_str(&text::summary(&figures, 80)).to_string();
    for line in [
        "FAILED 6 of 43 checks did not hold.",
        "✗ allkeys-lru: evicted keys (",
        "✓ 35 more held",
        "throughput −16",
        "worse",
    ] {
        assert!(in_one_line(&plain).contains(line), "{line:?} in\n{plain}");
    }
    assert!(
        plain.lines().all(|line| line.chars().count() <= 80),
        "{plain}"
    );
    let page = markdown::summary(&figures);
    assert!(
        page.starts_with("### ❌ cachebench lru\\_flood: failed\n"),
        "{page}"
    );
    assert!(page.contains("| ❌ | throughput | worse: −16"), "{page}");
    let xml = junit::report(&figures, false).unwrap();
    assert!(
        xml.contains("failures=\"6\"") && xml.contains("name=\"throughput\""),
        "{xml}"
    );
}

#[test]
fn what_cannot_be_told_fails_only_where_it_shall() {
    let figures = GateFigures::of(&Parts {
        contest: Some(&contested(1.03)),
        ..Parts::default()
    });
    assert_eq!(figures.verdict, Passage::CannotTell, "{figures:?}");
    let failures = |is_strict| {
        junit::report(&figures, is_strict)
            .unwrap()
            .contains("<failure")
    };
    assert_eq!((failures(false), failures(true)), (false, true));
    let plain = anstream::adapter::strip_str(&text::summary(&figures, 80)).to_string();
    assert!(
        in_one_line(&plain).contains("smallest change for the worse that would have shown is"),
        "{plain}"
    );
}

#[test]
fn an_unfit_machine_is_called_so() {
    let mut contest = contested(1.2);
    for pair in &mut contest.pairs {
        pair.again.throughput *= 0.8;
    }
    contest.decision = decide(&contest.pairs);
    let figures = GateFigures::of(&Parts {
        contest: Some(&contest),
        ..Parts::default()
    });
    let throughput = figures.of_kind(Kind::Comparison).next().unwrap();
    assert!(
        throughput.detail.starts_with("unfit machine: "),
        "{throughput:?}"
    );
    assert!(figures.notes[0].starts_with(
        "The machine is unfit to tell: the baseline differs from itself in throughput by"
    ));
}

#[test]
fn names_break_out_of_no_form() {
    let recording = hostile();
    let figures = GateFigures::of(&Parts {
        recording: Some(&recording),
        ..Parts::default()
    });
    assert!(!markdown::summary(&figures).contains("<script"));
    assert!(!junit::report(&figures, true).unwrap().contains("<script"));
    assert!(!text::summary(&figures, 80).contains("\n]]>"));
}

/// What is printed as JSON is what the schema says.
#[test]
fn the_schema_admits_what_is_printed() {
    let schema = crate::report::schema_of::<GateFigures>();
    let printed = serde_json::to_value(whole_gate(1.2)).unwrap();
    jsonschema::validate(&schema.to_value(), &printed).unwrap();
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
