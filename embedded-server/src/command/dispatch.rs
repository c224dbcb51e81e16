//! From arguments to handler: what is checked before a command runs, and what is counted after.

use super::table::{Command, Flags, Group};
use super::{Arguments, Context, refusal};
use crate::client::{Client, ReplyMode};
use crate::clock::Stopwatch;
use crate::node::Server;
use crate::resp::{Protocol, Reply};
use crate::slowlog::{self, Entry};

/// How much of an unknown command the refusal quotes, in bytes: of its name, and of its arguments together.
const QUOTED_BYTES: usize = 128;

/// Snapshots were asked for and cannot be written.
const UNSAVED: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
                       Commands that may modify the data set are disabled, because this instance is configured to report \
                       errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the \
                       Redis logs for details about the RDB error.";

/// Carries out one command, or refuses it. `command` is what the table knows under that name.
#[inline]
pub fn run(
    server: &mut Server,
    client: &mut Client,
    reply: &mut Reply,
    arguments: &Arguments<'_>,
    command: Option<&'static Command>,
) {
    let start = reply.len();
    let mut context = Context {
        server,
        client,
        reply,
    };
    match command {
        Some(command) => match check(&mut context, arguments, command) {
            Some(text) => reject(&mut context, &text, Some(command)),
            None if context.client.transaction.is_some() && !command.steers_transaction => {
                queue(&mut context, arguments, command);
            }
            None => call(&mut context, arguments, command),
        },
        None => reject(&mut context, &unknown_command(arguments), None),
    }
    let Context {
        server,
        client,
        reply,
    } = context;
    if client.reply_mode != ReplyMode::On && !command.is_some_and(answers_by_messages) {
        silence(client, reply, start);
    }
    if client.asking {
        client.asking = command.is_some_and(|command| command.spec.name == "asking");
    }
    if client.caching.is_some() {
        forget_announcement(client);
    }
    server.serve_blocked();
    server.flush_invalidations();
    server.propagate_rest();
    server.flush_pushes(reply);
}

/// What CLIENT CACHING announced is of the next command alone, or of the next transaction.
#[cold]
fn forget_announcement(client: &mut Client) {
    let last = client
        .last_command
        .map(|command| command.full_name.as_str());
    if client.transaction.is_none() && last != Some("client|caching") {
        client.caching = None;
    }
}

/// Why a command may not run now, if so.
#[inline]
fn check(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    command: &Command,
) -> Option<Vec<u8>> {
    let Context { server, client, .. } = &mut *context;
    let spec = command.spec;
    if !spec.accepts(arguments.len()) {
        return Some(of_exec(
            command,
            refusal::wrong_arity(&command.full_name).into(),
        ));
    }
    if !spec.subcommands.is_empty() && arguments.len() > 1 {
        return Some(unknown_subcommand(&command.full_name, &arguments[1]));
    }
    if !client.authenticated && !spec.flags.has(Flags::NO_AUTH) {
        return Some(refusal::NO_AUTH.into());
    }
    if server.cluster.is_some()
        && !client.is_master
        && let Some(text) = super::route::refusal(context, arguments, command)
    {
        return Some(text.into());
    }
    check_state(context, command).map(|text| of_exec(command, text))
}

/// Why a command may not run now, whatever its arguments are, if so.
#[inline]
fn check_state(context: &mut Context<'_>, command: &Command) -> Option<Vec<u8>> {
    let Context { server, client, .. } = context;
    let flags = command.flags_for(client);
    if flags.has(Flags::WRITE)
        && !client.is_master
        && let Some(text) = refuses_writes(server)
    {
        return Some(text.into());
    }
    if flags.has(Flags::DENYOOM) && !client.is_master && server.keyspace.make_room(0).is_err() {
        return Some(refusal::OOM.into());
    }
    if client.subscriptions() > 0
        && client.protocol == Protocol::Resp2
        && !may_run_while_subscribed(command)
    {
        let name = &command.full_name;
        let text = format!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
             this context"
        );
        return Some(text.into());
    }
    if let Some(text) = refuses_early(server, client, flags) {
        return Some(text.into());
    }
    if client.transaction.is_some() && flags.has(Flags::NO_MULTI) {
        return Some("ERR Command not allowed inside a transaction".into());
    }
    None
}

