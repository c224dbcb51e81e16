//! Where a running node listens, which CONFIG SET may change, and what it calls its commands.

use std::net::{SocketAddr, TcpListener, TcpStream};

use embedded_server::{Config, Server};

use crate::client::{Client, node};

/// A port that nobody has.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_node_moves_to_another_port_and_those_connected_stay() {
    let node = node(&[]);
    let before = node.addr();
    let mut client = Client::of(&node);
    let port = free_port();
    client.ask(&format!("CONFIG SET port {port} hz 20"), "+OK\r\n");
    let after = SocketAddr::from(([127, 0, 0, 1], port));
    Client::at(after).ask("PING", "+PONG\r\n");
    client.ask("PING", "+PONG\r\n");
    assert_eq!(client.info("tcp_port"), port.to_string());
    assert!(TcpStream::connect(before).is_err());

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().port();
    let other = Client::at(after);
    client.ask(
        &format!("CONFIG SET hz 30 port {taken}"),
        "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.\r\n",
    );
    client.ask("CONFIG GET hz", "*2\r\n$2\r\nhz\r\n$2\r\n20\r\n");
    drop(other);
    Client::at(after).ask("PING", "+PONG\r\n");
}

#[test]
fn addresses_are_given_back_and_had_again() {
    let node = node(&[("bind", "127.0.0.1")]);
    let mut client = Client::of(&node);
    // The address for all takes the place of the one for this machine, at the same port, and back.
    for bind in ["*", "127.0.0.1", "127.0.0.2 127.0.0.1"] {
        client.ask(&format!("CONFIG SET bind '{bind}'"), "+OK\r\n");
        Client::of(&node).ask("PING", "+PONG\r\n");
    }
    let second = SocketAddr::from(([127, 0, 0, 2], node.port()));
    Client::at(second).ask("PING", "+PONG\r\n");
    for nowhere in ["999.999.999.999", "192.0.2.1", "127.0.0.1 192.0.2.1"] {
        client.ask(
            &format!("CONFIG SET bind '{nowhere}'"),
            "-ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.\r\n",
        );
        Client::of(&node).ask("PING", "+PONG\r\n");
        Client::at(second).ask("PING", "+PONG\r\n");
    }
    client.ask("CONFIG SET bind ''", "+OK\r\n");
    assert!(TcpStream::connect(node.addr()).is_err());
    client.ask("CONFIG SET bind 127.0.0.1", "+OK\r\n");
    Client::of(&node).ask("PING", "+PONG\r\n");
}

#[test]
fn a_renamed_command_is_known_by_its_new_name_alone() {
    let mut config = Config::default();
    let text = "port 0\nrename-command FLUSHALL ''\nrename-command config tune\n";
    config
        .apply_text(text, &mut |path| Err(path.to_owned()))
        .unwrap();
    let node = Server::start(config).unwrap();
    let mut client = Client::of(&node);
    client.ask("SET a 1", "+OK\r\n");
    client.ask(
        "FLUSHALL",
        "-ERR unknown command 'FLUSHALL', with args beginning with: \r\n",
    );
    client.ask(
        "CONFIG GET hz",
        "-ERR unknown command 'CONFIG', with args beginning with: 'GET' 'hz' \r\n",
    );
    client.ask("Tune GET hz", "*2\r\n$2\r\nhz\r\n$2\r\n10\r\n");
    client.ask("COMMAND INFO flushall", "*1\r\n$-1\r\n");
    client.ask("GET a", "$1\r\n1\r\n");
}
