//! What was done to the nodes of a cluster, how the requests spread over them, and how many went elsewhere first.

use crate::recording::model::{CellRecord, ClusterRecord, EventRecord, Recording};
use crate::stats::human;

/// A line for each phase of each cell that drove a cluster.
pub(super) fn lines(recording: &Recording) -> Vec<String> {
    let is_one = recording.cells.len() == 1;
    let events = recording.cells.iter().flat_map(|cell| {
        let label = (!is_one).then_some(cell.label.as_str());
        cell.repetitions
            .iter()
            .flat_map(|one| &one.events)
            .map(move |event| told(event, label))
    });
    let spread = recording.cells.iter().flat_map(|cell| {
        named(cell).map(move |(name, sum)| match is_one {
            true => line(name, &sum),
            false => line(&format!("{name} of {}", cell.label), &sum),
        })
    });
    events.chain(spread).collect()
}

/// What was done to a node, when, and to which cell's where there are several.
fn told(event: &EventRecord, cell: Option<&str>) -> String {
    let of = cell.map_or_else(String::new, |cell| format!(" of {cell}"));
    let EventRecord { at_s, what, .. } = event;
    let took = match event.ended_s {
        Some(ended_s) => format!(" ({})", human::seconds(ended_s - at_s)),
        None => String::new(),
    };
    match &event.failure {
        None => format!("at {at_s:.1} s: {what}{of}{took}"),
        Some(why) => format!("at {at_s:.1} s: could not {what}{of}{took}: {why}"),
    }
}

/// What each phase of a cell met, all repetitions together.
fn named(cell: &CellRecord) -> impl Iterator<Item = (&str, ClusterRecord)> {
    let phases = cell
        .repetitions
        .first()
        .into_iter()
        .flat_map(|one| &one.phases);
    phases.filter(|phase| phase.cluster.is_some()).map(|phase| {
        let all = cell.repetitions.iter().flat_map(|one| &one.phases);
        let same = all.filter(|other| other.name == phase.name);
        let mut sum = ClusterRecord::default();
        for met in same.filter_map(|phase| phase.cluster.as_ref()) {
            sum.moved += met.moved;
            sum.asked += met.asked;
            for (node, requests) in &met.requests_by_node {
                *sum.requests_by_node.entry(node.clone()).or_default() += requests;
            }
            for (node, seconds) in &met.cpu_s_by_node {
                *sum.cpu_s_by_node.entry(node.clone()).or_default() += seconds;
            }
        }
        (phase.name.as_str(), sum)
    })
}

fn line(place: &str, met: &ClusterRecord) -> String {
    let all: u64 = met.requests_by_node.values().sum();
    let shares: Vec<String> = met
        .requests_by_node
        .iter()
        .filter(|(_, requests)| **requests > 0)
        .map(|(node, requests)| format!("{node} {:.1} %", 100.0 * *requests as f64 / all as f64))
        .collect();
    let ClusterRecord { moved, asked, .. } = met;
    let cpu = match met.most_cpu_s() {
        Some(seconds) => format!("; the busiest used {} of CPU", human::seconds(seconds)),
        None => String::new(),
    };
    format!(
        "{place}: requests to {}; {moved} MOVED, {asked} ASK{cpu}",
        shares.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_requests() {
        let met = ClusterRecord {
            moved: 2,
            asked: 1,
            requests_by_node: [("a:1", 30), ("b:2", 10), ("c:3", 0)]
                .map(|(node, count)| (node.to_owned(), count))
                .into(),
            cpu_s_by_node: [("a:1", 0.5), ("b:2", 0.25)]
                .map(|(node, seconds)| (node.to_owned(), seconds))
                .into(),
        };
        assert_eq!(
            line("mix", &met),
            "mix: requests to a:1 75.0 %, b:2 25.0 %; 2 MOVED, 1 ASK; the busiest used 500 ms of CPU"
        );
        assert_eq!(met.busiest_share(), Some(0.75));
    }
}
