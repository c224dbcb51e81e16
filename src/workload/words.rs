//! Words for messages: lists, quantities, and the name that was probably meant.

use std::time::Duration;

/// `a`, `a or b`, `a, b or c`.
pub(super) fn or_list<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", first.join(", "), last.as_ref())
        }
    }
}

/// `unknown KIND `found`; known: a, b, c; did you mean `b`?`
#[must_use]
pub fn unknown<T: AsRef<str>>(kind: &str, found: &str, known: &[T]) -> String {
    let names: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    let known = if names.is_empty() {
        "there is none".to_owned()
    } else {
        format!("known: {}", names.join(", "))
    };
    match nearest(found, &names) {
        Some(name) => format!("unknown {kind} `{found}`; {known}; did you mean `{name}`?"),
        None => format!("unknown {kind} `{found}`; {known}"),
    }
}

/// The name nearest to `found`, where it is near enough to be what was meant: a slip in every third letter, `-` for `_`, other
/// capitals, or a name cut short.
pub(super) fn nearest<'a>(found: &str, names: &[&'a str]) -> Option<&'a str> {
    nearest_within((found.chars().count() / 3).max(1), found, names)
}

/// The name that `found` misses by two slips at the most: for names of which only some are known, so that a stranger is not taken
/// for a slip.
pub(super) fn slip_in<'a>(found: &str, names: &[&'a str]) -> Option<&'a str> {
    nearest_within(2.min(found.chars().count() / 3), found, names)
}

fn nearest_within<'a>(slips: usize, found: &str, names: &[&'a str]) -> Option<&'a str> {
    let found = plain(found);
    let letters = found.chars().count();
    let distance = |name: &str| {
        let name = plain(name);
        let is_cut_short = letters >= 3 && name.starts_with(&found);
        if is_cut_short {
            0
        } else {
            strsim::damerau_levenshtein(&found, &name)
        }
    };
    names
        .iter()
        .map(|name| (distance(name), *name))
        // Where every letter differs, nothing of the name was meant.
        .filter(|(distance, _)| *distance <= slips && *distance < letters)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Long texts are nobody's slip, and comparing them takes time: the first 64 characters decide.
fn plain(name: &str) -> String {
    name.chars()
        .take(64)
        .map(|letter| {
            if letter == '-' {
                '_'
            } else {
                letter.to_ascii_lowercase()
            }
        })
        .collect()
}

/// `1 key`, `2 keys`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A duration as it would be written.
pub(super) fn time(time: Duration) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    let (seconds, is_whole) = (time.as_secs(), time.subsec_nanos() == 0);
    let fits = |unit: u64| is_whole && seconds >= unit && seconds.is_multiple_of(unit);
    match units.iter().find(|(unit, _)| fits(*unit)) {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{time:?}"),
    }
}

/// A size as it would be written.
pub(super) fn bytes(size: u64) -> String {
    let units = [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
    match units
        .iter()
        .find(|(unit, _)| size >= *unit && size.is_multiple_of(*unit))
    {
        Some((unit, name)) => format!("{}{name}", size / unit),
        None => format!("{size}b"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_well() {
        assert_eq!(or_list(&["a"]), "a");
        assert_eq!(or_list(&["a", "b"]), "a or b");
        assert_eq!(or_list(&["a", "b", "c"]), "a, b or c");
    }

    #[test]
    fn finds_what_was_meant_and_guesses_no_further() {
        let names = ["save", "read", "flood", "on_miss"];
        assert_eq!(nearest("sav", &names), Some("save"));
        assert_eq!(nearest("flodo", &names), Some("flood"));
        assert_eq!(nearest("ON-MISS", &names), Some("on_miss"));
        assert_eq!(nearest("delete", &names), None);
        assert_eq!(nearest("flo", &names), Some("flood"));
        assert_eq!(nearest("1", &names), None);
    }
}
