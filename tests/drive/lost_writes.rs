//! Acknowledged writes that a cluster loses are counted, every one and no other.

use cachebench::recording::losses::{self, Instead};
use cachebench::recording::model::{Outcome, ReadBackRecord, Recording};
use cachebench::runner::Event;
use cachebench::workload;
use embedded_server::cluster::{Failover, slot};
use embedded_server::embedded_cluster::EmbeddedCluster;

use crate::cluster::{at_endpoint, cluster};
use crate::{phases, run};

const KEYS: u64 = 600;

fn read_back(recording: &Recording) -> &ReadBackRecord {
    let record = recording.cells[0].repetitions[0].read_back.as_ref();
    record.expect("what was acknowledged is read back")
}

fn name(key: u64) -> String {
    format!("cachebench:test:{key}")
}

/// Keys of the first of three masters.
fn keys_of_first() -> Vec<u64> {
    let is_of_first = |key: &u64| slot::of_key(name(*key).as_bytes()) <= 5460;
    (0..KEYS).filter(is_of_first).collect()
}

/// What `keys` hold at a node.
fn values(cluster: &EmbeddedCluster, index: usize, keys: &[u64]) -> Vec<Option<Vec<u8>>> {
    let node = cluster.addresses()[index];
    let client = redis::Client::open(format!("redis://{node}")).expect("an address");
    let mut connection = client.get_connection().expect("a connection");
    let get = |key: &u64| redis::cmd("GET").arg(name(*key)).query(&mut connection);
    let values: Result<_, _> = keys.iter().map(get).collect();
    values.expect("values")
}

/// The replica of the first master is cut off, so that it misses what is acknowledged from then on; then it takes over.
#[test]
fn what_a_takeover_loses_is_counted_exactly() {
    let (mut cluster, _folder) = cluster(3, 1);
    let mut plan = workload::parse(
        "
keys: { name: 'cachebench:test:{i}', count: 600 }
values: { fixed: 60b }
phases:
  - save: { keys: 0..300 }
  - save: { name: again, keys: all, clients: 4, pipeline: 4 }
  - read: { keys: all }
read_back: true
expect: [ read_back.lost == 0 ]
",
    )
    .expect("a workload without flaws");
    at_endpoint(&mut plan, &cluster);
    let keys = keys_of_first();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let recording = run(&plan, |event| match event {
        Event::PhaseBegan { phase: 1, .. } => {
            cluster.set_cut(0, 3, true).expect("cut");
        }
        Event::PhaseBegan { phase: 2, .. } => {
            before = values(&cluster, 0, &keys);
            cluster.kill(0);
            let takeover =
                |node: &mut embedded_server::cluster::Cluster| node.failover(Failover::Takeover);
            cluster.administer(3, takeover).expect("takes over");
            cluster.wait_until_ok().expect("the replica leads");
            after = values(&cluster, 3, &keys);
        }
        _ => {}
    })
    .expect("a recording");
    assert_eq!(recording.outcome, Outcome::Complete);

    let pairs = || keys.iter().zip(before.iter().zip(&after));
    let lost: Vec<u64> = pairs()
        .filter(|(_, (before, after))| before != after)
        .map(|(key, _)| *key)
        .collect();
    assert!(lost.len() > keys.len() / 2, "the cut came too late");
    let record = read_back(&recording);
    assert_eq!((record.keys, record.acknowledged), (KEYS, KEYS + 300));
    assert_eq!(record.lost, lost.len() as u64);
    assert_eq!(record.kept, KEYS - record.lost);
    let told = losses::list(record, &plan.keys, usize::MAX).expect("packed by us");
    assert_eq!(told.iter().map(|one| one.key).collect::<Vec<_>>(), lost);
    let again_s = phases(&recording)[1].started_s;
    for one in &told {
        assert!(one.written_s >= again_s - 1e-4);
        match one.instead {
            Instead::Older(written_s) => assert!(one.key < 300 && written_s < again_s),
            Instead::Nothing => assert!(one.key >= 300),
            Instead::Unknown => panic!("{one:?}"),
        }
    }
    assert!(!recording.expectations[0].held);
}

/// A master without a replica comes back empty.
#[test]
fn what_a_restart_loses_is_counted_where_there_are_events() {
    let plan = workload::parse(
        "
target: { embedded-cluster: { masters: 3, cluster-node-timeout: 500 } }
keys: { name: 'cachebench:test:{i}', count: 600 }
values: { fixed: 60b }
phases:
  - save: { keys: all }
  - mix: { for: 2s, rate: 500/s, clients: 5, operations: get }
events:
  - { phase: mix, at: 100ms, restart: master 1 }
",
    )
    .expect("a workload without flaws");
    let recording = run(&plan, |_| ()).expect("a recording");
    let record = read_back(&recording);
    assert_eq!((record.keys, record.unread), (KEYS, 0));
    assert_eq!(record.lost, keys_of_first().len() as u64);
    let told = losses::list(record, &plan.keys, usize::MAX).expect("packed by us");
    assert!(told.iter().all(|one| one.instead == Instead::Nothing));
}

/// Many clients write the same few keys at once, with deep pipelines, and another operation deletes others.
#[test]
fn a_server_that_loses_nothing_is_accused_of_nothing() {
    let plan = workload::parse(
        "
target: { embedded: { clock: real } }
threads: 2
keys: { count: 40 }
values: { fixed: 24b }
phases:
  - mix: { count: 30000, clients: 8, pipeline: 16, keys: 0..20, operations: { set: 50%, mset: 20%, get: 30% } }
  - parallel:
      - mix: { name: sets, count: 5000, clients: 4, pipeline: 8, keys: 0..30, operations: set }
      - mix: { name: deletes, count: 500, keys: 30..40, operations: { set: 90%, del: 10% } }
read_back: true
",
    )
    .expect("a workload without flaws");
    let recording = run(&plan, |_| ()).expect("a recording");
    let record = read_back(&recording);
    assert_eq!((record.keys, record.kept), (30, 30), "{record:?}");
    assert_eq!(record.left_out, 10);
    for phase in phases(&recording) {
        let verified = phase.verified.expect("what is read back is verified");
        assert_eq!((verified.corrupt, verified.foreign), (0, 0));
    }
}
