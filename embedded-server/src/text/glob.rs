//! Glob matching as `KEYS`, `SCAN MATCH`, `CONFIG GET` and `PSUBSCRIBE` do it.
//!
//! `*` any run, `?` one byte, `[a-z]` and `[^a-z]` one byte of (or outside) a class, `\` takes the next byte
//! literally. Matching keeps only the latest star to fall back to, since an earlier one can never help once
//! a later one was reached, so a hostile pattern costs at most `pattern * text` steps.

/// True when the whole of `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    search(pattern, text, |byte| byte)
}

/// As [`matches`], with ASCII letters compared without regard to case.
pub fn matches_ignoring_case(pattern: &[u8], text: &[u8]) -> bool {
    search(pattern, text, |byte| byte.to_ascii_lowercase())
}

/// Where to resume when a mismatch lets the latest star swallow one byte more.
struct Fallback<'a> {
    pattern: &'a [u8],
    text: &'a [u8],
}

fn search<'a>(mut pattern: &'a [u8], mut text: &'a [u8], fold: fn(u8) -> u8) -> bool {
    // Redis never looks at a pattern when there is no text: even `**` does not match the empty key.
    if text.is_empty() {
        return pattern.is_empty();
    }
    let mut fallback: Option<Fallback> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            if rest.is_empty() {
                return true;
            }
            fallback = Some(Fallback {
                pattern: rest,
                text,
            });
            pattern = rest;
            continue;
        }
        match step(pattern, text, fold) {
            Some((pattern_rest, text_rest)) => (pattern, text) = (pattern_rest, text_rest),
            None if pattern.is_empty() && text.is_empty() => return true,
            None => {
                let Some(Fallback {
                    pattern: resumed,
                    text: [_, shorter @ ..],
                }) = fallback
                else {
                    return false;
                };
                fallback = Some(Fallback {
                    pattern: resumed,
                    text: shorter,
                });
                (pattern, text) = (resumed, shorter);
            }
        }
    }
}

/// Matches one byte of text against the pattern's first element; what is left of both when it fits.
fn step<'p, 't>(
    pattern: &'p [u8],
    text: &'t [u8],
    fold: fn(u8) -> u8,
) -> Option<(&'p [u8], &'t [u8])> {
    let (&byte, text_rest) = text.split_first()?;
    let (fits, pattern_rest) = match pattern {
        [] => return None,
        [b'?', rest @ ..] => (true, rest),
        [b'[', b'^', rest @ ..] => negated(class(rest, fold(byte), fold)),
        [b'[', rest @ ..] => class(rest, fold(byte), fold),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (fold(*literal) == fold(byte), rest),
    };
    fits.then_some((pattern_rest, text_rest))
}

fn negated((found, rest): (bool, &[u8])) -> (bool, &[u8]) {
    (!found, rest)
}

/// Looks for `byte` in the class that `pattern` opens with; what follows the class. A class that is never
/// closed ends with the pattern.
fn class(mut pattern: &[u8], byte: u8, fold: fn(u8) -> u8) -> (bool, &[u8]) {
    let mut found = false;
    loop {
        let (low, high, rest) = match pattern {
            [] => return (found, pattern),
            [b'\\', literal, rest @ ..] => (*literal, *literal, rest),
            [b']', rest @ ..] => return (found, rest),
            [from, b'-', to, rest @ ..] => (*from.min(to), *from.max(to), rest),
            [literal, rest @ ..] => (*literal, *literal, rest),
        };
        found |= (fold(low)..=fold(high)).contains(&byte);
        pattern = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_match_what_they_name() {
        for (pattern, text, expected) in [
            ("user:*", "user:1", true),
            ("user:*", "usr:1", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("a[\\]]b", "a]b", true),
            ("[abc", "b", true),
            ("a[]b", "ab", false),
            ("*a*b*c", "xxaxxbxxc", true),
            ("*a*b*c", "xxaxxcxxb", false),
            ("a*", "a", true),
            ("", "", true),
            ("**", "", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{pattern:?} on {text:?}"
            );
        }
        assert!(matches_ignoring_case(b"MAXmem*", b"maxmemory"));
        assert!(!matches(b"MAXmem*", b"maxmemory"));
    }

    #[test]
    fn hostile_patterns_end() {
        let pattern = "*a".repeat(500) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(5_000).as_bytes()));
    }
}
