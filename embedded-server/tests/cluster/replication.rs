//! Replication, between nodes of this server and with redis-server both ways.

use std::net::SocketAddr;

use embedded_server::{Config, Server};

use crate::client::{Client, wait_until};
use crate::peer::Redis;

fn node() -> embedded_server::Handle {
    let mut config = Config::default();
    config.set("port", "0").unwrap();
    Server::start(config).unwrap()
}

/// Commands of every kind: the same there as here, and not.
const WRITES: &[&str] = &[
    "SET a 1",
    "INCRBY a 41",
    "SET b 1 EX 1000",
    "RPUSH l 1 2 3 4 5",
    "LPOP l 2",
    "HSET h f 1 g 2",
    "SADD s 1 2 3 4 5 6 7 8 9",
    "SPOP s 3",
    "ZADD z 1 a 2 b",
    "EXPIRE h 500",
    "XADD x * f v",
    "SELECT 3",
    "SET in-three yes",
    "SELECT 0",
    "SET gone 1",
    "DEL gone",
    "SETEX short 100 v",
    "APPEND a !",
    "RENAME b c",
    "MULTI\r\nSET in-transaction 1\r\nINCR counter\r\nEXEC",
    "SORT l STORE sorted",
    "DEL groups",
    "XADD groups 1-1 f v",
    "XGROUP CREATE groups readers 0",
    "XREADGROUP GROUP readers one STREAMS groups >",
    "XADD groups 2-2 g w",
    "XREADGROUP GROUP readers one STREAMS groups >",
    "XADD groups 3-3 h x",
    "XREADGROUP GROUP readers one NOACK STREAMS groups >",
    "XACK groups readers 1-1",
    "XCLAIM groups readers two 0 2-2",
    "PFADD distinct a b c",
    "GEOADD places 13.36 38.11 Palermo 15.08 37.50 Catania",
    "SETBIT bits 1000 1",
    "SADD integers 1 2 3 100000",
    "RPUSH long a-value-that-no-compact-form-takes-as-it-is-longer-than-sixty-four-bytes b c",
    "HSET wide a-value-that-no-compact-form-takes-as-it-is-longer-than-sixty-four-bytes 1",
];

fn write_all(client: &mut Client) {
    for line in WRITES {
        client.say(line);
        client.say("ECHO done");
        let mut reply = client.line();
        while reply != "done" {
            assert!(!reply.starts_with('-'), "{line}: {reply}");
            reply = client.line();
        }
    }
}

/// The replica has what the master has, by the digest of all of it.
fn assert_same(master: SocketAddr, replica: SocketAddr) {
    let (mut master, mut replica) = (Client::connect(master), Client::connect(replica));
    wait_until("the copy is complete", || {
        master.ask("DEBUG DIGEST") == replica.ask("DEBUG DIGEST")
    });
    assert_eq!(replica.ask("GET last"), "1");
    for line in ["PEXPIRETIME h", "PEXPIRETIME c", "PEXPIRETIME short"] {
        assert_eq!(master.ask(line), replica.ask(line), "{line}");
    }
    for (line, replies) in [("XPENDING groups readers", 11), ("XINFO GROUPS groups", 21)] {
        let ask = |client: &mut Client| (client.ask(line), client.lines(replies));
        assert_eq!(ask(&mut master), ask(&mut replica), "{line}");
    }
}

/// Half of the writes come with the snapshot, half with the stream.
fn copies(master: SocketAddr, replica: SocketAddr) {
    let mut writer = Client::connect(master);
    write_all(&mut writer);
    let mut follower = Client::connect(replica);
    assert_eq!(
        follower.ask(&format!("REPLICAOF 127.0.0.1 {}", master.port())),
        "+OK"
    );
    wait_until("the replica is in", || writer.ask("WAIT 1 100") == ":1");
    write_all(&mut writer);
    assert_eq!(writer.ask("SET last 1"), "+OK");
    assert_eq!(writer.ask("WAIT 1 5000"), ":1");
    assert_same(master, replica);
    assert_eq!(
        follower.ask("SET a 2"),
        "-READONLY You can't write against a read only replica."
    );
    assert_eq!(follower.ask("REPLICAOF NO ONE"), "+OK");
    assert_eq!(follower.ask("SET a 2"), "+OK");
}

#[test]
fn a_node_copies_a_node() {
    let (master, replica) = (node(), node());
    copies(master.addr(), replica.addr());
}

#[test]
fn redis_copies_a_node() {
    let folder = tempfile::tempdir().unwrap();
    let Some(redis) = Redis::start(folder.path(), &["--enable-debug-command", "yes"]) else {
        return;
    };
    let master = node();
    copies(master.addr(), redis.address());
}

#[test]
fn a_node_copies_redis() {
    let folder = tempfile::tempdir().unwrap();
    let Some(redis) = Redis::start(
        folder.path(),
        &[
            "--repl-diskless-sync-delay",
            "0",
            "--enable-debug-command",
            "yes",
        ],
    ) else {
        return;
    };
    let replica = node();
    copies(redis.address(), replica.addr());
}

#[test]
fn a_replica_that_was_away_gets_only_what_it_missed() {
    let (master, replica) = (node(), node());
    let mut writer = Client::connect(master.addr());
    let mut follower = Client::connect(replica.addr());
    assert_eq!(
        follower.ask(&format!("REPLICAOF 127.0.0.1 {}", master.port())),
        "+OK"
    );
    wait_until("the replica is in", || writer.ask("WAIT 1 100") == ":1");
    assert_eq!(writer.ask("SET a 1"), "+OK");
    assert_eq!(writer.ask("CLIENT KILL TYPE replica"), ":1");
    assert_eq!(writer.ask("SET a 2"), "+OK");
    wait_until("the replica is back", || follower.ask("GET a") == "2");
    let syncs = master.visit(|server| (server.stats.full_syncs, server.stats.partial_syncs));
    assert_eq!(syncs, Ok((1, 1)));
}

#[test]
fn a_master_with_too_few_replicas_takes_no_writes() {
    let (master, replica) = (node(), node());
    let mut writer = Client::connect(master.addr());
    assert_eq!(writer.ask("CONFIG SET min-replicas-to-write 1"), "+OK");
    assert_eq!(
        writer.ask("SET a 1"),
        "-NOREPLICAS Not enough good replicas to write."
    );
    let mut follower = Client::connect(replica.addr());
    follower.ask(&format!("REPLICAOF 127.0.0.1 {}", master.port()));
    wait_until("the replica counts", || writer.ask("SET a 1") == "+OK");
}

#[test]
fn a_transaction_reaches_replicas_as_one() {
    let master = node();
    let mut writer = Client::connect(master.addr());
    let mut replica = Client::connect(master.addr());
    assert!(replica.ask("PSYNC ? -1").starts_with("+FULLRESYNC"));
    let snapshot = replica.line()[1..].parse().unwrap();
    replica.bytes(snapshot);
    for line in ["MULTI", "GET a", "SET a 1", "INCR a", "EXEC"] {
        writer.say(line);
    }
    let mut words = Vec::new();
    while words.last().is_none_or(|word| word != "EXEC") {
        let line = replica.line();
        if !line.starts_with(['*', '$']) {
            words.push(line);
        }
    }
    assert_eq!(words.join(" "), "SELECT 0 MULTI SET a 1 INCR a EXEC");
}
