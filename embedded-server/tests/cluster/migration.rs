//! Slots that move at once with all their keys, while clients write: nothing is lost, whatever breaks meanwhile.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use embedded_server::cluster::{SlotSet, slot};
use embedded_server::embedded_cluster::EmbeddedCluster;
use embedded_server::fault::{Fault, Rule};
use embedded_server::migration::State;
use embedded_server::{Config, Server};

use crate::client::{Client, wait_until};
use crate::cluster;
use crate::peer::{Redis, free_port};

/// The slot of `hello`, with some around it.
fn around_hello() -> SlotSet {
    (800..=900).collect()
}

/// A key of every type, in the slot of `hello`; some expire.
const WRITES: &[&str] = &[
    "SET {hello}string text",
    "SET {hello}integer 42 PX 500000",
    "RPUSH {hello}list a b 1 2",
    "SADD {hello}integers 3 1 2",
    "SADD {hello}set x y z",
    "HSET {hello}hash f 1 g 2",
    "HPEXPIRE {hello}hash 400000 FIELDS 1 f",
    "ZADD {hello}sorted 1 a 2.5 b",
    "XADD {hello}stream 1-1 f v",
    "XGROUP CREATE {hello}stream readers 0",
    "PFADD {hello}distinct a b c",
    "SETBIT {hello}bits 1000 1",
    "PEXPIRE {hello}list 300000",
];

fn fill(client: &mut Client, keys: usize) {
    for line in WRITES {
        let reply = client.ask(line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
        if reply.starts_with('*') {
            client.line();
        }
    }
    for key in 0..keys {
        assert_eq!(client.ask(&format!("SET {{hello}}{key} {key}")), "+OK");
    }
}

/// How far the latest migration of a node is, and what is said of it.
fn latest(cluster: &EmbeddedCluster, node: usize) -> Option<(State, String)> {
    let visit = cluster.node(node)?.visit(|server| {
        let record = server.migrations.iter().next();
        record.map(|record| (record.state, record.message.clone()))
    });
    visit.ok().flatten()
}

fn begin(cluster: &EmbeddedCluster, from: usize, to: usize) {
    let target = cluster.view(to).unwrap().id;
    let source = cluster.node(from).unwrap();
    let begun = source.visit(move |server| server.migrate_slots(vec![(around_hello(), target)]));
    begun.unwrap().unwrap();
}

/// Every message of the migration takes its target so long.
fn slow_down(cluster: &EmbeddedCluster, target: usize) {
    let delay = Rule::from(Fault::Delay(Duration::from_millis(20))).on("cluster|syncslots");
    cluster.node(target).unwrap().inject(delay).unwrap();
}

#[test]
fn every_type_arrives_as_it_was_and_the_replica_has_it_too() {
    let (cluster, _folder) = cluster(3, 1, 5000);
    let addresses = cluster.addresses();
    let (mut from, mut to) = (Client::connect(addresses[0]), Client::connect(addresses[1]));
    fill(&mut from, 100);
    assert_eq!(
        from.ask("SET stays 1"),
        format!("-MOVED {} {}", slot::of_key(b"stays"), addresses[2])
    );
    let before = from.ask("DEBUG DIGEST");
    cluster.migrate_slots(0, 1, around_hello()).unwrap();
    assert_eq!(to.ask("DEBUG DIGEST"), before);
    assert_eq!(to.ask("GET {hello}integer"), "42");
    assert_eq!(
        from.ask("GET {hello}integer"),
        format!("-MOVED 866 {}", addresses[1])
    );
    assert_eq!(from.ask("DBSIZE"), ":0");
    let mut replicas = [3, 4].map(|node| Client::connect(addresses[node]));
    wait_until("the replicas have followed", || {
        replicas[1].ask("DEBUG DIGEST") == before && replicas[0].ask("DBSIZE") == ":0"
    });
    cluster
        .wait("not all know the new owner", |nodes| {
            nodes[1].as_ref().is_some_and(|node| node.slots.has(866))
                && nodes.iter().flatten().all(|node| node.is_ok)
        })
        .unwrap();
    assert_eq!(latest(&cluster, 0), Some((State::Success, String::new())));
    assert_eq!(latest(&cluster, 1), Some((State::Success, String::new())));
}

/// Writes counters of its own, wherever it is sent, until told to stop; the values that were acknowledged.
fn write(addresses: &[SocketAddr], writer: usize, is_over: &AtomicBool) -> BTreeMap<String, u64> {
    let mut connections: BTreeMap<String, Client> = BTreeMap::new();
    let mut at = addresses[0].to_string();
    let mut counters = BTreeMap::new();
    for round in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("{{hello}}{writer}-{}", round % 50);
        let connection = connections
            .entry(at.clone())
            .or_insert_with(|| Client::connect(at.parse().unwrap()));
        let reply = connection.ask(&format!("INCR {key}"));
        match reply.strip_prefix(':') {
            Some(value) => drop(counters.insert(key, value.parse().unwrap())),
            None => {
                let place = reply.strip_prefix("-MOVED 866 ").expect(&reply);
                place.clone_into(&mut at);
            }
        }
    }
    counters
}

