//! A replica while its master's snapshot comes in: what it keeps, what it answers, what INFO tells, and what is left when
//! the connection breaks. The master is a socket of the test's own, which sends as much as the test wants.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use embedded_server::rdb::file::{About, Writer};
use embedded_server::types::View;
use embedded_server::{Config, Handle, Server};

use crate::client::{Client, wait_until};
use crate::peer::Redis;

const HISTORY: &str = "0123456789012345678901234567890123456789";
const MARK: &str = "markmarkmarkmarkmarkmarkmarkmarkmarkmark";

/// A master that sends a snapshot by hand.
struct Master(TcpListener);

/// A replica's connection to it.
struct Link(BufReader<TcpStream>);

impl Master {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Leads the next replica through the handshake; says what it asks for.
    fn greet(&self) -> (Link, String) {
        let mut link = Link(BufReader::new(self.0.accept().unwrap().0));
        loop {
            let words = link.command();
            match words[0].to_ascii_lowercase().as_str() {
                "ping" => link.send(b"+PONG\r\n"),
                "psync" => return (link, words.join(" ")),
                _ => link.send(b"+OK\r\n"),
            }
        }
    }

    /// The same; begins a full synchronization.
    fn begin(&self, header: &str) -> Link {
        let (mut link, _) = self.greet();
        link.send(format!("+FULLRESYNC {HISTORY} 7\r\n{header}\r\n").as_bytes());
        link
    }
}

impl Link {
    fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next command; empty lines only say that the replica is busy.
    fn command(&mut self) -> Vec<String> {
        let mut header = self.line();
        while header.is_empty() {
            header = self.line();
        }
        let words = header[1..].parse().unwrap();
        let word = |_| {
            self.line();
            self.line()
        };
        (0..words).map(word).collect()
    }
}

/// `new:0` to `new:9`, each with a value of 10,000 bytes.
fn snapshot() -> Vec<u8> {
    let mut writer = Writer::new(false, false);
    writer.database(0, 10, 0);
    for number in 0..10 {
        let key = format!("new:{number}");
        writer.entry(
            key.as_bytes(),
            View::String(&[b'v'; 10_000]),
            About::default(),
        );
    }
    writer.finish()
}

fn node(directives: &[(&str, &str)]) -> Handle {
    let mut config = Config::default();
    for (name, value) in [("port", "0")].iter().chain(directives) {
        config.set(name, value).unwrap();
    }
    Server::start(config).unwrap()
}

fn follow(replica: &mut Client, master: &Master) {
    let port = master.address().port();
    assert_eq!(replica.ask(&format!("REPLICAOF 127.0.0.1 {port}")), "+OK");
}

