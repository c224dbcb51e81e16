//! Fields that expire: HEXPIRE and its kin, HTTL and its kin, HPERSIST, HGETEX, HSETEX, HGETDEL.
//!
//! Redis 7.0 has none of these; their behaviour here is Valkey's, where the two newer servers differ.

use super::deadline::{note_deadline, purge, read_hash};
use super::field::pairs;
use crate::command::deadline::TimeForm;
use crate::command::expiry::Condition;
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::typed::{Changed, edit, edit_or_create, peek};
use crate::command::{Arguments, Context, is, refusal};
use crate::notify::Events;
use crate::types::hash::Ttl;
use crate::types::{Hash, Limits};

/// There is no such field.
const NO_FIELD: i64 = -2;
/// The field lives for ever.
const NO_DEADLINE: i64 = -1;

const BAD_COUNT: &str =
    "ERR numfields should be greater than 0 and match the provided number of fields";

/// Reads how many fields follow, each of `width` words, and that they are all that follows.
fn counted<'a>(words: &Arguments<'a>, width: usize) -> Result<Arguments<'a>, Refusal> {
    let count = usize::try_from(integer_in(&words[0])?)
        .ok()
        .and_then(|count| count.checked_mul(width));
    match count {
        Some(count) if count > 0 && count == words.len() - 1 => Ok(words.from(1)),
        _ => Err(BAD_COUNT.into()),
    }
}

/// The words before FIELDS, from `at` on, and those behind it.
fn around_fields<'a>(
    arguments: &Arguments<'a>,
    at: usize,
) -> Option<(Arguments<'a>, Arguments<'a>)> {
    let words = arguments.from(at);
    let fields = words.iter().position(|word| is(word, "fields"))?;
    (fields + 2 <= words.len()).then(|| (words.first(fields), words.from(fields + 1)))
}

/// The fields where FIELDS must be the third word.
fn plain_fields<'a>(arguments: &Arguments<'a>) -> Result<Arguments<'a>, Refusal> {
    if !is(&arguments[2], "fields") {
        return Err(refusal::SYNTAX.into());
    }
    counted(&arguments.from(3), 1)
}

