//! A client that says a line and reads one reply.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).unwrap())
    }

    /// A connection that is there already.
    pub(crate) fn of(stream: TcpStream) -> Self {
        Self(BufReader::new(stream))
    }

    /// Sends an inline command; the reply's first line, or the whole of a bulk string.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.say(line);
        let reply = self.line();
        match reply
            .strip_prefix('$')
            .and_then(|length| length.parse::<usize>().ok())
        {
            Some(length) => {
                let text = self.bytes(length + 2);
                String::from_utf8(text[..length].to_vec()).unwrap()
            }
            None => reply,
        }
    }

    /// Sends an inline command.
    pub(crate) fn say(&mut self, line: &str) {
        self.0
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())
            .unwrap();
    }

    /// The next line.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// So many lines.
    pub(crate) fn lines(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.line()).collect()
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }
}

/// Waits for a state, looking again and again.
pub(crate) fn wait_until(what: &str, mut is_reached: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if is_reached() {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("{what}: not within 30 s");
}
