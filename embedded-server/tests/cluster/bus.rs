//! The bus: a redis-server takes part, bytes that are no messages are refused, and so is a damaged nodes.conf.

use std::io::{Read, Write};
use std::net::TcpStream;

use embedded_server::cluster::wire::HEADER_BYTES;
use embedded_server::{Options, Server};

use crate::client::{Client, wait_until};
use crate::cluster;
use crate::peer::Redis;

#[test]
fn a_redis_server_joins_takes_slots_and_replaces_a_master() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
    let Some(redis) = Redis::start(folder.path(), &arguments) else {
        return;
    };
    let (mut cluster, _folder) = cluster(3, 0, 1000);
    let addresses = cluster.addresses();
    let (mut first, mut peer) = (
        Client::connect(addresses[0]),
        Client::connect(redis.address()),
    );
    assert_eq!(
        first.ask(&format!("CLUSTER MEET 127.0.0.1 {}", redis.port)),
        "+OK"
    );
    wait_until("redis-server knows all", || {
        peer.ask("CLUSTER INFO").contains("cluster_known_nodes:4")
    });
    wait_until("and says ok", || {
        peer.ask("CLUSTER INFO").contains("cluster_state:ok")
    });
    assert_eq!(
        peer.ask("GET foo"),
        format!("-MOVED 12182 {}", addresses[2])
    );
    let master = Client::connect(addresses[2]).ask("CLUSTER MYID");
    assert_eq!(Client::connect(addresses[2]).ask("SET foo 1"), "+OK");
    wait_until("it becomes a replica", || {
        peer.ask(&format!("CLUSTER REPLICATE {master}")) == "+OK"
    });
    wait_until("it copies", || {
        peer.ask("INFO replication")
            .contains("master_link_status:up")
    });
    wait_until("all know", || first.ask("CLUSTER NODES").contains("slave"));
    cluster.kill(2);
    wait_until("redis-server leads", || {
        peer.ask("INFO replication").contains("role:master")
    });
    wait_until("it serves", || peer.ask("GET foo") == "1");
    wait_until("all follow it", || {
        first.ask("GET foo") == format!("-MOVED 12182 {}", redis.address())
    });
}

#[test]
fn bytes_that_are_no_message_end_their_connection_and_nothing_else() {
    let (cluster, _folder) = cluster(1, 0, 5000);
    let bus = cluster.node(0).unwrap().bus_port().unwrap();
    let header = |bytes: u32, version: u16| {
        let mut message = b"RCmb".to_vec();
        message.extend(bytes.to_be_bytes());
        message.extend(version.to_be_bytes());
        message.resize(HEADER_BYTES, 0);
        message
    };
    let whole = u32::try_from(HEADER_BYTES).unwrap();
    for bad in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        header(10, 1),
        header(u32::MAX, 1),
        header(whole, 9),
        header(whole, 1),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", bus)).unwrap();
        stream.write_all(&bad).unwrap();
        let mut rest = Vec::new();
        // Closed, be it by a reset.
        let _ = stream.read_to_end(&mut rest);
        assert_eq!(rest, b"");
    }
    let mut client = Client::connect(cluster.addresses()[0]);
    assert!(
        client
            .ask("CLUSTER INFO")
            .contains("cluster_known_nodes:1\r\n")
    );
    assert_eq!(client.ask("SET a 1"), "+OK");
}

#[test]
fn a_damaged_file_is_refused_by_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("nodes.conf"),
        "vars currentEpoch 1 lastVoteEpoch 0\nnonsense\n",
    )
    .unwrap();
    let options = Options::default()
        .with("port", "0")
        .and_then(|options| options.with("cluster-enabled", "yes"))
        .and_then(|options| options.with("dir", &folder.path().to_string_lossy()))
        .unwrap();
    let error = Server::start(options).unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
}

#[test]
fn two_nodes_do_not_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let node = || {
        let options = Options::default()
            .with("port", "0")
            .and_then(|options| options.with("cluster-enabled", "yes"))
            .and_then(|options| options.with("dir", &folder.path().to_string_lossy()));
        Server::start(options.unwrap())
    };
    let first = node().unwrap();
    let error = node().unwrap_err().to_string();
    assert!(
        error.contains("already used by a different node"),
        "{error}"
    );
    let id = Client::connect(first.addr()).ask("CLUSTER MYID");
    drop(first);
    let again = node().unwrap();
    assert_eq!(Client::connect(again.addr()).ask("CLUSTER MYID"), id);
}

#[test]
fn a_connection_for_which_too_much_waits_is_ended_and_counted() {
    let (cluster, _folder) = cluster(2, 0, 5000);
    let mut client = Client::connect(cluster.addresses()[0]);
    let links = client.ask("CLUSTER LINKS");
    assert_eq!(links, "*2");
    let words = client.lines(2 * 22).join(" ");
    assert_eq!(words.matches("send-buffer-used").count(), 2, "{words}");
    assert_eq!(
        client.ask("CONFIG SET cluster-link-sendbuf-limit 10000"),
        "+OK"
    );
    let exceeded = |client: &mut Client| {
        let info = client.ask("CLUSTER INFO");
        let count = info.split("limit_exceeded:").nth(1).unwrap();
        count.trim().parse::<u64>().unwrap()
    };
    let message = "x".repeat(20_000);
    assert_eq!(client.ask(&format!("PUBLISH channel {message}")), ":0");
    wait_until("it is ended", || exceeded(&mut client) > 0);
    wait_until("another takes its place", || {
        client.ask("CLUSTER INFO").contains("cluster_state:ok")
    });
    assert_eq!(client.ask("SET hello 1"), "+OK");
}
