//! The subcommands of CLUSTER that tell something.

use std::fmt::Write;

use super::{DISABLED, member, node_in, slot_in};
use crate::cluster::message::Body;
use crate::cluster::{NodeFlags, Peer, PeerKey, Table, slot};
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::{Arguments, Context};
use crate::member::{Member, shown};
use crate::resp::Reply;

/// The most keys that one answer lists.
const KEYS_MAX: usize = 1 << 20;

pub(super) fn info(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let text = summary(member(context)?);
    context.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

fn summary(member: &Member) -> String {
    let cluster = &member.cluster;
    let table = cluster.table();
    let owned = |wanted: &dyn Fn(&Peer) -> bool| -> usize {
        table
            .serving()
            .filter(|peer| wanted(peer))
            .map(|peer| peer.slots.len())
            .sum()
    };
    let assigned = owned(&|_| true);
    let (failed, suspected) = (
        owned(&Peer::has_failed),
        owned(&|peer| peer.flags.any(NodeFlags::PFAIL)),
    );
    let head = table.get(table.head(Table::ME));
    let mut text = String::new();
    let mut put =
        |name: &str, value: &dyn std::fmt::Display| drop_result(write!(text, "{name}:{value}\r\n"));
    put(
        "cluster_state",
        &if cluster.is_ok() { "ok" } else { "fail" },
    );
    put("cluster_slots_assigned", &assigned);
    put("cluster_slots_ok", &(assigned - failed - suspected));
    put("cluster_slots_pfail", &suspected);
    put("cluster_slots_fail", &failed);
    put("cluster_known_nodes", &table.count());
    put("cluster_size", &table.serving().count());
    put("cluster_current_epoch", &cluster.current_epoch());
    put(
        "cluster_my_epoch",
        &head.map_or(0, |head| head.config_epoch),
    );
    for (word, counts) in [("sent", cluster.sent()), ("received", cluster.received())] {
        for (kind, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            put(
                &format!("cluster_stats_messages_{}_{word}", Body::kind_name(kind)),
                count,
            );
        }
        put(
            &format!("cluster_stats_messages_{word}"),
            &counts.iter().sum::<u64>(),
        );
    }
    put(
        "total_cluster_links_buffer_limit_exceeded",
        &member.overflows(),
    );
    text
}

/// Writing to a String does not fail.
fn drop_result(_: std::fmt::Result) {}

pub(super) fn nodes(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let cluster = &member(context)?.cluster;
    let mut text = String::new();
    for (key, peer) in cluster.table().iter() {
        cluster.describe(&mut text, key, peer);
        text.push('\n');
    }
    context.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

pub(super) fn replicas(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let cluster = &member(context)?.cluster;
    let id = node_in(&arguments[2])?;
    let master = cluster
        .table()
        .find(id)
        .ok_or_else(|| Refusal::from(format!("ERR Unknown node {id}")))?;
    if !cluster.table().get(master).is_some_and(Peer::is_master) {
        return Err("ERR The specified node is not a master".into());
    }
    let lines: Vec<String> = cluster
        .table()
        .replicas(master)
        .map(|(key, peer)| {
            let mut line = String::new();
            cluster.describe(&mut line, key, peer);
            line
        })
        .collect();
    context.reply.array(lines.len());
    lines
        .iter()
        .for_each(|line| context.reply.bulk(line.as_bytes()));
    Ok(())
}

pub(super) fn myid(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let id = member(context)?.cluster.table().me().id;
    context.reply.bulk(id.as_bytes());
    Ok(())
}

pub(super) fn keyslot(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    member(context)?;
    context.reply.integer(slot::of_key(&arguments[2]).into());
    Ok(())
}

pub(super) fn count_keys(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    member(context)?;
    let slot = slot_in(&arguments[2])?;
    context
        .reply
        .count(context.server.keyspace.count_in_slot(slot));
    Ok(())
}

pub(super) fn keys(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    member(context)?;
    let slot = slot_in(&arguments[2])?;
    let most = usize::try_from(integer_in(&arguments[3])?)
        .map_err(|_| "ERR Invalid slot or number of keys")?;
    let keys = context
        .server
        .keyspace
        .keys_in_slot(slot, most.min(KEYS_MAX));
    context.reply.array(keys.len());
    keys.iter().for_each(|key| context.reply.bulk(key));
    Ok(())
}

pub(super) fn failure_reports(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let id = node_in(&arguments[2])?;
    let count = context
        .server
        .administer(|cluster| cluster.count_failure_reports(id));
    context.reply.count(count.ok_or(DISABLED)??);
    Ok(())
}

pub(super) fn slots(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let Context { server, reply, .. } = context;
    let member = server.cluster.as_deref().ok_or(DISABLED)?;
    let table = member.cluster.table();
    let mut stretches: Vec<_> = table
        .iter()
        .filter(|(_, peer)| peer.serves())
        .flat_map(|(key, peer)| {
            peer.slots
                .ranges()
                .into_iter()
                .map(move |range| (range, key))
        })
        .collect();
    stretches.sort_unstable();
    reply.array(stretches.len());
    for ((first, last), key) in stretches {
        let living = table
            .replicas(key)
            .filter(|(_, peer)| !peer.has_failed())
            .map(|(_, peer)| peer);
        let nodes: Vec<&Peer> = table.get(key).into_iter().chain(living).collect();
        reply.array(2 + nodes.len());
        reply.integer(first.into());
        reply.integer(last.into());
        nodes.into_iter().for_each(|peer| {
            let endpoint = member.endpoint(&server.config, peer);
            write_node(reply, peer, &endpoint);
        });
    }
    Ok(())
}

/// A node in CLUSTER SLOTS: where it is, who it is, and what else it is called.
fn write_node(reply: &mut Reply, peer: &Peer, endpoint: &str) {
    reply.array(4);
    reply.bulk(endpoint.as_bytes());
    reply.integer(peer.address.port.into());
    reply.bulk(peer.id.as_bytes());
    let ip = shown(peer.address.ip);
    let more = [("ip", ip.as_str()), ("hostname", peer.hostname.as_str())];
    let more: Vec<_> = more
        .into_iter()
        .filter(|(_, name)| !name.is_empty() && *name != endpoint)
        .collect();
    reply.map(more.len());
    for (word, name) in more {
        reply.bulk(word.as_bytes());
        reply.bulk(name.as_bytes());
    }
}

pub(super) fn shards(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let Context { server, reply, .. } = context;
    let member = server.cluster.as_deref().ok_or(DISABLED)?;
    let table = member.cluster.table();
    let masters: Vec<(PeerKey, &Peer)> =
        table.iter().filter(|(_, peer)| peer.is_master()).collect();
    reply.array(masters.len());
    for (key, master) in masters {
        let ranges = master.slots.ranges();
        reply.map(2);
        reply.bulk(b"slots");
        reply.array(ranges.len() * 2);
        ranges
            .iter()
            .flat_map(|(first, last)| [first, last])
            .for_each(|slot| reply.integer((*slot).into()));
        let nodes: Vec<&Peer> = std::iter::once(master)
            .chain(table.replicas(key).map(|(_, peer)| peer))
            .collect();
        reply.bulk(b"nodes");
        reply.array(nodes.len());
        for peer in nodes {
            let endpoint = member.endpoint(&server.config, peer);
            write_shard_node(reply, member, peer, &endpoint);
        }
    }
    Ok(())
}

fn write_shard_node(reply: &mut Reply, member: &Member, peer: &Peer, endpoint: &str) {
    let is_me = peer.id == member.cluster.table().me().id;
    let offset = if is_me {
        member.cluster.offset()
    } else {
        peer.offset
    };
    let id = peer.id.to_string();
    let ip = shown(peer.address.ip);
    reply.map(if peer.hostname.is_empty() { 7 } else { 8 });
    let mut text = |name: &str, value: &str| {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    };
    text("id", &id);
    text("ip", &ip);
    text("endpoint", endpoint);
    text(
        "role",
        if peer.is_master() {
            "master"
        } else {
            "replica"
        },
    );
    text(
        "health",
        if peer.flags.any(NodeFlags::FAILING) {
            "fail"
        } else {
            "online"
        },
    );
    if !peer.hostname.is_empty() {
        text("hostname", &peer.hostname);
    }
    reply.bulk(b"port");
    reply.integer(peer.address.port.into());
    reply.bulk(b"replication-offset");
    reply.integer(i64::try_from(offset).unwrap_or(i64::MAX));
}

pub(super) fn links(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let Context { server, reply, .. } = context;
    let member = server.cluster.as_deref().ok_or(DISABLED)?;
    let links: Vec<_> = member.cluster.links().collect();
    reply.array(links.len());
    for (link, peer, is_outbound, since_ms) in links {
        let waiting = i64::try_from(member.waiting_bytes(link)).unwrap_or(i64::MAX);
        reply.map(6);
        let id = peer.id.to_string();
        for (name, value) in [
            ("direction", if is_outbound { "to" } else { "from" }),
            ("node", &id),
            ("events", "r"),
        ] {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
        }
        for (name, value) in [
            ("create-time", since_ms),
            ("send-buffer-allocated", waiting),
            ("send-buffer-used", waiting),
        ] {
            reply.bulk(name.as_bytes());
            reply.integer(value);
        }
    }
    Ok(())
}
