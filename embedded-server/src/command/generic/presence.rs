//! Whether keys are there: EXISTS, TOUCH, TYPE, and DEL, after which they are not.

use crate::command::outcome::Outcome;
use crate::command::{Arguments, Context};
use crate::keyspace::Access;
use crate::notify::Events;

pub(super) fn del(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let removed = arguments
        .from(1)
        .iter()
        .filter(|key| delete(context, key))
        .count();
    context.reply.count(removed);
    Ok(())
}

/// Deletes a key and publishes that; says whether it was there.
pub(in crate::command) fn delete(context: &mut Context<'_>, key: &[u8]) -> bool {
    let removed = context.server.keyspace.remove(context.db(), key);
    if removed {
        context.notify(Events::GENERIC, "del", key);
    }
    removed
}

pub(super) fn exists(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    count_found(context, arguments, Access::Peek)
}

pub(super) fn touch(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    count_found(context, arguments, Access::Read)
}

fn count_found(context: &mut Context<'_>, arguments: &Arguments<'_>, access: Access) -> Outcome {
    let found = arguments
        .from(1)
        .iter()
        .filter(|key| is_there(context, key, access))
        .count();
    context.reply.count(found);
    Ok(())
}

fn is_there(context: &mut Context<'_>, key: &[u8], access: Access) -> bool {
    let db = context.db();
    let found = context.server.keyspace.lookup(db, key, access).is_some();
    if !found {
        context.missed(key);
    }
    found
}

pub(super) fn type_of(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (db, key) = (context.db(), &arguments[1]);
    let found = context.server.keyspace.lookup(db, key, Access::Peek);
    let name = found.map(|entry| entry.type_name());
    context.reply.simple(name.unwrap_or("none"));
    if name.is_none() {
        context.missed(key);
    }
    Ok(())
}
