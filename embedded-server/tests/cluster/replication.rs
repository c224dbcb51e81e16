//! Replication, between nodes of this server and with redis-server both ways.

use std::net::SocketAddr;

use embedded_server::rdb::file::Record;
use embedded_server::rdb::reader::Reader;
use embedded_server::types::Limits;
use embedded_server::{Config, Server};

use crate::client::{Client, wait_until};
use crate::peer::{DEBUG, Redis};

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
    "XREADGROUP GROUP readers two STREAMS groups 0",
    "XDEL groups 2-2",
    "XADD groups 4-4 h x",
    "XADD groups 5-5 h x",
    "XREADGROUP GROUP readers one STREAMS groups >",
    "XAUTOCLAIM groups readers three 0 0",
    // Redis 7.0 tells its replicas how many entries a group has read only where none is pending.
    "XADD groups 6-6 h x",
    "XREADGROUP GROUP readers one NOACK STREAMS groups >",
    "XADD x MAXLEN ~ 1 * f w",
    "XADD x MAXLEN 3 * f x",
    "XTRIM x MINID ~ 1-1",
    "XTRIM x MAXLEN 2",
    "GETEX a EX 1000",
    "GETEX a PERSIST",
    "SET b 2 PX 1000000 GET",
    "SET b 3 KEEPTTL",
    "SET b 3 XX",
    "INCRBYFLOAT float 0.1",
    "HINCRBYFLOAT h f 0.1",
    "SADD one m",
    "SPOP one",
    "SPOP s",
    "LMPOP 1 l LEFT COUNT 2",
    "BLMOVE l l LEFT RIGHT 0",
    "BRPOP l 0",
    "ZADD z 3 c 4 d",
    "BZPOPMIN z 0",
    "ZMPOP 1 z MAX COUNT 2",
    "EXPIRE gone -1",
    "PFCOUNT distinct",
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
fn nothing_comes_before_the_snapshot() {
    let master = node();
    let mut client = Client::connect(master.addr());
    assert_eq!(client.ask("FLUSHALL"), "+OK");
    client.say("SYNC");
    assert_eq!(client.line().chars().next(), Some('$'));
}

/// What `redis-cli --functions-rdb` asks for.
#[test]
fn who_wants_no_keys_gets_none() {
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::start(folder.path(), &DEBUG).map(|redis| (redis.address(), redis));
    let node = node();
    let peers = redis.iter().map(|(address, _)| *address);
    for address in peers.chain([node.addr()]) {
        let mut client = Client::connect(address);
        assert_eq!(client.ask("SET a 1"), "+OK");
        let unknown = "-ERR Unsupported rdb-filter-only option: nix";
        assert_eq!(client.ask("REPLCONF rdb-filter-only nix"), unknown);
        assert_eq!(client.ask("REPLCONF rdb-filter-only functions"), "+OK");
        let unmarked = "-ERR Filtered replica requires EOF capability";
        assert_eq!(client.ask("PSYNC ? -1"), unmarked);
        assert_eq!(client.ask("REPLCONF capa eof"), "+OK");
        assert!(client.ask("PSYNC ? -1").starts_with("+FULLRESYNC"));
        let mut header = client.line();
        while header.is_empty() {
            header = client.line();
        }
        let mark = header.strip_prefix("$EOF:").unwrap().as_bytes();
        let mut snapshot = Vec::new();
        while !snapshot.ends_with(mark) {
            snapshot.extend(client.bytes(1));
        }
        let records = Reader::whole(snapshot, Limits::default());
        let records: Vec<_> = records.collect::<Result<_, _>>().unwrap();
        let is_about = |record: &Record| matches!(record, Record::Auxiliary { .. });
        assert!(records.iter().all(is_about), "{records:?}");
    }
}

