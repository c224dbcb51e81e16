//! Members drawn at random: SPOP, SRANDMEMBER.

use crate::command::draw::Draw;
use crate::command::outcome::Outcome;
use crate::command::typed::{count_in, edit, look, read_with};
use crate::command::{Arguments, Context, refusal};
use crate::keyspace::Access;
use crate::notify::Events;
use crate::types::Set;

pub(super) fn srandmember(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let draw = match arguments.len() {
        2 => None,
        3 => Some(Draw::parse(&arguments[2], false)?),
        _ => return Err(refusal::SYNTAX.into()),
    };
    let mut digits = itoa::Buffer::new();
    match (read_with::<Set>(context, &arguments[1])?, draw) {
        (Some((set, tools)), Some(draw)) => {
            tools.reply.array(draw.size(set.len()));
            draw.each(set.len(), tools.random, |number| {
                if let Some(member) = set.at(number) {
                    tools.reply.bulk(member.bytes(&mut digits));
                }
                !tools.reply.is_over()
            });
        }
        (Some((set, tools)), None) => {
            let member = set.random(tools.random);
            tools
                .reply
                .bulk_or_null(member.map(|member| member.bytes(&mut digits)));
        }
        (None, Some(_)) => context.reply.array(0),
        (None, None) => context.reply.null(),
    }
    Ok(())
}

pub(super) fn spop(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[1];
    let count = match arguments.len() {
        2 => None,
        3 => Some(count_in(&arguments[2], None)?),
        _ => return Err(refusal::SYNTAX.into()),
    };
    let (db, keyspace) = (context.db(), &mut context.server.keyspace);
    let exists = look::<Set>(keyspace, db, key, Access::Silent)?.is_some();
    match (exists, count) {
        (false, None) => context.reply.null(),
        (false, Some(_)) | (true, Some(0)) => context.reply.set(0),
        (true, count) => pop(context, key, count)?,
    }
    Ok(())
}

/// Takes members out of a set that exists, and answers them: as a set, unless it is only one that was asked for.
fn pop(context: &mut Context<'_>, key: &[u8], count: Option<usize>) -> Outcome {
    let changed = edit(context, key, |set: &mut Set, tools| {
        let size = count.unwrap_or(1).min(set.len());
        if count.is_some() {
            tools.reply.set(size);
        }
        let drawn = || {
            let member = set.pop(tools.random).unwrap_or_default();
            tools.reply.bulk(&member);
            member
        };
        std::iter::repeat_with(drawn).take(size).collect::<Vec<_>>()
    })?;
    let (members, removed) = changed.map_or_else(Default::default, |changed| {
        (changed.result, changed.removed)
    });
    context.changed(Events::SET, "spop", key, removed);
    if removed && count.is_some() {
        context.tell_replicas(&[b"DEL", key]);
    } else {
        context.tell_replicas_of(&[b"SREM", key], &members, &[]);
    }
    Ok(())
}
