//! Comma-separated values: columns found by their names, or in the fixed order of Twitter's cluster traces.

use csv::ByteRecord;

use super::source::Bytes;
use super::{Access, Action, Columns, Fault, Key, Kind, Request, SinceFirst, checked, shown};

/// Where each figure stands in a row.
struct Places {
    key: usize,
    time: Option<usize>,
    size: Option<usize>,
    operation: Option<usize>,
    ttl: Option<usize>,
}

/// `twitter/cache-trace`: timestamp, key, key size, value size, client, operation, TTL.
const TWITTER: Places = Places {
    key: 1,
    time: Some(0),
    size: Some(3),
    operation: Some(5),
    ttl: Some(6),
};

impl Places {
    /// Columns that a row has at the least.
    fn columns(&self) -> usize {
        let others = [self.time, self.size, self.operation, self.ttl];
        let last = others.into_iter().flatten().fold(self.key, usize::max);
        last + 1
    }
}

pub(super) struct Records {
    rows: csv::Reader<Bytes>,
    row: ByteRecord,
    places: Places,
    times: SinceFirst,
}

impl Records {
    pub(super) fn twitter(bytes: Bytes) -> Self {
        Self::new(csv_reader(bytes, false), TWITTER)
    }

    /// Finds the columns by the names in the first line.
    pub(super) fn named(bytes: Bytes, columns: &Columns) -> Result<Self, Fault> {
        let mut rows = csv_reader(bytes, true);
        let header = rows.byte_headers().map_err(csv_fault)?.clone();
        let place = |name: &String| find(&header, name);
        let optional = |name: &Option<String>| name.as_ref().map(place).transpose();
        let places = Places {
            key: place(&columns.key)?,
            time: optional(&columns.time)?,
            size: optional(&columns.size)?,
            operation: optional(&columns.operation)?,
            ttl: optional(&columns.ttl)?,
        };
        Ok(Self::new(rows, places))
    }

    fn new(rows: csv::Reader<Bytes>, places: Places) -> Self {
        Self {
            rows,
            row: ByteRecord::new(),
            places,
            times: SinceFirst::default(),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Request<'_>>, Fault> {
        if !self
            .rows
            .read_byte_record(&mut self.row)
            .map_err(csv_fault)?
        {
            return Ok(None);
        }
        let offset = self.row.position().map_or(0, csv::Position::byte);
        let malformed = |what| Fault::Malformed { offset, what };
        let (found, wanted) = (self.row.len(), self.places.columns());
        if found < wanted {
            let what = format!("the row ends after {found} of {wanted} columns; was it cut?");
            return Err(malformed(what));
        }
        let row = Row { row: &self.row };
        let time_ns = row.seconds(self.places.time, "time").map_err(malformed)?;
        let access = Access {
            key: Key::Name(row.key(self.places.key).map_err(malformed)?),
            kind: row.kind(self.places.operation).map_err(malformed)?,
            size: row
                .number(self.places.size, "size")
                .and_then(|size| size.map(checked).transpose())
                .map_err(malformed)?,
            ttl_s: row
                .number(self.places.ttl, "TTL")
                .map_err(malformed)?
                .filter(|ttl_s| *ttl_s > 0),
        };
        let at_ns = match time_ns {
            Some(time_ns) => self.times.at(time_ns),
            None => self.times.latest_ns,
        };
        Ok(Some(Request {
            at_ns,
            action: Action::Access(access),
        }))
    }
}

fn csv_reader(bytes: Bytes, has_headers: bool) -> csv::Reader<Bytes> {
    csv::ReaderBuilder::new()
        .has_headers(has_headers)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(bytes)
}

fn find(header: &ByteRecord, name: &str) -> Result<usize, Fault> {
    header
        .iter()
        .position(|column| column.eq_ignore_ascii_case(name.as_bytes()))
        .ok_or_else(|| {
            let there: Vec<_> = header.iter().map(shown).collect();
            let what = format!(
                "no column `{name}`; the first line names {}",
                there.join(", ")
            );
            Fault::Malformed { offset: 0, what }
        })
}

fn csv_fault(error: csv::Error) -> Fault {
    let offset = error.position().map_or(0, csv::Position::byte);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Fault::Io(error),
        other => Fault::Malformed {
            offset,
            what: format!("{other:?}"),
        },
    }
}

/// One row, read by place.
struct Row<'a> {
    row: &'a ByteRecord,
}

impl<'a> Row<'a> {
    fn key(&self, place: usize) -> Result<&'a [u8], String> {
        self.row
            .get(place)
            .filter(|key| !key.is_empty())
            .ok_or_else(|| "the key is missing".to_owned())
    }

    /// An empty or missing cell is no figure; one that is no number is an error.
    fn number(&self, place: Option<usize>, what: &str) -> Result<Option<u32>, String> {
        let Some(cell) = self.cell(place) else {
            return Ok(None);
        };
        let number = std::str::from_utf8(cell)
            .ok()
            .and_then(|cell| cell.parse().ok());
        number.map(Some).ok_or_else(|| {
            format!(
                "the {what} is {}, not a whole number up to {}",
                shown(cell),
                u32::MAX
            )
        })
    }

    fn seconds(&self, place: Option<usize>, what: &str) -> Result<Option<u64>, String> {
        let Some(cell) = self.cell(place) else {
            return Ok(None);
        };
        let number = std::str::from_utf8(cell).ok().and_then(seconds_to_ns);
        number
            .map(Some)
            .ok_or_else(|| format!("the {what} is {}, not a number of seconds", shown(cell)))
    }

    fn kind(&self, place: Option<usize>) -> Result<Kind, String> {
        let Some(cell) = self.cell(place) else {
            return Ok(Kind::Get);
        };
        Kind::named(cell).ok_or_else(|| {
            format!(
                "the operation is {}; known are get, set, delete, incr and their like",
                shown(cell)
            )
        })
    }

    fn cell(&self, place: Option<usize>) -> Option<&'a [u8]> {
        self.row.get(place?).filter(|cell| !cell.is_empty())
    }
}

/// Decimal seconds to nanoseconds, in integers: a float would lose the microseconds of a Unix time.
pub(super) fn seconds_to_ns(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.get(..9).unwrap_or(fraction);
    let scale = 10u64.checked_pow(9 - u32::try_from(digits.len()).ok()?)?;
    let fraction_ns = if digits.is_empty() {
        0
    } else {
        digits.parse::<u64>().ok()? * scale
    };
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(1_000_000_000)?
        .checked_add(fraction_ns)
}
