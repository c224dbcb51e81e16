//! Clients that wait, on both servers: who is served with what, in which order, and what ends a wait otherwise.
//!
//! A scenario is a line per step: `a> COMMAND` has client `a` send a command and notes the reply, `a! COMMAND` has it send
//! one that makes it wait, `a<` notes the reply that ends the wait. The notes of both servers must be the same.

use std::collections::BTreeMap;

use crate::client::{Client, Command, Reply};
use crate::embedded::Embedded;
use crate::peer::Peer;

const SCENARIOS: &[&str] = &[
    // Sorted sets: first come, first served; both ends; several keys.
    "a! BZPOPMIN z y 0\nb! BZPOPMAX z 0\nw> ZADD z 1 one 2 two 3 three\na<\nb<\nw> ZRANGE z 0 -1 WITHSCORES",
    "a! BZPOPMIN z 0\nb! BZPOPMIN z 0\nw> ZADD z 1 one\na<\nw> ZADD z 2 two\nb<\nw> EXISTS z",
    "a! BZMPOP 0 2 y z MAX COUNT 2\nw> ZADD z 1 one 2 two 3 three\na<\nw> ZRANGE z 0 -1",
    "a! BZPOPMIN z 0\nw> SADD s m\nw> ZUNIONSTORE z 1 s\na<",
    "a! BZPOPMIN z 0\nw> ZADD y 5 five\nw> RENAME y z\na<",
    "a! BZPOPMIN z 0\nw> LPUSH z 1\nw> DEL z\nw> ZADD z 1 one\na<",
    "a! BZPOPMIN z 0\nw> MULTI\nw> ZADD z 1 one\nw> DEL z\nw> EXEC\nw> ZADD z 2 two\na<",
    "a! BZPOPMIN z 0.05\na<",
    "a> MULTI\na> BZPOPMIN z 0\na> BZMPOP 0 1 z MIN\na> BLPOP l 0\na> BLMOVE l m LEFT LEFT 0\na> XREAD BLOCK 0 STREAMS x $\na> EXEC",
    "a> BZPOPMIN z -1\na> BZPOPMIN z x\na> BZMPOP 0 0 z MIN\na> BZMPOP 0 1 z MID\na> BZMPOP 0 1 z MIN COUNT 0",
    "w> SET z v\na> BZPOPMIN z 0\na> BZMPOP 0 1 z MIN",
    // Lists beside them.
    "a! BLPOP l z 0\nb! BZPOPMIN z l 0\nw> ZADD z 1 one\nb<\nw> RPUSH l x\na<",
    "a! BLMOVE l m LEFT RIGHT 0\nb! BLPOP m 0\nw> RPUSH l x\na<\nb<",
    "a! BRPOPLPUSH l m 0\nw> SET m v\nw> RPUSH l x\na<\nw> LRANGE l 0 -1",
    // Streams.
    "a! XREAD BLOCK 0 STREAMS x $\nb! XREAD COUNT 1 BLOCK 0 STREAMS y x 0 0\nw> XADD x 5-1 f v\na<\nb<",
    "w> XADD x 5-1 f v\na> XREAD BLOCK 0 STREAMS x 0\na! XREAD BLOCK 0 STREAMS x 5-1\nw> XDEL x 5-1\nw> DEL x\nw> XADD x 4-1 f v\nw> XADD x 6-1 f v\na<",
    "a! XREAD BLOCK 20 STREAMS x $\na<",
    "a! XREAD BLOCK 0 STREAMS x $\nw> MULTI\nw> XADD x 5-1 f v\nw> XADD x 5-2 f v\nw> EXEC\na<",
    "a! XREAD BLOCK 0 STREAMS x 0\nw> LPUSH x e\nw> DEL x\nw> XADD x 5-1 f v\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nb! XREADGROUP GROUP g d COUNT 1 BLOCK 0 STREAMS x >\nw> XADD x 5-1 f v\na<\nw> XADD x 6-1 f v\nb<\nw> XPENDING x g",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c NOACK BLOCK 0 STREAMS x >\nw> XADD x 5-1 f v\na<\nw> XPENDING x g",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> XGROUP DESTROY x g\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> DEL x\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> SET x v\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> XGROUP CREATE y h $ MKSTREAM\nw> RENAME y x\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> FLUSHALL\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> SWAPDB 0 9\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> XGROUP SETID x g 3-0\nw> XADD x 2-0 f v\nw> XADD x 5-1 f v\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\nw> XADD x 6-0 f v\nw> XDEL x 6-0\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> XADD x 7-0 f v\na<",
    "w> XGROUP CREATE x g 0 MKSTREAM\nw> XADD x 6-0 f v\na> XREADGROUP GROUP g c BLOCK 0 STREAMS x >\na> XREADGROUP GROUP g c BLOCK 0 STREAMS x 0\na> XREADGROUP GROUP g c BLOCK 0 STREAMS x 7",
];

fn on(connect: &dyn Fn() -> Client, scenario: &str, resp3: bool) -> Vec<String> {
    let mut clients: BTreeMap<&str, Client> = BTreeMap::new();
    let (mut notes, mut watcher) = (Vec::new(), connect());
    watcher.line("FLUSHALL");
    for step in scenario.lines() {
        let (name, rest) = step.split_at(1);
        let client = clients.entry(name).or_insert_with(|| {
            let mut client = connect();
            client.line(if resp3 { "HELLO 3" } else { "HELLO 2" });
            client
        });
        match rest.split_once(' ') {
            Some((">", line)) => notes.push(format!("{step} {:?}", client.line(line))),
            Some((_, line)) => {
                let waiting = blocked(&mut watcher);
                client.send(&Command::line(line));
                while blocked(&mut watcher) == waiting {}
            }
            None => notes.push(format!("{step} {:?}", client.read())),
        }
    }
    notes
}

/// How many clients wait.
fn blocked(watcher: &mut Client) -> String {
    let Reply::Bulk(info) = watcher.line("INFO clients") else {
        panic!("no INFO")
    };
    let info = String::from_utf8(info).expect("a text");
    let line = info
        .lines()
        .find(|line| line.starts_with("blocked_clients:"));
    line.expect("a count").to_owned()
}

#[test]
fn those_who_wait_are_served_as_by_redis() {
    let Some(peer) = Peer::start(&[]) else { return };
    let embedded = Embedded::start();
    for resp3 in [false, true] {
        for scenario in SCENARIOS {
            let theirs = on(&|| peer.client(), scenario, resp3);
            let ours = on(&|| embedded.client(), scenario, resp3);
            assert_eq!(ours, theirs, "{scenario}");
        }
    }
}
