//! Commands on strings.

mod counter;
mod edit;
mod get;
mod lcs;
mod set;

pub(super) use get::{clamped_span, span};

use super::outcome::handler;
use super::table::{CommandSpec, Group, Keys, flags};
use crate::keyspace::{Access, Db, Keyspace, WrongType};

/// The rows of the command table.
pub(super) const COMMANDS: &[CommandSpec] = &[
    row("append", 3, handler!(edit::append))
        .flags(flags![WRITE, DENYOOM, FAST])
        .about(
            "2.0.0",
            "Adds to the end of a string, creating it when missing",
        ),
    row("decr", 2, handler!(counter::decr))
        .flags(flags![WRITE, DENYOOM, FAST])
        .about("1.0.0", "Subtracts one from an integer"),
    row("decrby", 3, handler!(counter::decrby))
        .flags(flags![WRITE, DENYOOM, FAST])
        .about("1.0.0", "Subtracts from an integer"),
    row("delifeq", 3, handler!(set::delifeq))
        .flags(flags![WRITE, FAST])
        .about("9.0.0", "Deletes a string that equals another"),
    row("get", 2, handler!(get::get))
        .flags(flags![READONLY, FAST])
        .about("1.0.0", "Reads a string"),
    row("getdel", 2, handler!(get::getdel))
        .flags(flags![WRITE, FAST])
        .about("6.2.0", "Reads a string and deletes it"),
    row("getex", -2, handler!(get::getex))
        .flags(flags![WRITE, FAST])
        .about("6.2.0", "Reads a string and changes when it expires"),
    row("getrange", 4, handler!(get::getrange))
        .flags(flags![READONLY])
        .about("2.4.0", "Reads part of a string"),
    row("getset", 3, handler!(set::getset))
        .flags(flags![WRITE, DENYOOM, FAST])
        .about("1.0.0", "Writes a string and answers what was there"),
    row("incr", 2, handler!(counter::incr))
        .flags(flags![WRITE, DENYOOM, FAST])
        .about("1.0.0", "Adds one to an integer"),
    row("incrby", 3, handler!(counter::incrby))
        .flags(flags![WRITE, DENYOOM, FAST])
        .about("1.0.0", "Adds to an integer"),
    row("incrbyfloat", 3, handler!(counter::incrbyfloat))
        .flags(flags![WRITE, DENYOOM, FAST])
        .about("2.6.0", "Adds to a floating-point number"),
    row("lcs", -3, handler!(lcs::lcs))
        .flags(flags![READONLY])
        .keys(Keys::TWO)
        .about(
            "7.0.0",
            "Finds the longest common subsequence of two strings",
        ),
    row("mget", -2, handler!(get::mget))
        .flags(flags![READONLY, FAST])
        .keys(Keys::ALL)
        .about("1.0.0", "Reads several strings"),
    row("mset", -3, handler!(set::mset))
        .flags(flags![WRITE, DENYOOM])
        .keys(Keys::PAIRS)
        .about("1.0.1", "Writes several strings"),
    row("msetnx", -3, handler!(set::msetnx))
        .flags(flags![WRITE, DENYOOM])
        .keys(Keys::PAIRS)
        .about("1.0.1", "Writes several strings if none of the keys exists"),
    row("psetex", 4, handler!(set::psetex))
        .flags(flags![WRITE, DENYOOM])
        .about("2.6.0", "Writes a string that lives for some milliseconds"),
    row("set", -3, handler!(set::set))
        .flags(flags![WRITE, DENYOOM])
        .about("1.0.0", "Writes a string"),
    row("setex", 4, handler!(set::setex))
        .flags(flags![WRITE, DENYOOM])
        .about("2.0.0", "Writes a string that lives for some seconds"),
    row("setnx", 3, handler!(set::setnx))
        .flags(flags![WRITE, DENYOOM, FAST])
        .about("1.0.0", "Writes a string if the key does not exist"),
    row("setrange", 4, handler!(edit::setrange))
        .flags(flags![WRITE, DENYOOM])
        .about("2.2.0", "Overwrites part of a string"),
    row("strlen", 2, handler!(get::strlen))
        .flags(flags![READONLY, FAST])
        .about("2.2.0", "Measures a string in bytes"),
    row("substr", 4, handler!(get::getrange))
        .flags(flags![READONLY])
        .about("1.0.0", "Reads part of a string; the old name of GETRANGE"),
];

/// A string command whose first argument is its key.
const fn row(name: &'static str, arity: i16, handler: super::Handler) -> CommandSpec {
    CommandSpec::new(name, arity, Group::String, handler).keys(Keys::ONE)
}

/// The string under `key`, if there is one.
pub(super) fn lookup<'k>(
    keyspace: &'k mut Keyspace,
    db: Db,
    key: &[u8],
    access: Access,
) -> Result<Option<&'k [u8]>, WrongType> {
    keyspace
        .lookup(db, key, access)
        .map(|entry| entry.string())
        .transpose()
}
