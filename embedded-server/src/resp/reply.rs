//! Replies, written straight into the bytes that go to the socket, in the protocol the connection speaks.
//!
//! RESP3 has types that RESP2 lacks; to a RESP2 client they go in the older form that Redis gives them: maps as flat
//! arrays, doubles as bulk strings, booleans as integers, nulls as `$-1` or `*-1`.

use crate::text::double;

/// The version of the protocol a connection speaks; HELLO changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// The protocol every connection starts with.
    #[default]
    Resp2,
    /// Typed replies and out-of-band pushes.
    Resp3,
}

impl Protocol {
    /// The version as HELLO and CLIENT LIST print it.
    #[must_use]
    pub fn version(self) -> i64 {
        match self {
            Self::Resp2 => 2,
            Self::Resp3 => 3,
        }
    }
}

/// Where an aggregate of yet unknown length began; hand it back to [`Reply::finish_array`].
#[derive(Debug)]
#[must_use = "an aggregate that is never finished has no header"]
pub struct Deferred(usize);

/// A writer of replies over an output buffer.
#[derive(Debug)]
pub struct Reply {
    out: Vec<u8>,
    protocol: Protocol,
    ceiling: usize,
    /// Where the latest error begins, for the error counters.
    error_at: Option<usize>,
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            out: Vec::new(),
            protocol: Protocol::default(),
            ceiling: usize::MAX,
            error_at: None,
        }
    }
}

