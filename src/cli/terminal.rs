//! The terminal: results to stdout; progress, warnings and errors to stderr. Colours and whether to show them are
//! `anstream`'s to decide (NO_COLOR, CLICOLOR, terminals).

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use super::in_place;
use crate::workload::Problems;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// Writes a result, and a line end, to stdout. A broken pipe is an error like any other here; it ends the process
/// quietly when it reaches the top.
pub(super) fn result(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Writes a line to stderr. Nobody may be listening, which is no failure.
pub(super) fn note(text: &str) {
    in_place::instead(watched_columns(), || {
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    });
}

/// Lines that are rewritten in place until something else is written; for a terminal that is watched.
pub(super) fn show(lines: &[String]) {
    in_place::show(lines, watched_columns());
}

/// Writes a warning to stderr; its text names the cure.
pub(super) fn warning(text: &str) {
    note(&format!("{WARNING}warning:{WARNING:#} {text}"));
}

/// Writes an error and what caused it to stderr; of a workload's problems each is an error.
pub(super) fn error(error: &anyhow::Error) {
    let write = |text: &str| note(&format!("{ERROR}error:{ERROR:#} {text}"));
    match error.downcast_ref::<Problems>() {
        Some(problems) => {
            problems.texts().for_each(|text| write(&text));
            annotate(problems);
        }
        None => write(&with_causes(error)),
    }
}

/// An error and why it came to it, those causes left out that it names itself.
fn with_causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(&format!(": {cause}"));
        }
    }
    text
}

/// In GitHub Actions, shows each problem of a file at its line.
fn annotate(problems: &Problems) {
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        for (file, line, column, message) in problems.in_files() {
            let (file, message) = (escaped(file, &[',', ':']), escaped(message, &[]));
            note(&format!(
                "::error file={file},line={line},col={column}::{message}"
            ));
        }
    }
}

/// Text as workflow commands of GitHub Actions take it: percent signs, line ends and the characters of `more` as their codes.
fn escaped(text: &str, more: &[char]) -> String {
    let is_special =
        |character: char| ['%', '\r', '\n'].contains(&character) || more.contains(&character);
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_special(character) {
            safe.push_str(&format!("%{:02X}", u32::from(character)));
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Whether somebody watches stderr, so that a live view makes sense: a terminal that can move its cursor, and no CI.
pub(super) fn is_watched() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stderr().is_terminal() && !is_dumb && std::env::var_os("CI").is_none()
}

/// Columns of the terminal that shows stderr.
pub(super) fn watched_columns() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| usize::from(width.0))
}

/// Columns that a result may take: those of the terminal that shows it, else 80.
pub(super) fn columns() -> usize {
    terminal_size::terminal_size_of(io::stdout()).map_or(80, |(width, _)| usize::from(width.0))
}
