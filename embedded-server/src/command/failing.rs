//! A command that panics, in tests alone: what happens then must be seen.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::table::{CommandSpec, Group};
use crate::config::Config;
use crate::node::Server;

pub(super) const COMMANDS: &[CommandSpec] =
    &[CommandSpec::new("fail", 1, Group::Server, |_, _| {
        panic!("as asked")
    })];

fn ask(stream: &mut TcpStream, input: &[u8], expected: &[u8]) {
    stream.write_all(input).unwrap();
    let mut found = vec![0; expected.len()];
    stream.read_exact(&mut found).unwrap();
    assert_eq!(found, expected);
}

#[test]
fn a_panic_ends_its_connection_and_no_other() {
    let mut config = Config::default();
    config.set("port", "0").unwrap();
    let node = Server::start(config).unwrap();
    let connect = || TcpStream::connect(node.addr()).unwrap();
    let (mut unlucky, mut other) = (connect(), connect());
    ask(&mut other, b"SET before 1\r\n", b"+OK\r\n");
    unlucky
        .write_all(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*1\r\n$4\r\nfail\r\n")
        .unwrap();
    let mut rest = Vec::new();
    unlucky.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"+OK\r\n");
    ask(
        &mut other,
        b"MGET before a\r\n",
        b"*2\r\n$1\r\n1\r\n$1\r\n1\r\n",
    );
    ask(&mut connect(), b"PING\r\n", b"+PONG\r\n");
}
