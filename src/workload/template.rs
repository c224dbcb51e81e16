//! Commands by template: `HSET user:{key} field "a value"`.
//!
//! Words are divided by spaces and quoted as in `redis-cli`: between double quotes with `\n`, `\r`, `\t`, `\"`, `\\` and `\x41`,
//! between single quotes with `\'`. What changes from request to request stands in braces; `{{` and `}}` are braces themselves.

use super::limits;
use super::operation::{Part, Word};
use super::problem::Flaw;
use super::units::{Count, FromText, KeyRange};
use super::words;

/// What may stand in braces, with an example of each.
const PLACEHOLDERS: [&str; 12] = [
    "key", "i", "keys", "pairs", "value", "field", "fields", "member", "score", "number", "ttl",
    "ttl_s",
];
/// `{field}` is one of so many fields, `{member}` one of so many members, `{score}` a number below this.
const FIELDS: u64 = 10;
const MEMBERS: u64 = 100;
const SCORES: u64 = 1_000_000;

/// What a placeholder stands for.
enum Slot {
    Part(Part),
    /// A text and a number behind it.
    Numbered(&'static str, std::ops::Range<u64>),
    /// Arguments of their own.
    Several(Word),
}

/// The words of the command in `text`; `{keys}` and `{pairs}` that do not say how many mean `keys`.
///
/// # Errors
///
/// The bytes that are wrong, what was found there and what is allowed.
pub(super) fn parse(text: &str, keys: u32) -> Result<Vec<Word>, Flaw> {
    if text.len() > limits::TEMPLATE_BYTES {
        let (length, most) = (text.len(), limits::TEMPLATE_BYTES);
        return Err(flaw(
            0,
            most,
            format!("this command is {length} bytes long; at most {most} are allowed"),
        ));
    }
    let mut reader = Reader { text, at: 0, keys };
    let mut list = Vec::new();
    while reader.skip_spaces() {
        list.push(reader.word()?);
    }
    match list.first() {
        Some(Word::One(parts)) if matches!(parts.as_slice(), [Part::Text(_)]) => {}
        Some(_) => {
            return Err(flaw(
                0,
                text.len(),
                "a command begins with its name, as in HSET {key} field {value}",
            ));
        }
        None => {
            return Err(flaw(
                0,
                text.len(),
                "an empty command; write one as in HSET {key} field {value}",
            ));
        }
    }
    let several = |word: &&Word| matches!(word, Word::Keys(_) | Word::Pairs(_));
    if list.iter().filter(several).count() > 1 {
        return Err(flaw(
            0,
            text.len(),
            "several of {keys} and {pairs}; a command takes one of them once",
        ));
    }
    Ok(list)
}

fn flaw(start: usize, length: usize, message: impl Into<String>) -> Flaw {
    Flaw {
        start,
        length,
        message: message.into(),
    }
}

/// Reads a template from front to back.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    keys: u32,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.rest().chars().next()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    /// Whether there is another word.
    fn skip_spaces(&mut self) -> bool {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.at < self.text.len()
    }

    fn ends_here(&self) -> bool {
        self.rest().chars().next().is_none_or(char::is_whitespace)
    }

    fn word(&mut self) -> Result<Word, Flaw> {
        let start = self.at;
        let (mut parts, mut several) = (Vec::new(), None);
        while !self.ends_here() {
            match self.rest().as_bytes() {
                [quote @ (b'"' | b'\''), ..] => self.quoted(char::from(*quote), &mut parts)?,
                _ => several = several.or(self.plain(&mut parts)?),
            }
        }
        match several {
            None => Ok(Word::One(parts)),
            Some(word) if parts.is_empty() => Ok(word),
            Some(_) => Err(flaw(
                start,
                self.at - start,
                "these are several arguments; they must stand alone, with spaces around",
            )),
        }
    }

    /// One letter, brace or placeholder outside quotes.
    fn plain(&mut self, parts: &mut Vec<Part>) -> Result<Option<Word>, Flaw> {
        match self.rest().as_bytes() {
            [b'{', b'{', ..] => self.brace('{', parts),
            [b'}', b'}', ..] => self.brace('}', parts),
            [b'}', ..] => Err(flaw(
                self.at,
                1,
                "a brace that closes nothing; for the character itself write }}",
            )),
            [b'{', ..] => self.placeholder(parts),
            _ => {
                self.next()
                    .into_iter()
                    .for_each(|letter| push(parts, letter));
                Ok(None)
            }
        }
    }

    fn brace(&mut self, brace: char, parts: &mut Vec<Part>) -> Result<Option<Word>, Flaw> {
        self.at += 2;
        push(parts, brace);
        Ok(None)
    }

