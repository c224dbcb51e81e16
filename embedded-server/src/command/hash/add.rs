//! Numbers in fields: HINCRBY, HINCRBYFLOAT.

use super::deadline::purge;
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::typed::{edit_or_create, peek};
use crate::command::{Arguments, Context, refusal};
use crate::notify::Events;
use crate::text::extended::Extended;
use crate::text::integer;
use crate::types::Hash;
use crate::types::hash::Ttl;

pub(super) fn hincrby(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, field) = (&arguments[1], &arguments[2]);
    let by = integer_in(&arguments[3])?;
    let old = match value(context, key, field)? {
        Some(text) => integer::parse(&text).ok_or("ERR hash value is not an integer")?,
        None => 0,
    };
    let new = old.checked_add(by).ok_or(refusal::OVERFLOW)?;
    put(
        context,
        key,
        field,
        itoa::Buffer::new().format(new).as_bytes(),
        "hincrby",
    )?;
    context.reply.integer(new);
    Ok(())
}

pub(super) fn hincrbyfloat(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, field) = (&arguments[1], &arguments[2]);
    let by = Extended::parse(&arguments[3]).ok_or(refusal::NOT_A_FLOAT)?;
    if by == Extended::Infinite {
        return Err("ERR value is NaN or Infinity".into());
    }
    let old = match value(context, key, field)? {
        Some(text) => Extended::parse(&text).ok_or("ERR hash value is not a float")?,
        None => Extended::from_integer(0),
    };
    let sum = old
        .checked_add(by)
        .ok_or("ERR increment would produce NaN or Infinity")?;
    let text = sum.to_text();
    put(context, key, field, text.as_bytes(), "hincrbyfloat")?;
    if !is_mortal(context, key, field)? {
        // Another server might add up otherwise. A time to live HSET would take away; servers that know those add up as here.
        context.tell_replicas(&[b"HSET", key, field, text.as_bytes()]);
    }
    context.reply.bulk(text.as_bytes());
    Ok(())
}

/// A copy of the value of a field.
fn value(context: &mut Context<'_>, key: &[u8], field: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
    purge(context, key);
    let db = context.db();
    let hash = peek::<Hash>(&mut context.server.keyspace, db, key)?;
    Ok(hash.and_then(|hash| hash.get(field)).map(<[u8]>::to_vec))
}

/// Whether a field has a time to live.
fn is_mortal(context: &mut Context<'_>, key: &[u8], field: &[u8]) -> Result<bool, Refusal> {
    let db = context.db();
    let hash = peek::<Hash>(&mut context.server.keyspace, db, key)?;
    Ok(hash.is_some_and(|hash| hash.deadline(field).is_some()))
}

/// Writes a field, whose time to live goes on.
fn put(context: &mut Context<'_>, key: &[u8], field: &[u8], value: &[u8], event: &str) -> Outcome {
    edit_or_create(
        context,
        key,
        field.len() + value.len(),
        |hash: &mut Hash, tools| hash.set(field, value, Ttl::Keep, tools.limits),
    )?;
    context.notify(Events::HASH, event, key);
    Ok(())
}
