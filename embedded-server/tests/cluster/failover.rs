//! Masters that are lost, by force and by hand, and nodes that cannot see each other.

use embedded_server::cluster::Failover;

use crate::client::{Client, wait_until};
use crate::cluster;

#[test]
fn a_replica_takes_the_place_of_a_master_that_is_killed_with_all_that_it_had_copied() {
    let (mut cluster, _folder) = cluster(3, 1, 500);
    let addresses = cluster.addresses();
    let mut master = Client::connect(addresses[2]);
    for number in 0..500 {
        assert_eq!(master.ask(&format!("SET {{foo}}{number} {number}")), "+OK");
    }
    assert_eq!(master.ask("WAIT 1 5000"), ":1");
    cluster.kill(2);
    cluster
        .wait("the replica does not lead", |nodes| {
            nodes[5].as_ref().is_some_and(|node| node.master.is_none())
        })
        .unwrap();
    cluster.wait_until_ok().unwrap();
    let mut heir = Client::connect(addresses[5]);
    assert_eq!(heir.ask("DBSIZE"), ":500");
    assert_eq!(heir.ask("SET foo new"), "+OK");
    cluster.restart(2).unwrap();
    let id = cluster.view(5).unwrap().id;
    cluster
        .wait("the old master does not follow", |nodes| {
            nodes[2]
                .as_ref()
                .is_some_and(|node| node.master == Some(id) && node.is_synchronized)
        })
        .unwrap();
    let mut old = Client::connect(addresses[2]);
    assert_eq!(old.ask("READONLY"), "+OK");
    wait_until("the old master has the new value", || {
        old.ask("GET foo") == "new"
    });
}

#[test]
fn a_change_of_places_loses_no_write() {
    let (cluster, _folder) = cluster(3, 1, 5000);
    let addresses = cluster.addresses();
    let mut master = Client::connect(addresses[0]);
    let mut written = 0;
    for number in 0..2000 {
        if number == 500 {
            cluster
                .administer(3, |cluster| cluster.failover(Failover::Agreed))
                .unwrap();
        }
        match master
            .ask(&format!("SET {{hello}}{number} {number}"))
            .as_str()
        {
            "+OK" => written += 1,
            moved => {
                assert_eq!(moved, format!("-MOVED 866 {}", addresses[3]));
                break;
            }
        }
    }
    assert!(
        (500..2000).contains(&written),
        "the places were not changed while it wrote"
    );
    let mut heir = Client::connect(addresses[3]);
    assert_eq!(heir.ask("DBSIZE"), format!(":{written}"));
}

#[test]
fn a_master_cut_off_from_all_others_stops_serving_and_comes_back_as_a_replica() {
    let (cluster, _folder) = cluster(3, 1, 500);
    for other in 1..6 {
        cluster.set_cut(0, other, true).unwrap();
    }
    cluster
        .wait("the master alone goes on", |nodes| {
            let (alone, heir) = (nodes[0].as_ref().unwrap(), nodes[3].as_ref().unwrap());
            !alone.is_ok && heir.is_ok && heir.master.is_none()
        })
        .unwrap();
    let mut alone = Client::connect(cluster.addresses()[0]);
    assert_eq!(alone.ask("SET hello 1"), "-CLUSTERDOWN The cluster is down");
    for other in 1..6 {
        cluster.set_cut(0, other, false).unwrap();
    }
    let heir = cluster.view(3).unwrap().id;
    cluster
        .wait("it does not follow", |nodes| {
            nodes[0]
                .as_ref()
                .is_some_and(|node| node.master == Some(heir) && node.is_ok)
        })
        .unwrap();
}
