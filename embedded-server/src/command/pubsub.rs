//! Publishing and subscribing.

use super::outcome::{Outcome, handler, help, unknown_subcommand};
use super::table::{CommandSpec, Flags, Group, Keys, flags};
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
        flags![PUBSUB, LOADING, STALE, FAST, MAY_REPLICATE],
    )
    .about("2.0.0", "Sends a message to whoever listens to a channel."),
    spec(
        "ssubscribe",
        -2,
        handler!(ssubscribe),
        ORDINARY.and(Flags::NOSCRIPT),
    )
    .keys(Keys::ALL)
    .about("7.0.0", "Listens to channels of a shard."),
    spec(
        "sunsubscribe",
        -1,
        handler!(sunsubscribe),
        ORDINARY.and(Flags::NOSCRIPT),
    )
    .keys(Keys::ALL)
    .about("7.0.0", "Listens to channels of a shard no longer."),
    spec(
        "spublish",
        3,
        handler!(spublish),
        flags![PUBSUB, LOADING, STALE, FAST, MAY_REPLICATE],
    )
    .keys(Keys::ONE)
    .about(
        "7.0.0",
        "Sends a message to whoever listens to a channel of a shard.",
    ),
    spec("pubsub", -2, handler!(unknown_subcommand), Flags::NONE)
        .about("2.8.0", "Who listens to what.")
        .subcommands(&[
            spec("channels", -2, handler!(channels), ORDINARY)
                .about("2.8.0", "The channels somebody listens to."),
            spec("numsub", -2, handler!(numsub), ORDINARY)
                .about("2.8.0", "How many listen to each channel."),
            spec("numpat", 2, handler!(numpat), ORDINARY)
                .about("2.8.0", "How many patterns somebody listens to."),
            spec("shardchannels", -2, handler!(shardchannels), ORDINARY)
                .about("7.0.0", "The channels of shards somebody listens to."),
            spec("shardnumsub", -2, handler!(shardnumsub), ORDINARY)
                .about("7.0.0", "How many listen to each channel of a shard."),
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
    "    The same of the channels of shards.",
    "HELP",
    "    These lines.",
];

fn help_pubsub(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    help(context, HELP);
    Ok(())
}

fn subscribe(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    listen(context, Topic::Channel, &arguments.from(1));
    Ok(())
}

fn psubscribe(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    listen(context, Topic::Pattern, &arguments.from(1));
    Ok(())
}

fn ssubscribe(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    listen(context, Topic::Shard, &arguments.from(1));
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

fn sunsubscribe(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    leave(context, Topic::Shard, &arguments.from(1));
    Ok(())
}

/// The words that confirm that a client listens to a topic, and that it does no longer.
const fn words(topic: Topic) -> (&'static str, &'static str) {
    match topic {
        Topic::Channel => ("subscribe", "unsubscribe"),
        Topic::Pattern => ("psubscribe", "punsubscribe"),
        Topic::Shard => ("ssubscribe", "sunsubscribe"),
    }
}

fn listen(context: &mut Context<'_>, topic: Topic, names: &Arguments<'_>) {
    for name in names.iter() {
        let Context { server, client, .. } = context;
        if client.topics(topic).insert(name.into()) {
            server.pubsub.subscribe(topic, name, client.slot);
        }
        confirm(context, (words(topic).0, topic), Some(name));
    }
}

/// Leaves the topics named, or every one.
fn leave(context: &mut Context<'_>, topic: Topic, named: &Arguments<'_>) {
    let word = (words(topic).1, topic);
    let leaving: Vec<Box<[u8]>> = match named.is_empty() {
        true => context.client.topics(topic).iter().cloned().collect(),
        false => named.iter().map(Into::into).collect(),
    };
    if leaving.is_empty() {
        return confirm(context, word, None);
    }
    for name in leaving {
        let Context { server, client, .. } = context;
        client.topics(topic).remove(&name);
        server.pubsub.unsubscribe(topic, &name, client.slot);
        confirm(context, word, Some(&name));
    }
}

/// Tells to how many the client listens now; channels of shards are counted apart.
fn confirm(context: &mut Context<'_>, (word, topic): (&str, Topic), name: Option<&[u8]>) {
    let shards = context.client.shards.len();
    let count = match topic {
        Topic::Shard => shards,
        _ => context.client.subscriptions() - shards,
    };
    context.reply.push(3);
    context.reply.bulk(word.as_bytes());
    context.reply.bulk_or_null(name);
    context.reply.count(count);
}

/// Has other nodes publish the same: those of the cluster, or else replicas.
fn pass_on(context: &mut Context<'_>, is_sharded: bool, arguments: &Arguments<'_>) {
    let server = &mut *context.server;
    server.publish_to_cluster(is_sharded, &arguments[1], &arguments[2]);
    if server.cluster.is_none() {
        server.replication.repeat();
    }
}

fn publish(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    pass_on(context, false, arguments);
    let receivers = context.server.publish(&arguments[1], &arguments[2]);
    context.reply.count(receivers);
    Ok(())
}

fn spublish(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    pass_on(context, true, arguments);
    let receivers = context
        .server
        .publish_to_shard(&arguments[1], &arguments[2]);
    context.reply.count(receivers);
    Ok(())
}

fn channels(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    list(context, arguments, Topic::Channel)
}

fn shardchannels(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    list(context, arguments, Topic::Shard)
}

fn list(context: &mut Context<'_>, arguments: &Arguments<'_>, topic: Topic) -> Outcome {
    let Context { server, reply, .. } = context;
    let pattern = arguments.get(2);
    let wanted = |channel: &&[u8]| pattern.is_none_or(|pattern| glob::matches(pattern, channel));
    let found: Vec<_> = server.pubsub.names(topic).filter(wanted).collect();
    reply.array(found.len());
    found.into_iter().for_each(|channel| reply.bulk(channel));
    Ok(())
}

fn numsub(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    count(context, arguments, Topic::Channel)
}

fn shardnumsub(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    count(context, arguments, Topic::Shard)
}

fn count(context: &mut Context<'_>, arguments: &Arguments<'_>, topic: Topic) -> Outcome {
    let channels = arguments.from(2);
    context.reply.array(channels.len() * 2);
    for channel in channels.iter() {
        let subscribers = context.server.pubsub.subscribers(topic, channel).len();
        context.reply.bulk(channel);
        context.reply.count(subscribers);
    }
    Ok(())
}

fn numpat(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    context.reply.count(context.server.pubsub.patterns());
    Ok(())
}
