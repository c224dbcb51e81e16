//! COMMAND DOCS: commands, described for people and for the programs that help them type.

use super::facts::{Argument, facts};
use super::{named, statuses};
use crate::command::outcome::Outcome;
use crate::command::table::{Command, table};
use crate::command::{Arguments, Context, Reply};

pub(super) fn docs(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let commands: Vec<&Command> = match arguments.len() {
        2 => table().top_level().iter().collect(),
        _ => {
            let names = arguments.from(2).iter();
            names.filter_map(|name| named(context, name)).collect()
        }
    };
    context.reply.map(commands.len());
    for command in commands {
        document(context.reply, command);
    }
    Ok(())
}

fn document(reply: &mut Reply, command: &Command) {
    let (spec, facts) = (command.spec, facts(command));
    let subcommands = table().subcommands(command);
    let texts = [
        ("summary", Some(spec.summary)),
        ("since", Some(spec.since)),
        ("group", Some(spec.group.name())),
        ("complexity", facts.complexity),
    ];
    let told = texts.iter().filter(|(_, text)| text.is_some()).count();
    let marks = [
        (facts.deprecated_since.is_some(), "deprecated"),
        (facts.is_internal, "syscmd"),
    ];
    let marks: Vec<_> = marks
        .into_iter()
        .filter_map(|(holds, name)| holds.then_some(name))
        .collect();
    reply.bulk(command.full_name.as_bytes());
    reply.map(
        told + usize::from(!marks.is_empty())
            + usize::from(facts.deprecated_since.is_some())
            + usize::from(!facts.arguments.is_empty())
            + usize::from(!subcommands.is_empty()),
    );
    texts
        .into_iter()
        .for_each(|(name, text)| put_text(reply, name, text));
    if !marks.is_empty() {
        reply.bulk(b"doc_flags");
        statuses(reply, marks.into_iter());
    }
    put_text(reply, "deprecated_since", facts.deprecated_since);
    put_arguments(reply, &facts.arguments);
    if !subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        for subcommand in subcommands {
            document(reply, subcommand);
        }
    }
}

fn put_text(reply: &mut Reply, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
}

fn put_arguments(reply: &mut Reply, arguments: &[Argument]) {
    if arguments.is_empty() {
        return;
    }
    reply.bulk(b"arguments");
    reply.array(arguments.len());
    for argument in arguments {
        put_argument(reply, argument);
    }
}

fn put_argument(reply: &mut Reply, argument: &Argument) {
    let optional = [argument.token, argument.since, argument.deprecated_since];
    let told = optional.into_iter().flatten().count();
    reply.map(
        2 + told
            + usize::from(argument.key_spec.is_some())
            + usize::from(!argument.flags.is_empty())
            + usize::from(!argument.parts.is_empty()),
    );
    put_text(reply, "name", Some(argument.name));
    put_text(reply, "type", Some(argument.kind));
    if let Some(index) = argument.key_spec {
        reply.bulk(b"key_spec_index");
        reply.integer(index);
    }
    put_text(reply, "token", argument.token);
    put_text(reply, "since", argument.since);
    put_text(reply, "deprecated_since", argument.deprecated_since);
    if !argument.flags.is_empty() {
        reply.bulk(b"flags");
        statuses(reply, argument.flags.iter().copied());
    }
    put_arguments(reply, &argument.parts);
}
