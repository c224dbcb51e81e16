//! Taking off the ends: ZPOPMIN, ZPOPMAX, ZMPOP.

use crate::command::list::count_behind;
use crate::command::outcome::{Outcome, Refusal};
use crate::command::typed::{count_in, edit, first_holding, keys_counted};
use crate::command::{Arguments, Context, Reply, is, list, refusal};
use crate::notify::Events;
use crate::types::SortedSet;

/// An end of a sorted set.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Lowest,
    Highest,
}

impl End {
    fn parse(word: &[u8]) -> Result<Self, Refusal> {
        if is(word, "min") {
            Ok(Self::Lowest)
        } else if is(word, "max") {
            Ok(Self::Highest)
        } else {
            Err(refusal::SYNTAX.into())
        }
    }

    /// The command that takes members off it.
    const fn command(self) -> &'static [u8] {
        match self {
            Self::Lowest => b"ZPOPMIN",
            Self::Highest => b"ZPOPMAX",
        }
    }

    const fn event(self) -> &'static str {
        match self {
            Self::Lowest => "zpopmin",
            Self::Highest => "zpopmax",
        }
    }

    /// Takes `count` members off, which it has, and shows each.
    fn take(self, set: &mut SortedSet, count: usize, show: impl FnMut((&[u8], f64))) {
        let ranks = match self {
            Self::Lowest => 0..count,
            Self::Highest => set.len() - count..set.len(),
        };
        match self {
            Self::Lowest => set.range(ranks.clone()).for_each(show),
            Self::Highest => set.range_back(ranks.clone()).for_each(show),
        }
        set.remove_range(ranks);
    }
}

/// What is taken off, beside the key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) end: End,
    pub(super) count: usize,
}

impl Order {
    /// Reads the end and the count that follow the keys.
    pub(super) fn parse(words: &Arguments<'_>) -> Result<Self, Refusal> {
        let end = End::parse(&words[0])?;
        let count = count_behind(words)?;
        Ok(Self { end, count })
    }
}

/// How members are answered with their scores.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// In turn.
    Flat,
    /// In pairs.
    Pairs,
    /// In turn, behind the key.
    KeyThenFlat,
    /// The key, and an array of pairs.
    KeyAndPairs,
}

impl Form {
    fn open(self, reply: &mut Reply, key: &[u8], count: usize) {
        match self {
            Self::Flat => reply.array(2 * count),
            Self::Pairs => reply.array(count),
            Self::KeyThenFlat => {
                reply.array(1 + 2 * count);
                reply.bulk(key);
            }
            Self::KeyAndPairs => {
                reply.array(2);
                reply.bulk(key);
                reply.array(count);
            }
        }
    }

    fn member(self, reply: &mut Reply, member: &[u8], score: f64) {
        if matches!(self, Self::Pairs | Self::KeyAndPairs) {
            reply.array(2);
        }
        reply.bulk(member);
        reply.double(score);
    }
}

/// Takes members off a sorted set that exists, and answers them.
pub(super) fn take(context: &mut Context<'_>, key: &[u8], order: Order, form: Form) -> Outcome {
    let changed = edit(context, key, |set: &mut SortedSet, tools| {
        let count = order.count.min(set.len());
        form.open(tools.reply, key, count);
        order.end.take(set, count, |(member, score)| {
            form.member(tools.reply, member, score);
        });
        count
    })?;
    if let Some(changed) = changed {
        let event = order.end.event();
        context.changed(Events::SORTED_SET, event, key, changed.removed);
        let (mut digits, command) = (itoa::Buffer::new(), order.end.command());
        context.tell_replicas(&[command, key, digits.format(changed.result).as_bytes()]);
    }
    Ok(())
}

pub(super) fn zpopmin(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    pop(context, arguments, End::Lowest)
}

pub(super) fn zpopmax(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    pop(context, arguments, End::Highest)
}

fn pop(context: &mut Context<'_>, arguments: &Arguments<'_>, end: End) -> Outcome {
    if arguments.len() > 3 {
        return Err(refusal::SYNTAX.into());
    }
    let count = arguments
        .get(2)
        .map(|count| count_in(count, None))
        .transpose()?;
    // Only RESP3 has pairs, and only where a count is given.
    let form = if count.is_some() && context.reply.is_resp3() {
        Form::Pairs
    } else {
        Form::Flat
    };
    let count = count.unwrap_or(1);
    match first_holding::<SortedSet>(context, &arguments.from(1).first(1))? {
        Some(key) if count > 0 => take(context, key, Order { end, count }, form),
        _ => {
            context.reply.array(0);
            Ok(())
        }
    }
}

pub(super) fn zmpop(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (keys, words) = keys_counted(arguments, 1, Some(list::NUMKEYS))?;
    let order = Order::parse(&words)?;
    match first_holding::<SortedSet>(context, &keys)? {
        Some(key) => take(context, key, order, Form::KeyAndPairs),
        None => {
            context.reply.null_array();
            Ok(())
        }
    }
}