    /// What stands between two quotes, the first of which is next.
    fn quoted(&mut self, quote: char, parts: &mut Vec<Part>) -> Result<(), Flaw> {
        let start = self.at;
        self.at += 1;
        if parts.is_empty() {
            parts.push(Part::Text(String::new()));
        }
        loop {
            match self.rest().chars().next() {
                None => {
                    return Err(flaw(
                        start,
                        1,
                        format!("a quote that nothing closes; write {quote} behind it"),
                    ));
                }
                Some(letter) if letter == quote => break,
                Some('\\') => {
                    let letter = self.escaped(quote)?;
                    push(parts, letter);
                }
                Some('{' | '}') => {
                    if self.plain(parts)?.is_some() {
                        return Err(flaw(
                            start,
                            self.at - start,
                            "several arguments cannot stand in quotes",
                        ));
                    }
                }
                Some(letter) => {
                    self.at += letter.len_utf8();
                    push(parts, letter);
                }
            }
        }
        self.at += 1;
        if !self.ends_here() {
            return Err(flaw(
                self.at - 1,
                1,
                "a quote ends its word; write a space behind it",
            ));
        }
        Ok(())
    }

    /// The letter that a backslash, which is next, and what follows it mean between such quotes.
    fn escaped(&mut self, quote: char) -> Result<char, Flaw> {
        let start = self.at;
        self.at += 1;
        if quote == '\'' {
            return Ok(if self.rest().starts_with('\'') {
                self.next().unwrap_or('\'')
            } else {
                '\\'
            });
        }
        match self.next() {
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('x') => self.hexadecimal(start),
            Some(letter) => Ok(letter),
            None => Ok('\\'),
        }
    }

    fn hexadecimal(&mut self, start: usize) -> Result<char, Flaw> {
        let digits = self.rest().get(..2).unwrap_or_default();
        match u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii) {
            Some(byte) => {
                self.at += 2;
                Ok(char::from(byte))
            }
            None => Err(flaw(
                start,
                2,
                "wanted are two hexadecimal digits, \\x00 to \\x7f",
            )),
        }
    }

    /// The placeholder that is next; arguments of their own are returned.
    fn placeholder(&mut self, parts: &mut Vec<Part>) -> Result<Option<Word>, Flaw> {
        let start = self.at;
        let Some(end) = self.rest().find('}') else {
            return Err(flaw(
                start,
                1,
                "a brace that nothing closes; for the character itself write {{",
            ));
        };
        let inside = self.rest().get(1..end).unwrap_or_default().to_owned();
        self.at += end + 1;
        match slot(&inside, self.keys).map_err(|message| flaw(start, end + 1, message))? {
            Slot::Part(part) => parts.push(part),
            Slot::Numbered(text, range) => {
                text.chars().for_each(|letter| push(parts, letter));
                parts.push(Part::Number(range));
            }
            Slot::Several(word) => return Ok(Some(word)),
        }
        Ok(None)
    }
}

/// Adds a letter to the text at the end of `parts`.
fn push(parts: &mut Vec<Part>, letter: char) {
    match parts.last_mut() {
        Some(Part::Text(text)) => text.push(letter),
        _ => parts.push(Part::Text(letter.to_string())),
    }
}

/// What `{inside}` stands for.
fn slot(inside: &str, keys: u32) -> Result<Slot, String> {
    let (name, argument) = match inside.split_once(':') {
        Some((name, argument)) => (name, Some(argument)),
        None => (inside, None),
    };
    Ok(match name {
        "i" => Slot::Part(Part::KeyNumber(digits(argument)?)),
        "keys" => Slot::Several(Word::Keys(several(argument, keys)?)),
        "pairs" => Slot::Several(Word::Pairs(several(argument, keys)?)),
        "fields" => Slot::Several(Word::Fields(several(argument, FIELDS as u32)?)),
        "field" => Slot::Numbered("field", range(argument, FIELDS)?),
        "member" => Slot::Numbered("member-", range(argument, MEMBERS)?),
        "score" => Slot::Numbered("", range(argument, SCORES)?),
        "number" if argument.is_none() => {
            return Err(
                "a number from which to which? Write {number:0..100} (the end not included)"
                    .to_owned(),
            );
        }
        "number" => Slot::Numbered("", range(argument, 1)?),
        _ => return plain_slot(name, argument),
    })
}

/// The placeholders that take nothing behind a colon.
fn plain_slot(name: &str, argument: Option<&str>) -> Result<Slot, String> {
    let part = match name {
        "key" => Part::Key,
        "value" => Part::Value,
        "ttl" => Part::TtlMs,
        "ttl_s" => Part::TtlS,
        _ => {
            return Err(format!(
                "{} (for a brace itself write {{{{ or }}}})",
                words::unknown("placeholder", name, &PLACEHOLDERS)
            ));
        }
    };
    match argument {
        None => Ok(Slot::Part(part)),
        Some(argument) => Err(format!("{{{name}}} takes no `:{argument}`; leave it out")),
    }
}

