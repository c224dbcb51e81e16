//! REPLICAOF, PSYNC, REPLCONF, WAIT and ROLE; FAILOVER stands in `failover`.

use super::outcome::{Outcome, handler, integer_in};
use super::table::{CommandSpec, Flags, Group, flags};
use super::{Arguments, Context, Handler, failover, is, refusal};
use crate::client::Client;
use crate::node::Server;
use crate::replication::Master;
use crate::text::integer;

pub(super) const COMMANDS: &[CommandSpec] = &[
    admin(
        "replicaof",
        3,
        handler!(replicaof),
        flags![NO_ASYNC_LOADING, ADMIN, NOSCRIPT, STALE],
    )
    .about(
        "5.0.0",
        "Makes this node a replica of another, or (NO ONE) a master.",
    ),
    admin(
        "slaveof",
        3,
        handler!(replicaof),
        flags![NO_ASYNC_LOADING, ADMIN, NOSCRIPT, STALE],
    )
    .about("1.0.0", "As REPLICAOF."),
    admin(
        "psync",
        -3,
        handler!(psync),
        flags![NO_ASYNC_LOADING, ADMIN, NO_MULTI, NOSCRIPT],
    )
    .about("2.8.0", "A replica asks for the stream."),
    admin(
        "sync",
        1,
        handler!(sync),
        flags![NO_ASYNC_LOADING, ADMIN, NO_MULTI, NOSCRIPT],
    )
    .about(
        "1.0.0",
        "Asks for everything and the stream, without a word on where that stands.",
    ),
    admin(
        "replconf",
        -1,
        handler!(replconf),
        flags![ADMIN, NOSCRIPT, LOADING, STALE, ALLOW_BUSY],
    )
    .about("3.0.0", "A replica tells how it stands."),
    admin(
        "role",
        1,
        handler!(role),
        flags![NOSCRIPT, LOADING, STALE, FAST, DANGEROUS],
    )
    .category(Some("admin"))
    .about("2.8.12", "Its part in replication."),
    CommandSpec::new("wait", 3, Group::Generic, handler!(wait))
        .flags(flags![NOSCRIPT])
        .category(Some("connection"))
        .about(
            "3.0.0",
            "Waits until replicas have copied what this client wrote.",
        ),
];

const fn admin(name: &'static str, arity: i16, handler: Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Server, handler).flags(flags)
}

fn replicaof(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    if context.server.cluster.is_some() {
        return Err("ERR REPLICAOF not allowed in cluster mode.".into());
    }
    if context.server.replication.failover.is_some() {
        return Err("ERR REPLICAOF not allowed while failing over.".into());
    }
    if is(&arguments[1], "no") && is(&arguments[2], "one") {
        context.server.lead();
        context.reply.ok();
        return Ok(());
    }
    let host = String::from_utf8_lossy(&arguments[1]).into_owned();
    let port = u16::try_from(integer_in(&arguments[2])?).map_err(|_| "ERR Invalid master port")?;
    let master = Master { host, port };
    if context.server.replication.master.as_ref() == Some(&master) {
        context
            .reply
            .simple("OK Already connected to specified master");
        return Ok(());
    }
    context.server.follow_master(master);
    context.reply.ok();
    Ok(())
}

fn psync(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    if arguments.get(3).is_some_and(|word| is(word, "failover")) {
        failover::take_over(context, &arguments[1])?;
    }
    let Context {
        server,
        client,
        reply,
    } = context;
    may_synchronize(server, client)?;
    let offset = integer::parse(&arguments[2]).and_then(|offset| u64::try_from(offset).ok());
    server.synchronize(client, reply, &arguments[1], offset);
    Ok(())
}

fn sync(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let Context {
        server,
        client,
        reply,
    } = context;
    may_synchronize(server, client)?;
    server.propagate_rest();
    server.send_everything(client, reply);
    Ok(())
}

