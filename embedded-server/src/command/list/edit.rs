//! Changing the inside: LINSERT, LREM, LSET, LTRIM.

use super::read::index_of;
use crate::command::outcome::{Outcome, integer_in};
use crate::command::typed::{edit, integer_between, look, make_room, span};
use crate::command::{Arguments, Context, is, refusal};
use crate::keyspace::Access;
use crate::notify::Events;
use crate::types::{End, List};

pub(super) fn linsert(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, pivot, element) = (&arguments[1], &arguments[3], &arguments[4]);
    let offset = if is(&arguments[2], "after") {
        1
    } else if is(&arguments[2], "before") {
        0
    } else {
        return Err(refusal::SYNTAX.into());
    };
    make_room(context, element.len())?;
    let changed = edit(context, key, |list: &mut List, tools| {
        let at = list.iter().position(|candidate| candidate == pivot)?;
        list.insert(at + offset, element, tools.limits);
        Some(list.len())
    })?;
    match changed.map(|changed| changed.result) {
        None => context.reply.integer(0),
        Some(None) => context.reply.integer(-1),
        Some(Some(len)) => {
            context.notify(Events::LIST, "linsert", key);
            context.reply.count(len);
        }
    }
    Ok(())
}

pub(super) fn lset(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, element) = (&arguments[1], &arguments[3]);
    let (db, keyspace) = (context.db(), &mut context.server.keyspace);
    let list = look::<List>(keyspace, db, key, Access::Silent)?.ok_or(refusal::NO_SUCH_KEY)?;
    let index = index_of(integer_in(&arguments[2])?, list.len()).ok_or(refusal::OUT_OF_RANGE)?;
    make_room(context, element.len())?;
    edit(context, key, |list: &mut List, tools| {
        list.set(index, element, tools.limits)
    })?;
    context.notify(Events::LIST, "lset", key);
    context.reply.ok();
    Ok(())
}

pub(super) fn lrem(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, element) = (&arguments[1], &arguments[3]);
    let count = integer_between(&arguments[2], -i64::MAX..=i64::MAX, None)?;
    let from = if count < 0 { End::Right } else { End::Left };
    let most = match usize::try_from(count.unsigned_abs()) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(most) => most,
    };
    let changed = edit(context, key, |list: &mut List, tools| {
        list.remove_equal(element, from, most, tools.limits)
    })?;
    let Some(changed) = changed else {
        context.reply.integer(0);
        return Ok(());
    };
    if changed.result > 0 {
        context.changed(Events::LIST, "lrem", key, changed.removed);
    }
    context.reply.count(changed.result);
    Ok(())
}

pub(super) fn ltrim(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[1];
    let (start, stop) = (integer_in(&arguments[2])?, integer_in(&arguments[3])?);
    let changed = edit(context, key, |list: &mut List, _| {
        let kept = span(start, stop, list.len());
        list.trim(kept.start, kept.len());
    })?;
    if let Some(changed) = changed {
        context.changed(Events::LIST, "ltrim", key, changed.removed);
    }
    context.reply.ok();
    Ok(())
}
