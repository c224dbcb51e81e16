//! Repetitions of one curve: their mean, and the band from the smallest to the largest.

use std::collections::BTreeMap;

use crate::recording::model::{Bucket, CellRecord, SurvivalRecord};
use crate::stats::Summary;

/// A curve that was measured once or several times.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Curve {
    /// Place, and the mean of what was observed there.
    pub(super) mean: Vec<(f64, Option<f64>)>,
    /// Place, smallest and largest; empty for a single repetition.
    pub(super) spread: Vec<(f64, Option<(f64, f64)>)>,
}

impl Curve {
    /// Of the values that repetitions observed at the same places, in rising order of places.
    pub(super) fn of(
        repetitions: usize,
        points: impl IntoIterator<Item = (f64, Vec<f64>)>,
    ) -> Self {
        let mut curve = Self::default();
        for (x, values) in points {
            let summary = Summary::of(&values);
            curve.mean.push((x, summary.map(|summary| summary.mean)));
            if repetitions > 1 {
                curve
                    .spread
                    .push((x, summary.map(|summary| (summary.min, summary.max))));
            }
        }
        curve
    }

    /// The last point that is there.
    pub(super) fn end(&self) -> Option<(f64, f64)> {
        self.mean
            .iter()
            .rev()
            .find_map(|(x, y)| y.map(|y| (x, y)))
            .map(|(x, y)| (*x, y))
    }
}

/// A bucket of keys over the repetitions of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Share {
    /// First rank of the bucket, and one past its last.
    pub(super) ranks: (u64, u64),
    /// Of all keys of the bucket, how many were written; a share per repetition.
    pub(super) written: Vec<f64>,
    /// Of all keys of the bucket, how many were present; a share per repetition.
    pub(super) present: Vec<f64>,
}

/// Buckets of `cell` in some order, repetitions joined by their first rank.
pub(super) fn shares(
    cell: &CellRecord,
    order: impl Fn(&SurvivalRecord) -> &[Bucket],
) -> Vec<Share> {
    let mut joined: BTreeMap<u64, Share> = BTreeMap::new();
    let survivals = cell
        .repetitions
        .iter()
        .filter_map(|repetition| repetition.survival.as_ref());
    for bucket in survivals.flat_map(order) {
        let new = Share {
            ranks: (bucket.from, bucket.to),
            written: Vec::new(),
            present: Vec::new(),
        };
        let share = joined.entry(bucket.from).or_insert(new);
        share.ranks.1 = share.ranks.1.max(bucket.to);
        let keys = bucket.to.saturating_sub(bucket.from).max(1) as f64;
        share.written.push(bucket.written as f64 / keys);
        share.present.push(bucket.present as f64 / keys);
    }
    joined.into_values().collect()
}
