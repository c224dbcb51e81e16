//! A cluster driven as a whole: slots that are elsewhere than was known, slots on their way, a node that dies.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use cachebench::drive::cluster::Map;
use cachebench::drive::encode::Encoder;
use cachebench::drive::{Access, Interrupt, sweep};
use cachebench::recording::model::{EventRecord, Outcome};
use cachebench::runner::Event;
use cachebench::workload;
use cachebench::workload::plan::{Address, Endpoint, Operation, Plan, Target};
use embedded_server::cluster::{Cluster, slot};
use embedded_server::embedded_cluster::{ClusterOptions, EmbeddedCluster};
use tempfile::TempDir;

use crate::{assert_closed, phases, run};

const KEYS: u64 = 300;

pub(crate) fn cluster(masters: usize, replicas: usize) -> (EmbeddedCluster, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = ClusterOptions::in_folder(folder.path());
    (options.masters, options.replicas) = (masters, replicas);
    options.directives = vec![("cluster-node-timeout".into(), "500".into())];
    (EmbeddedCluster::start(&options).expect("a cluster"), folder)
}

/// Aims a plan at a cluster that was there before.
pub(crate) fn at_endpoint(plan: &mut Plan, cluster: &EmbeddedCluster) {
    let first = cluster.addresses()[0];
    plan.target = Target::Endpoint(Endpoint {
        cluster: true,
        ..Endpoint::at(Address::Tcp {
            host: "127.0.0.1".into(),
            port: first.port(),
        })
    });
}

/// Sends an inline command to a node; the first line of its reply.
fn ask(node: SocketAddr, line: &str) -> String {
    let mut stream = BufReader::new(TcpStream::connect(node).expect("a connection"));
    let request = format!("{line}\r\n");
    stream
        .get_mut()
        .write_all(request.as_bytes())
        .expect("sent");
    let mut reply = String::new();
    stream.read_line(&mut reply).expect("a reply");
    reply.trim_end().to_owned()
}

#[test]
fn keys_are_spread_over_the_masters_and_found_again() {
    let plan = workload::parse(
        "
name: spread
target: { embedded-cluster: { masters: 3, replicas: 1, maxmemory: 100mb } }
keys: { count: 3000 }
values: { fixed: 50b }
phases:
  - save: { keys: all, clients: 5, pipeline: 16 }
  - read: { keys: all, clients: 5 }
  - mix: { count: 2000, clients: 3, pipeline: 4, operations: { get: 50%, set: 50% } }
survival: { groups: { all: 0..3000 } }
",
    )
    .expect("a workload without flaws");
    let recording = run(&plan, |_| ()).expect("a recording");
    assert_eq!(recording.outcome, Outcome::Complete);
    for phase in phases(&recording) {
        assert_closed(phase);
        assert!(phase.errors.is_empty(), "{:?}", phase.errors);
        let met = phase.cluster.as_ref().expect("what was met");
        assert_eq!((met.moved, met.asked), (0, 0));
        assert_eq!(met.requests_by_node.len(), 3);
        assert_eq!(met.requests_by_node.values().sum::<u64>(), phase.due);
        // Names of keys are spread by CRC16: no node has less than a quarter.
        assert!(
            met.requests_by_node
                .values()
                .all(|count| count * 4 > phase.due)
        );
    }
    assert_eq!(phases(&recording)[1].hits, 3000);
    let survival = recording.cells[0].repetitions[0].survival.as_ref();
    assert_eq!(survival.expect("a probe").groups[0].present, 3000);
    let last = recording.cells[0].repetitions[0].samples.last();
    assert_eq!(last.expect("a sample").keys, 3000, "all nodes are watched");
}

#[test]
fn requests_follow_slots_that_have_moved_and_that_are_moving() {
    let (cluster, _folder) = cluster(2, 0);
    let nodes = cluster.addresses();
    for key in 0..KEYS {
        let name = format!("key-{key}");
        let node = nodes[usize::from(slot::of_key(name.as_bytes()) >= 8192)];
        assert_eq!(ask(node, &format!("SET {name} {key}")), "+OK");
    }
    // The slot of key-0 is on its way, and the key is there already.
    let number = slot::of_key(b"key-0");
    let (from, to) = if number < 8192 { (0, 1) } else { (1, 0) };
    let id = |index: usize| cluster.view(index).expect("a node").id;
    let (source, target) = (id(from), id(to));
    let import = move |cluster: &mut Cluster| cluster.set_importing(number, source);
    let migrate = move |cluster: &mut Cluster| cluster.set_migrating(number, target);
    cluster.administer(to, import).expect("imports");
    cluster.administer(from, migrate).expect("migrates");
    let line = format!("MIGRATE 127.0.0.1 {} key-0 0 5000", nodes[to].port());
    assert_eq!(ask(nodes[from], &line), "+OK");

    // All that is known is one node, which sends most requests elsewhere.
    let map = Arc::new(Map::new(&[(0..=16_383, nodes[0])]).expect("a map"));
    let access = Access {
        cluster: Some(Arc::clone(&map)),
        ..Access::plain(nodes[0], Duration::from_secs(5))
    };
    let yaml = format!("keys: {{ count: {KEYS} }}\nphases: [save: {{ keys: all }}]");
    let plan = workload::parse(&yaml).expect("a workload without flaws");
    let encoder = Encoder::without_values(&plan.keys, &Operation::exists());
    let limit = Duration::from_secs(10);
    let look = || sweep(&access, &encoder, 0..KEYS, limit, &Interrupt::new()).expect("found");
    assert!(look().iter().all(|found| *found), "every key is found");
    let first = map.met();
    assert!(first.moved > KEYS / 3 && first.asked == 1, "{first:?}");
    assert!(look().iter().all(|found| *found));
    let again = map.met().since(&first);
    assert_eq!((again.moved, again.asked), (0, 1), "what was learnt holds");
}

