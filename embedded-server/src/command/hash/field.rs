//! Single fields: HSET, HSETNX, HMSET, HGET, HMGET, HDEL, HEXISTS, HSTRLEN.

use super::deadline::{purge, read_hash};
use crate::command::outcome::{Outcome, Refusal};
use crate::command::typed::{edit, edit_or_create};
use crate::command::{Arguments, Context};
use crate::notify::Events;
use crate::types::Hash;
use crate::types::hash::Ttl;

pub(super) fn hset(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let new = put_pairs(context, arguments, "hset")?;
    context.reply.count(new);
    Ok(())
}

pub(super) fn hmset(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    put_pairs(context, arguments, "hmset")?;
    context.reply.ok();
    Ok(())
}

/// A field's value, for commands on other keys that look into this one; none unless the key holds a hash.
pub(in crate::command) fn live_field(
    context: &mut Context<'_>,
    key: &[u8],
    field: &[u8],
) -> Option<Vec<u8>> {
    let (hash, _) = read_hash(context, key).ok()??;
    hash.get(field).map(<[u8]>::to_vec)
}

/// The fields with their values from `at` on.
pub(super) fn pairs<'a>(
    arguments: &Arguments<'a>,
    at: usize,
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone {
    let fields = arguments.from(at).iter().step_by(2);
    fields.zip(arguments.from(at + 1).iter().step_by(2))
}

/// Writes all pairs; says how many fields are new.
fn put_pairs(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    command: &str,
) -> Result<usize, Refusal> {
    if !arguments.len().is_multiple_of(2) {
        return Err(Refusal::arity(command));
    }
    let key = &arguments[1];
    purge(context, key);
    let bytes = arguments.from(2).iter().map(<[u8]>::len).sum();
    let changed = edit_or_create(context, key, bytes, |hash: &mut Hash, tools| {
        pairs(arguments, 2)
            .filter(|(field, value)| hash.set(field, value, Ttl::Clear, tools.limits))
            .count()
    })?;
    context.notify(Events::HASH, "hset", key);
    Ok(changed.result)
}

pub(super) fn hsetnx(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, field, value) = (&arguments[1], &arguments[2], &arguments[3]);
    purge(context, key);
    let changed = edit_or_create(
        context,
        key,
        field.len() + value.len(),
        |hash: &mut Hash, tools| {
            !hash.contains(field) && hash.set(field, value, Ttl::Clear, tools.limits)
        },
    )?;
    if changed.result {
        context.notify(Events::HASH, "hset", key);
    }
    context.reply.integer(i64::from(changed.result));
    Ok(())
}

pub(super) fn hget(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    match read_hash(context, &arguments[1])? {
        Some((hash, reply)) => reply.bulk_or_null(hash.get(&arguments[2])),
        None => context.reply.null(),
    }
    Ok(())
}

pub(super) fn hmget(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let fields = arguments.from(2);
    match read_hash(context, &arguments[1])? {
        Some((hash, reply)) => {
            reply.array(fields.len());
            fields
                .iter()
                .for_each(|field| reply.bulk_or_null(hash.get(field)));
        }
        None => {
            context.reply.array(fields.len());
            fields.iter().for_each(|_| context.reply.null());
        }
    }
    Ok(())
}

pub(super) fn hdel(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, fields) = (&arguments[1], arguments.from(2));
    purge(context, key);
    let changed = edit(context, key, |hash: &mut Hash, _| {
        fields.iter().filter(|field| hash.remove(field)).count()
    })?;
    if let Some(changed) = changed.as_ref().filter(|changed| changed.result > 0) {
        context.changed(Events::HASH, "hdel", key, changed.removed);
    }
    context
        .reply
        .count(changed.map_or(0, |changed| changed.result));
    Ok(())
}

pub(super) fn hexists(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    match read_hash(context, &arguments[1])? {
        Some((hash, reply)) => reply.integer(i64::from(hash.contains(&arguments[2]))),
        None => context.reply.integer(0),
    }
    Ok(())
}

pub(super) fn hstrlen(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    match read_hash(context, &arguments[1])? {
        Some((hash, reply)) => reply.count(hash.get(&arguments[2]).map_or(0, <[u8]>::len)),
        None => context.reply.integer(0),
    }
    Ok(())
}
