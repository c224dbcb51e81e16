//! COMMAND GETKEYS and GETKEYSANDFLAGS: which arguments of a command are keys, and what is done with them.

use super::facts::{KeySpec, facts};
use super::statuses;
use crate::command::outcome::{Outcome, Refusal};
use crate::command::table::Command;
use crate::command::{Arguments, Context, is};

pub(super) fn getkeys(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (_, positions) = keys_within(context, arguments)?;
    context.reply.array(positions.len());
    for position in positions {
        context.reply.bulk(&arguments.from(2)[position]);
    }
    Ok(())
}

pub(super) fn getkeys_and_flags(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (command, positions) = keys_within(context, arguments)?;
    let line = arguments.from(2);
    context.reply.array(positions.len());
    for position in positions {
        context.reply.array(2);
        context.reply.bulk(&line[position]);
        statuses(
            context.reply,
            flags_of(command, &line, position).into_iter(),
        );
    }
    Ok(())
}

/// The command that the arguments of COMMAND GETKEYS make, and the positions of its keys.
fn keys_within(
    context: &Context<'_>,
    arguments: &Arguments<'_>,
) -> Result<(&'static Command, Vec<usize>), Refusal> {
    let line = arguments.from(2);
    let names = &context.server.config.renames;
    let command = names
        .resolve(&line)
        .ok_or("ERR Invalid command specified")?;
    let keys = &facts(command).keys;
    // Channels of a shard are found as keys are, but are none.
    let are_others = !keys.is_empty() && keys.iter().all(|keys| keys.flags.contains(&"not_key"));
    if are_others || (command.first_key().is_none() && command.spec.find_keys.is_none()) {
        return Err("ERR The command has no key arguments".into());
    }
    if !command.spec.accepts(line.len()) {
        return Err("ERR Invalid number of arguments specified for command".into());
    }
    let mut positions = Vec::new();
    command.key_positions(&line, &mut positions);
    if positions.is_empty() {
        return Err("ERR The command has no key arguments".into());
    }
    Ok((command, positions))
}

/// What `line` does with its key at `position`.
fn flags_of(command: &Command, line: &Arguments<'_>, position: usize) -> Vec<&'static str> {
    let has = |words: &[&str]| {
        let mut given = line.from(2).iter();
        given.any(|given| words.iter().any(|word| is(given, word)))
    };
    match command.spec.name {
        // Whether these read the key, or change it, depends on their options.
        "set" if !has(&["get"]) => return vec!["OW", "update"],
        "bitfield" if !has(&["set", "incrby"]) => return vec!["RO", "access"],
        _ => {}
    }
    let specs = &facts(command).keys;
    let covering = specs.iter().find(|spec| spec.covers(line, position));
    // A key that only the command's meaning tells is what the last specification is for.
    let unknown = specs.iter().rev().find(|spec| spec.is_unknown());
    let flags = covering.or(unknown).map(KeySpec::told_flags);
    flags.unwrap_or_default()
}
