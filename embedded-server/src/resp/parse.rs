//! Commands out of the bytes a client sends: RESP arrays of bulk strings, and inline commands as one types them.
//!
//! The parser is incremental and copies nothing: a command is a run of [`Span`]s over the input, kept in one [`Batch`]
//! that is reused. When the input ends within a command, the caller keeps the bytes from that command's start and shows
//! them again with more behind them; the parser remembers how far it had come, so a command of a million arguments in
//! a million pieces still takes linear time.

use std::ops::Index;

use thiserror::Error;

use crate::text::integer;

/// The longest inline command, and the longest header line, in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// The most arguments of one command.
const ARGUMENTS_MAX: i64 = i32::MAX as i64;
/// The most arguments, and the longest one, before a client has authenticated itself.
const UNAUTHENTICATED_ARGUMENTS_MAX: i64 = 10;
const UNAUTHENTICATED_BULK_BYTES_MAX: usize = 16_384;
/// The most commands parsed before they are executed; bounds the reply buffer and keeps the batch within the cache.
const BATCH_COMMANDS_MAX: usize = 256;
/// Spans kept for the next batch; beyond this the memory of an unusually long command is given back.
const SPANS_KEPT: usize = 4096;

/// Bytes no command can be made of; the connection gets the text as an error and is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// No line end within the allowed length of an inline command.
    #[error("Protocol error: too big inline request")]
    InlineTooLong,
    /// A quote that is not closed, or closed within a word.
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    /// No line end after `*`.
    #[error("Protocol error: too big mbulk count string")]
    CountTooLong,
    /// What follows `*` is no number of arguments.
    #[error("Protocol error: invalid multibulk length")]
    InvalidCount,
    /// More arguments than a client may send before AUTH.
    #[error("Protocol error: unauthenticated multibulk length")]
    UnauthenticatedCount,
    /// No line end after `$`.
    #[error("Protocol error: too big bulk count string")]
    LengthTooLong,
    /// An argument does not open with `$`.
    #[error("Protocol error: expected '$', got '{}'", char::from(*.0))]
    ExpectedBulk(u8),
    /// What follows `$` is no length, or one beyond `proto-max-bulk-len`.
    #[error("Protocol error: invalid bulk length")]
    InvalidLength,
    /// A longer argument than a client may send before AUTH.
    #[error("Protocol error: unauthenticated bulk length")]
    UnauthenticatedLength,
}

/// What a connection may send.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `proto-max-bulk-len`: the longest argument in bytes.
    pub bulk_bytes_max: usize,
    /// Whether AUTH has been passed, or none is asked for.
    pub authenticated: bool,
}

/// One argument: its place in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: usize,
    end: usize,
}

impl Span {
    fn shifted(self, from: usize, to: usize) -> Self {
        Self {
            start: self.start - from + to,
            end: self.end - from + to,
        }
    }
}

/// The arguments of one command, its name first.
#[derive(Debug, Clone, Copy)]
pub struct Arguments<'a> {
    input: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Arguments<'a> {
    /// The arguments that `spans` mark in `input`.
    #[must_use]
    pub fn new(input: &'a [u8], spans: &'a [Span]) -> Self {
        Self { input, spans }
    }

    /// How many there are, counting the command's name.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none; a parsed command has at least its name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The argument at `index`, where 0 is the command's name.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let span = self.spans.get(index)?;
        self.input.get(span.start..span.end)
    }

    /// Every argument, the command's name first.
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = &'a [u8]> + DoubleEndedIterator + Clone + use<'a> {
        let input = self.input;
        self.spans
            .iter()
            .map(move |span| input.get(span.start..span.end).unwrap_or_default())
    }

    /// The first `count` arguments, or as many as there are.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        Self {
            input: self.input,
            spans: self.spans.get(..count).unwrap_or(self.spans),
        }
    }

    /// The arguments from `index` on; empty when there are none.
    #[must_use]
    pub fn from(&self, index: usize) -> Self {
        Self {
            input: self.input,
            spans: self.spans.get(index..).unwrap_or_default(),
        }
    }
}