/// The refusal of EXEC tells that the transaction is gone.
fn of_exec(command: &Command, text: Vec<u8>) -> Vec<u8> {
    if command.spec.name != "exec" {
        return text;
    }
    let reason = text.strip_prefix(b"ERR ").unwrap_or(&text);
    [b"EXECABORT Transaction discarded because of: ", reason].concat()
}

/// Why nobody may write, if so.
#[inline]
fn refuses_writes(server: &Server) -> Option<&'static str> {
    if server.replication.master.is_some() && server.config.replica_read_only {
        return Some("READONLY You can't write against a read only replica.");
    }
    if server.saving.failed && server.config.stops_writes && !server.config.text("save").is_empty()
    {
        return Some(UNSAVED);
    }
    server
        .lacks_replicas()
        .then_some("NOREPLICAS Not enough good replicas to write.")
}

/// Why a command cannot run before the data set is there, if so.
#[inline]
fn refuses_early(server: &Server, client: &Client, flags: Flags) -> Option<&'static str> {
    let needs = |flag| !flags.has(flag);
    let replication = &server.replication;
    let is_stale = replication.master.is_some() && !replication.is_linked && !client.is_master;
    if is_stale && needs(Flags::STALE) && !server.config.replica_serve_stale_data {
        return Some(refusal::MASTER_DOWN);
    }
    (server.loading.is_some() && needs(Flags::LOADING)).then_some(refusal::LOADING)
}

/// Whether a command may run, as far as that can be told before it does.
#[cold]
pub(crate) fn may_run(
    server: &mut Server,
    client: &mut Client,
    arguments: &Arguments<'_>,
    command: &Command,
) -> bool {
    let mut context = Context {
        server,
        client,
        reply: &mut Reply::default(),
    };
    check(&mut context, arguments, command).is_none()
}

/// Puts a command off until EXEC.
#[cold]
fn queue(context: &mut Context<'_>, arguments: &Arguments<'_>, command: &'static Command) {
    let bytes_max = context.server.config.client_query_buffer_limit;
    let transaction = context.client.transaction.as_mut();
    if transaction.is_some_and(|transaction| transaction.queue(command, arguments, bytes_max)) {
        context.reply.simple("QUEUED");
    } else {
        let text = "ERR the transaction is longer than client-query-buffer-limit allows";
        reject(context, text.as_bytes(), Some(command));
    }
}

/// Runs the handler and counts.
#[inline]
pub(super) fn call(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    command: &'static Command,
) {
    // What a transaction carries out is shown before its EXEC.
    let shown_last = context.server.monitors > 0 && command.spec.name == "exec";
    if context.server.monitors > 0 && !shown_last {
        super::monitor::show(context, arguments, command);
    }
    context.client.last_command = Some(command);
    if context
        .server
        .stats
        .begin(command, context.server.config.slowlog_log_slower_than_us)
    {
        let watch = Stopwatch::start();
        (command.spec.handler)(context, arguments);
        took(context, arguments, command, watch.elapsed_ns());
    } else {
        (command.spec.handler)(context, arguments);
    }
    if context.client.tracks && command.spec.flags.has(Flags::READONLY) {
        track(context, arguments, command);
    }
    count_failure(context.server, context.reply, command);
    if shown_last {
        super::monitor::show(context, arguments, command);
    }
    context.server.publish_removals();
    if context.server.replication.is_recording() {
        let db = context.client.db;
        context.server.propagate(db, arguments, command);
    }
}

/// Remembers which keys the client has read.
#[cold]
fn track(context: &mut Context<'_>, arguments: &Arguments<'_>, command: &Command) {
    let mut positions = Vec::new();
    command.key_positions(arguments, &mut positions);
    let keys = positions.iter().filter_map(|&at| arguments.get(at));
    context.server.track_reads(context.client, keys);
}

/// Notes how long a command took.
#[cold]
fn took(context: &mut Context<'_>, arguments: &Arguments<'_>, command: &Command, ns: u64) {
    let Context { server, client, .. } = context;
    if let Some(stats) = server.stats.of_mut(command) {
        stats.time(ns, server.config.latency_tracking);
    }
    let event = if command.spec.flags.has(Flags::FAST) {
        "fast-command"
    } else {
        "command"
    };
    server.latency.note(
        event,
        ns,
        server.config.latency_monitor_threshold_ms,
        server.now_ms,
    );
    let words = || slowlog::shortened(&command.public_words(arguments));
    if client.blocked {
        // It is not over: what is noted then must be kept.
        server.blocked.keep_words(client.slot, words);
    } else {
        note_if_slow(server, client, command, ns, words);
    }
}