#[test]
fn writers_lose_nothing_and_are_never_sent_to_ask() {
    let (cluster, _folder) = cluster(3, 0, 5000);
    let addresses = cluster.addresses();
    fill(&mut Client::connect(addresses[0]), 3000);
    let is_over = AtomicBool::new(false);
    let counters = thread::scope(|scope| {
        let (addresses, is_over) = (&addresses, &is_over);
        let writers =
            [0, 1, 2].map(|writer| scope.spawn(move || write(addresses, writer, is_over)));
        for round in 0..6 {
            let (from, to) = (round % 3, (round + 1) % 3);
            cluster.migrate_slots(from, to, around_hello()).unwrap();
        }
        begin(&cluster, 0, 1);
        // Cancelled or done: in both cases the slots have one owner, and all keys.
        let _ = cluster
            .node(0)
            .unwrap()
            .visit(|server| server.cancel_migrations());
        is_over.store(true, Ordering::Relaxed);
        writers.map(|writer| writer.join().unwrap())
    });
    wait_until("the last move is over", || {
        latest(&cluster, 0).is_some_and(|(state, _)| state.is_over())
    });
    let owner = (0..3)
        .find(|node| cluster.view(*node).unwrap().slots.has(866))
        .unwrap();
    let mut owner = Client::connect(addresses[owner]);
    for (key, value) in counters.into_iter().flatten() {
        assert_eq!(owner.ask(&format!("GET {key}")), value.to_string(), "{key}");
    }
    assert_eq!(owner.ask("GET {hello}2999"), "2999");
}

#[test]
fn what_comes_is_not_seen_before_the_slots_are_here_and_is_thrown_away_when_they_do_not_come() {
    let (cluster, _folder) = cluster(3, 0, 5000);
    let addresses = cluster.addresses();
    let (mut from, mut to) = (Client::connect(addresses[0]), Client::connect(addresses[1]));
    fill(&mut from, 10_000);
    let size = from.ask("DBSIZE");
    slow_down(&cluster, 1);
    begin(&cluster, 0, 1);
    wait_until("some keys are there", || {
        from.ask("CLUSTER COUNTKEYSINSLOT 866");
        latest(&cluster, 1).is_some()
    });
    assert_eq!(to.ask("DBSIZE"), ":0");
    assert_eq!(to.ask("RANDOMKEY"), "$-1");
    assert_eq!(
        to.ask("CLUSTER CANCELSLOTMIGRATIONS"),
        "-ERR No migrations ongoing"
    );
    assert_eq!(from.ask("CLUSTER CANCELSLOTMIGRATIONS"), "+OK");
    assert_eq!(from.ask("SET {hello}1 new"), "+OK");
    wait_until("the target knows", || {
        latest(&cluster, 1).is_some_and(|(state, _)| state == State::Failed)
    });
    assert_eq!((from.ask("DBSIZE"), to.ask("DBSIZE")), (size, ":0".into()));
    assert_eq!(latest(&cluster, 0), Some((State::Cancelled, String::new())));
    assert_eq!(
        from.ask("CLUSTER CANCELSLOTMIGRATIONS"),
        "-ERR No migrations ongoing"
    );

    begin(&cluster, 0, 1);
    assert_eq!(from.ask("FLUSHALL"), "+OK");
    assert_eq!(
        latest(&cluster, 0),
        Some((State::Failed, "Data was flushed".into()))
    );
}

