//! Entries read by their IDs: XRANGE, XREVRANGE; and how entries are answered.

use super::id::{answer_id, end_in, start_in};
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::typed::read;
use crate::command::{Arguments, Context, Reply, is, refusal};
use crate::types::Stream;
use crate::types::stream::Entry;

pub(super) fn xrange(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (start, end) = (start_in(&arguments[2])?, end_in(&arguments[3])?);
    let count = count_in(&arguments.from(4))?;
    match read::<Stream>(context, &arguments[1])? {
        Some((_, reply)) if count == 0 => reply.null_array(),
        Some((stream, reply)) => {
            answer_entries(reply, stream.range(start..=end).take(count));
        }
        None => context.reply.array(0),
    }
    Ok(())
}

pub(super) fn xrevrange(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (start, end) = (start_in(&arguments[3])?, end_in(&arguments[2])?);
    let count = count_in(&arguments.from(4))?;
    match read::<Stream>(context, &arguments[1])? {
        Some((_, reply)) if count == 0 => reply.null_array(),
        Some((stream, reply)) => {
            answer_entries(reply, stream.range_back(start..=end).take(count));
        }
        None => context.reply.array(0),
    }
    Ok(())
}

/// Reads COUNT; without it, there is no limit.
fn count_in(words: &Arguments<'_>) -> Result<usize, Refusal> {
    let mut count = usize::MAX;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words
            .next()
            .filter(|_| is(word, "count"))
            .ok_or(refusal::SYNTAX)?;
        count = usize::try_from(integer_in(value)?).unwrap_or(0);
    }
    Ok(count)
}

/// Answers entries, in order; says how many there were.
pub(super) fn answer_entries<'a>(
    reply: &mut Reply,
    entries: impl Iterator<Item = Entry<'a>>,
) -> usize {
    let begin = reply.defer_array();
    let answered = entries.map(|entry| answer_entry(reply, entry)).count();
    reply.finish_array(begin, answered);
    answered
}

/// Answers an entry: its ID, and its fields with their values.
pub(super) fn answer_entry(reply: &mut Reply, entry: Entry<'_>) {
    reply.array(2);
    answer_id(reply, entry.id);
    reply.array(2 * entry.fields.len());
    for (name, value) in entry.fields {
        reply.bulk(name);
        reply.bulk(value);
    }
}
