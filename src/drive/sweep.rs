//! One operation on every key of the key space, pipelined and not measured: probing survival, removing our own keys.

use std::ops::Range;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::access::Access;
use super::dial::dial;
use super::encode::{Encoder, RequestKeys};
use super::fault::Fault;
use super::interrupt::Interrupt;
use super::resp::{Reply, Scanner, Step};
use super::stream::Stream;
use crate::traffic;

/// Requests that are out at a time: few enough that neither side's buffers fill up before the other reads.
const WINDOW: u64 = 500;
/// Bytes read at a time.
const INPUT_BYTES: usize = 64 * 1024;

/// Sends the first of the encoder's operations for each of `keys`, in order; whether the key was there (`DEL`, `EXISTS`) or the reply a value.
///
/// # Errors
///
/// Where the server cannot be reached, goes away, does not answer within `limit` or answers with an error, and when
/// `interrupt` is pulled.
pub fn sweep(
    access: &Access,
    encoder: &Encoder,
    keys: Range<u64>,
    limit: Duration,
    interrupt: &Interrupt,
) -> Result<Vec<bool>, Fault> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut pipe = Pipe {
            stream: dial(access).await?,
            scanner: Scanner::default(),
            kept: Vec::new(),
        };
        let (mut found, mut requests) = (Vec::new(), Vec::new());
        let (mut from, mut draws) = (keys.start, traffic::Stream::new(0, 0, 0, 0));
        while from < keys.end {
            if interrupt.is_pulled() {
                return Err(Fault::CalledOff);
            }
            let to = keys.end.min(from + WINDOW);
            requests.clear();
            for first in from..to {
                let keys = RequestKeys { first, others: &[] };
                encoder.append(0, keys, &mut draws, &mut requests);
            }
            timeout(limit, pipe.exchange(&requests, to - from, &mut found))
                .await
                .map_err(|_| Fault::Timeout(limit))??;
            from = to;
        }
        Ok(found)
    })
}

struct Pipe {
    stream: Stream,
    scanner: Scanner,
    kept: Vec<u8>,
}

impl Pipe {
    /// Sends `requests` and waits for `count` replies; whether each is neither zero nor nil.
    async fn exchange(
        &mut self,
        requests: &[u8],
        count: u64,
        found: &mut Vec<bool>,
    ) -> Result<(), Fault> {
        self.stream
            .write_all(requests)
            .await
            .map_err(Fault::Disconnected)?;
        self.stream.flush().await.map_err(Fault::Disconnected)?;
        let mut left = count;
        while left > 0 {
            self.kept.reserve(INPUT_BYTES);
            let come = self.stream.read_buf(&mut self.kept).await;
            if come.map_err(Fault::Disconnected)? == 0 {
                return Err(Fault::Disconnected(
                    std::io::ErrorKind::UnexpectedEof.into(),
                ));
            }
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
                    return Err(Fault::Sweep(word));
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
