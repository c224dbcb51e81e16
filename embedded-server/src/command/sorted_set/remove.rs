//! Taking members out: ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX.

use super::bound::{Bounds, By};
use crate::command::outcome::Outcome;
use crate::command::typed::edit;
use crate::command::{Arguments, Context};
use crate::notify::Events;
use crate::types::SortedSet;

pub(super) fn zrem(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let members = arguments.from(2);
    remove(context, &arguments[1], "zrem", |set| {
        members
            .iter()
            .filter(|member| set.remove(member).is_some())
            .count()
    })
}

pub(super) fn zremrangebyrank(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    remove_range(context, arguments, By::Rank, "zremrangebyrank")
}

pub(super) fn zremrangebyscore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    remove_range(context, arguments, By::Score, "zremrangebyscore")
}

pub(super) fn zremrangebylex(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    remove_range(context, arguments, By::Lex, "zremrangebylex")
}

fn remove_range(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    by: By,
    event: &str,
) -> Outcome {
    let bounds = Bounds::parse(by, &arguments[2], &arguments[3])?;
    remove(context, &arguments[1], event, |set| {
        set.remove_range(bounds.ranks(set))
    })
}

/// Has members taken out, answers how many, and publishes `event` if there were any.
fn remove(
    context: &mut Context<'_>,
    key: &[u8],
    event: &str,
    take_out: impl FnOnce(&mut SortedSet) -> usize,
) -> Outcome {
    let changed = edit(context, key, |set: &mut SortedSet, _| take_out(set))?;
    let Some(changed) = changed else {
        context.reply.integer(0);
        return Ok(());
    };
    if changed.result > 0 {
        context.changed(Events::SORTED_SET, event, key, changed.removed);
    }
    context.reply.count(changed.result);
    Ok(())
}
