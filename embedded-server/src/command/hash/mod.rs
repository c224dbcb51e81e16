//! Commands on hashes.
//!
//! Fields may have a time to live, as in newer servers. Whatever looks at a hash first removes the fields whose time has
//! come; the node's background work does so for hashes that nobody looks at.

mod add;
mod deadline;
mod field;
mod lifetime;
mod whole;

pub use deadline::FieldDeadlines;
pub(super) use field::live_field;

use super::outcome::handler;
use super::table::{CommandSpec, Flags, Group, Keys, flags};

const READ: Flags = flags![READONLY];
const QUICK_READ: Flags = flags![READONLY, FAST];
const QUICK_WRITE: Flags = flags![WRITE, FAST];
const QUICK_GROWING: Flags = flags![WRITE, DENYOOM, FAST];

/// The rows of the command table.
pub(super) const COMMANDS: &[CommandSpec] = &[
    row("hdel", -3, handler!(field::hdel), QUICK_WRITE).about("2.0.0", "Removes fields"),
    row("hexists", 3, handler!(field::hexists), QUICK_READ)
        .about("2.0.0", "Tells whether a field is there"),
    row("hexpire", -6, handler!(lifetime::hexpire), QUICK_GROWING)
        .about("7.4.0", "Gives fields seconds to live"),
    row(
        "hexpireat",
        -6,
        handler!(lifetime::hexpireat),
        QUICK_GROWING,
    )
    .about("7.4.0", "Sets the second at which fields expire"),
    row(
        "hexpiretime",
        -5,
        handler!(lifetime::hexpiretime),
        QUICK_READ,
    )
    .about("7.4.0", "Tells the second at which fields expire"),
    row("hget", 3, handler!(field::hget), QUICK_READ).about("2.0.0", "Reads a field"),
    row("hgetall", 2, handler!(whole::hgetall), READ)
        .about("2.0.0", "Reads all fields with their values"),
    row("hgetdel", -5, handler!(lifetime::hgetdel), QUICK_WRITE)
        .about("8.0.0", "Reads fields and removes them"),
    row("hgetex", -5, handler!(lifetime::hgetex), QUICK_WRITE)
        .about("8.0.0", "Reads fields and changes when they expire"),
    row("hincrby", 4, handler!(add::hincrby), QUICK_GROWING)
        .about("2.0.0", "Adds to the integer in a field"),
    row(
        "hincrbyfloat",
        4,
        handler!(add::hincrbyfloat),
        QUICK_GROWING,
    )
    .about("2.6.0", "Adds to the floating-point number in a field"),
    row("hkeys", 2, handler!(whole::hkeys), READ).about("2.0.0", "Tells all fields"),
    row("hlen", 2, handler!(whole::hlen), QUICK_READ).about("2.0.0", "Counts the fields"),
    row("hmget", -3, handler!(field::hmget), QUICK_READ).about("2.0.0", "Reads several fields"),
    row("hmset", -4, handler!(field::hmset), QUICK_GROWING)
        .about("2.0.0", "Writes several fields; the old name of HSET"),
    row("hpersist", -5, handler!(lifetime::hpersist), QUICK_WRITE)
        .about("7.4.0", "Lets fields live for ever"),
    row("hpexpire", -6, handler!(lifetime::hpexpire), QUICK_GROWING)
        .about("7.4.0", "Gives fields milliseconds to live"),
    row(
        "hpexpireat",
        -6,
        handler!(lifetime::hpexpireat),
        QUICK_GROWING,
    )
    .about("7.4.0", "Sets the millisecond at which fields expire"),
    row(
        "hpexpiretime",
        -5,
        handler!(lifetime::hpexpiretime),
        QUICK_READ,
    )
    .about("7.4.0", "Tells the millisecond at which fields expire"),
    row("hpttl", -5, handler!(lifetime::hpttl), QUICK_READ)
        .about("7.4.0", "Tells how many milliseconds fields have to live"),
    row("hrandfield", -2, handler!(whole::hrandfield), READ)
        .about("6.2.0", "Draws fields at random"),
    row("hscan", -3, handler!(whole::hscan), READ)
        .about("2.8.0", "Steps through the fields with their values"),
    row("hset", -4, handler!(field::hset), QUICK_GROWING).about("2.0.0", "Writes fields"),
    row("hsetex", -6, handler!(lifetime::hsetex), QUICK_GROWING)
        .about("8.0.0", "Writes fields and sets when they expire"),
    row("hsetnx", 4, handler!(field::hsetnx), QUICK_GROWING)
        .about("2.0.0", "Writes a field that is not there"),
    row("hstrlen", 3, handler!(field::hstrlen), QUICK_READ)
        .about("3.2.0", "Measures the value of a field in bytes"),
    row("httl", -5, handler!(lifetime::httl), QUICK_READ)
        .about("7.4.0", "Tells how many seconds fields have to live"),
    row("hvals", 2, handler!(whole::hvals), READ).about("2.0.0", "Reads all values"),
];

const fn row(name: &'static str, arity: i16, handler: super::Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Hash, handler)
        .flags(flags)
        .keys(Keys::ONE)
}
