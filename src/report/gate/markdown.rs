//! A gate as GitHub's Markdown, for the summary of a job.

use std::fmt::Write as _;

use super::{Check, GateFigures, Kind, Passage};

/// What `figures` say. Names come from files that others wrote, so that everything of theirs is escaped.
#[must_use]
pub fn summary(figures: &GateFigures) -> String {
    let (mark, word) = match figures.verdict {
        Passage::Passed => ("✅", "passed"),
        Passage::Failed => ("❌", "failed"),
        Passage::CannotTell => ("❔", "cannot tell"),
    };
    let mut text = format!(
        "### {mark} cachebench {}: {word}\n\n",
        escaped(&figures.workload)
    );
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{} {}", figures.sentence(), driven(figures));
    for kind in Kind::ALL {
        text.push_str(&section(figures, kind));
    }
    for note in &figures.notes {
        let _ = write!(text, "\n> {}\n", escaped(note));
    }
    text
}

fn driven(figures: &GateFigures) -> String {
    let against = figures.baseline.as_ref();
    let against = against.map_or(String::new(), |one| format!(", against {}", escaped(one)));
    format!("Judged: {}{against}.", escaped(&figures.candidate))
}

/// What did not hold in sight, the rest folded away.
fn section(figures: &GateFigures, kind: Kind) -> String {
    let (held, others): (Vec<&Check>, Vec<&Check>) = figures
        .of_kind(kind)
        .partition(|check| check.outcome == Passage::Passed);
    let mut text = String::new();
    if !(held.is_empty() && others.is_empty()) {
        let _ = write!(text, "\n#### {}\n", kind.name());
    }
    if !others.is_empty() {
        let _ = write!(text, "\n{}", table(&others));
    }
    if !held.is_empty() {
        let held_table = table(&held);
        let count = held.len();
        let _ = write!(
            text,
            "\n<details><summary>{count} held</summary>\n\n{held_table}\n</details>\n"
        );
    }
    text
}

fn table(checks: &[&Check]) -> String {
    let mut text = "| | check | observed |\n| --- | --- | --- |\n".to_owned();
    for check in checks {
        let mark = match check.outcome {
            Passage::Passed => "✅",
            Passage::Failed => "❌",
            Passage::CannotTell => "❔",
        };
        let _ = writeln!(
            text,
            "| {mark} | {} | {} |",
            escaped(&check.name),
            escaped(&check.detail)
        );
    }
    text
}

/// Text that stays text, in a table as well.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '@' | '!' => {
                safe.push('\\');
                safe.push(character);
            }
            control if control.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}
