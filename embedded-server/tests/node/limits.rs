//! Who may connect, what a client may send and let wait, and what happens beyond.

use crate::client::{Client, command, node};

#[test]
fn without_the_password_nothing_but_hello_and_auth() {
    let node = node(&[("requirepass", "secret")]);
    let mut client = Client::of(&node);
    client.ask("GET a", "-NOAUTH Authentication required.\r\n");
    client.ask(
        "AUTH wrong",
        "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
    );
    client.send("HELLO 3\r\n");
    assert!(
        client
            .line()
            .starts_with("-NOAUTH HELLO must be called with the client already authenticated")
    );
    // One write: what follows AUTH is parsed under the new rights.
    let long = vec![b'v'; 20_000];
    client.send(
        [
            b"AUTH default secret\r\n".to_vec(),
            command(&[b"SET", b"a", &long]),
        ]
        .concat(),
    );
    client.expect("+OK\r\n+OK\r\n");
    assert_eq!(client.info("acl_access_denied_auth"), "1");
}

#[test]
fn before_auth_only_short_commands_are_read() {
    let node = node(&[("requirepass", "secret")]);
    let refused = |input: &[u8]| {
        let mut client = Client::of(&node);
        client.send(input);
        String::from_utf8(client.closed()).unwrap()
    };
    assert_eq!(
        refused(b"*11\r\n"),
        "-ERR Protocol error: unauthenticated multibulk length\r\n"
    );
    assert_eq!(
        refused(b"*1\r\n$16385\r\n"),
        "-ERR Protocol error: unauthenticated bulk length\r\n"
    );
}

#[test]
fn auth_without_a_password_set_says_so() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    client.send("AUTH secret\r\n");
    assert!(
        client
            .line()
            .starts_with("-ERR AUTH <password> called without any password configured")
    );
}

#[test]
fn beyond_maxclients_nobody_is_let_in() {
    let node = node(&[("maxclients", "2")]);
    let (mut first, mut second) = (Client::of(&node), Client::of(&node));
    first.ask("PING", "+PONG\r\n");
    second.ask("PING", "+PONG\r\n");
    assert_eq!(
        Client::of(&node).closed(),
        b"-ERR max number of clients reached\r\n"
    );
    assert_eq!(first.info("rejected_connections"), "1");
    second.ask("QUIT", "+OK\r\n");
    assert_eq!(second.closed(), b"");
    Client::of(&node).ask("PING", "+PONG\r\n");
}

#[test]
fn a_command_beyond_the_query_limit_ends_the_connection() {
    let node = node(&[("client-query-buffer-limit", "1mb")]);
    let mut client = Client::of(&node);
    client.send("*2\r\n$3\r\nGET\r\n$3000000\r\n");
    client.send(vec![b'x'; 1_200_000]);
    assert_eq!(client.closed(), b"");
    assert_eq!(
        Client::of(&node).info("client_query_buffer_limit_disconnections"),
        "1"
    );
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let node = node(&[("client-output-buffer-limit", "normal 10mb 0 0")]);
    let mut writer = Client::of(&node);
    writer.send(command(&[b"SET", b"big", &vec![b'x'; 1 << 20]]));
    writer.expect("+OK\r\n");
    let mut lazy = Client::of(&node);
    lazy.send("GET big\r\n".repeat(100));
    let received = lazy.closed().len();
    assert!(received < 100 << 20, "{received}");
    assert_eq!(
        writer.info("client_output_buffer_limit_disconnections"),
        "1"
    );
    assert_eq!(writer.info("connected_clients"), "1");
}

#[test]
fn a_client_that_reads_late_gets_everything() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    client.send(command(&[b"SET", b"big", &vec![b'x'; 1 << 20]]));
    client.expect("+OK\r\n");
    client.send("GET big\r\n".repeat(60));
    let reply = [b"$1048576\r\n", vec![b'x'; 1 << 20].as_slice(), b"\r\n"].concat();
    for _ in 0..60 {
        client.expect(&reply);
    }
}

#[test]
fn clients_are_listed_and_killed() {
    let node = node(&[]);
    let (mut one, mut two) = (Client::of(&node), Client::of(&node));
    one.ask("CLIENT SETNAME one", "+OK\r\n");
    two.ask("CLIENT SETNAME two", "+OK\r\n");
    let list = one.bulk("CLIENT LIST");
    let names: Vec<_> = list
        .lines()
        .map(|line| {
            line.split(' ')
                .find(|word| word.starts_with("name="))
                .unwrap()
        })
        .collect();
    assert_eq!(names, ["name=one", "name=two"]);
    assert_eq!(
        one.bulk("CLIENT LIST ID 2"),
        list.lines().nth(1).unwrap().to_owned() + "\n"
    );
    one.ask("CLIENT KILL 127.0.0.1:1", "-ERR No such client\r\n");
    one.ask("CLIENT KILL TYPE pubsub", ":0\r\n");
    let address = two.address();
    one.ask(&format!("CLIENT KILL ADDR {address} TYPE normal"), ":1\r\n");
    assert_eq!(two.closed(), b"");
    one.ask("CLIENT KILL TYPE normal SKIPME no", ":1\r\n");
    assert_eq!(one.closed(), b"");
}

#[test]
fn a_refused_write_is_answered_and_counted() {
    let node = node(&[("maxmemory", "1")]);
    let mut client = Client::of(&node);
    client.ask(
        "SET a 1",
        "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    );
    client.ask("GET a", "$-1\r\n");
    assert_eq!(client.info("errorstat_OOM"), "count=1");
}

#[test]
fn who_takes_most_is_closed_when_all_together_take_too_much() {
    let node = node(&[("maxmemory-clients", "50%"), ("maxmemory", "24mb")]);
    // A command that lacks its end.
    let with_unfinished = |first: &str, bytes: usize| {
        let mut client = Client::of(&node);
        client.ask(first, "+OK\r\n");
        client.send(format!("*2\r\n$4\r\nECHO\r\n${}\r\n", bytes + 1));
        client.send_if_taken(vec![b'v'; bytes]);
        client
    };
    let mut spared = with_unfinished("CLIENT NO-EVICT ON", 4 << 20);
    let mut small = with_unfinished("CLIENT SETNAME small", 1 << 19);
    let large = with_unfinished("CLIENT SETNAME large", 8 << 20);
    assert_eq!(large.closed(), b"");
    for (client, bytes) in [(&mut small, 1 << 19), (&mut spared, 4 << 20)] {
        client.send("v\r\n");
        assert_eq!(client.line(), format!("${}", bytes + 1));
    }
    assert_eq!(Client::of(&node).info("evicted_clients"), "1");
}
