//! SLOWLOG: the commands that took long.

use super::outcome::{Outcome, handler, help, unknown_subcommand};
use super::table::{CommandSpec, Flags, Group, flags};
use super::{Arguments, Context, Handler};
use crate::text::integer;

/// How many entries SLOWLOG GET tells unless asked for another number.
const ENTRIES_TOLD: usize = 10;
const BAD_COUNT: &str = "ERR count should be greater than or equal to -1";

pub(super) const COMMANDS: &[CommandSpec] =
    &[
        CommandSpec::new("slowlog", -2, Group::Server, handler!(unknown_subcommand))
            .about("2.2.12", "The commands that took long.")
            .subcommands(&[
                sub("get", -2, handler!(get)).about("2.2.12", "The latest of them, newest first."),
                sub("len", 2, handler!(len)).about("2.2.12", "How many are kept."),
                sub("reset", 2, handler!(reset)).about("2.2.12", "Forgets them."),
                CommandSpec::new("help", 2, Group::Server, handler!(help_slowlog))
                    .flags(flags![LOADING, STALE])
                    .about("6.2.0", "Lists the subcommands."),
            ]),
    ];

const fn sub(name: &'static str, arity: i16, handler: Handler) -> CommandSpec {
    const FLAGS: Flags = flags![ADMIN, LOADING, STALE];
    CommandSpec::new(name, arity, Group::Server, handler).flags(FLAGS)
}

const HELP: &[&str] = &[
    "SLOWLOG <subcommand> [<arg> ...]. Subcommands are:",
    "GET [<count>]",
    "    The latest entries, newest first; 10 of them, or as many as asked for, or with -1 all. An entry is its number,",
    "    when it ran, how many microseconds it took, the command, and the client's address and name.",
    "LEN",
    "    How many entries there are.",
    "RESET",
    "    Forgets them.",
    "HELP",
    "    These lines.",
];

fn help_slowlog(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    help(context, HELP);
    Ok(())
}

fn get(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let asked = match (arguments.len(), arguments.get(2)) {
        (3, Some(count)) => match integer::parse(count) {
            Some(-1) => usize::MAX,
            count => count
                .and_then(|count| usize::try_from(count).ok())
                .ok_or(BAD_COUNT)?,
        },
        (2, _) => ENTRIES_TOLD,
        _ => return Err(super::outcome::Refusal::arity("slowlog|get")),
    };
    let Context { server, reply, .. } = context;
    reply.array(server.slowlog.iter().len().min(asked));
    for entry in server.slowlog.iter().take(asked) {
        reply.array(6);
        reply.integer(entry.id);
        reply.integer(entry.unix_seconds);
        reply.integer(entry.duration_us);
        reply.array(entry.arguments.len());
        entry
            .arguments
            .iter()
            .for_each(|argument| reply.bulk(argument));
        reply.bulk(entry.peer.as_bytes());
        reply.bulk(&entry.name);
    }
    Ok(())
}

fn len(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    context.reply.count(context.server.slowlog.iter().len());
    Ok(())
}

fn reset(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    context.server.slowlog.clear();
    context.reply.ok();
    Ok(())
}