impl Reply {
    /// An empty buffer for a connection that speaks `protocol`.
    #[must_use]
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            ..Self::default()
        }
    }

    /// The protocol replies are written in.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Changes the protocol of what is written from here on.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// From so many bytes on it is more than its client may be sent.
    pub fn set_ceiling(&mut self, bytes: usize) {
        self.ceiling = bytes;
    }

    /// Whether it is more than its client may be sent; what is still to be written may then be left out.
    #[must_use]
    #[inline]
    pub fn is_over(&self) -> bool {
        self.out.len() > self.ceiling
    }

    /// Whether RESP3 types may be used as they are.
    #[must_use]
    pub fn is_resp3(&self) -> bool {
        self.protocol == Protocol::Resp3
    }

    /// The bytes written so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// How many bytes have been written so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Forgets what was written after the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.out.truncate(len);
        self.error_at = None;
    }

    /// Forgets everything written; keeps the memory unless it has grown beyond `keep` bytes.
    pub fn clear(&mut self, keep: usize) {
        self.out.clear();
        self.error_at = None;
        if self.out.capacity() > keep {
            self.out.shrink_to(keep);
        }
    }

    /// The first word of the latest error (`ERR`, `WRONGTYPE`, `OOM`...), once.
    pub fn take_error_code(&mut self) -> Option<&[u8]> {
        let start = self.error_at.take()? + 1;
        let line = self.out.get(start..)?;
        let end = line
            .iter()
            .position(|byte| matches!(byte, b' ' | b'\r'))
            .unwrap_or(line.len());
        line.get(..end)
    }

    /// Bytes that already are in the protocol.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// A status line; `text` holds no line breaks.
    pub fn simple(&mut self, text: &str) {
        self.out.push(b'+');
        self.line(text.as_bytes());
    }

    /// An error line; `text` opens with its code (`ERR`, `WRONGTYPE`...). Line breaks in it become spaces, as it may
    /// quote what a client sent.
    pub fn error(&mut self, text: &str) {
        self.error_bytes(text.as_bytes());
    }

    /// As [`Reply::error`], for a text that quotes bytes a client sent.
    pub fn error_bytes(&mut self, text: &[u8]) {
        self.error_at = Some(self.out.len());
        self.out.push(b'-');
        self.out.extend(text.iter().map(|&byte| {
            if matches!(byte, b'\r' | b'\n') {
                b' '
            } else {
                byte
            }
        }));
        self.raw(b"\r\n");
    }

    /// A signed integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        match value {
            0 => self.raw(b":0\r\n"),
            1 => self.raw(b":1\r\n"),
            _ => self.header(b':', value),
        }
    }

    /// A count, as an integer.
    pub fn count(&mut self, value: usize) {
        self.integer(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// A string of any bytes.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.out.reserve(bytes.len() + 16);
        self.length(b'$', bytes.len());
        self.raw(bytes);
        self.raw(b"\r\n");
    }

    /// A string, or null where there is none.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// No value, where a string would stand: `$-1` or `_`.
    #[inline]
    pub fn null(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.raw(b"$-1\r\n"),
            Protocol::Resp3 => self.raw(b"_\r\n"),
        }
    }

    /// No value, where an array would stand: `*-1` or `_`.
    pub fn null_array(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.raw(b"*-1\r\n"),
            Protocol::Resp3 => self.raw(b"_\r\n"),
        }
    }

    /// A command, as a client sends it.
    #[must_use]
    pub fn command(words: &[&[u8]]) -> Vec<u8> {
        let mut command = Self::default();
        command.array(words.len());
        words.iter().for_each(|word| command.bulk(word));
        command.out
    }

    /// Opens an array of `len` replies.
    pub fn array(&mut self, len: usize) {
        self.length(b'*', len);
    }

    /// Opens a map of `len` pairs; a flat array of twice the length in RESP2.
    pub fn map(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.length(b'*', len * 2),
            Protocol::Resp3 => self.length(b'%', len),
        }
    }

    /// Opens a set of `len` members; an array in RESP2.
    pub fn set(&mut self, len: usize) {
        self.length(if self.is_resp3() { b'~' } else { b'*' }, len);
    }

    /// Opens an out-of-band message of `len` parts; an array in RESP2.
    pub fn push(&mut self, len: usize) {
        self.length(if self.is_resp3() { b'>' } else { b'*' }, len);
    }

    /// Begins an array whose length is not known yet.
    pub fn defer_array(&mut self) -> Deferred {
        Deferred(self.out.len())
    }

    /// Gives a deferred array its header, now that its `len` members are written after it.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "spent: an array is finished once"
    )]
    pub fn finish_array(&mut self, at: Deferred, len: usize) {
        self.finish(at.0, b'*', len);
    }

    /// As [`Reply::finish_array`], for a map of `len` pairs in RESP3; RESP2 has an array of `len` members.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "spent: a map is finished once"
    )]
    pub fn finish_map(&mut self, at: Deferred, len: usize) {
        let kind = if self.is_resp3() { b'%' } else { b'*' };
        self.finish(at.0, kind, len);
    }

    /// Puts a header before what was written from `at` on.
    fn finish(&mut self, at: usize, kind: u8, len: usize) {
        let end = self.out.len();
        self.length(kind, len);
        let header = self.out.len() - end;
        if let Some(written) = self.out.get_mut(at..) {
            written.rotate_right(header);
        }
    }

    /// A floating-point number, with up to 17 digits as Redis 7.0 prints it; a bulk string in RESP2.
    pub fn double(&mut self, value: f64) {
        let text = double::print(value);
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => {
                self.out.push(b',');
                self.line(text.as_bytes());
            }
        }
    }

    /// A floating-point number with as many digits as it has, up to 17 behind the point; a bulk string in RESP2.
    pub fn exact_double(&mut self, value: f64) {
        let text = format!("{value:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => {
                self.out.push(b',');
                self.line(text.as_bytes());
            }
        }
    }

    /// A truth value; 1 or 0 in RESP2.
    pub fn boolean(&mut self, value: bool) {
        match (self.protocol, value) {
            (Protocol::Resp2, _) => self.integer(i64::from(value)),
            (Protocol::Resp3, true) => self.raw(b"#t\r\n"),
            (Protocol::Resp3, false) => self.raw(b"#f\r\n"),
        }
    }

    /// A text with a three-letter format (`txt`, `mkd`); a bulk string in RESP2.
    pub fn verbatim(&mut self, format: &[u8; 3], text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                self.length(b'=', text.len() + 4);
                self.raw(format);
                self.out.push(b':');
                self.line(text);
            }
        }
    }

    /// An integer beyond 64 bits, as its decimal digits; a bulk string in RESP2.
    pub fn big_number(&mut self, digits: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits.as_bytes()),
            Protocol::Resp3 => {
                self.out.push(b'(');
                self.line(digits.as_bytes());
            }
        }
    }

    fn line(&mut self, text: &[u8]) {
        self.raw(text);
        self.raw(b"\r\n");
    }

    #[inline]
    fn length(&mut self, kind: u8, len: usize) {
        match u8::try_from(len) {
            // One or two digits by hand: nearly every header has them.
            Ok(len @ 0..=9) => self.raw(&[kind, b'0' + len, b'\r', b'\n']),
            Ok(len @ 10..=99) => self.raw(&[kind, b'0' + len / 10, b'0' + len % 10, b'\r', b'\n']),
            _ => self.header(kind, i64::try_from(len).unwrap_or(i64::MAX)),
        }
    }

    fn header(&mut self, kind: u8, value: i64) {
        self.out.push(kind);
        let mut digits = itoa::Buffer::new();
        self.line(digits.format(value).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(protocol: Protocol, write: impl FnOnce(&mut Reply)) -> String {
        let mut reply = Reply::new(protocol);
        write(&mut reply);
        String::from_utf8(reply.bytes().to_vec()).unwrap()
    }

    #[test]
    fn every_type_has_its_form_in_both_protocols() {
        type Case = (fn(&mut Reply), &'static str, &'static str);
        let cases: &[Case] = &[
            (|r| r.simple("PONG"), "+PONG\r\n", "+PONG\r\n"),
            (|r| r.error("ERR a\r\nb"), "-ERR a  b\r\n", "-ERR a  b\r\n"),
            (|r| r.integer(-42), ":-42\r\n", ":-42\r\n"),
            (|r| r.bulk(b"ab"), "$2\r\nab\r\n", "$2\r\nab\r\n"),
            (
                |r| r.bulk(&[b'x'; 10]),
                "$10\r\nxxxxxxxxxx\r\n",
                "$10\r\nxxxxxxxxxx\r\n",
            ),
            (|r| r.null(), "$-1\r\n", "_\r\n"),
            (|r| r.null_array(), "*-1\r\n", "_\r\n"),
            (|r| r.array(100), "*100\r\n", "*100\r\n"),
            (|r| r.map(2), "*4\r\n", "%2\r\n"),
            (|r| r.set(1), "*1\r\n", "~1\r\n"),
            (|r| r.push(3), "*3\r\n", ">3\r\n"),
            (|r| r.double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"),
            (|r| r.double(3.0), "$1\r\n3\r\n", ",3\r\n"),
            (
                |r| r.double(f64::NEG_INFINITY),
                "$4\r\n-inf\r\n",
                ",-inf\r\n",
            ),
            (|r| r.boolean(true), ":1\r\n", "#t\r\n"),
            (
                |r| r.verbatim(b"txt", b"hi"),
                "$2\r\nhi\r\n",
                "=6\r\ntxt:hi\r\n",
            ),
            (|r| r.big_number("123"), "$3\r\n123\r\n", "(123\r\n"),
        ];
        for (write, resp2, resp3) in cases {
            assert_eq!(written(Protocol::Resp2, write), *resp2);
            assert_eq!(written(Protocol::Resp3, write), *resp3);
        }
    }

    #[test]
    fn a_deferred_array_gets_its_length_afterwards() {
        let text = written(Protocol::Resp2, |reply| {
            reply.ok();
            let at = reply.defer_array();
            reply.integer(7);
            reply.integer(8);
            reply.finish_array(at, 2);
        });
        assert_eq!(text, "+OK\r\n*2\r\n:7\r\n:8\r\n");
    }

    #[test]
    fn the_code_of_an_error_is_told_once() {
        let mut reply = Reply::default();
        reply.error("OOM command not allowed when used memory > 'maxmemory'.");
        assert_eq!(reply.take_error_code(), Some(&b"OOM"[..]));
        assert_eq!(reply.take_error_code(), None);
    }
}
