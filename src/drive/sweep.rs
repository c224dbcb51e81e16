//! One operation on every key of the key space, pipelined and not measured: probing survival, removing our own keys.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Range;
use std::time::Duration;

use super::encode::{Encoder, RequestKeys};
use super::fault::Fault;
use super::interrupt::Interrupt;
use super::job::Access;
use super::resp::{Reply, Scanner, Step};
use crate::traffic::Stream;

/// Requests that are out at a time: few enough that neither side's buffers fill up before the other reads.
const WINDOW: u64 = 500;
/// Bytes read at a time.
const INPUT_BYTES: usize = 64 * 1024;

/// Sends the first of the encoder's operations for each of `keys`, in order; whether the key was there (`DEL`, `EXISTS`) or the reply a value.
///
/// # Errors
///
/// Where the server cannot be reached, goes away or answers with an error, and when `interrupt` is pulled.
pub fn sweep(
    access: &Access,
    encoder: &Encoder,
    keys: Range<u64>,
    limit: Duration,
    interrupt: &Interrupt,
) -> Result<Vec<bool>, Fault> {
    let failed = |source| Fault::Connect {
        address: access.address,
        source,
    };
    let stream = TcpStream::connect_timeout(&access.address, limit).map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    stream.set_read_timeout(Some(limit)).map_err(failed)?;
    stream.set_write_timeout(Some(limit)).map_err(failed)?;
    let mut pipe = Pipe {
        stream,
        scanner: Scanner::default(),
        kept: Vec::new(),
    };
    for command in &access.greeting {
        pipe.exchange(command, 1, &mut Vec::new())?;
    }
    let (mut found, mut requests) = (Vec::new(), Vec::new());
    let (mut from, mut stream) = (keys.start, Stream::new(0, 0, 0, 0));
    while from < keys.end {
        if interrupt.is_pulled() {
            return Err(Fault::CalledOff);
        }
        let to = keys.end.min(from + WINDOW);
        requests.clear();
        for first in from..to {
            let keys = RequestKeys { first, others: &[] };
            encoder.append(0, keys, &mut stream, &mut requests);
        }
        pipe.exchange(&requests, to - from, &mut found)?;
        from = to;
    }
    Ok(found)
}

struct Pipe {
    stream: TcpStream,
    scanner: Scanner,
    kept: Vec<u8>,
}

impl Pipe {
    /// Sends `requests` and waits for `count` replies; whether each is neither zero nor nil.
    fn exchange(
        &mut self,
        requests: &[u8],
        count: u64,
        found: &mut Vec<bool>,
    ) -> Result<(), Fault> {
        self.stream
            .write_all(requests)
            .map_err(Fault::Disconnected)?;
        let (mut left, mut input) = (count, vec![0; INPUT_BYTES]);
        while left > 0 {
            let come = self.stream.read(&mut input).map_err(Fault::Disconnected)?;
            if come == 0 {
                return Err(Fault::Disconnected(
                    std::io::ErrorKind::UnexpectedEof.into(),
                ));
            }
            self.kept
                .extend_from_slice(input.get(..come).unwrap_or_default());
            left = left
                .checked_sub(self.replies(found)?)
                .ok_or(Fault::Unasked)?;
        }
        Ok(())
    }

    /// Takes the replies that have come; how many.
    fn replies(&mut self, found: &mut Vec<bool>) -> Result<u64, Fault> {
        let (mut used, mut count) = (0, 0);
        loop {
            match self
                .scanner
                .next(self.kept.get(used..).unwrap_or_default())?
            {
                Step::Reply(_, Reply::Error) => {
                    let word = String::from_utf8_lossy(self.scanner.word()).into_owned();
                    let address = self.stream.peer_addr().map_err(Fault::Disconnected)?;
                    return Err(Fault::Refused { address, word });
                }
                Step::Reply(length, reply) => {
                    found.push(reply == Reply::Value);
                    (used, count) = (used + length, count + 1);
                }
                Step::More(length) => {
                    self.kept.drain(..used + length);
                    return Ok(count);
                }
            }
        }
    }
}