/// The arity of a command is checked before its handler runs, so indexes below it exist. Beyond the last argument
/// there is the empty string.
impl Index<usize> for Arguments<'_> {
    type Output = [u8];

    #[inline]
    fn index(&self, index: usize) -> &[u8] {
        self.get(index).unwrap_or_default()
    }
}

/// The arguments of a command that outlives its input.
#[derive(Debug, Clone, Default)]
pub struct OwnedArguments {
    input: Vec<u8>,
    spans: Vec<Span>,
}

impl From<Arguments<'_>> for OwnedArguments {
    fn from(arguments: Arguments<'_>) -> Self {
        let mut owned = Self::default();
        for argument in arguments.iter() {
            let start = owned.input.len();
            owned.input.extend_from_slice(argument);
            owned.spans.push(Span {
                start,
                end: owned.input.len(),
            });
        }
        owned
    }
}

impl OwnedArguments {
    /// The arguments, to be used as those of any command.
    #[must_use]
    pub fn arguments(&self) -> Arguments<'_> {
        Arguments::new(&self.input, &self.spans)
    }

    /// Roughly how many bytes of memory they occupy.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.input.len() + self.spans.len() * size_of::<Span>()
    }
}

/// The complete commands of one read, in order.
#[derive(Debug, Default)]
pub struct Batch {
    spans: Vec<Span>,
    /// Where the spans of each command end; they begin where those of the one before ended.
    ends: Vec<usize>,
    /// Where the bytes of each command end.
    byte_ends: Vec<usize>,
}

impl Batch {
    /// How many commands there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no command.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets the commands; keeps a reasonable amount of memory for the next ones.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.spans.shrink_to(SPANS_KEPT);
        self.ends.clear();
        self.byte_ends.clear();
    }

    /// Where the bytes of command number `index` end in the input.
    #[must_use]
    pub fn byte_end(&self, index: usize) -> Option<usize> {
        self.byte_ends.get(index).copied()
    }

    /// The commands, as arguments over the `input` they were parsed from.
    pub fn commands<'a>(
        &'a self,
        input: &'a [u8],
    ) -> impl Iterator<Item = Arguments<'a>> + use<'a> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let spans = self.spans.get(start..end).unwrap_or_default();
            start = end;
            Arguments::new(input, spans)
        })
    }

    fn open(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Ends a command. One without arguments (an empty line, `*0`) is none.
    fn close(&mut self) {
        if self.spans.len() > self.open() {
            self.ends.push(self.spans.len());
        }
    }
}

/// What became of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are done with. The rest is shown again, at the start of the next input.
    pub consumed: usize,
    /// Whether more bytes are needed to go on; false when the batch is full or an error ended it.
    pub starved: bool,
    /// What is wrong with the bytes after the batch's commands, which still are to be executed.
    pub error: Option<ProtocolError>,
}

/// The state of parsing one connection's input.
#[derive(Debug, Default)]
pub struct Parser {
    /// Arguments that the command in progress still lacks; 0 between commands.
    missing: usize,
    /// The next byte to look at, counted from the start of the command in progress.
    position: usize,
    /// The arguments of the command in progress, counted likewise.
    partial: Vec<Span>,
    /// Bytes the argument in progress still lacks; a hint for the caller's buffer.
    wanted: usize,
}

impl Parser {
    /// Parses complete commands from the start of `input` into `batch`, at most so many as fit in one.
    ///
    /// Inline arguments with quotes and escapes are decoded in place, hence `&mut`.
    pub fn parse(&mut self, input: &mut [u8], limits: Limits, batch: &mut Batch) -> Progress {
        // A command may be AUTH, after which other limits hold: until then one at a time.
        let commands_max = if limits.authenticated {
            BATCH_COMMANDS_MAX
        } else {
            1
        };
        let mut consumed = 0;
        while batch.len() < commands_max && consumed < input.len() {
            let is_inline = self.missing == 0 && input.get(consumed) != Some(&b'*');
            match self.command(input, consumed, limits, batch) {
                Ok(Some(end)) => {
                    consumed = end;
                    batch.byte_ends.resize(batch.len(), end);
                }
                Ok(None) => {
                    return Progress {
                        consumed,
                        starved: true,
                        error: None,
                    };
                }
                Err(error) => {
                    return Progress {
                        consumed,
                        starved: false,
                        error: Some(error),
                    };
                }
            }
            // It was decoded in place, so it must not be parsed again, as what follows a command that makes its client
            // wait is. A batch therefore ends with it, and begins anew with the next.
            if is_inline {
                break;
            }
        }
        Progress {
            consumed,
            starved: consumed == input.len(),
            error: None,
        }
    }

