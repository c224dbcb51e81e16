//! How a phase went over time, in memory that does not grow with its length.
//!
//! Intervals begin 10 ms long. Whenever there are [`INTERVALS_MAX`], neighbours are merged in pairs and all later ones
//! are twice as long. An interval keeps what was counted in it and its latencies in the buckets of [`super::spectrum`],
//! while it is under way as a table, afterwards as the few buckets that were hit.

use std::collections::BTreeMap;

use super::spectrum::{BUCKETS, Spectrum, bucket, middle};
use super::tally::{Counts, by_kind, count_error};
use crate::recording::latency::quarter_of;

/// Length of the first intervals, nanoseconds.
const FIRST_WIDTH_NS: u64 = 10_000_000;
/// So many intervals are merged into half as many.
const INTERVALS_MAX: usize = 1_024;

/// Intervals of one phase, as one worker saw them.
#[derive(Debug, Clone)]
pub struct Timeline {
    began_ns: u64,
    width_ns: u64,
    closed: Vec<Interval>,
    /// Counts when the interval under way began.
    before: Counts,
    /// Latencies of the intervals that are over.
    past: Spectrum,
    /// Latencies of the interval under way.
    latencies: Box<[u32; BUCKETS]>,
    max_ns: u64,
    /// Errors of the interval under way, by kind.
    errors: Vec<(Box<[u8]>, u64)>,
    /// End of the interval under way.
    ends_ns: u64,
}

/// What happened in one interval.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interval {
    /// What was counted.
    pub counts: Counts,
    /// Largest latency, nanoseconds.
    pub max_ns: u64,
    /// Bucket and how often it was hit, in the order of the buckets.
    latencies: Vec<(u16, u32)>,
    errors: Vec<(Box<[u8]>, u64)>,
}

impl Timeline {
    /// A phase begins at `now_ns`.
    #[must_use]
    pub fn new(now_ns: u64) -> Self {
        Self {
            began_ns: now_ns,
            width_ns: FIRST_WIDTH_NS,
            closed: Vec::with_capacity(INTERVALS_MAX),
            before: Counts::default(),
            past: Spectrum::default(),
            latencies: Box::new([0; BUCKETS]),
            max_ns: 0,
            errors: Vec::new(),
            ends_ns: now_ns + FIRST_WIDTH_NS,
        }
    }

    /// Latency `ns` was seen `times`.
    #[inline]
    pub fn record(&mut self, ns: u64, times: u32) {
        if let Some(bucket) = self.latencies.get_mut(bucket(ns)) {
            *bucket = bucket.saturating_add(times);
        }
        self.max_ns = self.max_ns.max(ns);
    }

    /// An error of this kind came.
    #[cold]
    pub fn error(&mut self, kind: &[u8]) {
        count_error(&mut self.errors, kind, 1);
    }

    /// It is `now_ns`, and so much has been counted until now. To be called before what happens now is counted.
    #[inline]
    pub fn advance(&mut self, now_ns: u64, counts: &Counts) {
        if now_ns >= self.ends_ns {
            self.catch_up(now_ns, counts);
        }
    }

    /// All latencies that were recorded so far.
    #[must_use]
    pub fn seen(&self) -> Spectrum {
        let mut seen = self.past.clone();
        seen.add_table(&self.latencies);
        seen
    }

    /// The phase ended at `now_ns`: the intervals and their width in nanoseconds, of which the last may lack a part.
    #[must_use]
    pub fn finish(mut self, now_ns: u64, counts: &Counts) -> Intervals {
        self.advance(now_ns, counts);
        self.close(counts);
        Intervals {
            width_ns: self.width_ns,
            list: self.closed,
        }
    }

    #[cold]
    fn catch_up(&mut self, now_ns: u64, counts: &Counts) {
        while now_ns >= self.ends_ns {
            self.close(counts);
            if self.closed.len() >= INTERVALS_MAX {
                halve(&mut self.closed);
                self.width_ns *= 2;
            }
            self.ends_ns = self.began_ns + self.width_ns * (self.closed.len() as u64 + 1);
        }
    }

    fn close(&mut self, counts: &Counts) {
        let hit = self
            .latencies
            .iter()
            .zip(0_u16..)
            .filter(|(times, _)| **times > 0);
        self.closed.push(Interval {
            counts: counts.since(&self.before),
            max_ns: self.max_ns,
            latencies: hit.map(|(times, bucket)| (bucket, *times)).collect(),
            errors: std::mem::take(&mut self.errors),
        });
        self.before = *counts;
        self.past.add_table(&self.latencies);
        self.max_ns = 0;
        self.latencies.fill(0);
    }
}

/// The intervals of a phase that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intervals {
    /// Length of each, nanoseconds.
    pub width_ns: u64,
    /// In time order, without gaps.
    pub list: Vec<Interval>,
}

impl Intervals {
    /// Adds what another worker saw from the same moment on.
    pub fn merge(&mut self, mut other: Self) {
        while self.width_ns < other.width_ns {
            self.widen();
        }
        while other.width_ns < self.width_ns {
            other.widen();
        }
        let length = self.list.len().max(other.list.len());
        self.list.resize_with(length, Interval::default);
        for (mine, theirs) in self.list.iter_mut().zip(&other.list) {
            mine.merge(theirs);
        }
    }

    fn widen(&mut self) {
        halve(&mut self.list);
        self.width_ns *= 2;
    }
}

