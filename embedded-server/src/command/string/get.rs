//! Reading strings: GET and its variations, MGET, GETRANGE, STRLEN.

use std::ops::RangeInclusive;

use super::lookup;
use super::set::{Deadline, Options};
use crate::command::generic::delete;
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::{Arguments, Context, expiry};
use crate::keyspace::Access;

/// Answers the string under `key`, or null; says whether there was one.
pub(super) fn answer(context: &mut Context<'_>, key: &[u8]) -> Result<bool, Refusal> {
    let db = context.db();
    let found = lookup(&mut context.server.keyspace, db, key, Access::Read)?;
    context.reply.bulk_or_null(found);
    let found = found.is_some();
    if !found {
        context.missed(key);
    }
    Ok(found)
}

pub(super) fn get(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer(context, &arguments[1])?;
    Ok(())
}

pub(super) fn getdel(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    if answer(context, &arguments[1])? {
        delete(context, &arguments[1]);
        context.tell_replicas(&[b"DEL", &arguments[1]]);
    }
    Ok(())
}

pub(super) fn getex(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[1];
    let options = Options::parse_getex(&arguments.from(2))?;
    // What the string holds is answered before the time is looked at, and a bad time takes the answer back.
    if !answer(context, key)? {
        return Ok(());
    }
    match options.deadline {
        Deadline::Unsaid | Deadline::Keep => Ok(()),
        Deadline::Remove => expiry::remove(context, key).map(drop),
        Deadline::At(form, text) => {
            let deadline_ms = form.positive_deadline_ms(text, context.server.now_ms, "getex")?;
            // Only a date can have passed; a time to live is positive and so has not.
            expiry::set_or_delete(context, key, deadline_ms)
        }
    }
}

pub(super) fn mget(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let keys = arguments.from(1);
    context.reply.array(keys.len());
    for key in keys.iter() {
        // What is no string is answered as if it were not there.
        if answer(context, key).is_err() {
            context.reply.null();
        }
    }
    Ok(())
}

pub(super) fn strlen(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[1];
    let db = context.db();
    let found = lookup(&mut context.server.keyspace, db, key, Access::Read)?;
    context.reply.count(found.map_or(0, <[u8]>::len));
    if found.is_none() {
        context.missed(key);
    }
    Ok(())
}

pub(super) fn getrange(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, start, end) = (
        &arguments[1],
        integer_in(&arguments[2])?,
        integer_in(&arguments[3])?,
    );
    let db = context.db();
    let found = lookup(&mut context.server.keyspace, db, key, Access::Read)?;
    let text = found.unwrap_or_default();
    let part = span(start, end, text.len()).and_then(|span| text.get(span));
    context.reply.bulk(part.unwrap_or_default());
    if found.is_none() {
        context.missed(key);
    }
    Ok(())
}

/// The part of `length` things that lies from `start` to `end`, both included and counted from the end when
/// negative; `None` when there is none.
pub(in crate::command) fn span(
    start: i64,
    end: i64,
    length: usize,
) -> Option<RangeInclusive<usize>> {
    let backwards = start < 0 && end < 0 && start > end;
    if backwards {
        None
    } else {
        clamped_span(start, end, length)
    }
}

/// As [`span`], except that two ends beyond the beginning, in whatever order, mean the first thing.
pub(in crate::command) fn clamped_span(
    start: i64,
    end: i64,
    length: usize,
) -> Option<RangeInclusive<usize>> {
    let total = i64::try_from(length).unwrap_or(i64::MAX);
    let from_end = |index: i64| {
        if index < 0 {
            index.saturating_add(total).max(0)
        } else {
            index
        }
    };
    let (start, end) = (from_end(start), from_end(end).min(total - 1));
    (start <= end).then_some(start as usize..=end as usize)
}

#[cfg(test)]
mod tests {
    use super::{clamped_span, span};

    #[test]
    fn spans_count_from_both_ends() {
        assert_eq!(span(0, -1, 5), Some(0..=4));
        assert_eq!(span(-3, -2, 5), Some(2..=3));
        assert_eq!(span(-100, 100, 5), Some(0..=4));
        assert_eq!(span(3, 1, 5), None);
        assert_eq!(span(0, -1, 0), None);
        assert_eq!(span(-10, -20, 5), None);
        assert_eq!(clamped_span(-10, -20, 5), Some(0..=0));
        assert_eq!(span(i64::MIN, i64::MAX, 2), Some(0..=1));
    }
}
