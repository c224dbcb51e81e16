//! Lines on stderr that are rewritten in place, and taken away before anything else is written there, whichever thread
//! writes it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Characters in each of the lines that are on the terminal now; the cursor stands behind the last of them.
static SHOWN: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Shows `lines`, each of fewer than `columns` characters, instead of those shown before.
pub(super) fn show(lines: &[String], columns: usize) {
    let mut shown = shown();
    let mut text = back(&shown, columns);
    for (number, line) in lines.iter().enumerate() {
        let _ = write!(text, "{}{line}\x1b[K", if number == 0 { "" } else { "\n" });
    }
    text.push_str("\x1b[J");
    *shown = lines.iter().map(|line| line.chars().count()).collect();
    // Nobody may be looking, which is no failure.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Takes the lines away and calls `write`; the next [`show`] begins where that ended.
pub(super) fn instead(columns: usize, write: impl FnOnce()) {
    let mut shown = shown();
    if !shown.is_empty() {
        let text = back(&shown, columns) + "\x1b[J";
        let _ = io::stderr().lock().write_all(text.as_bytes());
        shown.clear();
    }
    write();
}

fn shown() -> MutexGuard<'static, Vec<usize>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Moves the cursor to where the first of the lines begins; a terminal that was made narrower has broken them.
fn back(shown: &[usize], columns: usize) -> String {
    let rows: usize = shown
        .iter()
        .map(|length| length.div_ceil(columns.max(1)).max(1))
        .sum();
    match rows.saturating_sub(1) {
        0 => "\r".to_owned(),
        up => format!("\r\x1b[{up}A"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_counts_lines_that_were_broken() {
        assert_eq!(back(&[], 80), "\r");
        assert_eq!(back(&[20], 80), "\r");
        assert_eq!(back(&[70, 0, 12], 80), "\r\x1b[2A");
        assert_eq!(back(&[70, 0, 12], 40), "\r\x1b[3A");
    }
}
