//! Snapshots that replicas are sent while everybody goes on writing: what comes of them is what the master has.

use std::net::SocketAddr;

use embedded_server::{Config, Server};

use crate::client::{Client, wait_until};
use crate::peer::Redis;

/// Keys that are there before, so that a snapshot takes a while.
const KEYS: usize = 60_000;

/// Writes of every kind; `A` and `B` stand for numbers that are drawn.
const WRITES: &[&str] = &[
    "SET s:A value-B",
    "SET key:A B",
    "INCR i:A",
    "INCRBYFLOAT f:A 0.5",
    "APPEND s:A more",
    "SETRANGE s:A 3 B",
    "SET s:A v PX 40",
    "GETEX s:A EX 100",
    "GETDEL s:A",
    "MSET s:A 1 key:B 2",
    "LPUSH l:A B A",
    "RPOP l:A",
    "LMOVE l:A l:B LEFT RIGHT",
    "SADD t:A B A x",
    "SPOP t:A",
    "SUNIONSTORE t:A t:A t:B",
    "ZADD z:A B A",
    "ZINCRBY z:A 1.5 B",
    "ZPOPMIN z:A",
    "HSET h:A B A",
    "HINCRBY h:A n B",
    "HDEL h:A B",
    "XADD x:A * f B",
    "XTRIM x:A MAXLEN 3",
    "PFADD p:A B",
    "SETBIT b:A B 1",
    "RENAME s:A s:B",
    "RENAME key:A key:B",
    "COPY l:A l:B REPLACE",
    "MOVE s:A 1",
    "DEL key:A key:B",
    "EXPIRE key:A 100",
    "PEXPIRE key:A 30",
    "PERSIST key:A",
    "MULTI\r\nINCR i:A\r\nLPUSH l:A B\r\nDEL key:B\r\nEXEC",
    "SELECT 1",
    "SELECT 0",
    "SORT l:A ALPHA STORE l:B",
];

/// Writes that concern everything, each once in a while.
const SWEEPS: &[&str] = &["SWAPDB 0 1", "FLUSHDB", "FLUSHALL"];

/// Draws by a linear congruential generator.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn command(&mut self) -> String {
        if self.below(4000) == 0 {
            return SWEEPS[self.below(SWEEPS.len())].to_owned();
        }
        let text = WRITES[self.below(WRITES.len())];
        // Few keys that change often, and many that change once or never.
        let end = if self.below(2) == 0 { 200 } else { KEYS };
        let [a, b] = [self.below(end), self.below(end)].map(|number| format!(":{number}"));
        text.replace(":A", &a)
            .replace(":B", &b)
            .replace('A', &a[1..])
            .replace('B', &b[1..])
    }
}

fn master(directives: &[(&str, &str)]) -> embedded_server::Handle {
    let mut config = Config::default();
    for (name, value) in [("port", "0"), ("repl-backlog-size", "64mb")]
        .iter()
        .chain(directives)
    {
        config.set(name, value).unwrap();
    }
    Server::start(config).unwrap()
}

/// Writes go on from before the replica connects until it has the stream.
fn copies_under_load(master: SocketAddr, replica: SocketAddr, seed: u64) {
    let (mut control, mut follower) = (Client::connect(master), Client::connect(replica));
    assert_eq!(
        control.ask(&format!("DEBUG POPULATE {KEYS} key 400")),
        "+OK"
    );
    let mut writer = Client::connect(master);
    let mut draws = Draws(seed);
    let mut batch = |writer: &mut Client| {
        let lines: Vec<String> = (0..100).map(|_| draws.command()).collect();
        writer.say(&lines.join("\r\n"));
    };
    writer.say("CLIENT REPLY OFF");
    (0..20).for_each(|_| batch(&mut writer));
    let request = format!("REPLICAOF 127.0.0.1 {}", master.port());
    assert_eq!(follower.ask(&request), "+OK");
    let (mut during, mut after) = (0, 0);
    while after < 5 {
        batch(&mut writer);
        let info = control.ask("INFO replication");
        during += usize::from(info.contains("state=send_bulk"));
        after += usize::from(info.contains("state=online"));
    }
    assert!(during > 0, "nothing was written during the snapshot");
    writer.say("CLIENT REPLY ON");
    assert_eq!(writer.line(), "+OK");
    wait_until("the copy is the same", || {
        let digest = control.ask("DEBUG DIGEST");
        digest == follower.ask("DEBUG DIGEST") && digest == control.ask("DEBUG DIGEST")
    });
}

#[test]
fn a_node_copies_a_node_that_is_written_to() {
    for seed in 1..=3 {
        let (master, replica) = (master(&[]), master(&[]));
        copies_under_load(master.addr(), replica.addr(), seed);
    }
}

#[test]
fn redis_copies_a_node_that_is_written_to_and_evicts() {
    let folder = tempfile::tempdir().unwrap();
    let Some(redis) = Redis::start(folder.path(), &["--enable-debug-command", "yes"]) else {
        return;
    };
    let master = master(&[("maxmemory", "20mb"), ("maxmemory-policy", "allkeys-lru")]);
    copies_under_load(master.addr(), redis.address(), 4);
}