    /// How many bytes the argument in progress still lacks, at least; 0 when unknown.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// One command from `at` on, appended to `batch`; where it ends, or `None` when it is not complete.
    fn command(
        &mut self,
        input: &mut [u8],
        at: usize,
        limits: Limits,
        batch: &mut Batch,
    ) -> Result<Option<usize>, ProtocolError> {
        let mut position = at + self.position;
        if self.missing > 0 {
            batch
                .spans
                .extend(self.partial.drain(..).map(|span| span.shifted(0, at)));
            self.partial.shrink_to(SPANS_KEPT);
        } else if input.get(at) == Some(&b'*') {
            match count(input, at, limits)? {
                None => return Ok(None),
                Some((0, end)) => return Ok(Some(end)),
                Some((arguments, end)) => (self.missing, position) = (arguments, end),
            }
        } else {
            return inline(input, at, batch);
        }
        self.bulks(input, at, position, limits, batch)
    }

    /// The arguments that the command in progress still lacks.
    fn bulks(
        &mut self,
        input: &[u8],
        at: usize,
        mut position: usize,
        limits: Limits,
        batch: &mut Batch,
    ) -> Result<Option<usize>, ProtocolError> {
        let mut missing = self.missing;
        while missing > 0 {
            match bulk(input, position, limits)? {
                Bulk::Whole(span) => {
                    batch.spans.push(span);
                    position = span.end + 2;
                    missing -= 1;
                }
                Bulk::Lacks(bytes) => {
                    self.suspend(at, position, missing, bytes, batch);
                    return Ok(None);
                }
            }
        }
        (self.missing, self.position, self.wanted) = (0, 0, 0);
        batch.close();
        Ok(Some(position))
    }

    /// Takes back what `batch` holds of an incomplete command.
    fn suspend(
        &mut self,
        at: usize,
        position: usize,
        missing: usize,
        wanted: usize,
        batch: &mut Batch,
    ) {
        let open = batch.open();
        self.partial
            .extend(batch.spans.drain(open..).map(|span| span.shifted(at, 0)));
        self.position = position - at;
        self.missing = missing;
        self.wanted = wanted;
    }
}

enum Bulk {
    Whole(Span),
    /// Not all there yet; at least so many bytes are to come.
    Lacks(usize),
}

/// `*3\r\n` at `at`: the number of arguments and where the header ends. A count below one makes an empty command.
fn count(input: &[u8], at: usize, limits: Limits) -> Result<Option<(usize, usize)>, ProtocolError> {
    if let Some(short) = short_header(input, at, b'*').filter(|_| limits.authenticated) {
        return Ok(Some(short));
    }
    let Some((text, end)) = header(input, at + 1, ProtocolError::CountTooLong)? else {
        return Ok(None);
    };
    match integer::parse(text) {
        Some(count) if count > UNAUTHENTICATED_ARGUMENTS_MAX && !limits.authenticated => {
            Err(ProtocolError::UnauthenticatedCount)
        }
        Some(count) if count <= ARGUMENTS_MAX => {
            Ok(Some((usize::try_from(count).unwrap_or(0), end)))
        }
        _ => Err(ProtocolError::InvalidCount),
    }
}

/// A header line of one or two digits behind its mark, as nearly all are: the number, and where the next line starts.
/// `None` for any other, right or wrong. No limit is below 100.
#[inline]
fn short_header(input: &[u8], at: usize, mark: u8) -> Option<(usize, usize)> {
    let digit = |byte: u8| usize::from(byte - b'0');
    match *input.get(at..)?.first_chunk::<5>()? {
        [first, one @ b'0'..=b'9', b'\r', _, _] if first == mark => Some((digit(one), at + 4)),
        [first, ten @ b'1'..=b'9', one @ b'0'..=b'9', b'\r', _] if first == mark => {
            Some((10 * digit(ten) + digit(one), at + 5))
        }
        _ => None,
    }
}

