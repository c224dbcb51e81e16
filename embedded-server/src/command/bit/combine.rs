//! BITOP: strings combined bit by bit; the shorter ones are taken to go on with zeros.

use crate::command::outcome::{Outcome, Refusal};
use crate::command::{Arguments, Context, generic, is, refusal, string};
use crate::keyspace::{Access, Expiry};
use crate::notify::Events;

/// How two bytes become one.
type Combine = fn(u8, u8) -> u8;

pub(super) fn bitop(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (operation, target, sources) = (&arguments[1], &arguments[2], arguments.from(3));
    let combined = if is(operation, "not") {
        if sources.len() != 1 {
            return Err("ERR BITOP NOT must be called with a single source key.".into());
        }
        source(context, &sources[0])?
            .iter()
            .map(|byte| !byte)
            .collect()
    } else {
        fold(context, &sources, combine_of(operation)?)?
    };
    store(context, target, &combined)?;
    context.reply.count(combined.len());
    Ok(())
}

fn combine_of(operation: &[u8]) -> Result<Combine, Refusal> {
    let known: [(&str, Combine); 3] = [
        ("and", |a, b| a & b),
        ("or", |a, b| a | b),
        ("xor", |a, b| a ^ b),
    ];
    let found = known.into_iter().find(|(name, _)| is(operation, name));
    found
        .map(|(_, combine)| combine)
        .ok_or_else(|| refusal::SYNTAX.into())
}

fn fold(
    context: &mut Context<'_>,
    sources: &Arguments<'_>,
    combine: Combine,
) -> Result<Vec<u8>, Refusal> {
    let mut combined = source(context, &sources[0])?.to_vec();
    for key in sources.from(1).iter() {
        let text = source(context, key)?;
        combined.resize(combined.len().max(text.len()), 0);
        let endless = text.iter().copied().chain(std::iter::repeat(0));
        combined
            .iter_mut()
            .zip(endless)
            .for_each(|(byte, other)| *byte = combine(*byte, other));
    }
    Ok(combined)
}

fn source<'c>(context: &'c mut Context<'_>, key: &[u8]) -> Result<&'c [u8], Refusal> {
    let db = context.db();
    if context
        .server
        .keyspace
        .lookup(db, key, Access::Read)
        .is_none()
    {
        context.missed(key);
        return Ok(&[]);
    }
    let found = string::lookup(&mut context.server.keyspace, db, key, Access::Silent)?;
    Ok(found.unwrap_or_default())
}

/// Puts the outcome under `target`; an empty one removes it.
fn store(context: &mut Context<'_>, target: &[u8], combined: &[u8]) -> Outcome {
    if combined.is_empty() {
        generic::delete(context, target);
        return Ok(());
    }
    let (db, keyspace) = (context.db(), &mut context.server.keyspace);
    let written = keyspace.set_string(db, target, combined, Expiry::Never)?;
    // Not a text that was set but one that was worked out: `raw`, however short.
    keyspace.edit_string(db, target, combined.len(), |_| ())?;
    context.wrote(written, Events::STRING, "set", target);
    Ok(())
}
