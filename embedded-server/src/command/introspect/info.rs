//! COMMAND and COMMAND INFO: commands, described for programs.

use super::facts::{Begin, Find, KeySpec, facts};
use super::{acl_categories, named, statuses};
use crate::command::outcome::Outcome;
use crate::command::table::{Command, table};
use crate::command::{Arguments, Context, Reply};

pub(super) fn info(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    if arguments.len() == 2 {
        describe_all(context.reply);
        return Ok(());
    }
    context.reply.array(arguments.len() - 2);
    for name in arguments.from(2).iter() {
        match named(context, name) {
            Some(command) => describe(context.reply, command),
            None => context.reply.null(),
        }
    }
    Ok(())
}

pub(super) fn describe_all(reply: &mut Reply) {
    let commands = table().top_level();
    reply.array(commands.len());
    for command in commands {
        describe(reply, command);
    }
}

/// The ten parts of COMMAND INFO.
fn describe(reply: &mut Reply, command: &Command) {
    let (spec, facts) = (command.spec, facts(command));
    reply.array(10);
    reply.bulk(command.full_name.as_bytes());
    reply.integer(spec.arity.into());
    let flags: Vec<_> = spec.flags.names().collect();
    statuses(reply, flags.into_iter());
    for position in [spec.keys.first, spec.keys.last, spec.keys.step] {
        reply.integer(position.into());
    }
    let categories: Vec<_> = acl_categories(command)
        .into_iter()
        .map(|name| format!("@{name}"))
        .collect();
    statuses(reply, categories.iter().map(String::as_str));
    reply.array(facts.tips.len());
    facts.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.array(facts.keys.len());
    facts
        .keys
        .iter()
        .for_each(|keys| describe_keys(reply, keys));
    let subcommands = table().subcommands(command);
    reply.array(subcommands.len());
    for subcommand in subcommands {
        describe(reply, subcommand);
    }
}

/// A key specification: what is done with the keys, where the search begins, how far it goes.
fn describe_keys(reply: &mut Reply, keys: &KeySpec) {
    reply.map(3);
    reply.bulk(b"flags");
    statuses(reply, keys.flags.iter().copied());
    reply.bulk(b"begin_search");
    match keys.begin {
        Begin::Index(index) => typed(reply, "index", &[("index", index)]),
        Begin::Keyword(word, from) => {
            open(reply, "keyword", 2);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            reply.bulk(b"startfrom");
            reply.integer(from);
        }
        Begin::Unknown => typed(reply, "unknown", &[]),
    }
    reply.bulk(b"find_keys");
    match keys.find {
        Find::Range { last, step, limit } => {
            let parts = [("lastkey", last), ("keystep", step), ("limit", limit)];
            typed(reply, "range", &parts);
        }
        Find::Counted { count, first, step } => {
            let parts = [("keynumidx", count), ("firstkey", first), ("keystep", step)];
            typed(reply, "keynum", &parts);
        }
        Find::Unknown => typed(reply, "unknown", &[]),
    }
}

fn typed(reply: &mut Reply, kind: &str, parts: &[(&str, i64)]) {
    open(reply, kind, parts.len());
    for (name, value) in parts {
        reply.bulk(name.as_bytes());
        reply.integer(*value);
    }
}

fn open(reply: &mut Reply, kind: &str, parts: usize) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(parts);
}
