//! What was delivered and not acknowledged: XACK, XPENDING.

use super::id::{answer_id, end_in, id_in, start_in};
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::typed::{edit, read_with};
use crate::command::{Arguments, Context, Reply, is, refusal};
use crate::types::stream::{Group, Pending};
use crate::types::{Stream, StreamId};

/// The refusal of a group that is not there, or whose stream is not.
pub(super) fn no_such_group(key: &[u8], group: &[u8]) -> Refusal {
    Refusal::quoting(&[
        b"NOGROUP No such key '",
        key,
        b"' or consumer group '",
        group,
        b"'",
    ])
}

pub(super) fn xack(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let ids = || arguments.from(3).iter().map(id_in);
    let acknowledged = edit(context, &arguments[1], |stream: &mut Stream, _| {
        let Some(group) = stream.group_mut(&arguments[2]) else {
            return Ok(0);
        };
        let ids: Vec<StreamId> = ids().collect::<Result<_, Refusal>>()?;
        Ok::<_, Refusal>(ids.iter().filter(|id| group.acknowledge(**id)).count())
    })?;
    if acknowledged.is_none() {
        context.missed(&arguments[1]);
    }
    let acknowledged = acknowledged.map_or(Ok(0), |changed| changed.result)?;
    if acknowledged > 0 {
        context.changed_silently(&arguments[1]);
    }
    context.reply.count(acknowledged);
    Ok(())
}

/// Which of the pending entries are asked for.
struct Filter<'a> {
    idle_ms: u64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    /// Reads `[IDLE min] start end count [consumer]`.
    fn parse(words: &Arguments<'a>) -> Result<Self, Refusal> {
        let (mut idle_ms, mut words) = (0, *words);
        if is(&words[0], "idle") {
            idle_ms = u64::try_from(integer_in(&words[1])?).unwrap_or(0);
            words = words.from(2);
        }
        if words.len() < 3 {
            return Err(refusal::SYNTAX.into());
        }
        Ok(Self {
            idle_ms,
            count: usize::try_from(integer_in(&words[2])?).unwrap_or(0),
            start: start_in(&words[0])?,
            end: end_in(&words[1])?,
            consumer: words.get(3),
        })
    }
}

pub(super) fn xpending(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, name) = (&arguments[1], &arguments[2]);
    let filter = match arguments.len() {
        3 => None,
        6..=9 => Some(Filter::parse(&arguments.from(3))?),
        _ => return Err(refusal::SYNTAX.into()),
    };
    let found = read_with::<Stream>(context, key)?;
    let found = found.and_then(|(stream, tools)| Some((stream.group(name)?, tools)));
    let (group, tools) = found.ok_or_else(|| no_such_group(key, name))?;
    match filter {
        None => summarize(tools.reply, group),
        Some(filter) => list(tools.reply, group, &filter, tools.now_ms.unsigned_abs()),
    }
    Ok(())
}

/// How many are pending, from which ID to which, and how many each consumer has.
fn summarize(reply: &mut Reply, group: &Group) {
    let pending = group.pending();
    reply.array(4);
    reply.count(pending.len());
    let ends = (pending.first_key_value(), pending.last_key_value());
    let (Some((&first, _)), Some((&last, _))) = ends else {
        reply.null();
        reply.null();
        return reply.null_array();
    };
    answer_id(reply, first);
    answer_id(reply, last);
    let busy = || {
        group
            .consumers()
            .filter(|consumer| !consumer.pending().is_empty())
    };
    reply.array(busy().count());
    for consumer in busy() {
        reply.array(2);
        reply.bulk(consumer.name());
        let count = consumer.pending().len();
        reply.bulk(itoa::Buffer::new().format(count).as_bytes());
    }
}

fn list(reply: &mut Reply, group: &Group, filter: &Filter<'_>, now_ms: u64) {
    let consumer = match filter.consumer {
        None => None,
        Some(name) => match group.find_consumer(name) {
            Some(consumer) => Some(consumer),
            None => return reply.array(0),
        },
    };
    let begin = reply.defer_array();
    let mut answered = 0;
    for (id, pending) in group.pending_in(filter.start..=filter.end, consumer) {
        if answered == filter.count {
            break;
        }
        let idle_ms = now_ms.saturating_sub(pending.delivered_at);
        if idle_ms >= filter.idle_ms {
            describe(reply, group, id, (pending, idle_ms));
            answered += 1;
        }
    }
    reply.finish_array(begin, answered);
}

fn describe(reply: &mut Reply, group: &Group, id: StreamId, (pending, idle_ms): (Pending, u64)) {
    reply.array(4);
    answer_id(reply, id);
    let consumer = group.consumer(pending.consumer);
    reply.bulk(consumer.map_or(&b""[..], |consumer| consumer.name()));
    reply.integer(i64::try_from(idle_ms).unwrap_or(i64::MAX));
    reply.integer(i64::try_from(pending.deliveries).unwrap_or(i64::MAX));
}
