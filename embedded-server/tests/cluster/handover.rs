//! FAILOVER: a master and its replica change places while clients write, between nodes of this server and with redis-server
//! both ways; and what comes of it when the replica does not follow.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use embedded_server::{Config, Handle, Server};

use crate::client::{Client, wait_until};
use crate::peer::{DEBUG, Redis};

fn node() -> Handle {
    let mut config = Config::default();
    config.set("port", "0").unwrap();
    Server::start(config).unwrap()
}

fn field(client: &mut Client, section: &str, name: &str) -> String {
    let info = client.ask(&format!("INFO {section}"));
    let value = info
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_default().to_owned()
}

fn wait_for(client: &mut Client, name: &str, value: &str) {
    wait_until(&format!("{name} is {value}"), || {
        field(client, "replication", name) == value
    });
}

/// Adds one to a counter until told to stop or refused; says how often it was answered.
fn count(master: SocketAddr, key: usize, stop: &AtomicBool) -> u64 {
    let mut writer = Client::connect(master);
    let mut answered = 0;
    while !stop.load(Ordering::Relaxed) {
        match writer.ask(&format!("INCR counter:{key}")).as_str() {
            "-READONLY You can't write against a read only replica." => break,
            answer => assert_eq!(answer, format!(":{}", answered + 1)),
        }
        answered += 1;
    }
    answered
}

/// Everything that was answered is there on both sides afterwards, and the one goes on where the other was.
fn change_places(master: SocketAddr, replica: SocketAddr, how: &str) {
    let [mut first, mut second] = [master, replica].map(Client::connect);
    let follow = format!("REPLICAOF 127.0.0.1 {}", master.port());
    assert_eq!(second.ask(&follow), "+OK");
    wait_until("the replica is in", || first.ask("WAIT 1 100") == ":1");
    let syncs = ["sync_full", "sync_partial_ok"].map(|name| field(&mut second, "stats", name));
    let never = AtomicBool::new(false);
    let mut late = Client::connect(master);
    for (line, answer) in [("MULTI", "+OK"), ("SET late 1", "+QUEUED")] {
        assert_eq!(late.ask(line), answer);
    }
    let counts: Vec<u64> = thread::scope(|scope| {
        let never = &never;
        let writers: Vec<_> = (0..4)
            .map(|key| scope.spawn(move || count(master, key, never)))
            .collect();
        wait_until("they write", || {
            first.ask("EXISTS counter:0 counter:1 counter:2 counter:3") == ":4"
        });
        assert_eq!(first.ask(how), "+OK");
        let refused = late.ask("EXEC");
        let reason = "READONLY You can't write against a read only replica.";
        assert_eq!(
            refused,
            format!("-EXECABORT Transaction discarded because of: {reason}")
        );
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    });
    wait_for(&mut first, "master_link_status", "up");
    assert_eq!(
        field(&mut first, "replication", "master_failover_state"),
        "no-failover"
    );
    assert_eq!(field(&mut second, "replication", "role"), "master");
    for (key, count) in counts.iter().enumerate() {
        assert_eq!(second.ask(&format!("GET counter:{key}")), count.to_string());
    }
    assert_eq!(second.ask("SET after 1"), "+OK");
    wait_until("it comes back", || first.ask("GET after") == "1");
    assert_eq!(first.ask("DEBUG DIGEST"), second.ask("DEBUG DIGEST"));
    let now = ["sync_full", "sync_partial_ok"].map(|name| field(&mut second, "stats", name));
    let number = |text: &String| text.parse::<u64>().unwrap();
    assert_eq!(now[0], syncs[0], "nothing was copied");
    assert_eq!(number(&now[1]), number(&syncs[1]) + 1);
}

#[test]
fn nodes_change_places_and_back() {
    let (one, other) = (node(), node());
    change_places(one.addr(), other.addr(), "FAILOVER");
    let back = format!("FAILOVER TO 127.0.0.1 {} TIMEOUT 60000", one.port());
    let mut second = Client::connect(other.addr());
    wait_for(&mut second, "connected_slaves", "1");
    second.ask("FLUSHALL");
    change_back(other.addr(), one.addr(), &back);
}

/// The replica follows already.
fn change_back(master: SocketAddr, replica: SocketAddr, how: &str) {
    let [mut first, mut second] = [master, replica].map(Client::connect);
    wait_until("the replica is in", || first.ask("WAIT 1 100") == ":1");
    assert_eq!(first.ask(how), "+OK");
    wait_for(&mut second, "role", "master");
    wait_for(&mut first, "master_link_status", "up");
}

#[test]
fn redis_takes_over_from_a_node() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(redis) = Redis::start(folder.path(), &DEBUG) {
        let how = format!("FAILOVER TO 127.0.0.1 {}", redis.port);
        let node = node();
        change_places(node.addr(), redis.address(), &how);
        change_back(redis.address(), node.addr(), "FAILOVER TIMEOUT 60000");
    }
}

