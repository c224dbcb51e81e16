//! Whole snapshots, read as their bytes come: a part at a time, of which the longest is all that is ever held.

use super::file::{Entry, FileError, MAGIC, Record, VERSION_DIGITS, opcode};
use super::wire::Input;
use super::{VERSION_MAX, crc64, string, value};
use crate::types::Limits;

/// Files of versions before have no checksum.
const VERSION_OF_CHECKSUMS: u16 = 5;
/// The longest part, which is a key with its value, in bytes.
pub(super) const PART_BYTES_MAX: usize = 4 << 30;
/// What is kept allocated when there is little to hold.
const BUFFER_BYTES_KEPT: usize = 1 << 20;

/// Goes through a snapshot. As an iterator it yields records that are complete so far, all of them once it is
/// [closed](Reader::close); it [is over](Reader::is_over) with the end and after an error.
#[derive(Debug)]
pub struct Reader {
    limits: Limits,
    /// Unknown before the header has been read.
    version: Option<u16>,
    /// What has come, from a part's beginning on.
    buffer: Vec<u8>,
    /// How much of it has been read.
    start: usize,
    /// How much was read before it.
    before: usize,
    /// A part is not tried before so many bytes of it are there.
    needed: usize,
    /// Of what has been read.
    checksum: u64,
    is_closed: bool,
    is_over: bool,
}

/// What a snapshot is made of.
enum Part {
    Header(u16),
    Record(Record),
    /// The end, with the checksum where there is one.
    End(Option<u64>),
}

impl Reader {
    /// A reader of what it will be fed, which gives values the form that `limits` ask for.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            version: None,
            buffer: Vec::new(),
            start: 0,
            before: 0,
            needed: 0,
            checksum: 0,
            is_closed: false,
            is_over: false,
        }
    }

    /// A reader of a snapshot that is there as a whole.
    #[must_use]
    pub fn whole(snapshot: Vec<u8>, limits: Limits) -> Self {
        Self {
            buffer: snapshot,
            is_closed: true,
            ..Self::new(limits)
        }
    }

    /// Takes the bytes that follow those before. What comes behind the end is not kept.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.is_over {
            return;
        }
        self.before += self.start;
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.buffer.len() < BUFFER_BYTES_KEPT {
            self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Nothing more will come: a part that is not complete never will be.
    pub fn close(&mut self) {
        self.is_closed = true;
    }

    /// How many bytes have been read.
    #[must_use]
    pub fn bytes_read(&self) -> usize {
        self.before + self.start
    }

    /// Whether the end has been read, or it was given up.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The next part; `None` while it is not there as a whole.
    fn part(&mut self) -> Result<Option<Part>, FileError> {
        let unread = self.buffer.get(self.start..).unwrap_or_default();
        if unread.len() < self.needed && !self.is_closed {
            return Ok(None);
        }
        let mut input = Input::new(unread);
        let part = match self.version {
            None => version(&mut input).map(Part::Header),
            Some(version) => part(&mut input, version, &self.limits),
        };
        match part {
            Some(part) => {
                self.pass(input.len());
                Ok(Some(part))
            }
            None => self.wait_for(input.missing()),
        }
    }

    /// Goes on behind a part, with so many bytes left to read.
    fn pass(&mut self, left: usize) {
        let end = self.buffer.len() - left;
        let passed = self.buffer.get(self.start..end).unwrap_or_default();
        self.checksum = crc64::extend(self.checksum, passed);
        (self.start, self.needed) = (end, 0);
    }

    /// A part that could not be read is tried again when at least what it lacked has come, and as much as was there: the
    /// longest take their time, in proportion to their length.
    fn wait_for(&mut self, missing: usize) -> Result<Option<Part>, FileError> {
        let at = self.bytes_read();
        if missing == 0 || self.is_closed {
            let is_header = self.version.is_none();
            return Err(if is_header {
                FileError::NoSnapshot
            } else {
                FileError::Damaged { at }
            });
        }
        let unread = self.buffer.len() - self.start;
        let least = unread.saturating_add(missing);
        if least > PART_BYTES_MAX {
            return Err(FileError::Overlong { at });
        }
        self.needed = least.max((unread * 2).min(PART_BYTES_MAX));
        Ok(None)
    }

    /// Takes note of a part; says what it is to whoever reads, if anything.
    fn accept(&mut self, part: Part, before: u64) -> Result<Option<Record>, FileError> {
        match part {
            Part::Record(record) => return Ok(Some(record)),
            Part::Header(version) if version > VERSION_MAX => {
                return Err(FileError::Version(version));
            }
            Part::Header(version) => self.version = Some(version),
            Part::End(checksum) => {
                self.is_over = true;
                let is = crc64::extend(before, &[opcode::END]);
                // One of 0 was not made.
                if checksum.is_some_and(|told| told != 0 && told != is) {
                    return Err(FileError::Checksum);
                }
            }
        }
        Ok(None)
    }
}