/// The least number of digits in `{i:08}`.
fn digits(argument: Option<&str>) -> Result<u8, String> {
    let Some(argument) = argument else {
        return Ok(0);
    };
    let width = argument
        .strip_prefix('0')
        .and_then(|digits| digits.parse().ok());
    width
        .filter(|width| *width <= 20)
        .ok_or_else(|| format!("`{argument}` is no number of digits; write {{i}}, or {{i:08}} for eight digits at least"))
}

fn several(argument: Option<&str>, default: u32) -> Result<u32, String> {
    let Some(argument) = argument else {
        return Ok(default);
    };
    let most = limits::KEYS_PER_REQUEST;
    match Count::from_text(argument) {
        Ok(Count(count)) if (1..=most).contains(&count) => Ok(count as u32),
        _ => Err(format!(
            "`{argument}` is no number of arguments; allowed are 1 to {most}"
        )),
    }
}

fn range(argument: Option<&str>, default: u64) -> Result<std::ops::Range<u64>, String> {
    match argument.map(KeyRange::from_text) {
        None => Ok(0..default),
        Some(Ok(KeyRange::Some(range))) => Ok(range),
        _ => Err(format!(
            "`{}` is no range of numbers such as 0..100 (the end not included)",
            argument.unwrap_or_default()
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    fn why(text: &str) -> (usize, usize, String) {
        let Flaw {
            start,
            length,
            message,
        } = parse(text, 10).unwrap_err();
        (start, length, message)
    }

    #[test]
    fn words_and_placeholders() {
        let words = parse("HSET user:{key}  field {value} {number:5..9}", 10).unwrap();
        let expected = [
            vec![text("HSET")],
            vec![text("user:"), Part::Key],
            vec![text("field")],
            vec![Part::Value],
            vec![Part::Number(5..9)],
        ];
        assert_eq!(words, expected.map(Word::One));
        assert_eq!(
            parse("A {field} {member:0..3}-{i:04} {ttl}", 10).unwrap()[1..],
            [
                Word::One(vec![text("field"), Part::Number(0..10)]),
                Word::One(vec![
                    text("member-"),
                    Part::Number(0..3),
                    text("-"),
                    Part::KeyNumber(4)
                ]),
                Word::One(vec![Part::TtlMs]),
            ]
        );
        assert_eq!(parse("MGET {keys}", 7).unwrap()[1], Word::Keys(7));
        assert_eq!(parse("MSET {pairs:3}", 7).unwrap()[1], Word::Pairs(3));
        assert_eq!(
            parse("HSET {key} {fields:2}", 7).unwrap()[2],
            Word::Fields(2)
        );
    }

    #[test]
    fn quotes_as_in_redis_cli() {
        let words = parse(r#"SET "a \"b\"\n\x41{{" 'it\'s {key}' "" x"y"#, 1);
        assert!(words.is_err(), "a quote within a word");
        let words = parse(r#"SET "a \"b\"\n\x41{{" 'it\'s {key}' "" {{tag}}"#, 1).unwrap();
        assert_eq!(
            words[1..],
            [
                Word::One(vec![text("a \"b\"\nA{")]),
                Word::One(vec![text("it's "), Part::Key]),
                Word::One(vec![text("")]),
                Word::One(vec![text("{tag}")]),
            ]
        );
    }

    #[test]
    fn flaws_point_at_what_is_wrong() {
        assert_eq!((why("GET {kye}").0, why("GET {kye}").1), (4, 5));
        assert!(
            why("GET {kye}").2.contains("did you mean `key`?"),
            "{}",
            why("GET {kye}").2
        );
        for (text, start, length) in [
            ("GET {key", 4, 1),
            ("GET key}", 7, 1),
            ("GET \"abc", 4, 1),
            ("GET {number}", 4, 8),
            ("GET {number:9..3}", 4, 13),
            ("GET {key:3}", 4, 7),
            ("GET x{keys:3}", 4, 9),
            ("GET {keys:0}", 4, 8),
            ("GET \"\\xzz\"", 5, 2),
            ("{key} GET", 0, 9),
            ("  ", 0, 2),
            ("M {keys} {pairs}", 0, 16),
        ] {
            assert_eq!(
                (why(text).0, why(text).1),
                (start, length),
                "{text}: {}",
                why(text).2
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,40}", braces in "[A-Z{}\"'\\\\:.0-9a-zé ]{0,40}") {
            let _ = (parse(&text, 10), parse(&braces, 10));
        }
    }
}
