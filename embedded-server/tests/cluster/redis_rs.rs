//! redis-rs's cluster client: it finds its way while slots move and after a master is killed.

use embedded_server::cluster::SlotSet;
use redis::TypedCommands;
use redis::cluster::{ClusterClient, ClusterConnection};

use crate::client::wait_until;
use crate::cluster;

const KEYS: usize = 500;

fn key(number: usize) -> String {
    format!("key:{number}")
}

fn all_are_there(connection: &mut ClusterConnection) -> bool {
    (0..KEYS).all(|number| {
        let found = connection.get(key(number)).unwrap();
        found == Some(number.to_string())
    })
}

#[test]
fn redis_rs_writes_and_reads_while_slots_move_and_after_a_failover() {
    let (mut cluster, _folder) = cluster(3, 1, 1000);
    let nodes = cluster.addresses().into_iter();
    let nodes: Vec<String> = nodes.map(|node| format!("redis://{node}/")).collect();
    let client = ClusterClient::new(nodes).unwrap();
    let mut connection = client.get_connection().unwrap();
    for number in 0..KEYS {
        connection.set(key(number), number).unwrap();
    }
    assert!(all_are_there(&mut connection));
    let together = connection.mget(&["key:1", "{key:1}none"][..]).unwrap();
    assert_eq!(together, [Some("1".to_owned()), None]);
    let mut pipeline = redis::cluster::cluster_pipe();
    for number in 0..KEYS {
        pipeline.get(key(number));
    }
    let values: Vec<usize> = pipeline.query(&mut connection).unwrap();
    assert_eq!(values, (0..KEYS).collect::<Vec<_>>());

    // 866 is the slot of "hello", and the first master's.
    connection.set("hello", "there").unwrap();
    let slots: SlotSet = (800..900).collect();
    cluster.migrate_slots(0, 1, slots).unwrap();
    assert_eq!(connection.get("hello").unwrap().as_deref(), Some("there"));
    assert!(all_are_there(&mut connection));

    // A connection of redis-rs 1.8 that waits for its answers asks for the slots anew where it is redirected, not where nobody
    // answers: after a failover its users take a new one.
    cluster.kill(0);
    wait_until("a new connection writes to all slots", || {
        let Ok(mut connection) = client.get_connection() else {
            return false;
        };
        (0..KEYS).all(|number| connection.set(key(number), number).is_ok())
    });
    assert!(all_are_there(&mut client.get_connection().unwrap()));
}
