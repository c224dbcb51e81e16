//! Clients that come through a Unix socket.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use crate::client::{Client, node};

#[test]
fn a_unix_socket_serves_beside_tcp_and_its_file_goes_with_the_node() {
    let path = std::env::temp_dir().join(format!("cachebench-node-{}", std::process::id()));
    let path = path.to_str().unwrap();
    let node = node(&[("unixsocket", path), ("unixsocketperm", "700")]);
    let mode = std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let mut client = UnixStream::connect(path).unwrap();
    client.write_all(b"SET a 1\r\nDEBUG JMAP\r\n").unwrap();
    let mut replies = [0; 10];
    client.read_exact(&mut replies).unwrap();
    assert_eq!(&replies, b"+OK\r\n+OK\r\n");
    let mut other = Client::of(&node);
    other.ask("GET a", "$1\r\n1\r\n");
    let list = other.bulk("CLIENT LIST");
    assert!(
        list.contains(&format!("addr={path}:0 laddr={path}:0")),
        "{list}"
    );
    assert!(list.contains("flags=U"), "{list}");
    drop(node);
    assert!(std::fs::metadata(path).is_err());
}
