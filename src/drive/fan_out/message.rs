//! What comes on a connection that has subscribed: messages and confirmations, in RESP2 (`*`) and RESP3 (`>`).

use crate::drive::resp::{LINE_LIMIT, Malformed};

/// No push has more elements: `pmessage` has four.
const ELEMENTS_MAX: usize = 8;

/// What came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Push<'a> {
    /// A message's contents.
    Message(&'a [u8]),
    /// A subscription has been made.
    Subscribed,
    /// The server refuses; its words.
    Refused(&'a [u8]),
    /// Anything else that concerns nobody here.
    Other,
}

/// Takes what stands whole at the front of `bytes`, and says how long that is; none where more must come first.
///
/// # Errors
///
/// [`Malformed`] where it is nothing that a server would send to a subscriber.
pub(super) fn take(bytes: &[u8]) -> Result<Option<(usize, Push<'_>)>, Malformed> {
    let Some((kind, text, mut used)) = line(bytes)? else {
        return Ok(None);
    };
    match kind {
        b'-' => return Ok(Some((used, Push::Refused(text)))),
        b'*' | b'>' => {}
        b'+' | b':' | b'_' => return Ok(Some((used, Push::Other))),
        _ => return Err(Malformed),
    }
    let (mut first, mut last): (&[u8], &[u8]) = (b"", b"");
    let count = number(text)?;
    if count > ELEMENTS_MAX {
        return Err(Malformed);
    }
    for place in 0..count {
        let Some((element, length)) = element(bytes.get(used..).unwrap_or_default())? else {
            return Ok(None);
        };
        used += length;
        last = element;
        if place == 0 {
            first = element;
        }
    }
    let push = match first {
        b"message" | b"pmessage" | b"smessage" => Push::Message(last),
        b"subscribe" | b"psubscribe" | b"ssubscribe" => Push::Subscribed,
        _ => Push::Other,
    };
    Ok(Some((used, push)))
}

/// A bulk string, or a line of another kind, and how much it takes.
fn element(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Malformed> {
    match line(bytes)? {
        Some((b'$', b"-1", used)) => Ok(Some((b"", used))),
        Some((b'$', text, used)) => {
            let length = number(text)?;
            let body = bytes.get(used..used + length);
            let end = bytes.get(used + length..used + length + 2);
            match (body, end) {
                (Some(body), Some(b"\r\n")) => Ok(Some((body, used + length + 2))),
                (_, Some(_)) => Err(Malformed),
                _ => Ok(None),
            }
        }
        Some((b':' | b'+' | b'_', text, used)) => Ok(Some((text, used))),
        Some(_) => Err(Malformed),
        None => Ok(None),
    }
}

/// A line's kind, its text and its length.
type Line<'a> = (u8, &'a [u8], usize);

/// The line at the front of `bytes`, once its end has come.
fn line(bytes: &[u8]) -> Result<Option<Line<'_>>, Malformed> {
    let Some((kind, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    match rest.iter().take(LINE_LIMIT).position(|byte| *byte == b'\n') {
        Some(end) => {
            let text = rest.get(..end).and_then(|text| text.strip_suffix(b"\r"));
            Ok(Some((*kind, text.ok_or(Malformed)?, end + 2)))
        }
        None if rest.len() < LINE_LIMIT => Ok(None),
        None => Err(Malformed),
    }
}

fn number(text: &[u8]) -> Result<usize, Malformed> {
    let text = std::str::from_utf8(text).map_err(|_| Malformed)?;
    let number: u32 = text.parse().map_err(|_| Malformed)?;
    Ok(number as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_of_all_kinds_are_read_whole() {
        let pushes: [(&[u8], Push<'_>); 6] = [
            (
                b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\nabc\r\n",
                Push::Message(b"abc"),
            ),
            (
                b">3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$0\r\n\r\n",
                Push::Message(b""),
            ),
            (
                b"*4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$1\r\nc\r\n$2\r\n\r\n\r\n",
                Push::Message(b"\r\n"),
            ),
            (
                b"*3\r\n$10\r\npsubscribe\r\n$1\r\nc\r\n:1\r\n",
                Push::Subscribed,
            ),
            (b"-NOPERM no\r\n", Push::Refused(b"NOPERM no")),
            (b"+PONG\r\n", Push::Other),
        ];
        for (bytes, push) in pushes {
            assert_eq!(take(bytes), Ok(Some((bytes.len(), push))));
            for cut in 0..bytes.len() {
                assert_eq!(take(&bytes[..cut]), Ok(None), "cut at {cut}");
            }
        }
        assert_eq!(take(b"$3\r\nabc\r\n"), Err(Malformed));
        assert_eq!(take(b"*99\r\n"), Err(Malformed));
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in "[*>$:+-]{0,2}[0-9]{0,3}(\r\n)?[a-z$:0-9\r\n]{0,20}") {
            let _ = take(bytes.as_bytes());
        }
    }
}
