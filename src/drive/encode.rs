//! Writes requests. What does not change from request to request is written once, when the phase begins.

use std::ops::Range;

use crate::traffic::key::{append_decimal, decimal_digits, write_over_zeros};
use crate::traffic::stream::below;
use crate::traffic::{KeyNames, Lifetimes, NumberedText, Stream, ValueSource};
use crate::workload::plan::{FanOut, KeySpace, Operation, Part, Ttl, Word};

/// Digits of the largest number.
const DIGITS_MAX: usize = 20;

/// Writes the requests of one phase.
#[derive(Debug, Clone)]
pub struct Encoder {
    keys: KeyNames,
    values: ValueSource,
    lifetimes: Lifetimes,
    /// By place in the list of operations.
    requests: Vec<Request>,
}

/// The keys of one request.
#[derive(Debug, Clone, Copy)]
pub struct RequestKeys<'a> {
    /// The first, or the only one.
    pub first: u64,
    /// All further ones.
    pub others: &'a [u64],
    /// Of the values that it writes; 0 where nobody asks for it.
    pub version: u32,
}

/// A request, ready but for what changes.
#[derive(Debug, Clone)]
struct Request {
    /// Where the key is the first thing that changes.
    front: Option<Front>,
    /// What follows.
    pieces: Vec<Piece>,
}

/// All of a request up to the next thing behind the key that changes.
#[derive(Debug, Clone)]
struct Front {
    least_digits: usize,
    /// By digits of the key's number, from the least.
    by_digits: Vec<Ready>,
}

/// Bytes that are ready but for a number.
#[derive(Debug, Clone)]
struct Ready {
    bytes: Box<[u8]>,
    /// Where its digits belong; zeros stand there.
    digits: Range<usize>,
}

/// A piece of a request. Those that change are the length and the bytes of an argument: the `$` before and the line end
/// behind belong to the bytes around.
#[derive(Debug, Clone)]
enum Piece {
    /// Always the same.
    Bytes(Box<[u8]>),
    /// The key.
    Key,
    /// Its value.
    Value,
    /// An argument of several parts, or of a number.
    Joined(Box<[Part]>),
    /// All keys, an argument each.
    Keys,
    /// All keys and their values.
    Pairs,
}

impl Encoder {
    /// Requests of these operations, on these keys, with these values and this time to live.
    #[must_use]
    pub fn new(keys: KeyNames, values: ValueSource, ttl: Ttl, operations: &[Operation]) -> Self {
        let lifetimes = Lifetimes::new(ttl);
        let request = |operation: &Operation| Build::new(keys.only(), lifetimes).request(operation);
        let requests = operations.iter().map(request).collect();
        Self {
            keys,
            values,
            lifetimes,
            requests,
        }
    }

    /// Requests of one operation that writes no values.
    #[must_use]
    pub fn without_values(keys: &KeySpace, operation: &Operation) -> Self {
        let values = ValueSource::Text(NumberedText::new(&keys.name));
        let operation = std::slice::from_ref(operation);
        Self::new(KeyNames::new(keys), values, Ttl::None, operation)
    }

