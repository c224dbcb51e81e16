//! Which node had which slots, over the time of a repetition.

use crate::recording::model::{ClusterLoad, SlotsRecord};

/// Slots of a cluster.
pub(super) const SLOTS: u16 = 16_384;

/// Neighbouring slots with one master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) node: usize,
}

/// A stretch of time in which slots stay where they are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stretch {
    pub(super) from_s: f64,
    pub(super) runs: Vec<Run>,
}

/// The stretches of a repetition, in time order.
pub(super) fn stretches(load: &ClusterLoad) -> Vec<Stretch> {
    let mut owners: Vec<Option<usize>> = vec![None; usize::from(SLOTS)];
    let mut stretches = Vec::new();
    for changes in load.owners.chunk_by(|a, b| a.at_s == b.at_s) {
        for SlotsRecord {
            first, last, node, ..
        } in changes
        {
            let (first, last) = (usize::from(*first), usize::from(*last));
            if let Some(slots) = owners.get_mut(first..=last) {
                slots.fill(Some(*node));
            }
        }
        stretches.push(Stretch {
            from_s: changes.first().map_or(0.0, |change| change.at_s),
            runs: runs(&owners),
        });
    }
    stretches
}

fn runs(owners: &[Option<usize>]) -> Vec<Run> {
    let numbered: Vec<(u16, Option<usize>)> = (0_u16..).zip(owners.iter().copied()).collect();
    let same = numbered.chunk_by(|a, b| a.1 == b.1);
    same.filter_map(|run| {
        Some(Run {
            first: run.first()?.0,
            last: run.last()?.0,
            node: run.first()?.1?,
        })
    })
    .collect()
}

/// Whether a node is the master of any slot at a moment.
pub(super) fn is_master(stretches: &[Stretch], node: usize, at_s: f64) -> bool {
    let now = stretches
        .iter()
        .rev()
        .find(|stretch| stretch.from_s <= at_s);
    let now = now.or(stretches.first());
    now.is_some_and(|stretch| stretch.runs.iter().any(|run| run.node == node))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_change_hands() {
        let change = |at_s, first, last, node| SlotsRecord {
            at_s,
            first,
            last,
            node,
        };
        let load = ClusterLoad {
            owners: vec![
                change(0.0, 0, 8191, 0),
                change(0.0, 8192, 16_383, 1),
                change(3.0, 0, 99, 1),
            ],
            ..ClusterLoad::default()
        };
        let seen = stretches(&load);
        let runs = |at: usize| {
            let runs = seen[at].runs.iter();
            runs.map(|run| (run.first, run.last, run.node))
                .collect::<Vec<_>>()
        };
        assert_eq!(runs(0), [(0, 8191, 0), (8192, 16_383, 1)]);
        assert_eq!(runs(1), [(0, 99, 1), (100, 8191, 0), (8192, 16_383, 1)]);
        assert!(is_master(&seen, 0, 1.0) && !is_master(&seen, 2, 5.0));
    }
}
