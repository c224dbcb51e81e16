//! libCacheSim's oracleGeneral: 24 bytes a record, little-endian, no header.

use std::io::Read;

use super::source::Bytes;
use super::{Access, Action, Fault, Key, Kind, Request, SinceFirst, checked};

const RECORD_BYTES: usize = 24;
const NS_PER_S: u64 = 1_000_000_000;

pub(super) struct Records {
    bytes: Bytes,
    offset: u64,
    times: SinceFirst,
}

impl Records {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            offset: 0,
            times: SinceFirst::default(),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Request<'_>>, Fault> {
        let mut record = [0; RECORD_BYTES];
        let read = fill(&mut self.bytes, &mut record)?;
        if read == 0 {
            return Ok(None);
        }
        if read < RECORD_BYTES {
            let what = format!(
                "the file ends {read} bytes into a record of {RECORD_BYTES}; is it whole, and oracleGeneral?"
            );
            return Err(Fault::Malformed {
                offset: self.offset,
                what,
            });
        }
        let offset = self.offset;
        self.offset += RECORD_BYTES as u64;
        let [
            t0,
            t1,
            t2,
            t3,
            i0,
            i1,
            i2,
            i3,
            i4,
            i5,
            i6,
            i7,
            s0,
            s1,
            s2,
            s3,
            ..,
        ] = record;
        let time_s = u32::from_le_bytes([t0, t1, t2, t3]);
        let size = checked(u32::from_le_bytes([s0, s1, s2, s3]))
            .map_err(|what| Fault::Malformed { offset, what })?;
        let access = Access {
            key: Key::Id(u64::from_le_bytes([i0, i1, i2, i3, i4, i5, i6, i7])),
            kind: Kind::Get,
            size: Some(size),
            ttl_s: None,
        };
        Ok(Some(Request {
            at_ns: self.times.at(u64::from(time_s) * NS_PER_S),
            action: Action::Access(access),
        }))
    }
}

/// Reads until `record` is full or the bytes end; how many were read.
fn fill(bytes: &mut Bytes, record: &mut [u8; RECORD_BYTES]) -> std::io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = record.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match bytes.read(rest) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
