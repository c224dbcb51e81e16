//! COMMAND: what commands there are, how they are called, which arguments are keys.

mod docs;
mod facts;
mod getkeys;
mod info;

use super::outcome::{Outcome, Refusal, handler, help, unknown_subcommand};
use super::table::{Command, CommandSpec, Flags, Group, flags, table};
use super::{Arguments, Context, Handler, Reply, is, refusal};
use crate::text::glob;

pub(super) const COMMANDS: &[CommandSpec] = &[sub("command", -1, handler!(all))
    .about("2.8.13", "Every command, described.")
    .subcommands(&[
        sub("count", 2, handler!(count)).about("2.8.13", "How many commands there are."),
        sub("list", -2, handler!(list)).about("7.0.0", "The names of the commands."),
        sub("info", -2, handler!(info::info)).about("2.8.13", "Commands, described for programs."),
        sub("docs", -2, handler!(docs::docs)).about("7.0.0", "Commands, described for people."),
        sub("getkeys", -4, handler!(getkeys::getkeys))
            .about("2.8.13", "The keys within a command."),
        sub("getkeysandflags", -4, handler!(getkeys::getkeys_and_flags)).about(
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
    info::describe_all(context.reply);
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

/// The command called `get` or `config|get`.
fn named(context: &Context<'_>, name: &[u8]) -> Option<&'static Command> {
    let mut parts = name.splitn(2, |byte| *byte == b'|');
    let command = context.server.config.renames.find(parts.next()?)?;
    match parts.next() {
        None => Some(command),
        Some(subcommand) => table().find_subcommand(command, subcommand),
    }
}

/// A set of names.
fn statuses<'a>(reply: &mut Reply, names: impl ExactSizeIterator<Item = &'a str>) {
    reply.set(names.len());
    names.for_each(|name| reply.simple(name));
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