#[test]
fn a_target_that_dies_midway_leaves_the_slots_with_the_source() {
    let (mut cluster, _folder) = cluster(3, 0, 5000);
    let addresses = cluster.addresses();
    let mut from = Client::connect(addresses[0]);
    fill(&mut from, 10_000);
    let before = from.ask("DEBUG DIGEST");
    slow_down(&cluster, 1);
    begin(&cluster, 0, 1);
    wait_until("it has begun", || latest(&cluster, 1).is_some());
    cluster.kill(1);
    wait_until("the source has given up", || {
        latest(&cluster, 0).is_some_and(|(state, _)| state == State::Failed)
    });
    assert_eq!(from.ask("DEBUG DIGEST"), before);
    assert_eq!(from.ask("SET {hello}1 new"), "+OK");
    cluster.restart(1).unwrap();
    cluster.wait_until_ok().unwrap();
    cluster.migrate_slots(0, 1, around_hello()).unwrap();
    let mut to = Client::connect(addresses[1]);
    assert_eq!(to.ask("GET {hello}1"), "new");
    assert_eq!(to.ask("DBSIZE"), format!(":{}", 10_000 + 10));
}

#[test]
fn a_source_that_dies_midway_leaves_the_slots_with_its_replica() {
    let (mut cluster, _folder) = cluster(3, 1, 500);
    let addresses = cluster.addresses();
    let mut from = Client::connect(addresses[0]);
    fill(&mut from, 10_000);
    assert_eq!(from.ask("WAIT 1 5000"), ":1");
    let before = from.ask("DEBUG DIGEST");
    slow_down(&cluster, 1);
    begin(&cluster, 0, 1);
    wait_until("it has begun", || latest(&cluster, 1).is_some());
    cluster.kill(0);
    cluster
        .wait("the replica does not lead", |nodes| {
            nodes[3].as_ref().is_some_and(|node| node.slots.has(866))
        })
        .unwrap();
    let (mut heir, mut to) = (Client::connect(addresses[3]), Client::connect(addresses[1]));
    assert_eq!(heir.ask("DEBUG DIGEST"), before);
    assert_eq!(to.ask("DBSIZE"), ":0");
    assert_eq!(latest(&cluster, 1).unwrap().0, State::Failed);
}

#[test]
fn when_the_last_answer_is_lost_the_source_finds_out_how_it_stands() {
    let (cluster, _folder) = cluster(3, 0, 5000);
    let addresses = cluster.addresses();
    let mut from = Client::connect(addresses[0]);
    fill(&mut from, 10);
    // The third message asks the target to take the slots. First it is lost, then only its answer.
    let lose = |fault| {
        let rule = Rule::from(fault).on("cluster|syncslots").after(2).times(1);
        let target = cluster.node(1).unwrap();
        target.inject(rule).unwrap();
        let moved = cluster.migrate_slots(0, 1, around_hello());
        target.heal().unwrap();
        moved
    };
    let refusal = lose(Fault::Drop).unwrap_err().to_string();
    assert!(
        refusal.ends_with("failed Connection lost to target"),
        "{refusal}"
    );
    assert_eq!(from.ask("SET {hello}1 new"), "+OK");
    lose(Fault::Cut(0)).unwrap();
    assert_eq!(Client::connect(addresses[1]).ask("GET {hello}1"), "new");
    assert_eq!(
        from.ask("SET {hello}1 old"),
        format!("-MOVED 866 {}", addresses[1])
    );
}

#[test]
fn what_does_not_fit_into_the_target_stays() {
    let (cluster, _folder) = cluster(3, 0, 5000);
    let addresses = cluster.addresses();
    let (mut from, mut to) = (Client::connect(addresses[0]), Client::connect(addresses[1]));
    fill(&mut from, 1000);
    let size = from.ask("DBSIZE");
    let big = "x".repeat(60_000);
    for key in 0..40 {
        assert_eq!(
            from.ask(&format!("SET {{hello}}big{key} {big}{key}")),
            "+OK"
        );
    }
    assert_ne!(from.ask("DBSIZE"), size);
    assert_eq!(to.ask("CONFIG SET rdbcompression no maxmemory 1mb"), "+OK");
    let refusal = cluster.migrate_slots(0, 1, around_hello()).unwrap_err();
    assert!(
        refusal.to_string().contains("OOM command not allowed"),
        "{refusal}"
    );
    assert_eq!(to.ask("DBSIZE"), ":0");
    assert_eq!(from.ask("STRLEN {hello}big39"), ":60002");
}