    /// Appends a request of the operation at place `operation`; numbers in it are drawn from `stream`.
    #[inline]
    pub fn append(
        &self,
        operation: u16,
        keys: RequestKeys<'_>,
        stream: &mut Stream,
        out: &mut Vec<u8>,
    ) {
        let Some(request) = self.requests.get(usize::from(operation)) else {
            return;
        };
        if let Some(front) = &request.front {
            front.append(keys.first, out);
        }
        for piece in &request.pieces {
            match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Value => self.append_value(keys.first, keys.version, out),
                Piece::Key => self.append_key(keys.first, out),
                Piece::Joined(parts) => self.append_joined(parts, keys, stream, out),
                Piece::Keys => self.append_all(keys, false, out),
                Piece::Pairs => self.append_all(keys, true, out),
            }
        }
    }

    /// Appends a request of the first operation for one key.
    pub fn append_of(&self, key: u64, stream: &mut Stream, out: &mut Vec<u8>) {
        let keys = RequestKeys {
            first: key,
            others: &[],
            version: 0,
        };
        self.append(0, keys, stream, out);
    }

    #[inline]
    fn append_key(&self, key: u64, out: &mut Vec<u8>) {
        append_number(self.keys.length(key) as u64, out);
        out.extend_from_slice(b"\r\n");
        self.keys.append(key, out);
    }

    #[inline]
    fn append_value(&self, key: u64, version: u32, out: &mut Vec<u8>) {
        append_number(self.values.length(key) as u64, out);
        out.extend_from_slice(b"\r\n");
        self.values.append(key, version, out);
    }

    fn append_all(&self, keys: RequestKeys<'_>, with_values: bool, out: &mut Vec<u8>) {
        let mut between: &[u8] = b"";
        for key in std::iter::once(&keys.first).chain(keys.others) {
            out.extend_from_slice(between);
            self.append_key(*key, out);
            if with_values {
                out.extend_from_slice(b"\r\n$");
                self.append_value(*key, keys.version, out);
            }
            between = b"\r\n$";
        }
    }

    /// Appends an argument whose length is known once it has been written: the length is put in front of it then.
    fn append_joined(
        &self,
        parts: &[Part],
        keys: RequestKeys<'_>,
        stream: &mut Stream,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        for part in parts {
            self.append_part(part, keys, stream, out);
        }
        let length = out.len() - start;
        let digits = decimal_digits(length as u64);
        out.resize(start + digits + 2 + length, 0);
        out.copy_within(start..start + length, start + digits + 2);
        if let Some(front) = out.get_mut(start..start + digits) {
            front.fill(b'0');
            write_over_zeros(length as u64, front);
        }
        if let Some(end) = out.get_mut(start + digits..start + digits + 2) {
            end.copy_from_slice(b"\r\n");
        }
    }

    fn append_part(
        &self,
        part: &Part,
        keys: RequestKeys<'_>,
        stream: &mut Stream,
        out: &mut Vec<u8>,
    ) {
        let key = keys.first;
        match part {
            Part::Text(text) => out.extend_from_slice(text.as_bytes()),
            Part::Key => self.keys.append(key, out),
            Part::KeyNumber(width) => {
                let number = self.keys.number(key);
                let digits = decimal_digits(number).max(usize::from(*width));
                append_decimal(number, digits, out);
            }
            Part::Value => self.values.append(key, keys.version, out),
            Part::Message => {
                let key = stream.word();
                let length = self.values.length(key).max(FanOut::STAMP_BYTES as usize);
                self.values.append_of_length(key, length, out);
            }
            Part::Number(range) => {
                let count = range.end.saturating_sub(range.start).max(1);
                append_number(range.start + below(stream.word(), count).0, out);
            }
            Part::TtlMs => append_number(self.lifetimes.draw_ms(stream), out),
            Part::TtlS => append_number(self.lifetimes.draw_ms(stream).div_ceil(1000), out),
        }
    }
}

impl Front {
    /// What stands `before` the key, the key, and what stands `after` it.
    fn new(before: &[u8], keys: &NumberedText, after: &[u8]) -> Self {
        let least_digits = keys.least_digits();
        let ready = |digits| Ready::new(before, keys.with_zeros(digits), after);
        Self {
            least_digits,
            by_digits: (least_digits..=DIGITS_MAX.max(least_digits))
                .map(ready)
                .collect(),
        }
    }

    #[inline]
    fn append(&self, key: u64, out: &mut Vec<u8>) {
        let more_digits = decimal_digits(key).saturating_sub(self.least_digits);
        if let Some(ready) = self.by_digits.get(more_digits) {
            let start = out.len();
            out.extend_from_slice(&ready.bytes);
            if let Some(digits) = out
                .get_mut(start..)
                .and_then(|front| front.get_mut(ready.digits.clone()))
            {
                write_over_zeros(key, digits);
            }
        }
    }
}

impl Ready {
    fn new(before: &[u8], (key, digits): (Vec<u8>, Range<usize>), after: &[u8]) -> Self {
        let head = [before, format!("${}\r\n", key.len()).as_bytes()].concat();
        Self {
            digits: head.len() + digits.start..head.len() + digits.end,
            bytes: [head.as_slice(), &key, after].concat().into(),
        }
    }
}

/// Builds a request: bytes that do not change are gathered until something comes that does.
struct Build<'a> {
    /// How keys are spelt, where all are spelt alike, so that requests up to the key can be ready.
    keys: Option<&'a NumberedText>,
    lifetimes: Lifetimes,
    bytes: Vec<u8>,
    /// What stood before the key, once the key has come first, and how keys are spelt.
    before: Option<(Vec<u8>, &'a NumberedText)>,
    pieces: Vec<Piece>,
}

impl<'a> Build<'a> {
    fn new(keys: Option<&'a NumberedText>, lifetimes: Lifetimes) -> Self {
        Self {
            keys,
            lifetimes,
            bytes: Vec::new(),
            before: None,
            pieces: Vec::new(),
        }
    }

