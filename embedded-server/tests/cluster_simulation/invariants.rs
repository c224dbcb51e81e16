//! What has to hold: always, and once everything is mended.

use std::collections::BTreeMap;

use embedded_server::cluster::SLOTS;

use crate::world::World;

/// No two masters own the same slot by claims of the same epoch.
pub(crate) fn one_master_per_slot_and_epoch(world: &World) {
    let mut by_epoch: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (index, cluster) in world
        .clusters()
        .filter(|(_, cluster)| cluster.table().me().serves())
    {
        by_epoch
            .entry(cluster.table().me().config_epoch)
            .or_default()
            .push(index);
    }
    for (epoch, nodes) in by_epoch.iter().filter(|(_, nodes)| nodes.len() > 1) {
        let owned = |index: &usize| {
            world.nodes[*index]
                .cluster
                .as_ref()
                .unwrap()
                .table()
                .me()
                .slots
                .clone()
        };
        let mut seen = owned(&nodes[0]);
        for node in &nodes[1..] {
            for slot in owned(node).iter() {
                assert!(
                    seen.insert(slot),
                    "slot {slot} has two masters in epoch {epoch}: {nodes:?}"
                );
            }
        }
    }
}

/// Whether all nodes are up, say that the cluster serves, and agree on who owns what by distinct epochs.
pub(crate) fn is_whole(world: &World) -> bool {
    let Some(first) = world.nodes[0].cluster.as_ref() else {
        return false;
    };
    let owner = |cluster: &embedded_server::cluster::Cluster, slot| {
        let table = cluster.table();
        table
            .owner(slot)
            .and_then(|key| table.get(key))
            .map(|peer| peer.id)
    };
    let of_first: Vec<_> = (0..SLOTS)
        .step_by(97)
        .map(|slot| owner(first, slot))
        .collect();
    let agrees = |cluster| {
        (0..SLOTS)
            .step_by(97)
            .map(|slot| owner(cluster, slot))
            .eq(of_first.iter().copied())
    };
    let mut epochs: Vec<u64> = first
        .table()
        .serving()
        .map(|peer| peer.config_epoch)
        .collect();
    epochs.sort_unstable();
    let distinct = epochs.windows(2).all(|pair| pair[0] != pair[1]);
    let up = world.clusters().count() == world.nodes.len();
    up && distinct
        && first.table().assigned().len() == usize::from(SLOTS)
        && world
            .clusters()
            .all(|(_, cluster)| cluster.is_ok() && agrees(cluster))
}
