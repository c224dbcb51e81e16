//! How evenly requests spread over the nodes of a cluster, and which slot got most of them.

use crate::recording::model::{CellRecord, ClusterRecord, HotSlot, PhaseRecord, Recording};
use crate::stats::human;

/// Slots with a smaller share are as good as any other.
const WORTH_TELLING: f64 = 0.01;

/// A line for each phase of each cell that drove a cluster, of the first repetition.
pub(super) fn lines(recording: &Recording) -> Vec<String> {
    let is_one = recording.cells.len() == 1;
    let of_cell = |cell: &CellRecord| {
        let Some(repetition) = cell.repetitions.first() else {
            return Vec::new();
        };
        let hottest = repetition.cluster.as_ref().map(|load| &load.hottest);
        let line = |(index, phase): (usize, &PhaseRecord)| {
            let uneven = unevenness(phase.cluster.as_ref()?)?;
            let hot = hottest.and_then(|slots| slots.iter().find(|hot| hot.phase == index));
            let place = match is_one {
                true => phase.name.clone(),
                false => format!("{} of {}", phase.name, cell.label),
            };
            Some(format!(
                "{place}: unevenness {uneven:.2} (requests to the busiest node over the mean of those asked, max/mean){}",
                hot.map(told).unwrap_or_default()
            ))
        };
        let phases = repetition.phases.iter().enumerate();
        phases.filter_map(line).collect()
    };
    recording.cells.iter().flat_map(of_cell).collect()
}

fn told(hot: &HotSlot) -> String {
    let key = hot
        .key
        .as_ref()
        .map_or_else(String::new, |key| format!(", that of {key}"));
    let share = hot.requests as f64 / hot.of.max(1) as f64;
    if share < WORTH_TELLING {
        return String::new();
    }
    let (slot, share) = (hot.slot, human::percent(share));
    format!("; {share} of the requests were for slot {slot}{key}")
}

/// The most requests of a node over the mean of the nodes that got any; none where there were none.
fn unevenness(met: &ClusterRecord) -> Option<f64> {
    let asked = || met.requests_by_node.values().filter(|count| **count > 0);
    let most = asked().max()?;
    let mean = asked().sum::<u64>() as f64 / asked().count() as f64;
    Some(*most as f64 / mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_is_held_against_the_mean() {
        let met = ClusterRecord {
            requests_by_node: [("a:1", 60), ("b:2", 20), ("c:3", 40), ("d:4", 0)]
                .map(|(node, count)| (node.to_owned(), count))
                .into(),
            ..ClusterRecord::default()
        };
        assert_eq!(unevenness(&met), Some(1.5));
        assert_eq!(unevenness(&ClusterRecord::default()), None);
    }
}
