//! What a report keeps to: it says everything once, fits where it is shown, and nothing in a recording breaks out of it.

use super::{Figures, html, text};
use crate::plot;
use crate::recording::fixture;
use crate::recording::model::{Outcome, Recording};

fn page(recording: &Recording) -> String {
    html::page(
        recording,
        &Figures::of(recording),
        &plot::all(recording).unwrap(),
    )
}

fn summary(recording: &Recording, columns: usize) -> String {
    anstream::adapter::strip_str(&text::summary(recording, &Figures::of(recording), columns))
        .to_string()
}

#[test]
fn the_answer_is_made_of_the_figures() {
    let answer = Figures::of(&fixture::lru_flood()).answer;
    assert_eq!(
        answer,
        "Of the keys in \u{201c}read\u{201d}, 100% were still present with allkeys-lru-exact, allkeys-lfu and noeviction, \
         67% with allkeys-lru, 63.5% with volatile-ttl and 51.5% with allkeys-random. Requests that failed: 3,997 with noeviction (OOM)."
    );
    let answer = Figures::of(&fixture::zipf_read()).answer;
    assert_eq!(
        answer,
        "94.7% of the reads in \u{201c}mix\u{201d} hit, at 50k requests/s and a p99 of 47.1 µs."
    );
    assert_eq!(
        Figures::of(&fixture::nothing()).answer,
        "Nothing was measured."
    );
}

#[test]
fn figures_are_means_of_repetitions_with_an_interval() {
    let figures = Figures::of(&fixture::lru_flood());
    let read = figures.cells[0].survival[0].present.unwrap();
    assert_eq!(read.count, 3);
    let (low, high) = read.interval.unwrap();
    assert!(low < read.min && read.min < read.mean && read.mean < read.max && read.max < high);
    let total = &figures.cells[5].total;
    assert_eq!(
        (total.operations.unwrap().mean, total.errors.unwrap().mean),
        (11_000.0, 3997.0)
    );
    assert_eq!(total.errors_by_kind["OOM"], 3 * 3997);
    assert_eq!(
        figures.cells[0]
            .phases
            .iter()
            .map(|phase| phase.name.as_str())
            .collect::<Vec<_>>(),
        ["save", "read", "flood"]
    );
    assert_eq!(figures.failed_expectations(), 1);
}

#[test]
fn expectations_are_said_in_their_units() {
    let observed: Vec<String> = Figures::of(&fixture::lru_flood())
        .expectations
        .into_iter()
        .map(|one| one.observed)
        .collect();
    assert_eq!(observed, ["68% > 6%", "3,997 is not == 0"]);
    let mut unseen = fixture::zipf_read();
    assert_eq!(
        Figures::of(&unseen).expectations[0].observed,
        "94.7% >= 90%"
    );
    unseen.expectations[0].left = None;
    assert_eq!(
        Figures::of(&unseen).expectations[0].observed,
        "was not observed"
    );
}

#[test]
fn prose_fits_its_columns_with_its_indent() {
    let text = "a cache of so many words that it has to be broken somewhere ".repeat(9);
    for columns in 20..90 {
        let set = text::prose(&text, "    ", columns);
        let lengths = set.lines().map(|line| line.chars().count());
        assert!(lengths.max() <= Some(columns), "{columns}: {set}");
        assert_eq!(set.split_whitespace().count(), 13 * 9);
    }
}

#[test]
fn the_summary_fits_its_columns() {
    for recording in [
        fixture::lru_flood(),
        fixture::failover(),
        fixture::zipf_read(),
        fixture::nothing(),
    ] {
        for columns in [80, 60, 200] {
            for line in summary(&recording, columns).lines() {
                assert!(
                    line.chars().count() <= columns,
                    "{} of {columns}: {line}",
                    line.chars().count()
                );
            }
        }
    }
}

#[test]
fn the_summary_says_everything() {
    let mut recording = fixture::lru_flood();
    recording.outcome = Outcome::Failed("the server went away".to_owned());
    recording
        .warnings
        .push("the client was busy: lower the rate".to_owned());
    let summary = summary(&recording, 80);
    for words in [
        "Which keys outlive a flood?",
        "failed: the server went away",
        "warning: the client was busy",
        "seed 42",
        "✓ allkeys-lru",
        "✗ noeviction",
    ] {
        assert!(summary.contains(words), "no {words:?} in\n{summary}");
    }
    // The words before the tables name cells as well.
    let tables = summary.split_once("still present  ").unwrap().1;
    for cell in &recording.cells {
        let rows = tables
            .lines()
            .filter(|line| line.starts_with(&format!("{} ", cell.label)))
            .count();
        assert_eq!(
            rows, 2,
            "{} has a row in both tables of\n{summary}",
            cell.label
        );
    }
}

