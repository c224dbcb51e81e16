//! Commands on sets.

mod algebra;
mod draw;
mod member;

use super::outcome::handler;
use super::table::{CommandSpec, Flags, Group, Keys, flags};

const READ: Flags = flags![READONLY];
const QUICK_READ: Flags = flags![READONLY, FAST];
const QUICK_WRITE: Flags = flags![WRITE, FAST];
const STORE: Flags = flags![WRITE, DENYOOM];

/// The rows of the command table.
pub(super) const COMMANDS: &[CommandSpec] = &[
    row(
        "sadd",
        -3,
        handler!(member::sadd),
        flags![WRITE, DENYOOM, FAST],
    )
    .about("1.0.0", "Adds members"),
    row("scard", 2, handler!(member::scard), QUICK_READ).about("1.0.0", "Counts the members"),
    row("sdiff", -2, handler!(algebra::sdiff), READ)
        .keys(Keys::ALL)
        .about("1.0.0", "Subtracts sets from the first"),
    row("sdiffstore", -3, handler!(algebra::sdiffstore), STORE)
        .keys(Keys::ALL)
        .about(
            "1.0.0",
            "Subtracts sets from the first and stores what is left",
        ),
    row("sinter", -2, handler!(algebra::sinter), READ)
        .keys(Keys::ALL)
        .about("1.0.0", "Tells the members that sets have in common"),
    row("sintercard", -3, handler!(algebra::sintercard), READ)
        .keys(Keys::NONE)
        .find_keys(super::list::keys_after_count)
        .about("7.0.0", "Counts the members that sets have in common"),
    row("sinterstore", -3, handler!(algebra::sinterstore), STORE)
        .keys(Keys::ALL)
        .about("1.0.0", "Stores the members that sets have in common"),
    row("sismember", 3, handler!(member::sismember), QUICK_READ)
        .about("1.0.0", "Tells whether a member is there"),
    row("smembers", 2, handler!(member::smembers), READ).about("1.0.0", "Tells all members"),
    row("smismember", -3, handler!(member::smismember), QUICK_READ)
        .about("6.2.0", "Tells which members are there"),
    row("smove", 4, handler!(member::smove), QUICK_WRITE)
        .keys(Keys::TWO)
        .about("1.0.0", "Moves a member to another set"),
    row("spop", -2, handler!(draw::spop), QUICK_WRITE)
        .about("1.0.0", "Takes out members drawn at random"),
    row("srandmember", -2, handler!(draw::srandmember), READ)
        .about("1.0.0", "Draws members at random"),
    row("srem", -3, handler!(member::srem), QUICK_WRITE).about("1.0.0", "Removes members"),
    row("sscan", -3, handler!(member::sscan), READ).about("2.8.0", "Steps through the members"),
    row("sunion", -2, handler!(algebra::sunion), READ)
        .keys(Keys::ALL)
        .about("1.0.0", "Tells the members of any of the sets"),
    row("sunionstore", -3, handler!(algebra::sunionstore), STORE)
        .keys(Keys::ALL)
        .about("1.0.0", "Stores the members of any of the sets"),
];

const fn row(name: &'static str, arity: i16, handler: super::Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Set, handler)
        .flags(flags)
        .keys(Keys::ONE)
}