/// `$5\r\nhello\r\n` at `at`.
#[inline]
fn bulk(input: &[u8], at: usize, limits: Limits) -> Result<Bulk, ProtocolError> {
    let (len, start) = match short_header(input, at, b'$') {
        Some(found) => found,
        None => match length(input, at, limits)? {
            Some(found) => found,
            None => return Ok(Bulk::Lacks(0)),
        },
    };
    let end = start + len;
    if end + 2 <= input.len() {
        return Ok(Bulk::Whole(Span { start, end }));
    }
    Ok(Bulk::Lacks(end + 2 - input.len()))
}

/// `$12\r\n` at `at`: the length of the argument and where it starts.
fn length(
    input: &[u8],
    at: usize,
    limits: Limits,
) -> Result<Option<(usize, usize)>, ProtocolError> {
    match input.get(at) {
        None => return Ok(None),
        Some(b'$') => {}
        // The type is looked at only once the line is there, but a line that cannot be one is not waited for.
        Some(&other) => {
            return match header(input, at, ProtocolError::LengthTooLong)? {
                None => Ok(None),
                Some(_) => Err(ProtocolError::ExpectedBulk(other)),
            };
        }
    }
    let Some((text, start)) = header(input, at + 1, ProtocolError::LengthTooLong)? else {
        return Ok(None);
    };
    match integer::parse(text).and_then(|len| usize::try_from(len).ok()) {
        Some(len) if len > limits.bulk_bytes_max => Err(ProtocolError::InvalidLength),
        Some(len) if len > UNAUTHENTICATED_BULK_BYTES_MAX && !limits.authenticated => {
            Err(ProtocolError::UnauthenticatedLength)
        }
        Some(len) => Ok(Some((len, start))),
        None => Err(ProtocolError::InvalidLength),
    }
}

/// The rest of a header line from `at` on and where the next one starts. As in Redis the byte after the carriage
/// return is skipped, whatever it is.
fn header(
    input: &[u8],
    at: usize,
    too_long: ProtocolError,
) -> Result<Option<(&[u8], usize)>, ProtocolError> {
    let rest = input.get(at..).unwrap_or_default();
    let window = rest.get(..LINE_BYTES_MAX).unwrap_or(rest);
    match memchr::memchr(b'\r', window) {
        Some(end) if end + 2 <= rest.len() => {
            Ok(Some((window.get(..end).unwrap_or_default(), at + end + 2)))
        }
        Some(_) => Ok(None),
        None if rest.len() > LINE_BYTES_MAX => Err(too_long),
        None => Ok(None),
    }
}

/// A line of words at `at`, decoded in place.
fn inline(input: &mut [u8], at: usize, batch: &mut Batch) -> Result<Option<usize>, ProtocolError> {
    let rest = input.get_mut(at..).unwrap_or_default();
    let window = rest.get(..=LINE_BYTES_MAX).unwrap_or(rest);
    let Some(end) = memchr::memchr(b'\n', window) else {
        return if rest.len() > LINE_BYTES_MAX {
            Err(ProtocolError::InlineTooLong)
        } else {
            Ok(None)
        };
    };
    let line = rest.get_mut(..end).unwrap_or_default();
    let mut words = Words { line, read: 0 };
    while let Some(word) = words.next()? {
        batch.spans.push(word.shifted(0, at));
    }
    batch.close();
    Ok(Some(at + end + 1))
}

/// The words of a line. A decoded word is never longer than its source, so it is written over it.
struct Words<'a> {
    line: &'a mut [u8],
    read: usize,
}

