//! Events that took longer than `latency-monitor-threshold`: LATENCY.

use std::collections::{BTreeMap, VecDeque};

/// The most spikes kept of one event.
const SPIKES_KEPT: usize = 160;

/// The spikes of one event.
#[derive(Debug, Clone, Default)]
pub struct Spikes {
    /// When, in seconds since the Unix epoch, and how long, in milliseconds; oldest first, one a second.
    pub latest: VecDeque<(i64, u64)>,
    /// The longest ever, in milliseconds.
    pub worst_ms: u64,
}

/// The spikes of every event.
#[derive(Debug, Default)]
pub struct LatencyMonitor {
    events: BTreeMap<&'static str, Spikes>,
}

impl LatencyMonitor {
    /// Notes that `event` took `ns`, if that is `threshold_ms` or more and the threshold is not 0.
    #[inline]
    pub fn note(&mut self, event: &'static str, ns: u64, threshold_ms: u64, now_ms: i64) {
        let took_ms = ns / 1_000_000;
        if threshold_ms > 0 && took_ms >= threshold_ms {
            self.add(event, took_ms, now_ms / 1000);
        }
    }

    /// Every event that had spikes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, &Spikes)> {
        self.events.iter().map(|(event, spikes)| (*event, spikes))
    }

    /// The spikes of one event.
    #[must_use]
    pub fn of(&self, event: &[u8]) -> Option<&Spikes> {
        self.events.get(std::str::from_utf8(event).ok()?)
    }

    /// Forgets the spikes of one event, or of all; says of how many events.
    pub fn reset(&mut self, event: Option<&[u8]>) -> usize {
        let before = self.events.len();
        self.events
            .retain(|known, _| event.is_some_and(|event| event != known.as_bytes()));
        before - self.events.len()
    }

    fn add(&mut self, event: &'static str, took_ms: u64, now_s: i64) {
        let spikes = self.events.entry(event).or_default();
        spikes.worst_ms = spikes.worst_ms.max(took_ms);
        match spikes.latest.back_mut() {
            Some((second, longest_ms)) if *second == now_s => {
                *longest_ms = took_ms.max(*longest_ms)
            }
            _ => spikes.latest.push_back((now_s, took_ms)),
        }
        if spikes.latest.len() > SPIKES_KEPT {
            spikes.latest.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_of_one_second_are_one() {
        let mut monitor = LatencyMonitor::default();
        for (ms, at_ms) in [(20, 1000), (30, 1900), (25, 2000), (5, 3000)] {
            monitor.note("command", ms * 1_000_000, 10, at_ms);
        }
        let spikes = monitor.of(b"command").unwrap();
        assert_eq!(
            (spikes.latest.as_slices().0, spikes.worst_ms),
            (&[(1, 30), (2, 25)][..], 30)
        );
        assert_eq!((monitor.reset(Some(b"fork")), monitor.reset(None)), (0, 1));
    }
}
