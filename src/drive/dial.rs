//! Makes connections: connects, encrypts, greets, all within the time allowed.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::access::{Access, Greeting};
use super::cluster::Shards;
use super::fault::Fault;
use super::resp::{LINE_LIMIT, Malformed, Reply, Scanner, Step};
use super::stream::Stream;
use super::tls;

/// Bytes of a reply to a greeting that are read at a time.
const PIECE: usize = 4096;

/// A connection over which commands may be sent.
///
/// # Errors
///
/// Where the server cannot be reached, is not what it should be, refuses us, or takes too long.
pub async fn dial(access: &Access) -> Result<Stream, Fault> {
    timeout(access.timeout, open(access))
        .await
        .unwrap_or_else(|_| Err(silence(access)))
}

/// Nothing has come of a connection in time.
fn silence(access: &Access) -> Fault {
    let (peer, within) = (access.peer.clone(), access.timeout);
    match access.tls {
        None => Fault::Slow { peer, within },
        Some(_) => Fault::Handshake {
            peer,
            why: format!(
                "nothing came of it within {within:?}; does this port speak TLS? `redis://` is for one that does not"
            ),
        },
    }
}

async fn open(access: &Access) -> Result<Stream, Fault> {
    if let Some(map) = &access.cluster {
        let shards = Shards::open(map, access).await?;
        return Ok(Stream::Cluster(Box::new(shards)));
    }
    let failed = |error| failure(access, error);
    let mut stream = Stream::connect(access).await.map_err(failed)?;
    for greeting in &access.greeting {
        stream.write_all(&greeting.command).await.map_err(failed)?;
        stream.flush().await.map_err(failed)?;
        answer(&mut stream, greeting, access).await?;
    }
    Ok(stream)
}

/// Waits until a greeting is accepted.
async fn answer(stream: &mut Stream, greeting: &Greeting, access: &Access) -> Result<(), Fault> {
    let failed = |error| failure(access, error);
    let (mut scanner, mut bytes) = (Scanner::default(), Vec::with_capacity(PIECE));
    loop {
        if stream.read_buf(&mut bytes).await.map_err(failed)? == 0 {
            return Err(failed(io::ErrorKind::ConnectionReset.into()));
        }
        match scanner.next(&bytes)? {
            Step::Reply(used, Reply::Error) => {
                let line = bytes.get(..used).unwrap_or_default();
                return refusal(line, greeting, access);
            }
            Step::Reply(..) => return Ok(()),
            Step::More(used) if bytes.len() - used < LINE_LIMIT => drop(bytes.drain(..used)),
            Step::More(_) => return Err(Malformed.into()),
        }
    }
}

/// What an error in answer to a greeting means.
fn refusal(line: &[u8], greeting: &Greeting, access: &Access) -> Result<(), Fault> {
    let text = String::from_utf8_lossy(line);
    let why = text.trim_start_matches(['-', '!']).trim_end().to_owned();
    let does_not_know = why.starts_with("ERR unknown") || why.starts_with("NOPERM");
    if does_not_know && !greeting.is_needed {
        return Ok(());
    }
    Err(Fault::Refused {
        peer: access.peer.clone(),
        why,
    })
}

fn failure(access: &Access, source: io::Error) -> Fault {
    if access.is_ours && source.kind() == io::ErrorKind::ConnectionRefused {
        return Fault::Ended;
    }
    let peer = access.peer.clone();
    match tls::complaint(&source).filter(|_| access.tls.is_some()) {
        Some(why) => Fault::Handshake { peer, why },
        None => Fault::Connect { peer, source },
    }
}
