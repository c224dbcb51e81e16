//! Writing whole strings: SET and its variations, MSET.

use super::get::answer;
use super::lookup;
use crate::command::deadline::TimeForm;
use crate::command::generic::delete;
use crate::command::outcome::{Outcome, Refusal};
use crate::command::{Arguments, Context, is, refusal};
use crate::keyspace::{Access, Expiry};
use crate::notify::Events;

/// What the words after SET's value, or GETEX's key, ask for.
#[derive(Debug, Default)]
pub(super) struct Options<'a> {
    condition: Option<Condition<'a>>,
    get: bool,
    pub(super) deadline: Deadline<'a>,
}

/// When SET does anything at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition<'a> {
    Missing,
    Present,
    /// IFEQ: what is there equals this.
    Equal(&'a [u8]),
}

/// What is to become of the key's deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Deadline<'a> {
    /// Nothing was said: SET removes it, GETEX leaves it.
    #[default]
    Unsaid,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Remove,
    /// EX, PX, EXAT, PXAT with the number as written.
    At(TimeForm, &'a [u8]),
}

impl<'a> Options<'a> {
    pub(super) fn parse_set(words: &Arguments<'a>) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let known = if is(word, "nx") {
                options.demand(Condition::Missing)
            } else if is(word, "xx") {
                options.demand(Condition::Present)
            } else if is(word, "ifeq") {
                let value = words.next().ok_or(refusal::SYNTAX)?;
                options.demand(Condition::Equal(value))
            } else if is(word, "get") {
                options.get = true;
                true
            } else if is(word, "keepttl") {
                options.settle(Deadline::Keep)
            } else {
                options.time(word, words.next())
            };
            if !known {
                return Err(refusal::SYNTAX.into());
            }
        }
        Ok(options)
    }

    pub(super) fn parse_getex(words: &Arguments<'a>) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let known = if is(word, "persist") {
                options.settle(Deadline::Remove)
            } else {
                options.time(word, words.next())
            };
            if !known {
                return Err(refusal::SYNTAX.into());
            }
        }
        Ok(options)
    }

    fn demand(&mut self, condition: Condition<'a>) -> bool {
        *self.condition.get_or_insert(condition) == condition
    }

    fn time(&mut self, word: &[u8], number: Option<&'a [u8]>) -> bool {
        let forms = [
            ("ex", TimeForm::SECONDS),
            ("px", TimeForm::MILLISECONDS),
            ("exat", TimeForm::UNIX_SECONDS),
            ("pxat", TimeForm::UNIX_MILLISECONDS),
        ];
        match (forms.into_iter().find(|(name, _)| is(word, name)), number) {
            (Some((_, form)), Some(number)) => self.settle(Deadline::At(form, number)),
            _ => false,
        }
    }

    /// Takes what is said of the deadline, unless something of another kind was said before. The same may be
    /// said twice; the latter number counts.
    fn settle(&mut self, deadline: Deadline<'a>) -> bool {
        let compatible = match (self.deadline, deadline) {
            (Deadline::Unsaid, _) => true,
            (Deadline::At(before, _), Deadline::At(now, _)) => before == now,
            (before, now) => before == now,
        };
        self.deadline = deadline;
        compatible
    }

    fn expiry(&self, now_ms: i64) -> Result<Expiry, Refusal> {
        Ok(match self.deadline {
            Deadline::Unsaid | Deadline::Remove => Expiry::Never,
            Deadline::Keep => Expiry::Keep,
            Deadline::At(form, text) => Expiry::At(form.positive_deadline_ms(text, now_ms, "set")?),
        })
    }
}

pub(super) fn set(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, value) = (&arguments[1], &arguments[2]);
    let options = Options::parse_set(&arguments.from(3))?;
    let expiry = options.expiry(context.server.now_ms)?;
    let refused = !holds(context, key, options.condition)?;
    if options.get {
        answer(context, key)?;
    }
    if !refused {
        put(context, key, value, expiry)?;
    }
    if !refused && arguments.len() > 3 {
        tell_replicas(context, key, value, expiry);
    }
    match (options.get, refused) {
        (true, _) => {}
        (false, true) => context.reply.null(),
        (false, false) => context.reply.ok(),
    }
    Ok(())
}