/// Other systems have but one address that leads to the machine itself.
#[cfg(target_os = "linux")]
#[test]
fn a_replica_comes_from_the_address_it_is_to_come_from() {
    let (master, replica) = (node(), node());
    let (mut leader, mut follower) = (
        Client::connect(master.addr()),
        Client::connect(replica.addr()),
    );
    let follow = format!("REPLICAOF 127.0.0.1 {}", master.addr().port());
    for line in ["CONFIG SET bind-source-addr 127.0.0.2", &follow] {
        assert_eq!(follower.ask(line), "+OK");
    }
    wait_until("the replica is in", || {
        leader
            .ask("INFO replication")
            .contains("slave0:ip=127.0.0.2,")
    });
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
    // Of a snapshot from a file the length is told, of one without the end.
    for diskless in ["yes", "no"] {
        let arguments = [&DEBUG[..], &["--repl-diskless-sync", diskless]].concat();
        let Some(redis) = Redis::start(folder.path(), &arguments) else {
            return;
        };
        copies(redis.address(), node().addr());
    }
}

#[test]
fn a_master_is_named_in_the_configuration_or_by_a_host_that_has_to_be_looked_up() {
    let master = node();
    let mut writer = Client::connect(master.addr());
    assert_eq!(writer.ask("SET a 1"), "+OK");
    let named = |host: &str| {
        let mut config = Config::default();
        config.set("port", "0").unwrap();
        let master = format!("{host} {}", master.port());
        config.set("replicaof", &master).unwrap();
        config
    };
    let replica = Server::start(named("localhost")).unwrap();
    let mut reader = Client::connect(replica.addr());
    wait_until("it copies", || reader.ask("GET a") == "1");
    assert!(
        reader
            .ask("INFO replication")
            .contains("master_host:localhost")
    );
    let again = format!("REPLICAOF localhost {}", master.port());
    assert_eq!(
        reader.ask(&again),
        "+OK Already connected to specified master"
    );
    assert_eq!(reader.ask("REPLICAOF no.such.name 7"), "+OK");
    assert_eq!(reader.ask("PING"), "+PONG");
    assert_eq!(reader.ask("REPLICAOF NO ONE"), "+OK");
    assert_eq!(reader.ask("CONFIG GET replicaof"), "*2");

    let mut in_cluster = named("localhost");
    in_cluster.set("cluster-enabled", "yes").unwrap();
    let error = Server::start(in_cluster).unwrap_err().to_string();
    assert!(error.contains("not allowed in cluster mode"), "{error}");
}

/// A replica of a replica goes on where it was when the one between them, or its connection, was away.
fn chain(between: SocketAddr, end: SocketAddr) {
    let master = node();
    let [mut writer, mut middle, mut last] = [master.addr(), between, end].map(Client::connect);
    assert_eq!(
        middle.ask(&format!("REPLICAOF 127.0.0.1 {}", master.port())),
        "+OK"
    );
    wait_until("the replica is in", || writer.ask("WAIT 1 100") == ":1");
    assert_eq!(
        last.ask(&format!("REPLICAOF 127.0.0.1 {}", between.port())),
        "+OK"
    );
    let mut rounds = 0;
    let mut arrives = |writer: &mut Client, last: &mut Client| {
        rounds += 1;
        write_all(writer);
        assert_eq!(writer.ask(&format!("SET last {rounds}")), "+OK");
        wait_until("it comes through", || {
            last.ask("GET last") == rounds.to_string()
        });
        assert_eq!(writer.ask("DEBUG DIGEST"), last.ask("DEBUG DIGEST"));
    };
    arrives(&mut writer, &mut last);
    let syncs = |client: &mut Client, kind: &str| -> u64 {
        let info = client.ask("INFO stats");
        let count = info.split(&format!("{kind}:")).nth(1).unwrap();
        count.lines().next().unwrap().parse().unwrap()
    };
    let full = syncs(&mut middle, "sync_full");
    assert_eq!(middle.ask("CLIENT KILL TYPE replica"), ":1");
    arrives(&mut writer, &mut last);
    assert_eq!(writer.ask("CLIENT KILL TYPE replica"), ":1");
    arrives(&mut writer, &mut last);
    assert_eq!(
        syncs(&mut middle, "sync_full"),
        full,
        "nothing was copied twice"
    );
    assert!(syncs(&mut middle, "sync_partial_ok") > 0);

    // The one in the middle takes the lead, and the end of the chain goes on with its history.
    assert_eq!(middle.ask("REPLICAOF NO ONE"), "+OK");
    arrives(&mut middle, &mut last);
    assert_eq!(syncs(&mut middle, "sync_full"), full, "it has the history");
}

