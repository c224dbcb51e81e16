//! How requests spread over the nodes and slots of a cluster in the course of a repetition, in memory that does not grow with
//! its length: when there are [`SLICES_MAX`] slices of time, neighbours are merged and later ones are twice as long.

use std::sync::Arc;
use std::time::Instant;

use crate::drive::cluster::Map;
use crate::recording::keys::pack_numbers;
use crate::recording::model::{ClusterLoad, ClusterSlice, HotSlot, SlotsRecord};

/// Length of the first slices, seconds.
const FIRST_WIDTH_S: f64 = 0.1;
/// So many slices are merged into half as many.
const SLICES_MAX: usize = 160;
/// Slots whose requests are counted together over time.
const RANGE_SLOTS: usize = 128;
/// Times that slots changed hands; later ones are not kept.
const CHANGES_MAX: usize = 1_000;
/// Slices nearer than this touch, seconds.
const MOMENT_S: f64 = 1e-6;

/// What is counted of a cluster while it is driven.
pub(super) struct Chart {
    map: Arc<Map>,
    origin: Instant,
    width_s: f64,
    /// Begin of the slice under way.
    at_s: f64,
    before: Counts,
    /// Requests by slot when the phase began.
    began: Vec<u64>,
    owners: Vec<u16>,
    slices: Vec<Slice>,
    changes: Vec<SlotsRecord>,
    hottest: Vec<HotSlot>,
}

#[derive(Debug, Clone, Default)]
struct Counts {
    nodes: Vec<u64>,
    slots: Vec<u64>,
}

#[derive(Debug, Clone)]
struct Slice {
    at_s: f64,
    length_s: f64,
    nodes: Vec<u64>,
    ranges: Vec<u64>,
}

impl Chart {
    /// Times count from `origin`.
    pub(super) fn new(map: Arc<Map>, origin: Instant) -> Self {
        Self {
            map,
            origin,
            width_s: FIRST_WIDTH_S,
            at_s: 0.0,
            before: Counts::default(),
            began: Vec::new(),
            owners: Vec::new(),
            slices: Vec::new(),
            changes: Vec::new(),
            hottest: Vec::new(),
        }
    }

    /// A phase begins.
    pub(super) fn begin(&mut self) {
        self.before = self.counts();
        self.began.clone_from(&self.before.slots);
        self.at_s = self.now_s();
        self.note_owners(self.at_s);
    }

    /// Takes a look; to be called some ten times a second.
    pub(super) fn look(&mut self) {
        let now_s = self.now_s();
        self.note_owners(now_s);
        if now_s - self.at_s >= self.width_s {
            self.close(now_s);
        }
    }

    /// The phase of that index is over.
    pub(super) fn end(&mut self, phase: usize) {
        let now_s = self.now_s();
        self.note_owners(now_s);
        self.close(now_s);
        let slots = self.before.slots.iter().zip(&self.began);
        let requests: Vec<u64> = slots.map(|(now, began)| now - began).collect();
        let hottest = requests.iter().enumerate().max_by_key(|(_, count)| **count);
        if let Some((slot, count)) = hottest.filter(|(_, count)| **count > 0) {
            self.hottest.push(HotSlot {
                phase,
                slot: u16::try_from(slot).unwrap_or_default(),
                requests: *count,
                of: requests.iter().sum(),
                key: None,
            });
        }
    }

    /// What was counted; nodes are called by `name` of their addresses.
    pub(super) fn record(self, name: impl Fn(std::net::SocketAddr) -> String) -> ClusterLoad {
        let nodes: Vec<String> = self.map.addresses().into_iter().map(name).collect();
        let ranges = self.slices.iter().flat_map(|slice| &slice.ranges);
        let ranges = ranges.map(|count| u32::try_from(*count).unwrap_or(u32::MAX));
        let slice = |slice: &Slice| ClusterSlice {
            at_s: slice.at_s,
            length_s: slice.length_s,
            requests: slice.nodes.clone(),
        };
        ClusterLoad {
            nodes,
            slots_per_range: RANGE_SLOTS as u64,
            requests_by_range: pack_numbers(ranges),
            slices: self.slices.iter().map(slice).collect(),
            owners: self.changes,
            hottest: self.hottest,
        }
    }

