//! MULTI and EXEC, and keys that are watched meanwhile.

use std::time::Duration;

use crate::client::{Client, node};

#[test]
fn what_is_queued_runs_together() {
    let node = node(&[]);
    let (mut client, mut other) = (Client::of(&node), Client::of(&node));
    client.ask("MULTI", "+OK\r\n");
    client.ask("SET a 1", "+QUEUED\r\n");
    client.ask("INCR a", "+QUEUED\r\n");
    client.ask("SELECT 99", "+QUEUED\r\n");
    client.ask("MULTI", "-ERR MULTI calls can not be nested\r\n");
    other.ask("GET a", "$-1\r\n");
    client.ask(
        "EXEC",
        "*3\r\n+OK\r\n:2\r\n-ERR DB index is out of range\r\n",
    );
    client.ask("EXEC", "-ERR EXEC without MULTI\r\n");
    client.ask("DISCARD", "-ERR DISCARD without MULTI\r\n");
}

#[test]
fn a_command_refused_while_queueing_breaks_the_transaction() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    client.ask("MULTI", "+OK\r\n");
    client.ask("SET a 1", "+QUEUED\r\n");
    client.ask(
        "SET a",
        "-ERR wrong number of arguments for 'set' command\r\n",
    );
    client.ask(
        "EXEC",
        "-EXECABORT Transaction discarded because of previous errors.\r\n",
    );
    client.ask("GET a", "$-1\r\n");
    client.ask("MULTI", "+OK\r\n");
    client.ask(
        "SHUTDOWN",
        "-ERR Command not allowed inside a transaction\r\n",
    );
    client.ask("DISCARD", "+OK\r\n");
}

#[test]
fn a_watched_key_that_changes_keeps_exec_from_running() {
    let node = node(&[]);
    let (mut client, mut other) = (Client::of(&node), Client::of(&node));
    let mut attempt = |change: &mut dyn FnMut(&mut Client, &mut Client), expected: &str| {
        client.ask("SET w 1 EX 100", "+OK\r\n");
        client.ask("WATCH w w2", "+OK\r\n");
        change(&mut client, &mut other);
        client.ask("MULTI", "+OK\r\n");
        client.ask("PING", "+QUEUED\r\n");
        client.ask("EXEC", expected);
    };
    let (runs, does_not) = ("*1\r\n+PONG\r\n", "*-1\r\n");
    attempt(&mut |_, _| {}, runs);
    attempt(&mut |_, other| other.ask("GET w", "$1\r\n1\r\n"), runs);
    attempt(&mut |_, other| other.ask("SET w 2", "+OK\r\n"), does_not);
    attempt(&mut |client, _| client.ask("SET w 2", "+OK\r\n"), does_not);
    attempt(&mut |_, other| other.ask("PERSIST w", ":1\r\n"), does_not);
    attempt(&mut |_, other| other.ask("SET w2 new", "+OK\r\n"), does_not);
    attempt(&mut |_, other| other.ask("FLUSHALL", "+OK\r\n"), does_not);
    attempt(&mut |_, other| other.ask("SWAPDB 0 1", "+OK\r\n"), does_not);
    attempt(&mut |_, _| node.advance(Duration::from_secs(101)), does_not);
    attempt(
        &mut |client, other| {
            other.ask("SET w 2", "+OK\r\n");
            client.ask("UNWATCH", "+OK\r\n");
        },
        runs,
    );
}

#[test]
fn a_flush_of_another_database_or_of_nothing_disturbs_nobody() {
    let node = node(&[]);
    let (mut client, mut other) = (Client::of(&node), Client::of(&node));
    client.ask("WATCH none", "+OK\r\n");
    other.ask("FLUSHALL", "+OK\r\n");
    client.ask("MULTI", "+OK\r\n");
    client.ask("EXEC", "*0\r\n");
    client.ask("MULTI", "+OK\r\n");
    client.ask("WATCH none", "-ERR WATCH inside MULTI is not allowed\r\n");
    client.ask("RESET", "+RESET\r\n");
    client.ask("EXEC", "-ERR EXEC without MULTI\r\n");
}

#[test]
fn memory_is_asked_for_before_anything_runs() {
    let node = node(&[("maxmemory", "100mb")]);
    let mut client = Client::of(&node);
    client.ask("MULTI", "+OK\r\n");
    client.ask("PING", "+QUEUED\r\n");
    client.ask("SET a 1", "+QUEUED\r\n");
    Client::of(&node).ask("CONFIG SET maxmemory 1", "+OK\r\n");
    client.ask(
        "EXEC",
        "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.\r\n",
    );
}
