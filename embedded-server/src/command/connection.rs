//! The connection itself: PING, ECHO, SELECT, AUTH, HELLO, QUIT, RESET.

use super::generic::database_in;
use super::outcome::{Outcome, Refusal, handler};
use super::table::{CommandSpec, Group, flags};
use super::transaction::forget_watches;
use super::{Arguments, Context, is, refusal, secret};
use crate::client::{Client, Close, ReplyMode};
use crate::keyspace::Db;
use crate::node::Server;
use crate::pubsub::Topic;
use crate::resp::Protocol;
use crate::text::integer;

/// The version of Redis this server answers as.
pub(crate) const REDIS_VERSION: &str = "7.0.15";

const NOT_CONFIGURED: &str = "ERR AUTH <password> called without any password configured for the default user. \
                              Are you sure your configuration is correct?";
const WRONG_PASSWORD: &str = "WRONGPASS invalid username-password pair or user is disabled.";
const HELLO_WITHOUT_AUTH: &str = "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
                                  HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
                                  select the RESP protocol version at the same time";
const BAD_NAME: &str = "ERR Client names cannot contain spaces, newlines or special characters.";

pub(super) const COMMANDS: &[CommandSpec] = &[
    spec("ping", -1, handler!(ping))
        .flags(flags![FAST])
        .about("1.0.0", "Answers PONG, or what it was given."),
    spec("echo", 2, handler!(echo))
        .flags(flags![LOADING, STALE, FAST])
        .about("1.0.0", "Answers what it was given."),
    spec("select", 2, handler!(select))
        .flags(flags![LOADING, STALE, FAST])
        .about("1.0.0", "Changes the database of this connection."),
    spec("auth", -2, handler!(auth))
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY])
        .find_secrets(secret::of_auth)
        .about("1.0.0", "Gives the password."),
    spec("hello", -1, handler!(hello))
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY])
        .find_secrets(secret::of_hello)
        .about(
            "6.0.0",
            "Agrees on the version of the protocol, and tells who the server is.",
        ),
    spec("quit", -1, handler!(quit))
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY])
        .about("1.0.0", "Closes the connection."),
    spec("reset", 1, handler!(reset))
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY])
        .about("6.2.0", "Brings the connection back to how it began."),
];

const fn spec(name: &'static str, arity: i16, handler: super::Handler) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Connection, handler)
}

fn ping(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    if arguments.len() > 2 {
        return Err(Refusal::arity("ping"));
    }
    let subscribed = context.client.subscriptions() > 0 && !context.reply.is_resp3();
    match (subscribed, arguments.get(1)) {
        (true, message) => {
            context.reply.array(2);
            context.reply.bulk(b"pong");
            context.reply.bulk(message.unwrap_or_default());
        }
        (false, Some(message)) => context.reply.bulk(message),
        (false, None) => context.reply.simple("PONG"),
    }
    Ok(())
}

fn echo(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    context.reply.bulk(&arguments[1]);
    Ok(())
}

fn select(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let db = database_in(context, &arguments[1])?;
    if context.server.cluster.is_some() && db != Db::ZERO {
        return Err("ERR SELECT is not allowed in cluster mode".into());
    }
    context.client.db = db;
    context.reply.ok();
    Ok(())
}

fn auth(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (user, password) = match arguments.len() {
        2 if !context.server.has_password() => return Err(NOT_CONFIGURED.into()),
        2 => (&b"default"[..], &arguments[1]),
        3 => (&arguments[1], &arguments[2]),
        _ => return Err(refusal::SYNTAX.into()),
    };
    authenticate(context.server, context.client, user, password)?;
    context.reply.ok();
    Ok(())
}

/// Lets the client in, if the password is right. Where none is set, any is.
fn authenticate(server: &mut Server, client: &mut Client, user: &[u8], password: &[u8]) -> Outcome {
    let known = !server.has_password() || same(server.config.text("requirepass"), password);
    if !(known && user == b"default") {
        server.stats.auth_failures += 1;
        return Err(WRONG_PASSWORD.into());
    }
    client.authenticated = true;
    Ok(())
}

