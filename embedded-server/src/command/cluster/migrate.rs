//! MIGRATESLOTS and its kin: slots that move at once with their keys; and what the nodes tell each other meanwhile.

use super::{node_in, slot_in};
use crate::cluster::{MigrationError, NodeId, Slot, SlotSet};
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::{Arguments, Context, is, refusal};
use crate::migration::Record;
use crate::migration::import::Staged;
use crate::rdb::payload;
use crate::resp::Reply;
use crate::text::integer;

const NO_RANGES: &str = "ERR No slot ranges specified";
/// Words of a key in SYNCSLOTS KEYS: its name, its deadline, its payload.
const WORDS_OF_KEY: usize = 3;

impl From<MigrationError> for Refusal {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::OutOfMemory => format!("OOM {error}").into(),
            _ => format!("ERR {error}").into(),
        }
    }
}

pub(super) fn migrate_slots(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let member = super::member(context)?;
    if member.cluster.table().me().is_replica() {
        return Err(MigrationError::NotAMaster.into());
    }
    let mut moves: Vec<(SlotSet, NodeId)> = Vec::new();
    let mut at = 2;
    while at < arguments.len() {
        let slots = slots_at(arguments, &mut at)?;
        let target = target_at(arguments, &mut at)?;
        context.server.check_export(&slots, target)?;
        let mut before = moves.iter();
        if before.any(|(others, _)| others.first_in_common(&slots).is_some()) {
            return Err("ERR Slot ranges in migrations overlap".into());
        }
        moves.push((slots, target));
    }
    context.server.migrate_slots(moves)?;
    context.reply.ok();
    Ok(())
}

/// `SLOTSRANGE first last [first last ...]`, up to the word that is no number.
fn slots_at(arguments: &Arguments<'_>, at: &mut usize) -> Result<SlotSet, Refusal> {
    if !arguments
        .get(*at)
        .is_some_and(|word| is(word, "slotsrange"))
    {
        return Err(refusal::SYNTAX.into());
    }
    *at += 1;
    let is_number = |at: usize| {
        arguments
            .get(at)
            .is_some_and(|word| integer::parse(word).is_some())
    };
    if !is_number(*at) {
        return Err(NO_RANGES.into());
    }
    let mut slots = SlotSet::default();
    while is_number(*at) {
        let (first, last) = (&arguments[*at], arguments.get(*at + 1).unwrap_or_default());
        add_range(&mut slots, slot_in(first)?, slot_in(last)?)?;
        *at += 2;
    }
    Ok(slots)
}

fn add_range(slots: &mut SlotSet, first: Slot, last: Slot) -> Result<(), Refusal> {
    if first > last {
        let text = format!("ERR Start slot number {first} is greater than end slot number {last}.");
        return Err(text.into());
    }
    let earlier = slots.ranges().into_iter();
    let mut overlapping = earlier.filter(|(from, to)| first <= *to && last >= *from);
    if let Some((from, to)) = overlapping.next() {
        let text =
            format!("ERR Slot range {first}-{last} overlaps with previous range {from}-{to}.");
        return Err(text.into());
    }
    slots.extend(&(first..=last).collect());
    Ok(())
}

/// `NODE id`.
fn target_at(arguments: &Arguments<'_>, at: &mut usize) -> Result<NodeId, Refusal> {
    let (word, id) = (arguments.get(*at), arguments.get(*at + 1));
    let (Some(_), Some(id)) = (word.filter(|word| is(word, "node")), id) else {
        return Err(refusal::SYNTAX.into());
    };
    *at += 2;
    let is_name = id.len() == crate::cluster::id::ID_BYTES && id.iter().all(u8::is_ascii_hexdigit);
    let text: &[u8] = if is_name {
        b"ERR Unknown node name: "
    } else {
        b"ERR Invalid node name: "
    };
    NodeId::parse(id).ok_or_else(|| Refusal::quoting(&[text, id]))
}

pub(super) fn cancel(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    super::member(context)?;
    context.server.cancel_migrations()?;
    context.reply.ok();
    Ok(())
}