fn unsigned(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

pub(super) fn hexpire(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    expire(context, arguments, TimeForm::SECONDS, "hexpire")
}

pub(super) fn hpexpire(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    expire(context, arguments, TimeForm::MILLISECONDS, "hpexpire")
}

pub(super) fn hexpireat(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    expire(context, arguments, TimeForm::UNIX_SECONDS, "hexpireat")
}

pub(super) fn hpexpireat(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    expire(
        context,
        arguments,
        TimeForm::UNIX_MILLISECONDS,
        "hpexpireat",
    )
}

/// What became of fields, for the events to publish.
#[derive(Default)]
struct Tally {
    expiring: usize,
    persisted: usize,
    deleted: usize,
}

fn expire(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    form: TimeForm,
    command: &str,
) -> Outcome {
    let key = &arguments[1];
    let (conditions, fields) = around_fields(arguments, 3).ok_or(BAD_COUNT)?;
    let fields = counted(&fields, 1)?;
    let condition = Condition::parse(&conditions)?;
    if integer_in(&arguments[2])? < 0 {
        return Err(Refusal::expire_time(command));
    }
    let deadline_ms = form.deadline_ms(&arguments[2], context.server.now_ms, command)?;
    purge(context, key);
    context.reply.array(fields.len());
    let changed = edit(context, key, |hash: &mut Hash, tools| {
        let mut tally = Tally::default();
        for field in fields.iter() {
            let allowed = condition.allows(hash.deadline(field).map(signed), deadline_ms);
            let answer = match (hash.contains(field), allowed) {
                (false, _) => NO_FIELD,
                (true, false) => 0,
                (true, true) => set_deadline(
                    hash,
                    field,
                    deadline_ms,
                    tools.now_ms,
                    tools.limits,
                    &mut tally,
                ),
            };
            tools.reply.integer(answer);
        }
        tally
    })?;
    if changed.is_none() {
        fields.iter().for_each(|_| context.reply.integer(NO_FIELD));
    }
    publish(context, key, changed)?;
    let deadline = deadline_ms.to_string();
    let words: Vec<&[u8]> = std::iter::once(deadline.as_bytes())
        .chain(conditions.iter())
        .collect();
    tell_replicas(context, (b"HPEXPIREAT", key), &words, (&fields, 1));
    Ok(())
}

/// Tells replicas to do the same to `fields`, each of so many words, with what stands before them.
fn tell_replicas(
    context: &mut Context<'_>,
    (command, key): (&[u8], &[u8]),
    options: &[&[u8]],
    (fields, width): (&Arguments<'_>, usize),
) {
    let count = (fields.len() / width).to_string();
    let mut words = vec![command, key];
    words.extend(options);
    words.extend([b"FIELDS", count.as_bytes()]);
    words.extend(fields.iter());
    context.tell_replicas(&words);
}

/// Sets a field's deadline, or deletes it when that has passed; the answer says which.
fn set_deadline(
    hash: &mut Hash,
    field: &[u8],
    deadline_ms: i64,
    now_ms: i64,
    limits: &Limits,
    tally: &mut Tally,
) -> i64 {
    const SET: i64 = 1;
    const DELETED: i64 = 2;
    if deadline_ms <= now_ms {
        tally.deleted += usize::from(hash.remove(field));
        return DELETED;
    }
    tally.expiring += usize::from(hash.set_deadline(field, Some(unsigned(deadline_ms)), limits));
    SET
}

/// Publishes what became of fields, and has the node remember when the next one expires.
fn publish(context: &mut Context<'_>, key: &[u8], changed: Option<Changed<Tally>>) -> Outcome {
    let Some(Changed {
        result: tally,
        removed,
        ..
    }) = changed
    else {
        return Ok(());
    };
    note_deadline(context, key)?;
    for (count, event) in [
        (tally.expiring, "hexpire"),
        (tally.persisted, "hpersist"),
        (tally.deleted, "hdel"),
    ] {
        if count > 0 {
            context.notify(Events::HASH, event, key);
        }
    }
    if removed {
        context.notify(Events::GENERIC, "del", key);
    }
    Ok(())
}

pub(super) fn httl(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let now_ms = context.server.now_ms;
    answer_deadlines(context, arguments, |at| seconds(at.saturating_sub(now_ms)))
}

pub(super) fn hpttl(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let now_ms = context.server.now_ms;
    answer_deadlines(context, arguments, |at| at.saturating_sub(now_ms))
}

pub(super) fn hexpiretime(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer_deadlines(context, arguments, seconds)
}

pub(super) fn hpexpiretime(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer_deadlines(context, arguments, |at| at)
}

/// Milliseconds as seconds, rounded up.
fn seconds(ms: i64) -> i64 {
    ms.saturating_add(999) / 1000
}

fn answer_deadlines(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    shown: impl Fn(i64) -> i64,
) -> Outcome {
    let fields = plain_fields(arguments)?;
    let Some((hash, reply)) = read_hash(context, &arguments[1])? else {
        context.reply.array(fields.len());
        fields.iter().for_each(|_| context.reply.integer(NO_FIELD));
        return Ok(());
    };
    reply.array(fields.len());
    for field in fields.iter() {
        reply.integer(match hash.deadline(field) {
            Some(at) => shown(signed(at)),
            None if hash.contains(field) => NO_DEADLINE,
            None => NO_FIELD,
        });
    }
    Ok(())
}

pub(super) fn hpersist(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, fields) = (&arguments[1], plain_fields(arguments)?);
    purge(context, key);
    context.reply.array(fields.len());
    let changed = edit(context, key, |hash: &mut Hash, tools| {
        let mut tally = Tally::default();
        for field in fields.iter() {
            tools
                .reply
                .integer(match (hash.contains(field), hash.deadline(field)) {
                    (false, _) => NO_FIELD,
                    (true, None) => NO_DEADLINE,
                    (true, Some(_)) => {
                        tally.persisted +=
                            usize::from(hash.set_deadline(field, None, tools.limits));
                        1
                    }
                });
        }
        tally
    })?;
    if changed.is_none() {
        fields.iter().for_each(|_| context.reply.integer(NO_FIELD));
    }
    publish(context, key, changed)
}

/// What HGETEX and HSETEX do to deadlines.
#[derive(Clone, Copy)]
enum Lifetime {
    /// HGETEX leaves them, HSETEX clears them.
    Unsaid,
    Keep,
    Persist,
    At(i64),
}

/// The words between the key and FIELDS.
struct Options {
    lifetime: Lifetime,
    /// FNX or FXX: whether all of the fields, or none of them, must be there.
    all_there: Option<bool>,
}

impl Options {
    fn parse(words: &Arguments<'_>, now_ms: i64, command: &str) -> Result<Self, Refusal> {
        let mut options = Self {
            lifetime: Lifetime::Unsaid,
            all_there: None,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match (is(word, "fnx"), is(word, "fxx"), command) {
                (false, false, _) => options.set_lifetime(word, &mut words, now_ms, command)?,
                (_, xx, "hsetex") if options.all_there.is_none() => options.all_there = Some(xx),
                _ => return Err(refusal::SYNTAX.into()),
            }
        }
        Ok(options)
    }

    fn set_lifetime<'a>(
        &mut self,
        word: &[u8],
        words: &mut impl Iterator<Item = &'a [u8]>,
        now_ms: i64,
        command: &str,
    ) -> Outcome {
        let forms = [
            ("ex", TimeForm::SECONDS),
            ("px", TimeForm::MILLISECONDS),
            ("exat", TimeForm::UNIX_SECONDS),
            ("pxat", TimeForm::UNIX_MILLISECONDS),
        ];
        if !matches!(self.lifetime, Lifetime::Unsaid) {
            return Err(refusal::SYNTAX.into());
        }
        let form = forms.into_iter().find(|(name, _)| is(word, name));
        self.lifetime = match form {
            Some((_, form)) => {
                let time = words.next().ok_or(refusal::SYNTAX)?;
                if integer_in(time)? < 0 {
                    return Err(Refusal::expire_time(command));
                }
                Lifetime::At(form.deadline_ms(time, now_ms, command)?)
            }
            None if is(word, "persist") && command == "hgetex" => Lifetime::Persist,
            None if is(word, "keepttl") && command == "hsetex" => Lifetime::Keep,
            None => return Err(refusal::SYNTAX.into()),
        };
        Ok(())
    }
}

