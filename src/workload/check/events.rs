//! What is done to a cluster while it is driven.

use std::time::Duration;

use super::Context;
use super::phases::duration;
use crate::workload::plan::{Action, Cell, ClusterNode, Deed, Event, Phase, SlotMove, Target};
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::{At, Given};
use crate::workload::units::{Flag, Name, Plain, SlotRange};
use crate::workload::written::{self, Workload};
use crate::workload::{limits, words};

/// What can be done to a cluster of ours, and to somebody's.
const OURS: [&str; 6] = [
    "kill",
    "restart",
    "pause",
    "partition",
    "failover",
    "migrate-slots",
];
const THEIRS: [&str; 2] = ["failover", "migrate-slots"];

/// The nodes that a cluster has at first.
#[derive(Debug, Clone, Copy)]
enum Nodes {
    /// So many masters, with so many replicas each.
    Ours(u32, u32),
    /// Somebody's, who is not asked before the run.
    Theirs,
}

/// The events, in the order of time; those that cannot be are problems. On a target that the command line names instead of
/// the file's they have no meaning.
pub(super) fn events(
    written: &Workload,
    target: &Target,
    cells: &[Cell],
    context: &Context<'_>,
    phases: &[Phase],
    problems: &mut Vec<Problem>,
) -> Vec<Event> {
    let given = &written.events;
    let Some((written, place)) = given.get().filter(|(events, _)| !events.is_empty()) else {
        return Vec::new();
    };
    let nodes = match target {
        Target::EmbeddedCluster { masters, replicas } => fewest(*masters, *replicas, cells),
        Target::Endpoint(endpoint) if endpoint.cluster => Nodes::Theirs,
        _ => {
            if context.target.is_none() {
                let message = "`events` are about the nodes of a cluster; write target: embedded-cluster, or leave them out";
                problems.push(Problem::new(place, message));
            }
            return Vec::new();
        }
    };
    if written.len() > limits::EVENTS {
        let message = format!("{} events; allowed are {}", written.len(), limits::EVENTS);
        problems.push(Problem::new(place, message));
        return Vec::new();
    }
    let one = |entry: &At<written::Event>| {
        let (event, place) = entry.get()?;
        event_of(event, place, nodes, phases, problems)
    };
    let mut events: Vec<Event> = written.iter().filter_map(one).collect();
    events.sort_by_key(|event| (event.phase, event.at));
    events
}

/// The nodes that there are in every cell.
fn fewest(masters: u32, replicas: u32, cells: &[Cell]) -> Nodes {
    let masters = cells
        .iter()
        .map(|cell| cell.masters.unwrap_or(masters))
        .min();
    let least = cells
        .iter()
        .map(|cell| cell.replicas.unwrap_or(replicas))
        .min();
    Nodes::Ours(masters.unwrap_or_default(), least.unwrap_or_default())
}

/// What is to be said of events that have no meaning.
pub(super) fn notes(given: &Given<Vec<At<written::Event>>>, events: &[Event]) -> Vec<String> {
    let is_given = given.get().is_some_and(|(events, _)| !events.is_empty());
    let note = "`events` are about the nodes of a cluster, and left out here";
    let is_mute = is_given && events.is_empty();
    is_mute.then(|| note.to_owned()).into_iter().collect()
}