/// Tells replicas what a key holds now, whatever led to it.
pub(super) fn tell_replicas(context: &mut Context<'_>, key: &[u8], value: &[u8], expiry: Expiry) {
    match expiry {
        Expiry::Never => context.tell_replicas(&[b"SET", key, value]),
        Expiry::Keep => context.tell_replicas(&[b"SET", key, value, b"KEEPTTL"]),
        Expiry::At(deadline_ms) => {
            let mut digits = itoa::Buffer::new();
            let deadline = digits.format(deadline_ms).as_bytes();
            context.tell_replicas(&[b"SET", key, value, b"PXAT", deadline]);
        }
    }
}

/// Whether a condition holds.
fn holds(
    context: &mut Context<'_>,
    key: &[u8],
    condition: Option<Condition<'_>>,
) -> Result<bool, Refusal> {
    Ok(match condition {
        None => true,
        Some(Condition::Missing) => !exists(context, key),
        Some(Condition::Present) => exists(context, key),
        Some(Condition::Equal(value)) => equals(context, key, value)?,
    })
}

/// Whether a key holds this string.
fn equals(context: &mut Context<'_>, key: &[u8], value: &[u8]) -> Result<bool, Refusal> {
    let db = context.db();
    let found = lookup(&mut context.server.keyspace, db, key, Access::Silent)?;
    Ok(found == Some(value))
}

pub(super) fn delifeq(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[1];
    let deleted = equals(context, key, &arguments[2])? && delete(context, key);
    context.reply.integer(deleted.into());
    Ok(())
}

fn exists(context: &mut Context<'_>, key: &[u8]) -> bool {
    let db = context.db();
    context
        .server
        .keyspace
        .lookup(db, key, Access::Silent)
        .is_some()
}

/// Writes a string and publishes that.
fn put(context: &mut Context<'_>, key: &[u8], value: &[u8], expiry: Expiry) -> Outcome {
    let written = context
        .server
        .keyspace
        .set_string(context.db(), key, value, expiry)?;
    context.wrote(written, Events::STRING, "set", key);
    if matches!(expiry, Expiry::At(_)) {
        context.notify(Events::GENERIC, "expire", key);
    }
    Ok(())
}

pub(super) fn setnx(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let vacant = !exists(context, &arguments[1]);
    if vacant {
        put(context, &arguments[1], &arguments[2], Expiry::Never)?;
    }
    context.reply.integer(i64::from(vacant));
    Ok(())
}

pub(super) fn setex(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    put_living(context, arguments, TimeForm::SECONDS, "setex")
}

pub(super) fn psetex(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    put_living(context, arguments, TimeForm::MILLISECONDS, "psetex")
}

fn put_living(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    form: TimeForm,
    command: &str,
) -> Outcome {
    let (key, value) = (&arguments[1], &arguments[3]);
    let deadline_ms = form.positive_deadline_ms(&arguments[2], context.server.now_ms, command)?;
    let expiry = Expiry::At(deadline_ms);
    put(context, key, value, expiry)?;
    tell_replicas(context, key, value, expiry);
    context.reply.ok();
    Ok(())
}

pub(super) fn getset(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, value) = (&arguments[1], &arguments[2]);
    answer(context, key)?;
    put(context, key, value, Expiry::Never)?;
    tell_replicas(context, key, value, Expiry::Never);
    Ok(())
}

pub(super) fn mset(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    put_pairs(context, arguments, "mset")?;
    context.reply.ok();
    Ok(())
}

pub(super) fn msetnx(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    check_pairs(arguments, "msetnx")?;
    let vacant = !arguments
        .from(1)
        .iter()
        .step_by(2)
        .any(|key| exists(context, key));
    if vacant {
        put_pairs(context, arguments, "msetnx")?;
    }
    context.reply.integer(i64::from(vacant));
    Ok(())
}

fn check_pairs(arguments: &Arguments<'_>, command: &str) -> Outcome {
    let paired = arguments.len() % 2 == 1;
    if paired {
        Ok(())
    } else {
        Err(Refusal::arity(command))
    }
}

/// Writes all pairs, or none when there is no room for all.
fn put_pairs(context: &mut Context<'_>, arguments: &Arguments<'_>, command: &str) -> Outcome {
    check_pairs(arguments, command)?;
    let pairs = (1..arguments.len())
        .step_by(2)
        .map(|at| (&arguments[at], &arguments[at + 1]));
    let sizes = pairs.clone().map(|(key, value)| (key, value.len()));
    context.server.keyspace.reserve(context.db(), sizes)?;
    for (key, value) in pairs {
        put(context, key, value, Expiry::Never)?;
    }
    Ok(())
}
