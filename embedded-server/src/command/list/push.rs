//! Adding to the ends: LPUSH, RPUSH, and their forms for lists that exist.

use super::event_names;
use crate::command::outcome::Outcome;
use crate::command::typed::{edit, edit_or_create, make_room};
use crate::command::{Arguments, Context};
use crate::notify::Events;
use crate::types::{End, List};

pub(super) fn lpush(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    push(context, arguments, End::Left)
}

pub(super) fn rpush(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    push(context, arguments, End::Right)
}

pub(super) fn lpushx(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    push_to_existing(context, arguments, End::Left)
}

pub(super) fn rpushx(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    push_to_existing(context, arguments, End::Right)
}

fn push(context: &mut Context<'_>, arguments: &Arguments<'_>, end: End) -> Outcome {
    let (key, elements) = (&arguments[1], arguments.from(2));
    let len = push_elements(context, key, elements.iter(), end)?;
    context.reply.count(len);
    Ok(())
}

/// Pushes elements one after the other to an end of a list, made if missing; says how long it then is.
pub(super) fn push_elements<'a>(
    context: &mut Context<'_>,
    key: &[u8],
    elements: impl Iterator<Item = &'a [u8]> + Clone,
    end: End,
) -> Result<usize, crate::command::outcome::Refusal> {
    let bytes = elements.clone().map(<[u8]>::len).sum();
    let changed = edit_or_create(context, key, bytes, |list: &mut List, tools| {
        elements.for_each(|element| list.push(end, element, tools.limits));
        list.len()
    })?;
    context.notify(Events::LIST, event_names(end).0, key);
    Ok(changed.result)
}

fn push_to_existing(context: &mut Context<'_>, arguments: &Arguments<'_>, end: End) -> Outcome {
    let (key, elements) = (&arguments[1], arguments.from(2));
    make_room(context, elements.iter().map(<[u8]>::len).sum())?;
    let changed = edit(context, key, |list: &mut List, tools| {
        elements
            .iter()
            .for_each(|element| list.push(end, element, tools.limits));
        list.len()
    })?;
    if changed.is_some() {
        context.notify(Events::LIST, event_names(end).0, key);
    }
    context
        .reply
        .count(changed.map_or(0, |changed| changed.result));
    Ok(())
}
