//! Finds where replies end and what they say, without copying them: RESP2 and RESP3, nested, cut anywhere.
//!
//! A [`Scanner`] belongs to one connection. It is given the bytes that have come and takes whole replies off their
//! front; of a reply that has not come whole it takes what it can, so that bodies need not be kept, and remembers
//! the rest. Nearly all replies are a bulk string, `+OK` or a small integer that has come whole: those take a path
//! of a few nanoseconds, with the number read eight bytes at a time.

/// What a reply says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// A value, a status, an aggregate of something, any integer but 0.
    Value,
    /// The integer 0, or an aggregate of nothing: no such key, to `EXISTS`, `DEL` and `HGETALL`.
    Zero,
    /// Nil of either protocol.
    Nil,
    /// An error; [`Scanner::word`] says which.
    Error,
}

/// What [`Scanner::next`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A reply ended; this many bytes are done with.
    Reply(usize, Reply),
    /// No reply ends in these bytes. This many are done with, the others are to be shown again with more behind them.
    More(usize),
}

/// The bytes are not RESP; the connection is of no further use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent something that is not the Redis protocol")]
pub struct Malformed;

/// No line (status, error, number) may be longer; bodies may.
pub const LINE_LIMIT: usize = 64 * 1024;
/// No aggregate may announce more elements, no body more bytes.
const COUNT_LIMIT: u64 = 1 << 40;
/// First words of errors are cut to this.
const WORD_LIMIT: usize = 32;
/// Bytes of an error's text that are kept.
const ERROR_LIMIT: usize = 120;
/// Elements of an aggregate of which it is known whether they were nil.
const NILS_LIMIT: usize = 1024;
/// Digits that a length or count may have.
const DIGITS_LIMIT: usize = 12;

/// Finds the ends of the replies of one connection.
#[derive(Debug, Clone, Default)]
pub struct Scanner {
    /// Bytes of a body, line end included, still to be passed over.
    skip: u64,
    /// Elements that the reply under way still lacks.
    open: u64,
    /// Elements still to be passed over that are no part of a reply: attributes before it, pushes between replies.
    aside: u64,
    /// What the reply under way says, once its first line has been seen.
    said: Option<Reply>,
    /// What the last error says.
    error: ErrorText,
    /// Elements of the reply under way, or of the last one, that were nil: a bit each, for as many as one request has keys.
    nils: [u64; NILS_LIMIT / 64],
    /// Elements of the aggregate under way that have been seen.
    seen: usize,
}

/// A line that opens an element.
struct Head<'a> {
    kind: u8,
    text: &'a [u8],
    /// Bytes of the line, type and line end included.
    length: usize,
}

#[derive(Debug, Clone, Copy)]
struct ErrorText {
    bytes: [u8; ERROR_LIMIT],
    length: usize,
}

impl Scanner {
    /// Takes the next reply, or as much of it as there is, off the front of `bytes`.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where the bytes cannot be RESP.
    #[inline]
    pub fn next(&mut self, bytes: &[u8]) -> Result<Step, Malformed> {
        if self.skip | self.open | self.aside == 0
            && let Some((length, reply)) = whole(bytes)
        {
            return Ok(Step::Reply(length, reply));
        }
        self.piecewise(bytes, &mut |_| ())
    }

