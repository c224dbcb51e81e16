//! `survival.csv`: a row per cell, repetition and key, streamed.

use std::io::{self, Write};

use super::csv::field;
use super::keys::{unpack_bits, unpack_numbers};
use super::model::{Recording, SurvivalRecord};
use crate::traffic::KeyNames;
use crate::workload::plan::Plan;

const HEADER: &str = "cell,repetition,key,name,groups,written,touches,last_access_rank,present";

/// Writes the table of `recording`. Repetitions count from 1; groups are joined by `|`; booleans are 0 and 1; rank 0
/// is the key touched last, and empty where the key was never touched.
///
/// # Errors
/// Where `out` fails or the figures per key are damaged.
pub(super) fn write(recording: &Recording, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{HEADER}")?;
    for cell in &recording.cells {
        for (number, repetition) in cell.repetitions.iter().enumerate() {
            if let Some(survival) = &repetition.survival {
                let prefix = format!("{},{}", field(&cell.label), number + 1);
                write_repetition(&recording.plan, survival, &prefix, out)?;
            }
        }
    }
    Ok(())
}

fn write_repetition(
    plan: &Plan,
    survival: &SurvivalRecord,
    prefix: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    let count = plan.keys.count;
    let present = unpack_bits(&survival.present_bits, count).map_err(io::Error::other)?;
    let written = unpack_bits(&survival.written_bits, count).map_err(io::Error::other)?;
    let ranks = unpack_numbers(&survival.last_access_ranks, count).map_err(io::Error::other)?;
    let touches = unpack_numbers(&survival.touches, count).map_err(io::Error::other)?;
    let name_of = KeyNames::new(&plan.keys);
    let mut name = Vec::new();
    let rows = present.iter().zip(&written).zip(ranks.iter().zip(&touches));
    for (key, ((&present, &written), (&rank, touches))) in (0_u64..).zip(rows) {
        name.clear();
        name_of.append(key, &mut name);
        let name = String::from_utf8_lossy(&name);
        let rank = if rank == u32::MAX {
            String::new()
        } else {
            rank.to_string()
        };
        let (name, groups) = (field(&name), groups_of(plan, key));
        let (written, present) = (u8::from(written), u8::from(present));
        writeln!(
            out,
            "{prefix},{key},{name},{},{written},{touches},{rank},{present}",
            field(&groups)
        )?;
    }
    Ok(())
}

fn groups_of(plan: &Plan, key: u64) -> String {
    let names = plan
        .survival
        .groups
        .iter()
        .filter(|group| group.keys.contains(&key))
        .map(|group| group.name.as_str());
    names.collect::<Vec<_>>().join("|")
}
