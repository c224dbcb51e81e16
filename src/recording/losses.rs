//! Lost writes one by one, out of their columns.

use super::keys::{Damaged, unpack_numbers};
use super::model::ReadBackRecord;
use crate::traffic::seal::STEP_NS;
use crate::traffic::{KeyNames, slot};
use crate::workload::plan::KeySpace;

/// An acknowledged write that was lost.
#[derive(Debug, Clone, PartialEq)]
pub struct LostWrite {
    /// Number of the key.
    pub key: u64,
    /// Its name.
    pub name: String,
    /// The slot that it has in a cluster.
    pub slot: u16,
    /// When it was sent, seconds since the repetition began.
    pub written_s: f64,
    /// What the key holds.
    pub instead: Instead,
}

/// What a key holds instead of what was lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Instead {
    /// Nothing.
    Nothing,
    /// What was written at this time, seconds since the repetition began.
    Older(f64),
    /// What this run never wrote.
    Unknown,
}

/// The lost writes of `record`, whose keys are `keys`, in the order of their keys, at most `limit` of them.
///
/// # Errors
/// Where the columns are damaged.
pub fn list(
    record: &ReadBackRecord,
    keys: &KeySpace,
    limit: usize,
) -> Result<Vec<LostWrite>, Damaged> {
    let names = KeyNames::new(keys);
    let column = |text: &str| unpack_numbers(text, record.lost);
    let losses = &record.losses;
    let (numbers, written) = (column(&losses.keys)?, column(&losses.written)?);
    let rows = numbers.iter().zip(written).zip(column(&losses.found)?);
    let lost = |((key, written), found): ((&u32, u32), u32)| {
        let mut name = Vec::new();
        names.append(u64::from(*key), &mut name);
        LostWrite {
            key: u64::from(*key),
            slot: slot::of_key(&name),
            name: String::from_utf8_lossy(&name).into_owned(),
            written_s: seconds(written),
            instead: match found {
                0 => Instead::Nothing,
                u32::MAX => Instead::Unknown,
                version => Instead::Older(seconds(version)),
            },
        }
    };
    Ok(rows.take(limit).map(lost).collect())
}

fn seconds(version: u32) -> f64 {
    u64::from(version.saturating_sub(1)).saturating_mul(STEP_NS) as f64 / 1e9
}
