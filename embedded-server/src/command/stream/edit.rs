//! Entries added and removed: XADD, XDEL; and the figures that count them: XLEN, XSETID.

use super::id::{NewId, answer_id, id_in};
use super::tell::{Added, tell_added};
use super::trim::Trim;
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::typed::{Changed, edit, edit_or_create, peek, read};
use crate::command::{Arguments, Context, is, refusal};
use crate::notify::Events;
use crate::types::stream::AddError;
use crate::types::{Limits, Stream, StreamId};

/// What stands between XADD's key and its fields.
struct Addition<'a> {
    only_there: bool,
    trim: Trim,
    id: NewId,
    fields: Arguments<'a>,
}

impl<'a> Addition<'a> {
    fn parse(arguments: &Arguments<'a>) -> Result<Self, Refusal> {
        let (mut trim, mut only_there) = (Trim::default(), false);
        let mut words = arguments.from(2);
        let id = loop {
            let Some(word) = words.get(0) else {
                trim.check()?;
                return Err(Refusal::arity("xadd"));
            };
            let used = match trim.understand(&words)? {
                0 if is(word, "nomkstream") => 1,
                0 => break NewId::parse(word)?,
                used => used,
            };
            only_there |= is(word, "nomkstream");
            words = words.from(used);
        };
        trim.check()?;
        let fields = words.from(1);
        if fields.is_empty() || !fields.len().is_multiple_of(2) {
            return Err(Refusal::arity("xadd"));
        }
        if id == NewId::Exactly(StreamId::MIN) {
            return Err("ERR The ID specified in XADD must be greater than 0-0".into());
        }
        Ok(Self {
            only_there,
            trim,
            id,
            fields,
        })
    }

    /// Adds the entry and trims the stream.
    fn carry_out(
        &self,
        stream: &mut Stream,
        limits: &Limits,
        now_ms: i64,
    ) -> Result<Added, Refusal> {
        const TOO_LOW: &str =
            "ERR The ID specified in XADD is equal or smaller than the target stream top item";
        if stream.last_id == StreamId::MAX {
            return Err(
                "ERR The stream has exhausted the last possible ID, unable to add more items"
                    .into(),
            );
        }
        let now_ms = now_ms.unsigned_abs();
        let id = self.id.choose(stream, now_ms).ok_or(TOO_LOW)?;
        let fields: Vec<&[u8]> = self.fields.iter().collect();
        stream
            .add(id, &fields, limits)
            .map_err(|error| match error {
                AddError::NotGreater => TOO_LOW,
                AddError::TooLarge => "ERR Elements are too large to be stored",
            })?;
        Ok(Added {
            id,
            trimmed: self.trim.apply(stream, limits),
            len: stream.len(),
        })
    }
}

pub(super) fn xadd(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[1];
    let addition = Addition::parse(arguments)?;
    let bytes = addition.fields.iter().map(<[u8]>::len).sum();
    if addition.only_there && !exists(context, key)? {
        context.reply.null();
        return Ok(());
    }
    let Changed { result, .. } =
        edit_or_create(context, key, bytes, |stream: &mut Stream, tools| {
            addition.carry_out(stream, tools.limits, tools.now_ms)
        })?;
    let added = result?;
    answer_id(context.reply, added.id);
    context.notify(Events::STREAM, "xadd", key);
    if added.trimmed > 0 {
        context.notify(Events::STREAM, "xtrim", key);
    }
    tell_added(context, key, &addition.fields, &added);
    Ok(())
}

/// Whether there is such a stream.
pub(super) fn exists(context: &mut Context<'_>, key: &[u8]) -> Result<bool, Refusal> {
    let db = context.db();
    Ok(peek::<Stream>(&mut context.server.keyspace, db, key)?.is_some())
}

pub(super) fn xdel(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[1];
    if !exists(context, key)? {
        context.reply.integer(0);
        return Ok(());
    }
    let ids: Vec<StreamId> = arguments
        .from(2)
        .iter()
        .map(id_in)
        .collect::<Result<_, _>>()?;
    let deleted = edit(context, key, |stream: &mut Stream, _| {
        ids.iter().filter(|id| stream.delete(**id)).count()
    })?;
    let deleted = deleted.map_or(0, |changed| changed.result);
    if deleted > 0 {
        context.notify(Events::STREAM, "xdel", key);
    }
    context.reply.count(deleted);
    Ok(())
}

pub(super) fn xlen(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    match read::<Stream>(context, &arguments[1])? {
        Some((stream, reply)) => reply.count(stream.len()),
        None => context.reply.integer(0),
    }
    Ok(())
}

/// What XSETID sets.
struct Figures {
    last_id: StreamId,
    entries_added: Option<u64>,
    max_deleted_id: Option<StreamId>,
}

impl Figures {
    fn parse(arguments: &Arguments<'_>) -> Result<Self, Refusal> {
        let mut figures = Self {
            last_id: id_in(&arguments[2])?,
            entries_added: None,
            max_deleted_id: None,
        };
        let mut words = arguments.from(3).iter();
        while let Some(word) = words.next() {
            let value = words.next().ok_or(refusal::SYNTAX)?;
            if is(word, "entriesadded") {
                let count = u64::try_from(integer_in(value)?);
                figures.entries_added =
                    Some(count.map_err(|_| "ERR entries_added must be positive")?);
            } else if is(word, "maxdeletedid") {
                figures.max_deleted_id = Some(id_in(value)?);
                if figures.max_deleted_id > Some(figures.last_id) {
                    return Err("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id".into());
                }
            } else {
                return Err(refusal::SYNTAX.into());
            }
        }
        Ok(figures)
    }

    /// Sets them, where they are true of the entries that are there.
    fn apply(&self, stream: &mut Stream) -> Outcome {
        if !stream.is_empty() {
            if self.last_id < stream.newest_id() {
                return Err(
                    "ERR The ID specified in XSETID is smaller than the target stream top item"
                        .into(),
                );
            }
            if self
                .entries_added
                .is_some_and(|added| added < stream.len() as u64)
            {
                return Err("ERR The entries_added specified in XSETID is smaller than the target stream length".into());
            }
        }
        stream.last_id = self.last_id;
        stream.entries_added = self.entries_added.unwrap_or(stream.entries_added);
        let deleted = self.max_deleted_id.filter(|id| !id.is_zero());
        stream.max_deleted_id = deleted.unwrap_or(stream.max_deleted_id);
        Ok(())
    }
}

pub(super) fn xsetid(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[1];
    let figures = Figures::parse(arguments)?;
    let changed = edit(context, key, |stream: &mut Stream, _| figures.apply(stream))?;
    changed.ok_or(refusal::NO_SUCH_KEY)?.result?;
    context.reply.ok();
    context.notify(Events::STREAM, "xsetid", key);
    Ok(())
}
