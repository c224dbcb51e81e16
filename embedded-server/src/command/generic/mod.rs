//! Commands on keys, whatever they hold.

mod database;
mod iterate;
mod presence;
mod rename;

use super::outcome::{Refusal, handler, integer_in};
use super::table::{CommandSpec, Flags, Group, Keys, flags};
use super::{Context, refusal};
use crate::keyspace::Db;
pub(super) use iterate::parse_cursor;
pub(super) use presence::delete;

/// The rows of the command table.
pub(super) const COMMANDS: &[CommandSpec] = &[
    row("copy", -3, handler!(rename::copy), flags![WRITE, DENYOOM])
        .keys(Keys::TWO)
        .about("6.2.0", "Copies a key"),
    row("del", -2, handler!(presence::del), flags![WRITE])
        .keys(Keys::ALL)
        .about("1.0.0", "Deletes keys"),
    row(
        "exists",
        -2,
        handler!(presence::exists),
        flags![READONLY, FAST],
    )
    .keys(Keys::ALL)
    .about("1.0.0", "Counts how many of the keys exist"),
    row(
        "keys",
        2,
        handler!(iterate::keys),
        flags![READONLY, DANGEROUS],
    )
    .about("1.0.0", "Lists the keys that match a pattern"),
    row("move", 3, handler!(rename::move_key), flags![WRITE, FAST])
        .keys(Keys::ONE)
        .about("1.0.0", "Moves a key to another database"),
    row(
        "randomkey",
        1,
        handler!(iterate::randomkey),
        flags![READONLY],
    )
    .about("1.0.0", "Draws a key at random"),
    row("rename", 3, handler!(rename::rename), flags![WRITE])
        .keys(Keys::TWO)
        .about("1.0.0", "Gives a key another name, replacing what had it"),
    row(
        "renamenx",
        3,
        handler!(rename::renamenx),
        flags![WRITE, FAST],
    )
    .keys(Keys::TWO)
    .about("1.0.0", "Gives a key another name, if nothing has it"),
    row("scan", -2, handler!(iterate::scan), flags![READONLY])
        .about("2.8.0", "Lists keys step by step"),
    row(
        "touch",
        -2,
        handler!(presence::touch),
        flags![READONLY, FAST],
    )
    .keys(Keys::ALL)
    .about("3.2.1", "Marks keys as just used"),
    row(
        "type",
        2,
        handler!(presence::type_of),
        flags![READONLY, FAST],
    )
    .keys(Keys::ONE)
    .about("1.0.0", "Names the type of what a key holds"),
    row("unlink", -2, handler!(presence::del), flags![WRITE, FAST])
        .keys(Keys::ALL)
        .about("4.0.0", "Deletes keys; here the same as DEL"),
    whole(
        "dbsize",
        1,
        handler!(database::dbsize),
        flags![READONLY, FAST],
    )
    .about("1.0.0", "Counts the keys of the database"),
    whole(
        "flushall",
        -1,
        handler!(database::flushall),
        flags![WRITE, DANGEROUS],
    )
    .about("1.0.0", "Deletes every key of every database"),
    whole(
        "flushdb",
        -1,
        handler!(database::flushdb),
        flags![WRITE, DANGEROUS],
    )
    .about("1.0.0", "Deletes every key of the database"),
    whole(
        "swapdb",
        3,
        handler!(database::swapdb),
        flags![WRITE, FAST, DANGEROUS],
    )
    .about("4.0.0", "Exchanges two databases"),
];

const fn row(name: &'static str, arity: i16, handler: super::Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Generic, handler).flags(flags)
}

/// A command on whole databases: documented with the server's, permitted with those on keys.
const fn whole(
    name: &'static str,
    arity: i16,
    handler: super::Handler,
    flags: Flags,
) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Server, handler)
        .flags(flags)
        .category(Some("keyspace"))
}

/// The database that `text` numbers, as SELECT, COPY and MOVE read it.
pub(super) fn database_in(context: &Context<'_>, text: &[u8]) -> Result<Db, Refusal> {
    let number = i32::try_from(integer_in(text)?).map_err(|_| {
        format!(
            "ERR value is out of range, value must between {} and {}",
            i32::MIN,
            i32::MAX
        )
    })?;
    numbered(context, number)
}

fn numbered(context: &Context<'_>, number: i32) -> Result<Db, Refusal> {
    let db = usize::try_from(number)
        .ok()
        .and_then(|index| context.server.keyspace.db(index));
    db.ok_or_else(|| refusal::DB_OUT_OF_RANGE.into())
}