#[test]
fn a_chain_of_nodes_goes_on_where_it_was() {
    let (between, end) = (node(), node());
    chain(between.addr(), end.addr());
}

#[test]
fn a_chain_with_redis_in_its_middle_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(redis) = Redis::start(folder.path(), &DEBUG) {
        chain(redis.address(), node().addr());
    }
}

#[test]
fn a_chain_with_redis_at_its_end_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(redis) = Redis::start(folder.path(), &DEBUG) {
        chain(node().addr(), redis.address());
    }
}

#[test]
fn a_master_that_is_to_end_waits_for_its_replicas_unless_it_is_to_stay() {
    let (master, replica) = (node(), node());
    let [mut writer, mut asking, mut follower] =
        [master.addr(), master.addr(), replica.addr()].map(Client::connect);
    let follow = format!("REPLICAOF 127.0.0.1 {}", master.port());
    assert_eq!(follower.ask(&follow), "+OK");
    wait_until("the replica is in", || writer.ask("WAIT 1 100") == ":1");
    let held = replica.pause().unwrap();
    let waits = |writer: &mut Client, asking: &mut Client| {
        asking.say("SHUTDOWN NOSAVE");
        wait_until("it waits", || {
            writer
                .ask("INFO server")
                .contains("shutdown_in_milliseconds:")
        });
    };
    assert_eq!(writer.ask("SET a 1"), "+OK");
    waits(&mut writer, &mut asking);
    assert_eq!(writer.ask("SHUTDOWN ABORT"), "+OK");
    let failed = "-ERR Errors trying to SHUTDOWN. Check logs.";
    assert_eq!(asking.line(), failed);
    let none = "-ERR No shutdown in progress.";
    assert_eq!(writer.ask("SHUTDOWN ABORT"), none);

    assert_eq!(writer.ask("SET a 2"), "+OK");
    waits(&mut writer, &mut asking);
    writer.say("SET a 3");
    drop(held);
    assert_eq!((asking.line(), writer.line()), Default::default());
    assert_eq!(follower.ask("GET a"), "2");
}

#[test]
fn a_replica_ends_the_keys_that_its_own_clients_have_given_a_time() {
    let (master, replica) = (node(), node());
    let [mut writer, mut follower] = [master.addr(), replica.addr()].map(Client::connect);
    let follow = format!("REPLICAOF 127.0.0.1 {}", master.port());
    for line in [&follow, "CONFIG SET replica-read-only no"] {
        assert_eq!(follower.ask(line), "+OK");
    }
    wait_until("the replica is in", || writer.ask("WAIT 1 100") == ":1");
    assert_eq!(writer.ask("SET of-master 1 EX 1000"), "+OK");
    assert_eq!(writer.ask("WAIT 1 5000"), ":1");
    for line in ["SET own 1 PX 60000", "SET lasting 1", "SET kept 1 PX 60000"] {
        assert_eq!(follower.ask(line), "+OK");
    }
    let counts = |follower: &mut Client, count: usize| {
        let info = follower.ask("INFO stats");
        info.contains(&format!("slave_expires_tracked_keys:{count}\r"))
    };
    assert!(counts(&mut follower, 2));
    assert_eq!(follower.ask("PERSIST kept"), ":1");
    assert_eq!(follower.ask("PEXPIRE own 1"), ":1");
    wait_until("it is gone", || follower.ask("DBSIZE") == ":3");
    wait_until("none is left", || counts(&mut follower, 0));
}

