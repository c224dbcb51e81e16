//! MIGRATE: keys that move from one node to another.

use crate::client::{Client, node};

#[test]
fn a_kept_connection_goes_from_database_to_database() {
    let (from, to) = (node(&[]), node(&[]));
    let (mut source, mut target) = (Client::of(&from), Client::of(&to));
    let port = to.addr().port();
    for (key, database) in [("a", 9), ("b", 9), ("c", 0), ("d", 3)] {
        source.ask(&format!("SET {key} v"), "+OK\r\n");
        let line = format!("MIGRATE 127.0.0.1 {port} {key} {database} 5000");
        source.ask(&line, "+OK\r\n");
        assert_eq!(source.info("migrate_cached_sockets"), "1");
        target.ask(&format!("SELECT {database}"), "+OK\r\n");
        target.ask(&format!("GET {key}"), "$1\r\nv\r\n");
    }
    assert_eq!(target.info("total_connections_received"), "2");
    source.ask("DBSIZE", ":0\r\n");
}
