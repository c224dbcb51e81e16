//! Whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB.

use super::numbered;
use crate::command::outcome::{Outcome, Refusal};
use crate::command::{Arguments, Context, is, refusal};
use crate::keyspace::Db;
use crate::text::integer;

pub(super) fn dbsize(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let count = context.server.keyspace.len(context.db());
    context.reply.count(count);
    Ok(())
}

pub(super) fn flushdb(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    check_flush(&arguments.from(1))?;
    let db = context.db();
    context.server.touch_database(db, db);
    context.server.keyspace.flush(db);
    context.server.invalidate_all();
    context.reply.ok();
    Ok(())
}

pub(super) fn flushall(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    check_flush(&arguments.from(1))?;
    for db in context.server.keyspace.dbs() {
        context.server.touch_database(db, db);
    }
    let removed = context.server.keyspace.flush_all();
    context.server.saving.changes += removed as u64 + 1;
    context.server.abandon_save();
    if !context.server.config.text("save").is_empty() {
        // What was saved before must not come back; a failure is in the log.
        let _ = context.server.save();
    }
    context.server.invalidate_all();
    context.reply.ok();
    Ok(())
}

/// SYNC and ASYNC are understood and make no difference: memory is given back at once.
fn check_flush(words: &Arguments<'_>) -> Outcome {
    match words.get(0) {
        None => Ok(()),
        Some(word) if words.len() == 1 && (is(word, "sync") || is(word, "async")) => Ok(()),
        Some(_) => Err(refusal::SYNTAX.into()),
    }
}

pub(super) fn swapdb(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let first = number_in(&arguments[1], "ERR invalid first DB index")?;
    let second = number_in(&arguments[2], "ERR invalid second DB index")?;
    let (first, second): (Db, Db) = (numbered(context, first)?, numbered(context, second)?);
    context.server.touch_database(first, second);
    context.server.touch_database(second, first);
    context.server.keyspace.swap(first, second);
    context.reply.ok();
    Ok(())
}

fn number_in(text: &[u8], complaint: &'static str) -> Result<i32, Refusal> {
    let number = integer::parse(text).and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| complaint.into())
}
