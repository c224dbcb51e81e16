//! The connection, configuration and introspection commands beside redis-server's: the same lines, the same replies.
//! What names versions, addresses, times or help in our own words is left out.

use embedded_server::{Config, Server};

use crate::client::{Client, Reply};
use crate::peer::Peer;

const SESSION: &[&str] = &[
    "PING",
    "PING a",
    "PING a b",
    "ECHO x",
    "ECHO",
    "SELECT 1",
    "SELECT -1",
    "SELECT 16",
    "SELECT 99999999999",
    "SELECT x",
    "AUTH",
    "AUTH a b",
    "AUTH default b",
    "AUTH a b c",
    "HELLO 1",
    "HELLO 2 AUTH default",
    "HELLO 2 AUTH x y",
    "HELLO 2 SETNAME",
    "HELLO 2 SETNAME a",
    "CLIENT GETNAME",
    "CLIENT SETNAME",
    "CLIENT SETNAME b",
    "CLIENT",
    "CLIENT NIX",
    "CLIENT ID x",
    "CLIENT REPLY x",
    "CLIENT NO-EVICT on",
    "CLIENT NO-EVICT x",
    "CLIENT KILL",
    "CLIENT KILL 1.2.3.4:5",
    "CLIENT KILL ID x",
    "CLIENT KILL ID 0",
    "CLIENT KILL ID 12345678",
    "CLIENT KILL TYPE x",
    "CLIENT KILL TYPE pubsub",
    "CLIENT KILL USER nobody",
    "CLIENT KILL SKIPME x",
    "CLIENT KILL ID 1 TYPE",
    "CLIENT LIST TYPE x",
    "CLIENT LIST TYPE",
    "CLIENT LIST x",
    "CLIENT LIST ID x",
    "CLIENT LIST ID 99999",
    "CLIENT GETREDIR",
    "CLIENT TRACKINGINFO",
    "CLIENT UNBLOCK 99999",
    "CLIENT UNBLOCK x",
    "CLIENT UNBLOCK 1 x",
    "CONFIG",
    "CONFIG GET",
    "CONFIG GET maxmemory",
    "CONFIG GET MAXMEMORY hz",
    "CONFIG GET maxmemory*",
    "CONFIG GET nix",
    "CONFIG GET *-ziplist-*",
    "CONFIG SET",
    "CONFIG SET maxmemory",
    "CONFIG SET maxmemory 1mb hz",
    "CONFIG SET nix 1",
    "CONFIG SET maxmemory 10mb",
    "CONFIG GET maxmemory",
    "CONFIG SET maxmemory x",
    "CONFIG SET maxmemory -1",
    "CONFIG SET maxmemory 1.5mb",
    "CONFIG SET hz x",
    "CONFIG SET hz 20 hz 30",
    "CONFIG GET hz",
    "CONFIG SET maxmemory-samples 0",
    "CONFIG SET maxmemory-samples 65",
    "CONFIG SET activedefrag x",
    "CONFIG SET appendonly maybe",
    "CONFIG SET port 1x",
    "CONFIG SET databases 3",
    "CONFIG SET appendfsync x",
    "CONFIG SET loglevel x",
    "CONFIG SET notify-keyspace-events KEA",
    "CONFIG GET notify-keyspace-events",
    "CONFIG SET notify-keyspace-events Elg",
    "CONFIG GET notify-keyspace-events",
    "CONFIG SET notify-keyspace-events q",
    "CONFIG SET client-output-buffer-limit x",
    "CONFIG GET client-output-buffer-limit",
    "CONFIG SET slowlog-log-slower-than -1",
    "CONFIG SET slowlog-max-len -1",
    "CONFIG SET hash-max-ziplist-entries 7",
    "CONFIG GET hash-max-*-entries",
    "CONFIG SET maxclients 5 maxmemory x",
    "CONFIG GET maxclients",
    "CONFIG REWRITE",
    "CONFIG RESETSTAT x",
    "CONFIG SET timeout 3000000000",
    "CONFIG SET timeout -1",
    "CONFIG SET latency-tracking-info-percentiles x",
    "CONFIG SET maxmemory-clients 5%",
    "CONFIG GET maxmemory-clients",
    "CONFIG SET maxmemory 0",
    "COMMAND GETKEYS GET a",
    "COMMAND GETKEYS GET",
    "COMMAND GETKEYS PING",
    "COMMAND GETKEYS NIX a",
    "COMMAND GETKEYS MSET a 1 b 2",
    "COMMAND GETKEYS",
    "COMMAND INFO nix",
    "COMMAND LIST FILTERBY x",
    "COMMAND LIST FILTERBY x y",
    "COMMAND LIST FILTERBY MODULE x",
    "COMMAND NIX",
    "COMMAND DOCS nix",
    "COMMAND COUNT x",
    "SLOWLOG LEN x",
    "SLOWLOG GET x",
    "SLOWLOG GET -2",
    "SLOWLOG GET 0",
    "SLOWLOG NIX",
    "LATENCY LATEST",
    "LATENCY HISTORY x",
    "LATENCY RESET",
    "LATENCY RESET x",
    "LATENCY GRAPH x",
    "LATENCY NIX",
    "LATENCY HISTOGRAM nix",
    "PUBLISH c m",
    "PUBLISH c",
    "PUBSUB CHANNELS",
    "PUBSUB NUMSUB a b",
    "PUBSUB NUMSUB",
    "PUBSUB NUMPAT",
    "PUBSUB NUMPAT x",
    "PUBSUB NIX",
    "PUBSUB SHARDCHANNELS",
    "UNSUBSCRIBE",
    "UNSUBSCRIBE x",
    "PUNSUBSCRIBE",
    "SUBSCRIBE c",
    "GET a",
    "PING",
    "PING m",
    "PING m n",
    "CONFIG GET hz",
    "SUBSCRIBE c",
    "PSUBSCRIBE p*",
    "UNSUBSCRIBE c",
    "PUNSUBSCRIBE p*",
    "GET a",
    "SHUTDOWN x",
    "SHUTDOWN ABORT",
    "SHUTDOWN ABORT NOW",
    "ROLE",
    "TIME x",
    "LOLWUT x y z w",
    "MONITOR x",
    "nix",
    "nix a b c",
    "config|get hz",
    "MULTI",
    "MULTI",
    "GET",
    "nix",
    "EXEC",
    "EXEC",
    "MULTI",
    "SET a 1",
    "INCR a",
    "SELECT 99",
    "EXEC",
    "DISCARD",
    "WATCH",
    "WATCH a",
    "SET a 3",
    "MULTI",
    "PING",
    "EXEC",
    "MULTI",
    "WATCH a",
    "DISCARD",
    "UNWATCH",
    "MULTI",
    "SHUTDOWN",
    "EXEC",
    "MULTI",
    "EXEC",
    "RESET",
    "CLIENT GETNAME",
    "GET a",
];