/// Notes a client's command in the slow log, if it took long enough.
pub(crate) fn note_if_slow(
    server: &mut Server,
    client: &Client,
    command: &Command,
    ns: u64,
    words: impl FnOnce() -> Vec<Vec<u8>>,
) {
    let took_us = i64::try_from(ns / 1000).unwrap_or(i64::MAX);
    let threshold_us = server.config.slowlog_log_slower_than_us;
    let hidden = command.spec.flags.has(Flags::SKIP_SLOWLOG);
    if threshold_us < 0 || took_us < threshold_us || hidden {
        return;
    }
    let entry = Entry {
        id: 0,
        unix_seconds: server.now_ms / 1000,
        duration_us: took_us,
        arguments: words(),
        peer: client.endpoints.peer.to_string(),
        name: client.name.clone(),
    };
    server.slowlog.add(entry, server.config.slowlog_max_len);
}

/// Counts the error, if any, that a command came to.
#[inline]
pub(crate) fn count_failure(server: &mut Server, reply: &mut Reply, command: &Command) {
    if let Some(code) = reply.take_error_code() {
        server.stats.count_error(code);
        if let Some(stats) = server.stats.of_mut(command) {
            stats.failed += 1;
        }
    }
}

/// Refuses a command. A transaction in which one was refused is not carried out.
#[cold]
fn reject(context: &mut Context<'_>, text: &[u8], command: Option<&Command>) {
    let Context {
        server,
        client,
        reply,
    } = context;
    reply.error_bytes(text);
    if let Some(code) = reply.take_error_code() {
        server.stats.count_error(code);
    }
    if let Some(stats) = command.and_then(|command| server.stats.of_mut(command)) {
        stats.rejected += 1;
    }
    if command.is_some_and(|command| command.spec.name == "exec") {
        super::transaction::forget_transaction(server, client);
    } else if let Some(transaction) = &mut client.transaction {
        transaction.is_broken = true;
    }
}

/// Takes the reply back from a client that asked for none.
#[cold]
fn silence(client: &mut Client, reply: &mut Reply, start: usize) {
    reply.truncate(start);
    client.reply_mode = match client.reply_mode {
        ReplyMode::SkipNext => ReplyMode::Skip,
        ReplyMode::Off => ReplyMode::Off,
        ReplyMode::Skip | ReplyMode::On => ReplyMode::On,
    };
}

/// Whether its reply is of the kind that subscribers get, which CLIENT REPLY does not turn off.
fn answers_by_messages(command: &Command) -> bool {
    command.spec.group == Group::PubSub && command.spec.name.ends_with("subscribe")
}

fn may_run_while_subscribed(command: &Command) -> bool {
    answers_by_messages(command) || matches!(command.spec.name, "ping" | "quit" | "reset")
}

#[cold]
fn unknown_command(arguments: &Arguments<'_>) -> Vec<u8> {
    let quoted = |word: &[u8], most: usize| {
        word.get(..most)
            .map_or_else(|| word.to_vec(), <[u8]>::to_vec)
    };
    let mut text = b"ERR unknown command '".to_vec();
    text.extend(quoted(&arguments[0], QUOTED_BYTES));
    text.extend_from_slice(b"', with args beginning with: ");
    let before = text.len();
    for argument in arguments.from(1).iter() {
        let room = QUOTED_BYTES.saturating_sub(text.len() - before);
        if room == 0 {
            break;
        }
        text.push(b'\'');
        text.extend(quoted(argument, room));
        text.extend_from_slice(b"' ");
    }
    text
}

#[cold]
fn unknown_subcommand(container: &str, name: &[u8]) -> Vec<u8> {
    let name = name.get(..QUOTED_BYTES).unwrap_or(name);
    let container = container.to_uppercase();
    [
        b"ERR unknown subcommand '",
        name,
        b"'. Try ",
        container.as_bytes(),
        b" HELP.",
    ]
    .concat()
}
