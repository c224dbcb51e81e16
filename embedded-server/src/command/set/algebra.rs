//! Several sets together: SINTER, SUNION, SDIFF, the forms that store, SINTERCARD.

use std::ops::ControlFlow;

use crate::command::outcome::{Outcome, Refusal};
use crate::command::typed::{count_in, integer_between, read_all, store};
use crate::command::{Arguments, Context, is, refusal};
use crate::notify::Events;
use crate::types::{Limits, Set, set};

/// What is made of several sets.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Intersect,
    Unite,
    Subtract,
}

impl Operation {
    /// The event of storing what it makes.
    const fn event(self) -> &'static str {
        match self {
            Self::Intersect => "sinterstore",
            Self::Unite => "sunionstore",
            Self::Subtract => "sdiffstore",
        }
    }

    /// Does it. A set that is not there is empty.
    fn carry_out(self, sets: &[Option<&Set>], limits: &Limits) -> Set {
        let there: Vec<&Set> = sets.iter().copied().flatten().collect();
        match (self, sets) {
            (Self::Intersect, _) if there.len() < sets.len() => Set::new(),
            (Self::Intersect, _) => {
                let mut common = Set::new();
                set::intersect(&there, |member| {
                    common.add_member(member, limits);
                    ControlFlow::Continue(())
                });
                common
            }
            (Self::Unite, _) => set::union(&there, limits),
            (Self::Subtract, [Some(first), ..]) => {
                set::difference(first, there.get(1..).unwrap_or_default(), limits)
            }
            (Self::Subtract, _) => Set::new(),
        }
    }
}

pub(super) fn sinter(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer(context, arguments, Operation::Intersect)
}

pub(super) fn sunion(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer(context, arguments, Operation::Unite)
}

pub(super) fn sdiff(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer(context, arguments, Operation::Subtract)
}

pub(super) fn sinterstore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    keep(context, arguments, Operation::Intersect)
}

pub(super) fn sunionstore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    keep(context, arguments, Operation::Unite)
}

pub(super) fn sdiffstore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    keep(context, arguments, Operation::Subtract)
}

fn combined(
    context: &mut Context<'_>,
    keys: &Arguments<'_>,
    operation: Operation,
) -> Result<Set, Refusal> {
    let (sets, tools) = read_all::<Set>(context, keys.iter())?;
    Ok(operation.carry_out(&sets, tools.limits))
}

fn answer(context: &mut Context<'_>, arguments: &Arguments<'_>, operation: Operation) -> Outcome {
    let result = combined(context, &arguments.from(1), operation)?;
    let mut digits = itoa::Buffer::new();
    context.reply.set(result.len());
    result
        .iter()
        .for_each(|member| context.reply.bulk(member.bytes(&mut digits)));
    Ok(())
}

fn keep(context: &mut Context<'_>, arguments: &Arguments<'_>, operation: Operation) -> Outcome {
    let result = combined(context, &arguments.from(2), operation)?;
    let len = store(
        context,
        &arguments[1],
        result,
        Events::SET,
        operation.event(),
    )?;
    context.reply.count(len);
    Ok(())
}

pub(super) fn sintercard(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (keys, limit) = keys_and_limit(arguments)?;
    let (sets, tools) = read_all::<Set>(context, keys.iter())?;
    let mut count = 0;
    if let Some(sets) = sets.into_iter().collect::<Option<Vec<&Set>>>() {
        set::intersect(&sets, |_| {
            count += 1;
            if count == limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
    }
    tools.reply.count(count);
    Ok(())
}

/// The keys of SINTERCARD, and how far it counts: as far as there is anything, for 0.
fn keys_and_limit<'a>(arguments: &Arguments<'a>) -> Result<(Arguments<'a>, usize), Refusal> {
    let count = integer_between(
        &arguments[1],
        1..=i64::MAX,
        Some("ERR numkeys should be greater than 0"),
    )?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > arguments.len() - 2 {
        return Err("ERR Number of keys can't be greater than number of args".into());
    }
    let (mut limit, mut words) = (0, arguments.from(2 + count));
    while words.len() >= 2 && is(&words[0], "limit") {
        limit = count_in(&words[1], Some("ERR LIMIT can't be negative"))?;
        words = words.from(2);
    }
    if words.is_empty() {
        Ok((arguments.from(2).first(count), limit))
    } else {
        Err(refusal::SYNTAX.into())
    }
}
