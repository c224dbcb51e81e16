//! What is wrong with a workload and where, shown as good compilers do: place, sentence, excerpt, caret.

use std::collections::BTreeSet;
use std::fmt;

/// Problems shown; more are counted.
const SHOWN: usize = 20;

/// Characters of a source line shown at the most.
const EXCERPT: usize = 100;

/// Bytes of a source: the file, or the value of a command line option.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Index into the sources; 0 is the file.
    pub source: usize,
    /// First byte.
    pub start: usize,
    /// Bytes; 0 where only a point is known.
    pub length: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What was found; what is allowed; the nearest name.
    pub message: String,
}

impl Problem {
    /// `message` about what stands at `place`.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            message: message.into(),
        }
    }
}

/// What is wrong with a text that has a grammar of its own, and which bytes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) start: usize,
    pub(super) length: usize,
    pub(super) message: String,
}

impl Flaw {
    /// The problem, where `text` is what was written at `place`: exact in a plain scalar, one further in a quoted one without
    /// escapes (which would have made it longer), and about the whole of any other.
    pub(super) fn at(self, place: Place, text: &str) -> Problem {
        let exact = |quote| Place {
            start: place.start + quote + self.start,
            length: self.length,
            ..place
        };
        let place = match place.length.checked_sub(text.len()) {
            Some(0) => exact(0),
            Some(2) => exact(1),
            _ => place,
        };
        Problem::new(place, self.message)
    }
}

/// Whether it has been told already that `key` was misspelt, so that it need not be told that it is missing, too.
pub(super) fn is_meant(key: &str, problems: &[Problem]) -> bool {
    let meant = format!("did you mean `{key}`?");
    problems.iter().any(|problem| {
        problem.message.starts_with("unknown key") && problem.message.ends_with(&meant)
    })
}

/// A text that problems point into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// File name, or the option as written.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Whether the text is a file's: of an option, line and column say nothing.
    pub is_file: bool,
}

/// Everything that is wrong with a workload, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    sources: Vec<Source>,
    list: Vec<Problem>,
}

