//! `report.html`: one file that needs nothing else and asks nobody, light and dark, on a phone and on paper.
//!
//! maud escapes whatever comes from a recording; the pictures are our own SVG, whose texts plotters escapes. A policy
//! in the head forbids the page to load anything, or to run anything but the script of [`live`].

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::delivery;
use super::drawn;
use super::figures::{
    CellFigures, Estimate, ExpectationFigures, Figures, KindFigures, LatencyFigures, LoadFigures,
    SpaceFigures,
};
use super::live;
use super::losses;
use super::nodes;
use super::spread;
use super::verified;
use crate::plot::{self, Plot};
use crate::recording::model::{Outcome, Recording};
use crate::stats::human;

const STYLE: &str = include_str!("report.css");

/// The page of `recording`, of which `figures` are the figures and `plots` the pictures.
#[must_use]
pub fn page(recording: &Recording, figures: &Figures, plots: &[Plot]) -> String {
    let title = if figures.question.is_empty() {
        &figures.workload
    } else {
        &figures.question
    };
    let body = html! {
        p.name { (figures.workload) " on " (figures.server) }
        h1 { (title) }
        p.answer { (figures.answer) }
        (outcome(&figures.outcome))
        @for warning in &figures.warnings { p.notice { b { "Warning: " } (told(warning)) } }
        (expectations(figures))
        (survival(&figures.cells))
        (pictures(plots))
        (live::section(recording))
        (load(&figures.cells))
        (delivery::table(&figures.cells))
        (verified::table(&figures.cells))
        (losses::table(&figures.cells))
        @for line in nodes::lines(recording).iter().chain(&spread::lines(recording)) { p { (line) } }
        (drawn::table(&figures.cells))
        (driven(recording))
        footer { "Made by cachebench " (recording.cachebench) " from its recording alone; this page needs no network." }
    };
    document(&format!("{} – cachebench", figures.workload), &body)
}

/// A page of the house around `body`.
pub(super) fn document(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta http-equiv="Content-Security-Policy" content={ "default-src 'none'; style-src 'unsafe-inline'; " (live::script_source()) };
                title { (title) }
                style { (PreEscaped(plot::colours())) (PreEscaped(live::STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (body)
                }
            }
        }
    };
    page.into_string()
}

/// Text in which names stand between backticks.
pub(super) fn told(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 0 { (part) } @else { code { (part) } }
        }
    }
}

/// A moment to the second.
pub(super) fn when(started_at: &str) -> String {
    let whole = started_at.split(['.', 'Z']).next().unwrap_or_default();
    format!("{} UTC", whole.replace('T', " "))
}

fn outcome(outcome: &Outcome) -> Markup {
    html! {
        @match outcome {
            Outcome::Complete => {}
            Outcome::Interrupted => p.notice { b { "Interrupted. " } "What was measured before is below." }
            Outcome::Failed(why) => p.notice { b { "Failed. " } (why) " What was measured before is below." }
        }
    }
}

fn expectations(figures: &Figures) -> Markup {
    let failed = figures.failed_expectations();
    let verdict = match (failed, figures.expectations.len()) {
        (0, 1) => "The expectation held".to_owned(),
        (0, all) => format!("All {all} expectations held"),
        (failed, all) => format!("{failed} of {all} expectations did not hold"),
    };
    html! {
        @if !figures.expectations.is_empty() {
            h2 { (verdict) }
            div.card { ul.checks { @for one in &figures.expectations { (expectation(one)) } } }
        }
    }
}

fn expectation(one: &ExpectationFigures) -> Markup {
    let (class, mark, word) = if one.held {
        ("held", "✓", "held")
    } else {
        ("broken", "✗", "did not hold")
    };
    html! {
        li class=(class) {
            span.mark role="img" aria-label=(word) { (mark) }
            (one.cell) ": " code { (one.text) } " "
            span.observed { "observed " (one.observed) }
        }
    }
}

fn survival(cells: &[CellFigures]) -> Markup {
    let Some(first) = cells
        .iter()
        .find(|cell| !cell.survival.is_empty() || cell.fidelity.is_some())
    else {
        return html! {};
    };
    html! {
        h2 { "Which keys survived" }
        div.card {
            p.caption { "Share of the keys that a client wrote, or wanted to write, that were present at the end. LRU fidelity: share of the survivors that exact LRU would have kept." (range_note(cells)) }
            div.scroll { table {
                thead { tr {
                    th scope="col" { "cell" }
                    @for group in &first.survival { th scope="col" { (group.name) } }
                    th scope="col" { "LRU fidelity" }
                    th scope="col" { "keys evicted" }
                    th scope="col" { "memory, at most" }
                } }
                tbody { @for cell in cells { tr {
                    th scope="row" { (cell.label) }
                    @for index in 0..first.survival.len() { (estimate(cell.survival.get(index).and_then(|group| group.present), human::percent)) }
                    (estimate(cell.fidelity, human::percent))
                    (estimate(cell.evicted_keys, count))
                    td { (cell.used_memory_bytes_max.map_or("–".to_owned(), |bytes| human::bytes(bytes as f64))) }
                } } }
            } }
        }
    }
}

/// What the small figures are.
fn range_note(cells: &[CellFigures]) -> String {
    match cells.iter().map(|cell| cell.repetitions).max() {
        Some(most) if most > 1 => {
            format!(
                " The rest is the mean of {most} repetitions, with the smallest and the largest below where they differ."
            )
        }
        _ => String::new(),
    }
}

