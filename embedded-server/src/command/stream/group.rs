//! Consumer groups and their consumers, made and removed: XGROUP.

use super::edit::exists;
use super::id::{id_in, id_or_end_in};
use crate::command::outcome::{Outcome, Refusal, help, integer_in};
use crate::command::typed::{edit, edit_or_create, peek};
use crate::command::{Arguments, Context, is};
use crate::notify::Events;
use crate::types::stream::Group;
use crate::types::{Stream, StreamId};

const HELP: &[&str] = &[
    "XGROUP <subcommand> [<arg> ...]. Subcommands are:",
    "CREATE <key> <group> <id | $> [MKSTREAM] [ENTRIESREAD <count>]",
    "    Makes a group that reads on behind the ID, with $ behind the last entry; MKSTREAM: and the stream too.",
    "SETID <key> <group> <id | $> [ENTRIESREAD <count>]",
    "    Sets the ID behind which a group reads on.",
    "DESTROY <key> <group>",
    "    Removes a group.",
    "CREATECONSUMER <key> <group> <consumer>",
    "    Makes a consumer.",
    "DELCONSUMER <key> <group> <consumer>",
    "    Removes a consumer, with what it has pending.",
    "HELP",
    "    These lines.",
];

pub(super) fn help_xgroup(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    help(context, HELP);
    Ok(())
}

/// The words behind the ID.
#[derive(Default)]
struct Options {
    make_stream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(arguments: &Arguments<'_>, creates: bool) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let mut words = arguments.from(5).iter();
        while let Some(word) = words.next() {
            if creates && is(word, "mkstream") {
                options.make_stream = true;
            } else if is(word, "entriesread")
                && let Some(count) = words.next()
            {
                options.entries_read = entries_read_in(count)?;
            } else {
                return Err(misused(arguments));
            }
        }
        Ok(options)
    }
}

/// Reads how many entries a group has read; -1 is unknown.
fn entries_read_in(argument: &[u8]) -> Result<Option<u64>, Refusal> {
    match integer_in(argument)? {
        -1 => Ok(None),
        count => u64::try_from(count)
            .map(Some)
            .map_err(|_| "ERR value for ENTRIESREAD must be positive or -1".into()),
    }
}

/// The refusal of words that a subcommand does not take.
pub(super) fn misused(arguments: &Arguments<'_>) -> Refusal {
    const SHOWN_BYTES_MAX: usize = 128;
    let shown = arguments[1].get(..SHOWN_BYTES_MAX).unwrap_or(&arguments[1]);
    let container = arguments[0].to_ascii_uppercase();
    Refusal::quoting(&[
        b"ERR unknown subcommand or wrong number of arguments for '",
        shown,
        b"'. Try ",
        &container,
        b" HELP.",
    ])
}

/// Refuses words in excess, such as an option given twice.
fn check_length(arguments: &Arguments<'_>, most: usize) -> Outcome {
    if arguments.len() > most {
        return Err(misused(arguments));
    }
    Ok(())
}

/// The refusal of a group that is not there.
pub(super) fn no_such_group(key: &[u8], group: &[u8]) -> Refusal {
    Refusal::quoting(&[
        b"NOGROUP No such consumer group '",
        group,
        b"' for key name '",
        key,
        b"'",
    ])
}

/// Refuses, if there is no such stream.
fn check_stream(context: &mut Context<'_>, key: &[u8]) -> Outcome {
    if exists(context, key)? {
        return Ok(());
    }
    Err(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the \
         MKSTREAM option to create an empty stream automatically."
            .into(),
    )
}

/// Changes a group that there must be.
fn edit_group<R>(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    change: impl FnOnce(&mut Group, u64) -> R,
) -> Result<R, Refusal> {
    let (key, name) = (&arguments[2], &arguments[3]);
    check_stream(context, key)?;
    let changed = edit(context, key, |stream: &mut Stream, tools| {
        let now_ms = tools.now_ms.unsigned_abs();
        stream.group_mut(name).map(|group| change(group, now_ms))
    })?;
    let result = changed.and_then(|changed| changed.result);
    result.ok_or_else(|| no_such_group(key, name))
}

pub(super) fn create(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, name) = (&arguments[2], &arguments[3]);
    let options = Options::parse(arguments, true)?;
    if !exists(context, key)? && !options.make_stream {
        check_stream(context, key)?;
    }
    check_length(arguments, 8)?;
    let last_id = match &arguments[4] {
        b"$" => last_id_of(context, key)?,
        id => id_in(id)?,
    };
    let made = edit_or_create(context, key, name.len(), |stream: &mut Stream, _| {
        stream.add_group(name, Group::new(last_id, options.entries_read))
    })?;
    if !made.result {
        return Err("BUSYGROUP Consumer Group name already exists".into());
    }
    context.reply.ok();
    context.notify(Events::STREAM, "xgroup-create", key);
    Ok(())
}

pub(super) fn setid(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[2];
    let options = Options::parse(arguments, false)?;
    edit_group(context, arguments, |_, _| ())?;
    check_length(arguments, 7)?;
    let last_id = match &arguments[4] {
        b"$" => last_id_of(context, key)?,
        id => id_or_end_in(id)?,
    };
    edit_group(context, arguments, |group, _| {
        group.last_id = last_id;
        group.entries_read = options.entries_read;
    })?;
    context.reply.ok();
    context.notify(Events::STREAM, "xgroup-setid", key);
    Ok(())
}

fn last_id_of(context: &mut Context<'_>, key: &[u8]) -> Result<StreamId, Refusal> {
    let db = context.db();
    let stream = peek::<Stream>(&mut context.server.keyspace, db, key)?;
    Ok(stream.map_or(StreamId::MIN, |stream| stream.last_id))
}

pub(super) fn destroy(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, name) = (&arguments[2], &arguments[3]);
    check_stream(context, key)?;
    let removed = edit(context, key, |stream: &mut Stream, _| {
        stream.remove_group(name)
    })?;
    let removed = removed.is_some_and(|changed| changed.result);
    context.reply.integer(removed.into());
    if removed {
        context.notify(Events::STREAM, "xgroup-destroy", key);
    }
    Ok(())
}

pub(super) fn createconsumer(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (_, is_new) = edit_group(context, arguments, |group, now_ms| {
        group.ensure_consumer(&arguments[4], now_ms)
    })?;
    context.reply.integer(is_new.into());
    if is_new {
        context.notify(Events::STREAM, "xgroup-createconsumer", &arguments[2]);
    }
    Ok(())
}

pub(super) fn delconsumer(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let pending = edit_group(context, arguments, |group, _| {
        group.remove_consumer(&arguments[4])
    })?;
    context.reply.count(pending.unwrap_or(0));
    if pending.is_some() {
        context.notify(Events::STREAM, "xgroup-delconsumer", &arguments[2]);
    }
    Ok(())
}
