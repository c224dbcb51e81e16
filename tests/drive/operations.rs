//! Every operation that has a name, sent for real: it is the command that it is called, accepted, and its hits and misses
//! are the server's own; and streams beside one another.

use std::collections::BTreeMap;

use cachebench::recording::model::{PhaseRecord, Recording};

use crate::accounts::calls;
use crate::common::{Kind, Server};
use crate::{Allow, assert_closed, phases, plan_for, run};

/// Servers to hold them against: the one that they were made for, and our own.
fn servers() -> Vec<Server> {
    let kinds = [Kind::Redis, Kind::Cachebench];
    kinds
        .iter()
        .filter_map(|kind| Server::start(*kind, &[]))
        .collect()
}

fn drive(server: &Server, yaml: &str) -> Recording {
    run(&plan_for(server, yaml, Allow::All), |_| ()).expect("a recording")
}

/// Calls of every command that the phases sent are what the server counted, and none was refused.
fn assert_counted(server: &Server, phases: &[PhaseRecord]) {
    phases.iter().for_each(assert_closed);
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for phase in phases {
        assert_eq!(phase.errors, BTreeMap::new(), "{}", phase.name);
        for (name, count) in &phase.operations_by_kind {
            let command = name.split('-').next().expect("a name");
            *counted.entry(command.to_owned()).or_default() += count;
        }
    }
    let calls = calls(server);
    // Whoever starts and stops servers pings them, too.
    counted.remove("ping");
    for (command, count) in counted {
        assert_eq!(
            calls.get(&command),
            Some(&count),
            "{command} on {}",
            server.kind.name()
        );
    }
}

/// What fills half of the keys; what reads them, so that a reply that finds nothing means that there is no key; and what
/// else there is to send.
const TYPES: [(&str, &str, &str); 8] = [
    (
        "mset: { keys: 5 }",
        "get strlen mget exists touch",
        "set mset append persist expire pexpire del unlink",
    ),
    ("incr: {}", "get", "incr ping publish"),
    (
        "\"HSET {key} {fields:10}\": {}",
        "hget hgetall hlen",
        "hset hdel",
    ),
    ("hincrby: {}", "hlen", "hincrby"),
    ("rpush: {}", "lrange llen", "lpush rpush lpop rpop"),
    (
        "\"SADD {key} member-0\": {}",
        "smembers scard",
        "sadd srem spop sismember",
    ),
    (
        "\"ZADD {key} 1000001 member-0\": {}",
        "zrange zcard zrangebyscore",
        "zadd zincrby zrem zscore zrank",
    ),
    // Redis looks a key up twice for XREAD.
    ("xadd: {}", "xrange", "xadd xread"),
];

#[test]
fn every_named_operation_is_counted_as_the_server_counts_it() {
    for server in servers() {
        for (fill, reads, others) in TYPES {
            reset(&server);
            let yaml = format!("{}{}", filled(fill), mix("reads", reads));
            let recording = drive(&server, &yaml);
            assert_counted(&server, phases(&recording));
            let reads = &phases(&recording)[1];
            assert!(reads.hits > 500 && reads.misses > 500, "{fill}: {reads:#?}");
            let lookups = (server.info("keyspace_hits"), server.info("keyspace_misses"));
            assert_eq!(
                (reads.hits, reads.misses),
                lookups,
                "{fill} on {}",
                server.kind.name()
            );
            reset(&server);
            let yaml = format!("{}{}", filled(fill), mix("others", others));
            assert_counted(&server, phases(&drive(&server, &yaml)));
        }
    }
}

fn reset(server: &Server) {
    let mut connection = server.connect();
    redis::cmd("CONFIG")
        .arg("RESETSTAT")
        .exec(&mut connection)
        .expect("RESETSTAT");
}

fn filled(fill: &str) -> String {
    format!(
        "
name: named
keys: {{ count: 400 }}
phases:
  - save: {{ keys: 0..200, operations: {{ {fill} }}, pipeline: 5 }}
"
    )
}

/// A phase of equal shares of the operations named.
fn mix(phase: &str, names: &str) -> String {
    let names: Vec<&str> = names.split(' ').collect();
    let share = 1.0 / names.len() as f64;
    let shares: Vec<String> = names
        .iter()
        .map(|name| format!("{name}: {share}"))
        .collect();
    let ttl = if names.contains(&"expire") {
        "ttl: 1h, "
    } else {
        ""
    };
    format!(
        "  - mix: {{ name: {phase}, count: 2k, clients: 3, pipeline: 4, keys: uniform, {ttl}operations: {{ {} }} }}\n",
        shares.join(", ")
    )
}

