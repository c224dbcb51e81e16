//! Saving and starting with what was saved: SAVE, BGSAVE, the points of `save`, SHUTDOWN.

use std::time::Duration;

use embedded_server::{Clock, Handle, Options, Server};

use crate::client::Client;

/// A node that keeps its data set in `dir`.
fn keeper(dir: &tempfile::TempDir, directives: &[(&str, &str)]) -> Handle {
    let mut options = Options::for_tests()
        .with("dir", dir.path().to_str().unwrap())
        .unwrap();
    for (name, value) in directives {
        options = options.with(name, value).unwrap();
    }
    options.clock = Clock::virtual_clock();
    options.restore = true;
    Server::start(options).unwrap()
}

#[test]
fn a_node_starts_with_what_another_saved() {
    let dir = tempfile::tempdir().unwrap();
    let first = keeper(&dir, &[]);
    let mut client = Client::of(&first);
    client.ask("SET a 1", "+OK\r\n");
    client.ask("SET dies 1 PX 1", "+OK\r\n");
    client.ask("RPUSH l x y", ":2\r\n");
    assert_ne!(client.info("rdb_changes_since_last_save"), "0");
    client.ask("SAVE", "+OK\r\n");
    assert_eq!(client.info("rdb_changes_since_last_save"), "0");
    client.ask("SET after 1", "+OK\r\n");
    drop(first);

    let second = keeper(&dir, &[]);
    second.advance(Duration::from_secs(1));
    let mut client = Client::of(&second);
    client.ask("GET a", "$1\r\n1\r\n");
    client.ask("LLEN l", ":2\r\n");
    client.ask("EXISTS after dies", ":0\r\n");
    assert_eq!(client.info("rdb_last_load_keys_loaded"), "3");
}

#[test]
fn a_point_of_save_is_kept_and_shutdown_saves_unless_told_not_to() {
    let dir = tempfile::tempdir().unwrap();
    let node = keeper(&dir, &[("save", "60 2"), ("hz", "500")]);
    let mut client = Client::of(&node);
    client.ask("SET a 1", "+OK\r\n");
    node.advance(Duration::from_secs(61));
    assert_eq!(client.info("rdb_saves"), "0");
    client.ask("SET b 1", "+OK\r\n");
    while client.info("rdb_saves") == "0" {}
    assert_eq!(client.info("rdb_changes_since_last_save"), "0");
    client.ask("SET c 1", "+OK\r\n");
    client.send("SHUTDOWN\r\n");
    assert_eq!(client.closed(), b"");

    let node = keeper(&dir, &[("save", "60 2")]);
    let mut client = Client::of(&node);
    client.ask("DBSIZE", ":3\r\n");
    client.ask("DEL a", ":1\r\n");
    client.send("SHUTDOWN NOSAVE\r\n");
    assert_eq!(client.closed(), b"");
    let node = keeper(&dir, &[]);
    Client::of(&node).ask("DBSIZE", ":3\r\n");
}

#[test]
fn a_save_that_fails_keeps_the_node_running() {
    let dir = tempfile::tempdir().unwrap();
    let node = keeper(&dir, &[]);
    let mut client = Client::of(&node);
    dir.close().unwrap();
    client.ask("SAVE", "-ERR\r\n");
    client.ask("BGSAVE", "+Background saving started\r\n");
    while client.info("rdb_last_bgsave_status") == "ok" {}
    client.ask("CONFIG SET save '3600 1000'", "+OK\r\n");
    client.send("SET a 1\r\n");
    assert!(
        client
            .line()
            .starts_with("-MISCONF Redis is configured to save RDB")
    );
    client.ask("GET a", "$-1\r\n");
    client.ask("CONFIG SET stop-writes-on-bgsave-error no", "+OK\r\n");
    client.ask("SET a 1", "+OK\r\n");
    client.ask(
        "SHUTDOWN SAVE",
        "-ERR Errors trying to SHUTDOWN. Check logs.\r\n",
    );
    client.ask("SHUTDOWN SAVE NOSAVE", "-ERR syntax error\r\n");
    client.send("SHUTDOWN SAVE FORCE\r\n");
    assert_eq!(client.closed(), b"");
}

