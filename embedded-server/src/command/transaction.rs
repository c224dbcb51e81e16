//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use super::dispatch;
use super::outcome::{Outcome, handler};
use super::table::{Command, CommandSpec, Flags, Group, Keys, flags};
use super::{Arguments, Context, Handler};
use crate::client::Client;
use crate::keyspace::Access;
use crate::node::Server;
use crate::transaction::Transaction;

pub(super) const COMMANDS: &[CommandSpec] = &[
    spec("multi", 1, handler!(multi)).about("1.2.0", "Queues what follows, until EXEC."),
    spec("exec", 1, handler!(exec))
        .flags(flags![NOSCRIPT, LOADING, STALE, SKIP_SLOWLOG])
        .about(
            "1.2.0",
            "Carries out what is queued, unless a watched key has changed.",
        ),
    spec("discard", 1, handler!(discard)).about("2.0.0", "Forgets what is queued."),
    spec("watch", -2, handler!(watch)).keys(Keys::ALL).about(
        "2.2.0",
        "EXEC shall do nothing if one of these keys changes before it.",
    ),
    spec("unwatch", 1, handler!(unwatch)).about("2.2.0", "Watches no key any more."),
];

const fn spec(name: &'static str, arity: i16, handler: Handler) -> CommandSpec {
    const FLAGS: Flags = flags![NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY];
    CommandSpec::new(name, arity, Group::Transactions, handler).flags(FLAGS)
}

fn multi(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    if context.client.transaction.is_some() {
        return Err("ERR MULTI calls can not be nested".into());
    }
    context.client.transaction = Some(Transaction::default());
    context.reply.ok();
    Ok(())
}

fn exec(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let transaction = context
        .client
        .transaction
        .take()
        .ok_or("ERR EXEC without MULTI")?;
    let changed = has_watched_change(context);
    forget_watches(context.server, context.client);
    if transaction.is_broken {
        return Err("EXECABORT Transaction discarded because of previous errors.".into());
    }
    if changed {
        context.reply.null_array();
        return Ok(());
    }
    context.reply.array(transaction.len());
    context.client.deny_blocking = true;
    context.server.keyspace.set_overdrawing(true);
    context.server.begin_transaction();
    for queued in transaction.into_commands() {
        dispatch::call(context, &queued.words.arguments(), queued.command);
    }
    context.server.end_transaction();
    context.server.keyspace.set_overdrawing(false);
    context.client.deny_blocking = false;
    Ok(())
}

/// Whether a watched key has changed, or is gone because its time has come.
fn has_watched_change(context: &mut Context<'_>) -> bool {
    let Context { server, client, .. } = context;
    for (db, key) in &client.watched {
        // Finds out whether the key is still alive; what has died is published, and so noticed.
        server.keyspace.lookup(*db, key, Access::Silent);
    }
    server.publish_removals();
    server.watches.has_changed(client.slot)
}

fn discard(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    if !forget_transaction(context.server, context.client) {
        return Err("ERR DISCARD without MULTI".into());
    }
    context.reply.ok();
    Ok(())
}

/// What is queued is not to be carried out, and nothing is watched any more; says whether there was a transaction.
pub(super) fn forget_transaction(server: &mut Server, client: &mut Client) -> bool {
    let is_there = client.transaction.take().is_some();
    if is_there {
        forget_watches(server, client);
    }
    is_there
}

impl Command {
    /// What it does and when it may run: EXEC, what its transaction does.
    #[inline]
    pub(crate) fn flags_for(&self, client: &Client) -> Flags {
        let flags = self.spec.flags;
        match &client.transaction {
            Some(transaction) if self.spec.name == "exec" => transaction.flags(flags),
            _ => flags,
        }
    }
}

fn watch(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    if context.client.transaction.is_some() {
        return Err("ERR WATCH inside MULTI is not allowed".into());
    }
    let Context {
        server,
        client,
        reply,
    } = context;
    for key in arguments.from(1).iter() {
        let watched = (client.db, key.into());
        if !client.watched.contains(&watched) {
            // A key that died before it is watched does not die while it is.
            server.keyspace.lookup(client.db, key, Access::Silent);
            server.publish_removals();
            server.watches.watch(watched.clone(), client.slot);
            client.watched.push(watched);
        }
    }
    server.record_removals();
    reply.ok();
    Ok(())
}

fn unwatch(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    forget_watches(context.server, context.client);
    context.reply.ok();
    Ok(())
}

/// A client watches nothing any more.
pub(super) fn forget_watches(server: &mut Server, client: &mut Client) {
    if !client.watched.is_empty() {
        server.watches.forget(&client.watched, client.slot);
        client.watched.clear();
        server.record_removals();
    }
}