#[test]
fn what_follows_a_reply_follows_every_one() {
    let yaml = "
name: follows
keys: { count: 1000 }
phases:
  - save: { keys: 0..500 }
  - mix: { name: aside, count: 1k, clients: 4, pipeline: 8, keys: uniform, operations: { mget: { keys: 7, on_miss: set } } }
  - mix: { name: modify, count: 1k, keys: uniform, operations: { get: 50%, fetch: { share: 50%, send: 'GET {key}', then: set } } }
";
    for server in servers() {
        let recording = drive(&server, yaml);
        let [_, aside, modify] = phases(&recording) else {
            panic!("three phases")
        };
        assert_closed(aside);
        assert_eq!(
            (aside.operations_by_kind["mget"], aside.hits + aside.misses),
            (1000, 7000)
        );
        assert!(aside.misses > 400);
        assert_eq!(aside.operations_by_kind["set"], aside.misses);
        assert_eq!(
            modify.operations_by_kind["set"],
            modify.operations_by_kind["fetch"]
        );
        assert_eq!(
            (modify.misses, modify.due),
            (0, 1000 + modify.operations_by_kind["set"])
        );
        assert_eq!(
            modify.latency_by_kind["set"].count,
            modify.operations_by_kind["set"]
        );
    }
}

#[test]
fn inserts_make_the_keys_behind_those_of_the_phase() {
    let yaml = "
name: inserts
keys: { count: 3000 }
phases:
  - save: { keys: 0..1000 }
  - mix: { keys: 0..1000, count: 10k, clients: 4, pipeline: 8, operations: { get: 90%, insert: { share: 10%, send: 'SET {key} {value}', key: new } } }
  - mix: { name: other, count: 100, operations: 'SET other:{key} x' }
survival: { groups: { old: 0..1000, new: 1000..3000 } }
";
    for server in servers() {
        let recording = drive(&server, yaml);
        let inserted = phases(&recording)[1].operations_by_kind["insert"];
        assert!((800..1200).contains(&inserted), "{inserted}");
        let survival = recording.cells[0].repetitions[0]
            .survival
            .as_ref()
            .expect("a probe");
        assert_eq!(
            (survival.written, survival.present),
            (1000 + inserted, 1000 + inserted)
        );
        assert_eq!(survival.groups[1].present, inserted);
    }
}

#[test]
fn streams_in_parallel_are_phases_of_their_own_in_the_same_time() {
    let yaml = "
name: parallel
keys: { count: 1000 }
phases:
  - save
  - parallel:
      - mix: { name: readers, operations: get, keys: zipfian, for: 500ms, rate: 4k/s, clients: 3 }
      - mix: { name: writers, operations: { set: 50%, del: 50% }, for: 500ms, rate: 1k/s, clients: 2, keys: uniform }
      - flood: { count: 5k, pipeline: 4 }
  - read
expect:
  - readers.hit_ratio < 100%
  - writers.operations == 500
  - flood.errors == 0
survival: { groups: { all: 0..1000 } }
";
    for server in servers() {
        let recording = drive(&server, yaml);
        let phases = phases(&recording);
        let names: Vec<&str> = phases.iter().map(|phase| phase.name.as_str()).collect();
        assert_eq!(names, ["save", "readers", "writers", "flood", "read"]);
        assert_counted(&server, phases);
        let begins: Vec<f64> = phases[1..4].iter().map(|phase| phase.started_s).collect();
        assert!(begins.iter().all(|begin| *begin == begins[0]), "{begins:?}");
        assert_eq!(
            (
                phases[1].operations,
                phases[2].operations,
                phases[3].operations
            ),
            (2000, 500, 5000)
        );
        assert!(phases[4].started_s >= begins[0] + phases[1].elapsed_s);
        assert!(
            recording.expectations.iter().all(|verdict| verdict.held),
            "{:?}",
            recording.expectations
        );
        for (index, phase) in phases.iter().enumerate() {
            let timeline = &recording.cells[0].repetitions[0].timeline;
            let own = timeline.iter().filter(|interval| interval.phase == index);
            assert_eq!(
                own.map(|interval| interval.operations).sum::<u64>(),
                phase.operations
            );
        }
        let survival = recording.cells[0].repetitions[0]
            .survival
            .as_ref()
            .expect("a probe");
        assert_eq!(survival.present, phases[4].hits);
    }
}

/// Operations that name a key space draw from it, whatever the phase's keys are; so does each of several keys.
#[test]
fn an_operation_draws_from_the_key_space_that_it_names() {
    for server in servers() {
        let recording = drive(
            &server,
            "
keys:
  full: { name: \"cachebench:full:{i}\", count: 1k }
  empty: { name: \"cachebench:empty:{i}\", count: 500 }
phases:
  - save: { keys: full }
  - mix:
      count: 4k
      clients: 3
      keys: empty
      order: uniform
      operations:
        get: 25%
        mget: { share: 25%, keys: 3, keyspace: full }
        exists: { share: 25%, keyspace: full }
        newer: { share: 25%, send: \"GET {key}\", keyspace: empty }
",
        );
        let mix = &phases(&recording)[1];
        assert_counted(&server, &phases(&recording)[..1]);
        let of = |name: &str| mix.operations_by_kind[name];
        let (full, empty) = (mix.reads_by_space["full"], mix.reads_by_space["empty"]);
        assert_eq!((full.hits, full.misses), (3 * of("mget") + of("exists"), 0));
        assert_eq!((empty.hits, empty.misses), (0, of("get") + of("newer")));
        // What was drawn, worked out once more, is of both spaces.
        let drawn = mix.drawn.as_ref().and_then(|drawn| drawn.census.as_ref());
        assert!(drawn.expect("a census").distinct > 1_300);
    }
}