#[test]
fn a_node_does_not_start_with_a_damaged_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("dump.rdb"), "REDIS0010nonsense").unwrap();
    let mut options = Options::for_tests()
        .with("dir", dir.path().to_str().unwrap())
        .unwrap();
    options.restore = true;
    let error = Server::start(options).unwrap_err().to_string();
    assert!(
        error.contains("dump.rdb: the RDB file is damaged"),
        "{error}"
    );
}

#[test]
fn clients_are_told_to_wait_until_what_was_saved_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let node = keeper(&dir, &[]);
    let address = node.addr();
    let mut client = Client::of(&node);
    client.ask("DEBUG POPULATE 1000", "+OK\r\n");
    client.ask("SAVE", "+OK\r\n");
    drop(node);

    let saved = std::fs::read(dir.path().join("dump.rdb")).unwrap();
    let port = address.port().to_string();
    let slow = [("key-load-delay", "60000"), ("port", &port)];
    std::thread::scope(|scope| {
        let second = scope.spawn(|| keeper(&dir, &slow));
        let mut client = Client::at_once_listening(address);
        for line in [
            "GET key:1",
            "PING",
            "SET a 1",
            "BGSAVE",
            "FLUSHALL",
            "KEYS *",
        ] {
            client.ask(line, "-LOADING Redis is loading the dataset in memory\r\n");
        }
        assert_eq!(client.info("loading"), "1");
        assert_eq!(client.info("loading_total_bytes"), saved.len().to_string());
        client.ask("CONFIG SET key-load-delay 0", "+OK\r\n");
        let node = second.join().unwrap();
        client.ask("DBSIZE", ":1000\r\n");
        assert_eq!(client.info("loading"), "0");
        drop(node);
    });

    // What is loaded in part is not saved.
    std::thread::scope(|scope| {
        let third = scope.spawn(|| keeper(&dir, &slow));
        let mut client = Client::at_once_listening(address);
        client.send("SHUTDOWN SAVE\r\n");
        assert_eq!(client.closed(), b"");
        // The connection is closed a moment before the node has ended.
        let node = third.join().unwrap();
        while node.is_running() {
            std::thread::yield_now();
        }
    });
    assert_eq!(std::fs::read(dir.path().join("dump.rdb")).unwrap(), saved);
}

/// A node with one key, whose save does not come to its end by itself.
fn saving_slowly(dir: &tempfile::TempDir) -> (Handle, Client) {
    let node = keeper(dir, &[("rdb-key-save-delay", "2000000000")]);
    let mut client = Client::of(&node);
    client.ask("SET a 1", "+OK\r\n");
    client.ask("BGSAVE", "+Background saving started\r\n");
    (node, client)
}

#[test]
fn a_save_of_what_is_flushed_is_abandoned() {
    let dir = tempfile::tempdir().unwrap();
    let (_node, mut client) = saving_slowly(&dir);
    assert_eq!(client.info("rdb_bgsave_in_progress"), "1");
    client.ask("FLUSHALL", "+OK\r\n");
    assert_eq!(client.info("rdb_bgsave_in_progress"), "0");
    assert_eq!(client.info("rdb_last_bgsave_status"), "ok");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn the_last_save_takes_the_place_of_one_in_the_background() {
    let dir = tempfile::tempdir().unwrap();
    let (node, mut client) = saving_slowly(&dir);
    client.ask("SET b 1", "+OK\r\n");
    client.send("SHUTDOWN SAVE\r\n");
    assert_eq!(client.closed(), b"");
    drop(node);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    Client::of(&keeper(&dir, &[])).ask("DBSIZE", ":2\r\n");
}
