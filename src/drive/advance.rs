//! How far a phase has come, as its workers tell about ten times a second.

use std::collections::BTreeMap;

use super::spectrum::Spectrum;
use super::tally::Counts;

/// How far a phase has come: one worker, or all of them together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advance {
    /// Nanoseconds since the phase began.
    pub elapsed_ns: u64,
    /// Requests that fell due; on a closed loop, that were sent. Those that followed another are included.
    pub due: u64,
    /// Requests answered, those that followed another not included.
    pub requests: u64,
    /// What was counted.
    pub counts: Counts,
    /// Requests answered, by operation.
    pub by_operation: BTreeMap<String, u64>,
    /// Errors by kind.
    pub errors: BTreeMap<String, u64>,
    /// Requests sent that have no reply yet.
    pub in_flight: u64,
    /// Requests due that have not been sent yet; on an open loop only.
    pub owed: u64,
    /// Latencies so far: from the due time on an open loop, from the send on a closed one.
    pub latencies: Spectrum,
    /// Deliveries that subscribers heard: from when a publication was due (on a closed loop, sent) to each of them.
    pub deliveries: Spectrum,
}

impl Advance {
    /// Adds how far another worker, or another phase, has come.
    pub fn add(&mut self, other: &Self) {
        self.elapsed_ns = self.elapsed_ns.max(other.elapsed_ns);
        self.due += other.due;
        self.requests += other.requests;
        self.counts = self.counts.plus(&other.counts);
        self.in_flight += other.in_flight;
        self.owed += other.owed;
        self.latencies.add(&other.latencies);
        self.deliveries.add(&other.deliveries);
        add_counts(&mut self.by_operation, &other.by_operation);
        add_counts(&mut self.errors, &other.errors);
    }
}

fn add_counts(mine: &mut BTreeMap<String, u64>, theirs: &BTreeMap<String, u64>) {
    for (name, count) in theirs {
        *mine.entry(name.clone()).or_default() += count;
    }
}
