//! A gate as a page: one file that needs nothing else.

use maud::{Markup, PreEscaped, html};

use super::{Check, GateFigures, Kind, Passage, change, verdict};
use crate::gate::Contested;
use crate::report::html::{document, told};
use crate::stats::human;

/// Checks that held are folded away where there are more.
const HELD_SHOWN: usize = 12;

/// The page of `figures`, with the pairs of an A/B drawn in `svg`.
pub(super) fn page(figures: &GateFigures, svg: Option<&str>) -> String {
    let word = match figures.verdict {
        Passage::Passed => "Passed",
        Passage::Failed => "Failed",
        Passage::CannotTell => "Cannot tell",
    };
    let against = figures
        .baseline
        .as_ref()
        .map_or(String::new(), |one| format!(", against {one}"));
    let body = html! {
        p.name { (figures.workload) ": " (figures.candidate) (against) }
        h1 { (word) }
        p.answer { (figures.sentence()) }
        @for kind in [Kind::Exact, Kind::Objective] { (checks(figures, kind)) }
        @if let Some(contest) = &figures.contest { (comparison(contest, svg)) }
        @for note in &figures.notes { p.caption { (told(note)) } }
        footer { "Made by cachebench " (env!("CARGO_PKG_VERSION")) "; this page needs no network." }
    };
    document(&format!("{} gated – cachebench", figures.workload), &body)
}

/// What did not hold first.
fn checks(figures: &GateFigures, kind: Kind) -> Markup {
    let (held, others): (Vec<&Check>, Vec<&Check>) = figures
        .of_kind(kind)
        .partition(|check| check.outcome == Passage::Passed);
    html! {
        @if !(held.is_empty() && others.is_empty()) {
            h2 { (kind.name()) }
            div.card {
                (list(&others))
                @if held.len() > HELD_SHOWN {
                    details { summary { (held.len()) " held" } (list(&held)) }
                } @else {
                    (list(&held))
                }
            }
        }
    }
}

fn list(checks: &[&Check]) -> Markup {
    html! { @if !checks.is_empty() { ul.checks { @for check in checks { (line(check)) } } } }
}

fn line(check: &Check) -> Markup {
    let (class, mark, word) = match check.outcome {
        Passage::Passed => ("held", "✓", "held"),
        Passage::Failed => ("broken", "✗", "did not hold"),
        Passage::CannotTell => ("unknown", "?", "cannot be told"),
    };
    html! {
        li class=(class) {
            span.mark role="img" aria-label=(word) { (mark) }
            (check.name) " " span.observed { (check.detail) }
        }
    }
}

/// The verdict stands out, its explanation does not.
fn said(verdict: &str) -> Markup {
    match verdict.split_once(';') {
        Some((word, why)) => html! { b { (word) } ";" (why) },
        None => html! { b { (verdict) } },
    }
}

fn comparison(contest: &Contested, svg: Option<&str>) -> Markup {
    let decision = &contest.decision;
    html! {
        h2 { (Kind::Comparison.name()) }
        div.card {
            p.caption {
                "Phase " (contest.phase) " of " (contest.cell) ", a closed loop: " (decision.pairs) " pairs in slices of "
                (human::seconds(contest.slice_s)) ", on " (contest.machine.processor) ", " (contest.machine.cores) " cores."
            }
            dl {
                @for one in &decision.candidate {
                    dt { (one.metric.name()) }
                    dd { (said(&verdict(decision, one))) br; span.observed { (change(one)) } }
                }
            }
        }
        @if let Some(svg) = svg { figure #pairs { div.scroll { (PreEscaped(svg)) } } }
    }
}
