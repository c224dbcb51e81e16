//! Reads the value of every key and says which version it is.

use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

use super::access::Access;
use super::encode::Encoder;
use super::fault::Fault;
use super::interrupt::Interrupt;
use super::resp::Reply;
use super::sweep::{Answer, Pipe, WINDOW};
use crate::traffic;
use crate::traffic::seal::Seal;

/// Keys that were answered with an error are asked for again after so long.
const PAUSE: Duration = Duration::from_millis(100);

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Missing,
    /// This version of its value.
    Version(u32),
    /// Something that nobody has written so under this key.
    Other,
    /// Every answer was an error.
    Unread,
}

/// Sends the first of the encoder's operations, a GET, for each of `keys`, which it is told in order. Keys that are answered
/// with an error are asked for again, until that has taken `patience` in all.
///
/// # Errors
///
/// Where the server cannot be reached, goes away or does not answer within `limit`, and when `interrupt` is pulled.
pub fn read_back(
    access: &Access,
    encoder: &Encoder,
    keys: &[u64],
    (limit, patience): (Duration, Duration),
    interrupt: &Interrupt,
) -> Result<Vec<Found>, Fault> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut reader = Reader {
            pipe: Pipe::open(access).await?,
            encoder,
            limit,
            interrupt,
        };
        let (mut found, mut until) = (Vec::with_capacity(keys.len()), None);
        for window in keys.chunks(WINDOW as usize) {
            let mut answers = reader.ask(window).await?;
            while answers.contains(&Found::Unread) {
                let until = *until.get_or_insert_with(|| Instant::now() + patience);
                if Instant::now() >= until {
                    break;
                }
                sleep(PAUSE).await;
                answers = reader.ask(window).await?;
            }
            found.append(&mut answers);
        }
        Ok(found)
    })
}

struct Reader<'a> {
    pipe: Pipe,
    encoder: &'a Encoder,
    limit: Duration,
    interrupt: &'a Interrupt,
}

impl Reader<'_> {
    /// What each of a window of keys holds.
    async fn ask(&mut self, keys: &[u64]) -> Result<Vec<Found>, Fault> {
        if self.interrupt.is_pulled() {
            return Err(Fault::CalledOff);
        }
        let (mut requests, mut draws) = (Vec::new(), traffic::Stream::new(0, 0, 0, 0));
        for key in keys {
            self.encoder.append_of(*key, &mut draws, &mut requests);
        }
        let (mut found, mut asked) = (Vec::with_capacity(keys.len()), keys.iter());
        let mut take = |mut answer: Answer<'_>| {
            let key = asked.next().ok_or(Fault::Unasked)?;
            found.push(what_is_found(*key, &mut answer));
            Ok(())
        };
        let exchange = self.pipe.exchange(&requests, keys.len() as u64, &mut take);
        timeout(self.limit, exchange)
            .await
            .map_err(|_| Fault::Timeout(self.limit))??;
        Ok(found)
    }
}

fn what_is_found(key: u64, answer: &mut Answer<'_>) -> Found {
    let version = answer.verifier.version();
    match (answer.reply, answer.verifier.finish(key)) {
        (Reply::Nil, _) => Found::Missing,
        (Reply::Error, _) => Found::Unread,
        (_, Seal::Intact) => Found::Version(version),
        _ => Found::Other,
    }
}