/// Whether two passwords are the same, in a time that does not tell where they differ.
fn same(known: &[u8], given: &[u8]) -> bool {
    let differing = known
        .iter()
        .zip(given)
        .fold(0, |differing, (a, b)| differing | (a ^ b));
    differing == 0 && known.len() == given.len()
}

fn hello(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let protocol = match arguments.get(1) {
        None => context.client.protocol,
        Some(version) => match integer::parse(version) {
            Some(2) => Protocol::Resp2,
            Some(3) => Protocol::Resp3,
            Some(_) => return Err("NOPROTO unsupported protocol version".into()),
            None => return Err("ERR Protocol version is not an integer or out of range".into()),
        },
    };
    let name = hello_options(context, &arguments.from(2))?;
    if !context.client.authenticated {
        return Err(HELLO_WITHOUT_AUTH.into());
    }
    if let Some(name) = name {
        set_name(context.client, name)?;
    }
    context.client.protocol = protocol;
    context.reply.set_protocol(protocol);
    context.server.enter(context.client);
    introduce(context);
    Ok(())
}

/// AUTH is obeyed, the name that SETNAME gives is returned.
fn hello_options<'a>(
    context: &mut Context<'_>,
    options: &Arguments<'a>,
) -> Result<Option<&'a [u8]>, Refusal> {
    let (mut name, mut credentials, mut index) = (None, None, 0);
    while let Some(option) = options.get(index) {
        let words = (options.get(index + 1), options.get(index + 2));
        match words {
            (Some(user), Some(password)) if is(option, "auth") => {
                credentials = Some((user, password));
                index += 3;
            }
            (Some(word), _) if is(option, "setname") => {
                name = Some(word);
                index += 2;
            }
            _ => {
                return Err(Refusal::quoting(&[
                    b"ERR Syntax error in HELLO option '",
                    option,
                    b"'",
                ]));
            }
        }
    }
    if let Some((user, password)) = credentials {
        authenticate(context.server, context.client, user, password)?;
    }
    Ok(name)
}

fn introduce(context: &mut Context<'_>) {
    let reply = &mut context.reply;
    reply.map(7);
    for (key, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        reply.bulk(key.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"proto");
    reply.integer(context.client.protocol.version());
    reply.bulk(b"id");
    reply.integer(i64::try_from(context.client.id).unwrap_or(i64::MAX));
    let mode = if context.server.cluster.is_some() {
        "cluster"
    } else {
        "standalone"
    };
    let role = if context.server.replication.master.is_some() {
        "replica"
    } else {
        "master"
    };
    for (key, value) in [("mode", mode), ("role", role)] {
        reply.bulk(key.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"modules");
    reply.array(0);
}

/// Names a client; the empty name takes its name away.
pub(super) fn set_name(client: &mut Client, name: &[u8]) -> Outcome {
    if !is_printable(name) {
        return Err(BAD_NAME.into());
    }
    client.name = name.to_vec();
    Ok(())
}

/// Whether a name would not break the lines of CLIENT LIST.
pub(super) fn is_printable(name: &[u8]) -> bool {
    name.iter().all(u8::is_ascii_graphic)
}

fn quit(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    context.client.end(Close::AfterReply);
    context.reply.ok();
    Ok(())
}

fn reset(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let Context {
        server,
        client,
        reply,
    } = context;
    for topic in [Topic::Channel, Topic::Pattern, Topic::Shard] {
        for name in std::mem::take(client.topics(topic)) {
            server.pubsub.unsubscribe(topic, &name, client.slot);
        }
    }
    client.transaction = None;
    server.end_tracking(client);
    forget_watches(server, client);
    server.monitors -= usize::from(std::mem::take(&mut client.monitor));
    server.keyspace.set_no_touch(false);
    client.no_touch = false;
    client.no_evict = false;
    client.reply_mode = ReplyMode::On;
    client.db = Db::ZERO;
    client.name.clear();
    client.authenticated = !server.has_password();
    client.protocol = Protocol::Resp2;
    reply.set_protocol(Protocol::Resp2);
    reply.simple("RESET");
    Ok(())
}
