//! Whole snapshots: `REDIS` and a version in four digits, then records, then a checksum.
//!
//! A record is an opcode with its fields, or a key with its value, before which may stand when it expires and how it was
//! last used. Both ways are pure: [`Writer`] makes bytes, to be taken as they come; [`Reader`](super::reader::Reader) takes
//! them as they come.

use super::wire::Output;
use super::{VERSION, VERSION_MAX, VERSION_OF_EXPIRING_FIELDS, Value, crc64, string, value};
use crate::types::View;

pub(super) const MAGIC: &[u8] = b"REDIS";
pub(super) const VERSION_DIGITS: u64 = 4;

/// What the byte before a record says it is, where it is no value's kind.
pub(super) mod opcode {
    pub(in crate::rdb) const FUNCTION: u8 = 245;
    pub(in crate::rdb) const IDLE: u8 = 248;
    pub(in crate::rdb) const FREQUENCY: u8 = 249;
    pub(in crate::rdb) const AUXILIARY: u8 = 250;
    pub(in crate::rdb) const SIZES: u8 = 251;
    pub(in crate::rdb) const EXPIRES_MS: u8 = 252;
    pub(in crate::rdb) const EXPIRES_S: u8 = 253;
    pub(in crate::rdb) const SELECT: u8 = 254;
    pub(in crate::rdb) const END: u8 = 255;
}

/// Why a snapshot was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It does not begin as one.
    #[error("no RDB file: it does not begin with REDIS and four digits")]
    NoSnapshot,
    /// A newer server wrote it.
    #[error(
        "RDB version {0} is newer than {VERSION_MAX}, the newest that is read here; save it with an older server"
    )]
    Version(u16),
    /// It ends too soon, or something in it is not known here.
    #[error(
        "the RDB file is damaged, or holds what is not known here, at byte {at}; check it with redis-check-rdb"
    )]
    Damaged {
        /// Where the record begins that could not be read.
        at: usize,
    },
    /// A part of it is longer than any that is taken.
    #[error(
        "the RDB file has a key of more than {} GiB at byte {at}, which is not read here; split the key", super::reader::PART_BYTES_MAX >> 30
    )]
    Overlong {
        /// Where it begins.
        at: usize,
    },
    /// It was changed since it was written.
    #[error("RDB CRC error: the file was changed or cut since it was written; fetch it again")]
    Checksum,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key's name.
    pub key: Vec<u8>,
    /// What it holds.
    pub value: Value,
    /// When it expires, in milliseconds since the Unix epoch.
    pub expire_ms: Option<i64>,
    /// For how long it had not been used, in seconds.
    pub idle_s: Option<u64>,
    /// Its LFU counter.
    pub frequency: Option<u8>,
}

/// A part of a snapshot.
#[derive(Clone, Debug)]
pub enum Record {
    /// Something about the snapshot: its server's version, when it was made.
    Auxiliary {
        /// What.
        name: Vec<u8>,
        /// As a text.
        value: Vec<u8>,
    },
    /// The database of the entries that follow.
    Select(u64),
    /// How many keys the database has, and how many of them expire.
    Sizes {
        /// All keys.
        keys: u64,
        /// Those with a deadline.
        volatile: u64,
    },
    /// The source of a library of functions.
    Function(Vec<u8>),
    /// A key.
    Entry(Box<Entry>),
}

/// What is written with a key beside its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// When it expires, in milliseconds since the Unix epoch.
    pub expire_ms: Option<i64>,
    /// For how long it has not been used, in seconds.
    pub idle_s: Option<u64>,
    /// Its LFU counter.
    pub frequency: Option<u8>,
}

/// Makes a snapshot, which is taken from it piece by piece.
#[derive(Debug)]
pub struct Writer {
    output: Output,
    /// Of what was taken.
    checksum: u64,
}

impl Writer {
    /// An empty snapshot. With `compress`, texts over 20 bytes are compressed where that saves anything. Whether a hash will
    /// come that has fields which expire must be known, as a newer version of the format has them.
    #[must_use]
    pub fn new(compress: bool, has_expiring_fields: bool) -> Self {
        let mut output = Output::new(compress);
        output.raw(MAGIC);
        output.raw(&digits(if has_expiring_fields {
            VERSION_OF_EXPIRING_FIELDS
        } else {
            VERSION
        }));
        Self {
            output,
            checksum: 0,
        }
    }

    /// Bytes that were not taken yet.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.output.bytes.len()
    }

    /// Takes what has been written since the last time.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        let taken = std::mem::take(&mut self.output.bytes);
        self.checksum = crc64::extend(self.checksum, &taken);
        taken
    }

    /// Says something about the snapshot.
    pub fn auxiliary(&mut self, name: &str, value: &str) {
        self.output.byte(opcode::AUXILIARY);
        string::write(&mut self.output, name.as_bytes());
        string::write(&mut self.output, value.as_bytes());
    }

    /// Says whose database the entries are that follow.
    pub fn select(&mut self, number: usize) {
        self.output.byte(opcode::SELECT);
        self.output.length(number);
    }

    /// Begins a database of so many keys, of which so many expire.
    pub fn database(&mut self, number: usize, keys: usize, volatile: usize) {
        self.select(number);
        self.output.byte(opcode::SIZES);
        self.output.length(keys);
        self.output.length(volatile);
    }

    /// Adds a key to the database named last.
    pub fn entry(&mut self, key: &[u8], value: View<'_>, about: About) {
        let output = &mut self.output;
        if let Some(at) = about.expire_ms {
            output.byte(opcode::EXPIRES_MS);
            output.raw(&at.to_le_bytes());
        }
        if let Some(seconds) = about.idle_s {
            output.byte(opcode::IDLE);
            output.number(seconds);
        }
        if let Some(frequency) = about.frequency {
            output.raw(&[opcode::FREQUENCY, frequency]);
        }
        output.byte(value::kind(value));
        string::write(output, key);
        value::write(output, value);
    }

    /// Writes the end, with the checksum; takes what was not taken yet.
    #[must_use]
    pub fn finish(&mut self) -> Vec<u8> {
        self.output.byte(opcode::END);
        let mut last = self.take();
        last.extend_from_slice(&self.checksum.to_le_bytes());
        last
    }
}

fn digits(version: u16) -> [u8; VERSION_DIGITS as usize] {
    [1000, 100, 10, 1].map(|place| b'0' + (version / place % 10) as u8)
}