impl Interval {
    /// Latency below which a share `quantile` of the requests stayed, nanoseconds, to about 3 %; 0 where there were none.
    #[must_use]
    pub fn latency_ns(&self, quantile: f64) -> u64 {
        let total: u64 = self
            .latencies
            .iter()
            .map(|(_, times)| u64::from(*times))
            .sum();
        let wanted = (total as f64 * quantile).ceil() as u64;
        let mut seen = 0;
        for (bucket, times) in &self.latencies {
            seen += u64::from(*times);
            if seen >= wanted {
                return middle(*bucket).min(self.max_ns);
            }
        }
        self.max_ns
    }

    /// How often latencies were seen, by quarter of an octave ([`quarter_of`]), in rising order.
    #[must_use]
    pub fn quarters(&self) -> Vec<(u16, u64)> {
        let mut quarters: Vec<(u16, u64)> = Vec::new();
        for (bucket, times) in &self.latencies {
            let (quarter, times) = (quarter_of(middle(*bucket)), u64::from(*times));
            match quarters.last_mut() {
                Some((last, sum)) if *last == quarter => *sum += times,
                _ => quarters.push((quarter, times)),
            }
        }
        quarters
    }

    /// Errors by kind.
    #[must_use]
    pub fn errors(&self) -> BTreeMap<String, u64> {
        by_kind(&self.errors)
    }

    fn merge(&mut self, other: &Self) {
        self.counts = self.counts.plus(&other.counts);
        self.max_ns = self.max_ns.max(other.max_ns);
        for (kind, count) in &other.errors {
            count_error(&mut self.errors, kind, *count);
        }
        for (bucket, times) in &other.latencies {
            match self.latencies.binary_search_by_key(bucket, |entry| entry.0) {
                Ok(at) => {
                    if let Some(entry) = self.latencies.get_mut(at) {
                        entry.1 = entry.1.saturating_add(*times);
                    }
                }
                Err(at) => self.latencies.insert(at, (*bucket, *times)),
            }
        }
    }
}

/// Merges neighbours in pairs; a last one without a neighbour stays.
fn halve(intervals: &mut Vec<Interval>) {
    let mut wide = Vec::with_capacity(INTERVALS_MAX);
    let mut narrow = intervals.drain(..);
    while let Some(mut interval) = narrow.next() {
        if let Some(neighbour) = narrow.next() {
            interval.merge(&neighbour);
        }
        wide.push(interval);
    }
    drop(narrow);
    *intervals = wide;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A phase in which one request is answered at each of `times`, with latency `ns`.
    fn phase(times: &[u64], ns: u64) -> Intervals {
        let (mut timeline, mut counts) = (Timeline::new(0), Counts::default());
        for time in times {
            timeline.advance(*time, &counts);
            counts.operations += 1;
            timeline.record(ns, 1);
        }
        timeline.finish(times.last().copied().unwrap_or(0), &counts)
    }

    #[test]
    fn an_hour_takes_no_more_intervals_than_a_minute() {
        let times: Vec<u64> = (0..3_600_000).map(|ms| ms * 1_000_000).collect();
        let intervals = phase(&times, 50_000);
        assert!(intervals.list.len() <= INTERVALS_MAX);
        assert!(intervals.list.len() > INTERVALS_MAX / 2);
        let total: u64 = intervals
            .list
            .iter()
            .map(|interval| interval.counts.operations)
            .sum();
        assert_eq!(total, 3_600_000);
        let per_interval = intervals.width_ns / 1_000_000;
        for interval in intervals.list.iter().rev().skip(1) {
            assert_eq!(interval.counts.operations, per_interval);
            assert!(interval.latency_ns(0.5).abs_diff(50_000) < 2_000);
        }
    }

    #[test]
    fn errors_are_told_apart_by_interval() {
        let (mut timeline, counts) = (Timeline::new(0), Counts::default());
        timeline.error(b"OOM");
        timeline.advance(15_000_000, &counts);
        for kind in [&b"CLUSTERDOWN"[..], b"OOM", b"CLUSTERDOWN"] {
            timeline.error(kind);
        }
        let mut intervals = timeline.finish(15_000_000, &counts);
        let told = |interval: &Interval| {
            let errors = interval.errors();
            ["CLUSTERDOWN", "OOM"].map(|kind| errors.get(kind).copied().unwrap_or(0))
        };
        let each: Vec<_> = intervals.list.iter().map(told).collect();
        assert_eq!(each, [[0, 1], [2, 1]]);
        intervals.widen();
        assert_eq!(told(&intervals.list[0]), [2, 2]);
    }

    #[test]
    fn a_stall_shows_as_intervals_without_requests() {
        let intervals = phase(&[0, 1_000_000, 1_000_000_000], 1_000);
        let counts: Vec<u64> = intervals
            .list
            .iter()
            .map(|interval| interval.counts.operations)
            .collect();
        assert_eq!(
            (counts.len(), counts[0], counts[50], counts[100]),
            (101, 2, 0, 1)
        );
    }

    #[test]
    fn workers_are_merged_at_the_coarser_width() {
        let long: Vec<u64> = (0..20_000).map(|ms| ms * 1_000_000).collect();
        let mut merged = phase(&[0, 15_000_000], 1_000);
        merged.merge(phase(&long, 2_000));
        assert_eq!(merged.width_ns, 2 * FIRST_WIDTH_NS);
        assert_eq!(merged.list[0].counts.operations, 22);
        assert_eq!(merged.list[1].counts.operations, 20);
        assert!(merged.list[0].latency_ns(0.01).abs_diff(1_000) < 40);
        assert!(merged.list[0].latency_ns(0.99).abs_diff(2_000) < 80);
    }
}