fn field(client: &mut Client, section: &str, name: &str) -> Option<String> {
    let info = client.ask(&format!("INFO {section}"));
    let mut lines = info.lines().map(|line| line.split_once(':'));
    lines.find_map(|line| {
        line.filter(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    })
}

fn wait_for(client: &mut Client, section: &str, name: &str, value: &str) {
    wait_until(&format!("{name} is {value}"), || {
        field(client, section, name).as_deref() == Some(value)
    });
}

/// How the end of a snapshot is told, in the header and behind it.
fn forms(snapshot: &[u8]) -> [(String, &'static str); 2] {
    [
        (format!("${}", snapshot.len()), ""),
        (format!("$EOF:{MARK}"), MARK),
    ]
}

#[test]
fn an_empty_replica_loads_what_comes_as_it_comes() {
    let snapshot = snapshot();
    for (header, mark) in forms(&snapshot) {
        let (master, replica) = (
            Master::new(),
            node(&[("repl-diskless-load", "on-empty-db")]),
        );
        let mut client = Client::connect(replica.addr());
        follow(&mut client, &master);
        let mut link = master.begin(&header);
        link.send(&snapshot[..35_000]);
        wait_for(&mut client, "keyspace", "db0", "keys=3,expires=0,avg_ttl=0");
        assert_eq!(
            client.ask("GET new:1"),
            "-LOADING Redis is loading the dataset in memory"
        );
        assert_eq!(field(&mut client, "persistence", "loading").unwrap(), "1");
        assert_eq!(
            field(&mut client, "replication", "master_sync_in_progress").unwrap(),
            "1"
        );
        let (read, rest) = snapshot[35_000..].split_at(1000);
        link.send(read);
        wait_for(
            &mut client,
            "replication",
            "master_sync_read_bytes",
            "36000",
        );
        // It breaks: what came is thrown away, and everything is asked for again.
        drop(link);
        let (_, request) = master.greet();
        assert_eq!(request, "PSYNC ? -1");
        assert_eq!(client.ask("DBSIZE"), ":0");

        let mut link = master.begin(&header);
        link.send(&[&snapshot[..35_000], read].concat());
        link.send(&[rest, mark.as_bytes()].concat());
        wait_for(&mut client, "replication", "master_link_status", "up");
        assert_eq!(client.ask("DBSIZE"), ":10");
        // The stream goes on behind it.
        link.send(b"*2\r\n$3\r\nDEL\r\n$5\r\nnew:9\r\n");
        wait_until("it is carried out", || client.ask("DBSIZE") == ":9");
    }
}

/// What a replica with data answers while a snapshot comes in, and when that breaks off.
fn keeps_its_data(replica: SocketAddr) -> Vec<String> {
    let snapshot = snapshot();
    let mut said = Vec::new();
    let mut client = Client::connect(replica);
    assert_eq!(client.ask("SET old 1"), "+OK");
    for (header, mark) in forms(&snapshot) {
        let master = Master::new();
        follow(&mut client, &master);
        let mut link = master.begin(&header);
        link.send(&snapshot[..50_000]);
        wait_for(
            &mut client,
            "replication",
            "master_sync_read_bytes",
            "50000",
        );
        for line in ["GET old", "STRLEN new:1", "SET a 1", "DBSIZE"] {
            said.push(client.ask(line));
        }
        assert_eq!(client.ask("CONFIG SET replica-serve-stale-data no"), "+OK");
        for line in [
            "GET old", "SET a 1", "PING", "INFO", "MULTI", "GET old", "EXEC",
        ] {
            said.push(
                client
                    .ask(line)
                    .split(['\r', '\''])
                    .next()
                    .unwrap()
                    .to_owned(),
            );
        }
        assert_eq!(client.ask("CONFIG SET replica-serve-stale-data yes"), "+OK");
        let info = client.ask("INFO replication");
        let names = info.lines().filter_map(|line| line.split_once(':'));
        said.extend(names.clone().map(|(name, _)| name.to_owned()));
        said.extend(
            names
                .filter(|(name, _)| name.starts_with("master_sync"))
                .map(|(_, value)| value.to_owned()),
        );
        drop(link);
        let (link, _) = master.greet();
        said.push(client.ask("GET old"));
        drop(link);
        let mut link = master.begin(&header);
        link.send(&[&snapshot, mark.as_bytes()].concat());
        wait_for(&mut client, "replication", "master_link_status", "up");
        said.extend(["GET old", "DBSIZE"].map(|line| client.ask(line)));
        assert_eq!(client.ask("REPLICAOF NO ONE"), "+OK");
        assert_eq!(client.ask("SET old 1"), "+OK");
    }
    said
}

#[test]
fn a_replica_serves_what_it_has_until_the_snapshot_is_there_as_redis_does() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let said = keeps_its_data(node(&[("dir", dir)]).addr());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    if let Some(redis) = Redis::start(folder.path(), &[]) {
        assert_eq!(said, keeps_its_data(redis.address()));
    }
}

#[test]
fn a_replica_whose_folder_takes_no_file_loads_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let (master, replica) = (Master::new(), node(&[("dir", gone.to_str().unwrap())]));
    let mut client = Client::connect(replica.addr());
    follow(&mut client, &master);
    let mut link = master.begin(&format!("$EOF:{MARK}"));
    link.send(&[&snapshot(), MARK.as_bytes()].concat());
    wait_for(&mut client, "replication", "master_link_status", "up");
    assert_eq!(client.ask("DBSIZE"), ":10");
}

/// What is no snapshot, or ends too soon, leaves nothing behind, and is asked for again.
#[test]
fn a_snapshot_that_cannot_be_read_is_thrown_away() {
    let whole = snapshot();
    let mut changed = whole.clone();
    changed[50_000] ^= 1;
    for bad in [&b"RUBIS0010nonsense"[..], &whole[..50_000], &changed, b""] {
        for diskless in ["on-empty-db", "disabled"] {
            let (master, replica) = (Master::new(), node(&[("repl-diskless-load", diskless)]));
            let mut client = Client::connect(replica.addr());
            follow(&mut client, &master);
            let mut link = master.begin(&format!("${}", bad.len()));
            link.send(bad);
            let (_, request) = master.greet();
            assert_eq!(request, "PSYNC ? -1");
            assert_eq!(client.ask("DBSIZE"), ":0");
        }
    }
    for header in ["$EOF:short", "$-1", "$x", "$99999999999999999999", "+OK"] {
        let (master, replica) = (Master::new(), node(&[]));
        let mut client = Client::connect(replica.addr());
        follow(&mut client, &master);
        drop(master.begin(header));
        master.greet();
        assert_eq!(client.ask("PING"), "+PONG");
    }
}