#[test]
fn a_node_takes_over_from_redis() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(redis) = Redis::start(folder.path(), &DEBUG) {
        let node = node();
        change_places(redis.address(), node.addr(), "FAILOVER");
        let back = format!("FAILOVER TO 127.0.0.1 {}", redis.port);
        change_back(node.addr(), redis.address(), &back);
    }
}

/// What a master says whose only replica never tells how far it is, and refuses to take the lead.
fn with_a_replica_that_does_not_follow(master: SocketAddr) -> Vec<String> {
    let mut said = Vec::new();
    let mut client = Client::connect(master);
    said.extend(
        [
            "FAILOVER",
            "FAILOVER ABORT",
            "FAILOVER ABORT NOW",
            "FAILOVER TO a",
        ]
        .map(|line| client.ask(line)),
    );
    let door = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = door.local_addr().unwrap().port();
    let mut replica = Client::connect(master);
    said.push(replica.ask(&format!("REPLCONF listening-port {port}")));
    assert!(replica.ask("PSYNC ? -1").starts_with("+FULLRESYNC"));
    wait_for(&mut client, "connected_slaves", "1");
    wait_until("it is online", || {
        field(&mut client, "replication", "slave0").contains("state=online")
    });
    for line in [
        "FAILOVER TO 127.0.0.1 1",
        "FAILOVER TO 127.0.0.1 x",
        "FAILOVER FORCE",
        "FAILOVER TIMEOUT 0",
        "FAILOVER TIMEOUT x",
        "FAILOVER TIMEOUT 1 TIMEOUT 1",
        "FAILOVER FORCE TIMEOUT 100",
        "PSYNC ? -1 FAILOVER",
    ] {
        said.push(Client::connect(master).ask(line));
    }
    said.push(client.ask("SET a 0"));
    let to = format!("FAILOVER TO 127.0.0.1 {port}");
    let mut writer = Client::connect(master);
    // It is given up by hand.
    said.push(client.ask(&to));
    said.push(field(&mut client, "replication", "master_failover_state"));
    writer.say("SET a 1");
    wait_until("it waits", || {
        field(&mut client, "clients", "blocked_clients") == "1"
    });
    said.extend(["CLIENT UNPAUSE", "GET a", &to, "REPLICAOF NO ONE"].map(|line| client.ask(line)));
    said.push(Client::connect(master).ask("SYNC"));
    said.push(client.ask("FAILOVER ABORT"));
    said.push(writer.line());
    // It takes too long.
    said.push(client.ask(&format!("{to} TIMEOUT 1")));
    said.push(writer.ask("SET a 2"));
    said.push(field(&mut client, "replication", "master_failover_state"));
    // It is to happen all the same, but the replica will not.
    said.push(client.ask(&format!("{to} FORCE TIMEOUT 1")));
    let mut asked = Greeted::by(&door);
    said.push(field(&mut client, "replication", "master_failover_state"));
    said.push(field(&mut client, "replication", "role"));
    said.push(writer.ask("SET a 3"));
    said.push(asked.refuse());
    wait_for(&mut client, "role", "master");
    said.push(field(&mut client, "replication", "master_failover_state"));
    said
}

/// The connection by which a master asks its replica to take the lead.
struct Greeted(Client);

impl Greeted {
    fn by(door: &TcpListener) -> Self {
        Self(Client::of(door.accept().unwrap().0))
    }

    /// Answers everything but the request itself, whose last word is returned.
    fn refuse(&mut self) -> String {
        loop {
            let count: usize = self.0.line()[1..].parse().unwrap();
            let words: Vec<_> = (0..count).map(|_| self.0.lines(2).remove(1)).collect();
            match words[0].to_ascii_lowercase().as_str() {
                "ping" => self.0.say("+PONG"),
                "psync" => {
                    self.0.say("-ERR not I");
                    return words[3].clone();
                }
                _ => self.0.say("+OK"),
            }
        }
    }
}

#[test]
fn a_replica_that_does_not_follow_is_no_successor() {
    let said = with_a_replica_that_does_not_follow(node().addr());
    let folder = tempfile::tempdir().unwrap();
    if let Some(redis) = Redis::start(folder.path(), &["--repl-diskless-sync", "no"]) {
        assert_eq!(said, with_a_replica_that_does_not_follow(redis.address()));
    }
}

#[test]
fn in_a_cluster_there_is_another_way() {
    let (cluster, _folder) = crate::cluster(1, 1, 15_000);
    let mut client = Client::connect(cluster.addresses()[0]);
    for line in ["FAILOVER", "PSYNC ? -1 FAILOVER"] {
        assert_eq!(
            client.ask(line),
            "-ERR FAILOVER not allowed in cluster mode."
        );
    }
}