fn pictures(plots: &[Plot]) -> Markup {
    html! {
        @for plot in plots {
            figure id=(plot.name) { div.scroll { (PreEscaped(&plot.svg)) } }
        }
    }
}

fn load(cells: &[CellFigures]) -> Markup {
    html! {
        h2 { "What the load was" }
        div.card {
            p.caption { "Latency is that of all repetitions together." (range_note(cells)) }
            div.scroll { table {
                thead { tr {
                    th scope="col" { "cell" }
                    th.word scope="col" { "phase" }
                    @for name in ["requests", "requests/s", "hit ratio", "p50", "p99", "p99.9", "max", "errors"] { th scope="col" { (name) } }
                } }
                @for cell in cells { tbody { @for (index, phase) in cell.phases.iter().enumerate() {
                    tr { @if index == 0 { th scope="rowgroup" rowspan=(rows(cell)) { (cell.label) } } (load_row(phase)) }
                    @for kind in &phase.kinds { tr.part { (kind_row(kind)) } }
                    @for space in &phase.spaces { tr.part { (space_row(space)) } }
                } } }
            } }
        }
    }
}

/// A row for every phase of a cell, and for every operation and key space of one that has several.
fn rows(cell: &CellFigures) -> usize {
    let phases = cell.phases.iter();
    phases
        .map(|phase| 1 + phase.kinds.len() + phase.spaces.len())
        .sum()
}

fn load_row(phase: &LoadFigures) -> Markup {
    let failures = phase.failures();
    html! {
        td.word { (phase.name) @if let Some(lateness) = phase.lateness_p99_s { small { "late by " (human::seconds(lateness)) " at p99" } } }
        (estimate(phase.operations, count))
        td {
            (phase.throughput.map_or("–".to_owned(), |rate| human::short(rate.mean)))
            @if let Some(offered) = phase.offered_rate { small { "of " (human::short(offered)) " due" } }
        }
        (estimate(phase.hit_ratio, human::percent))
        (latency(phase.latency.as_ref()))
        td { (phase.errors.map_or("–".to_owned(), |errors| count(errors.mean))) @if !failures.is_empty() { small { (failures) } } }
    }
}

/// One of the operations of the phase above.
fn kind_row(kind: &KindFigures) -> Markup {
    html! {
        td.word { (kind.name) }
        (estimate(kind.operations, count))
        td {} td {}
        (latency(kind.latency.as_ref()))
        td {}
    }
}

/// What was read of one of the key spaces, in the phase above.
fn space_row(space: &SpaceFigures) -> Markup {
    html! {
        td.word { (space.name) }
        (estimate(space.reads, count))
        td {}
        (estimate(space.hit_ratio, human::percent))
        td {} td {} td {} td {} td {}
    }
}

pub(super) fn latency(figures: Option<&LatencyFigures>) -> Markup {
    let say = |seconds: fn(&LatencyFigures) -> f64| {
        figures.map_or("–".to_owned(), |one| human::seconds(seconds(one)))
    };
    html! {
        td { (say(|one| one.p50_s)) }
        td { (say(|one| one.p99_s)) }
        td { (say(|one| one.p999_s)) }
        td { (say(|one| one.max_s)) }
    }
}

/// A figure, and how far its repetitions were apart where they were.
pub(super) fn estimate(estimate: Option<Estimate>, say: fn(f64) -> String) -> Markup {
    html! {
        td {
            @match estimate {
                None => "–",
                Some(one) => {
                    (say(one.mean))
                    @if one.max > one.min { small { (say(one.min)) " – " (say(one.max)) } }
                }
            }
        }
    }
}

fn count(value: f64) -> String {
    human::count(value.max(0.0).round() as u64)
}

fn driven(recording: &Recording) -> Markup {
    let (server, machine) = (&recording.server, &recording.machine);
    let command = recording
        .command
        .iter()
        .map(|word| shell_word(word))
        .collect::<Vec<_>>()
        .join(" ");
    html! {
        h2 { "What was driven" }
        div.card {
            dl {
                dt { "target" } dd { (server.target) }
                dt { "server" } dd { (server.name) " " (server.version) ", " (server.clock) " clock" }
                @if !server.configuration.is_empty() {
                    dt { "configuration" } dd { (configuration(recording)) }
                }
                dt { "machine" } dd { (machine.processor) ", " (machine.cores) " cores, " (human::bytes(machine.memory_bytes as f64)) ", " (machine.system) }
                dt { "seed" } dd { (recording.plan.seed) }
                dt { "started" } dd { (when(&recording.started_at)) }
                dt { "to repeat it" } dd { pre { (command) } }
            }
            details { summary { "The workload as resolved" } pre { (plan(recording)) } }
        }
    }
}

fn configuration(recording: &Recording) -> Markup {
    html! {
        @for (index, (name, value)) in recording.server.configuration.iter().enumerate() {
            @if index > 0 { ", " }
            code { (name) " " (if value.is_empty() { "\"\"" } else { value.as_str() }) }
        }
    }
}

/// JSON, since the YAML that was written is not part of a recording.
fn plan(recording: &Recording) -> String {
    serde_json::to_string_pretty(&recording.plan).unwrap_or_else(|error| error.to_string())
}

/// An argument as a shell takes it.
fn shell_word(word: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./:=@%+,".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
