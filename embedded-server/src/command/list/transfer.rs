//! Moving an element from one list to another: LMOVE, RPOPLPUSH.

use super::push::push_elements;
use super::{end_in, end_name, event_names};
use crate::command::outcome::{Outcome, Refusal};
use crate::command::typed::{edit, look};
use crate::command::{Arguments, Context};
use crate::keyspace::Access;
use crate::notify::Events;
use crate::types::{End, List};

/// Which end of which list goes to which end of which other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transfer<'a> {
    pub(super) from: (&'a [u8], End),
    pub(super) to: (&'a [u8], End),
    /// Whether it was asked for by RPOPLPUSH or BRPOPLPUSH, which name no ends.
    pub(super) is_rotation: bool,
}

impl<'a> Transfer<'a> {
    /// Reads both keys and, behind them, both ends.
    pub(super) fn parse(arguments: &Arguments<'a>) -> Result<Self, Refusal> {
        let word = |index| arguments.get(index).unwrap_or_default();
        Ok(Self {
            from: (word(1), end_in(word(3))?),
            to: (word(2), end_in(word(4))?),
            is_rotation: false,
        })
    }

    /// From the right of the first key to the left of the second.
    pub(super) fn rotation(arguments: &Arguments<'a>) -> Self {
        let word = |index| arguments.get(index).unwrap_or_default();
        Self {
            from: (word(1), End::Right),
            to: (word(2), End::Left),
            is_rotation: true,
        }
    }
}

pub(super) fn lmove(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let transfer = Transfer::parse(arguments)?;
    move_or_null(context, transfer)
}

pub(super) fn rpoplpush(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    move_or_null(context, Transfer::rotation(arguments))
}

fn move_or_null(context: &mut Context<'_>, transfer: Transfer<'_>) -> Outcome {
    if !carry_out(context, transfer)? {
        context.reply.null();
    }
    Ok(())
}

/// Moves an element and answers it; says whether there was one.
pub(super) fn carry_out(
    context: &mut Context<'_>,
    transfer: Transfer<'_>,
) -> Result<bool, Refusal> {
    let Transfer {
        from: (source, from),
        to: (target, to),
        is_rotation,
    } = transfer;
    let (db, keyspace) = (context.db(), &mut context.server.keyspace);
    let Some(list) = look::<List>(keyspace, db, source, Access::Silent)? else {
        return Ok(false);
    };
    let element = list.peek(from).unwrap_or_default().to_vec();
    look::<List>(keyspace, db, target, Access::Silent)?;
    if source == target {
        rotate(context, source, (from, to), &element)?;
    } else {
        push_elements(context, target, std::iter::once(&element[..]), to)?;
        let changed = edit(context, source, |list: &mut List, _| list.pop(from))?;
        let removed = changed.is_some_and(|changed| changed.removed);
        context.changed(Events::LIST, event_names(from).1, source, removed);
    }
    let [from, to] = [from, to].map(end_name);
    match is_rotation {
        true => context.tell_replicas(&[b"RPOPLPUSH", source, target]),
        false => context.tell_replicas(&[b"LMOVE", source, target, from, to]),
    }
    context.reply.bulk(&element);
    Ok(true)
}

/// Moves an element from one end of a list to the other, or to the same.
fn rotate(
    context: &mut Context<'_>,
    key: &[u8],
    (from, to): (End, End),
    element: &[u8],
) -> Outcome {
    edit(context, key, |list: &mut List, tools| {
        list.pop(from);
        list.push(to, element, tools.limits);
    })?;
    context.notify(Events::LIST, event_names(to).0, key);
    context.notify(Events::LIST, event_names(from).1, key);
    Ok(())
}
