//! CLIENT PAUSE and UNPAUSE.

use super::outcome::{Outcome, integer_in};
use super::{Arguments, Context, is, refusal};
use crate::pause::Paused;

pub(super) fn pause(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let what = match (arguments.get(3), arguments.len()) {
        (None, _) => Paused::All,
        (Some(word), 4) if is(word, "write") => Paused::Writes,
        (Some(word), 4) if is(word, "all") => Paused::All,
        (Some(_), 4) => return Err("ERR CLIENT PAUSE mode must be WRITE or ALL".into()),
        _ => return Err(refusal::SYNTAX.into()),
    };
    let length_ms =
        integer_in(&arguments[2]).map_err(|_| "ERR timeout is not an integer or out of range")?;
    if length_ms < 0 {
        return Err("ERR timeout is negative".into());
    }
    let now_ms = context.server.now_ms;
    let until_ms = now_ms
        .checked_add(length_ms)
        .ok_or("ERR timeout is out of range")?;
    context.server.begin_pause(what, until_ms);
    context.reply.ok();
    Ok(())
}

pub(super) fn unpause(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    context.server.end_pause();
    context.reply.ok();
    Ok(())
}