/// What was done in the first repetition, and the keys that were there at its end.
fn deeds(yaml: &str) -> (Vec<EventRecord>, u64) {
    let plan = workload::parse(yaml).expect("a workload without flaws");
    let recording = run(&plan, |_| ()).expect("a recording");
    let repetition = &recording.cells[0].repetitions[0];
    let failure = |event: &&EventRecord| event.failure.is_some();
    let failed: Vec<_> = repetition.events.iter().filter(failure).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let survival = repetition.survival.as_ref().expect("a probe");
    (repetition.events.clone(), survival.groups[0].present)
}

fn whats(events: &[EventRecord]) -> Vec<&str> {
    events.iter().map(|event| event.what.as_str()).collect()
}

#[test]
fn events_are_done_and_recorded() {
    let (events, present) = deeds(
        "
name: events
target: { embedded-cluster: { masters: 3, replicas: 1, cluster-node-timeout: 500 } }
keys: { count: 500 }
values: { fixed: 20b }
phases:
  - save: { keys: all }
  - mix: { for: 4s, rate: 1k/s, clients: 5, operations: get }
events:
  - { phase: mix, at: 1500ms, restart: master 1 }
  - { phase: mix, at: 100ms, kill: master 1 }
  - { phase: mix, at: 3s, failover: replica 2 }
survival: { groups: { all: 0..500 } }
",
    );
    assert_eq!(
        whats(&events),
        ["kill master 1", "restart master 1", "failover replica 2"]
    );
    assert_eq!(present, 500, "the replica had copied all");
}

#[test]
fn what_lasts_ends_with_its_phase() {
    let (events, present) = deeds(
        "
name: lasting
target: { embedded-cluster: { masters: 3 } }
keys: { count: 500 }
values: { fixed: 20b }
phases:
  - save: { keys: all }
  - mix: { for: 1s, rate: 1k/s, clients: 5, operations: get }
  - read: { keys: all }
events:
  - { phase: mix, at: 100ms, partition: [master 3], for: 300ms }
  - { phase: mix, at: 200ms, pause: master 2, for: 300ms }
  - { phase: mix, at: 700ms, pause: master 1, for: 1h }
  - { phase: mix, at: 1h, kill: master 1 }
survival: { groups: { all: 0..500 } }
",
    );
    assert_eq!(
        whats(&events),
        ["partition master 3", "pause master 2", "pause master 1"]
    );
    let lasted = |event: &EventRecord| event.ended_s.expect("it lasts") - event.at_s;
    assert!(events[..2].iter().all(|event| lasted(event) >= 0.3));
    assert!(lasted(&events[2]) < 3000.0, "ended by its phase");
    assert_eq!(present, 500);
}

/// Slot after slot: keys that have gone are asked for where they are, and slots that have gone are learnt of.
#[test]
fn slots_move_under_load_and_no_key_is_lost() {
    let plan = workload::parse(
        "
name: move
target: { embedded-cluster: { masters: 2 } }
keys: { count: 2000 }
values: { fixed: 20b }
phases:
  - save: { keys: all, clients: 5 }
  - mix: { for: 6s, rate: 2k/s, clients: 5, operations: { get: 50%, set: 50% } }
  - read: { keys: all }
events: [{ phase: mix, at: 0s, migrate-slots: { from: master 1, to: master 2, slots: 0..300 } }]
survival: { groups: { all: 0..2000 } }
",
    )
    .expect("a workload without flaws");
    let recording = run(&plan, |_| ()).expect("a recording");
    let repetition = &recording.cells[0].repetitions[0];
    assert_eq!(repetition.events[0].failure, None);
    let [_, mix, read] = repetition.phases.as_slice() else {
        panic!("three phases");
    };
    assert!(mix.errors.is_empty(), "{:?}", mix.errors);
    let met = mix.cluster.as_ref().expect("what was met");
    assert!(met.moved > 0, "{met:?}");
    assert_eq!(read.hits, 2000, "all keys are found where they are now");
}

