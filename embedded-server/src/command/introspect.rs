//! COMMAND: what commands there are, how they are called, which arguments are keys.

use super::outcome::{Outcome, Refusal, handler, help, unknown_subcommand};
use super::table::{Command, CommandSpec, Flags, Group, Keys, flags, table};
use super::{Arguments, Context, Handler, Reply, is, refusal};
use crate::text::glob;

pub(super) const COMMANDS: &[CommandSpec] = &[sub("command", -1, handler!(all))
    .about("2.8.13", "Every command, described.")
    .subcommands(&[
        sub("count", 2, handler!(count)).about("2.8.13", "How many commands there are."),
        sub("list", -2, handler!(list)).about("7.0.0", "The names of the commands."),
        sub("info", -2, handler!(info)).about("2.8.13", "Commands, described for programs."),
        sub("docs", -2, handler!(docs)).about("7.0.0", "Commands, described for people."),
        sub("getkeys", -4, handler!(getkeys)).about("2.8.13", "The keys within a command."),
        sub("getkeysandflags", -4, handler!(getkeys_and_flags)).about(
            "7.0.0",
            "The keys within a command, and what it does with them.",
        ),
        sub("help", 2, handler!(help_command)).about("5.0.0", "Lists the subcommands."),
    ])];

const fn sub(name: &'static str, arity: i16, handler: Handler) -> CommandSpec {
    let spec = CommandSpec::new(name, arity, Group::Server, handler);
    spec.flags(flags![LOADING, STALE])
        .category(Some("connection"))
}

const HELP: &[&str] = &[
    "COMMAND <subcommand> [<arg> ...]. Subcommands are:",
    "(none)",
    "    Every command, described for programs.",
    "COUNT",
    "    How many commands there are.",
    "LIST [FILTERBY <MODULE <name> | ACLCAT <category> | PATTERN <glob>>]",
    "    The names of the commands.",
    "INFO [<name> ...]",
    "    Commands, described for programs; without a name, all of them.",
    "DOCS [<name> ...]",
    "    Commands, described for people; without a name, all of them.",
    "GETKEYS <command> [<arg> ...]",
    "    The keys within a command.",
    "GETKEYSANDFLAGS <command> [<arg> ...]",
    "    The keys within a command, and what it does with them.",
    "HELP",
    "    These lines.",
];

fn help_command(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    help(context, HELP);
    Ok(())
}

/// Which commands are meant.
type Filter<'a> = Box<dyn Fn(&Command) -> bool + 'a>;

fn all(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    if arguments.len() > 1 {
        return unknown_subcommand(context, arguments);
    }
    describe_all(context.reply);
    Ok(())
}

fn count(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    context.reply.count(table().top_level().len());
    Ok(())
}

fn list(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let wanted: Filter<'_> = match (arguments.get(2), arguments.get(3), arguments.get(4)) {
        (None, ..) => Box::new(|_| true),
        (Some(word), Some(by), Some(what)) if is(word, "filterby") && arguments.len() == 5 => {
            filter(by, what)?
        }
        _ => return Err(refusal::SYNTAX.into()),
    };
    let found: Vec<_> = table()
        .all()
        .iter()
        .filter(|command| wanted(command))
        .collect();
    context.reply.array(found.len());
    for command in found {
        context.reply.bulk(command.full_name.as_bytes());
    }
    Ok(())
}

fn filter<'a>(by: &[u8], what: &'a [u8]) -> Result<Filter<'a>, Refusal> {
    match by.to_ascii_lowercase().as_slice() {
        b"module" => Ok(Box::new(|_| false)),
        b"aclcat" => Ok(Box::new(move |command| {
            acl_categories(command)
                .iter()
                .any(|category| is(what, category))
        })),
        b"pattern" => Ok(Box::new(move |command| {
            glob::matches_ignoring_case(what, command.full_name.as_bytes())
        })),
        _ => Err(refusal::SYNTAX.into()),
    }
}

fn info(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    if arguments.len() == 2 {
        describe_all(context.reply);
        return Ok(());
    }
    context.reply.array(arguments.len() - 2);
    for name in arguments.from(2).iter() {
        match named(name) {
            Some(command) => describe(context.reply, command),
            None => context.reply.null(),
        }
    }
    Ok(())
}

/// The command called `get` or `config|get`.
fn named(name: &[u8]) -> Option<&'static Command> {
    let table = table();
    let mut parts = name.splitn(2, |byte| *byte == b'|');
    let command = table.find(parts.next()?)?;
    match parts.next() {
        None => Some(command),
        Some(subcommand) => table.find_subcommand(command, subcommand),
    }
}

fn describe_all(reply: &mut Reply) {
    let commands = table().top_level();
    reply.array(commands.len());
    for command in commands {
        describe(reply, command);
    }
}

