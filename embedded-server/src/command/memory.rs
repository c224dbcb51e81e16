//! MEMORY: what keys and the server occupy.

use super::outcome::{Outcome, handler, help, integer_in, unknown_subcommand};
use super::table::{CommandSpec, Group, Keys, flags};
use super::{Arguments, Context, is, refusal};
use crate::machine;

/// The rows of the command table.
pub(super) const COMMANDS: &[CommandSpec] =
    &[
        CommandSpec::new("memory", -2, Group::Server, handler!(unknown_subcommand))
            .about("4.0.0", "Tells where memory goes")
            .subcommands(&[
                sub("doctor", 2, handler!(doctor))
                    .about("4.0.0", "Looks for what is wrong with memory"),
                sub("help", 2, handler!(help_memory))
                    .flags(flags![LOADING, STALE])
                    .about("4.0.0", "Describes the subcommands"),
                sub("malloc-stats", 2, handler!(malloc_stats))
                    .about("4.0.0", "Tells what the allocator counts"),
                sub("purge", 2, handler!(purge))
                    .about("4.0.0", "Asks the allocator to give memory back"),
                sub("stats", 2, handler!(stats)).about("4.0.0", "Tells what occupies memory"),
                sub("usage", -3, handler!(usage))
                    .flags(flags![READONLY])
                    .keys(Keys::SECOND)
                    .about("4.0.0", "Tells how many bytes a key occupies"),
            ]),
    ];

const fn sub(name: &'static str, arity: i16, handler: super::Handler) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Server, handler)
}

const HELP: &[&str] = &[
    "MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "DOCTOR",
    "    A few words on what is wrong with memory, if anything.",
    "MALLOC-STATS",
    "    What the allocator counts.",
    "PURGE",
    "    Asks the allocator to give memory back to the system.",
    "STATS",
    "    What occupies memory.",
    "USAGE <key> [SAMPLES <count>]",
    "    The bytes that a key and its value occupy: exactly, so SAMPLES makes no difference.",
    "HELP",
    "    These lines.",
];

fn help_memory(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    help(context, HELP);
    Ok(())
}

fn usage(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    check_samples(&arguments.from(3))?;
    let db = context.db();
    match context.server.keyspace.object_info(db, &arguments[2]) {
        Some(info) => context.reply.count(info.bytes),
        None => context.reply.null(),
    }
    Ok(())
}

/// SAMPLES is checked and has no effect: nothing is estimated here.
fn check_samples(words: &Arguments<'_>) -> Outcome {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let count = words
            .next()
            .filter(|_| is(word, "samples"))
            .ok_or(refusal::SYNTAX)?;
        if integer_in(count)? < 0 {
            return Err(refusal::SYNTAX.into());
        }
    }
    Ok(())
}

fn doctor(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let (used, limit) = (
        context.server.keyspace.used_memory(),
        context.server.keyspace.settings().maxmemory,
    );
    let report = match limit {
        0 => format!("{used} bytes are in use, without a limit: set maxmemory to bound them."),
        _ if used > limit => {
            format!(
                "{used} bytes are in use, above the limit of {limit}: eviction is catching up, or the policy finds nothing to evict."
            )
        }
        _ => format!(
            "{used} of {limit} bytes are in use. Memory is accounted exactly; nothing is wrong with it."
        ),
    };
    context.reply.verbatim(b"txt", report.as_bytes());
    Ok(())
}

fn malloc_stats(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let text = b"The system's allocator keeps no statistics that could be shown here.";
    context.reply.verbatim(b"txt", text);
    Ok(())
}

fn purge(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    context.reply.ok();
    Ok(())
}

/// A figure of MEMORY STATS.
enum Figure {
    Count(u64),
    Difference(i64),
    Ratio(f64),
}

fn stats(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let figures = figures(context);
    let reply = &mut *context.reply;
    reply.map(figures.len());
    for (name, figure) in figures {
        reply.bulk(name.as_bytes());
        match figure {
            Figure::Count(count) => reply.integer(i64::try_from(count).unwrap_or(i64::MAX)),
            Figure::Difference(difference) => reply.integer(difference),
            Figure::Ratio(ratio) => reply.double(ratio),
        }
    }
    Ok(())
}

/// What occupies memory, under the names that Redis gives it. There is no allocator of our own to look into: what is
/// resident beyond what is used is told as a whole.
fn figures(context: &Context<'_>) -> Vec<(&'static str, Figure)> {
    use Figure::{Count, Difference, Ratio};
    let (server, keyspace) = (&context.server, &context.server.keyspace);
    let (used, dataset, resident) = (
        keyspace.used_memory(),
        keyspace.dataset_memory(),
        machine::resident_bytes(),
    );
    let peak = server.stats.peak_memory.max(used);
    let keys: u64 = keyspace.dbs().map(|db| keyspace.len(db) as u64).sum();
    let ratio = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    let beyond = resident as i64 - used as i64;
    let backlog = server.replication.backlog_bytes();
    let replicas: usize = server
        .all_replicas()
        .map(|(client, _)| client.bytes())
        .sum();
    vec![
        ("peak.allocated", Count(peak)),
        ("total.allocated", Count(used)),
        ("startup.allocated", Count(0)),
        ("replication.backlog", Count(backlog as u64)),
        ("clients.slaves", Count(replicas as u64)),
        (
            "clients.normal",
            Count(server.clients.footprint.bytes as u64),
        ),
        ("cluster.links", Count(0)),
        ("aof.buffer", Count(0)),
        ("lua.caches", Count(0)),
        ("functions.caches", Count(0)),
        ("overhead.total", Count(used.saturating_sub(dataset))),
        ("keys.count", Count(keys)),
        (
            "keys.bytes-per-key",
            Count(used.checked_div(keys).unwrap_or(0)),
        ),
        ("dataset.bytes", Count(dataset)),
        ("dataset.percentage", Ratio(100.0 * ratio(dataset, used))),
        ("peak.percentage", Ratio(100.0 * ratio(used, peak))),
        ("allocator.allocated", Count(used)),
        ("allocator.active", Count(used)),
        ("allocator.resident", Count(resident)),
        ("allocator-fragmentation.ratio", Ratio(1.0)),
        ("allocator-fragmentation.bytes", Count(0)),
        ("allocator-rss.ratio", Ratio(ratio(resident, used))),
        ("allocator-rss.bytes", Difference(beyond)),
        ("rss-overhead.ratio", Ratio(1.0)),
        ("rss-overhead.bytes", Count(0)),
        ("fragmentation", Ratio(ratio(resident, used))),
        ("fragmentation.bytes", Difference(beyond)),
    ]
}
