//! Commands on sorted sets.

pub(super) mod add;
mod algebra;
mod blocking;
pub(super) mod bound;
mod member;
mod pop;
mod range;
mod remove;

use super::outcome::handler;
use super::table::{CommandSpec, Flags, Group, Keys, flags};
use super::{Arguments, Reply, list};

const READ: Flags = flags![READONLY];
const QUICK_READ: Flags = flags![READONLY, FAST];
const WRITE: Flags = flags![WRITE];
const QUICK_WRITE: Flags = flags![WRITE, FAST];
const STORE: Flags = flags![WRITE, DENYOOM];
const QUICK_GROWING: Flags = flags![WRITE, DENYOOM, FAST];
const QUICK_WAITING: Flags = flags![WRITE, NOSCRIPT, BLOCKING, FAST];

/// The rows of the command table.
pub(super) const COMMANDS: &[CommandSpec] = &[
    row(
        "bzmpop",
        -5,
        handler!(blocking::bzmpop),
        flags![WRITE, BLOCKING],
    )
    .keys(Keys::NONE)
    .find_keys(list::keys_after_timeout)
    .about(
        "7.0.0",
        "Takes members off an end of the first sorted set that has any, waiting for one",
    ),
    row("bzpopmax", -3, handler!(blocking::bzpopmax), QUICK_WAITING)
        .keys(list::ALL_BUT_LAST)
        .about(
            "5.0.0",
            "Takes the highest member off the first sorted set that has any, waiting for one",
        ),
    row("bzpopmin", -3, handler!(blocking::bzpopmin), QUICK_WAITING)
        .keys(list::ALL_BUT_LAST)
        .about(
            "5.0.0",
            "Takes the lowest member off the first sorted set that has any, waiting for one",
        ),
    row("zadd", -4, handler!(add::zadd), QUICK_GROWING)
        .about("1.2.0", "Adds members, or changes their scores"),
    row("zcard", 2, handler!(member::zcard), QUICK_READ).about("1.2.0", "Counts the members"),
    row("zcount", 4, handler!(range::zcount), QUICK_READ)
        .about("2.0.0", "Counts the members in a range of scores"),
    row("zdiff", -3, handler!(algebra::zdiff), READ)
        .keys(Keys::NONE)
        .find_keys(list::keys_after_count)
        .about("6.2.0", "Subtracts sorted sets from the first"),
    row("zdiffstore", -4, handler!(algebra::zdiffstore), STORE)
        .find_keys(keys_of_store)
        .about(
            "6.2.0",
            "Subtracts sorted sets from the first and stores what is left",
        ),
    row("zincrby", 4, handler!(add::zincrby), QUICK_GROWING)
        .about("1.2.0", "Adds to the score of a member"),
    row("zinter", -3, handler!(algebra::zinter), READ)
        .keys(Keys::NONE)
        .find_keys(list::keys_after_count)
        .about("6.2.0", "Tells the members that sorted sets have in common"),
    row("zintercard", -3, handler!(algebra::zintercard), READ)
        .keys(Keys::NONE)
        .find_keys(list::keys_after_count)
        .about(
            "7.0.0",
            "Counts the members that sorted sets have in common",
        ),
    row("zinterstore", -4, handler!(algebra::zinterstore), STORE)
        .find_keys(keys_of_store)
        .about(
            "2.0.0",
            "Stores the members that sorted sets have in common",
        ),
    row("zlexcount", 4, handler!(range::zlexcount), QUICK_READ)
        .about("2.8.9", "Counts the members in a range of members"),
    row("zmpop", -4, handler!(pop::zmpop), WRITE)
        .keys(Keys::NONE)
        .find_keys(list::keys_after_count)
        .about(
            "7.0.0",
            "Takes members off an end of the first sorted set that has any",
        ),
    row("zmscore", -3, handler!(member::zmscore), QUICK_READ)
        .about("6.2.0", "Tells the scores of members"),
    row("zpopmax", -2, handler!(pop::zpopmax), QUICK_WRITE)
        .about("5.0.0", "Takes off the members of the highest scores"),
    row("zpopmin", -2, handler!(pop::zpopmin), QUICK_WRITE)
        .about("5.0.0", "Takes off the members of the lowest scores"),
    row("zrandmember", -2, handler!(member::zrandmember), READ)
        .about("6.2.0", "Draws members at random"),
    row("zrange", -4, handler!(range::zrange), READ)
        .about("1.2.0", "Reads a range of ranks, scores or members"),
    row("zrangebylex", -4, handler!(range::zrangebylex), READ)
        .about("2.8.9", "Reads a range of members"),
    row("zrangebyscore", -4, handler!(range::zrangebyscore), READ)
        .about("1.0.5", "Reads a range of scores"),
    row("zrangestore", -5, handler!(range::zrangestore), STORE)
        .keys(Keys::TWO)
        .about("6.2.0", "Stores a range of ranks, scores or members"),
    row("zrank", 3, handler!(member::zrank), QUICK_READ)
        .about("2.0.0", "Tells how many members are below one"),
    row("zrem", -3, handler!(remove::zrem), QUICK_WRITE).about("1.2.0", "Removes members"),
    row("zremrangebylex", 4, handler!(remove::zremrangebylex), WRITE)
        .about("2.8.9", "Removes a range of members"),
    row(
        "zremrangebyrank",
        4,
        handler!(remove::zremrangebyrank),
        WRITE,
    )
    .about("2.0.0", "Removes a range of ranks"),
    row(
        "zremrangebyscore",
        4,
        handler!(remove::zremrangebyscore),
        WRITE,
    )
    .about("1.2.0", "Removes a range of scores"),
    row("zrevrange", -4, handler!(range::zrevrange), READ)
        .about("1.2.0", "Reads a range of ranks from the highest down"),
    row("zrevrangebylex", -4, handler!(range::zrevrangebylex), READ)
        .about("2.8.9", "Reads a range of members from the highest down"),
    row(
        "zrevrangebyscore",
        -4,
        handler!(range::zrevrangebyscore),
        READ,
    )
    .about("2.2.0", "Reads a range of scores from the highest down"),
    row("zrevrank", 3, handler!(member::zrevrank), QUICK_READ)
        .about("2.0.0", "Tells how many members are above one"),
    row("zscan", -3, handler!(member::zscan), READ).about("2.8.0", "Steps through the members"),
    row("zscore", 3, handler!(member::zscore), QUICK_READ)
        .about("1.2.0", "Tells the score of a member"),
    row("zunion", -3, handler!(algebra::zunion), READ)
        .keys(Keys::NONE)
        .find_keys(list::keys_after_count)
        .about("6.2.0", "Tells the members of any of the sorted sets"),
    row("zunionstore", -4, handler!(algebra::zunionstore), STORE)
        .find_keys(keys_of_store)
        .about("2.0.0", "Stores the members of any of the sorted sets"),
];

const fn row(name: &'static str, arity: i16, handler: super::Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::SortedSet, handler)
        .flags(flags)
        .keys(Keys::ONE)
}

/// Where the result goes, and the keys that the argument behind it counts.
fn keys_of_store(arguments: &Arguments<'_>, positions: &mut Vec<usize>) {
    positions.push(1);
    list::keys_after_timeout(arguments, positions);
}

/// How members are answered: alone or each with its score. RESP3 has pairs then where RESP2 has one long array.
#[derive(Debug, Clone, Copy)]
struct Shape {
    with_scores: bool,
}

impl Shape {
    /// Opens an answer of `len` members.
    fn open(self, reply: &mut Reply, len: usize) {
        reply.array(if self.with_scores && !reply.is_resp3() {
            2 * len
        } else {
            len
        });
    }

    /// Answers one of them.
    fn member(self, reply: &mut Reply, member: &[u8], score: f64) {
        if self.with_scores && reply.is_resp3() {
            reply.array(2);
        }
        reply.bulk(member);
        if self.with_scores {
            reply.double(score);
        }
    }
}