    fn now_s(&self) -> f64 {
        self.origin.elapsed().as_secs_f64()
    }

    fn counts(&self) -> Counts {
        Counts {
            nodes: self.map.requests_by_node(),
            slots: self.map.requests_by_slot(),
        }
    }

    /// Ends the slice under way.
    fn close(&mut self, now_s: f64) {
        let now = self.counts();
        let since = |(place, count): (usize, &u64)| {
            count - self.before.nodes.get(place).copied().unwrap_or_default()
        };
        let nodes = now.nodes.iter().enumerate().map(since).collect();
        let ranges = now.slots.chunks(RANGE_SLOTS);
        let ranges = ranges.zip(self.before.slots.chunks(RANGE_SLOTS));
        let sum = |slots: &[u64]| slots.iter().sum::<u64>();
        let ranges = ranges.map(|(now, before)| sum(now) - sum(before)).collect();
        self.slices.push(Slice {
            at_s: self.at_s,
            length_s: now_s - self.at_s,
            nodes,
            ranges,
        });
        (self.before, self.at_s) = (now, now_s);
        if self.slices.len() >= SLICES_MAX {
            self.slices = halved(std::mem::take(&mut self.slices));
            self.width_s *= 2.0;
        }
    }

    /// Keeps which slots have another master than before.
    fn note_owners(&mut self, now_s: f64) {
        let owners = self.map.owners();
        if owners == self.owners {
            return;
        }
        let is_new = |slot: usize| owners.get(slot) != self.owners.get(slot);
        let places: Vec<(u16, u16, bool)> = (0_u16..)
            .zip(&owners)
            .map(|(slot, owner)| (slot, *owner, is_new(usize::from(slot))))
            .collect();
        for run in places.chunk_by(|a, b| (a.1, a.2) == (b.1, b.2)) {
            if let (Some((first, node, true)), Some((last, ..))) = (run.first(), run.last())
                && self.changes.len() < CHANGES_MAX
            {
                self.changes.push(SlotsRecord {
                    at_s: now_s,
                    first: *first,
                    last: *last,
                    node: usize::from(*node),
                });
            }
        }
        self.owners = owners;
    }
}

/// Neighbours in pairs, as far as they touch.
fn halved(slices: Vec<Slice>) -> Vec<Slice> {
    let (mut wide, mut is_pair): (Vec<Slice>, bool) = (Vec::new(), true);
    for slice in slices {
        let open = wide.last_mut().filter(|_| !is_pair);
        match open.filter(|open| (open.at_s + open.length_s - slice.at_s).abs() < MOMENT_S) {
            Some(open) => {
                open.length_s += slice.length_s;
                add(&mut open.nodes, &slice.nodes);
                add(&mut open.ranges, &slice.ranges);
                is_pair = true;
            }
            None => {
                wide.push(slice);
                is_pair = false;
            }
        }
    }
    wide
}

fn add(mine: &mut Vec<u64>, theirs: &[u64]) {
    mine.resize(mine.len().max(theirs.len()), 0);
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        *mine += theirs;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(at_s: f64, nodes: &[u64]) -> Slice {
        Slice {
            at_s,
            length_s: 1.0,
            nodes: nodes.to_vec(),
            ranges: vec![1],
        }
    }

    #[test]
    fn neighbours_are_merged_but_not_across_a_pause() {
        let slices = [
            slice(0.0, &[1]),
            slice(1.0, &[2, 5]),
            slice(2.0, &[3]),
            slice(9.0, &[4]),
            slice(10.0, &[5]),
        ];
        let wide = halved(slices.to_vec());
        let seen: Vec<_> = wide
            .iter()
            .map(|one| (one.at_s, one.length_s, one.nodes.clone()))
            .collect();
        let expected = [
            (0.0, 2.0, vec![3, 5]),
            (2.0, 1.0, vec![3]),
            (9.0, 2.0, vec![9]),
        ];
        assert_eq!(seen, expected);
    }
}