    fn request(mut self, operation: &Operation) -> Request {
        let keys = operation.keys() as usize;
        let count: usize = operation
            .words
            .iter()
            .map(|word| arguments(word, keys))
            .sum();
        self.bytes = format!("*{count}\r\n").into_bytes();
        for word in &operation.words {
            self.word(word);
        }
        self.flush();
        let front = self.before.take().map(|(before, keys)| {
            let after = self.take_first_bytes();
            Front::new(&before, keys, &after)
        });
        Request {
            front,
            pieces: self.pieces,
        }
    }

    /// The bytes that stand first and do not change.
    fn take_first_bytes(&mut self) -> Box<[u8]> {
        match self.pieces.first_mut() {
            Some(Piece::Bytes(bytes)) => {
                let bytes = std::mem::take(bytes);
                self.pieces.remove(0);
                bytes
            }
            _ => Box::default(),
        }
    }

    fn word(&mut self, word: &Word) {
        match word {
            Word::One(parts) => self.one(parts),
            Word::Keys(_) => self.changing(Piece::Keys),
            Word::Pairs(_) => self.changing(Piece::Pairs),
            Word::Fields(count) => {
                for field in 0..*count {
                    self.text(format!("field{field}").as_bytes());
                    self.changing(Piece::Value);
                }
            }
        }
    }

    fn one(&mut self, parts: &[Part]) {
        let parts: Vec<Part> = parts.iter().map(|part| self.settled(part)).collect();
        let texts: Option<String> = parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        match (texts, parts.as_slice()) {
            (Some(text), _) => self.text(text.as_bytes()),
            (None, [Part::Key]) => self.key(),
            (None, [Part::Value]) => self.changing(Piece::Value),
            (None, _) => self.changing(Piece::Joined(parts.into())),
        }
    }

    /// A key, ready with what stands before it where it is the first thing that changes.
    fn key(&mut self) {
        match self.keys {
            Some(keys) if self.before.is_none() && self.pieces.is_empty() => {
                self.before = Some((std::mem::replace(&mut self.bytes, b"\r\n".to_vec()), keys));
            }
            _ => self.changing(Piece::Key),
        }
    }

    /// A time to live that is the same for every request is a text.
    fn settled(&self, part: &Part) -> Part {
        let Some(milliseconds) = self.lifetimes.fixed_ms() else {
            return part.clone();
        };
        match part {
            Part::TtlMs => Part::Text(milliseconds.to_string()),
            Part::TtlS => Part::Text(milliseconds.div_ceil(1000).to_string()),
            other => other.clone(),
        }
    }

