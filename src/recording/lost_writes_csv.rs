//! `lost_writes.csv`: a row per acknowledged write that was lost.

use std::io::{self, Write};

use super::csv::field;
use super::losses::{self, Instead, LostWrite};
use super::model::{ReadBackRecord, Recording};
use crate::workload::plan::KeySpace;

const HEADER: &str = "cell,repetition,key,name,slot,written_s,found,found_written_s";

/// Writes the table of `recording`. Repetitions count from 1, times from the begin of the repetition; the slot is that of the key,
/// whether or not a cluster was driven.
///
/// # Errors
/// Where `out` fails or the columns of the recording are damaged.
pub(super) fn write(recording: &Recording, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{HEADER}")?;
    for cell in &recording.cells {
        for (number, repetition) in cell.repetitions.iter().enumerate() {
            if let Some(record) = &repetition.read_back {
                let prefix = format!("{},{}", field(&cell.label), number + 1);
                write_repetition(record, &recording.plan.keys, &prefix, out)?;
            }
        }
    }
    Ok(())
}

fn write_repetition(
    record: &ReadBackRecord,
    keys: &KeySpace,
    prefix: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    for lost in losses::list(record, keys, usize::MAX).map_err(io::Error::other)? {
        let LostWrite {
            key,
            name,
            slot,
            written_s,
            instead,
        } = lost;
        write!(
            out,
            "{prefix},{key},{},{slot},{written_s:.5},",
            field(&name)
        )?;
        match instead {
            Instead::Nothing => writeln!(out, "nothing,"),
            Instead::Unknown => writeln!(out, "unknown,"),
            Instead::Older(written_s) => writeln!(out, "older,{written_s:.5}"),
        }?;
    }
    Ok(())
}