impl Words<'_> {
    fn next(&mut self) -> Result<Option<Span>, ProtocolError> {
        while self.peek().is_some_and(is_blank) {
            self.read += 1;
        }
        if self.peek().is_none() {
            return Ok(None);
        }
        let start = self.read;
        let mut end = start;
        while let Some(byte) = self.take().filter(|&byte| byte != 0 && !is_blank(byte)) {
            match byte {
                b'"' | b'\'' => self.quoted(byte, &mut end)?,
                _ => self.put(&mut end, byte),
            }
        }
        Ok(Some(Span { start, end }))
    }

    /// The inside of a quoted part; after its closing quote the word must end.
    fn quoted(&mut self, quote: u8, end: &mut usize) -> Result<(), ProtocolError> {
        loop {
            match self.take().ok_or(ProtocolError::UnbalancedQuotes)? {
                b'\\' if quote == b'"' => {
                    let byte = self.escape()?;
                    self.put(end, byte);
                }
                b'\\' if self.peek() == Some(b'\'') => {
                    self.read += 1;
                    self.put(end, b'\'');
                }
                byte if byte == quote => {
                    return match self.peek() {
                        Some(next) if !is_blank(next) => Err(ProtocolError::UnbalancedQuotes),
                        _ => Ok(()),
                    };
                }
                byte => self.put(end, byte),
            }
        }
    }

    /// What follows a backslash within double quotes.
    fn escape(&mut self) -> Result<u8, ProtocolError> {
        if let Some(&[b'x', high, low]) = self.line.get(self.read..self.read + 3)
            && let (Some(high), Some(low)) =
                (char::from(high).to_digit(16), char::from(low).to_digit(16))
        {
            self.read += 3;
            return Ok(u8::try_from(high * 16 + low).unwrap_or(0));
        }
        Ok(match self.take().ok_or(ProtocolError::UnbalancedQuotes)? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'a' => 7,
            other => other,
        })
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.read).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.read += 1;
        Some(byte)
    }

    fn put(&mut self, end: &mut usize, byte: u8) {
        if let Some(place) = self.line.get_mut(*end) {
            *place = byte;
            *end += 1;
        }
    }
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPEN: Limits = Limits {
        bulk_bytes_max: 512 << 20,
        authenticated: true,
    };

    /// Feeds `input` in the given pieces, as a connection does, and collects the commands.
    fn feed(
        input: &[u8],
        pieces: &[usize],
        limits: Limits,
    ) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
        let (mut parser, mut batch, mut tail, mut commands) =
            (Parser::default(), Batch::default(), Vec::new(), vec![]);
        let mut pieces = pieces
            .iter()
            .copied()
            .chain(std::iter::repeat(input.len().max(1)));
        let mut rest = input;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(pieces.next().unwrap_or(1).clamp(1, rest.len()));
            rest = after;
            tail.extend_from_slice(piece);
            loop {
                batch.clear();
                let progress = parser.parse(&mut tail, limits, &mut batch);
                commands.extend(
                    batch
                        .commands(&tail)
                        .map(|command| command.iter().map(<[u8]>::to_vec).collect()),
                );
                if progress.error.is_some() {
                    return (commands, progress.error);
                }
                tail.drain(..progress.consumed);
                if progress.starved {
                    break;
                }
            }
        }
        (commands, None)
    }

    fn parsed(input: &[u8]) -> Vec<Vec<String>> {
        let (commands, error) = feed(input, &[], OPEN);
        assert_eq!(error, None);
        let text = |word: Vec<u8>| String::from_utf8(word).unwrap();
        commands
            .into_iter()
            .map(|command| command.into_iter().map(text).collect())
            .collect()
    }

    fn refused(input: &[u8]) -> Option<ProtocolError> {
        feed(input, &[], OPEN).1
    }

    #[test]
    fn arrays_and_lines_mix_and_empty_ones_are_no_commands() {
        let commands =
            parsed(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n\r\n*0\r\nPING\r\n*-3\r\n*1\r\n$0\r\n\r\n");
        assert_eq!(commands, [vec!["GET", "k"], vec!["PING"], vec![""]]);
    }

    #[test]
    fn quotes_and_escapes_of_inline_commands() {
        let commands = parsed(b"SET 'a \\' b'  \"\\x41\\n\\q\\\"\" c\"d\"\t\n");
        assert_eq!(commands, [vec!["SET", "a ' b", "A\nq\"", "cd"]]);
        for line in [
            &b"GET \"a\n"[..],
            b"GET 'a\n",
            b"GET \"a\"b\n",
            b"GET \"a\\\n",
        ] {
            assert_eq!(refused(line), Some(ProtocolError::UnbalancedQuotes));
        }
    }

    #[test]
    fn what_cannot_be_a_command_is_named() {
        use ProtocolError::*;
        assert_eq!(refused(b"*3000000000\r\n"), Some(InvalidCount));
        assert_eq!(refused(b"*x\r\n"), Some(InvalidCount));
        assert_eq!(refused(b"*1\r\n:1\r\n"), Some(ExpectedBulk(b':')));
        assert_eq!(refused(b"*1\r\n$-1\r\n"), Some(InvalidLength));
        assert_eq!(refused(b"*1\r\n$01\r\n"), Some(InvalidLength));
        assert_eq!(refused(b"*1\r\n$536870913\r\n"), Some(InvalidLength));
        assert_eq!(refused(&[b'x'; LINE_BYTES_MAX + 1]), Some(InlineTooLong));
        assert_eq!(
            refused(&[b"*".to_vec(), b"1".repeat(LINE_BYTES_MAX + 1)].concat()),
            Some(CountTooLong)
        );
        assert_eq!(
            refused(&[&b"*1\r\n$"[..], &b"1".repeat(LINE_BYTES_MAX + 1)].concat()),
            Some(LengthTooLong)
        );
        assert_eq!(
            ExpectedBulk(b':').to_string(),
            "Protocol error: expected '$', got ':'"
        );
    }

    #[test]
    fn before_auth_little_is_accepted_and_one_command_at_a_time() {
        let closed = Limits {
            authenticated: false,
            ..OPEN
        };
        let (mut parser, mut batch) = (Parser::default(), Batch::default());
        let mut input = *b"PING\r\nPING\r\n";
        let progress = parser.parse(&mut input, closed, &mut batch);
        assert_eq!(
            (batch.len(), progress.consumed, progress.starved),
            (1, 6, false)
        );
        assert_eq!(
            feed(b"*11\r\n", &[], closed).1,
            Some(ProtocolError::UnauthenticatedCount)
        );
        assert_eq!(
            feed(b"*1\r\n$16385\r\n", &[], closed).1,
            Some(ProtocolError::UnauthenticatedLength)
        );
    }

    #[test]
    fn a_long_argument_says_how_much_it_lacks() {
        let (mut parser, mut batch) = (Parser::default(), Batch::default());
        let mut input = *b"*2\r\n$3\r\nGET\r\n$1000\r\nabc";
        parser.parse(&mut input, OPEN, &mut batch);
        assert_eq!(parser.wanted(), 1000 + 2 - 3);
    }

    #[test]
    fn arguments_beyond_the_last_are_empty() {
        let mut input = *b"GET key\n";
        let mut batch = Batch::default();
        Parser::default().parse(&mut input, OPEN, &mut batch);
        let command = batch.commands(&input).next().unwrap();
        assert_eq!(
            (&command[1], &command[7], command.get(7)),
            (&b"key"[..], &b""[..], None)
        );
        assert_eq!(command.from(1).iter().collect::<Vec<_>>(), [b"key"]);
        assert!(command.from(9).is_empty());
    }

    fn encoded(commands: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let mut out = Vec::new();
        for command in commands {
            out.extend(format!("*{}\r\n", command.len()).bytes());
            for word in command {
                out.extend(format!("${}\r\n", word.len()).bytes());
                out.extend(word);
                out.extend(b"\r\n");
            }
        }
        out
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_commands(
            commands in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6), 0..20),
            pieces in prop::collection::vec(1usize..50, 0..60),
        ) {
            let (found, error) = feed(&encoded(&commands), &pieces, OPEN);
            prop_assert_eq!(error, None);
            prop_assert_eq!(found, commands);
        }

        #[test]
        fn random_bytes_never_panic_and_chunking_does_not_matter(
            input in prop::collection::vec(prop_oneof![
                Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), Just(b'"'), Just(b'\''), Just(b'\\'), Just(b' '),
                b'0'..=b'9', any::<u8>()], 0..300),
            pieces in prop::collection::vec(1usize..20, 0..60),
        ) {
            prop_assert_eq!(feed(&input, &pieces, OPEN), feed(&input, &[], OPEN));
        }
    }
}
