//! Commands on lists.

pub(super) mod blocking;
mod edit;
mod pop;
mod push;
mod read;
mod transfer;

pub(super) use pop::{NUMKEYS, count_behind};

use super::outcome::handler;
use super::table::{CommandSpec, Flags, Group, Keys, flags};
use super::{Arguments, is, refusal};
use crate::command::outcome::Refusal;
use crate::types::End;

const WRITE: Flags = flags![WRITE];
const QUICK_WRITE: Flags = flags![WRITE, FAST];
const GROWING: Flags = flags![WRITE, DENYOOM];
const QUICK_GROWING: Flags = flags![WRITE, DENYOOM, FAST];
const WAITING: Flags = flags![WRITE, NOSCRIPT, BLOCKING];

/// The rows of the command table.
pub(super) const COMMANDS: &[CommandSpec] = &[
    row(
        "blmove",
        6,
        handler!(blocking::blmove),
        WAITING.and(Flags::DENYOOM),
    )
    .keys(Keys::TWO)
    .about("6.2.0", "Moves an element between lists, waiting for one"),
    row(
        "blmpop",
        -5,
        handler!(blocking::blmpop),
        flags![WRITE, BLOCKING],
    )
    .keys(Keys::NONE)
    .find_keys(keys_after_timeout)
    .about(
        "7.0.0",
        "Takes elements off the first list that has any, waiting for one",
    ),
    row("blpop", -3, handler!(blocking::blpop), WAITING)
        .keys(ALL_BUT_LAST)
        .about(
            "2.0.0",
            "Takes the first element off the first list that has any, waiting for one",
        ),
    row("brpop", -3, handler!(blocking::brpop), WAITING)
        .keys(ALL_BUT_LAST)
        .about(
            "2.0.0",
            "Takes the last element off the first list that has any, waiting for one",
        ),
    row(
        "brpoplpush",
        4,
        handler!(blocking::brpoplpush),
        WAITING.and(Flags::DENYOOM),
    )
    .keys(Keys::TWO)
    .about(
        "2.2.0",
        "Moves the last element of a list to the front of another, waiting for one",
    ),
    row("lindex", 3, handler!(read::lindex), flags![READONLY])
        .about("1.0.0", "Reads an element by its index"),
    row("linsert", 5, handler!(edit::linsert), GROWING)
        .about("2.2.0", "Puts an element beside another"),
    row("llen", 2, handler!(read::llen), flags![READONLY, FAST])
        .about("1.0.0", "Counts the elements"),
    row("lmove", 5, handler!(transfer::lmove), GROWING)
        .keys(Keys::TWO)
        .about(
            "6.2.0",
            "Moves an element from an end of a list to an end of another",
        ),
    row("lmpop", -4, handler!(pop::lmpop), WRITE)
        .keys(Keys::NONE)
        .find_keys(keys_after_count)
        .about("7.0.0", "Takes elements off the first list that has any"),
    row("lpop", -2, handler!(pop::lpop), QUICK_WRITE)
        .about("1.0.0", "Takes elements off the front"),
    row("lpos", -3, handler!(read::lpos), flags![READONLY])
        .about("6.0.6", "Finds where an element stands"),
    row("lpush", -3, handler!(push::lpush), QUICK_GROWING)
        .about("1.0.0", "Puts elements in front, one after the other"),
    row("lpushx", -3, handler!(push::lpushx), QUICK_GROWING)
        .about("2.2.0", "Puts elements in front of a list that exists"),
    row("lrange", 4, handler!(read::lrange), flags![READONLY])
        .about("1.0.0", "Reads elements by their indexes"),
    row("lrem", 4, handler!(edit::lrem), WRITE)
        .about("1.0.0", "Removes elements that equal another"),
    row("lset", 4, handler!(edit::lset), GROWING)
        .about("1.0.0", "Replaces an element by its index"),
    row("ltrim", 4, handler!(edit::ltrim), WRITE)
        .about("1.0.0", "Keeps a range of elements and removes the others"),
    row("rpop", -2, handler!(pop::rpop), QUICK_WRITE).about("1.0.0", "Takes elements off the back"),
    row("rpoplpush", 3, handler!(transfer::rpoplpush), GROWING)
        .keys(Keys::TWO)
        .about(
            "1.2.0",
            "Moves the last element of a list to the front of another",
        ),
    row("rpush", -3, handler!(push::rpush), QUICK_GROWING)
        .about("1.0.0", "Puts elements at the back"),
    row("rpushx", -3, handler!(push::rpushx), QUICK_GROWING)
        .about("2.2.0", "Puts elements at the back of a list that exists"),
];

/// Every argument but the last is a key.
pub(super) const ALL_BUT_LAST: Keys = Keys {
    first: 1,
    last: -2,
    step: 1,
};

const fn row(name: &'static str, arity: i16, handler: super::Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::List, handler)
        .flags(flags)
        .keys(Keys::ONE)
}

/// The keys of a command whose first argument counts them.
pub(super) fn keys_after_count(arguments: &Arguments<'_>, positions: &mut Vec<usize>) {
    counted(arguments, 1, positions);
}

/// The keys of a command whose second argument counts them.
pub(super) fn keys_after_timeout(arguments: &Arguments<'_>, positions: &mut Vec<usize>) {
    counted(arguments, 2, positions);
}

/// The positions of the keys that the argument at `at` counts, where it counts some that are there.
pub(super) fn counted(arguments: &Arguments<'_>, at: usize, positions: &mut Vec<usize>) {
    let count = crate::text::integer::parse_unsigned(&arguments[at])
        .and_then(|count| usize::try_from(count).ok());
    let count = count
        .filter(|&count| count <= arguments.len().saturating_sub(at + 1))
        .unwrap_or(0);
    positions.extend(at + 1..at + 1 + count);
}

/// The end that LEFT or RIGHT names.
fn end_in(argument: &[u8]) -> Result<End, Refusal> {
    if is(argument, "left") {
        Ok(End::Left)
    } else if is(argument, "right") {
        Ok(End::Right)
    } else {
        Err(refusal::SYNTAX.into())
    }
}

/// The word for an end, as [`end_in`] reads it.
const fn end_name(end: End) -> &'static [u8] {
    match end {
        End::Left => b"LEFT",
        End::Right => b"RIGHT",
    }
}

/// The events of pushing to and popping from an end.
const fn event_names(end: End) -> (&'static str, &'static str) {
    match end {
        End::Left => ("lpush", "lpop"),
        End::Right => ("rpush", "rpop"),
    }
}
