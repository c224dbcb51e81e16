//! CLUSTER and what clients of a cluster send: ASKING, READONLY, READWRITE.

mod change;
mod migrate;
mod show;

use super::outcome::{Outcome, Refusal, handler, help, unknown_subcommand};
use super::table::{CommandSpec, Flags, Group, flags};
use super::{Arguments, Context, Handler};
use crate::cluster::{AdminError, Cluster, NodeId, SLOTS, Slot};
use crate::member::Member;
use crate::text::integer;

const DISABLED: &str = "ERR This instance has cluster support disabled";

const LOOKS: Flags = flags![STALE];
const CHANGES: Flags = flags![NO_ASYNC_LOADING, ADMIN, STALE];

pub(super) const COMMANDS: &[CommandSpec] = &[
    spec("asking", 1, handler!(asking), flags![FAST])
        .category(Some("connection"))
        .about(
            "3.0.0",
            "Allows the next command on a slot that is being imported.",
        ),
    spec(
        "readonly",
        1,
        handler!(readonly),
        flags![LOADING, STALE, FAST],
    )
    .category(Some("connection"))
    .about("3.0.0", "Allows this client to read from a replica."),
    spec(
        "readwrite",
        1,
        handler!(readwrite),
        flags![LOADING, STALE, FAST],
    )
    .category(Some("connection"))
    .about("3.0.0", "Sends this client's reads to masters again."),
    spec("cluster", -2, handler!(unknown_subcommand), Flags::NONE)
        .about(
            "3.0.0",
            "What a node knows of its cluster, and how to change it.",
        )
        .subcommands(&[
            look("info", 2, handler!(show::info)).about("3.0.0", "How the cluster fares."),
            look("nodes", 2, handler!(show::nodes)).about("3.0.0", "Every node, a line each."),
            look("slots", 2, handler!(show::slots)).about("3.0.0", "Who serves which slots."),
            look("shards", 2, handler!(show::shards))
                .about("7.0.0", "Masters with their replicas and slots."),
            look("links", 2, handler!(show::links))
                .about("7.0.0", "The connections between this node and others."),
            look("myid", 2, handler!(show::myid)).about("3.0.0", "This node's name."),
            look("keyslot", 3, handler!(show::keyslot)).about("3.0.0", "The slot of a key."),
            look("countkeysinslot", 3, handler!(show::count_keys))
                .about("3.0.0", "How many keys of a slot are here."),
            look("getkeysinslot", 4, handler!(show::keys))
                .about("3.0.0", "Keys of a slot that are here."),
            look("count-failure-reports", 3, handler!(show::failure_reports))
                .flags(flags![ADMIN, STALE])
                .about("3.0.0", "How many masters cannot reach a node."),
            look("replicas", 3, handler!(show::replicas))
                .flags(flags![ADMIN, STALE])
                .about("5.0.0", "The replicas of a master."),
            look("slaves", 3, handler!(show::replicas))
                .flags(flags![ADMIN, STALE])
                .about("3.0.0", "The replicas of a master."),
            change("meet", -4, handler!(change::meet))
                .about("3.0.0", "Gets to know the node at an address."),
            change("forget", 3, handler!(change::forget)).about("3.0.0", "Forgets a node."),
            change("addslots", -3, handler!(change::add_slots))
                .about("3.0.0", "This node owns these slots."),
            change("addslotsrange", -4, handler!(change::add_slots_range))
                .about("7.0.0", "This node owns these stretches of slots."),
            change("delslots", -3, handler!(change::delete_slots))
                .about("3.0.0", "Nobody owns these slots."),
            change("delslotsrange", -4, handler!(change::delete_slots_range))
                .about("7.0.0", "Nobody owns these stretches of slots."),
            change("flushslots", 2, handler!(change::flush_slots))
                .about("3.0.0", "This node owns no slots."),
            change("setslot", -4, handler!(change::set_slot))
                .about("3.0.0", "Moves a slot, step by step."),
            change("replicate", 3, handler!(change::replicate))
                .about("3.0.0", "Makes this node a replica of another."),
            change("failover", -2, handler!(change::failover))
                .about("3.0.0", "This replica takes its master's place."),
            change("reset", -2, handler!(change::reset))
                .flags(flags![ADMIN, NOSCRIPT, STALE])
                .about("3.0.0", "Forgets all nodes and slots."),
            change("saveconfig", 2, handler!(change::save_config))
                .about("3.0.0", "Writes the file of the cluster."),
            change("set-config-epoch", 3, handler!(change::set_config_epoch))
                .about("3.0.0", "Gives a new node its configuration epoch."),
            change("bumpepoch", 2, handler!(change::bump_epoch))
                .about("3.0.0", "Makes this node's epoch the latest."),
            change("migrateslots", -4, handler!(migrate::migrate_slots))
                .about("9.0.0", "Moves slots at once with their keys."),
            change("getslotmigrations", 2, handler!(migrate::list))
                .about("9.0.0", "The slots that move or have moved so."),
            change("cancelslotmigrations", 2, handler!(migrate::cancel))
                .about("9.0.0", "Has them stay where they are."),
            change("syncslots", -3, handler!(migrate::sync))
                .about("9.0.0", "What nodes tell each other while slots move."),
            look("help", 2, handler!(help_cluster))
                .flags(flags![LOADING, STALE])
                .about("5.0.0", "Lists the subcommands."),
        ]),
];

