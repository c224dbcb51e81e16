//! One operation on every key of the key space, pipelined and not measured: probing survival, removing our own keys.

use std::ops::Range;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::access::Access;
use super::dial::dial;
use super::encode::Encoder;
use super::fault::Fault;
use super::interrupt::Interrupt;
use super::resp::{Reply, Scanner, Step};
use super::stream::Stream;
use crate::traffic;
use crate::traffic::seal::Verifier;

/// Requests that are out at a time: few enough that neither side's buffers fill up before the other reads.
pub(super) const WINDOW: u64 = 500;
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
        let mut pipe = Pipe::open(access).await?;
        let (mut found, mut requests) = (Vec::new(), Vec::new());
        let (mut from, mut draws) = (keys.start, traffic::Stream::new(0, 0, 0, 0));
        while from < keys.end {
            if interrupt.is_pulled() {
                return Err(Fault::CalledOff);
            }
            let to = keys.end.min(from + WINDOW);
            requests.clear();
            for first in from..to {
                encoder.append_of(first, &mut draws, &mut requests);
            }
            let mut take = |answer: Answer<'_>| match answer.reply {
                Reply::Error => Err(Fault::Sweep(
                    String::from_utf8_lossy(answer.word).into_owned(),
                )),
                reply => {
                    found.push(reply == Reply::Value);
                    Ok(())
                }
            };
            timeout(limit, pipe.exchange(&requests, to - from, &mut take))
                .await
                .map_err(|_| Fault::Timeout(limit))??;
            from = to;
        }
        Ok(found)
    })
}

/// A connection over which windows of requests are sent.
pub(super) struct Pipe {
    stream: Stream,
    scanner: Scanner,
    verifier: Verifier,
    kept: Vec<u8>,
}

/// A reply.
pub(super) struct Answer<'a> {
    pub(super) reply: Reply,
    /// The first word of an error.
    pub(super) word: &'a [u8],
    /// Has seen the value, if it is one.
    pub(super) verifier: &'a mut Verifier,
}

impl Pipe {
    pub(super) async fn open(access: &Access) -> Result<Self, Fault> {
        Ok(Self {
            stream: dial(access).await?,
            scanner: Scanner::default(),
            verifier: Verifier::default(),
            kept: Vec::new(),
        })
    }

    /// Sends `requests` and waits for `count` replies, which `take` is told in order.
    pub(super) async fn exchange(
        &mut self,
        requests: &[u8],
        count: u64,
        take: &mut impl FnMut(Answer<'_>) -> Result<(), Fault>,
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
                .checked_sub(self.replies(take)?)
                .ok_or(Fault::Unasked)?;
        }
        Ok(())
    }

    /// Takes the replies that have come; how many.
    fn replies(
        &mut self,
        take: &mut impl FnMut(Answer<'_>) -> Result<(), Fault>,
    ) -> Result<u64, Fault> {
        let Self {
            scanner,
            verifier,
            kept,
            ..
        } = self;
        let (mut used, mut count) = (0, 0);
        loop {
            let rest = kept.get(used..).unwrap_or_default();
            match scanner.next_seen(rest, &mut |piece| verifier.push(piece))? {
                Step::Reply(length, reply) => {
                    let word = scanner.word();
                    take(Answer {
                        reply,
                        word,
                        verifier,
                    })?;
                    *verifier = Verifier::default();
                    (used, count) = (used + length, count + 1);
                }
                Step::More(length) => {
                    kept.drain(..used + length);
                    return Ok(count);
                }
            }
        }
    }
}
