//! What there is to tell of a stream, its groups and their consumers: XINFO.

use super::group::{misused, no_such_group};
use super::id::answer_id;
use super::range::{answer_entries, answer_entry};
use crate::command::outcome::{Outcome, Refusal, help, integer_in};
use crate::command::typed::{Tools, read_with};
use crate::command::{Arguments, Context, Reply, is, refusal};
use crate::types::stream::{Consumer, Entry, Group};
use crate::types::{Stream, StreamId};

/// How many entries of a kind XINFO STREAM FULL answers unless told.
const FULL_COUNT: usize = 10;

const HELP: &[&str] = &[
    "XINFO <subcommand> [<arg> ...]. Subcommands are:",
    "STREAM <key> [FULL [COUNT <count>]]",
    "    What is known of a stream; FULL: with its entries, groups and consumers, so many of each kind, 10 unless told,",
    "    0 for all.",
    "GROUPS <key>",
    "    The consumer groups of a stream.",
    "CONSUMERS <key> <group>",
    "    The consumers of a group.",
    "HELP",
    "    These lines.",
];

pub(super) fn help_xinfo(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    help(context, HELP);
    Ok(())
}

/// The stream asked about, and what goes with the answer.
fn stream_of<'c>(
    context: &'c mut Context<'_>,
    key: &[u8],
) -> Result<(&'c Stream, Tools<'c>), Refusal> {
    let found = read_with::<Stream>(context, key)?;
    found.ok_or_else(|| refusal::NO_SUCH_KEY.into())
}

pub(super) fn stream(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let full = full_in(arguments);
    let (stream, tools) = stream_of(context, &arguments[2])?;
    let reply = tools.reply;
    match full? {
        None => {
            reply.map(10);
            describe(reply, stream);
            field(reply, "groups", stream.groups().len() as u64);
            let ids = StreamId::MIN..=StreamId::MAX;
            edge(reply, "first-entry", stream.range(ids.clone()).next());
            edge(reply, "last-entry", stream.range_back(ids).next());
        }
        Some(count) => {
            reply.map(9);
            describe(reply, stream);
            reply.bulk(b"entries");
            let entries = stream.range(StreamId::MIN..=StreamId::MAX);
            answer_entries(reply, entries.take(count));
            reply.bulk(b"groups");
            reply.array(stream.groups().len());
            for (name, group) in stream.groups() {
                describe_group(reply, stream, (name, group), count);
            }
        }
    }
    Ok(())
}

/// Reads `[FULL [COUNT n]]`: how many of each kind, if all is to be told.
fn full_in(arguments: &Arguments<'_>) -> Result<Option<usize>, Refusal> {
    let words = arguments.from(3);
    match (words.get(0), words.get(1), words.get(2), words.len()) {
        (None, ..) => Ok(None),
        (Some(full), None, ..) if is(full, "full") => Ok(Some(FULL_COUNT)),
        (Some(full), Some(word), Some(count), 3) if is(full, "full") && is(word, "count") => {
            Ok(Some(match usize::try_from(integer_in(count)?) {
                Ok(0) => usize::MAX,
                Ok(count) => count,
                Err(_) => FULL_COUNT,
            }))
        }
        _ => Err(misused(arguments)),
    }
}

/// The figures that both forms open with.
fn describe(reply: &mut Reply, stream: &Stream) {
    field(reply, "length", stream.len() as u64);
    field(reply, "radix-tree-keys", stream.blocks() as u64);
    field(reply, "radix-tree-nodes", stream.radix_nodes() as u64);
    for (name, id) in [
        ("last-generated-id", stream.last_id),
        ("max-deleted-entry-id", stream.max_deleted_id),
    ] {
        reply.bulk(name.as_bytes());
        answer_id(reply, id);
    }
    field(reply, "entries-added", stream.entries_added);
    reply.bulk(b"recorded-first-entry-id");
    answer_id(reply, stream.first_id());
}

