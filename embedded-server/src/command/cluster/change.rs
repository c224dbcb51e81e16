//! The subcommands of CLUSTER that change something.

use std::net::IpAddr;

use super::{DISABLED, administer, node_in, slot_in};
use crate::cluster::{Failover, Slot, SlotSet};
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::{Arguments, Context, is, refusal};
use crate::keyspace::Db;

/// The bus is so far above the client port unless told otherwise.
const BUS_OFFSET: u16 = 10_000;

pub(super) fn meet(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let port = port_in(&arguments[3], "base")?;
    let bus_port = match arguments.get(4) {
        Some(port) => port_in(port, "bus")?,
        None => port.checked_add(BUS_OFFSET).unwrap_or(0),
    };
    let ip = std::str::from_utf8(&arguments[2])
        .ok()
        .and_then(|ip| ip.parse::<IpAddr>().ok());
    let Some(ip) = ip.filter(|_| bus_port > 0 && arguments.len() <= 5) else {
        return Err(Refusal::quoting(&[
            b"ERR Invalid node address specified: ",
            &arguments[2],
            b":",
            &arguments[3],
        ]));
    };
    administer(context, |cluster| {
        cluster.meet(ip, port, bus_port);
        Ok(())
    })
}

fn port_in(argument: &[u8], which: &str) -> Result<u16, Refusal> {
    let port = integer_in(argument)
        .ok()
        .and_then(|port| u16::try_from(port).ok());
    let text = || {
        Refusal::quoting(&[
            b"ERR Invalid ",
            which.as_bytes(),
            b" port specified: ",
            argument,
        ])
    };
    port.filter(|port| *port > 0).ok_or_else(text)
}

pub(super) fn forget(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let id = node_in(&arguments[2])?;
    administer(context, |cluster| cluster.forget(id))
}

pub(super) fn replicate(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let id = node_in(&arguments[2])?;
    let holds_data = !context.server.keyspace.is_empty(Db::ZERO);
    administer(context, |cluster| cluster.replicate(id, holds_data))
}

pub(super) fn failover(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let how = match arguments.get(2) {
        None => Failover::Agreed,
        Some(word) if is(word, "force") => Failover::Forced,
        Some(word) if is(word, "takeover") => Failover::Takeover,
        Some(_) => return Err(refusal::SYNTAX.into()),
    };
    administer(context, |cluster| cluster.failover(how))
}

pub(super) fn reset(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let hard = match arguments.get(2) {
        None => false,
        Some(word) if is(word, "soft") => false,
        Some(word) if is(word, "hard") => true,
        Some(_) => return Err(refusal::SYNTAX.into()),
    };
    let holds_data = !context.server.keyspace.is_empty(Db::ZERO);
    administer(context, |cluster| cluster.reset(hard, holds_data))
}

pub(super) fn save_config(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    administer(context, |cluster| {
        cluster.save();
        Ok(())
    })
}

pub(super) fn set_config_epoch(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let epoch = integer_in(&arguments[2])?;
    let text = || format!("ERR Invalid config epoch specified: {epoch}");
    let epoch = u64::try_from(epoch).map_err(|_| text())?;
    administer(context, |cluster| cluster.set_config_epoch(epoch))
}

pub(super) fn bump_epoch(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let result = context
        .server
        .administer(|cluster| (cluster.bump_epoch(), cluster.table().me().config_epoch));
    let (changed, epoch) = result.ok_or(DISABLED)?;
    let word = if changed { "BUMPED" } else { "STILL" };
    context.reply.simple(&format!("{word} {epoch}"));
    Ok(())
}

pub(super) fn add_slots(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let slots = each(&arguments.from(2))?;
    administer(context, |cluster| cluster.add_slots(&slots))
}

pub(super) fn delete_slots(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let slots = each(&arguments.from(2))?;
    administer(context, |cluster| cluster.delete_slots(&slots))
}

pub(super) fn add_slots_range(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let slots = stretches(arguments)?;
    administer(context, |cluster| cluster.add_slots(&slots))
}

pub(super) fn delete_slots_range(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let slots = stretches(arguments)?;
    administer(context, |cluster| cluster.delete_slots(&slots))
}

pub(super) fn flush_slots(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    if !context.server.keyspace.is_empty(Db::ZERO) {
        return Err("ERR DB must be empty to perform CLUSTER FLUSHSLOTS.".into());
    }
    administer(context, |cluster| {
        cluster.flush_slots();
        Ok(())
    })
}

/// Slots, each of which may stand once.
fn each(words: &Arguments<'_>) -> Result<SlotSet, Refusal> {
    let mut slots = SlotSet::default();
    for word in words.iter() {
        insert(&mut slots, slot_in(word)?)?;
    }
    Ok(slots)
}

fn insert(slots: &mut SlotSet, slot: Slot) -> Result<(), Refusal> {
    let is_new = slots.insert(slot);
    if is_new {
        Ok(())
    } else {
        Err(format!("ERR Slot {slot} specified multiple times").into())
    }
}

fn stretches(arguments: &Arguments<'_>) -> Result<SlotSet, Refusal> {
    let words = arguments.from(2);
    if !words.len().is_multiple_of(2) {
        let command = String::from_utf8_lossy(&arguments[1]).to_lowercase();
        return Err(Refusal::arity(&format!("cluster|{command}")));
    }
    let mut slots = SlotSet::default();
    for at in (0..words.len()).step_by(2) {
        let (first, last) = (slot_in(&words[at])?, slot_in(&words[at + 1])?);
        if first > last {
            return Err(format!(
                "ERR start slot number {first} is greater than end slot number {last}"
            )
            .into());
        }
        for slot in first..=last {
            insert(&mut slots, slot)?;
        }
    }
    Ok(slots)
}

pub(super) fn set_slot(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let slot = slot_in(&arguments[2])?;
    let holds_keys = context.server.keyspace.count_in_slot(slot) > 0;
    let node = arguments.get(4).map(node_in);
    let word = &arguments[3];
    match node {
        None if is(word, "stable") => administer(context, |cluster| cluster.set_stable(slot)),
        Some(node) if is(word, "migrating") => {
            let node = node?;
            administer(context, |cluster| cluster.set_migrating(slot, node))
        }
        Some(node) if is(word, "importing") => {
            let node = node?;
            administer(context, |cluster| cluster.set_importing(slot, node))
        }
        Some(node) if is(word, "node") => {
            let node = node?;
            let done = context
                .server
                .administer(|cluster| cluster.set_owner(slot, node, holds_keys));
            done.ok_or(DISABLED)??;
            context.reply.ok();
            Ok(())
        }
        _ => Err(
            "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP".into(),
        ),
    }
}
