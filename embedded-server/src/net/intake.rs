//! A replica takes in its master's snapshot: into a file first, while the data of before is served, or at once into the
//! place of it, as `repl-diskless-load` has it.
//!
//! Either way no more of it is in memory than what has been loaded, what is on its way, and one key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};

use super::Shared;
use super::follow::FollowError;
use super::load::{self, Complete, Loader};
use super::wire::{Wire, WireError};
use crate::clock::Stopwatch;
use crate::log::Level;
use crate::replication::Sync;

/// Read from the connection at a time.
const CHUNK_BYTES: usize = 256 * 1024;
/// How long the text is by which a master marks the end of a snapshot whose length it did not know.
const MARK_BYTES: usize = 40;
/// The longest snapshot that is taken.
const SNAPSHOT_BYTES_MAX: u64 = 64 << 30;
/// How often a master is shown that its replica is there, which has nothing to tell while it loads.
const SIGN_EVERY_NS: u64 = 1_000_000_000;

/// Where a snapshot ends.
enum End {
    /// After so many bytes more.
    After(u64),
    /// Before this text, behind which nothing is sent until the snapshot is loaded.
    Mark(Vec<u8>),
    /// Here.
    Here,
}

/// The bytes of a snapshot, as they come.
struct Incoming<'a> {
    node: &'a Shared,
    wire: &'a mut Wire,
    end: End,
    /// In all; 0 where that is not known.
    bytes: u64,
    read: u64,
    signed: Stopwatch,
}

/// Takes in the snapshot that comes next.
pub(super) async fn snapshot(node: &Shared, wire: &mut Wire) -> Result<Complete, FollowError> {
    let incoming = Incoming::begin(node, wire).await?;
    if keeps_data(node) {
        match draft(node) {
            Ok(file) => return incoming.through(file).await,
            Err(error) => {
                let message = format!(
                    "No file for the snapshot of the master in dir: {error}; it takes the place of the data at once"
                );
                node.borrow().server.log(Level::Warning, &message);
            }
        }
    }
    incoming.at_once().await
}

/// Whether the data of before is served until the snapshot is there.
fn keeps_data(node: &Shared) -> bool {
    let server = &node.borrow().server;
    let keyspace = &server.keyspace;
    let is_empty = keyspace.dbs().all(|db| keyspace.is_empty(db));
    !(is_empty && server.config.get("repl-diskless-load").as_deref() == Some("on-empty-db"))
}

/// A file that has no name any more, so that it is gone when it is closed.
fn draft(node: &Shared) -> io::Result<File> {
    let server = &node.borrow().server;
    let name = format!(
        "temp-sync-{}-{}.rdb",
        std::process::id(),
        server.identity.port
    );
    let path = server.data_file().with_file_name(name);
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

impl<'a> Incoming<'a> {
    async fn begin(node: &'a Shared, wire: &'a mut Wire) -> Result<Self, WireError> {
        let header = wire.line().await?;
        let mark = header.strip_prefix("$EOF:");
        let mark = mark.filter(|mark| mark.len() == MARK_BYTES);
        let length = header.strip_prefix('$').and_then(|text| text.parse().ok());
        let (end, bytes) = match (mark, length) {
            (Some(mark), _) => (End::Mark(mark.as_bytes().to_vec()), 0),
            (_, Some(bytes @ ..=SNAPSHOT_BYTES_MAX)) => (End::After(bytes), bytes),
            _ => return Err(WireError::Refused(header)),
        };
        let incoming = Self {
            node,
            wire,
            end,
            bytes,
            read: 0,
            signed: Stopwatch::start(),
        };
        incoming.tell();
        Ok(incoming)
    }

    /// Has INFO tell how much has come, with what may be the mark.
    fn tell(&self) {
        let held = match self.end {
            End::Mark(_) => self.wire.input.len() as u64,
            End::After(_) | End::Here => 0,
        };
        let server = &mut self.node.borrow_mut().server;
        server.replication.sync = Some(Sync {
            bytes: self.bytes,
            read: self.read + held,
            heard_ms: server.now_ms,
        });
    }

    /// The next bytes; none behind the last.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, WireError> {
        loop {
            let taken = self.taken();
            if !taken.is_empty() {
                self.read += taken.len() as u64;
                self.tell();
                return Ok(Some(taken));
            }
            if matches!(self.end, End::Here) {
                return Ok(None);
            }
            if self.read > SNAPSHOT_BYTES_MAX {
                return Err(WireError::Overlong);
            }
            self.wire.input.reserve(CHUNK_BYTES);
            self.wire.read().await?;
        }
    }

    /// What has come of the snapshot; the rest stays.
    fn taken(&mut self) -> Vec<u8> {
        let input = &mut self.wire.input;
        let count = match &mut self.end {
            End::Here => 0,
            End::After(left) => {
                let count = input
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= count as u64;
                if *left == 0 {
                    self.end = End::Here;
                }
                count
            }
            End::Mark(mark) if input.ends_with(mark) => {
                input.truncate(input.len() - MARK_BYTES);
                self.end = End::Here;
                input.len()
            }
            // The mark may have come in part.
            End::Mark(_) => input.len().saturating_sub(MARK_BYTES),
        };
        let rest = input.split_off(count);
        std::mem::replace(input, rest)
    }

    async fn at_once(mut self) -> Result<Complete, FollowError> {
        let mut loader = Loader::of_master(self.node, self.bytes);
        while let Some(bytes) = self.next().await? {
            loader.take(&bytes).await?;
            sign(self.wire, &mut self.signed).await?;
        }
        Ok(loader.finish().await?)
    }

    async fn through(mut self, mut draft: File) -> Result<Complete, FollowError> {
        while let Some(bytes) = self.next().await? {
            draft.write_all(&bytes).map_err(FollowError::Draft)?;
        }
        draft.rewind().map_err(FollowError::Draft)?;
        let loader = Loader::of_master(self.node, self.read);
        let Self {
            wire, mut signed, ..
        } = self;
        let shown = async || sign(wire, &mut signed).await.map_err(io::Error::other);
        Ok(load::file(loader, draft, shown).await?)
    }
}

/// Sends an empty line if it is time for one.
async fn sign(wire: &mut Wire, signed: &mut Stopwatch) -> Result<(), WireError> {
    if signed.elapsed_ns() < SIGN_EVERY_NS {
        return Ok(());
    }
    *signed = Stopwatch::start();
    wire.send(b"\n").await
}
