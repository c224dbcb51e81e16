//! What is done to a cluster while it is driven.

use super::phases::duration;
use crate::workload::plan::{Action, ClusterNode, Deed, Event, Phase, Target};
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::{At, Given};
use crate::workload::units::{Name, Plain};
use crate::workload::{limits, words, written};

/// The events, in the order of time; those that cannot be are problems. On a target that the command line names instead of
/// the file's they have no meaning.
pub(super) fn events(
    given: &Given<Vec<At<written::Event>>>,
    target: &Target,
    is_target_of_file: bool,
    phases: &[Phase],
    problems: &mut Vec<Problem>,
) -> Vec<Event> {
    let Some((written, place)) = given.get().filter(|(events, _)| !events.is_empty()) else {
        return Vec::new();
    };
    let Target::EmbeddedCluster { masters, replicas } = *target else {
        if is_target_of_file {
            let message = "`events` are about the nodes of a cluster of ours; write target: embedded-cluster, or leave them out";
            problems.push(Problem::new(place, message));
        }
        return Vec::new();
    };
    if written.len() > limits::EVENTS {
        let message = format!("{} events; allowed are {}", written.len(), limits::EVENTS);
        problems.push(Problem::new(place, message));
        return Vec::new();
    }
    let one = |entry: &At<written::Event>| {
        let (event, place) = entry.get()?;
        event_of(event, place, (masters, replicas), phases, problems)
    };
    let mut events: Vec<Event> = written.iter().filter_map(one).collect();
    events.sort_by_key(|event| (event.phase, event.at));
    events
}

/// What is to be said of events that have no meaning.
pub(super) fn notes(given: &Given<Vec<At<written::Event>>>, events: &[Event]) -> Vec<String> {
    let is_given = given.get().is_some_and(|(events, _)| !events.is_empty());
    let note = "`events` are about the nodes of embedded-cluster, and left out here";
    let is_mute = is_given && events.is_empty();
    is_mute.then(|| note.to_owned()).into_iter().collect()
}

fn event_of(
    written: &written::Event,
    place: Place,
    nodes: (u32, u32),
    phases: &[Phase],
    problems: &mut Vec<Problem>,
) -> Option<Event> {
    let phase = phase(&written.phase, place, phases, problems);
    let at = duration(&written.at, problems);
    if at.is_none() {
        problems.push(Problem::new(place, "`at` is missing, as in at: 3s"));
    }
    let deeds = [
        (Deed::Kill, &written.kill),
        (Deed::Restart, &written.restart),
        (Deed::Failover, &written.failover),
    ];
    let mut given = deeds
        .iter()
        .filter_map(|(deed, node)| Some((*deed, node.get()?)));
    let (Some((deed, (Plain(node), at_node))), None) = (given.next(), given.next()) else {
        let message = "an event has one of `kill`, `restart` and `failover`, as in kill: master 1";
        problems.push(Problem::new(place, message));
        return None;
    };
    let node = self::node(deed, node, nodes).map_err(|message| {
        problems.push(Problem::new(at_node, message));
    });
    Some(Event {
        phase: phase?,
        at: at?,
        deed,
        node: node.ok()?,
    })
}

fn phase(
    given: &Given<Name>,
    place: Place,
    phases: &[Phase],
    problems: &mut Vec<Problem>,
) -> Option<usize> {
    let Some((Name(name), place)) = given.get() else {
        problems.push(Problem::new(place, "`phase` is missing, as in phase: mix"));
        return None;
    };
    let is_load = |phase: &&Phase| matches!(phase.action, Action::Load(_));
    let names: Vec<&str> = phases
        .iter()
        .filter(is_load)
        .map(|phase| phase.name.as_str())
        .collect();
    if !names.contains(&name.as_str()) {
        problems.push(Problem::new(place, words::unknown("phase", name, &names)));
    }
    phases.iter().position(|phase| phase.name == *name)
}

/// `master 1`, `replica 1`.
fn node(deed: Deed, text: &str, (masters, replicas): (u32, u32)) -> Result<ClusterNode, String> {
    let number = |text: &str| {
        text.trim()
            .parse()
            .ok()
            .filter(|number| (1..=masters).contains(number))
    };
    match text.split_once(' ') {
        Some(("master", which)) if deed != Deed::Failover => number(which).map(ClusterNode::Master),
        Some(("replica", which)) if replicas > 0 => number(which).map(ClusterNode::Replica),
        _ => None,
    }
    .ok_or_else(|| {
        let which = match (deed, replicas) {
            (Deed::Failover, 0) => "it has no replicas; write replicas: 1 at the target".to_owned(),
            (Deed::Failover, _) => format!("a replica takes over: replica 1 to replica {masters}"),
            (_, 0) => format!("there are master 1 to master {masters}"),
            _ => format!(
                "there are master 1 to master {masters}, and replica 1 to replica {masters}"
            ),
        };
        format!("`{text}` is no node of the cluster for that: {which}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_named_by_role_and_number() {
        assert_eq!(
            node(Deed::Kill, "master 3", (3, 0)),
            Ok(ClusterNode::Master(3))
        );
        assert_eq!(
            node(Deed::Failover, "replica 1", (3, 1)),
            Ok(ClusterNode::Replica(1))
        );
        for (deed, text, nodes, cure) in [
            (Deed::Kill, "master 4", (3, 0), "master 1 to master 3"),
            (Deed::Kill, "replica 1", (3, 0), "master 1 to master 3"),
            (Deed::Kill, "all", (3, 1), "replica 1 to replica 3"),
            (Deed::Failover, "master 1", (3, 1), "a replica takes over"),
            (Deed::Failover, "replica 1", (3, 0), "replicas: 1"),
        ] {
            let message = node(deed, text, nodes).unwrap_err();
            assert!(message.contains(cure), "{message}");
        }
    }
}
