//! Who serves what: MOVED, ASK, TRYAGAIN, CROSSSLOT, CLUSTERDOWN, and slots that move with their keys.

use embedded_server::cluster::slot;

use crate::client::{Client, wait_until};
use crate::cluster;

#[test]
fn a_command_goes_where_its_keys_are() {
    let (cluster, _folder) = cluster(2, 0, 5000);
    let addresses = cluster.addresses();
    let (mut first, mut second) = (Client::connect(addresses[0]), Client::connect(addresses[1]));
    // foo has slot 12182, hello 866.
    assert_eq!(
        first.ask("SET foo 1"),
        format!("-MOVED 12182 {}", addresses[1])
    );
    assert_eq!(second.ask("SET foo 1"), "+OK");
    assert_eq!(first.ask("SET hello 1"), "+OK");
    assert_eq!(
        first.ask("MSET hello 1 foo 1"),
        "-CROSSSLOT Keys in request don't hash to the same slot"
    );
    assert_eq!(first.ask("MSET {hello}a 1 {hello}b 2"), "+OK");
    assert_eq!(
        first.ask("SELECT 1"),
        "-ERR SELECT is not allowed in cluster mode"
    );
    assert_eq!(first.ask("CLUSTER KEYSLOT foo"), ":12182");
    assert_eq!(first.ask("CLUSTER COUNTKEYSINSLOT 866"), ":3");
    assert_eq!(first.ask("DEL {hello}a"), ":1");
    assert_eq!(first.ask("CLUSTER COUNTKEYSINSLOT 866"), ":2");
    assert_eq!(first.ask("PING"), "+PONG");
}

