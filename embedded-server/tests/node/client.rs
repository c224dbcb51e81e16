//! A node started for one test, and clients that send bytes and read replies.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use embedded_server::{Clock, Config, Handle, Options, Server};

/// A reply that does not come within this time never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node on a free port with a virtual clock and these directives.
pub(crate) fn node(directives: &[(&str, &str)]) -> Handle {
    let mut config = Config::default();
    config.set("port", "0").unwrap();
    config.set("seed", "1").unwrap();
    for (name, value) in directives {
        config.set(name, value).unwrap();
    }
    Server::start(Options {
        config,
        clock: Clock::virtual_clock(),
        ..Options::default()
    })
    .unwrap()
}

/// One connection.
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) fn of(node: &Handle) -> Self {
        Self::at(node.addr())
    }

    pub(crate) fn at(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// Connects as soon as somebody listens.
    pub(crate) fn at_once_listening(address: SocketAddr) -> Self {
        while TcpStream::connect(address).is_err() {
            std::thread::yield_now();
        }
        Self::at(address)
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends as much as the node takes before it closes the connection.
    pub(crate) fn send_if_taken(&mut self, bytes: impl AsRef<[u8]>) {
        if let Err(error) = self.0.write_all(bytes.as_ref()) {
            assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
        }
    }

    /// Reads exactly as much as `expected` is long, and compares.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let found = self.read(expected.len());
        let shown = |bytes: &[u8]| bytes.get(..400).unwrap_or(bytes).escape_ascii().to_string();
        assert_eq!(shown(&found), shown(expected));
        assert!(found == expected);
    }

    /// Sends an inline command and compares the answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, line: &str, expected: &str) {
        self.send(format!("{line}\r\n"));
        self.expect(expected);
    }

    /// Sends an inline command and reads a bulk string (or a verbatim one).
    pub(crate) fn bulk(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n"));
        let header = self.line();
        let len: usize = header[1..].parse().unwrap();
        let body = self.read(len + 2);
        String::from_utf8_lossy(&body[..len]).into_owned()
    }

    /// Reads up to the end of the line.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.extend(self.read(1));
        }
        String::from_utf8_lossy(&line[..line.len() - 2]).into_owned()
    }

    /// A field of INFO.
    pub(crate) fn info(&mut self, field: &str) -> String {
        let text = self.bulk("INFO everything");
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value
            .unwrap_or_else(|| panic!("no {field} in INFO"))
            .to_owned()
    }

    /// Waits until the node has closed the connection; what it still sent.
    pub(crate) fn closed(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
        }
        rest
    }

    /// The client's own address, as CLIENT LIST shows it.
    pub(crate) fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    fn read(&mut self, len: usize) -> Vec<u8> {
        let mut found = vec![0; len];
        self.0.read_exact(&mut found).unwrap();
        found
    }
}

/// A command as an array of bulk strings.
pub(crate) fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend(format!("${}\r\n", word.len()).bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}
