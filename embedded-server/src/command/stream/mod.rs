//! Commands on streams.

mod claim;
mod edit;
mod group;
mod id;
mod info;
mod pending;
mod range;
mod read;
mod tell;
mod trim;

use super::outcome::{handler, unknown_subcommand};
use super::table::{CommandSpec, Flags, Group, Keys, flags};
use super::{Arguments, Handler, is};

const READ: Flags = flags![READONLY];
const WRITE: Flags = flags![WRITE];
const QUICK_WRITE: Flags = flags![WRITE, FAST];
const GROWING: Flags = flags![WRITE, DENYOOM];
const QUICK_GROWING: Flags = flags![WRITE, DENYOOM, FAST];

/// The rows of the command table.
pub(super) const COMMANDS: &[CommandSpec] = &[
    row("xack", -4, handler!(pending::xack), QUICK_WRITE)
        .about("5.0.0", "Acknowledges entries that a group was given"),
    row("xadd", -5, handler!(edit::xadd), QUICK_GROWING).about("5.0.0", "Appends an entry"),
    row("xautoclaim", -6, handler!(claim::xautoclaim), QUICK_WRITE).about(
        "6.2.0",
        "Takes over entries that other consumers have had pending for long",
    ),
    row("xclaim", -6, handler!(claim::xclaim), QUICK_WRITE).about(
        "5.0.0",
        "Takes over entries that other consumers have pending",
    ),
    row("xdel", -3, handler!(edit::xdel), QUICK_WRITE).about("5.0.0", "Removes entries"),
    row("xgroup", -2, handler!(unknown_subcommand), Flags::NONE)
        .keys(Keys::NONE)
        .about("5.0.0", "Makes and removes consumer groups")
        .subcommands(&[
            sub("create", -5, handler!(group::create), GROWING).about("5.0.0", "Makes a group"),
            sub(
                "createconsumer",
                5,
                handler!(group::createconsumer),
                GROWING,
            )
            .about("6.2.0", "Makes a consumer"),
            sub("delconsumer", 5, handler!(group::delconsumer), WRITE)
                .about("5.0.0", "Removes a consumer"),
            sub("destroy", 4, handler!(group::destroy), WRITE).about("5.0.0", "Removes a group"),
            sub(
                "help",
                2,
                handler!(group::help_xgroup),
                flags![LOADING, STALE],
            )
            .keys(Keys::NONE)
            .about("5.0.0", "Lists the subcommands"),
            sub("setid", -5, handler!(group::setid), WRITE)
                .about("5.0.0", "Sets the ID behind which a group reads on"),
        ]),
    row("xinfo", -2, handler!(unknown_subcommand), Flags::NONE)
        .keys(Keys::NONE)
        .about("5.0.0", "Tells about streams and consumer groups")
        .subcommands(&[
            sub("consumers", 4, handler!(info::consumers), READ)
                .about("5.0.0", "Tells about the consumers of a group"),
            sub("groups", 3, handler!(info::groups), READ)
                .about("5.0.0", "Tells about the groups of a stream"),
            sub(
                "help",
                2,
                handler!(info::help_xinfo),
                flags![LOADING, STALE],
            )
            .keys(Keys::NONE)
            .about("5.0.0", "Lists the subcommands"),
            sub("stream", -3, handler!(info::stream), READ).about("5.0.0", "Tells about a stream"),
        ]),
    row("xlen", 2, handler!(edit::xlen), flags![READONLY, FAST])
        .about("5.0.0", "Counts the entries"),
    row("xpending", -3, handler!(pending::xpending), READ).about(
        "5.0.0",
        "Tells what a group was given and did not acknowledge",
    ),
    row("xrange", -4, handler!(range::xrange), READ).about("5.0.0", "Reads a range of IDs"),
    row(
        "xread",
        -4,
        handler!(read::xread),
        flags![READONLY, BLOCKING],
    )
    .keys(Keys::NONE)
    .find_keys(keys_of_streams)
    .about(
        "5.0.0",
        "Reads on in streams, waiting for entries if asked to",
    ),
    row(
        "xreadgroup",
        -7,
        handler!(read::xreadgroup),
        flags![WRITE, BLOCKING],
    )
    .keys(Keys::NONE)
    .find_keys(keys_of_streams)
    .about("5.0.0", "Reads on in streams as one of a group"),
    row("xrevrange", -4, handler!(range::xrevrange), READ)
        .about("5.0.0", "Reads a range of IDs from the highest down"),
    row("xsetid", -3, handler!(edit::xsetid), QUICK_GROWING)
        .about("5.0.0", "Sets the last ID of a stream"),
    row("xtrim", -4, handler!(trim::xtrim), WRITE)
        .about("5.0.0", "Removes entries from the low end"),
];

const fn row(name: &'static str, arity: i16, handler: Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Stream, handler)
        .flags(flags)
        .keys(Keys::ONE)
}

const fn sub(name: &'static str, arity: i16, handler: Handler, flags: Flags) -> CommandSpec {
    row(name, arity, handler, flags).keys(Keys::SECOND)
}

/// The keys behind STREAMS: half of what follows it.
fn keys_of_streams(arguments: &Arguments<'_>, positions: &mut Vec<usize>) {
    let streams = arguments.iter().position(|word| is(word, "streams"));
    if let Some(at) = streams {
        let words = arguments.len() - at - 1;
        positions.extend(at + 1..at + 1 + words / 2);
    }
}
