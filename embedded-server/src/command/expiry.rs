//! Commands on deadlines: when a key is to go, and how long that still is.

use super::deadline::TimeForm;
use super::generic::delete;
use super::outcome::{Outcome, Refusal, handler};
use super::table::{CommandSpec, Flags, Group, Keys, flags};
use super::{Arguments, Context, is};
use crate::keyspace::Access;
use crate::notify::Events;

const SET: Flags = flags![WRITE, FAST];
const ASK: Flags = flags![READONLY, FAST];

/// The rows of the command table.
pub(super) const COMMANDS: &[CommandSpec] = &[
    row("expire", -3, handler!(expire), SET).about("1.0.0", "Lets a key live for some seconds"),
    row("expireat", -3, handler!(expireat), SET)
        .about("1.2.0", "Lets a key live until a Unix time in seconds"),
    row("expiretime", 2, handler!(expiretime), ASK).about(
        "7.0.0",
        "Tells the Unix time in seconds at which a key expires",
    ),
    row("persist", 2, handler!(persist), SET).about("2.2.0", "Lets a key live until it is deleted"),
    row("pexpire", -3, handler!(pexpire), SET)
        .about("2.6.0", "Lets a key live for some milliseconds"),
    row("pexpireat", -3, handler!(pexpireat), SET)
        .about("2.6.0", "Lets a key live until a Unix time in milliseconds"),
    row("pexpiretime", 2, handler!(pexpiretime), ASK).about(
        "7.0.0",
        "Tells the Unix time in milliseconds at which a key expires",
    ),
    row("pttl", 2, handler!(pttl), ASK)
        .about("2.6.0", "Tells for how many milliseconds a key will live"),
    row("ttl", 2, handler!(ttl), ASK).about("1.0.0", "Tells for how many seconds a key will live"),
];

const fn row(name: &'static str, arity: i16, handler: super::Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Generic, handler)
        .flags(flags)
        .keys(Keys::ONE)
}

fn expire(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    limit_life(context, arguments, TimeForm::SECONDS, "expire")
}

fn pexpire(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    limit_life(context, arguments, TimeForm::MILLISECONDS, "pexpire")
}

fn expireat(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    limit_life(context, arguments, TimeForm::UNIX_SECONDS, "expireat")
}

fn pexpireat(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    limit_life(context, arguments, TimeForm::UNIX_MILLISECONDS, "pexpireat")
}

fn limit_life(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    form: TimeForm,
    command: &str,
) -> Outcome {
    let (db, key) = (context.db(), &arguments[1]);
    let condition = Condition::parse(&arguments.from(3))?;
    let deadline_ms = form.deadline_ms(&arguments[2], context.server.now_ms, command)?;
    let found = context.server.keyspace.lookup(db, key, Access::Write);
    let changes = found.is_some_and(|entry| condition.allows(entry.expire_ms(), deadline_ms));
    if changes {
        set_or_delete(context, key, deadline_ms)?;
    }
    context.reply.integer(i64::from(changes));
    Ok(())
}

/// Gives a key its deadline; one that has already passed deletes it on the spot.
pub(super) fn set_or_delete(context: &mut Context<'_>, key: &[u8], deadline_ms: i64) -> Outcome {
    if context.server.keyspace.has_passed(deadline_ms) {
        delete(context, key);
        context.tell_replicas(&[b"DEL", key]);
        return Ok(());
    }
    context
        .server
        .keyspace
        .set_expiry(context.db(), key, Some(deadline_ms))?;
    context.notify(Events::GENERIC, "expire", key);
    let mut digits = itoa::Buffer::new();
    context.tell_replicas(&[b"PEXPIREAT", key, digits.format(deadline_ms).as_bytes()]);
    Ok(())
}

/// Takes a key's deadline away; says whether it had one.
pub(super) fn remove(context: &mut Context<'_>, key: &[u8]) -> Result<bool, Refusal> {
    let db = context.db();
    let found = context.server.keyspace.lookup(db, key, Access::Write);
    let had_deadline = found.is_some_and(|entry| entry.expire_ms().is_some());
    if had_deadline {
        context.server.keyspace.set_expiry(db, key, None)?;
        context.notify(Events::GENERIC, "persist", key);
        context.tell_replicas(&[b"PERSIST", key]);
    }
    Ok(had_deadline)
}

/// On which deadlines EXPIRE and its kin act: NX, XX, GT, LT.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Condition {
    only_without: bool,
    only_with: bool,
    only_later: bool,
    only_sooner: bool,
}

impl Condition {
    pub(super) fn parse(words: &Arguments<'_>) -> Result<Self, Refusal> {
        let mut condition = Self::default();
        for word in words.iter() {
            if is(word, "nx") {
                condition.only_without = true;
            } else if is(word, "xx") {
                condition.only_with = true;
            } else if is(word, "gt") {
                condition.only_later = true;
            } else if is(word, "lt") {
                condition.only_sooner = true;
            } else {
                return Err(Refusal::quoting(&[b"ERR Unsupported option ", word]));
            }
        }
        condition.checked()
    }

    fn checked(self) -> Result<Self, Refusal> {
        if self.only_without && (self.only_with || self.only_later || self.only_sooner) {
            return Err(
                "ERR NX and XX, GT or LT options at the same time are not compatible".into(),
            );
        }
        if self.only_later && self.only_sooner {
            return Err("ERR GT and LT options at the same time are not compatible".into());
        }
        Ok(self)
    }

    /// Whether a key with deadline `old_ms` may get `new_ms`. No deadline is later than any.
    pub(super) fn allows(self, old_ms: Option<i64>, new_ms: i64) -> bool {
        let presence =
            !(self.only_without && old_ms.is_some() || self.only_with && old_ms.is_none());
        let later = !self.only_later || old_ms.is_some_and(|old_ms| new_ms > old_ms);
        let sooner = !self.only_sooner || old_ms.is_none_or(|old_ms| new_ms < old_ms);
        presence && later && sooner
    }
}

fn persist(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let removed = remove(context, &arguments[1])?;
    context.reply.integer(i64::from(removed));
    Ok(())
}

fn ttl(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let now_ms = context.server.now_ms;
    answer_deadline(context, arguments, |deadline_ms| {
        seconds(deadline_ms.saturating_sub(now_ms).max(0))
    })
}

fn pttl(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let now_ms = context.server.now_ms;
    answer_deadline(context, arguments, |deadline_ms| {
        deadline_ms.saturating_sub(now_ms).max(0)
    })
}

fn expiretime(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer_deadline(context, arguments, seconds)
}

fn pexpiretime(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer_deadline(context, arguments, |deadline_ms| deadline_ms)
}

/// Milliseconds as seconds, rounded to the nearest.
fn seconds(milliseconds: i64) -> i64 {
    milliseconds.saturating_add(500) / 1000
}

/// Answers what `shown` makes of the key's deadline; -1 where there is none, -2 where there is no key.
fn answer_deadline(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    shown: impl Fn(i64) -> i64,
) -> Outcome {
    const NO_DEADLINE: i64 = -1;
    const NO_KEY: i64 = -2;
    let (db, key) = (context.db(), &arguments[1]);
    let found = context.server.keyspace.lookup(db, key, Access::Peek);
    let answer = found.map_or(NO_KEY, |entry| entry.expire_ms().map_or(NO_DEADLINE, shown));
    context.reply.integer(answer);
    if answer == NO_KEY {
        context.missed(key);
    }
    Ok(())
}
