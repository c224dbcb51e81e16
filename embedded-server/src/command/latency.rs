//! LATENCY: events that took long, and how long commands take.

use super::outcome::{Outcome, Refusal, handler, help, unknown_subcommand};
use super::table::{Command, CommandSpec, Flags, Group, flags, table};
use super::{Arguments, Context, Handler, Reply};
use crate::histogram::Histogram;
use crate::stats::CommandStats;

/// The bounds of LATENCY HISTOGRAM are powers of two of a microsecond, up to about a second.
const BOUNDS: u32 = 21;

pub(super) const COMMANDS: &[CommandSpec] =
    &[
        CommandSpec::new("latency", -2, Group::Server, handler!(unknown_subcommand))
            .about("2.8.13", "Events that took long.")
            .subcommands(&[
                sub("latest", 2, handler!(latest))
                    .about("2.8.13", "The latest spike of each event."),
                sub("history", 3, handler!(history)).about("2.8.13", "The spikes of one event."),
                sub("reset", -2, handler!(reset)).about("2.8.13", "Forgets spikes."),
                sub("doctor", 2, handler!(doctor))
                    .about("2.8.13", "What the spikes come to, in words."),
                sub("graph", 3, handler!(graph)).about("2.8.13", "The spikes of one event, drawn."),
                sub("histogram", -2, handler!(histogram))
                    .about("7.0.0", "How long calls of commands took."),
                CommandSpec::new("help", 2, Group::Server, handler!(help_latency))
                    .flags(flags![LOADING, STALE])
                    .about("2.8.13", "Lists the subcommands."),
            ]),
    ];

const fn sub(name: &'static str, arity: i16, handler: Handler) -> CommandSpec {
    const FLAGS: Flags = flags![ADMIN, NOSCRIPT, LOADING, STALE];
    CommandSpec::new(name, arity, Group::Server, handler).flags(FLAGS)
}

const HELP: &[&str] = &[
    "LATENCY <subcommand> [<arg> ...]. Subcommands are:",
    "LATEST",
    "    The latest spike of each event: when, how many milliseconds, and the longest ever.",
    "HISTORY <event>",
    "    The spikes of one event: when, and how many milliseconds.",
    "RESET [<event> ...]",
    "    Forgets the spikes of these events, or of all.",
    "DOCTOR",
    "    What the spikes come to, in words.",
    "GRAPH <event>",
    "    The spikes of one event, drawn.",
    "HISTOGRAM [<command> ...]",
    "    How many calls of a command took at most so many microseconds.",
    "HELP",
    "    These lines.",
];

fn help_latency(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    help(context, HELP);
    Ok(())
}

fn latest(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let Context { server, reply, .. } = context;
    reply.array(server.latency.iter().len());
    for (event, spikes) in server.latency.iter() {
        let (second, took_ms) = spikes.latest.back().copied().unwrap_or_default();
        reply.array(4);
        reply.bulk(event.as_bytes());
        reply.integer(second);
        reply.integer(integer(took_ms));
        reply.integer(integer(spikes.worst_ms));
    }
    Ok(())
}

fn history(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let Context { server, reply, .. } = context;
    let spikes = server
        .latency
        .of(&arguments[2])
        .map(|spikes| &spikes.latest);
    reply.array(spikes.map_or(0, |latest| latest.len()));
    for &(second, took_ms) in spikes.into_iter().flatten() {
        reply.array(2);
        reply.integer(second);
        reply.integer(integer(took_ms));
    }
    Ok(())
}

fn reset(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let latency = &mut context.server.latency;
    let events = match arguments.len() {
        2 => latency.reset(None),
        _ => arguments
            .from(2)
            .iter()
            .map(|event| latency.reset(Some(event)))
            .sum(),
    };
    context.reply.count(events);
    Ok(())
}

fn doctor(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let server = &context.server;
    let mut report = match server.config.latency_monitor_threshold_ms {
        0 => {
            "Spikes are not watched. CONFIG SET latency-monitor-threshold <milliseconds> does so.\n"
                .to_owned()
        }
        threshold => format!("Watching for events of {threshold} ms and more.\n"),
    };
    for (event, spikes) in server.latency.iter() {
        let mean_ms = spikes.latest.iter().map(|(_, ms)| ms).sum::<u64>()
            / (spikes.latest.len().max(1) as u64);
        let count = spikes.latest.len();
        report.push_str(&format!(
            "{event}: {count} spikes, {mean_ms} ms on average, {} ms at worst.\n",
            spikes.worst_ms
        ));
    }
    context.reply.verbatim(b"txt", report.as_bytes());
    Ok(())
}

fn graph(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let event = &arguments[2];
    let Some(spikes) = context.server.latency.of(event) else {
        return Err(Refusal::quoting(&[
            b"ERR No samples available for event '",
            event,
            b"'",
        ]));
    };
    let mut drawn = String::new();
    for (second, took_ms) in &spikes.latest {
        let width = usize::try_from(took_ms * 60 / spikes.worst_ms.max(1)).unwrap_or(60);
        drawn.push_str(&format!(
            "{second} {} {took_ms} ms\n",
            "#".repeat(width.clamp(1, 60))
        ));
    }
    context.reply.verbatim(b"txt", drawn.as_bytes());
    Ok(())
}

fn histogram(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let Context { server, reply, .. } = context;
    let asked = |command: &Command| match arguments.len() {
        2 => true,
        _ => arguments.from(2).iter().any(|name| is_asked(name, command)),
    };
    let measured = server
        .stats
        .by_command()
        .filter(|(command, _)| asked(command));
    let measured: Vec<_> = measured
        .filter_map(|(command, stats)| Some((command, stats, stats.histogram.as_deref()?)))
        .collect();
    reply.map(measured.len());
    for (command, stats, histogram) in measured {
        reply.bulk(command.full_name.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.integer(integer(stats.calls));
        reply.bulk(b"histogram_usec");
        bounds(reply, stats, histogram);
    }
    Ok(())
}

/// A container's name asks for all of its subcommands.
fn is_asked(name: &[u8], command: &Command) -> bool {
    let container = command.container.and_then(|id| table().all().get(id));
    let names = [Some(command), container];
    names
        .into_iter()
        .flatten()
        .any(|known| name.eq_ignore_ascii_case(known.full_name.as_bytes()))
}

/// How many calls took at most each bound, as far as bounds tell them apart; scaled up from those timed.
fn bounds(reply: &mut Reply, stats: &CommandStats, histogram: &Histogram) {
    let mut told: Vec<(u64, u64)> = Vec::new();
    for bound_us in (0..BOUNDS).map(|power| 1u64 << power) {
        let within = histogram.at_most(bound_us * 1000) * stats.calls / stats.timed.max(1);
        if within > told.last().map_or(0, |(_, before)| *before) {
            told.push((bound_us, within));
        }
    }
    reply.map(told.len());
    for (bound_us, within) in told {
        reply.integer(integer(bound_us));
        reply.integer(integer(within));
    }
}

fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
