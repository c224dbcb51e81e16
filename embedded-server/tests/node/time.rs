//! Time and life: the virtual clock, background work, processor time, repeatability, and the end.

use std::net::TcpStream;
use std::time::Duration;

use embedded_server::{Config, Server};

use crate::client::{Client, node};

#[test]
fn turning_the_clock_expires_keys_that_nobody_asks_for() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    for key in 0..1000 {
        client.ask(&format!("SET k{key} v EX 100"), "+OK\r\n");
    }
    client.ask("SET stays v EX 101", "+OK\r\n");
    node.advance(Duration::from_millis(100_001));
    client.ask("DBSIZE", ":1\r\n");
    assert_eq!(client.info("expired_keys"), "1000");
    client.ask("PTTL stays", ":999\r\n");
}

#[test]
fn during_a_pause_no_key_goes_by_itself() {
    let node = node(&[("maxmemory-policy", "allkeys-lru")]);
    let mut client = Client::of(&node);
    client.ask("SET dead v PX 1", "+OK\r\n");
    client.ask("SET alive v", "+OK\r\n");
    client.ask("CLIENT PAUSE 100000 WRITE", "+OK\r\n");
    node.advance(Duration::from_secs(1));
    client.ask("GET dead", "$-1\r\n");
    client.ask("CONFIG SET maxmemory 1", "+OK\r\n");
    node.advance(Duration::from_secs(1));
    client.ask("DBSIZE", ":2\r\n");
    client.ask("CLIENT UNPAUSE", "+OK\r\n");
    node.advance(Duration::from_secs(1));
    client.ask("DBSIZE", ":0\r\n");
    let gone = ["expired_keys", "evicted_keys"].map(|field| client.info(field));
    assert_eq!(gone, ["1", "1"]);
}

#[test]
fn a_command_put_off_is_not_to_be_unblocked() {
    let node = node(&[]);
    let (mut client, mut waiting) = (Client::of(&node), Client::of(&node));
    waiting.ask("CLIENT ID", ":2\r\n");
    client.ask("CLIENT PAUSE 100000 WRITE", "+OK\r\n");
    waiting.send("SET k v\r\n");
    while client.info("blocked_clients") != "1" {}
    client.ask("CLIENT UNBLOCK 2 ERROR", ":0\r\n");
    client.ask("GET k", "$-1\r\n");
    client.ask("CLIENT UNPAUSE", "+OK\r\n");
    waiting.expect("+OK\r\n");
}

#[test]
fn time_stands_still_until_turned() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    client.ask("TIME", "*2\r\n$10\r\n1767225600\r\n$1\r\n0\r\n");
    node.advance(Duration::from_micros(1_500_000));
    client.ask("TIME", "*2\r\n$10\r\n1767225601\r\n$6\r\n500000\r\n");
    client.ask("DEBUG SLEEP 2", "+OK\r\n");
    client.ask("TIME", "*2\r\n$10\r\n1767225603\r\n$6\r\n500000\r\n");
}

#[test]
fn idle_clients_are_closed_and_subscribers_are_not_idle() {
    let node = node(&[("timeout", "10"), ("hz", "100")]);
    let (mut idle, mut listener) = (Client::of(&node), Client::of(&node));
    idle.ask("PING", "+PONG\r\n");
    listener.ask("SUBSCRIBE c", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    node.advance(Duration::from_secs(12));
    assert_eq!(idle.closed(), b"");
    listener.ask("PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
}

#[test]
fn one_seed_gives_the_same_draws() {
    let drawn = || {
        let node = node(&[]);
        let mut client = Client::of(&node);
        for key in 0..100 {
            client.ask(&format!("SET k{key} v"), "+OK\r\n");
        }
        let keys: Vec<_> = (0..20).map(|_| client.bulk("RANDOMKEY")).collect();
        (keys, client.bulk("LOLWUT"), client.info("run_id"))
    };
    assert_eq!(drawn(), drawn());
}

#[test]
fn the_slow_log_notes_what_took_long() {
    let node = node(&[("slowlog-log-slower-than", "0")]);
    let mut client = Client::of(&node);
    client.ask("SLOWLOG RESET", "+OK\r\n");
    client.ask("GET a", "$-1\r\n");
    client.ask("SLOWLOG LEN", ":2\r\n");
    client.ask("CONFIG SET slowlog-log-slower-than -1", "+OK\r\n");
    client.ask("SLOWLOG RESET", "+OK\r\n");
    client.ask("GET a", "$-1\r\n");
    client.ask("SLOWLOG LEN", ":0\r\n");
}

#[test]
fn processor_time_of_the_node_is_told_apart_from_the_process() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    let before = node.cpu_time().unwrap();
    while node.cpu_time().unwrap() < before + Duration::from_millis(20) {
        client.ask("PING", "+PONG\r\n");
    }
    let used: f64 = client.info("used_cpu_user").parse::<f64>().unwrap()
        + client.info("used_cpu_sys").parse::<f64>().unwrap();
    assert!(used > 0.0);
}

#[test]
fn a_stopped_node_is_gone_and_shutdown_stops_it_too() {
    let first = node(&[]);
    let address = first.addr();
    let client = Client::of(&first);
    first.stop();
    assert_eq!(client.closed(), b"");
    assert!(TcpStream::connect(address).is_err());

    let second = node(&[]);
    let mut client = Client::of(&second);
    client.send("SHUTDOWN NOSAVE\r\n");
    assert_eq!(client.closed(), b"");
    second.wait();
}

#[test]
fn a_taken_port_is_an_error_with_a_next_step() {
    let first = node(&[]);
    let mut config = Config::default();
    config
        .set("port", &first.addr().port().to_string())
        .unwrap();
    let error = Server::start(config).unwrap_err().to_string();
    assert!(
        error.starts_with("Failed listening on port") && error.contains("choose another port"),
        "{error}"
    );
}

#[test]
fn the_configuration_is_rewritten_to_its_file() {
    let file = std::env::temp_dir().join(format!("cachebench-rewrite-{}.conf", std::process::id()));
    std::fs::write(&file, "# mine\nhz 20\n").unwrap();
    let mut config = Config::default();
    config.set("port", "0").unwrap();
    config.set("hz", "20").unwrap();
    let options = embedded_server::Options {
        config,
        config_file: Some(file.clone()),
        ..Default::default()
    };
    let node = Server::start(options).unwrap();
    let mut client = Client::of(&node);
    client.ask("CONFIG SET hz 50 maxmemory 1mb", "+OK\r\n");
    client.ask("CONFIG REWRITE", "+OK\r\n");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(
        text.starts_with("# mine\nhz 50\n") && text.contains("\nmaxmemory 1048576\n"),
        "{text}"
    );
}
