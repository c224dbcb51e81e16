//! Faults on purpose, pauses, looks inside, restarts: what an owner can do to a node.

use std::time::Duration;

use embedded_server::fault::{Fault, Rule};
use embedded_server::{Ended, InjectError, LookError, Options, Server};

use crate::client::{Client, node};

#[test]
fn errors_strike_as_often_as_they_say_and_are_counted() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    let rule = Rule::from(Fault::Error("OOM no room".into())).on("set");
    node.inject(rule.after(1).times(2)).unwrap();
    client.ask(
        "SET a 1\r\nSET a 2\r\nSET a 3\r\nSET a 4\r\nGET a",
        "+OK\r\n-OOM no room\r\n-OOM no room\r\n+OK\r\n$1\r\n4\r\n",
    );
    assert_eq!(client.info("errorstat_OOM"), "count=2");
    assert_eq!(node.struck(), Ok(2));
    let refused = node.inject(Rule::from(Fault::Drop).on("nix"));
    assert!(matches!(refused, Err(InjectError::NoSuchCommand(_))));
}

#[test]
fn a_reply_is_cut_and_the_command_was_carried_out() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    node.inject(Rule::from(Fault::Cut(2)).on("set")).unwrap();
    client.send("PING\r\nSET a 1\r\nPING\r\n");
    assert_eq!(client.closed(), b"+PONG\r\n+O");
    assert_eq!(node.db(0).get("a"), Ok(Some(b"1".to_vec())));
}

#[test]
fn a_dropped_connection_answers_what_came_before() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    node.inject(Rule::from(Fault::Drop).on("set").times(1))
        .unwrap();
    client.send("PING\r\nSET a 1\r\nPING\r\n");
    assert_eq!(client.closed(), b"+PONG\r\n");
    assert_eq!(node.db(0).type_of("a"), Ok(None));
    Client::of(&node).ask("SET a 1", "+OK\r\n");
}

#[test]
fn delays_only_delay_and_healing_ends_them() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    node.inject(Fault::Delay(Duration::from_millis(1))).unwrap();
    node.inject(Fault::Work(Duration::from_nanos(500))).unwrap();
    client.ask("SET a 1\r\nGET a", "+OK\r\n$1\r\n1\r\n");
    assert_eq!(node.struck(), Ok(4));
    node.heal().unwrap();
    client.ask("PING", "+PONG\r\n");
    assert_eq!(node.struck(), Ok(4));
}

#[test]
fn a_paused_node_answers_once_it_goes_on() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    let pause = node.pause().unwrap();
    client.send("PING\r\n");
    drop(pause);
    client.ask("PING", "+PONG\r\n+PONG\r\n");
}

#[test]
fn a_restarted_node_is_empty_on_the_same_port() {
    let mut node = node(&[]);
    let (address, clock) = (node.addr(), node.clock().now_us());
    Client::of(&node).ask("SET a 1", "+OK\r\n");
    node.inject(Fault::Drop).unwrap();
    let snapshot = node.snapshot().unwrap();
    node.restart().unwrap();
    assert_eq!((node.addr(), node.clock().now_us()), (address, clock));
    let mut client = Client::of(&node);
    client.ask("DBSIZE", ":0\r\n");
    assert_eq!(node.load(snapshot), Ok(Ok(1)));
    client.ask("GET a\r\nSHUTDOWN", "$1\r\n1\r\n");
    assert_eq!(client.closed(), b"");
    while node.is_running() {
        std::thread::yield_now();
    }
    assert_eq!(node.db(0).keys(), Err(LookError::Ended(Ended)));
}

#[test]
fn looks_show_every_type_and_count_nothing() {
    let node = Server::start(Options::for_tests()).unwrap();
    let mut client = Client::of(&node);
    client.ask(
        "SADD s a b\r\nZADD z 2 b 1 a\r\nHSET h f v g w\r\nHPEXPIRE h 10 FIELDS 1 g",
        ":2\r\n:2\r\n:2\r\n*1\r\n:1\r\n",
    );
    let db = node.db(0);
    assert_eq!(db.set("s").unwrap().len(), 2);
    assert_eq!(
        db.sorted_set("z").unwrap(),
        [(b"a".to_vec(), 1.0), (b"b".to_vec(), 2.0)]
    );
    assert_eq!(db.hash("h").unwrap().len(), 2);
    assert_eq!(
        db.dump().unwrap(),
        "h hash: f=v g=w\ns set: a b\nz zset: a=1 b=2\n"
    );
    node.clock().advance(Duration::from_millis(11));
    assert_eq!(
        db.hash("h").unwrap().len(),
        1,
        "a field whose time has come"
    );
    assert_eq!(db.list("nothing").unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(
        db.list("s"),
        Err(LookError::WrongType {
            wanted: "list",
            found: "set"
        })
    );
    assert_eq!(node.db(99).keys(), Err(LookError::NoDatabase(99)));
    assert_eq!(client.info("keyspace_hits"), "0");
}
