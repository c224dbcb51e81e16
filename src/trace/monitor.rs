//! What MONITOR prints: `1339518083.107412 [0 127.0.0.1:60866] "set" "key" "value"`, arguments quoted and escaped.

use super::columns::seconds_to_ns;
use super::source::{Bytes, Lines};
use super::{Action, Fault, Request, SinceFirst, shown};

pub(super) struct Records {
    lines: Lines,
    arguments: Vec<Vec<u8>>,
    times: SinceFirst,
}

impl Records {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self {
            lines: Lines::new(bytes),
            arguments: Vec::new(),
            times: SinceFirst::default(),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Request<'_>>, Fault> {
        loop {
            let Some((offset, line)) = self.lines.next()? else {
                return Ok(None);
            };
            // redis-cli prints the server's acknowledgement before the first command.
            if line == b"OK" || line == b"+OK" {
                continue;
            }
            let malformed = |what| Fault::Malformed { offset, what };
            let (time_ns, rest) = head(line).ok_or_else(|| {
                malformed(format!(
                    "{} does not begin with a time and [database client]",
                    shown(line)
                ))
            })?;
            self.arguments.clear();
            unquote(rest, &mut self.arguments).map_err(malformed)?;
            return Ok(Some(Request {
                at_ns: self.times.at(time_ns),
                action: Action::Command(&self.arguments),
            }));
        }
    }
}

/// The time, and what follows the brackets. A client may be a path of a unix socket, so the first quote ends the search.
fn head(line: &[u8]) -> Option<(u64, &[u8])> {
    let text_end = line.iter().position(|byte| *byte == b'"')?;
    let (head, rest) = line.split_at_checked(text_end)?;
    let head = std::str::from_utf8(head).ok()?;
    let (time, place) = head.trim_start_matches('+').split_once(" [")?;
    place.trim_end().ends_with(']').then_some(())?;
    Some((seconds_to_ns(time)?, rest))
}

/// Takes `"…" "…"` apart. Escapes: `\n \r \t \a \b \\ \" \xHH`.
fn unquote(mut rest: &[u8], arguments: &mut Vec<Vec<u8>>) -> Result<(), String> {
    while let [b'"', body @ ..] = rest {
        let (argument, after) = quoted(body)?;
        arguments.push(argument);
        rest = after.trim_ascii_start();
    }
    match rest {
        [] => Ok(()),
        _ => Err(format!(
            "{} stands where a quoted argument should",
            shown(rest)
        )),
    }
}

/// One argument up to its closing quote, and what follows it.
fn quoted(mut body: &[u8]) -> Result<(Vec<u8>, &[u8]), String> {
    let mut argument = Vec::new();
    loop {
        body = match body {
            [b'"', after @ ..] => return Ok((argument, after)),
            [b'\\', b'x', high, low, after @ ..] => {
                argument.push(hex(*high)? << 4 | hex(*low)?);
                after
            }
            [b'\\', escaped, after @ ..] => {
                argument.push(unescaped(*escaped));
                after
            }
            [byte, after @ ..] => {
                argument.push(*byte);
                after
            }
            [] => return Err("a quoted argument is not closed; was the line cut?".to_owned()),
        };
    }
}

fn unescaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 0x07,
        b'b' => 0x08,
        other => other,
    }
}

fn hex(digit: u8) -> Result<u8, String> {
    let value = char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok());
    value.ok_or_else(|| format!("{} is no hexadecimal digit", shown(&[digit])))
}
