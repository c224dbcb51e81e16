//! Single members: SADD, SREM, SISMEMBER, SMISMEMBER, SMOVE; and all of them: SCARD, SMEMBERS, SSCAN.

use crate::command::outcome::{Outcome, Refusal};
use crate::command::scan::scan;
use crate::command::typed::{edit, edit_or_create, look, read};
use crate::command::{Arguments, Context};
use crate::keyspace::Access;
use crate::notify::Events;
use crate::types::{Member, Set};

pub(super) fn sadd(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, members) = (&arguments[1], arguments.from(2));
    let added = add(context, key, members)?;
    context.reply.count(added);
    Ok(())
}

/// Adds members to a set, made if missing; says how many were new.
fn add(context: &mut Context<'_>, key: &[u8], members: Arguments<'_>) -> Result<usize, Refusal> {
    let bytes = members.iter().map(<[u8]>::len).sum();
    let changed = edit_or_create(context, key, bytes, |set: &mut Set, tools| {
        members
            .iter()
            .filter(|member| set.add(member, tools.limits))
            .count()
    })?;
    if changed.result > 0 {
        context.notify(Events::SET, "sadd", key);
    }
    Ok(changed.result)
}

pub(super) fn srem(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, members) = (&arguments[1], arguments.from(2));
    let changed = edit(context, key, |set: &mut Set, _| {
        members.iter().filter(|member| set.remove(member)).count()
    })?;
    if let Some(changed) = changed.as_ref().filter(|changed| changed.result > 0) {
        context.changed(Events::SET, "srem", key, changed.removed);
    }
    context
        .reply
        .count(changed.map_or(0, |changed| changed.result));
    Ok(())
}

pub(super) fn sismember(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    match read::<Set>(context, &arguments[1])? {
        Some((set, reply)) => reply.integer(i64::from(set.contains(&arguments[2]))),
        None => context.reply.integer(0),
    }
    Ok(())
}

pub(super) fn smismember(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let members = arguments.from(2);
    match read::<Set>(context, &arguments[1])? {
        Some((set, reply)) => {
            reply.array(members.len());
            members
                .iter()
                .for_each(|member| reply.integer(i64::from(set.contains(member))));
        }
        None => {
            context.reply.array(members.len());
            members.iter().for_each(|_| context.reply.integer(0));
        }
    }
    Ok(())
}

pub(super) fn smove(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (source, target, member) = (&arguments[1], &arguments[2], &arguments[3]);
    let (db, keyspace) = (context.db(), &mut context.server.keyspace);
    let Some(set) = look::<Set>(keyspace, db, source, Access::Silent)? else {
        context.reply.integer(0);
        return Ok(());
    };
    let there = set.contains(member);
    look::<Set>(keyspace, db, target, Access::Silent)?;
    if there && source != target {
        transfer(context, source, target, arguments.from(3))?;
    }
    context.reply.integer(i64::from(there));
    Ok(())
}

/// Moves a member from a set that has it to another.
fn transfer(
    context: &mut Context<'_>,
    source: &[u8],
    target: &[u8],
    member: Arguments<'_>,
) -> Outcome {
    let changed = edit(context, source, |set: &mut Set, _| set.remove(&member[0]))?;
    context.changed(
        Events::SET,
        "srem",
        source,
        changed.is_some_and(|changed| changed.removed),
    );
    add(context, target, member).map(drop)
}

pub(super) fn scard(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    match read::<Set>(context, &arguments[1])? {
        Some((set, reply)) => reply.count(set.len()),
        None => context.reply.integer(0),
    }
    Ok(())
}

pub(super) fn smembers(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let Some((set, reply)) = read::<Set>(context, &arguments[1])? else {
        context.reply.set(0);
        return Ok(());
    };
    let mut digits = itoa::Buffer::new();
    reply.set(set.len());
    set.iter()
        .for_each(|member| reply.bulk(member.bytes(&mut digits)));
    Ok(())
}

pub(super) fn sscan(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    scan(context, arguments, |set: &Set, cursor, count, found| {
        let mut digits = itoa::Buffer::new();
        set.scan(cursor, count, |member: Member<'_>| {
            found.offer([member.bytes(&mut digits)])
        })
    })
}