#[test]
fn reads_are_spread_over_replicas_where_a_phase_says_so() {
    let plan = workload::parse(
        "
name: replicas
target: { embedded-cluster: { masters: 2 } }
keys: { count: 1000 }
values: { fixed: 20b }
phases:
  - save: { keys: all, clients: 2 }
  - read: { name: masters, keys: all, clients: 2 }
  - read: { name: replicas, keys: all, clients: 2, pipeline: 4, read_from: replicas }
  - mix: { name: any, count: 2000, clients: 2, operations: { get: 50%, set: 50% }, read_from: any }
compare: { replicas: [1, 2] }
",
    )
    .expect("a workload without flaws");
    let recording = run(&plan, |_| ()).expect("a recording");
    for (cell, replicas) in recording.cells.iter().zip([1, 2]) {
        let asked = |name: &str| -> Vec<u64> {
            let mut phases = cell.repetitions[0].phases.iter();
            let phase = phases.find(|phase| phase.name == name);
            let met = phase.and_then(|phase| phase.cluster.clone());
            let met = met.expect("what was met");
            assert_eq!((met.moved, met.asked), (0, 0), "{name}");
            met.requests_by_node
                .into_values()
                .filter(|count| *count > 0)
                .collect()
        };
        assert_eq!(asked("masters").len(), 2);
        let from_replicas = asked("replicas");
        assert_eq!(from_replicas.len(), 2 * replicas, "{from_replicas:?}");
        assert_eq!(from_replicas.iter().sum::<u64>(), 1000);
        assert_eq!(asked("any").len(), 2 * (replicas + 1));
        let phases = &cell.repetitions[0].phases;
        assert!(phases.iter().all(|phase| phase.errors.is_empty()));
        let met = phases[0].cluster.as_ref().expect("what was met");
        assert_eq!(met.cpu_s_by_node.len(), 2 * (replicas + 1));
    }
    assert_eq!(recording.cells[1].label, "replicas 2");
}

/// With leave, whatever there is a command for is done to nodes that are not ours.
#[test]
fn events_of_somebodys_cluster_are_done_by_commands() {
    let (cluster, _folder) = cluster(2, 1);
    let mut plan = workload::parse(
        "
keys: { name: 'cachebench:test:{i}', count: 500 }
values: { fixed: 20b }
target: { endpoint: { url: 'redis://127.0.0.1:1', cluster: true, allow: [cluster] } }
phases:
  - save: { keys: all }
  - mix: { for: 2s, rate: 500/s, clients: 2, operations: get }
events:
  - { phase: mix, at: 0s, failover: replica 2 }
  - { phase: mix, at: 0s, migrate-slots: { from: master 1, to: replica 1, slots: 0..10 } }
",
    )
    .expect("a workload without flaws");
    let Target::Endpoint(endpoint) = &mut plan.target else {
        panic!("an endpoint");
    };
    endpoint.address = Address::Tcp {
        host: "127.0.0.1".into(),
        port: cluster.addresses()[0].port(),
    };
    let recording = run(&plan, |_| ()).expect("a recording");
    let mut events = recording.cells[0].repetitions[0].events.clone();
    events.sort_by_key(|event| event.what.clone());
    assert_eq!(events[0].what, "failover replica 2");
    assert_eq!(events[0].failure, None);
    let refusal = events[1].failure.as_deref().expect("a replica takes none");
    assert!(refusal.contains("master"), "{refusal}");
    cluster
        .wait("the replica has not taken over", |nodes| {
            nodes[3].as_ref().is_some_and(|node| node.master.is_none())
        })
        .expect("a new master");
}

#[test]
fn a_run_goes_on_when_a_master_dies() {
    let (mut cluster, _folder) = cluster(3, 1);
    let mut plan = workload::parse(
        "
keys: { name: 'cachebench:test:{i}', count: 1000 }
values: { fixed: 20b }
phases:
  - save: { keys: all }
  - mix: { for: 3s, rate: 2k/s, clients: 8, operations: { get: 50%, set: 50% } }
",
    )
    .expect("a workload without flaws");
    at_endpoint(&mut plan, &cluster);
    let mut is_mixing = false;
    let recording = run(&plan, |event| match event {
        Event::PhaseBegan { phase: 1, .. } => is_mixing = true,
        Event::Progress(_) if is_mixing => {
            cluster.kill(1);
        }
        _ => {}
    })
    .expect("a recording");
    assert_eq!(recording.outcome, Outcome::Complete);
    let mix = &phases(&recording)[1];
    assert_closed(mix);
    let kinds = ["node_lost", "node_unreachable", "CLUSTERDOWN"];
    assert!(
        !mix.errors.is_empty() && mix.errors.keys().all(|kind| kinds.contains(&kind.as_str())),
        "{:?}",
        mix.errors
    );
    let met = mix.cluster.as_ref().expect("what was met");
    assert!(met.moved > 0, "clients learn of the new master: {met:?}");
    cluster.wait_until_ok().expect("the replica leads");
}