/// Commands that have come in when the connection is ended are carried out, or asked for again.
#[test]
fn a_replica_loses_nothing_of_what_has_come_when_its_connection_is_ended() {
    let (master, replica) = (node(), node());
    let [mut writer, mut follower] = [master.addr(), replica.addr()].map(Client::connect);
    let follow = format!("REPLICAOF 127.0.0.1 {}", master.port());
    assert_eq!(follower.ask(&follow), "+OK");
    wait_until("the replica is in", || writer.ask("WAIT 1 100") == ":1");
    assert_eq!(follower.ask("MULTI"), "+OK");
    for line in ["CLIENT KILL TYPE master", "DEBUG SLEEP 0.2"] {
        assert_eq!(follower.ask(line), "+QUEUED");
    }
    follower.say("EXEC");
    for count in 1..=100 {
        assert_eq!(writer.ask("INCR counter"), format!(":{count}"));
    }
    assert_eq!(follower.lines(3), ["*2", ":1", "+OK"]);
    wait_until("the replica is back", || {
        writer.ask("SET last 1") == "+OK" && writer.ask("WAIT 1 100") == ":1"
    });
    assert_eq!(follower.ask("GET counter"), "100");
    let syncs = master.visit(|server| server.stats.full_syncs);
    assert_eq!(syncs, Ok(1));
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

/// What a master tells a replica, up to `SET end 1`: a command a line, with every time as T and every member drawn as M.
fn told(master: SocketAddr, act: impl FnOnce(&mut Client)) -> Vec<String> {
    let mut replica = Client::connect(master);
    assert!(replica.ask("PSYNC ? -1").starts_with("+FULLRESYNC"));
    let snapshot = loop {
        // A master may send empty lines while it makes the snapshot.
        if let Some(length) = replica.line().strip_prefix('$') {
            break length.parse().unwrap();
        }
    };
    replica.bytes(snapshot);
    let mut writer = Client::connect(master);
    act(&mut writer);
    assert_eq!(writer.ask("SET end 1"), "+OK");
    let mut commands = Vec::new();
    while commands.last().is_none_or(|command| command != "SET end 1") {
        let header = replica.line();
        let count: usize = header
            .strip_prefix('*')
            .expect("a command")
            .parse()
            .unwrap();
        let words = (0..count).map(|_| {
            replica.line();
            shown(&replica.line())
        });
        commands.push(words.collect::<Vec<_>>().join(" "));
    }
    let is_aside =
        |command: &str| command.starts_with("SELECT") || command.eq_ignore_ascii_case("ping");
    commands.retain(|command| !is_aside(command));
    commands.pop();
    commands
}

/// A word of the stream, as [`told`] shows it.
fn shown(word: &str) -> String {
    let is_time = |text: &str| text.len() == 13 && text.bytes().all(|byte| byte.is_ascii_digit());
    match word.split_once('-') {
        Some((ms, _)) if is_time(ms) => "T-N".to_owned(),
        None if is_time(word) => "T".to_owned(),
        _ if word.starts_with("drawn:") => "M".to_owned(),
        _ => word.to_owned(),
    }
}

/// What a client says, and what replicas are told: the same by redis-server 7.0.
const TOLD: &[(&str, &str)] = &[
    ("SET a 1 EX 1000", "SET a 1 PXAT T"),
    ("SET a 2 NX", ""),
    ("SETEX a 100 v", "SET a v PXAT T"),
    ("PSETEX a 100000 v", "SET a v PXAT T"),
    ("GETEX a EX 500", "PEXPIREAT a T"),
    ("GETEX a PERSIST", "PERSIST a"),
    ("EXPIRE a 100", "PEXPIREAT a T"),
    ("EXPIRE a -1", "DEL a"),
    ("INCRBYFLOAT n 0.1", "SET n 0.1 KEEPTTL"),
    ("HINCRBYFLOAT h f 0.1", "HSET h f 0.1"),
    ("SADD s drawn:1 drawn:2 drawn:3", "SADD s M M M"),
    ("SPOP s", "SREM s M"),
    ("SPOP s 1", "SREM s M"),
    ("SPOP s 9", "DEL s"),
    ("XADD x * f v", "XADD x T-N f v"),
    ("XADD x 9999999999999-1 f v", "XADD x T-N f v"),
    ("XDEL x 1-1", ""),
    ("RPUSH l 1 2 3 4 5 6", "RPUSH l 1 2 3 4 5 6"),
    ("BLPOP l 0", "LPOP l"),
    ("BRPOP none l 0", "RPOP l"),
    ("LMPOP 1 l LEFT COUNT 2", "LPOP l 2"),
    ("BLMOVE l m LEFT RIGHT 0", "LMOVE l m LEFT RIGHT"),
    ("RPOPLPUSH m l", "RPOPLPUSH m l"),
    ("BRPOPLPUSH l m 0", "RPOPLPUSH l m"),
    ("LMPOP 1 m RIGHT COUNT 9", "RPOP m 1"),
    ("ZADD few 1 a 2 b", "ZADD few 1 a 2 b"),
    ("ZMPOP 1 few MIN COUNT 9", "ZPOPMIN few 2"),
    ("GETSET a 3", "SET a 3"),
    ("SET a 4 GET", "SET a 4"),
    ("GETDEL a", "DEL a"),
    ("MULTI\r\nINCR one\r\nGET one\r\nEXEC", "INCR one"),
    ("PUBLISH news m", "PUBLISH news m"),
    ("SPUBLISH news m", "SPUBLISH news m"),
    ("MULTI\r\nPUBLISH news m\r\nEXEC", "PUBLISH news m"),
    (
        "MULTI\r\nINCR one\r\nSPOP s\r\nDEL one\r\nEXEC",
        "MULTI|INCR one|DEL one|EXEC",
    ),
];

/// The same where the words are this server's own.
const TOLD_OTHERWISE: &[(&str, &str)] = &[
    ("XADD y 1-1 f v", "XADD y 1-1 f v"),
    ("XADD y 2-* f v", "XADD y 2-0 f v"),
    ("XADD y MAXLEN ~ 1 3 f v", "XADD y 3-0 f v"),
    ("XADD y MAXLEN 2 4 f v", "XADD y MAXLEN = 2 4-0 f v"),
    ("XGROUP CREATE y g 0", "XGROUP CREATE y g 0"),
    (
        "XREADGROUP GROUP g a STREAMS y >",
        "MULTI|XGROUP CREATECONSUMER y g a|XCLAIM y g a 0 3-0 4-0 TIME T RETRYCOUNT 1 FORCE JUSTID|\
         XGROUP SETID y g 4-0 ENTRIESREAD 4|EXEC",
    ),
    ("XREADGROUP GROUP g a STREAMS y 4-0", ""),
    (
        "XREADGROUP GROUP g a STREAMS y 3-0",
        "XCLAIM y g a 0 4-0 TIME T RETRYCOUNT 2 FORCE JUSTID",
    ),
    (
        "XCLAIM y g a 0 3-0 JUSTID",
        "XCLAIM y g a 0 3-0 TIME T RETRYCOUNT 1 FORCE JUSTID",
    ),
    ("XCLAIM y g a 1000000 3-0", ""),
    ("XDEL y 3-0", "XDEL y 3-0"),
    (
        "XAUTOCLAIM y g a 0 0",
        "MULTI|XCLAIM y g a 0 4-0 TIME T RETRYCOUNT 3 FORCE JUSTID|XACK y g 3-0|EXEC",
    ),
    ("XTRIM y MAXLEN ~ 0", ""),
    ("XTRIM y MAXLEN 0", "XTRIM y MAXLEN = 0"),
    ("ZADD z 1 a 2 b 3 c", "ZADD z 1 a 2 b 3 c"),
    ("BZPOPMIN z 0", "ZPOPMIN z 1"),
    ("ZMPOP 1 z MAX COUNT 2", "ZPOPMAX z 2"),
    ("HSET h f 1 g 2", "HSET h f 1 g 2"),
    (
        "HEXPIRE h 100 NX FIELDS 1 f",
        "HPEXPIREAT h T NX FIELDS 1 f",
    ),
    ("HINCRBYFLOAT h f 1", "HINCRBYFLOAT h f 1"),
    ("HGETEX h PERSIST FIELDS 1 f", "HPERSIST h FIELDS 1 f"),
    (
        "HSETEX h EX 100 FIELDS 2 f 1 g 2",
        "HSETEX h PXAT T FIELDS 2 f 1 g 2",
    ),
    ("PFADD p a", "PFADD p a"),
    ("PFCOUNT p", "PFCOUNT p"),
];

fn assert_told(master: SocketAddr, table: &[(&str, &str)]) {
    let commands = told(master, |writer| {
        for (line, _) in table {
            writer.say(line);
            writer.say("ECHO done");
            while writer.line() != "done" {}
        }
    });
    let expected = table.iter().flat_map(|(_, told)| told.split('|'));
    let expected: Vec<_> = expected.filter(|told| !told.is_empty()).collect();
    assert_eq!(commands, expected);
}

#[test]
fn replicas_are_told_what_a_command_came_to() {
    assert_told(node().addr(), TOLD);
    assert_told(node().addr(), TOLD_OTHERWISE);
    let folder = tempfile::tempdir().unwrap();
    if let Some(redis) = Redis::start(folder.path(), &["--repl-diskless-sync", "no"]) {
        assert_told(redis.address(), TOLD);
    }
}

#[test]
fn replicas_are_told_what_a_client_got_that_had_waited() {
    let master = node();
    for (wait, push, pop) in [
        ("BLPOP q 0", "RPUSH q a b c", "LPOP q"),
        ("BRPOP q 0", "RPUSH q a", "RPOP q"),
        ("BLMPOP 0 1 q LEFT COUNT 2", "RPUSH q a", "LPOP q 1"),
        (
            "BLMOVE q r LEFT RIGHT 0",
            "RPUSH q a",
            "LMOVE q r LEFT RIGHT",
        ),
        ("BZPOPMAX z 0", "ZADD z 1 a", "ZPOPMAX z 1"),
        ("BZMPOP 0 1 z MIN COUNT 3", "ZADD z 1 a", "ZPOPMIN z 1"),
        (
            "XREADGROUP GROUP g one BLOCK 0 STREAMS x >",
            "XADD x 5-5 f v",
            "MULTI|XCLAIM x g one 0 5-5 TIME T RETRYCOUNT 1 FORCE JUSTID|XGROUP SETID x g 5-5 ENTRIESREAD 1|EXEC",
        ),
    ] {
        let mut waiting = Client::connect(master.addr());
        waiting.ask("DEL q");
        waiting.ask("XGROUP CREATE x g 0 MKSTREAM");
        waiting.ask("XGROUP CREATECONSUMER x g one");
        let commands = told(master.addr(), |writer| {
            waiting.say(wait);
            wait_until("it waits", || {
                writer.ask("INFO clients").contains("blocked_clients:1")
            });
            writer.ask(push);
        });
        let expected = std::iter::once(push).chain(pop.split('|'));
        assert_eq!(commands, expected.collect::<Vec<_>>(), "{wait}");
    }
}

#[test]
fn client_unblock_ends_a_wait_for_replicas() {
    let master = node();
    let mut waiting = Client::connect(master.addr());
    let mut other = Client::connect(master.addr());
    let id = waiting.ask("CLIENT ID");
    let id = id.trim_start_matches(':');
    for (how, answer) in [
        ("", ":0"),
        (" ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK"),
    ] {
        waiting.say("WAIT 1 0");
        wait_until("it waits", || {
            other.ask("INFO clients").contains("blocked_clients:1")
        });
        assert_eq!(other.ask(&format!("CLIENT UNBLOCK {id}{how}")), ":1");
        assert_eq!(waiting.line(), answer);
    }
    assert_eq!(waiting.ask("PING"), "+PONG");
    assert_eq!(other.ask(&format!("CLIENT UNBLOCK {id}")), ":0");
}

#[test]
fn fields_that_expire_do_so_alike_on_a_replica() {
    let (master, replica) = (node(), node());
    let mut writer = Client::connect(master.addr());
    let mut follower = Client::connect(replica.addr());
    follower.ask(&format!("REPLICAOF 127.0.0.1 {}", master.port()));
    wait_until("the replica is in", || writer.ask("WAIT 1 100") == ":1");
    for line in [
        "HSET h f 1 g 2 i 3",
        "HEXPIRE h 1000 FIELDS 1 f",
        "HGETEX h EX 2000 FIELDS 1 g",
        "HSETEX h PX 3000000 FIELDS 1 j 4",
        "HINCRBYFLOAT h f 1",
    ] {
        assert!(!writer.ask(line).starts_with('-'), "{line}");
        writer.say("ECHO done");
        while writer.line() != "done" {}
    }
    writer.ask("WAIT 1 5000");
    let deadlines = |client: &mut Client| {
        let first = client.ask("HPEXPIRETIME h FIELDS 4 f g i j");
        (first, client.lines(4))
    };
    assert_eq!(deadlines(&mut writer), deadlines(&mut follower));
    assert_eq!(follower.ask("HGET h f"), "2");
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