pub(super) fn hgetex(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[1];
    let (words, fields) = around_fields(arguments, 2).ok_or(refusal::SYNTAX)?;
    let fields = counted(&fields, 1)?;
    let lifetime = Options::parse(&words, context.server.now_ms, "hgetex")?.lifetime;
    purge(context, key);
    context.reply.array(fields.len());
    let changed = edit(context, key, |hash: &mut Hash, tools| {
        let mut tally = Tally::default();
        for field in fields.iter() {
            tools.reply.bulk_or_null(hash.get(field));
            match lifetime {
                Lifetime::At(at) if hash.contains(field) => {
                    set_deadline(hash, field, at, tools.now_ms, tools.limits, &mut tally);
                }
                Lifetime::Persist if hash.deadline(field).is_some() => {
                    tally.persisted += usize::from(hash.set_deadline(field, None, tools.limits));
                }
                _ => {}
            }
        }
        tally
    })?;
    if changed.is_none() {
        fields.iter().for_each(|_| context.reply.null());
    }
    publish(context, key, changed)?;
    match lifetime {
        Lifetime::At(at) => {
            let deadline = at.to_string();
            let words = [deadline.as_bytes()];
            tell_replicas(context, (b"HPEXPIREAT", key), &words, (&fields, 1));
        }
        Lifetime::Persist => tell_replicas(context, (b"HPERSIST", key), &[], (&fields, 1)),
        Lifetime::Unsaid | Lifetime::Keep => {}
    }
    Ok(())
}

pub(super) fn hsetex(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (db, key) = (context.db(), &arguments[1]);
    let (words, fields) = around_fields(arguments, 2).ok_or(refusal::SYNTAX)?;
    let fields = counted(&fields, 2)?;
    let options = Options::parse(&words, context.server.now_ms, "hsetex")?;
    purge(context, key);
    let hash = peek::<Hash>(&mut context.server.keyspace, db, key)?;
    let there = |field: &[u8]| hash.is_some_and(|hash| hash.contains(field));
    let refused = options
        .all_there
        .is_some_and(|wanted| pairs(&fields, 0).any(|(field, _)| there(field) != wanted));
    if !refused {
        write_with_lifetime(context, key, &fields, options.lifetime)?;
    }
    context.reply.integer(i64::from(!refused));
    Ok(())
}

fn write_with_lifetime(
    context: &mut Context<'_>,
    key: &[u8],
    fields: &Arguments<'_>,
    lifetime: Lifetime,
) -> Outcome {
    let bytes = fields.iter().map(<[u8]>::len).sum();
    let ttl = if matches!(lifetime, Lifetime::Keep) {
        Ttl::Keep
    } else {
        Ttl::Clear
    };
    let changed = edit_or_create(context, key, bytes, |hash: &mut Hash, tools| {
        let mut tally = Tally::default();
        for (field, value) in pairs(fields, 0) {
            hash.set(field, value, ttl, tools.limits);
            if let Lifetime::At(at) = lifetime {
                set_deadline(hash, field, at, tools.now_ms, tools.limits, &mut tally);
            }
        }
        tally
    })?;
    context.notify(Events::HASH, "hset", key);
    publish(context, key, Some(changed))?;
    let deadline = match lifetime {
        Lifetime::At(at) => at.to_string(),
        _ => String::new(),
    };
    let words: &[&[u8]] = match lifetime {
        Lifetime::At(_) => &[b"PXAT", deadline.as_bytes()],
        Lifetime::Keep => &[b"KEEPTTL"],
        Lifetime::Unsaid | Lifetime::Persist => &[],
    };
    tell_replicas(context, (b"HSETEX", key), words, (fields, 2));
    Ok(())
}

pub(super) fn hgetdel(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, fields) = (&arguments[1], plain_fields(arguments)?);
    purge(context, key);
    context.reply.array(fields.len());
    let changed = edit(context, key, |hash: &mut Hash, tools| {
        let mut tally = Tally::default();
        for field in fields.iter() {
            tools.reply.bulk_or_null(hash.get(field));
            tally.deleted += usize::from(hash.remove(field));
        }
        tally
    })?;
    if changed.is_none() {
        fields.iter().for_each(|_| context.reply.null());
    }
    publish(context, key, changed)
}