    /// The same; where the reply is a bulk string, its bytes are shown to `see` as they come, in pieces.
    ///
    /// # Errors
    ///
    /// As [`Scanner::next`].
    pub fn next_seen(
        &mut self,
        bytes: &[u8],
        see: &mut impl FnMut(&[u8]),
    ) -> Result<Step, Malformed> {
        if self.skip | self.open | self.aside == 0
            && let Some((length, reply)) = whole(bytes)
        {
            if let (Some(b'$'), Reply::Value) = (bytes.first(), reply) {
                let head = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0) + 1;
                see(bytes.get(head..length - 2).unwrap_or_default());
            }
            return Ok(Step::Reply(length, reply));
        }
        self.piecewise(bytes, see)
    }

    /// First word of the error that [`Reply::Error`] announced last: `ERR`, `OOM`, ….
    #[must_use]
    pub fn word(&self) -> &[u8] {
        let text = self.error();
        let letters = text.iter().take(WORD_LIMIT);
        let length = letters.take_while(|byte| byte.is_ascii_graphic()).count();
        text.get(..length).unwrap_or_default()
    }

    /// What that error says, cut where it is long.
    #[must_use]
    pub fn error(&self) -> &[u8] {
        let ErrorText { bytes, length } = &self.error;
        bytes.get(..*length).unwrap_or_default()
    }

    /// Whether the element at `place` of the aggregate that came last was nil.
    #[must_use]
    pub fn is_nil(&self, place: u32) -> bool {
        let place = place as usize;
        let word = self.nils.get(place / 64).copied().unwrap_or_default();
        word >> (place % 64) & 1 == 1
    }

    /// Another element of the aggregate under way.
    #[inline]
    fn note(&mut self, is_nil: bool) {
        if let Some(word) = self.nils.get_mut(self.seen / 64) {
            *word |= u64::from(is_nil) << (self.seen % 64);
        }
        self.seen += 1;
    }

    /// Any reply, one element after another.
    #[inline(never)]
    fn piecewise(&mut self, bytes: &[u8], see: &mut impl FnMut(&[u8])) -> Result<Step, Malformed> {
        let mut used = 0;
        loop {
            used += self.pass_over(bytes.get(used..).unwrap_or_default(), see);
            if self.skip > 0 {
                return Ok(Step::More(used));
            }
            if self.open == 0
                && let Some(said) = self.said.take()
            {
                return Ok(Step::Reply(used, said));
            }
            let rest = bytes.get(used..).unwrap_or_default();
            if self.open > 0
                && self.aside == 0
                && let Some((length, reply)) = whole(rest)
            {
                self.note(reply == Reply::Nil);
                self.open -= 1;
                used += length;
                continue;
            }
            match head(rest)? {
                Some(head) if self.element(&head, rest)? => used += head.length,
                _ => return Ok(Step::More(used)),
            }
        }
    }

    /// Passes over as much of a body as there is, showing it to `see` where it is a whole reply's; says how much.
    fn pass_over(&mut self, bytes: &[u8], see: &mut impl FnMut(&[u8])) -> usize {
        let upto = |count: u64| {
            usize::try_from(count)
                .unwrap_or(usize::MAX)
                .min(bytes.len())
        };
        let here = upto(self.skip);
        if self.open == 0 && self.said == Some(Reply::Value) {
            // The line end is not part of the body.
            let body = upto(self.skip.saturating_sub(2));
            see(bytes.get(..body).unwrap_or_default());
        }
        self.skip -= here as u64;
        here
    }

    /// Takes note of the element that `head` opens; false where more must be seen of it first.
    fn element(&mut self, head: &Head<'_>, bytes: &[u8]) -> Result<bool, Malformed> {
        let between = self.open == 0 && self.aside == 0;
        let Some(body) = self.body(head, bytes, between)? else {
            return Ok(false);
        };
        // Attributes precede an element, pushes stand between replies: neither counts as one.
        let own = !(head.kind == b'|' || head.kind == b'>' && between);
        let elements = elements(head)?;
        match (between, own) {
            (true, true) => {
                (self.said, self.open) = (Some(says(head)), elements);
                (self.nils, self.seen) = ([0; NILS_LIMIT / 64], 0);
            }
            (true, false) => self.aside = elements,
            (false, _) if self.aside > 0 => self.aside = self.aside + elements - u64::from(own),
            (false, _) => {
                self.note(says(head) == Reply::Nil);
                self.open = self.open + elements - u64::from(own);
            }
        }
        self.skip = body;
        if self.open.max(self.aside) > COUNT_LIMIT {
            Err(Malformed)
        } else {
            Ok(true)
        }
    }

    /// Bytes of the body that follows `head`; none where more must be seen to know what an error says.
    fn body(
        &mut self,
        head: &Head<'_>,
        bytes: &[u8],
        between: bool,
    ) -> Result<Option<u64>, Malformed> {
        if head.kind == b'-' && between {
            self.error = ErrorText::of(head.text);
        }
        if !matches!(head.kind, b'$' | b'=' | b'!') || head.text == b"-1" {
            return Ok(Some(0));
        }
        let length = number(head.text)?;
        if head.kind == b'!' && between {
            let wanted = ERROR_LIMIT.min(usize::try_from(length).unwrap_or(ERROR_LIMIT));
            let Some(text) = bytes.get(head.length..head.length + wanted) else {
                return Ok(None);
            };
            self.error = ErrorText::of(text);
        }
        Ok(Some(length + 2))
    }
}