    /// An argument that does not change.
    fn text(&mut self, text: &[u8]) {
        self.bytes
            .extend_from_slice(format!("${}\r\n", text.len()).as_bytes());
        self.bytes.extend_from_slice(text);
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// Arguments that change.
    fn changing(&mut self, piece: Piece) {
        self.bytes.push(b'$');
        self.flush();
        self.pieces.push(piece);
        self.bytes = b"\r\n".to_vec();
    }

    fn flush(&mut self) {
        if !self.bytes.is_empty() {
            self.pieces
                .push(Piece::Bytes(std::mem::take(&mut self.bytes).into()));
        }
    }
}

/// Arguments that a word stands for.
fn arguments(word: &Word, keys: usize) -> usize {
    match word {
        Word::One(_) => 1,
        Word::Keys(_) => keys,
        Word::Pairs(_) => 2 * keys,
        Word::Fields(count) => 2 * *count as usize,
    }
}

/// Appends any command.
pub fn append_command(words: &[&[u8]], out: &mut Vec<u8>) {
    out.push(b'*');
    append_number(words.len() as u64, out);
    for word in words {
        out.extend_from_slice(b"\r\n$");
        append_number(word.len() as u64, out);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(word);
    }
    out.extend_from_slice(b"\r\n");
}

#[inline]
pub(super) fn append_number(number: u64, out: &mut Vec<u8>) {
    append_decimal(number, decimal_digits(number), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload;
    use crate::workload::plan::{Action, Template, Values};
    use std::time::Duration;

    fn encoder(before: &str, ttl: Ttl, operation: &Operation) -> Encoder {
        let template = |before: &str| Template {
            before: before.to_owned(),
            width: 0,
            after: String::new(),
        };
        let values = ValueSource::new(&Values::Template(template("value-")), 1);
        let keys = KeyNames::from(NumberedText::new(&template(before)));
        Encoder::new(keys, values, ttl, std::slice::from_ref(operation))
    }

    fn request(encoder: &Encoder, first: u64, others: &[u64]) -> Vec<u8> {
        let mut out = Vec::new();
        let keys = RequestKeys {
            first,
            others,
            version: 0,
        };
        encoder.append(0, keys, &mut Stream::new(1, 0, 0, 0), &mut out);
        out
    }

    fn plain(words: &[&str]) -> Vec<u8> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let mut out = Vec::new();
        append_command(&words, &mut out);
        out
    }

    /// The only operation of a phase that is told `command`.
    fn operation(command: &str) -> Operation {
        let yaml = format!(
            "keys: {{ count: 9 }}\nphases: [ save: {{ operations: '{command}', ttl: 1h }} ]"
        );
        let yaml = if command.contains("ttl") {
            yaml
        } else {
            yaml.replace(", ttl: 1h", "")
        };
        let plan = workload::parse(&yaml).unwrap();
        match &plan.phases[0].action {
            Action::Load(load) => load.operations[0].clone(),
            Action::Pause(_) => panic!("a load was asked for"),
        }
    }

    #[test]
    fn requests_are_as_a_server_expects_them() {
        let second = Ttl::After(Duration::from_secs(1));
        let requests = [
            request(&encoder("key-", Ttl::None, &Operation::get()), 7, &[]),
            request(&encoder("key-", Ttl::None, &Operation::set(false)), 12, &[]),
            request(&encoder("key-", second, &Operation::set(true)), 7, &[]),
        ];
        let expected = [
            "*2\r\n$3\r\nGET\r\n$5\r\nkey-7\r\n",
            "*3\r\n$3\r\nSET\r\n$6\r\nkey-12\r\n$8\r\nvalue-12\r\n",
            "*5\r\n$3\r\nSET\r\n$5\r\nkey-7\r\n$7\r\nvalue-7\r\n$2\r\nPX\r\n$4\r\n1000\r\n",
        ];
        assert_eq!(
            requests.map(|request| String::from_utf8(request).unwrap()),
            expected
        );
    }

    #[test]
    fn a_request_by_template_is_the_plain_command() {
        let by_template = |command: &str, others: &[u64]| {
            let ttl = Ttl::After(Duration::from_millis(1500));
            request(&encoder("key-", ttl, &operation(command)), 7, others)
        };
        for (command, others, words) in [
            ("PING", &[][..], &["PING"][..]),
            (
                "HSET user:{key} a {value}",
                &[],
                &["HSET", "user:key-7", "a", "value-7"],
            ),
            (
                "HSET {key} {fields:2}",
                &[],
                &["HSET", "key-7", "field0", "value-7", "field1", "value-7"],
            ),
            (
                "A x{i:03}y {number:5..6} {key}",
                &[],
                &["A", "x007y", "5", "key-7"],
            ),
            (
                "MGET {keys:3}",
                &[8, 9],
                &["MGET", "key-7", "key-8", "key-9"],
            ),
            (
                "MSET {pairs:2} x",
                &[8],
                &["MSET", "key-7", "value-7", "key-8", "value-8", "x"],
            ),
            (
                "EXPIRE {key} {ttl_s} t{ttl}",
                &[],
                &["EXPIRE", "key-7", "2", "t1500"],
            ),
            (
                "A {value}{value}{value} {value}",
                &[],
                &["A", "value-7value-7value-7", "value-7"],
            ),
        ] {
            let (found, expected) = (by_template(command, others), plain(words));
            assert_eq!(
                String::from_utf8(found).unwrap(),
                String::from_utf8(expected).unwrap()
            );
        }
    }

    #[test]
    fn numbers_are_drawn_from_their_range() {
        let encoder = encoder("key-", Ttl::None, &operation("A {number:98..102}"));
        let (mut stream, mut seen) = (Stream::new(1, 0, 0, 0), std::collections::BTreeSet::new());
        for _ in 0..200 {
            let mut out = Vec::new();
            encoder.append_of(0, &mut stream, &mut out);
            seen.insert(out);
        }
        let expected = ["98", "99", "100", "101"].map(|number| plain(&["A", number]));
        assert_eq!(seen, expected.into());
    }

    #[test]
    fn a_ready_request_is_the_plain_command_however_long_the_key() {
        for number in [0, 5, 99_999_999, 100_000_000, u64::MAX] {
            let before = "k".repeat(1 + number as usize % 1000);
            for operation in [Operation::get(), Operation::del(), Operation::exists()] {
                let ready = request(&encoder(&before, Ttl::None, &operation), number, &[]);
                let name = operation.name.to_uppercase();
                assert_eq!(ready, plain(&[&name, &format!("{before}{number}")]));
            }
        }
    }
}