/// A replica has nothing to pass on while it has not copied its master.
fn may_synchronize(server: &Server, client: &Client) -> Outcome {
    let replication = &server.replication;
    if replication.failover.is_some() {
        return Err("NOMASTERLINK Can't SYNC while failing over".into());
    }
    if replication.master.is_some() && !replication.is_linked {
        return Err("NOMASTERLINK Can't SYNC while not connected with my master".into());
    }
    let state = client.replica.unwrap_or_default();
    if state.skips_keys && !state.reads_marks {
        return Err("ERR Filtered replica requires EOF capability".into());
    }
    Ok(())
}

fn replconf(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let Context {
        server,
        client,
        reply,
    } = context;
    let words = arguments.from(1);
    if !words.len().is_multiple_of(2) {
        return Err(refusal::SYNTAX.into());
    }
    for at in (0..words.len()).step_by(2) {
        let (name, value) = (&words[at], &words[at + 1]);
        let number = integer::parse(value).and_then(|number| u64::try_from(number).ok());
        if is(name, "getack") {
            // The task that copies answers it, as it alone knows how far this node is.
            return Ok(());
        }
        let state = client.replica.get_or_insert_default();
        if is(name, "listening-port") {
            state.port = number
                .and_then(|port| u16::try_from(port).ok())
                .unwrap_or(0);
        } else if is(name, "ack") {
            server.acknowledged(client, number.unwrap_or(0));
            return Ok(());
        } else if is(name, "rdb-filter-only") {
            state.skips_keys = true;
            // Of the rest there is nothing.
            let mut parts = value.split(u8::is_ascii_whitespace);
            if let Some(part) = parts.find(|part| !part.is_empty() && !is(part, "functions")) {
                let part = String::from_utf8_lossy(part);
                return Err(format!("ERR Unsupported rdb-filter-only option: {part}").into());
            }
        } else if is(name, "capa") {
            state.reads_marks |= is(value, "eof");
        } else if !is(name, "ip-address") && !is(name, "rdb-only") {
            let name = String::from_utf8_lossy(name).into_owned();
            return Err(format!("ERR Unrecognized REPLCONF option: {name}").into());
        }
    }
    reply.ok();
    Ok(())
}

fn wait(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let wanted = integer_in(&arguments[1])?;
    let timeout_ms = integer_in(&arguments[2])?;
    let server = &context.server;
    if server.replication.master.is_some() {
        return Err("ERR WAIT cannot be used with replica instances. Please also note that writes to replicas are just \
                    local and are not propagated."
            .into());
    }
    if timeout_ms < 0 {
        return Err("ERR timeout is negative".into());
    }
    let copied = server.replicas_at(server.replication.offset);
    let wanted = usize::try_from(wanted).unwrap_or(0);
    if copied >= wanted || context.client.deny_blocking {
        context.reply.count(copied);
        return Ok(());
    }
    let deadline_ms = (timeout_ms > 0).then(|| server.now_ms.saturating_add(timeout_ms));
    context.wait_for_replicas(wanted, deadline_ms);
    Ok(())
}

fn role(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let Context { server, reply, .. } = context;
    let offset = i64::try_from(server.replication.offset).unwrap_or(i64::MAX);
    if let Some(master) = &server.replication.master {
        reply.array(5);
        reply.bulk(b"slave");
        reply.bulk(master.host.as_bytes());
        reply.integer(master.port.into());
        let state = match server.replication.sync {
            _ if server.replication.is_linked => "connected",
            Some(_) => "sync",
            None => "connect",
        };
        reply.bulk(state.as_bytes());
        reply.integer(offset);
        return Ok(());
    }
    let replicas: Vec<_> = server
        .replicas()
        .map(|(client, state)| (client.endpoints.peer.host(), state))
        .collect();
    reply.array(3);
    reply.bulk(b"master");
    reply.integer(offset);
    reply.array(replicas.len());
    for (ip, state) in replicas {
        reply.array(3);
        for word in [ip, state.port.to_string(), state.acknowledged.to_string()] {
            reply.bulk(word.as_bytes());
        }
    }
    Ok(())
}