impl Problems {
    /// Problems in `sources`.
    pub fn new(sources: Vec<Source>, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| problem.place);
        // What one property says may be wrong in several places of the workload.
        let mut told = BTreeSet::new();
        list.retain(|problem| told.insert((problem.place, problem.message.clone())));
        Self { sources, list }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// The problems, each as a text of several lines without a last line end; the last may be a count of those left out.
    pub fn texts(&self) -> impl Iterator<Item = String> + '_ {
        let more = self.list.len().saturating_sub(SHOWN);
        let rest = (more > 0).then(|| format!("and {more} more; mend these first"));
        self.list
            .iter()
            .take(SHOWN)
            .map(|problem| self.text(problem))
            .chain(rest)
    }

    /// The problems that stand in a file: its name, line and column from 1, and the message.
    pub fn in_files(&self) -> impl Iterator<Item = (&str, usize, usize, &str)> + '_ {
        self.list.iter().take(SHOWN).filter_map(|problem| {
            let source = self.sources.get(problem.place.source)?;
            let line = Line::of(&source.text, problem.place);
            let place = (source.name.as_str(), line.number, line.column);
            source
                .is_file
                .then_some((place.0, place.1, place.2, problem.message.as_str()))
        })
    }

    fn text(&self, problem: &Problem) -> String {
        let Some(source) = self.sources.get(problem.place.source) else {
            return problem.message.clone();
        };
        let line = Line::of(&source.text, problem.place);
        let place = if source.is_file {
            format!("{}:{}:{}", source.name, line.number, line.column)
        } else {
            source.name.clone()
        };
        format!("{place}: {}{}", problem.message, line.excerpt())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, text) in self.texts().enumerate() {
            write!(f, "{}{text}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The line that a place begins on.
struct Line<'a> {
    /// From 1.
    number: usize,
    /// Characters, from 1.
    column: usize,
    /// The line without its end.
    text: &'a str,
    /// Characters to mark, at least 1.
    marked: usize,
}

impl<'a> Line<'a> {
    fn of(text: &'a str, place: Place) -> Self {
        let start = floor(text, place.start);
        let (before, after) = text.split_at(start);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = after
            .find('\n')
            .map_or(text.len(), |newline| start + newline);
        let marked_end =
            floor(text, place.start.saturating_add(place.length)).clamp(start, line_end);
        Self {
            number: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            text: text[line_start..line_end].trim_end_matches('\r'),
            marked: text[start..marked_end].chars().count().max(1),
        }
    }

    /// The line, cut around the marked characters where it is long, and a caret line beneath; nothing for an empty line.
    fn excerpt(&self) -> String {
        if self.text.trim().is_empty() {
            return String::new();
        }
        let number = self.number.to_string();
        let margin = " ".repeat(number.len());
        let skipped = (self.column - 1).saturating_sub(EXCERPT / 2);
        let shown: String = self
            .text
            .chars()
            .skip(skipped)
            .take(EXCERPT)
            .map(printable)
            .collect();
        let caret = " ".repeat(self.column - 1 - skipped);
        let marks = "^".repeat(self.marked.min(EXCERPT / 2));
        format!(
            "\n{margin} |\n{number} | {}\n{margin} | {caret}{marks}",
            shown.trim_end()
        )
    }
}

/// A control character would move the caret, or worse, talk to the terminal.
fn printable(character: char) -> char {
    match character {
        '\t' => ' ',
        other if other.is_control() => '\u{fffd}',
        other => other,
    }
}

/// The last character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, start: usize, length: usize) -> String {
        let source = Source {
            name: "w.yaml".into(),
            text: text.into(),
            is_file: true,
        };
        let problem = Problem {
            place: Place {
                source: 0,
                start,
                length,
            },
            message: "no".into(),
        };
        Problems::new(vec![source], vec![problem]).to_string()
    }

    #[test]
    fn marks_the_place() {
        let expected = "w.yaml:2:6: no\n  |\n2 | bb: ccc\n  |     ^^^".replace(":6", ":5");
        assert_eq!(shown("a: b\nbb: ccc\nd: e\n", 9, 3), expected);
    }

    #[test]
    fn counts_characters_and_not_bytes() {
        assert_eq!(
            shown("é: ü!", 4, 3),
            "w.yaml:1:4: no\n  |\n1 | é: ü!\n  |    ^^"
        );
    }

    #[test]
    fn marks_no_further_than_the_line() {
        assert_eq!(shown("ab\ncd", 1, 4), "w.yaml:1:2: no\n  |\n1 | ab\n  |  ^");
    }

    #[test]
    fn an_empty_text_has_no_excerpt() {
        assert_eq!(shown("", 0, 0), "w.yaml:1:1: no");
        assert_eq!(shown("a\n", 99, 9), "w.yaml:2:1: no");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}x{}", "a".repeat(1000), "b".repeat(1000));
        let shown = shown(&text, 1000, 1);
        assert!(shown.starts_with("w.yaml:1:1001: no"), "{shown}");
        assert!(shown.lines().all(|line| line.len() < 120), "{shown}");
        assert_eq!(
            shown.lines().nth(2).unwrap().find('x'),
            shown.lines().nth(3).unwrap().find('^')
        );
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert!(!shown("a: \u{1b}[31m", 3, 1).contains('\u{1b}'));
    }

    #[test]
    fn many_problems_are_cut_short() {
        let source = Source {
            name: "w.yaml".into(),
            text: String::new(),
            is_file: true,
        };
        let problem = |number| Problem::new(Place::default(), format!("no {number}"));
        let problems = Problems::new(vec![source], (0..25).map(problem).collect());
        assert!(
            problems
                .to_string()
                .ends_with("\nand 5 more; mend these first")
        );
    }
}
