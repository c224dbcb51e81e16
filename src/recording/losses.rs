//! Lost writes one by one, out of their columns.

use super::keys::{Damaged, unpack_numbers};
use super::model::ReadBackRecord;

/// Nanoseconds between two versions of a value.
pub const STEP_NS: u64 = 10_000;

/// An acknowledged write that was lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LostWrite {
    /// Number of the key.
    pub key: u64,
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

/// The lost writes of `record`, in the order of their keys, at most `limit` of them.
///
/// # Errors
/// Where the columns are damaged.
pub fn list(record: &ReadBackRecord, limit: usize) -> Result<Vec<LostWrite>, Damaged> {
    let column = |text: &str| unpack_numbers(text, record.lost);
    let losses = &record.losses;
    let (keys, written) = (column(&losses.keys)?, column(&losses.written)?);
    let rows = keys.iter().zip(written).zip(column(&losses.found)?);
    let lost = |((key, written), found): ((&u32, u32), u32)| LostWrite {
        key: u64::from(*key),
        written_s: seconds(written),
        instead: match found {
            0 => Instead::Nothing,
            u32::MAX => Instead::Unknown,
            version => Instead::Older(seconds(version)),
        },
    };
    Ok(rows.take(limit).map(lost).collect())
}

fn seconds(version: u32) -> f64 {
    u64::from(version.saturating_sub(1)).saturating_mul(STEP_NS) as f64 / 1e9
}
