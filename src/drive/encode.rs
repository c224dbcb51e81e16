//! Writes requests. What does not change from request to request is written once, when the phase begins.

use crate::traffic::{NumberedText, ValueSource};
use crate::workload::plan::{KeySpace, Operation, Ttl};

/// Longest key whose head is kept ready; longer ones are written out each time.
const READY_KEY_LENGTHS: usize = 256;

/// Every operation, in the order of their places in tables.
pub const OPERATIONS: [Operation; 5] = [
    Operation::Get,
    Operation::Set,
    Operation::Del,
    Operation::Exists,
    Operation::Incr,
];

/// The name of an operation in a recording.
#[must_use]
pub fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::Get => "get",
        Operation::Set => "set",
        Operation::Del => "del",
        Operation::Exists => "exists",
        Operation::Incr => "incr",
    }
}

/// Writes the requests of one phase.
#[derive(Debug, Clone)]
pub struct Encoder {
    keys: NumberedText,
    values: ValueSource,
    /// By operation and length of the key: all that stands before the key.
    heads: Vec<Vec<Vec<u8>>>,
    /// What stands behind the value of a SET.
    tail: Vec<u8>,
    with_ttl: bool,
}

impl Encoder {
    /// Requests on these keys, with these values and this time to live.
    #[must_use]
    pub fn new(keys: NumberedText, values: ValueSource, ttl: Ttl) -> Self {
        let with_ttl = ttl != Ttl::None;
        let ready = |operation| {
            (0..READY_KEY_LENGTHS)
                .map(|length| head(operation, with_ttl, length))
                .collect()
        };
        Self {
            keys,
            values,
            heads: OPERATIONS.into_iter().map(ready).collect(),
            tail: tail(ttl),
            with_ttl,
        }
    }

    /// Requests that write no values.
    #[must_use]
    pub fn without_values(keys: &KeySpace) -> Self {
        let names = NumberedText::new(&keys.name);
        Self::new(names.clone(), ValueSource::Text(names), Ttl::None)
    }

    /// Appends the request that does `operation` to key `key`.
    #[inline]
    pub fn append(&self, operation: Operation, key: u64, out: &mut Vec<u8>) {
        let length = self.keys.length(key);
        match self
            .heads
            .get(operation as usize)
            .and_then(|heads| heads.get(length))
        {
            Some(ready) => out.extend_from_slice(ready),
            None => out.extend_from_slice(&head(operation, self.with_ttl, length)),
        }
        self.keys.append(key, out);
        if operation == Operation::Set {
            out.extend_from_slice(b"\r\n$");
            append_number(self.values.length(key) as u64, out);
            out.extend_from_slice(b"\r\n");
            self.values.append(key, out);
            out.extend_from_slice(&self.tail);
        } else {
            out.extend_from_slice(b"\r\n");
        }
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

/// All that stands before a key of `length` bytes.
fn head(operation: Operation, with_ttl: bool, length: usize) -> Vec<u8> {
    let words = match (operation, with_ttl) {
        (Operation::Set, true) => 5,
        (Operation::Set, false) => 3,
        _ => 2,
    };
    let verb = name(operation).to_ascii_uppercase();
    format!("*{words}\r\n${}\r\n{verb}\r\n${length}\r\n", verb.len()).into_bytes()
}

/// All that stands behind a value.
fn tail(ttl: Ttl) -> Vec<u8> {
    let Ttl::After(after) = ttl else {
        return b"\r\n".to_vec();
    };
    let milliseconds = after.as_millis().max(1).to_string();
    format!(
        "\r\n$2\r\nPX\r\n${}\r\n{milliseconds}\r\n",
        milliseconds.len()
    )
    .into_bytes()
}

#[inline]
fn append_number(number: u64, out: &mut Vec<u8>) {
    crate::traffic::key::append_decimal(number, crate::traffic::key::decimal_digits(number), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::plan::{Template, Values};
    use std::time::Duration;

    fn encoder(before: &str, ttl: Ttl) -> Encoder {
        let template = |before: &str| Template {
            before: before.to_owned(),
            width: 0,
            after: String::new(),
        };
        let values = ValueSource::new(&Values::Template(template("value-")), 1);
        Encoder::new(NumberedText::new(&template(before)), values, ttl)
    }

    #[test]
    fn requests_are_as_a_server_expects_them() {
        let mut out = Vec::new();
        encoder("key-", Ttl::None).append(Operation::Get, 7, &mut out);
        encoder("key-", Ttl::None).append(Operation::Set, 12, &mut out);
        encoder("key-", Ttl::After(Duration::from_secs(1))).append(Operation::Set, 7, &mut out);
        let expected = "*2\r\n$3\r\nGET\r\n$5\r\nkey-7\r\n\
            *3\r\n$3\r\nSET\r\n$6\r\nkey-12\r\n$8\r\nvalue-12\r\n\
            *5\r\n$3\r\nSET\r\n$5\r\nkey-7\r\n$7\r\nvalue-7\r\n$2\r\nPX\r\n$4\r\n1000\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn every_operation_is_at_its_place() {
        for (place, operation) in OPERATIONS.into_iter().enumerate() {
            assert_eq!(operation as usize, place);
        }
    }

    #[test]
    fn a_ready_request_is_the_plain_command_however_long_the_key() {
        for length in [
            1,
            READY_KEY_LENGTHS - 2,
            READY_KEY_LENGTHS - 1,
            READY_KEY_LENGTHS,
            1000,
        ] {
            let before = "k".repeat(length);
            for operation in [
                Operation::Get,
                Operation::Del,
                Operation::Exists,
                Operation::Incr,
            ] {
                let (mut ready, mut plain) = (Vec::new(), Vec::new());
                encoder(&before, Ttl::None).append(operation, 5, &mut ready);
                let verb = name(operation).to_uppercase();
                append_command(
                    &[verb.as_bytes(), format!("{before}5").as_bytes()],
                    &mut plain,
                );
                assert_eq!(ready, plain);
            }
        }
    }
}