impl ErrorText {
    fn of(text: &[u8]) -> Self {
        let mut kept = Self::default();
        for (place, byte) in kept.bytes.iter_mut().zip(text) {
            *place = *byte;
            kept.length += 1;
        }
        kept
    }
}

impl Default for ErrorText {
    fn default() -> Self {
        Self {
            bytes: [0; ERROR_LIMIT],
            length: 0,
        }
    }
}

/// The usual replies, where they have come whole.
#[inline]
fn whole(bytes: &[u8]) -> Option<(usize, Reply)> {
    match bytes.first()? {
        b'$' => {
            if bytes.starts_with(b"$-1\r\n") {
                return Some((5, Reply::Nil));
            }
            let (length, head) = short_number(bytes)?;
            let total = head + usize::try_from(length).ok()? + 2;
            // A missing line end is left to the other path to complain of.
            (bytes.get(total - 2..total)? == b"\r\n").then_some((total, Reply::Value))
        }
        b'+' if bytes.starts_with(b"+OK\r\n") => Some((5, Reply::Value)),
        b':' => {
            let (value, head) = short_number(bytes)?;
            Some((
                head,
                if value == 0 {
                    Reply::Zero
                } else {
                    Reply::Value
                },
            ))
        }
        b'_' if bytes.starts_with(b"_\r\n") => Some((3, Reply::Nil)),
        _ => None,
    }
}

/// Reads the 1 to 7 digits of a line such as `$123\r\n` without a loop; also says how long the line is.
///
/// The eight bytes behind the type are one word: the carriage return is found as a zero byte after an exclusive or,
/// the digits are shifted to the top and summed in pairs, fours and eights by three multiplications. (Both are
/// folklore; see H. Warren, "Hacker's Delight", 6-1, and D. Lemire, "Quickly parsing eight digits", 2018.)
#[inline]
fn short_number(bytes: &[u8]) -> Option<(u64, usize)> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(*bytes.get(1..)?.first_chunk::<8>()?);
    let return_is_zero = word ^ (EACH * u64::from(b'\r'));
    let marked = return_is_zero.wrapping_sub(EACH) & !return_is_zero & (EACH << 7);
    let digits = marked.trailing_zeros() / 8;
    if digits == 0 || digits > 7 {
        return None;
    }
    let shift = 64 - 8 * digits;
    let text = (word << shift) | ((EACH * u64::from(b'0')) & ((1 << shift) - 1));
    let all_digits = (text & (EACH * 0xf0)) | ((text.wrapping_add(EACH * 6) & (EACH * 0xf0)) >> 4)
        == EACH * 0x33;
    if !all_digits {
        return None;
    }
    let pairs = (text & (EACH * 0x0f)).wrapping_mul((10 << 8) + 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul((100 << 16) + 1) >> 16;
    let value = (fours & 0x0000_ffff_0000_ffff).wrapping_mul((10_000 << 32) + 1) >> 32;
    Some((value, digits as usize + 3))
}

/// The line at the front of `bytes`, once its end has come.
fn head(bytes: &[u8]) -> Result<Option<Head<'_>>, Malformed> {
    let Some((&kind, line)) = bytes.split_first() else {
        return Ok(None);
    };
    if !b"$+:-*_%~>|#,(=!".contains(&kind) {
        return Err(Malformed);
    }
    let Some(end) = line.iter().take(LINE_LIMIT).position(|&byte| byte == b'\n') else {
        return if line.len() < LINE_LIMIT {
            Ok(None)
        } else {
            Err(Malformed)
        };
    };
    let text = line
        .get(..end)
        .and_then(|text| text.strip_suffix(b"\r"))
        .ok_or(Malformed)?;
    Ok(Some(Head {
        kind,
        text,
        length: end + 2,
    }))
}

/// Elements that follow `head`.
fn elements(head: &Head<'_>) -> Result<u64, Malformed> {
    match head.kind {
        b'*' | b'~' | b'>' if head.text != b"-1" => number(head.text),
        b'%' | b'|' => Ok(2 * number(head.text)?),
        _ => Ok(0),
    }
}

