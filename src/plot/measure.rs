//! How much room text takes, without a font at hand.
//!
//! A reader's sans-serif is not known. The widths are those of DejaVu Sans, rounded up: among the usual ones it is
//! the widest but Verdana, so that what does not collide here does not collide there.

/// Width of `text` at a font size, pixels.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// Advance of a character, in font sizes.
fn advance(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | '\'' | '|' => 0.3,
        ' ' | ',' | '.' | 'I' | ':' | ';' => 0.34,
        'f' | 't' | 'r' | '-' | '(' | ')' | '[' | ']' | '/' | '!' | '·' => 0.42,
        's' | 'c' | 'k' | 'v' | 'x' | 'y' | 'z' | 'J' | '?' => 0.6,
        'm' | '%' | 'M' | 'W' | '@' => 1.0,
        'w' | '+' | '<' | '>' | '=' | '–' | '×' => 0.84,
        'A'..='Z' => 0.76,
        ' '..='~' => 0.65,
        '…' => 1.0,
        'µ' => 0.65,
        // Letters of other scripts, up to ideographs.
        _ => 1.05,
    }
}

/// `text`, cut with an ellipsis where it is wider than `room` pixels.
pub(super) fn fit(text: &str, size: f64, room: f64) -> String {
    // Text that was set smaller to fit may be wider by a rounding.
    const ROUNDING: f64 = 1e-6;
    if width(text, size) <= room + ROUNDING {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = width("…", size);
    for character in text.chars() {
        used += advance(character) * size;
        if used > room {
            break;
        }
        cut.push(character);
    }
    cut.push('…');
    cut
}

/// `text` in lines no wider than `room` pixels, at most `lines` of them.
pub(super) fn wrap(text: &str, size: f64, room: f64, lines: usize) -> Vec<String> {
    let mut wrapped: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match wrapped.last_mut() {
            Some(line) if wrapped_fits(line, word, size, room) => {
                line.push(' ');
                line.push_str(word);
            }
            _ => wrapped.push(word.to_owned()),
        }
    }
    if wrapped.len() > lines {
        let rest = wrapped.split_off(lines.saturating_sub(1)).join(" ");
        wrapped.push(rest);
    }
    wrapped.iter().map(|line| fit(line, size, room)).collect()
}

fn wrapped_fits(line: &str, word: &str, size: f64, room: f64) -> bool {
    width(line, size) + width(" ", size) + width(word, size) <= room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_text_fits() {
        let text = "a cell with an uncommonly long name";
        assert_eq!(fit(text, 10.0, 1000.0), text);
        // Set just so small that it fits, in figures that round.
        let small = 11.0 * (92.0 / width("node_unreachable", 11.0));
        assert_eq!(fit("node_unreachable", small, 92.0), "node_unreachable");
        for room in [5.0, 20.0, 60.0, 120.0] {
            let cut = fit(text, 10.0, room);
            assert!(cut.ends_with('…') && (width(&cut, 10.0) <= room || cut == "…"));
        }
    }

    #[test]
    fn wrapped_text_keeps_its_words_until_it_runs_out_of_lines() {
        let text = "one two three four five six seven";
        let lines = wrap(text, 10.0, 90.0, 9);
        assert!(lines.len() > 2 && lines.iter().all(|line| width(line, 10.0) <= 90.0));
        assert_eq!(lines.join(" "), text);
        let short = wrap(text, 10.0, 90.0, 2);
        assert_eq!(short.len(), 2);
        assert!(short[1].ends_with('…'));
    }
}