/// Asked, but not compared: told in our own words, or of one server alone.
const UNCOMPARED: &[&str] = &["CONFIG SET port 1x", "LOLWUT x y z w", "HELLO 2 SETNAME a"];

fn shorten(reply: Reply) -> Reply {
    match reply {
        // The list of policies is longer here.
        Reply::Error(text) => Reply::Error(
            text.split(" one of the following")
                .next()
                .unwrap_or_default()
                .to_owned(),
        ),
        other => other,
    }
}

#[test]
fn a_session_of_questions_to_the_frame_is_answered_alike() {
    let Some(peer) = Peer::start(&[]) else { return };
    let mut config = Config::default();
    config.set("port", "0").unwrap();
    let node = Server::start(config).unwrap();
    let (mut theirs, mut ours) = (peer.client(), Client::tcp(node.addr()));
    let mut differences = Vec::new();
    for line in SESSION {
        let (expected, found) = (shorten(theirs.line(line)), shorten(ours.line(line)));
        if !UNCOMPARED.contains(line) && expected.clone().sorted() != found.clone().sorted() {
            differences.push(format!(
                "{line}\n    redis {expected:?}\n    ours  {found:?}"
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_directive_of_redis_is_known_with_its_default() {
    let Some(peer) = Peer::start(&[]) else { return };
    let Reply::Items(_, pairs) = peer.client().line("CONFIG GET *") else {
        panic!("no list")
    };
    let differs = [
        "save",
        "bind",
        "port",
        "dir",
        "unixsocket",
        "enable-debug-command",
    ];
    let ours = Config::default();
    for pair in pairs.chunks(2) {
        let (name, value) = (pair[0].text(), pair[1].text());
        let found = ours.get(&name);
        assert!(found.is_some(), "{name} is not known");
        if !differs.contains(&name.as_str()) {
            assert_eq!(found, Some(value), "{name}");
        }
    }
}
