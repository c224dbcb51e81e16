//! Sending keys to another node, for MIGRATE: a connection that the sender waits for, as Redis does.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::resp::Reply;

/// An answer is a line, and no longer than this.
const LINE_BYTES_MAX: usize = 4096;

/// A connection to the target.
#[derive(Debug)]
pub(crate) struct Transfer {
    target: SocketAddr,
    /// The database that it has selected there, as it was numbered.
    pub(crate) database: Vec<u8>,
    stream: TcpStream,
    requests: Reply,
    input: Vec<u8>,
}

impl Transfer {
    /// Whether it is a connection to `target` that still stands, with nothing left over from earlier.
    pub(crate) fn leads_to(&self, target: SocketAddr) -> bool {
        let mut byte = [0];
        // Peeking must not wait; a peer that has hung up is there to be read.
        let is_quiet = self.stream.set_nonblocking(true).is_ok()
            && matches!(self.stream.peek(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        let is_blocking = self.stream.set_nonblocking(false).is_ok();
        self.target == target && self.input.is_empty() && is_quiet && is_blocking
    }

    /// Whatever takes longer than `timeout` from here on fails.
    pub(crate) fn be_patient_for(&self, timeout: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(timeout))?;
        self.stream.set_write_timeout(Some(timeout))
    }

    /// Connects; whatever takes longer than `timeout` from here on fails.
    pub(crate) fn connect(target: SocketAddr, timeout: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&target, timeout)?;
        stream.set_nodelay(true)?;
        let transfer = Self {
            target,
            database: b"0".to_vec(),
            stream,
            requests: Reply::default(),
            input: Vec::new(),
        };
        transfer.be_patient_for(timeout)?;
        Ok(transfer)
    }

    /// Adds a command to those that go out together.
    pub(crate) fn request(&mut self, words: &[&[u8]]) {
        self.requests.array(words.len());
        words.iter().for_each(|word| self.requests.bulk(word));
    }

    /// Sends what was requested.
    pub(crate) fn send(&mut self) -> io::Result<()> {
        self.stream.write_all(self.requests.bytes())?;
        self.requests = Reply::default();
        Ok(())
    }

    /// The next answer; the inner error is what the target refused with.
    pub(crate) fn answer(&mut self) -> io::Result<Result<(), String>> {
        let line = self.line()?;
        Ok(match line.strip_prefix('-') {
            Some(refusal) => Err(refusal.to_owned()),
            None => Ok(()),
        })
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.input) {
                let line: Vec<u8> = self.input.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.input.len() > LINE_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut chunk = [0; LINE_BYTES_MAX];
            match self.stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self
                    .input
                    .extend_from_slice(chunk.get(..read).unwrap_or_default()),
            }
        }
    }
}

/// A connection kept for the next MIGRATE.
#[derive(Debug)]
pub(crate) struct Kept {
    /// It.
    pub(crate) transfer: Transfer,
    /// When it is closed if nobody has used it, in milliseconds since the Unix epoch.
    pub(crate) until_ms: i64,
}