/// What is refused; ME is the node itself, which has the slots 0 to 8191, OTHER a name that nobody has.
const REFUSED: &[&str] = &[
    "MIGRATESLOTS",
    "MIGRATESLOTS SLOTSRANGE",
    "MIGRATESLOTS SLOTSRANGE 0 1",
    "MIGRATESLOTS SLOTSRANGE 0 1 NODE",
    "MIGRATESLOTS SLOTSRANGE 0 1 NODE x",
    "MIGRATESLOTS SLOTSRANGE 0 1 NODE OTHER",
    "MIGRATESLOTS SLOTSRANGE 0 1 NODE AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "MIGRATESLOTS SLOTSRANGE 0 1 2 NODE ME",
    "MIGRATESLOTS SLOTSRANGE NODE ME",
    "MIGRATESLOTS SLOTSRANGE 0 NODE ME",
    "MIGRATESLOTS SLOTSRANGE 2 1 NODE ME",
    "MIGRATESLOTS SLOTSRANGE x 1 NODE ME",
    "MIGRATESLOTS SLOTSRANGE 0 x NODE ME",
    "MIGRATESLOTS SLOTSRANGE 0 16384 NODE ME",
    "MIGRATESLOTS SLOTSRANGE 0 1 1 2 NODE ME",
    "MIGRATESLOTS SLOTSRANGE 0 1 NODE ME SLOTSRANGE 3 4 NODE ME",
    "MIGRATESLOTS SLOTSRANGE 9000 9001 NODE ME",
    "MIGRATESLOTS SLOTSRANGE 9000 9001 NODE OTHER",
    "MIGRATESLOTS SLOTSRANGE 8000 9001 NODE OTHER",
    "MIGRATESLOTS FOO 0 1 NODE ME",
    "MIGRATESLOTS SLOTSRANGE 0 1 FOO ME",
    "MIGRATESLOTS SLOTSRANGE 0 1 NODE OTHER FOO",
    "MIGRATESLOTS SLOTSRANGE 0 1 NODE OTHER SLOTSRANGE",
    "GETSLOTMIGRATIONS",
    "GETSLOTMIGRATIONS x",
    "CANCELSLOTMIGRATIONS",
    "CANCELSLOTMIGRATIONS x",
    "SYNCSLOTS",
    "SYNCSLOTS x",
];

/// What a node that stands alone answers to each of these.
fn refusals(address: SocketAddr) -> Vec<String> {
    let mut client = Client::connect(address);
    assert_eq!(client.ask("CLUSTER ADDSLOTSRANGE 0 8191"), "+OK");
    let me = client.ask("CLUSTER MYID");
    let other = "a".repeat(40);
    let ask = |line: &&str| {
        let line = line.replace("ME", &me).replace("OTHER", &other);
        let reply = client.ask(&format!("CLUSTER {line}"));
        reply.replace(&me, "ME").replace(&other, "OTHER")
    };
    REFUSED.iter().map(ask).collect()
}

#[test]
fn what_is_refused_is_refused_as_by_valkey() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let words = ["--cluster-enabled", "yes"];
    let Some(valkey) = Redis::valkey(folders[0].path(), &words) else {
        return;
    };
    let port = free_port().to_string();
    let mut config = Config::default();
    for (name, value) in [
        ("port", port.as_str()),
        ("cluster-enabled", "yes"),
        ("dir", &folders[1].path().to_string_lossy()),
    ] {
        config.set(name, value).unwrap();
    }
    let node = Server::start(config).unwrap();
    let (ours, theirs) = (refusals(node.addr()), refusals(valkey.address()));
    let differing: Vec<_> = REFUSED
        .iter()
        .zip(ours.iter().zip(&theirs))
        .filter(|(_, (ours, theirs))| ours != theirs)
        .collect();
    assert!(differing.is_empty(), "{differing:#?}");
}
