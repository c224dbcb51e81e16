//! Publishing and subscribing.

use super::outcome::{Outcome, handler, help, unknown_subcommand};
use super::table::{CommandSpec, Flags, Group, flags};
use super::{Arguments, Context, Handler};
use crate::pubsub::Topic;
use crate::text::glob;

const ORDINARY: Flags = flags![PUBSUB, LOADING, STALE];

pub(super) const COMMANDS: &[CommandSpec] = &[
    spec(
        "subscribe",
        -2,
        handler!(subscribe),
        ORDINARY.and(Flags::NOSCRIPT),
    )
    .about("2.0.0", "Listens to channels."),
    spec(
        "unsubscribe",
        -1,
        handler!(unsubscribe),
        ORDINARY.and(Flags::NOSCRIPT),
    )
    .about("2.0.0", "Listens to channels no longer."),
    spec(
        "psubscribe",
        -2,
        handler!(psubscribe),
        ORDINARY.and(Flags::NOSCRIPT),
    )
    .about("2.0.0", "Listens to the channels that match patterns."),
    spec(
        "punsubscribe",
        -1,
        handler!(punsubscribe),
        ORDINARY.and(Flags::NOSCRIPT),
    )
    .about("2.0.0", "Listens to patterns no longer."),
    spec(
        "publish",
        3,
        handler!(publish),
        flags![PUBSUB, LOADING, STALE, FAST],
    )
    .about("2.0.0", "Sends a message to whoever listens to a channel."),
    spec("pubsub", -2, handler!(unknown_subcommand), Flags::NONE)
        .about("2.8.0", "Who listens to what.")
        .subcommands(&[
            spec("channels", -2, handler!(channels), ORDINARY)
                .about("2.8.0", "The channels somebody listens to."),
            spec("numsub", -2, handler!(numsub), ORDINARY)
                .about("2.8.0", "How many listen to each channel."),
            spec("numpat", 2, handler!(numpat), ORDINARY)
                .about("2.8.0", "How many patterns somebody listens to."),
            spec("shardchannels", -2, handler!(no_channels), ORDINARY)
                .about("7.0.0", "Shard channels: none."),
            spec("shardnumsub", -2, handler!(no_subscribers), ORDINARY)
                .about("7.0.0", "Who listens to shard channels: nobody."),
            spec("help", 2, handler!(help_pubsub), flags![LOADING, STALE])
                .category(None)
                .about("6.2.0", "Lists the subcommands."),
        ]),
];

const fn spec(name: &'static str, arity: i16, handler: Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::PubSub, handler).flags(flags)
}

const HELP: &[&str] = &[
    "PUBSUB <subcommand> [<arg> ...]. Subcommands are:",
    "CHANNELS [<pattern>]",
    "    The channels somebody listens to, or those of them that match a glob.",
    "NUMSUB [<channel> ...]",
    "    How many listen to each channel, patterns not counted.",
    "NUMPAT",
    "    How many patterns somebody listens to.",
    "SHARDCHANNELS [<pattern>] | SHARDNUMSUB [<channel> ...]",
    "    Answered as by a server without shard channels.",
    "HELP",
    "    These lines.",
];

fn help_pubsub(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    help(context, HELP);
    Ok(())
}

fn subscribe(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    arguments
        .from(1)
        .iter()
        .for_each(|name| listen(context, Topic::Channel, name));
    Ok(())
}

fn psubscribe(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    arguments
        .from(1)
        .iter()
        .for_each(|name| listen(context, Topic::Pattern, name));
    Ok(())
}

fn unsubscribe(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    leave(context, Topic::Channel, &arguments.from(1));
    Ok(())
}

fn punsubscribe(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    leave(context, Topic::Pattern, &arguments.from(1));
    Ok(())
}

fn listen(context: &mut Context<'_>, topic: Topic, name: &[u8]) {
    let Context { server, client, .. } = context;
    let names = match topic {
        Topic::Channel => &mut client.channels,
        Topic::Pattern => &mut client.patterns,
    };
    if names.insert(name.into()) {
        server.pubsub.subscribe(topic, name, client.slot);
    }
    let word = if topic == Topic::Channel {
        "subscribe"
    } else {
        "psubscribe"
    };
    confirm(context, word, Some(name));
}

/// Leaves the topics named, or every one.
fn leave(context: &mut Context<'_>, topic: Topic, named: &Arguments<'_>) {
    let word = if topic == Topic::Channel {
        "unsubscribe"
    } else {
        "punsubscribe"
    };
    let client = &mut *context.client;
    let names = match topic {
        Topic::Channel => &mut client.channels,
        Topic::Pattern => &mut client.patterns,
    };
    let leaving: Vec<Box<[u8]>> = match named.is_empty() {
        true => names.iter().cloned().collect(),
        false => named.iter().map(Into::into).collect(),
    };
    if leaving.is_empty() {
        return confirm(context, word, None);
    }
    for name in leaving {
        let names = match topic {
            Topic::Channel => &mut context.client.channels,
            Topic::Pattern => &mut context.client.patterns,
        };
        names.remove(&name);
        context
            .server
            .pubsub
            .unsubscribe(topic, &name, context.client.slot);
        confirm(context, word, Some(&name));
    }
}

fn confirm(context: &mut Context<'_>, word: &str, name: Option<&[u8]>) {
    let subscriptions = context.client.subscriptions();
    context.reply.push(3);
    context.reply.bulk(word.as_bytes());
    context.reply.bulk_or_null(name);
    context.reply.count(subscriptions);
}

fn publish(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let receivers = context.server.publish(&arguments[1], &arguments[2]);
    context.reply.count(receivers);
    Ok(())
}

fn channels(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let Context { server, reply, .. } = context;
    let pattern = arguments.get(2);
    let wanted = |channel: &&[u8]| pattern.is_none_or(|pattern| glob::matches(pattern, channel));
    let found: Vec<_> = server.pubsub.channels().filter(wanted).collect();
    reply.array(found.len());
    found.into_iter().for_each(|channel| reply.bulk(channel));
    Ok(())
}

fn numsub(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let channels = arguments.from(2);
    context.reply.array(channels.len() * 2);
    for channel in channels.iter() {
        context.reply.bulk(channel);
        context
            .reply
            .count(context.server.pubsub.subscribers(channel).len());
    }
    Ok(())
}

fn numpat(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    context.reply.count(context.server.pubsub.patterns());
    Ok(())
}

fn no_channels(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    context.reply.array(0);
    Ok(())
}

fn no_subscribers(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let channels = arguments.from(2);
    context.reply.array(channels.len() * 2);
    for channel in channels.iter() {
        context.reply.bulk(channel);
        context.reply.integer(0);
    }
    Ok(())
}