#[test]
fn names_cannot_drive_the_terminal() {
    let mut recording = fixture::hostile();
    recording.plan.question = "\u{1b}[2J\u{7}cleared?\r".to_owned();
    recording.cells[0].label = "\u{1b}]0;title\u{7}".to_owned();
    recording.warnings.push("\u{9b}31m".to_owned());
    let summary = text::summary(&recording, &Figures::of(&recording), 80);
    let controls: Vec<&str> = summary
        .split('\u{1b}')
        .skip(1)
        .map(|rest| rest.split_once('m').unwrap().0)
        .collect();
    assert!(
        controls.iter().all(|style| style.starts_with('[')
            && style[1..].chars().all(|c| c.is_ascii_digit() || c == ';')),
        "{controls:?}"
    );
    assert!(!summary.contains(['\u{7}', '\r', '\u{9b}']));
}

#[test]
fn the_page_has_every_part() {
    let page = page(&fixture::lru_flood());
    let parts = [
        "<h1>Which keys outlive a flood?</h1>",
        "1 of 2 expectations did not hold",
        "Which keys survived",
        "What the load was",
        "What was driven",
    ];
    for part in parts {
        assert!(page.contains(part), "no {part}");
    }
    assert_eq!(page.matches("<figure").count(), 8);
    assert_eq!(page.matches("<svg").count(), 8);
    assert!(page.contains("cachebench run workloads/lru_flood.yaml --seed 42"));
    assert!(page.contains("maxmemory-samples 10"));
}

/// Nothing is loaded, and nothing runs but the one script that the policy names, whatever the names in a recording are.
#[test]
fn the_page_is_alone() {
    for recording in [fixture::lru_flood(), fixture::hostile(), fixture::nothing()] {
        let page = page(&recording);
        let scripts = page.matches("<script").count();
        assert!(scripts == 0 || scripts == 2, "{scripts} scripts");
        // Data cannot end their element; what follows it is the script of ours.
        let (before, after) = page.split_once("<script").unwrap_or((&page, ""));
        let behind = after.rsplit_once("</script>").map_or("", |(_, rest)| rest);
        let markup = format!("{before}{behind}").replace("http://www.w3.org/2000/svg", "");
        for forbidden in [
            "<link", "<img", "<iframe", "src=", "href=", "url(", "@import", "http:", "https:",
            "onload",
        ] {
            assert!(
                !markup.contains(forbidden),
                "{forbidden} in the page of {}",
                recording.plan.name
            );
        }
        assert!(page.contains("default-src 'none'"));
        assert_eq!(page.matches("</script>").count(), scripts);
    }
}

#[test]
fn a_hostile_name_stays_a_name() {
    let page = page(&fixture::hostile());
    assert!(page.contains("&lt;script&gt;alert("));
    let opened = page.matches("<tr").count();
    assert_eq!(opened, page.matches("</tr>").count());
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
}

#[test]
fn the_json_form_keeps_to_its_schema() {
    let schema = schemars::generate::SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Figures>();
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    for recording in [
        fixture::lru_flood(),
        fixture::failover(),
        fixture::zipf_read(),
        fixture::nothing(),
        fixture::hostile(),
    ] {
        let json = serde_json::to_value(Figures::of(&recording)).unwrap();
        assert!(validator.is_valid(&json));
        assert_eq!(json["schema"], "cachebench.summary/1");
    }
}

/// What is drawn again from the file is what was drawn first.
#[test]
fn a_report_is_the_same_each_time() {
    let (first, again) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let recording = fixture::lru_flood();
    let files = super::write(&recording, first.path()).unwrap();
    let path = crate::recording::write::write_recording(&recording, again.path()).unwrap();
    super::write(&crate::recording::read::read(&path).unwrap(), again.path()).unwrap();
    assert_eq!(files.len(), 3 + 8 + 1);
    for file in files {
        let other = again.path().join(file.strip_prefix(first.path()).unwrap());
        assert!(
            std::fs::read(&file).unwrap() == std::fs::read(&other).unwrap(),
            "{}",
            file.display()
        );
    }
}
