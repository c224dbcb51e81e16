//! Taking off the ends: LPOP, RPOP, LMPOP.

use super::{end_in, event_names};
use crate::command::outcome::{Outcome, Refusal};
use crate::command::typed::{count_in, edit, first_holding, keys_counted, look};
use crate::command::{Arguments, Context, Reply, is, refusal};
use crate::keyspace::Access;
use crate::notify::Events;
use crate::types::{End, List};

pub(super) fn lpop(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    pop(context, arguments, End::Left, "lpop")
}

pub(super) fn rpop(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    pop(context, arguments, End::Right, "rpop")
}

fn pop(context: &mut Context<'_>, arguments: &Arguments<'_>, end: End, name: &str) -> Outcome {
    if arguments.len() > 3 {
        return Err(Refusal::arity(name));
    }
    let count = arguments
        .get(2)
        .map(|count| count_in(count, None))
        .transpose()?;
    let key = &arguments[1];
    let (db, keyspace) = (context.db(), &mut context.server.keyspace);
    let exists = look::<List>(keyspace, db, key, Access::Silent)?.is_some();
    match (exists, count) {
        (false, None) => context.reply.null(),
        (false, Some(_)) => context.reply.null_array(),
        (true, Some(0)) => context.reply.array(0),
        (true, Some(count)) => pop_many(context, key, end, count)?,
        (true, None) => pop_one(context, key, end)?,
    }
    Ok(())
}

/// Takes one element off a list that exists, and answers it.
pub(super) fn pop_one(context: &mut Context<'_>, key: &[u8], end: End) -> Outcome {
    take(context, key, end, |list, reply| {
        reply.bulk_or_null(list.peek(end));
        list.pop(end);
    })?;
    context.tell_replicas(&[word(end), key]);
    Ok(())
}

/// Takes up to `count` elements off a list that exists, and answers them as an array.
pub(super) fn pop_many(context: &mut Context<'_>, key: &[u8], end: End, count: usize) -> Outcome {
    let mut taken = 0;
    take(context, key, end, |list, reply| {
        taken = count.min(list.len());
        reply.array(taken);
        for _ in 0..taken {
            reply.bulk(list.peek(end).unwrap_or_default());
            list.pop(end);
        }
    })?;
    let mut digits = itoa::Buffer::new();
    context.tell_replicas(&[word(end), key, digits.format(taken).as_bytes()]);
    Ok(())
}

/// The command that takes elements off an end.
const fn word(end: End) -> &'static [u8] {
    match end {
        End::Left => b"LPOP",
        End::Right => b"RPOP",
    }
}

fn take(
    context: &mut Context<'_>,
    key: &[u8],
    end: End,
    take: impl FnOnce(&mut List, &mut Reply),
) -> Outcome {
    let changed = edit(context, key, |list: &mut List, tools| {
        take(list, tools.reply)
    })?;
    if let Some(changed) = changed {
        context.changed(Events::LIST, event_names(end).1, key, changed.removed);
    }
    Ok(())
}

/// What LMPOP and BLMPOP ask for beside the keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) end: End,
    pub(super) count: usize,
}

impl Order {
    /// Reads the end and the count that follow the keys.
    pub(super) fn parse(words: &Arguments<'_>) -> Result<Self, Refusal> {
        let end = end_in(&words[0])?;
        let count = count_behind(words)?;
        Ok(Self { end, count })
    }
}

/// The count that may follow the first of `words`: 1 where there is none.
pub(in crate::command) fn count_behind(words: &Arguments<'_>) -> Result<usize, Refusal> {
    const COUNT: &str = "ERR count should be greater than 0";
    match (words.len(), is(&words[1], "count")) {
        (1, _) => Ok(1),
        (3, true) => match count_in(&words[2], Some(COUNT))? {
            0 => Err(COUNT.into()),
            count => Ok(count),
        },
        _ => Err(refusal::SYNTAX.into()),
    }
}

pub(in crate::command) const NUMKEYS: &str = "ERR numkeys should be greater than 0";

pub(super) fn lmpop(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (keys, words) = keys_counted(arguments, 1, Some(NUMKEYS))?;
    let order = Order::parse(&words)?;
    match first_holding::<List>(context, &keys)? {
        Some(key) => answer_with_key(context, key, order),
        None => {
            context.reply.null_array();
            Ok(())
        }
    }
}

/// Takes elements off a list that exists, and answers its key with them.
pub(super) fn answer_with_key(context: &mut Context<'_>, key: &[u8], order: Order) -> Outcome {
    context.reply.array(2);
    context.reply.bulk(key);
    pop_many(context, key, order.end, order.count)
}