const fn spec(name: &'static str, arity: i16, handler: Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Cluster, handler).flags(flags)
}

const fn look(name: &'static str, arity: i16, handler: Handler) -> CommandSpec {
    spec(name, arity, handler, LOOKS)
}

const fn change(name: &'static str, arity: i16, handler: Handler) -> CommandSpec {
    spec(name, arity, handler, CHANGES)
}

const HELP: &[&str] = &[
    "CLUSTER <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "INFO | NODES | SLOTS | SHARDS | LINKS | MYID | REPLICAS <node-id> | COUNT-FAILURE-REPORTS <node-id>",
    "    What this node knows of the cluster.",
    "KEYSLOT <key> | COUNTKEYSINSLOT <slot> | GETKEYSINSLOT <slot> <count>",
    "    The slot of a key; the keys of a slot on this node.",
    "MEET <ip> <port> [<bus-port>] | FORGET <node-id> | REPLICATE <node-id> | RESET [HARD|SOFT]",
    "    Who belongs to the cluster, and as what.",
    "ADDSLOTS <slot> ... | ADDSLOTSRANGE <first> <last> ... | DELSLOTS ... | DELSLOTSRANGE ... | FLUSHSLOTS",
    "    Which slots this node owns.",
    "SETSLOT <slot> (IMPORTING|MIGRATING|NODE <node-id>|STABLE)",
    "    Moves a slot between nodes.",
    "MIGRATESLOTS SLOTSRANGE <first> <last> ... NODE <node-id> ... | GETSLOTMIGRATIONS | CANCELSLOTMIGRATIONS",
    "    Moves slots at once with their keys.",
    "FAILOVER [FORCE|TAKEOVER] | BUMPEPOCH | SET-CONFIG-EPOCH <epoch> | SAVECONFIG",
    "    Who leads, and since when.",
    "HELP",
    "    These lines.",
];

fn help_cluster(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    help(context, HELP);
    Ok(())
}

fn asking(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    member(context)?;
    context.client.asking = true;
    context.reply.ok();
    Ok(())
}

fn readonly(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    member(context)?;
    context.client.reads_replica = true;
    context.reply.ok();
    Ok(())
}

fn readwrite(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    member(context)?;
    context.client.reads_replica = false;
    context.reply.ok();
    Ok(())
}

/// What the node has of its cluster; refused where it is in none.
fn member<'a>(context: &'a Context<'_>) -> Result<&'a Member, Refusal> {
    context
        .server
        .cluster
        .as_deref()
        .ok_or_else(|| DISABLED.into())
}

/// Changes the cluster and answers OK.
fn administer(
    context: &mut Context<'_>,
    change: impl FnOnce(&mut Cluster) -> Result<(), AdminError>,
) -> Outcome {
    context.server.administer(change).ok_or(DISABLED)??;
    context.reply.ok();
    Ok(())
}

impl From<AdminError> for Refusal {
    fn from(error: AdminError) -> Self {
        format!("ERR {error}").into()
    }
}

fn slot_in(argument: &[u8]) -> Result<Slot, Refusal> {
    let slot = integer::parse(argument).and_then(|slot| Slot::try_from(slot).ok());
    slot.filter(|slot| *slot < SLOTS)
        .ok_or_else(|| "ERR Invalid or out of range slot".into())
}

fn node_in(argument: &[u8]) -> Result<NodeId, Refusal> {
    NodeId::parse(argument).ok_or_else(|| Refusal::quoting(&[b"ERR Unknown node ", argument]))
}