#[test]
fn a_slot_moves_with_its_keys_while_clients_use_it() {
    let (cluster, _folder) = cluster(2, 0, 5000);
    let addresses = cluster.addresses();
    let (mut from, mut to) = (Client::connect(addresses[0]), Client::connect(addresses[1]));
    let slot = slot::of_key(b"hello");
    let ids = [from.ask("CLUSTER MYID"), to.ask("CLUSTER MYID")];
    from.ask("SET {hello}1 a");
    from.ask("RPUSH {hello}2 x y z");
    assert_eq!(
        to.ask(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", ids[0])),
        "+OK"
    );
    assert_eq!(
        from.ask(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", ids[1])),
        "+OK"
    );
    assert_eq!(from.ask("GET {hello}1"), "a");
    assert_eq!(
        from.ask("GET {hello}9"),
        format!("-ASK {slot} {}", addresses[1])
    );
    let port = addresses[1].port();
    assert_eq!(
        from.ask(&format!("MIGRATE 127.0.0.1 {port} {{hello}}1 0 1000")),
        "+OK"
    );
    assert_eq!(
        from.ask("EXISTS {hello}1 {hello}2"),
        "-TRYAGAIN Multiple keys request during rehashing of slot"
    );
    assert_eq!(
        to.ask("GET {hello}1"),
        format!("-MOVED {slot} {}", addresses[0])
    );
    assert_eq!(to.ask("ASKING"), "+OK");
    assert_eq!(to.ask("GET {hello}1"), "a");
    assert!(
        to.ask("GET {hello}1").starts_with("-MOVED"),
        "ASKING holds for one command"
    );
    assert!(
        from.ask(&format!("CLUSTER SETSLOT {slot} NODE {}", ids[1]))
            .contains("I still hold keys")
    );
    assert_eq!(
        from.ask(&format!(
            "MIGRATE 127.0.0.1 {port} \"\" 0 1000 REPLACE KEYS {{hello}}2 {{hello}}3"
        )),
        "+OK"
    );
    assert_eq!(
        to.ask(&format!("CLUSTER SETSLOT {slot} NODE {}", ids[1])),
        "+OK"
    );
    assert_eq!(
        from.ask(&format!("CLUSTER SETSLOT {slot} NODE {}", ids[1])),
        "+OK"
    );
    assert_eq!(to.ask("LLEN {hello}2"), ":3");
    assert_eq!(
        from.ask("LLEN {hello}2"),
        format!("-MOVED {slot} {}", addresses[1])
    );
    assert_eq!(
        from.ask(&format!(
            "MIGRATE 127.0.0.1 {port} \"\" 0 1000 KEYS {{hello}}2"
        )),
        "-MOVED ".to_owned() + &format!("{slot} {}", addresses[1])
    );
}

#[test]
fn a_slot_without_an_owner_stops_the_service() {
    let (cluster, _folder) = cluster(2, 0, 5000);
    let mut first = Client::connect(cluster.addresses()[0]);
    assert_eq!(first.ask("CLUSTER DELSLOTS 866"), "+OK");
    assert_eq!(first.ask("GET hello"), "-CLUSTERDOWN Hash slot not served");
    assert_eq!(first.ask("GET {hell}a"), "-CLUSTERDOWN The cluster is down");
    assert_eq!(
        first.ask("CONFIG SET cluster-allow-reads-when-down yes"),
        "+OK"
    );
    let own = (0..)
        .map(|number| format!("key{number}"))
        .find(|key| slot::of_key(key.as_bytes()) < 866)
        .unwrap();
    assert_eq!(first.ask(&format!("GET {own}")), "$-1");
    assert_eq!(
        first.ask(&format!("SET {own} 1")),
        "-CLUSTERDOWN The cluster is down and only accepts read commands"
    );
    assert_eq!(first.ask("CLUSTER ADDSLOTS 866"), "+OK");
    assert_eq!(first.ask("GET hello"), "$-1");
}

#[test]
fn whoever_waits_or_listens_is_sent_after_a_slot_that_leaves() {
    let (cluster, _folder) = cluster(2, 0, 5000);
    let addresses = cluster.addresses();
    let (mut from, mut to) = (Client::connect(addresses[0]), Client::connect(addresses[1]));
    let mut waiting = Client::connect(addresses[0]);
    waiting.say("BLPOP hello 0");
    let mut listening = Client::connect(addresses[0]);
    listening.say("SSUBSCRIBE hello");
    assert_eq!(listening.lines(6)[4], "hello");
    assert_eq!(from.ask("SPUBLISH hello 1"), ":1");
    assert_eq!(listening.lines(7)[6], "1");
    assert_eq!(
        to.ask("SPUBLISH hello 1"),
        format!("-MOVED 866 {}", addresses[0])
    );
    wait_until("it waits", || {
        from.ask("INFO clients").contains("blocked_clients:1")
    });
    let id = to.ask("CLUSTER MYID");
    for node in [&mut to, &mut from] {
        assert_eq!(node.ask(&format!("CLUSTER SETSLOT 866 NODE {id}")), "+OK");
    }
    assert_eq!(waiting.line(), format!("-MOVED 866 {}", addresses[1]));
    assert_eq!(
        listening.lines(6),
        ["*3", "$12", "sunsubscribe", "$5", "hello", ":0"]
    );
}

#[test]
fn a_message_on_a_channel_of_a_shard_reaches_its_replicas_and_no_others() {
    let (cluster, _folder) = cluster(2, 1, 5000);
    let addresses = cluster.addresses();
    let mut master = Client::connect(addresses[0]);
    let mut listening = Client::connect(addresses[2]);
    listening.say("SSUBSCRIBE hello");
    assert_eq!(listening.lines(6)[5], ":1");
    let mut ordinary = Client::connect(addresses[1]);
    ordinary.say("SUBSCRIBE hello");
    assert_eq!(ordinary.lines(6)[5], ":1");
    assert_eq!(master.ask("SPUBLISH hello sharded"), ":0");
    assert_eq!(master.ask("PUBLISH hello everywhere"), ":0");
    assert_eq!(listening.lines(7)[6], "sharded");
    assert_eq!(ordinary.lines(7)[6], "everywhere");
}
