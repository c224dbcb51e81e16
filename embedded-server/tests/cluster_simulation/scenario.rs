//! What happens to a simulated cluster.

use embedded_server::cluster::{Failover, SLOTS, Slot, SlotSet};
use rand::RngExt;

use crate::invariants;
use crate::world::{TIMEOUT_MS, Weather, World};

/// How long a cluster may take to form, to heal, to change places.
const PATIENCE_MS: i64 = 60 * TIMEOUT_MS;
const MASTERS: usize = 3;
/// How long a cluster may take to form where nothing goes wrong.
const FORMED_MS: i64 = 400;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Scenario {
    /// Nothing but that the cluster forms.
    Form,
    /// Everything that can go wrong.
    Faults,
    /// Nothing goes wrong, and a replica changes places with its master under load.
    ManualFailover,
    /// One master is lost.
    Crash,
    /// One replica is lost whose master has no other.
    Migration,
    /// Slots move at once between masters, whose links fail and which crash.
    Moves,
    /// Most masters are lost, and an administrator has their replicas take over.
    Takeover,
}

impl Scenario {
    pub(crate) fn run(self, seed: u64, is_loud: bool) {
        drop(self.play(seed, is_loud));
    }

    pub(crate) fn play(self, seed: u64, is_loud: bool) -> World {
        match self {
            Self::Form => form(seed, is_loud),
            Self::Faults => faults(seed, is_loud),
            Self::ManualFailover => manual_failover(seed, is_loud),
            Self::Crash => crash(seed, is_loud),
            Self::Migration => migration(seed, is_loud),
            Self::Moves => moves(seed, is_loud),
            Self::Takeover => takeover(seed, is_loud),
        }
    }
}

/// A cluster of so many masters, with the other nodes as their replicas in turn, which have heard of their masters.
fn formed(seed: u64, masters: usize, nodes: usize, is_loud: bool) -> World {
    let mut world = forming(seed, masters, nodes, is_loud);
    world.run_until(TIMEOUT_MS, |_| false);
    world
}

/// The same, at the moment when every node says that the cluster serves and knows of every replica.
fn forming(seed: u64, masters: usize, nodes: usize, is_loud: bool) -> World {
    let mut world = World::new(seed, nodes, is_loud);
    for index in 0..masters {
        let share = usize::from(SLOTS) / masters + 1;
        let slots: SlotSet = (index * share..((index + 1) * share).min(usize::from(SLOTS)))
            .map(|slot| slot as Slot)
            .collect();
        world.command(index, |cluster| {
            cluster.set_config_epoch(index as u64 + 1).unwrap();
            cluster.add_slots(&slots).unwrap();
        });
    }
    for index in 1..nodes {
        let port = 7000 + index as u16;
        world.command(0, |cluster| {
            cluster.meet("127.0.0.1".parse().unwrap(), port, port + 10_000)
        });
    }
    let everybody_knows = |world: &World| {
        world.clusters().all(|(_, cluster)| {
            cluster.table().count() == nodes
                && cluster
                    .table()
                    .others()
                    .all(|(_, peer)| !peer.is_in_handshake())
        })
    };
    assert!(
        world.run_until(PATIENCE_MS, everybody_knows),
        "the nodes do not meet"
    );
    for index in masters..nodes {
        let master = world.nodes[index % masters]
            .cluster
            .as_ref()
            .unwrap()
            .table()
            .me()
            .id;
        world.command(index, |cluster| cluster.replicate(master, false).unwrap());
    }
    let is_ready = |world: &World| {
        let of = |cluster: &embedded_server::cluster::Cluster| {
            cluster
                .table()
                .iter()
                .filter(|(_, peer)| peer.is_replica() && peer.master.is_some())
                .count()
        };
        invariants::is_whole(world)
            && world
                .clusters()
                .all(|(_, cluster)| of(cluster) == nodes - masters)
    };
    assert!(
        world.run_until(PATIENCE_MS, is_ready),
        "the cluster does not form"
    );
    world
}

fn form(seed: u64, is_loud: bool) -> World {
    let world = forming(seed, MASTERS, 6, is_loud);
    let took_ms = world.age_ms();
    // What is new is told at once, and again with the next tick. If it waited for a ping it would take half the node timeout.
    assert!(
        took_ms < FORMED_MS,
        "the cluster took {took_ms} ms of virtual time to form"
    );
    world
}

fn random_slot(world: &mut World) -> Slot {
    world.random.random_range(0..SLOTS)
}

