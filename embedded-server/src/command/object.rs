//! OBJECT: how a key's value is kept, and how the eviction policy sees it.

use super::outcome::{Outcome, handler, help, unknown_subcommand};
use super::table::{CommandSpec, Group, Keys, flags};
use super::{Arguments, Context};
use crate::keyspace::{Access, ObjectInfo};

/// The rows of the command table.
pub(super) const COMMANDS: &[CommandSpec] =
    &[
        CommandSpec::new("object", -2, Group::Generic, handler!(unknown_subcommand))
            .about("2.2.3", "Tells how a value is kept")
            .subcommands(&[
                about_key("encoding", handler!(encoding))
                    .about("2.2.3", "Names the form in which a value is kept"),
                about_key("freq", handler!(frequency))
                    .about("4.0.0", "Tells a key's access counter, under an LFU policy"),
                CommandSpec::new("help", 2, Group::Generic, handler!(help_object))
                    .flags(flags![LOADING, STALE])
                    .about("6.2.0", "Describes the subcommands"),
                about_key("idletime", handler!(idle_time)).about(
                    "2.2.3",
                    "Tells for how many seconds a key has not been used",
                ),
                about_key("refcount", handler!(reference_count))
                    .about("2.2.3", "Tells how many refer to a value"),
            ]),
    ];

const fn about_key(name: &'static str, handler: super::Handler) -> CommandSpec {
    CommandSpec::new(name, 3, Group::Generic, handler)
        .flags(flags![READONLY])
        .keys(Keys::SECOND)
}

const HELP: &[&str] = &[
    "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ENCODING <key>",
    "    The form in which the value is kept: int, embstr, raw...",
    "FREQ <key>",
    "    The access counter, which grows with the logarithm of the accesses and decays",
    "    with time. Kept under the LFU policies only.",
    "IDLETIME <key>",
    "    Seconds since the last access. Kept under all but the LFU policies.",
    "REFCOUNT <key>",
    "    How many refer to the value.",
    "HELP",
    "    These lines.",
];

fn help_object(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    help(context, HELP);
    Ok(())
}

fn encoding(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let db = context.db();
    let found = context
        .server
        .keyspace
        .lookup(db, &arguments[2], Access::Peek);
    context
        .reply
        .bulk_or_null(found.map(|entry| entry.encoding().as_bytes()));
    Ok(())
}

fn frequency(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let Some(info) = info(context, arguments) else {
        return Ok(());
    };
    let frequency = info.frequency.ok_or(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
         switching between policies at runtime LRU and LFU data will take some time to adjust.",
    )?;
    context.reply.integer(i64::from(frequency));
    Ok(())
}

fn idle_time(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let Some(info) = info(context, arguments) else {
        return Ok(());
    };
    if info.frequency.is_some() {
        return Err("ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
                    switching between policies at runtime LRU and LFU data will take some time to adjust."
            .into());
    }
    context
        .reply
        .integer(i64::try_from(info.idle_ms / 1000).unwrap_or(i64::MAX));
    Ok(())
}

/// What is known of the key; where it is not there, null has been answered.
fn info(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Option<ObjectInfo> {
    let (db, key) = (context.db(), &arguments[2]);
    let keyspace = &mut context.server.keyspace;
    let found = keyspace.lookup(db, key, Access::Peek).is_some();
    let info = found.then(|| keyspace.object_info(db, key)).flatten();
    if info.is_none() {
        context.reply.null();
    }
    info
}

/// Nothing is shared here. Redis shares small integers and tells so by a count of its own, which clients know.
fn reference_count(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    const SHARED: i64 = i32::MAX as i64;
    const SHARED_DIGITS_MAX: usize = 4;
    let (db, key) = (context.db(), &arguments[2]);
    let settings = context.server.keyspace.settings();
    // A shared value cannot carry the access data of several keys.
    let shares = settings.maxmemory == 0 || !settings.policy.needs_access_data();
    let Some(entry) = context.server.keyspace.lookup(db, key, Access::Peek) else {
        context.reply.null();
        return Ok(());
    };
    let small = entry
        .string()
        .is_ok_and(|text| text.len() <= SHARED_DIGITS_MAX && !text.starts_with(b"-"));
    let shared = shares && small && entry.encoding() == "int";
    context.reply.integer(if shared { SHARED } else { 1 });
    Ok(())
}
