//! A small blocking client for tests: every reply kept with its protocol type, so that `$-1`, `*-1` and `_`
//! are told apart.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A reply that does not come within this time never comes.
const PATIENCE: Duration = Duration::from_secs(8);

/// One command: its name and arguments.
#[derive(Clone, PartialEq)]
pub(crate) struct Command(pub(crate) Vec<Vec<u8>>);

impl Command {
    /// A line split at its spaces; for commands without odd bytes.
    pub(crate) fn line(line: &str) -> Self {
        Self::words(&line.split(' ').collect::<Vec<_>>())
    }

    pub(crate) fn words<Word: AsRef<[u8]>>(words: &[Word]) -> Self {
        Self(words.iter().map(|word| word.as_ref().to_vec()).collect())
    }
}

impl Command {
    /// The word at `index` in upper case, or the empty one.
    pub(crate) fn word(&self, index: usize) -> String {
        let word = self
            .0
            .get(index)
            .map(|word| String::from_utf8_lossy(word).to_uppercase());
        word.unwrap_or_default()
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<_> = self
            .0
            .iter()
            .map(|word| word.escape_ascii().to_string())
            .collect();
        f.write_str(&words.join(" "))
    }
}

/// A reply as it stood on the wire.
#[derive(Clone, PartialEq)]
pub(crate) enum Reply {
    Status(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    /// The type byte of the null: `$` and `*` on RESP2, `_` on RESP3.
    Null(char),
    /// Arrays, maps, sets and pushes by their type byte; a map as keys and values in turn.
    Items(char, Vec<Reply>),
    /// Doubles, booleans, big numbers, verbatim strings: type byte and text.
    Other(char, String),
}

impl Reply {
    pub(crate) fn ok() -> Self {
        Self::Status("OK".to_owned())
    }

    pub(crate) fn bulk(text: &str) -> Self {
        Self::Bulk(text.as_bytes().to_vec())
    }

    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// The bytes of a bulk; none for anything else.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bulk(bytes) => bytes.clone(),
            _ => Vec::new(),
        }
    }

    /// The elements of an aggregate; none for anything else.
    pub(crate) fn items(&self) -> &[Reply] {
        match self {
            Self::Items(_, items) => items,
            _ => &[],
        }
    }

    /// The text of a status, error, bulk or other scalar.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Status(text) | Self::Error(text) | Self::Other(_, text) => text.clone(),
            Self::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Null(_) | Self::Items(..) => String::new(),
        }
    }

    /// With the elements of every array in order, for replies whose order means nothing.
    pub(crate) fn sorted(self) -> Self {
        match self {
            Self::Items(kind, items) => {
                let mut items: Vec<_> = items.into_iter().map(Self::sorted).collect();
                items.sort_by_key(|item| format!("{item:?}"));
                Self::Items(kind, items)
            }
            scalar => scalar,
        }
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(text) => write!(f, "+{text}"),
            Self::Error(text) => write!(f, "-{text}"),
            Self::Integer(number) => write!(f, ":{number}"),
            Self::Bulk(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Self::Null(kind) => write!(f, "{kind}null"),
            Self::Items(kind, items) => write!(f, "{kind}{items:?}"),
            Self::Other(kind, text) => write!(f, "{kind}{text}"),
        }
    }
}

trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

/// A connection to a server.
pub(crate) struct Client {
    stream: BufReader<Box<dyn Duplex>>,
}

impl Client {
    pub(crate) fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("an open socket");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("an open socket");
        Self {
            stream: BufReader::new(Box::new(stream)),
        }
    }

    pub(crate) fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("the server listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("an open socket");
        Self {
            stream: BufReader::new(Box::new(stream)),
        }
    }

    /// Sends one command, given as a line split at spaces, and reads its reply.
    pub(crate) fn line(&mut self, line: &str) -> Reply {
        self.call(&Command::line(line))
    }

    /// Sends one command and reads its reply.
    pub(crate) fn call(&mut self, command: &Command) -> Reply {
        self.pipeline(std::slice::from_ref(command)).remove(0)
    }

    /// Sends one command and leaves its reply to be read.
    pub(crate) fn send(&mut self, command: &Command) {
        let sent = self.stream.get_mut().write_all(&encode(command));
        sent.expect("the server reads");
    }

    /// Sends all commands at once, then reads a reply to each.
    pub(crate) fn pipeline(&mut self, commands: &[Command]) -> Vec<Reply> {
        let bytes: Vec<u8> = commands.iter().flat_map(encode).collect();
        self.stream
            .get_mut()
            .write_all(&bytes)
            .expect("the server reads");
        commands.iter().map(|_| self.read()).collect()
    }

    /// Reads the next reply or push.
    pub(crate) fn read(&mut self) -> Reply {
        let line = self.read_line();
        let (kind, rest) = line.split_at(1);
        match kind {
            "+" => Reply::Status(rest.to_owned()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Integer(number(rest)),
            "_" => Reply::Null('_'),
            "$" | "*" if rest == "-1" => Reply::Null(first_char(kind)),
            "$" => Reply::Bulk(self.read_bulk(number(rest))),
            "=" => {
                let bulk = self.read_bulk(number(rest));
                Reply::Other('=', String::from_utf8_lossy(&bulk).into_owned())
            }
            "*" | "~" | ">" => self.read_items(first_char(kind), number(rest)),
            "%" => self.read_items('%', 2 * number(rest)),
            "," | "#" | "(" => Reply::Other(first_char(kind), rest.to_owned()),
            _ => panic!("no reply opens with {line:?}"),
        }
    }

    fn read_items(&mut self, kind: char, count: i64) -> Reply {
        Reply::Items(kind, (0..count).map(|_| self.read()).collect())
    }

    fn read_line(&mut self) -> String {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).expect("a reply");
        let text = line
            .strip_suffix(b"\r\n")
            .unwrap_or_else(|| panic!("the server hung up after {line:?}"));
        String::from_utf8_lossy(text).into_owned()
    }

    fn read_bulk(&mut self, length: i64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(length).expect("a length") + 2];
        self.stream.read_exact(&mut bytes).expect("the bulk");
        bytes.truncate(bytes.len() - 2);
        bytes
    }
}

fn first_char(text: &str) -> char {
    text.chars().next().expect("a type byte")
}

fn number(text: &str) -> i64 {
    text.parse().expect("a number in a reply")
}

fn encode(command: &Command) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", command.0.len()).into_bytes();
    for word in &command.0 {
        bytes.extend(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend(word);
        bytes.extend(b"\r\n");
    }
    bytes
}