impl Iterator for Reader {
    type Item = Result<Record, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            let before = self.checksum;
            let part = self.part().transpose()?;
            match part.and_then(|part| self.accept(part, before)) {
                Ok(None) => {}
                Ok(Some(record)) => return Some(Ok(record)),
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
            }
        }
        None
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

fn part(input: &mut Input<'_>, version: u16, limits: &Limits) -> Option<Part> {
    let record = match input.byte()? {
        opcode::END if version < VERSION_OF_CHECKSUMS => return Some(Part::End(None)),
        opcode::END => return Some(Part::End(Some(input.u64()?))),
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
        first => Record::Entry(Box::new(entry(input, first, limits)?)),
    };
    Some(Part::Record(record))
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

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::super::file::{About, Writer};
    use super::*;
    use crate::types::{self, View};

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
        Reader::whole(bytes.to_vec(), Limits::default()).collect()
    }

    /// A file as Redis 2.4 left it.
    #[test]
    fn old_files_have_packed_hashes_and_no_checksum() {
        let old = b"REDIS0003\xfe\x00\x09\x04hash\x0c\x02\x01f\x01\x00v\x01g\x01\x00w\xff\xff";
        let records = read(old).unwrap();
        let Some(Record::Entry(entry)) = records.last() else {
            panic!("no entry: {records:?}")
        };
        let Value::Object(types::Value::Hash(hash)) = &entry.value else {
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

    /// The records as a debugging text, of a snapshot that comes in pieces.
    fn read_in_pieces(bytes: &[u8], length: usize) -> Result<String, FileError> {
        let mut reader = Reader::new(Limits::default());
        let mut records = Vec::new();
        for piece in bytes.chunks(length) {
            reader.feed(piece);
            records.extend(reader.by_ref().collect::<Result<Vec<_>, _>>()?);
        }
        reader.close();
        records.extend(reader.by_ref().collect::<Result<Vec<_>, _>>()?);
        assert!(reader.is_over());
        assert_eq!(reader.bytes_read(), bytes.len());
        Ok(format!("{records:?}"))
    }

    #[test]
    fn a_snapshot_may_come_in_pieces_of_any_length() {
        let mut writer = Writer::new(false, false);
        let mut set = types::Set::new();
        for number in 0..3000_u32 {
            set.add(format!("member {number}").as_bytes(), &Limits::default());
        }
        let set = types::Value::Set(set);
        writer.entry(b"set", View::Object(&set), About::default());
        writer.entry(b"text", View::String(&[b't'; 70_000]), About::default());
        for snapshot in [sample(), writer.finish()] {
            let whole = format!("{:?}", read(&snapshot).unwrap());
            for length in [1, 2, 7, 1000, 65_536, snapshot.len()] {
                let pieces = read_in_pieces(&snapshot, length.max(snapshot.len() / 2000));
                assert_eq!(pieces.as_ref(), Ok(&whole), "{length}");
            }
        }
    }

    #[test]
    fn no_more_is_held_than_the_part_under_way() {
        let mut writer = Writer::new(false, false);
        let mut reader = Reader::new(Limits::default());
        for number in 0..100_000_u32 {
            writer.entry(
                &number.to_be_bytes(),
                View::String(b"value"),
                About::default(),
            );
            reader.feed(&writer.take());
            assert!(reader.by_ref().all(|record| record.is_ok()));
            assert!(reader.buffer.len() < 64);
        }
        reader.feed(&writer.finish());
        reader.close();
        assert!(reader.next().is_none() && reader.is_over());
        reader.feed(&[0; 1000]);
        assert!(
            reader.buffer.len() < 64,
            "what comes behind the end is not kept"
        );
    }

    #[test]
    fn a_length_that_nothing_has_ends_it_at_once() {
        let mut reader = Reader::new(Limits::default());
        reader.feed(b"REDIS0010\x00\x81\x00\x00\x00\xff\x00\x00\x00\x00key");
        let overlong = FileError::Overlong { at: 9 };
        assert_eq!(reader.next().map(Result::err), Some(Some(overlong)));
        assert!(reader.is_over() && reader.next().is_none());
    }
}