/// What a reply that opens with `head` says.
fn says(head: &Head<'_>) -> Reply {
    match (head.kind, head.text) {
        (b'-' | b'!', _) => Reply::Error,
        (b'_', _) | (b'$' | b'*', b"-1") => Reply::Nil,
        (b':' | b'*' | b'~' | b'%', b"0") => Reply::Zero,
        _ => Reply::Value,
    }
}

/// A length or a count.
fn number(text: &[u8]) -> Result<u64, Malformed> {
    if text.is_empty() || text.len() > DIGITS_LIMIT || !text.iter().all(u8::is_ascii_digit) {
        return Err(Malformed);
    }
    let value = text
        .iter()
        .fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    if value > COUNT_LIMIT {
        Err(Malformed)
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every reply in `stream`, shown to the scanner in pieces that end at `cuts`, as a connection would.
    fn replies(stream: &[u8], cuts: &[usize]) -> Result<Vec<(Reply, Vec<u8>)>, Malformed> {
        let (mut scanner, mut found, mut kept) = (Scanner::default(), Vec::new(), Vec::new());
        let mut from = 0;
        for cut in cuts.iter().copied().chain([stream.len()]) {
            kept.extend_from_slice(&stream[from..cut.max(from)]);
            from = cut.max(from);
            loop {
                match scanner.next(&kept)? {
                    Step::Reply(used, reply) => {
                        kept.drain(..used);
                        let word = if reply == Reply::Error {
                            scanner.word().to_vec()
                        } else {
                            Vec::new()
                        };
                        found.push((reply, word));
                    }
                    Step::More(used) => {
                        kept.drain(..used);
                        break;
                    }
                }
            }
        }
        assert!(
            kept.is_empty(),
            "left over: {:?}",
            String::from_utf8_lossy(&kept)
        );
        Ok(found)
    }

    /// An element of RESP with the reply that it is at the top.
    fn element() -> impl Strategy<Value = (Vec<u8>, Reply)> {
        let leaf = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(|body| (
                [format!("${}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat(),
                Reply::Value
            )),
            any::<i64>().prop_map(|n| (
                format!(":{n}\r\n").into(),
                if n == 0 { Reply::Zero } else { Reply::Value }
            )),
            Just((b":0\r\n".to_vec(), Reply::Zero)),
            Just((b"+OK\r\n".to_vec(), Reply::Value)),
            "[a-zA-Z ]{0,40}".prop_map(|text| (format!("+{text}\r\n").into(), Reply::Value)),
            "[a-zA-Z ]{0,40}".prop_map(|text| (format!("-{text}\r\n").into(), Reply::Error)),
            "[a-zA-Z ]{0,40}".prop_map(|text| (
                format!("!{}\r\n{text}\r\n", text.len()).into(),
                Reply::Error
            )),
            "[a-zA-Z ]{0,40}".prop_map(|text| (
                format!("={}\r\n{text}\r\n", text.len()).into(),
                Reply::Value
            )),
            Just((b"$-1\r\n".to_vec(), Reply::Nil)),
            Just((b"*-1\r\n".to_vec(), Reply::Nil)),
            Just((b"_\r\n".to_vec(), Reply::Nil)),
            Just((b"#t\r\n".to_vec(), Reply::Value)),
            Just((b",1.5\r\n".to_vec(), Reply::Value)),
            Just((
                b"(123456789012345678901234567890\r\n".to_vec(),
                Reply::Value
            )),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            (
                prop::sample::select(b"*~%".to_vec()),
                proptest::collection::vec((inner.clone(), inner), 0..5),
                any::<bool>(),
            )
                .prop_map(|(kind, pairs, attribute)| {
                    let elements = if kind == b'%' {
                        pairs.len()
                    } else {
                        2 * pairs.len()
                    };
                    let mut bytes = if attribute {
                        b"|1\r\n+ttl\r\n*1\r\n:0\r\n".to_vec()
                    } else {
                        Vec::new()
                    };
                    bytes.extend(format!("{}{elements}\r\n", kind as char).bytes());
                    for (left, right) in pairs {
                        bytes.extend(left.0);
                        bytes.extend(right.0);
                    }
                    let reply = if elements == 0 {
                        Reply::Zero
                    } else {
                        Reply::Value
                    };
                    (bytes, reply)
                })
        })
    }

    proptest! {
        #[test]
        fn replies_are_the_same_however_they_are_cut(
            elements in proptest::collection::vec((element(), any::<bool>()), 0..8),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let (mut stream, mut expected) = (Vec::new(), Vec::new());
            for ((bytes, reply), push) in elements {
                if push {
                    stream.extend(b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n");
                }
                stream.extend(bytes);
                expected.push(reply);
            }
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.sort_unstable();
            let found = replies(&stream, &cuts).unwrap();
            prop_assert_eq!(found.iter().map(|found| found.0).collect::<Vec<_>>(), expected);
            prop_assert_eq!(replies(&stream, &(0..stream.len()).collect::<Vec<_>>()).unwrap(), found);
        }

        #[test]
        fn bodies_are_seen_whole_however_they_are_cut(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..5),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let stream: Vec<u8> = bodies
                .iter()
                .flat_map(|body| [format!("${}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat())
                .collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.sort_unstable();
            let (mut scanner, mut kept, mut from) = (Scanner::default(), Vec::new(), 0);
            let (mut seen, mut found) = (Vec::new(), Vec::new());
            for cut in cuts.into_iter().chain([stream.len()]) {
                kept.extend_from_slice(&stream[from..cut]);
                from = cut;
                while let Step::Reply(used, _) = {
                    let step = scanner.next_seen(&kept, &mut |piece| seen.extend_from_slice(piece)).unwrap();
                    let (Step::Reply(used, _) | Step::More(used)) = step;
                    kept.drain(..used);
                    step
                } {
                    let _ = used;
                    found.push(std::mem::take(&mut seen));
                }
            }
            prop_assert_eq!(found, bodies);
        }

        #[test]
        fn no_bytes_make_it_panic_or_overrun(bytes in proptest::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"$*%|>!-+:_\r\n0123456789".to_vec())], 0..200)) {
            let (mut scanner, mut rest) = (Scanner::default(), bytes.as_slice());
            while let Ok(Step::Reply(used, _)) = scanner.next(rest) {
                prop_assert!(used > 0 && used <= rest.len());
                rest = &rest[used..];
            }
        }

        #[test]
        fn short_numbers_are_read_as_long_ones(value in 0_u64..20_000_000, tail in "[ -~]{0,9}") {
            let line = format!("${value}\r\n{tail}");
            if let Some(found) = short_number(line.as_bytes()) {
                prop_assert_eq!(found, (value, value.to_string().len() + 3));
            } else {
                prop_assert!(value > 9_999_999 || line.len() < 9);
            }
        }
    }

    #[test]
    fn errors_are_known_by_their_first_word() {
        let stream = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n!12\r\nSYNTAX wrong\r\n-\r\n";
        let words: Vec<_> = replies(stream, &[])
            .unwrap()
            .into_iter()
            .map(|found| found.1)
            .collect();
        assert_eq!(words, [b"OOM".to_vec(), b"SYNTAX".to_vec(), Vec::new()]);
        let mut scanner = Scanner::default();
        scanner.next(stream).unwrap();
        let text = b"OOM command not allowed when used memory > 'maxmemory'.";
        assert_eq!(scanner.error(), text);
    }

    #[test]
    fn nils_of_an_array_are_known_by_their_place() {
        let stream = b"*5\r\n$1\r\na\r\n$-1\r\n_\r\n:0\r\n$-1\r\n*2\r\n$-1\r\n$0\r\n\r\n";
        let mut scanner = Scanner::default();
        let nils = |scanner: &Scanner| {
            (0..6)
                .map(|place| scanner.is_nil(place))
                .collect::<Vec<_>>()
        };
        let first = scanner.next(stream).unwrap();
        assert_eq!(first, Step::Reply(28, Reply::Value));
        assert_eq!(nils(&scanner), [false, true, true, false, true, false]);
        scanner.next(&stream[28..]).unwrap();
        assert_eq!(nils(&scanner), [true, false, false, false, false, false]);
    }

    #[test]
    fn what_is_not_resp_is_refused() {
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"$x\r\n",
            b"$99999999999999\r\n",
            b"*5x\r\n",
            b"+a\n",
            b"$-2\r\n",
        ] {
            assert_eq!(
                Scanner::default().next(bytes),
                Err(Malformed),
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
        let endless = [b"+".to_vec(), vec![b'a'; LINE_LIMIT]].concat();
        assert_eq!(Scanner::default().next(&endless), Err(Malformed));
    }
}
