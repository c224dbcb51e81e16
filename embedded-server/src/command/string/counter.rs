//! Strings as numbers: INCR and its kin.

use super::lookup;
use super::set::tell_replicas;
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::{Arguments, Context, refusal};
use crate::keyspace::{Access, Expiry};
use crate::notify::Events;
use crate::text::extended::Extended;

pub(super) fn incr(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    add(context, &arguments[1], 1)
}

pub(super) fn decr(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    add(context, &arguments[1], -1)
}

pub(super) fn incrby(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    add(context, &arguments[1], integer_in(&arguments[2])?)
}

pub(super) fn decrby(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let decrement = integer_in(&arguments[2])?;
    let increment = decrement
        .checked_neg()
        .ok_or("ERR decrement would overflow")?;
    add(context, &arguments[1], increment)
}

fn add(context: &mut Context<'_>, key: &[u8], increment: i64) -> Outcome {
    let db = context.db();
    let (digits, mut new) = (&mut itoa::Buffer::new(), 0);
    let sum = &mut new;
    let keyspace = &mut context.server.keyspace;
    let written = keyspace.update_string::<Refusal>(db, key, move |old| {
        let old = old.map_or(Ok(0), integer_in)?;
        *sum = old.checked_add(increment).ok_or(refusal::OVERFLOW)?;
        Ok(digits.format(*sum).as_bytes())
    })?;
    context.wrote(written, Events::STRING, "incrby", key);
    context.reply.integer(new);
    Ok(())
}

pub(super) fn incrbyfloat(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (db, key) = (context.db(), &arguments[1]);
    let found = lookup(&mut context.server.keyspace, db, key, Access::Silent)?;
    let old = found.map_or(Ok(Extended::from_integer(0)), float_in)?;
    let new = old
        .checked_add(float_in(&arguments[2])?)
        .ok_or("ERR increment would produce NaN or Infinity")?;
    let text = new.to_text();
    put(context, key, text.as_bytes(), "incrbyfloat")?;
    tell_replicas(context, key, text.as_bytes(), Expiry::Keep);
    context.reply.bulk(text.as_bytes());
    Ok(())
}

fn float_in(text: &[u8]) -> Result<Extended, Refusal> {
    Extended::parse(text).ok_or_else(|| refusal::NOT_A_FLOAT.into())
}

fn put(context: &mut Context<'_>, key: &[u8], text: &[u8], event: &str) -> Outcome {
    let written = context
        .server
        .keyspace
        .set_string(context.db(), key, text, Expiry::Keep)?;
    context.wrote(written, Events::STRING, event, key);
    Ok(())
}
