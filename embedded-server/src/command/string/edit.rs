//! Changing strings in place: APPEND and SETRANGE.

use super::lookup;
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::{Arguments, Context, refusal};
use crate::keyspace::{Access, Expiry};
use crate::notify::Events;

pub(super) fn append(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (db, key, tail) = (context.db(), &arguments[1], &arguments[2]);
    let keyspace = &mut context.server.keyspace;
    let found = lookup(keyspace, db, key, Access::Silent)?.map(<[u8]>::len);
    let old_length = found.unwrap_or(0);
    let length = checked_length(context, old_length, tail.len())?;
    let keyspace = &mut context.server.keyspace;
    let written = match found {
        // A string that begins here is like any that was set; only one that grew is `raw`.
        None => keyspace.set_string(db, key, tail, Expiry::Never)?,
        Some(_) => {
            keyspace.edit_string(db, key, length, |text| overwrite(text, old_length, tail))?
        }
    };
    context.wrote(written, Events::STRING, "append", key);
    context.reply.count(length);
    Ok(())
}

pub(super) fn setrange(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (db, key, patch) = (context.db(), &arguments[1], &arguments[3]);
    let offset =
        usize::try_from(integer_in(&arguments[2])?).map_err(|_| "ERR offset is out of range")?;
    let found = lookup(&mut context.server.keyspace, db, key, Access::Silent)?;
    let old_length = found.map_or(0, <[u8]>::len);
    if patch.is_empty() {
        context.reply.count(old_length);
        return Ok(());
    }
    let length = checked_length(context, offset, patch.len())?.max(old_length);
    let edit = |text: &mut [u8]| overwrite(text, offset, patch);
    let written = context.server.keyspace.edit_string(db, key, length, edit)?;
    context.wrote(written, Events::STRING, "setrange", key);
    context.reply.count(length);
    Ok(())
}

/// Puts `patch` into `text` at `offset`, as far as there is room.
fn overwrite(text: &mut [u8], offset: usize, patch: &[u8]) {
    let room = text.get_mut(offset..).unwrap_or_default();
    room.iter_mut()
        .zip(patch)
        .for_each(|(byte, new)| *byte = *new);
}

/// The length of a string of `length` bytes with `added` more; it may not outgrow `proto-max-bulk-len`.
fn checked_length(context: &Context<'_>, length: usize, added: usize) -> Result<usize, Refusal> {
    let total = length.checked_add(added);
    let limit = context.server.config.proto_max_bulk_len;
    total
        .filter(|&total| total <= limit)
        .ok_or_else(|| refusal::STRING_TOO_LONG.into())
}
