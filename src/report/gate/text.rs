//! A gate for a terminal.

use super::{Check, GateFigures, Kind, Passage, interval, verdict};
use crate::gate::Contested;
use crate::report::text::{BAD, BOLD, CAUTION, DIM, GOOD, prose, table};
use crate::stats::human;

/// Checks of a kind that held are told one by one up to this many.
const HELD_SHOWN: usize = 12;

/// What `figures` say, in lines of at most `columns`.
#[must_use]
pub fn summary(figures: &GateFigures, columns: usize) -> String {
    let columns = columns.max(40);
    let mut blocks = vec![headline(figures, columns)];
    blocks.extend([Kind::Exact, Kind::Objective].map(|kind| checks(figures, kind, columns)));
    blocks.extend(
        figures
            .contest
            .iter()
            .map(|contest| comparison(contest, columns)),
    );
    blocks.push(notes(figures, columns));
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n\n")
}

fn headline(figures: &GateFigures, columns: usize) -> String {
    let (style, word) = match figures.verdict {
        Passage::Passed => (GOOD, "PASSED"),
        Passage::Failed => (BAD, "FAILED"),
        Passage::CannotTell => (CAUTION, "CANNOT TELL"),
    };
    let against = figures
        .baseline
        .as_ref()
        .map_or(String::new(), |one| format!(", against {one}"));
    let driven = prose(&format!("{}{against}", figures.candidate), "", columns);
    format!(
        "{style}{word}{style:#}  {}\n{DIM}{driven}{DIM:#}",
        figures.sentence()
    )
}

fn checks(figures: &GateFigures, kind: Kind, columns: usize) -> String {
    let (held, others): (Vec<&Check>, Vec<&Check>) = figures
        .of_kind(kind)
        .partition(|check| check.outcome == Passage::Passed);
    if held.is_empty() && others.is_empty() {
        return String::new();
    }
    let shown = if held.len() > HELD_SHOWN {
        &[][..]
    } else {
        &held[..]
    };
    let mut lines = vec![format!("{BOLD}{}{BOLD:#}", kind.name())];
    lines.extend(others.iter().chain(shown).map(|check| line(check, columns)));
    if shown.len() < held.len() {
        let more = if others.is_empty() { "" } else { " more" };
        lines.push(format!("{GOOD}✓{GOOD:#} {}{more} held", held.len()));
    }
    lines.join("\n")
}

fn line(check: &Check, columns: usize) -> String {
    let (style, mark) = match check.outcome {
        Passage::Passed => (GOOD, "✓"),
        Passage::Failed => (BAD, "✗"),
        Passage::CannotTell => (CAUTION, "?"),
    };
    let text = format!("{} ({})", check.name, check.detail);
    format!("{style}{mark}{style:#} {}", prose(&text, "  ", columns))
}

fn comparison(contest: &Contested, columns: usize) -> String {
    let decision = &contest.decision;
    let header = ["", "change", "interval", "matters from", "verdict"].map(str::to_owned);
    let mut rows = vec![header.to_vec()];
    for one in &decision.candidate {
        let verdict = verdict(decision, one);
        rows.push(vec![
            one.metric.name().to_owned(),
            human::change(one.change),
            interval(one),
            human::percent(one.floor),
            verdict.split(';').next().unwrap_or_default().to_owned(),
        ]);
    }
    let how = format!(
        "phase `{}` of `{}`, {} pairs of slices of {}",
        contest.phase,
        contest.cell,
        decision.pairs,
        human::seconds(contest.slice_s)
    );
    let mut lines = vec![
        format!("{BOLD}{}{BOLD:#}", Kind::Comparison.name()),
        format!("{DIM}{}{DIM:#}", prose(&how, "", columns)),
        table(rows, columns),
    ];
    let unsure = decision
        .candidate
        .iter()
        .filter(|one| verdict(decision, one).contains(';'));
    lines.extend(unsure.map(|one| {
        let text = format!("{}: {}", one.metric.name(), verdict(decision, one));
        prose(&text, "  ", columns)
    }));
    lines.join("\n")
}

fn notes(figures: &GateFigures, columns: usize) -> String {
    let lines = figures.notes.iter().map(|note| prose(note, "", columns));
    lines.collect::<Vec<_>>().join("\n")
}