fn faults(seed: u64, is_loud: bool) -> World {
    let masters = if seed.is_multiple_of(3) { 5 } else { 3 };
    let mut world = formed(seed, masters, 2 * masters + 1, is_loud);
    world.weather = Weather {
        delay_ms: world.random.random_range(1..200),
        lost: world.random.random_range(0..100),
        save_ms: world.random.random_range(0..50),
    };
    for _ in 0..12 {
        one_fault(&mut world);
        let pause_ms = world.random.random_range(0..3 * TIMEOUT_MS);
        let slot = random_slot(&mut world);
        world.write(slot);
        world.run_until(pause_ms, |world| {
            invariants::one_master_per_slot_and_epoch(world);
            false
        });
    }
    heal(&mut world);
    world
}

/// Mends everything and waits until all agree.
fn heal(world: &mut World) {
    world.note("everything is mended");
    world.weather = Weather {
        delay_ms: 5,
        ..Weather::default()
    };
    world.mend_all();
    for index in 0..world.nodes.len() {
        if !world.is_up(index) {
            world.start(index);
        }
    }
    assert!(
        world.run_until(PATIENCE_MS, invariants::is_whole),
        "the cluster does not heal"
    );
}

fn one_fault(world: &mut World) {
    let count = world.nodes.len();
    let index = world.random.random_range(0..count);
    match world.random.random_range(0..10) {
        0..3 if world.is_up(index) => {
            let with_machine = world.random.random();
            world.crash(index, with_machine);
        }
        0..5 if !world.is_up(index) => world.start(index),
        3..7 => {
            let other = world.random.random_range(0..count);
            let is_cut = world.random.random_range(0..3) > 0;
            world.set_cut(index, other, is_cut);
        }
        7 => cut_in_two(world),
        8 => world.mend_all(),
        9 if world.random.random() => {
            // Two at once, so that two elections meet.
            world.crash(index, true);
            world.crash((index + 1) % count, true);
        }
        _ if world.is_up(index) => {
            // It may be refused: this node is a master, or its master is lost.
            let _ = world.command(index, |cluster| cluster.failover(Failover::Agreed));
        }
        _ => {}
    }
}

fn cut_in_two(world: &mut World) {
    let side: u32 = world.random.random();
    world.note(&format!("cut in two: {side:b}"));
    for a in 0..world.nodes.len() {
        for b in 0..a {
            world.set_cut(a, b, (side >> a & 1) != (side >> b & 1));
        }
    }
}

/// Every write that was acknowledged is held by who owns its slot now.
fn assert_nothing_lost(world: &World, acknowledged: &[(u64, Slot)]) {
    for (number, slot) in acknowledged {
        let owner = world.clusters().find(|(_, cluster)| {
            cluster.table().me().is_master() && cluster.table().me().slots.has(*slot)
        });
        let (index, _) = owner.expect("the slot has an owner");
        let holds = world.nodes[index].log.contains(&(*number, *slot));
        assert!(
            holds,
            "node {index} does not hold write {number} to slot {slot}"
        );
    }
}

fn manual_failover(seed: u64, is_loud: bool) -> World {
    let mut world = formed(seed, MASTERS, 6, is_loud);
    world.weather.delay_ms = world.random.random_range(1..80);
    let mut acknowledged = Vec::new();
    let replica = world.random.random_range(MASTERS..6);
    for step in 0..300 {
        if step == 30 {
            world
                .command(replica, |cluster| cluster.failover(Failover::Agreed))
                .unwrap();
        }
        let slot = random_slot(&mut world);
        if world.write(slot).is_some() {
            acknowledged.push((world.writes, slot));
        }
        world.run_until(10, |_| false);
    }
    assert!(
        world.run_until(PATIENCE_MS, invariants::is_whole),
        "the places are not changed"
    );
    let leads = world.nodes[replica]
        .cluster
        .as_ref()
        .unwrap()
        .table()
        .me()
        .is_master();
    assert!(leads, "node {replica} has not taken over");
    assert_nothing_lost(&world, &acknowledged);
    world
}

fn crash(seed: u64, is_loud: bool) -> World {
    let mut world = formed(seed, MASTERS, 6, is_loud);
    world.weather.delay_ms = world.random.random_range(1..80);
    let acknowledged: Vec<(u64, Slot)> = (0..50)
        .filter_map(|_| {
            let slot = random_slot(&mut world);
            world.write(slot).map(|_| (world.writes, slot))
        })
        .collect();
    assert_eq!(acknowledged.len(), 50);
    // Long enough for the replicas to copy them all.
    world.run_until(TIMEOUT_MS, |_| false);
    let lost = world.random.random_range(0..MASTERS);
    world.crash(lost, false);
    let is_replaced = |world: &World| {
        let serving = world
            .clusters()
            .filter(|(_, cluster)| cluster.is_ok() && cluster.table().me().serves());
        serving.count() == MASTERS
    };
    assert!(!is_replaced(&world));
    let before_ms = world.now_ms;
    assert!(
        world.run_until(PATIENCE_MS, is_replaced),
        "nobody takes over"
    );
    let took_ms = world.now_ms - before_ms;
    // Suspicion and election take the timeout and some round trips; a message from before, come late, may have a master
    // doubt once more, for half a second.
    assert!(
        took_ms < 2 * TIMEOUT_MS + 500,
        "the failover took {took_ms} ms of virtual time"
    );
    assert_nothing_lost(&world, &acknowledged);
    world
}

