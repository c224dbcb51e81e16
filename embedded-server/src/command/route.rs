//! Which node serves a command in cluster mode: this one, or the one that the client is sent to.

use super::table::{Command, Flags, Group};
use super::{Arguments, Context};
use crate::client::Client;
use crate::cluster::{Peer, Slot, Table, slot};
use crate::keyspace::Db;

const CROSS_SLOT: &str = "CROSSSLOT Keys in request don't hash to the same slot";
const TRY_AGAIN: &str = "TRYAGAIN Multiple keys request during rehashing of slot";
const UNBOUND: &str = "CLUSTERDOWN Hash slot not served";
const DOWN: &str = "CLUSTERDOWN The cluster is down";
const DOWN_FOR_WRITES: &str = "CLUSTERDOWN The cluster is down and only accepts read commands";

/// What a command, or a transaction, asks of the cluster.
struct Wanted<'a> {
    slot: Slot,
    keys: Vec<&'a [u8]>,
    is_write: bool,
    is_channel: bool,
}

/// Why this node does not carry a command out, if it does not.
#[inline]
pub(super) fn refusal(
    context: &Context<'_>,
    arguments: &Arguments<'_>,
    command: &Command,
) -> Option<String> {
    if is_plainly_ours(context, arguments, command) {
        return None;
    }
    examine(context, arguments, command)
}

/// Whether a command has one key, at a fixed place, in a slot that this node has and nobody moves: nearly always.
#[inline]
fn is_plainly_ours(context: &Context<'_>, arguments: &Arguments<'_>, command: &Command) -> bool {
    let keys = command.spec.keys;
    if keys.first != 1 || keys.last != 1 || command.spec.find_keys.is_some() {
        return false;
    }
    let (Some(member), Some(key)) = (&context.server.cluster, arguments.get(1)) else {
        return false;
    };
    let cluster = &member.cluster;
    cluster.is_ok()
        && !cluster.is_moving_slots()
        && cluster.table().owner(slot::of_key(key)) == Some(Table::ME)
}

fn examine(context: &Context<'_>, arguments: &Arguments<'_>, command: &Command) -> Option<String> {
    let wanted = match wanted(context.client, arguments, command)? {
        Ok(wanted) => wanted,
        Err(text) => return Some(text.to_owned()),
    };
    decide(context, &wanted, command)
}

/// The slot of a command's keys; of those of its transaction, for EXEC. `None` where there are none, or several slots.
pub(crate) fn slot_of(
    client: &Client,
    arguments: &Arguments<'_>,
    command: &Command,
) -> Option<Slot> {
    Some(wanted(client, arguments, command)?.ok()?.slot)
}

/// `None` for a command without keys.
fn wanted<'a>(
    client: &'a Client,
    arguments: &Arguments<'a>,
    command: &Command,
) -> Option<Result<Wanted<'a>, &'static str>> {
    let mut positions = Vec::new();
    let mut keys: Vec<&[u8]> = Vec::new();
    let mut is_write = false;
    let mut collect = |command: &Command, arguments: &Arguments<'a>| {
        command.key_positions(arguments, &mut positions);
        keys.extend(positions.iter().filter_map(|at| arguments.get(*at)));
        is_write |= command.spec.flags.has(Flags::WRITE);
    };
    match &client.transaction {
        Some(transaction) if command.spec.name == "exec" => {
            transaction
                .iter()
                .for_each(|queued| collect(queued.command, &queued.words.arguments()));
        }
        _ => collect(command, arguments),
    }
    let slot = slot::of_key(keys.first()?);
    if keys.iter().any(|key| slot::of_key(key) != slot) {
        return Some(Err(CROSS_SLOT));
    }
    let is_channel = command.spec.group == Group::PubSub;
    Some(Ok(Wanted {
        slot,
        keys,
        is_write,
        is_channel,
    }))
}

fn decide(context: &Context<'_>, wanted: &Wanted<'_>, command: &Command) -> Option<String> {
    let member = context.server.cluster.as_ref()?;
    let table = member.cluster.table();
    let Some(owner) = table.owner(wanted.slot) else {
        return Some(UNBOUND.to_owned());
    };
    if let Some(text) = down(context, wanted) {
        return Some(text.to_owned());
    }
    let (migrating, importing) = (
        member.cluster.migrating(wanted.slot),
        member.cluster.importing(wanted.slot),
    );
    let is_moving = (owner == Table::ME && migrating.is_some()) || importing.is_some();
    if is_moving && command.spec.name == "migrate" {
        return None;
    }
    let missing = if is_moving && !wanted.is_channel {
        missing(context, wanted)
    } else {
        0
    };
    if let Some(target) = migrating.filter(|_| owner == Table::ME && missing > 0) {
        let text = || redirection(context, "ASK", wanted.slot, target);
        return Some(if missing < wanted.keys.len() {
            TRY_AGAIN.to_owned()
        } else {
            text()
        });
    }
    if importing.is_some() && (context.client.asking || command.spec.name == "restore-asking") {
        return (wanted.keys.len() > 1 && missing > 0).then(|| TRY_AGAIN.to_owned());
    }
    let reads_here =
        context.client.reads_replica && !wanted.is_write && table.me().master == Some(owner);
    if owner == Table::ME || reads_here || (wanted.is_channel && table.me().master == Some(owner)) {
        return None;
    }
    let owner = table.get(owner)?;
    Some(redirection(context, "MOVED", wanted.slot, owner))
}

fn missing(context: &Context<'_>, wanted: &Wanted<'_>) -> usize {
    let keyspace = &context.server.keyspace;
    wanted
        .keys
        .iter()
        .filter(|key| keyspace.view(Db::ZERO, key).is_none())
        .count()
}

/// Why nothing of the kind is served while the cluster is down.
fn down(context: &Context<'_>, wanted: &Wanted<'_>) -> Option<&'static str> {
    let server = &*context.server;
    if server
        .cluster
        .as_ref()
        .is_none_or(|member| member.cluster.is_ok())
    {
        return None;
    }
    let allows = |name: &str| server.config.get(name).as_deref() == Some("yes");
    if wanted.is_channel {
        return (!allows("cluster-allow-pubsubshard-when-down")).then_some(DOWN);
    }
    match allows("cluster-allow-reads-when-down") {
        false => Some(DOWN),
        true => wanted.is_write.then_some(DOWN_FOR_WRITES),
    }
}

fn redirection(context: &Context<'_>, word: &str, slot: Slot, to: &Peer) -> String {
    let server = &*context.server;
    let member = server.cluster.as_ref();
    member.map_or_else(String::new, |member| {
        member.redirection(&server.config, word, slot, to)
    })
}