pub(super) fn list(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    super::member(context)?;
    let Context { server, reply, .. } = context;
    reply.array(server.migrations.iter().count());
    server
        .migrations
        .iter()
        .for_each(|record| write(reply, record));
    Ok(())
}

fn write(reply: &mut Reply, record: &Record) {
    let operation = if record.is_import { "IMPORT" } else { "EXPORT" };
    let (slots, target, source) = (
        record.slots.to_string(),
        record.target.to_string(),
        record.source.to_string(),
    );
    reply.map(12);
    let text = |reply: &mut Reply, name: &str, value: &str| {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    };
    let number = |reply: &mut Reply, name: &str, value: i64| {
        reply.bulk(name.as_bytes());
        reply.integer(value);
    };
    text(reply, "name", &record.name);
    text(reply, "operation", operation);
    text(reply, "slot_ranges", &slots);
    text(reply, "target_node", &target);
    text(reply, "source_node", &source);
    number(reply, "create_time", record.created_s);
    number(reply, "last_update_time", record.updated_s);
    number(reply, "last_ack_time", record.acknowledged_s);
    text(reply, "state", record.state.name());
    text(reply, "message", &record.message);
    number(reply, "cow_size", 0);
    let waiting = i64::try_from(record.waiting).unwrap_or(i64::MAX);
    number(reply, "remaining_repl_size", waiting);
}

/// What a source sends: `ESTABLISH name source first last ...`, `KEYS name (key deadline payload) ...`, `TAKE name epoch`,
/// `ABORT name`.
pub(super) fn sync(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    super::member(context)?;
    let name = String::from_utf8_lossy(arguments.get(3).ok_or(refusal::SYNTAX)?).into_owned();
    let (word, rest) = (&arguments[2], arguments.from(4));
    if is(word, "establish") {
        establish(context, name, &rest)?;
    } else if is(word, "keys") {
        keys(context, &name, &rest)?;
    } else if is(word, "take") {
        let epoch = integer_in(rest.get(0).ok_or(refusal::SYNTAX)?)?;
        let epoch = u64::try_from(epoch).map_err(|_| refusal::SYNTAX)?;
        let epoch = context.server.take_import(&name, epoch)?;
        context.reply.simple(&format!("TAKEN {epoch}"));
    } else if is(word, "abort") {
        match context.server.abort_import(&name) {
            Some(epoch) => context.reply.simple(&format!("TAKEN {epoch}")),
            None => context.reply.ok(),
        }
    } else {
        return Err(refusal::SYNTAX.into());
    }
    Ok(())
}

fn establish(context: &mut Context<'_>, name: String, words: &Arguments<'_>) -> Outcome {
    let source = node_in(words.get(0).ok_or(refusal::SYNTAX)?)?;
    let mut slots = SlotSet::default();
    for at in (1..words.len()).step_by(2) {
        let last = words.get(at + 1).unwrap_or_default();
        add_range(&mut slots, slot_in(&words[at])?, slot_in(last)?)?;
    }
    let client = context.client.id;
    context.server.begin_import(client, name, source, slots)?;
    context.reply.ok();
    Ok(())
}

fn keys(context: &mut Context<'_>, name: &str, words: &Arguments<'_>) -> Outcome {
    if !words.len().is_multiple_of(WORDS_OF_KEY) {
        return Err(refusal::SYNTAX.into());
    }
    let mut keys = Vec::with_capacity(words.len() / WORDS_OF_KEY);
    for at in (0..words.len()).step_by(WORDS_OF_KEY) {
        keys.push((
            words[at].into(),
            staged(context, &words[at + 1], &words[at + 2])?,
        ));
    }
    context.server.stage(name, keys.into_iter())?;
    context.reply.ok();
    Ok(())
}

/// A key as it is at the source; `None` where it is gone, which an empty payload says.
fn staged(
    context: &Context<'_>,
    deadline: &[u8],
    payload: &[u8],
) -> Result<Option<Staged>, Refusal> {
    if payload.is_empty() {
        return Ok(None);
    }
    Ok(Some(Staged {
        value: payload::decode(payload, &context.server.config.limits)?,
        expire_ms: Some(integer_in(deadline)?).filter(|at| *at != 0),
        bytes: payload.len(),
    }))
}