fn field(reply: &mut Reply, name: &str, value: u64) {
    reply.bulk(name.as_bytes());
    reply.integer(i64::try_from(value).unwrap_or(i64::MAX));
}

/// A figure that may be unknown.
fn field_or_null(reply: &mut Reply, name: &str, value: Option<i64>) {
    reply.bulk(name.as_bytes());
    match value {
        Some(value) => reply.integer(value),
        None => reply.null(),
    }
}

fn entries_read(group: &Group) -> Option<i64> {
    group
        .entries_read
        .map(|count| i64::try_from(count).unwrap_or(i64::MAX))
}

fn edge(reply: &mut Reply, name: &str, entry: Option<Entry<'_>>) {
    reply.bulk(name.as_bytes());
    match entry {
        Some(entry) => answer_entry(reply, entry),
        None => reply.null(),
    }
}

/// A group as XINFO STREAM FULL tells of it, with its pending entries and its consumers.
fn describe_group(
    reply: &mut Reply,
    stream: &Stream,
    (name, group): (&[u8], &Group),
    count: usize,
) {
    reply.map(7);
    reply.bulk(b"name");
    reply.bulk(name);
    reply.bulk(b"last-delivered-id");
    answer_id(reply, group.last_id);
    field_or_null(reply, "entries-read", entries_read(group));
    field_or_null(reply, "lag", stream.lag(group));
    field(reply, "pel-count", group.pending().len() as u64);
    reply.bulk(b"pending");
    reply.array(group.pending().len().min(count));
    for (&id, pending) in group.pending().iter().take(count) {
        let consumer = group.consumer(pending.consumer);
        reply.array(4);
        answer_id(reply, id);
        reply.bulk(consumer.map_or(&b""[..], Consumer::name));
        times(reply, pending.delivered_at, pending.deliveries);
    }
    reply.bulk(b"consumers");
    reply.array(group.consumer_count());
    for consumer in group.consumers() {
        describe_consumer(reply, group, consumer, count);
    }
}

fn describe_consumer(reply: &mut Reply, group: &Group, consumer: &Consumer, count: usize) {
    let pending = consumer.pending();
    reply.map(4);
    reply.bulk(b"name");
    reply.bulk(consumer.name());
    field(reply, "seen-time", consumer.seen_at);
    field(reply, "pel-count", pending.len() as u64);
    reply.bulk(b"pending");
    reply.array(pending.len().min(count));
    for id in pending.iter().take(count) {
        reply.array(3);
        answer_id(reply, *id);
        let known = group.pending().get(id);
        let figures = known.map(|pending| (pending.delivered_at, pending.deliveries));
        let (delivered_at, deliveries) = figures.unwrap_or_default();
        times(reply, delivered_at, deliveries);
    }
}

/// When an entry was delivered last, and how often.
fn times(reply: &mut Reply, delivered_at: u64, deliveries: u64) {
    for figure in [delivered_at, deliveries] {
        reply.integer(i64::try_from(figure).unwrap_or(i64::MAX));
    }
}

pub(super) fn groups(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (stream, tools) = stream_of(context, &arguments[2])?;
    let reply = tools.reply;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(name);
        field(reply, "consumers", group.consumer_count() as u64);
        field(reply, "pending", group.pending().len() as u64);
        reply.bulk(b"last-delivered-id");
        answer_id(reply, group.last_id);
        field_or_null(reply, "entries-read", entries_read(group));
        field_or_null(reply, "lag", stream.lag(group));
    }
    Ok(())
}

pub(super) fn consumers(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, name) = (&arguments[2], &arguments[3]);
    let (stream, tools) = stream_of(context, key)?;
    let group = stream.group(name).ok_or_else(|| no_such_group(key, name))?;
    let (reply, now_ms) = (tools.reply, tools.now_ms.unsigned_abs());
    reply.array(group.consumer_count());
    for consumer in group.consumers() {
        reply.map(3);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        field(reply, "pending", consumer.pending().len() as u64);
        field(reply, "idle", now_ms.saturating_sub(consumer.seen_at));
    }
    Ok(())
}
