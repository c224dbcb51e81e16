//! The same value under another name or in another database: RENAME, COPY, MOVE.

use super::database_in;
use crate::command::outcome::{Outcome, Refusal};
use crate::command::{Arguments, Context, is, refusal};
use crate::keyspace::{Access, Db};
use crate::notify::Events;

pub(super) fn rename(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    give_name(context, arguments, true)?;
    context.reply.ok();
    Ok(())
}

pub(super) fn renamenx(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let renamed = give_name(context, arguments, false)?;
    context.reply.integer(i64::from(renamed));
    Ok(())
}

/// Renames, unless the new name is taken and not to be replaced; says whether it did.
fn give_name(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    replace: bool,
) -> Result<bool, Refusal> {
    let (db, from, to) = (context.db(), &arguments[1], &arguments[2]);
    if !exists(context, db, from) {
        return Err(refusal::NO_SUCH_KEY.into());
    }
    let taken = exists(context, db, to);
    if from == to || (taken && !replace) {
        return Ok(false);
    }
    context.server.keyspace.rename(db, from, to)?;
    context.created(true, db, to);
    context.notify(Events::GENERIC, "rename_from", from);
    context.notify(Events::GENERIC, "rename_to", to);
    Ok(true)
}

fn exists(context: &mut Context<'_>, db: Db, key: &[u8]) -> bool {
    context
        .server
        .keyspace
        .lookup(db, key, Access::Silent)
        .is_some()
}

/// Where COPY puts the copy, and whether it may replace what is there.
struct CopyOptions {
    db: Db,
    replace: bool,
}

impl CopyOptions {
    fn parse(context: &Context<'_>, words: &Arguments<'_>) -> Result<Self, Refusal> {
        let mut options = Self {
            db: context.db(),
            replace: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if is(word, "replace") {
                options.replace = true;
            } else if is(word, "db") {
                options.db = database_in(context, words.next().ok_or(refusal::SYNTAX)?)?;
            } else {
                return Err(refusal::SYNTAX.into());
            }
        }
        Ok(options)
    }
}

pub(super) fn copy(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (db, from, to) = (context.db(), &arguments[1], &arguments[2]);
    let options = CopyOptions::parse(context, &arguments.from(3))?;
    if options.db == db && from == to {
        return Err(refusal::SAME_OBJECT.into());
    }
    let found = context
        .server
        .keyspace
        .lookup(db, from, Access::Read)
        .is_some();
    if !found {
        context.missed(from);
    }
    let copied = found && (options.replace || !exists(context, options.db, to));
    if copied {
        context.server.keyspace.copy(db, from, options.db, to)?;
        context.created(true, options.db, to);
        context
            .server
            .notify(Events::GENERIC, "copy_to", options.db, to);
    }
    context.reply.integer(i64::from(copied));
    Ok(())
}

pub(super) fn move_key(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (db, key) = (context.db(), &arguments[1]);
    let to = database_in(context, &arguments[2])?;
    if to == db {
        return Err(refusal::SAME_OBJECT.into());
    }
    let moved = context.server.keyspace.move_key(key, db, to)?;
    if moved {
        context.created(true, to, key);
        context.notify(Events::GENERIC, "move_from", key);
        context.server.notify(Events::GENERIC, "move_to", to, key);
    }
    context.reply.integer(i64::from(moved));
    Ok(())
}
