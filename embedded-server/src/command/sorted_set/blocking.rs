//! The forms that wait: BZPOPMIN, BZPOPMAX, BZMPOP.

use super::pop::{End, Form, Order, take};
use crate::blocking::Waiting;
use crate::command::list;
use crate::command::list::blocking::{deadline_in, holds, owned};
use crate::command::outcome::Outcome;
use crate::command::typed::{first_holding, keys_counted};
use crate::command::{Arguments, Context};
use crate::types::SortedSet;

/// Waits for members of any sorted set.
struct Pop(Order, Form);

impl Waiting for Pop {
    fn serve(&mut self, context: &mut Context<'_>, key: &[u8]) -> bool {
        holds::<SortedSet>(context, key) && take(context, key, self.0, self.1).is_ok()
    }
}

pub(super) fn bzpopmin(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    pop_one(context, arguments, End::Lowest)
}

pub(super) fn bzpopmax(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    pop_one(context, arguments, End::Highest)
}

fn pop_one(context: &mut Context<'_>, arguments: &Arguments<'_>, end: End) -> Outcome {
    let last = arguments.len() - 1;
    let deadline_ms = deadline_in(&arguments[last], context.server.now_ms)?;
    let keys = arguments.from(1).first(last - 1);
    let pop = Pop(Order { end, count: 1 }, Form::KeyThenFlat);
    pop_or_wait(context, &keys, pop, deadline_ms)
}

pub(super) fn bzmpop(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let deadline_ms = deadline_in(&arguments[1], context.server.now_ms)?;
    let (keys, words) = keys_counted(arguments, 2, Some(list::NUMKEYS))?;
    let pop = Pop(Order::parse(&words)?, Form::KeyAndPairs);
    pop_or_wait(context, &keys, pop, deadline_ms)
}

fn pop_or_wait(
    context: &mut Context<'_>,
    keys: &Arguments<'_>,
    pop: Pop,
    deadline_ms: Option<i64>,
) -> Outcome {
    match first_holding::<SortedSet>(context, keys)? {
        Some(key) => take(context, key, pop.0, pop.1),
        None => {
            context.block(owned(keys), deadline_ms, Box::new(pop));
            Ok(())
        }
    }
}
