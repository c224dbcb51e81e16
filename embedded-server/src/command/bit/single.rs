//! One bit: SETBIT, GETBIT.

use super::{bit_at, offset_in, put_bit};
use crate::command::outcome::Outcome;
use crate::command::{Arguments, Context, string};
use crate::keyspace::Access;
use crate::notify::Events;
use crate::text::integer;

pub(super) fn getbit(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (db, key) = (context.db(), &arguments[1]);
    let offset = offset_in(context, &arguments[2])?;
    let found = string::lookup(&mut context.server.keyspace, db, key, Access::Read)?;
    context
        .reply
        .integer(i64::from(found.is_some_and(|text| bit_at(text, offset))));
    if found.is_none() {
        context.missed(key);
    }
    Ok(())
}

pub(super) fn setbit(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (db, key) = (context.db(), &arguments[1]);
    let offset = offset_in(context, &arguments[2])?;
    let on = match integer::parse(&arguments[3]) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err("ERR bit is not an integer or out of range".into()),
    };
    let found = string::lookup(&mut context.server.keyspace, db, key, Access::Silent)?;
    let (was_on, old_length) = (
        found.is_some_and(|text| bit_at(text, offset)),
        found.map_or(0, <[u8]>::len),
    );
    let length = old_length.max(offset / 8 + 1);
    let written = context
        .server
        .keyspace
        .edit_string(db, key, length, |text| put_bit(text, offset, on))?;
    if was_on != on || length > old_length {
        context.wrote(written, Events::STRING, "setbit", key);
    }
    context.reply.integer(i64::from(was_on));
    Ok(())
}