/// The ten parts of COMMAND INFO.
fn describe(reply: &mut Reply, command: &Command) {
    let spec = command.spec;
    reply.array(10);
    reply.bulk(command.full_name.as_bytes());
    reply.integer(spec.arity.into());
    statuses(reply, &spec.flags.names().collect::<Vec<_>>());
    for position in [spec.keys.first, spec.keys.last, spec.keys.step] {
        reply.integer(position.into());
    }
    let categories: Vec<_> = acl_categories(command)
        .into_iter()
        .map(|name| format!("@{name}"))
        .collect();
    statuses(
        reply,
        &categories.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    reply.array(0);
    describe_keys(reply, spec);
    let subcommands = table().subcommands(command);
    reply.array(subcommands.len());
    for subcommand in subcommands {
        describe(reply, subcommand);
    }
}

fn statuses(reply: &mut Reply, names: &[&str]) {
    reply.set(names.len());
    for name in names {
        reply.simple(name);
    }
}

/// The key specifications of COMMAND INFO: where the search begins and how far it goes.
fn describe_keys(reply: &mut Reply, spec: &CommandSpec) {
    let Keys { first, last, step } = spec.keys;
    if first == 0 {
        return reply.array(0);
    }
    reply.array(1);
    reply.map(3);
    reply.bulk(b"flags");
    statuses(reply, key_flags(spec));
    reply.bulk(b"begin_search");
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(b"index");
    reply.bulk(b"spec");
    reply.map(1);
    reply.bulk(b"index");
    reply.integer(first.into());
    reply.bulk(b"find_keys");
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(b"range");
    reply.bulk(b"spec");
    reply.map(3);
    // Counted from the first key, unless it counts from the end.
    let last = if last < 0 { last } else { last - first };
    for (name, value) in [("lastkey", last), ("keystep", step), ("limit", 0)] {
        reply.bulk(name.as_bytes());
        reply.integer(value.into());
    }
}

/// What a command does with its keys, as far as its flags tell.
fn key_flags(spec: &CommandSpec) -> &'static [&'static str] {
    if spec.flags.has(Flags::WRITE) {
        &["RW", "access", "update"]
    } else {
        &["RO", "access"]
    }
}

/// The ACL categories a command belongs to, without the `@`.
fn acl_categories(command: &Command) -> Vec<&'static str> {
    let flags = command.spec.flags;
    let implied = [
        (flags.has(Flags::WRITE), "write"),
        (flags.has(Flags::READONLY), "read"),
        (flags.has(Flags::ADMIN), "admin"),
        (flags.has(Flags::FAST), "fast"),
        (!flags.has(Flags::FAST), "slow"),
        (flags.has(Flags::BLOCKING), "blocking"),
        (
            flags.has(Flags::ADMIN) || flags.has(Flags::DANGEROUS),
            "dangerous",
        ),
    ];
    let implied = implied
        .into_iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, name)| name);
    implied
        .chain(command.spec.category)
        .chain(command.spec.further.iter().copied())
        .collect()
}

fn docs(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let commands: Vec<&Command> = match arguments.len() {
        2 => table().top_level().iter().collect(),
        _ => arguments.from(2).iter().filter_map(named).collect(),
    };
    context.reply.map(commands.len());
    for command in commands {
        document(context.reply, command);
    }
    Ok(())
}

fn document(reply: &mut Reply, command: &Command) {
    let spec = command.spec;
    let subcommands = table().subcommands(command);
    reply.bulk(command.full_name.as_bytes());
    reply.map(if subcommands.is_empty() { 3 } else { 4 });
    for (name, text) in [
        ("summary", spec.summary),
        ("since", spec.since),
        ("group", spec.group.name()),
    ] {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
    if !subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        for subcommand in subcommands {
            document(reply, subcommand);
        }
    }
}

fn getkeys(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (_, positions) = keys_within(arguments)?;
    context.reply.array(positions.len());
    for position in positions {
        context.reply.bulk(&arguments.from(2)[position]);
    }
    Ok(())
}

fn getkeys_and_flags(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (command, positions) = keys_within(arguments)?;
    context.reply.array(positions.len());
    for position in positions {
        context.reply.array(2);
        context.reply.bulk(&arguments.from(2)[position]);
        statuses(context.reply, key_flags(command.spec));
    }
    Ok(())
}

/// The command that the arguments of COMMAND GETKEYS make, and the positions of its keys.
fn keys_within(arguments: &Arguments<'_>) -> Result<(&'static Command, Vec<usize>), Refusal> {
    let line = arguments.from(2);
    let command = table()
        .resolve(&line)
        .ok_or("ERR Invalid command specified")?;
    if command.first_key().is_none() && command.spec.find_keys.is_none() {
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