fn migration(seed: u64, is_loud: bool) -> World {
    // Node 6 is the second replica of master 0.
    let mut world = formed(seed, MASTERS, 7, is_loud);
    let orphaned = world.random.random_range(1..MASTERS);
    world.crash(orphaned + MASTERS, false);
    let id = world.nodes[orphaned]
        .cluster
        .as_ref()
        .unwrap()
        .table()
        .me()
        .id;
    let has_moved = |world: &World| {
        let masters = world
            .clusters()
            .filter_map(|(_, cluster)| cluster.table().me().master.map(|key| (cluster, key)));
        masters
            .filter_map(|(cluster, key)| cluster.table().get(key))
            .any(|peer| peer.id == id)
    };
    assert!(!has_moved(&world));
    assert!(world.run_until(PATIENCE_MS, has_moved), "no replica moves");
    world
}

/// The masters have no replicas, so that nobody takes over from one that crashes; what they hold survives that.
fn moves(seed: u64, is_loud: bool) -> World {
    let mut world = formed(seed, MASTERS, MASTERS, is_loud);
    world.weather = Weather {
        delay_ms: world.random.random_range(1..100),
        lost: world.random.random_range(0..100),
        save_ms: world.random.random_range(0..20),
    };
    let mut acknowledged = Vec::new();
    for step in 0..300 {
        let (from, to) = (
            world.random.random_range(0..MASTERS),
            world.random.random_range(0..MASTERS),
        );
        if step % 10 == 0 {
            let first = random_slot(&mut world);
            let owned = |slot: &Slot| {
                let source = world.nodes[from].cluster.as_ref();
                source.is_some_and(|source| source.table().me().slots.has(*slot))
            };
            let slots: SlotSet = (first..SLOTS).filter(owned).take(500).collect();
            if from != to && !slots.is_empty() {
                world.begin_move(from, to, slots);
            }
        }
        match world.random.random_range(0..100) {
            0..5 => world.set_cut(from, to, true),
            5..12 => world.mend_all(),
            12 if world.is_up(from) => world.crash(from, false),
            12..18 if !world.is_up(from) => world.start(from),
            _ => {}
        }
        let slot = random_slot(&mut world);
        if world.write(slot).is_some() {
            acknowledged.push((world.writes, slot));
        }
        world.run_until(20, |world| {
            invariants::one_master_per_slot_and_epoch(world);
            false
        });
    }
    heal(&mut world);
    assert_nothing_lost(&world, &acknowledged);
    world
}

fn takeover(seed: u64, is_loud: bool) -> World {
    let mut world = formed(seed, MASTERS, 6, is_loud);
    world.weather.delay_ms = world.random.random_range(1..80);
    let mut acknowledged = Vec::new();
    for _ in 0..50 {
        let slot = random_slot(&mut world);
        acknowledged.extend(world.write(slot).map(|_| (world.writes, slot)));
    }
    // Long enough for the replicas to copy them all.
    world.run_until(TIMEOUT_MS, |_| false);
    let left = world.random.random_range(0..MASTERS);
    let lost: Vec<usize> = (0..MASTERS).filter(|master| *master != left).collect();
    lost.iter().for_each(|master| world.crash(*master, true));
    world.run_until(3 * TIMEOUT_MS, |_| false);
    let leads = |world: &World, replica: usize| {
        let cluster = world.nodes[replica].cluster.as_ref();
        cluster.is_some_and(|cluster| cluster.table().me().is_master())
    };
    for replica in lost.iter().map(|master| master + MASTERS) {
        // With the first that takes over there is a majority again, which elects the other.
        if !leads(&world, replica) {
            let done = world.command(replica, |cluster| cluster.failover(Failover::Takeover));
            assert_eq!(done, Ok(()));
            world.run_until(10 * TIMEOUT_MS, |world| {
                lost.iter().all(|master| leads(world, master + MASTERS))
            });
        }
    }
    heal(&mut world);
    for master in &lost {
        let heir = world.nodes[master + MASTERS].cluster.as_ref().unwrap();
        assert!(
            heir.table().me().serves(),
            "node {} does not lead",
            master + MASTERS
        );
    }
    assert_nothing_lost(&world, &acknowledged);
    world
}
