//! Traces: requests that somebody recorded, read back one at a time, in flat memory however long the trace is.
//!
//! One file per format. zstd and gzip are recognised by their first bytes and read through ([`source`]). A record that
//! cannot be read is an error that names file, record and byte offset; nothing is skipped silently.

mod columns;
mod lines;
mod monitor;
mod oracle_general;
mod source;
pub mod spread;

use std::fmt;
use std::io::Read;

use thiserror::Error;

pub use crate::workload::plan::{TraceColumns as Columns, TraceFormat as Format};

/// One request of a trace; borrowed from its reader until the next is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request<'a> {
    /// When, nanoseconds since the first record; 0 throughout where the format has no times.
    pub at_ns: u64,
    /// What.
    pub action: Action<'a>,
}

/// What a request of a trace does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action<'a> {
    /// One operation on one key.
    Access(Access<'a>),
    /// A whole command, arguments as they were sent.
    Command(&'a [Vec<u8>]),
}

/// One operation on one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access<'a> {
    /// Which key.
    pub key: Key<'a>,
    /// What is done to it.
    pub kind: Kind,
    /// Size of its value, bytes, where the trace tells.
    pub size: Option<u32>,
    /// Time to live of a write, seconds, where it has one.
    pub ttl_s: Option<u32>,
}

/// A key as a trace names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key<'a> {
    /// By number.
    Id(u64),
    /// By name.
    Name(&'a [u8]),
}

/// What an access does; memcached's finer kinds are folded into these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Reads; also every access of a format that does not tell.
    Get,
    /// Writes.
    Set,
    /// Deletes.
    Delete,
    /// Counts up or down.
    Increment,
}

impl Kind {
    /// The kind that an operation's name stands for, in any case.
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_slice() {
            b"get" | b"gets" | b"read" => Self::Get,
            b"set" | b"add" | b"replace" | b"cas" | b"append" | b"prepend" | b"write" => Self::Set,
            b"del" | b"delete" => Self::Delete,
            b"incr" | b"decr" => Self::Increment,
            _ => return None,
        })
    }
}

/// Why a trace could not be read any further.
#[derive(Debug, Error)]
pub enum TraceError {
    /// A record is not what its format says.
    #[error("{file}, record {record}, byte {offset}: {what}")]
    Malformed {
        /// The trace, as it was named.
        file: String,
        /// Number of the record, from 1.
        record: u64,
        /// Where it begins, bytes from the begin of the (unpacked) trace.
        offset: u64,
        /// What was found and what should be there.
        what: String,
    },
    /// The file cannot be read, or is damaged where it is packed.
    #[error("{file}, after record {record}, {source}; check that the file is whole")]
    Unreadable {
        /// The trace, as it was named.
        file: String,
        /// Records read before.
        record: u64,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Values are no larger: what claims to be is another format.
const SIZE_MAX: u32 = 64 << 20;

/// A size that a value may have.
fn checked(size: u32) -> Result<u32, String> {
    if size <= SIZE_MAX {
        Ok(size)
    } else {
        Err(format!(
            "the size is {size} bytes, and at most {SIZE_MAX} are replayed; is this the format of the file?"
        ))
    }
}

/// What is wrong with one record, before it is known where it stands.
enum Fault {
    Io(std::io::Error),
    Malformed { offset: u64, what: String },
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

enum Records {
    OracleGeneral(oracle_general::Records),
    Columns(columns::Records),
    Ids(lines::Ids),
    Monitor(monitor::Records),
}

/// Reads a trace from its first request to its last.
pub struct Trace {
    file: String,
    records: Records,
    read: u64,
}

impl Trace {
    /// Reads `bytes`, packed or not, as `format`; `file` names them in errors.
    ///
    /// # Errors
    ///
    /// Where the begin cannot be read, or a CSV file lacks a column.
    pub fn new(
        file: &str,
        bytes: impl Read + Send + 'static,
        format: &Format,
    ) -> Result<Self, TraceError> {
        let records = source::unpacked(bytes)
            .map_err(Fault::Io)
            .and_then(|bytes| {
                Ok(match format {
                    Format::OracleGeneral => {
                        Records::OracleGeneral(oracle_general::Records::new(bytes))
                    }
                    Format::Csv(columns) => {
                        Records::Columns(columns::Records::named(bytes, columns)?)
                    }
                    Format::Twitter => Records::Columns(columns::Records::twitter(bytes)),
                    Format::Ids => Records::Ids(lines::Ids::new(bytes)),
                    Format::Monitor => Records::Monitor(monitor::Records::new(bytes)),
                })
            })
            .map_err(|fault| located(file, 0, fault))?;
        Ok(Self {
            file: file.to_owned(),
            records,
            read: 0,
        })
    }

    /// The next request; none at the end.
    ///
    /// # Errors
    ///
    /// Where the record is malformed or the file unreadable; the trace should then be given up.
    // Not an iterator: the request borrows the reader's buffer, so that nothing is allocated per record.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Request<'_>>, TraceError> {
        self.read += 1;
        let next = match &mut self.records {
            Records::OracleGeneral(records) => records.next(),
            Records::Columns(records) => records.next(),
            Records::Ids(records) => records.next(),
            Records::Monitor(records) => records.next(),
        };
        next.map_err(|fault| located(&self.file, self.read, fault))
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, record {}", self.file, self.read)
    }
}

fn located(file: &str, record: u64, fault: Fault) -> TraceError {
    let file = file.to_owned();
    match fault {
        Fault::Io(source) => TraceError::Unreadable {
            file,
            record: record.saturating_sub(1),
            source,
        },
        Fault::Malformed { offset, what } => TraceError::Malformed {
            file,
            record,
            offset,
            what,
        },
    }
}

/// Turns the times of a trace into nanoseconds since its first record. Times that run backwards stand still, and a record
/// without a time has that of the one before.
#[derive(Debug, Default)]
struct SinceFirst {
    first_ns: Option<u64>,
    latest_ns: u64,
}

impl SinceFirst {
    fn at(&mut self, time_ns: u64) -> u64 {
        let first_ns = *self.first_ns.get_or_insert(time_ns);
        self.latest_ns = self.latest_ns.max(time_ns.saturating_sub(first_ns));
        self.latest_ns
    }
}

/// A text for an error: what was found, cut to a length that fits on a line.
fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 60;
    let cut = bytes.get(..LONGEST).map_or("", |_| "…");
    format!(
        "`{}{cut}`",
        String::from_utf8_lossy(bytes.get(..LONGEST).unwrap_or(bytes)).escape_debug()
    )
}

#[cfg(test)]
mod tests;
