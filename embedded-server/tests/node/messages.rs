//! What a client gets that it has not asked for just then: published messages, keyspace events, MONITOR.

use crate::client::{Client, node};

#[test]
fn messages_reach_channels_and_patterns_in_both_protocols() {
    let node = node(&[]);
    let (mut old, mut new, mut publisher) =
        (Client::of(&node), Client::of(&node), Client::of(&node));
    old.ask(
        "SUBSCRIBE news",
        "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n",
    );
    new.send("HELLO 3\r\n");
    while new.line() != "*0" {}
    new.ask(
        "PSUBSCRIBE n*",
        ">3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:1\r\n",
    );
    publisher.ask("PUBLISH news hi", ":2\r\n");
    old.expect("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
    new.expect(">4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
    publisher.ask(
        "PUBSUB NUMSUB news old",
        "*4\r\n$4\r\nnews\r\n:1\r\n$3\r\nold\r\n:0\r\n",
    );
    publisher.ask("PUBSUB CHANNELS", "*1\r\n$4\r\nnews\r\n");
    publisher.ask("PUBSUB NUMPAT", ":1\r\n");
}

#[test]
fn a_resp2_subscriber_may_do_little_else_and_a_resp3_one_everything() {
    let node = node(&[]);
    let (mut old, mut new) = (Client::of(&node), Client::of(&node));
    old.ask("SUBSCRIBE c", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    old.ask("PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    old.send("GET a\r\n");
    assert!(
        old.line()
            .starts_with("-ERR Can't execute 'get': only (P|S)SUBSCRIBE / ")
    );
    old.ask(
        "UNSUBSCRIBE",
        "*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n",
    );
    old.ask("UNSUBSCRIBE", "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
    old.ask("GET a", "$-1\r\n");
    new.send("HELLO 3\r\nSUBSCRIBE c\r\n");
    while new.line() != ":1" {}
    // Its own message follows the reply.
    new.ask(
        "PUBLISH c hi",
        ":1\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n",
    );
}

#[test]
fn a_subscriber_that_leaves_is_forgotten() {
    let node = node(&[]);
    let (mut leaver, mut publisher) = (Client::of(&node), Client::of(&node));
    leaver.ask("SUBSCRIBE c", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    leaver.ask("QUIT", "+OK\r\n");
    leaver.closed();
    publisher.ask("PUBLISH c hi", ":0\r\n");
}

#[test]
fn keyspace_events_are_published_as_asked_for() {
    let node = node(&[("notify-keyspace-events", "KEA")]);
    let (mut listener, mut writer) = (Client::of(&node), Client::of(&node));
    listener.ask(
        "PSUBSCRIBE __key*",
        "*3\r\n$10\r\npsubscribe\r\n$6\r\n__key*\r\n:1\r\n",
    );
    writer.ask("SET k v PX 100", "+OK\r\n");
    let event = |channel: &str, message: &str| {
        format!(
            "*4\r\n$8\r\npmessage\r\n$6\r\n__key*\r\n${}\r\n{channel}\r\n${}\r\n{message}\r\n",
            channel.len(),
            message.len()
        )
    };
    for name in ["set", "expire"] {
        listener.expect(event("__keyspace@0__:k", name));
        listener.expect(event(&format!("__keyevent@0__:{name}"), "k"));
    }
    node.advance(std::time::Duration::from_secs(1));
    listener.expect(event("__keyspace@0__:k", "expired"));
    listener.expect(event("__keyevent@0__:expired", "k"));
}

#[test]
fn monitors_are_shown_commands_but_no_passwords() {
    let node = node(&[("requirepass", "secret")]);
    let (mut monitor, mut other) = (Client::of(&node), Client::of(&node));
    monitor.ask("AUTH secret", "+OK\r\n");
    monitor.ask("MONITOR", "+OK\r\n");
    other
        .send("AUTH secret\r\nSELECT 1\r\nSET \"a b\" \"\\x00\\\"\"\r\nCONFIG GET hz\r\nGET x\r\n");
    let mut shown = || {
        let line = monitor.line();
        line.split_once(']').unwrap().1.to_owned()
    };
    assert_eq!(shown(), r#" "AUTH" "(redacted)""#);
    assert_eq!(shown(), r#" "SELECT" "1""#);
    assert_eq!(shown(), r#" "SET" "a b" "\x00\"""#);
    assert_eq!(shown(), r#" "GET" "x""#);
}
