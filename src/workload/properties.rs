//! Java property files, as YCSB has them: names, values and their places.

use super::problem::Place;

/// A property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) name_place: Place,
    pub(super) value: String,
    pub(super) place: Place,
}

/// Whether `text` is a property file rather than YAML: its first line that says something has an `=`, and no colon before.
pub(super) fn is_one(text: &str) -> bool {
    let says = |line: &&str| !line.is_empty() && !line.starts_with(['#', '!']);
    let first = text.lines().map(str::trim).find(says);
    let sign = first.and_then(|line| line.chars().find(|letter| "=:[{\"'".contains(*letter)));
    sign == Some('=')
}

/// The properties in `text`, the first source, in their order; of one said twice the last counts.
pub(super) fn read(text: &str) -> Vec<Property> {
    let mut list: Vec<Property> = Vec::new();
    let mut lines = lines(text).peekable();
    while let Some((start, line)) = lines.next() {
        let shown = line.trim_start();
        if shown.is_empty() || shown.starts_with(['#', '!']) {
            continue;
        }
        let start = start + line.len() - shown.len();
        let mut property = property(start, shown);
        while continues(&property.value) {
            property.value.pop();
            let Some((_, more)) = lines.next() else { break };
            property.value.push_str(more.trim_start());
        }
        property.value = unescaped(property.value.trim_end());
        list.retain(|earlier| earlier.name != property.name);
        list.push(property);
    }
    list
}

/// Lines with the byte at which each begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = next;
        next += line.len();
        (start, line.trim_end_matches(['\n', '\r']))
    })
}

/// The property in a line that begins at `start`; its value may go on.
fn property(start: usize, line: &str) -> Property {
    let name = end_of_name(line);
    let rest = line.get(name..).unwrap_or_default();
    let value = rest.trim_start();
    let value = value.strip_prefix(['=', ':']).unwrap_or(value).trim_start();
    let place = |from: usize, length: usize| Place {
        source: 0,
        start: start + from,
        length,
    };
    Property {
        name: unescaped(line.get(..name).unwrap_or_default()),
        name_place: place(0, name),
        value: value.to_owned(),
        place: place(line.len() - value.len(), value.trim_end().len()),
    }
}

/// Where the first `=`, `:` or space stands that no backslash precedes.
fn end_of_name(line: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in line.char_indices() {
        match letter {
            '=' | ':' if !escaped => return at,
            letter if letter.is_whitespace() && !escaped => return at,
            _ => escaped = letter == '\\' && !escaped,
        }
    }
    line.len()
}

/// Whether a line goes on in the next: it ends with an odd number of backslashes.
fn continues(line: &str) -> bool {
    let backslashes = line.len() - line.trim_end_matches('\\').len();
    backslashes % 2 == 1
}

fn unescaped(text: &str) -> String {
    let (mut plain, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('u') => unicode(&mut letters),
                Some(other) => other,
                None => break,
            },
            other => other,
        });
    }
    plain
}

/// The character of the four digits that are next.
fn unicode(letters: &mut std::str::Chars<'_>) -> char {
    let digits: String = letters.by_ref().take(4).collect();
    let code = u32::from_str_radix(&digits, 16).ok();
    code.and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn properties_as_java_reads_them() {
        let text = "# a comment\n! another\n\n recordcount=1000\nfieldlength : 10\nname  a \\\n   b\nx\\=y=\\u0041\\tz\nempty\nx\\=y=2\n";
        let list = read(text);
        let pairs: Vec<(&str, &str)> = list
            .iter()
            .map(|property| (property.name.as_str(), property.value.as_str()))
            .collect();
        let expected = [
            ("recordcount", "1000"),
            ("fieldlength", "10"),
            ("name", "a b"),
            ("empty", ""),
            ("x=y", "2"),
        ];
        assert_eq!(pairs, expected);
        for property in &list[..2] {
            let Place { start, length, .. } = property.place;
            assert_eq!(&text[start..start + length], property.value);
        }
    }

    #[test]
    fn what_is_yaml_is_none() {
        assert!(is_one("# YCSB\n\nrecordcount=1000\n"));
        assert!(!is_one("name: a=b\n"));
        assert!(!is_one("\"a=b\": 5\n"));
        assert!(!is_one("# only = comments\n"));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[a-z=:\\\\ \n#u0é]{0,60}") {
            for property in read(&text) {
                prop_assert!(text.get(property.place.start..property.place.start + property.place.length).is_some());
            }
        }
    }
}
