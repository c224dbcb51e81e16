//! Whole snapshots: `REDIS` and a version in four digits, then records, then a checksum.
//!
//! A record is an opcode with its fields, or a key with its value, before which may stand when it expires and how it was
//! last used. Both ways are pure: [`Reader`] goes through bytes that are there, [`Writer`] makes them, to be taken as they
//! come.

use super::wire::{Input, Output};
use super::{VERSION, VERSION_MAX, VERSION_OF_EXPIRING_FIELDS, Value, crc64, string, value};
use crate::types::{Limits, View};

const MAGIC: &[u8] = b"REDIS";
const VERSION_DIGITS: u64 = 4;

/// What the byte before a record says it is, where it is no value's kind.
mod opcode {
    pub(super) const FUNCTION: u8 = 245;
    pub(super) const IDLE: u8 = 248;
    pub(super) const FREQUENCY: u8 = 249;
    pub(super) const AUXILIARY: u8 = 250;
    pub(super) const SIZES: u8 = 251;
    pub(super) const EXPIRES_MS: u8 = 252;
    pub(super) const EXPIRES_S: u8 = 253;
    pub(super) const SELECT: u8 = 254;
    pub(super) const END: u8 = 255;
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

/// Files of versions before have no checksum.
const VERSION_OF_CHECKSUMS: u16 = 5;

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

/// Goes through a snapshot; ends after the last record or the first error.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    input: Input<'a>,
    limits: &'a Limits,
    version: u16,
    /// The checksum of what has been read, but for the last record.
    checksum: u64,
    /// Up to where that is.
    checked: usize,
    ended: bool,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`, which gives values the form that `limits` ask for.
    ///
    /// # Errors
    /// [`FileError`] when they are no snapshot of a known version.
    pub fn new(bytes: &'a [u8], limits: &'a Limits) -> Result<Self, FileError> {
        let mut input = Input::new(bytes);
        let version = version(&mut input).ok_or(FileError::NoSnapshot)?;
        if version > VERSION_MAX {
            return Err(FileError::Version(version));
        }
        Ok(Self {
            bytes,
            input,
            limits,
            version,
            checksum: 0,
            checked: 0,
            ended: false,
        })
    }

    /// How many bytes have been read.
    #[must_use]
    pub fn bytes_read(&self) -> usize {
        self.bytes.len() - self.input.len()
    }

    /// Adds what has been read to the checksum, so that it need not be gone through at one stretch at the end.
    fn add_to_checksum(&mut self) {
        let position = self.bytes_read();
        let read = self.bytes.get(self.checked..position);
        self.checksum = crc64::extend(self.checksum, read.unwrap_or_default());
        self.checked = position;
    }

    fn record(&mut self) -> Option<Option<Record>> {
        let input = &mut self.input;
        let record = match input.byte()? {
            opcode::END => return Some(None),
            opcode::AUXILIARY => Record::Auxiliary {
                name: string::read(input)?,
                value: string::read(input)?,
            },
            opcode::SELECT => Record::Select(input.plain_length()?),
            opcode::SIZES => Record::Sizes {
                keys: input.plain_length()?,
                volatile: input.plain_length()?,
            },
            opcode::FUNCTION => Record::Function(string::read(input)?),
            first => Record::Entry(Box::new(entry(input, first, self.limits)?)),
        };
        Some(Some(record))
    }

    /// Compares the checksum behind the end, where there is one; one of 0 was not made.
    fn check(&mut self) -> Result<(), FileError> {
        if self.version < VERSION_OF_CHECKSUMS {
            return Ok(());
        }
        self.add_to_checksum();
        let at = self.checked.saturating_sub(1);
        let checksum = self.input.u64().ok_or(FileError::Damaged { at })?;
        if checksum == 0 || checksum == self.checksum {
            Ok(())
        } else {
            Err(FileError::Checksum)
        }
    }
}

fn version(input: &mut Input<'_>) -> Option<u16> {
    (input.bytes(MAGIC.len() as u64)? == MAGIC).then_some(())?;
    let digits = input.bytes(VERSION_DIGITS)?;
    digits.iter().try_fold(0, |version, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        Some(version * 10 + u16::from(digit))
    })
}

/// An entry whose first byte has been read.
fn entry(input: &mut Input<'_>, mut first: u8, limits: &Limits) -> Option<Entry> {
    let (mut expire_ms, mut idle_s, mut frequency) = (None, None, None);
    loop {
        match first {
            opcode::EXPIRES_MS => expire_ms = Some(i64::from_le_bytes(input.array()?)),
            opcode::EXPIRES_S => {
                expire_ms = Some(i64::from(i32::from_le_bytes(input.array()?)) * 1000);
            }
            opcode::IDLE => idle_s = Some(input.plain_length()?),
            opcode::FREQUENCY => frequency = Some(input.byte()?),
            kind => {
                return Some(Entry {
                    key: string::read(input)?,
                    value: value::read(input, kind, limits)?,
                    expire_ms,
                    idle_s,
                    frequency,
                });
            }
        }
        first = input.byte()?;
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Record, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let at = self.bytes_read();
        self.add_to_checksum();
        let result = match self.record() {
            Some(Some(record)) => return Some(Ok(record)),
            Some(None) => self.check(),
            None => Err(FileError::Damaged { at }),
        };
        self.ended = true;
        result.err().map(Err)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut writer = Writer::new(true, false);
        writer.auxiliary("redis-ver", "7.0.15");
        let mut snapshot = writer.take();
        writer.database(3, 1, 1);
        let about = About {
            expire_ms: Some(4_102_444_800_000),
            idle_s: Some(9),
            frequency: None,
        };
        writer.entry(b"key", View::String(b"value"), about);
        snapshot.extend(writer.finish());
        snapshot
    }

    fn read(bytes: &[u8]) -> Result<Vec<Record>, FileError> {
        Reader::new(bytes, &Limits::default())?.collect()
    }

    /// A file as Redis 2.4 left it.
    #[test]
    fn old_files_have_packed_hashes_and_no_checksum() {
        let old = b"REDIS0003\xfe\x00\x09\x04hash\x0c\x02\x01f\x01\x00v\x01g\x01\x00w\xff\xff";
        let records = read(old).unwrap();
        let Some(Record::Entry(entry)) = records.last() else {
            panic!("no entry: {records:?}")
        };
        let Value::Object(crate::types::Value::Hash(hash)) = &entry.value else {
            panic!("no hash: {entry:?}")
        };
        assert_eq!((entry.key.as_slice(), hash.len()), (&b"hash"[..], 2));
    }

    #[test]
    fn what_is_written_is_read() {
        let records = read(&sample()).unwrap();
        let [
            Record::Auxiliary { name, value },
            Record::Select(3),
            Record::Sizes {
                keys: 1,
                volatile: 1,
            },
            Record::Entry(entry),
        ] = records.as_slice()
        else {
            panic!("{records:?}")
        };
        assert_eq!((&name[..], &value[..]), (&b"redis-ver"[..], &b"7.0.15"[..]));
        assert!(matches!(&entry.value, Value::String(value) if value == b"value"));
        assert_eq!((&entry.key[..], entry.idle_s), (&b"key"[..], Some(9)));
        assert_eq!(entry.expire_ms, Some(4_102_444_800_000));
    }

    #[test]
    fn damage_is_told_from_change() {
        let bytes = sample();
        assert_eq!(read(b"RUBIS0010").unwrap_err(), FileError::NoSnapshot);
        assert_eq!(read(b"REDIS0099").unwrap_err(), FileError::Version(99));
        for cut in 9..bytes.len() {
            assert!(read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let mut changed = bytes;
        let at = changed
            .windows(5)
            .position(|five| five == b"value")
            .unwrap();
        changed[at] = b'V';
        assert_eq!(read(&changed).unwrap_err(), FileError::Checksum);
    }
}
