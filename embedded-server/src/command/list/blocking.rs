//! The forms that wait: BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH.

use super::pop::{NUMKEYS, Order, answer_with_key, pop_one};
use super::transfer::{Transfer, carry_out};
use crate::blocking::Waiting;
use crate::command::outcome::{Outcome, Refusal};
use crate::command::typed::{Kind, first_holding, keys_counted, look};
use crate::command::{Arguments, Context, Reply};
use crate::keyspace::Access;
use crate::text::extended::Extended;
use crate::types::{End, List};

/// Reads a timeout in seconds; when it is up, in milliseconds since the epoch. 0 is never.
pub(in crate::command) fn deadline_in(
    argument: &[u8],
    now_ms: i64,
) -> Result<Option<i64>, Refusal> {
    const NOT_A_TIMEOUT: &str = "ERR timeout is not a float or out of range";
    const OUT_OF_RANGE: &str = "ERR timeout is out of range";
    Extended::parse(argument).ok_or(NOT_A_TIMEOUT)?;
    let seconds = crate::text::double::parse(argument).ok_or(NOT_A_TIMEOUT)?;
    let ms = (seconds * 1000.0).ceil();
    if ms > i64::MAX as f64 {
        return Err(OUT_OF_RANGE.into());
    }
    if seconds < 0.0 {
        return Err("ERR timeout is negative".into());
    }
    match ms as i64 {
        0 => Ok(None),
        ms => now_ms
            .checked_add(ms)
            .map(Some)
            .ok_or_else(|| OUT_OF_RANGE.into()),
    }
}

/// Whether a key holds a value of this type. Those who wait for one are not interested in others.
pub(in crate::command) fn holds<T: Kind>(context: &mut Context<'_>, key: &[u8]) -> bool {
    let db = context.db();
    look::<T>(&mut context.server.keyspace, db, key, Access::Silent)
        .is_ok_and(|found| found.is_some())
}

/// The keys as they are kept while their client waits.
pub(in crate::command) fn owned(keys: &Arguments<'_>) -> Vec<Box<[u8]>> {
    keys.iter().map(Into::into).collect()
}

/// Waits for an element of any list.
struct Pop(End);

impl Waiting for Pop {
    fn serve(&mut self, context: &mut Context<'_>, key: &[u8]) -> bool {
        holds::<List>(context, key) && answer_pair(context, key, self.0).is_ok()
    }
}

/// Takes an element off a list that exists, and answers its key with it.
fn answer_pair(context: &mut Context<'_>, key: &[u8], end: End) -> Outcome {
    context.reply.array(2);
    context.reply.bulk(key);
    pop_one(context, key, end)
}

pub(super) fn blpop(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    pop(context, arguments, End::Left)
}

pub(super) fn brpop(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    pop(context, arguments, End::Right)
}

fn pop(context: &mut Context<'_>, arguments: &Arguments<'_>, end: End) -> Outcome {
    let last = arguments.len() - 1;
    let deadline_ms = deadline_in(&arguments[last], context.server.now_ms)?;
    let keys = arguments.from(1).first(last - 1);
    match first_holding::<List>(context, &keys)? {
        Some(key) => answer_pair(context, key, end),
        None => {
            context.block(owned(&keys), deadline_ms, Box::new(Pop(end)));
            Ok(())
        }
    }
}

/// Waits for elements of any list.
struct PopMany(Order);

impl Waiting for PopMany {
    fn serve(&mut self, context: &mut Context<'_>, key: &[u8]) -> bool {
        holds::<List>(context, key) && answer_with_key(context, key, self.0).is_ok()
    }
}

pub(super) fn blmpop(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let deadline_ms = deadline_in(&arguments[1], context.server.now_ms)?;
    let (keys, words) = keys_counted(arguments, 2, Some(NUMKEYS))?;
    let order = Order::parse(&words)?;
    match first_holding::<List>(context, &keys)? {
        Some(key) => answer_with_key(context, key, order),
        None => {
            context.block(owned(&keys), deadline_ms, Box::new(PopMany(order)));
            Ok(())
        }
    }
}

/// Waits for an element to move to another list.
struct Move {
    from: End,
    target: Box<[u8]>,
    to: End,
    is_rotation: bool,
}

impl Waiting for Move {
    fn serve(&mut self, context: &mut Context<'_>, key: &[u8]) -> bool {
        if !holds::<List>(context, key) {
            return false;
        }
        let transfer = Transfer {
            from: (key, self.from),
            to: (&self.target, self.to),
            is_rotation: self.is_rotation,
        };
        let start = context.reply.len();
        match carry_out(context, transfer) {
            Ok(moved) => moved,
            Err(refusal) => {
                context.reply.truncate(start);
                refusal.answer(context.reply);
                true
            }
        }
    }

    fn refuse(&self, reply: &mut Reply) {
        reply.null();
    }
}

pub(super) fn blmove(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let transfer = Transfer::parse(arguments)?;
    let deadline_ms = deadline_in(&arguments[5], context.server.now_ms)?;
    move_or_wait(context, transfer, deadline_ms)
}

pub(super) fn brpoplpush(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let deadline_ms = deadline_in(&arguments[3], context.server.now_ms)?;
    move_or_wait(context, Transfer::rotation(arguments), deadline_ms)
}

fn move_or_wait(
    context: &mut Context<'_>,
    transfer: Transfer<'_>,
    deadline_ms: Option<i64>,
) -> Outcome {
    if !carry_out(context, transfer)? {
        let waiting = Move {
            from: transfer.from.1,
            target: transfer.to.0.into(),
            to: transfer.to.1,
            is_rotation: transfer.is_rotation,
        };
        context.block(vec![transfer.from.0.into()], deadline_ms, Box::new(waiting));
    }
    Ok(())
}