fn event_of(
    written: &written::Event,
    place: Place,
    nodes: Nodes,
    phases: &[Phase],
    problems: &mut Vec<Problem>,
) -> Option<Event> {
    let phase = phase(&written.phase, place, phases, problems);
    let at = duration(&written.at, problems);
    if at.is_none() {
        problems.push(Problem::new(place, "`at` is missing, as in at: 3s"));
    }
    let deed = deed(written, place, nodes, problems);
    Some(Event {
        phase: phase?,
        at: at?,
        deed: deed?,
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

/// The one thing that an event does.
fn deed(
    written: &written::Event,
    place: Place,
    nodes: Nodes,
    problems: &mut Vec<Problem>,
) -> Option<Deed> {
    let places = [
        written.kill.place(),
        written.restart.place(),
        written.pause.place(),
        written.partition.place(),
        written.failover.place(),
        written.migrate_slots.place(),
    ];
    let mut given = OURS
        .into_iter()
        .zip(places)
        .filter_map(|(kind, at)| Some((kind, at?)));
    let (Some((kind, at)), None) = (given.next(), given.next()) else {
        let kinds = words::or_list(&OURS);
        let message = format!("an event has exactly one of {kinds}, as in kill: master 1");
        problems.push(Problem::new(place, message));
        return None;
    };
    if matches!(nodes, Nodes::Theirs) && !THEIRS.contains(&kind) {
        let message = format!(
            "`{kind}` can be done to a cluster of ours alone; to somebody's, {}",
            words::or_list(&THEIRS)
        );
        problems.push(Problem::new(at, message));
        return None;
    }
    let length = length(written, kind, place, problems);
    let mut node = |given: &Given<Plain>| node(kind, given.get()?, nodes, problems);
    Some(match kind {
        "kill" => Deed::Kill(node(&written.kill)?),
        "restart" => Deed::Restart(node(&written.restart)?),
        "failover" => Deed::Failover(node(&written.failover)?),
        "pause" => Deed::Pause {
            node: node(&written.pause)?,
            length: length?,
        },
        "partition" => {
            let side = written.partition.get()?.0.iter();
            let side: Option<Vec<_>> = side
                .map(|one| self::node(kind, one.get()?, nodes, problems))
                .collect();
            Deed::Partition {
                nodes: side?,
                length: length?,
            }
        }
        _ => Deed::MigrateSlots(slot_move(written.migrate_slots.get()?, nodes, problems)?),
    })
}

/// How long a thing lasts that lasts as long as one wants.
fn length(
    written: &written::Event,
    kind: &str,
    place: Place,
    problems: &mut Vec<Problem>,
) -> Option<Duration> {
    let length = duration(&written.for_, problems);
    let message = match (kind, length) {
        ("pause" | "partition", None) if !written.for_.is_given() => {
            format!("`for` is missing: how long does the {kind} last, as in for: 2s?")
        }
        ("pause" | "partition", _) | (_, None) => return length,
        _ => format!("`for` has no meaning beside `{kind}`; it is for `pause` and `partition`"),
    };
    problems.push(Problem::new(written.for_.place().unwrap_or(place), message));
    None
}

fn slot_move(
    (written, place): (&written::SlotMove, Place),
    nodes: Nodes,
    problems: &mut Vec<Problem>,
) -> Option<SlotMove> {
    let missing = [
        ("from", written.from.is_given()),
        ("to", written.to.is_given()),
        ("slots", written.slots.is_given()),
    ];
    if let Some((key, _)) = missing.iter().find(|(_, is_given)| !is_given) {
        let message = format!(
            "`{key}` is missing, as in migrate-slots: {{ from: master 1, to: master 2, slots: 0..1000 }}"
        );
        problems.push(Problem::new(place, message));
    }
    let from = node("migrate-slots", written.from.get()?, nodes, problems);
    let to = node("migrate-slots", written.to.get()?, nodes, problems);
    if from.is_some() && from == to {
        problems.push(Problem::new(place, "`from` and `to` are the same node"));
    }
    let (SlotRange(slots), _) = written.slots.get()?;
    Some(SlotMove {
        from: from?,
        to: to?,
        slots: slots.clone(),
        atomic: written
            .atomic
            .get()
            .is_some_and(|(Flag(atomic), _)| *atomic),
    })
}

/// `master 1`, `replica 1`; what is none is a problem.
fn node(
    kind: &str,
    (Plain(text), place): (&Plain, Place),
    nodes: Nodes,
    problems: &mut Vec<Problem>,
) -> Option<ClusterNode> {
    let node = named(text, nodes);
    let fits = !matches!((kind, node), ("failover", Some(ClusterNode::Master(_))));
    let node = node.filter(|_| fits);
    if node.is_none() {
        let message = format!(
            "`{text}` is no node of the cluster for that: {}",
            known(kind, nodes)
        );
        problems.push(Problem::new(place, message));
    }
    node
}

fn named(text: &str, nodes: Nodes) -> Option<ClusterNode> {
    let (role, number) = text.split_once(' ')?;
    let number = number.trim().parse().ok().filter(|number| match nodes {
        Nodes::Ours(masters, _) => (1..=masters).contains(number),
        Nodes::Theirs => *number > 0,
    })?;
    match (role, nodes) {
        ("master", _) => Some(ClusterNode::Master(number)),
        ("replica", Nodes::Ours(_, 0)) => None,
        ("replica", _) => Some(ClusterNode::Replica(number)),
        _ => None,
    }
}

/// The nodes that there are for a thing to be done to.
fn known(kind: &str, nodes: Nodes) -> String {
    match (kind, nodes) {
        ("failover", Nodes::Ours(_, 0)) => {
            "it has no replicas; write replicas: 1 at the target".to_owned()
        }
        ("failover", Nodes::Ours(masters, _)) => {
            format!("a replica takes over: replica 1 to replica {masters}")
        }
        ("failover", Nodes::Theirs) => "a replica takes over, as in replica 1".to_owned(),
        (_, Nodes::Ours(masters, 0)) => format!("there are master 1 to master {masters}"),
        (_, Nodes::Ours(masters, _)) => {
            format!("there are master 1 to master {masters}, and replica 1 to replica {masters}")
        }
        (_, Nodes::Theirs) => "its nodes are called master 1, replica 1 and so on".to_owned(),
    }
}
