//! CLIENT: who is connected, and what a connection asks for itself.

use std::fmt::Write;

use super::connection::{is_printable, set_name};
use super::outcome::{Outcome, Refusal, handler, help, unknown_subcommand};
use super::table::{CommandSpec, Flags, Group, flags};
use super::{Arguments, Context, Handler, is, pause, refusal, tracking};
use crate::blocking::Unblocked;
use crate::client::{Address, Client, ClientId, Close, ReplyMode};
use crate::node::Server;
use crate::text::integer;
use crate::tracking::Mode;
use crate::transaction::Transaction;

const ORDINARY: Flags = flags![NOSCRIPT, LOADING, STALE];
const ADMIN: Flags = ORDINARY.and(Flags::ADMIN);

pub(super) const COMMANDS: &[CommandSpec] = &[CommandSpec::new(
    "client",
    -2,
    Group::Connection,
    handler!(unknown_subcommand),
)
.about("2.4.0", "Looks at connections and steers them.")
.subcommands(&[
    sub("id", 2, handler!(id), ORDINARY).about("5.0.0", "The number of this connection."),
    sub("getname", 2, handler!(getname), ORDINARY).about("2.6.9", "The name of this connection."),
    sub("setname", 3, handler!(setname), ORDINARY).about("2.6.9", "Names this connection."),
    sub("setinfo", 4, handler!(setinfo), ORDINARY)
        .about("7.2.0", "Tells which library this client uses."),
    sub("info", 2, handler!(info), ORDINARY).about("6.2.0", "What is known of this connection."),
    sub("list", -2, handler!(list), ADMIN).about("2.4.0", "What is known of every connection."),
    sub("kill", -3, handler!(kill), ADMIN).about("2.4.0", "Closes connections."),
    sub("reply", 3, handler!(reply_mode), ORDINARY)
        .about("3.2.0", "Whether this connection gets replies."),
    sub("no-evict", 3, handler!(no_evict), ADMIN)
        .about("7.0.0", "Protects this connection from eviction."),
    sub("no-touch", 3, handler!(no_touch), ORDINARY).about(
        "7.2.0",
        "Whether this connection's reads leave access times as they are.",
    ),
    sub("caching", 3, handler!(tracking::caching), ORDINARY).about(
        "6.0.0",
        "Whether the reads of the next command are tracked.",
    ),
    sub("pause", -3, handler!(pause::pause), ADMIN)
        .about("2.9.50", "Puts commands off for a while."),
    sub("unpause", 2, handler!(pause::unpause), ADMIN)
        .about("6.2.0", "Goes on with what was put off."),
    sub("getredir", 2, handler!(tracking::getredir), ORDINARY)
        .about("6.0.0", "Where invalidations are sent to."),
    sub(
        "trackinginfo",
        2,
        handler!(tracking::trackinginfo),
        ORDINARY,
    )
    .about("6.2.0", "How keys are tracked."),
    sub("tracking", -3, handler!(tracking::tracking), ORDINARY)
        .about("6.0.0", "Tracks the keys this connection reads."),
    sub("unblock", -3, handler!(unblock), ADMIN)
        .about("5.0.0", "Wakes a client from a blocking command."),
    sub("help", 2, handler!(help_client), flags![LOADING, STALE])
        .about("5.0.0", "Lists the subcommands."),
])];

const fn sub(name: &'static str, arity: i16, handler: Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Connection, handler).flags(flags)
}

const HELP: &[&str] = &[
    "CLIENT <subcommand> [<arg> ...]. Subcommands are:",
    "ID",
    "    The number of this connection.",
    "GETNAME | SETNAME <name>",
    "    The name of this connection; the empty name takes it away.",
    "SETINFO <LIB-NAME | LIB-VER> <value>",
    "    Tells which library this client uses.",
    "INFO",
    "    What is known of this connection.",
    "LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID <id> ...]",
    "    What is known of every connection, a line each.",
    "KILL <ip:port>",
    "    Closes the connection from that address.",
    "KILL <ID <id> | TYPE <type> | ADDR <ip:port> | LADDR <ip:port> | USER <name> | SKIPME <YES | NO>> ...",
    "    Closes the connections that fit all of it; this one only after SKIPME NO.",
    "REPLY <ON | OFF | SKIP>",
    "    Whether this connection gets replies; SKIP: not to the next command.",
    "NO-EVICT <ON | OFF>",
    "    Protects this connection from being closed where maxmemory-clients is exceeded.",
    "NO-TOUCH <ON | OFF>",
    "    Whether this connection's reads leave access times as they are.",
    "UNBLOCK <id> [TIMEOUT | ERROR]",
    "    Ends the wait of a client that waits for a key or for replicas.",
    "PAUSE <milliseconds> [WRITE | ALL]",
    "    Puts off the commands of every client, or those that write.",
    "UNPAUSE",
    "    Goes on with what was put off.",
    "TRACKING <ON | OFF> [REDIRECT <id>] [BCAST [PREFIX <prefix> ...]] [OPTIN | OPTOUT] [NOLOOP]",
    "    Tells this connection, or another one, when a key changes that it has read; BCAST: any key with such a prefix.",
    "CACHING <YES | NO>",
    "    Whether the reads of the next command are tracked, after OPTIN or OPTOUT.",
    "GETREDIR | TRACKINGINFO",
    "    Who is told of changes, and of which.",
    "HELP",
    "    These lines.",
];

fn help_client(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    help(context, HELP);
    Ok(())
}

fn id(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    context.reply.integer(number(context.client.id));
    Ok(())
}

fn getname(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let name = Some(context.client.name.as_slice()).filter(|name| !name.is_empty());
    context.reply.bulk_or_null(name);
    Ok(())
}

fn setname(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    set_name(context.client, &arguments[2])?;
    context.reply.ok();
    Ok(())
}

fn setinfo(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let client = &mut *context.client;
    let field = match &arguments[2] {
        option if is(option, "lib-name") => &mut client.library_name,
        option if is(option, "lib-ver") => &mut client.library_version,
        option => {
            return Err(Refusal::quoting(&[
                b"ERR Unrecognized option '",
                option,
                b"'",
            ]));
        }
    };
    if !is_printable(&arguments[3]) {
        let option = arguments[2].to_ascii_lowercase();
        return Err(Refusal::quoting(&[
            b"ERR ",
            &option,
            b" cannot contain spaces, newlines or special characters.",
        ]));
    }
    *field = arguments[3].to_vec();
    context.reply.ok();
    Ok(())
}

fn info(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let line = described(context.client, context.server);
    context.reply.verbatim(b"txt", line.as_bytes());
    Ok(())
}

fn list(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let wanted = match arguments.get(2) {
        None => Filter::default(),
        Some(word) if is(word, "type") && arguments.len() == 4 => Filter {
            class: Some(Class::named(&arguments[3])?),
            ..Filter::default()
        },
        Some(word) if is(word, "id") && arguments.len() > 3 => {
            let ids: Option<Vec<_>> = arguments.from(3).iter().map(client_id).collect();
            Filter {
                ids: Some(ids.ok_or("ERR Invalid client ID")?),
                ..Filter::default()
            }
        }
        Some(_) => return Err(refusal::SYNTAX.into()),
    };
    let mut clients: Vec<&Client> = context
        .server
        .clients
        .iter()
        .chain([&*context.client])
        .collect();
    // Who is closed is as good as gone.
    clients.retain(|client| client.close != Close::Now && wanted.fits(client));
    clients.sort_unstable_by_key(|client| client.id);
    let lines: String = clients
        .into_iter()
        .map(|client| described(client, context.server))
        .collect();
    context.reply.verbatim(b"txt", lines.as_bytes());
    Ok(())
}

/// The line of CLIENT LIST for one client.
fn described(client: &Client, server: &Server) -> String {
    let now_ms = server.now_ms;
    let tracking = server.tracking.of(client.id);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let seconds_since = |then_ms: i64| now_ms.saturating_sub(then_ms).max(0) / 1000;
    let waiting = client.outbox().len();
    let mut line = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        line,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} qbuf={} \
         qbuf-free={} argv-mem=0 multi-mem={} rbs=0 rbp=0 obl=0 oll={} omem={} tot-mem={} events={} cmd={} \
         user=default redir={} resp={} lib-name={} lib-ver={}",
        client.id,
        client.endpoints.peer,
        client.endpoints.local,
        client.endpoints.fd,
        text(&client.name),
        seconds_since(client.connected_ms),
        seconds_since(client.active_ms),
        flags_of(client, server),
        client.db.index(),
        client.channels.len(),
        client.patterns.len(),
        client.shards.len(),
        client
            .transaction
            .as_ref()
            .map_or_else(|| "-1".to_owned(), |queued| queued.len().to_string()),
        client.input_bytes,
        client.input_capacity.saturating_sub(client.input_bytes),
        client.transaction.as_ref().map_or(0, Transaction::bytes),
        usize::from(waiting > 0),
        waiting,
        client.bytes(),
        if waiting > 0 { "rw" } else { "r" },
        client
            .last_command
            .map_or("NULL", |command| command.full_name.as_str()),
        tracking::redirection(tracking),
        client.protocol.version(),
        text(&client.library_name),
        text(&client.library_version),
    );
    line
}

fn flags_of(client: &Client, server: &Server) -> String {
    let tracking = server.tracking.of(client.id);
    let flags = [
        (client.is_master, 'M'),
        (client.replica.is_some(), 'S'),
        (client.monitor, 'O'),
        (client.transaction.is_some(), 'x'),
        (client.blocked, 'b'),
        (client.subscriptions() > 0, 'P'),
        (tracking.is_some(), 't'),
        (tracking.is_some_and(|own| own.is_redirect_broken), 'R'),
        (tracking.is_some_and(|own| own.mode == Mode::Broadcast), 'B'),
        (server.watches.has_changed(client.slot), 'd'),
        (client.close == Close::AfterReply, 'c'),
        (client.close == Close::Now, 'A'),
        (client.no_evict, 'e'),
        (client.no_touch, 'T'),
        (matches!(client.endpoints.peer, Address::Path(_)), 'U'),
    ];
    let set: String = flags
        .into_iter()
        .filter(|(set, _)| *set)
        .map(|(_, letter)| letter)
        .collect();
    if set.is_empty() { "N".to_owned() } else { set }
}

/// What kind of client CLIENT LIST and CLIENT KILL ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Normal,
    PubSub,
    /// The master that this node copies.
    Master,
    Replica,
}

impl Class {
    fn named(name: &[u8]) -> Result<Self, Refusal> {
        match name.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Self::Normal),
            b"pubsub" => Ok(Self::PubSub),
            b"master" => Ok(Self::Master),
            b"replica" | b"slave" => Ok(Self::Replica),
            _ => Err(Refusal::quoting(&[
                b"ERR Unknown client type '",
                name,
                b"'",
            ])),
        }
    }

    fn of(client: &Client) -> Self {
        if client.is_master {
            Self::Master
        } else if client.replica.is_some() {
            Self::Replica
        } else if client.subscriptions() > 0 {
            Self::PubSub
        } else {
            Self::Normal
        }
    }
}

/// Which clients are meant; all that fit everything named.
#[derive(Debug, Default)]
struct Filter {
    ids: Option<Vec<ClientId>>,
    class: Option<Class>,
    peer: Option<Vec<u8>>,
    local: Option<Vec<u8>>,
    /// Whether the client that asks is meant too.
    with_self: bool,
}

impl Filter {
    fn fits(&self, client: &Client) -> bool {
        let endpoints = &client.endpoints;
        self.ids.as_ref().is_none_or(|ids| ids.contains(&client.id))
            && self.class.is_none_or(|class| class == Class::of(client))
            && self
                .peer
                .as_ref()
                .is_none_or(|peer| endpoints.peer.to_string().as_bytes() == peer)
            && self
                .local
                .as_ref()
                .is_none_or(|local| endpoints.local.to_string().as_bytes() == local)
    }

    /// Reads the pairs of CLIENT KILL.
    fn of_kill(pairs: &Arguments<'_>) -> Result<Self, Refusal> {
        let mut filter = Self::default();
        let words: Vec<&[u8]> = pairs.iter().collect();
        for pair in words.chunks(2) {
            let &[option, value] = pair else {
                return Err(refusal::SYNTAX.into());
            };
            match option.to_ascii_lowercase().as_slice() {
                b"id" => {
                    filter.ids = Some(vec![
                        client_id(value).ok_or("ERR client-id should be greater than 0")?,
                    ])
                }
                b"type" => filter.class = Some(Class::named(value)?),
                b"addr" => filter.peer = Some(value.to_vec()),
                b"laddr" => filter.local = Some(value.to_vec()),
                b"user" if value == b"default" => {}
                b"user" => return Err(Refusal::quoting(&[b"ERR No such user '", value, b"'"])),
                b"skipme" if is(value, "yes") => filter.with_self = false,
                b"skipme" if is(value, "no") => filter.with_self = true,
                _ => return Err(refusal::SYNTAX.into()),
            }
        }
        Ok(filter)
    }
}

fn kill(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    if arguments.len() == 3 {
        let filter = Filter {
            peer: Some(arguments[2].to_vec()),
            with_self: true,
            ..Filter::default()
        };
        if kill_all(context, &filter) == 0 {
            return Err(refusal::NO_SUCH_CLIENT.into());
        }
        context.reply.ok();
        return Ok(());
    }
    let filter = Filter::of_kill(&arguments.from(2))?;
    let killed = kill_all(context, &filter);
    context.reply.count(killed);
    Ok(())
}

fn kill_all(context: &mut Context<'_>, filter: &Filter) -> usize {
    let mut killed = 0;
    for client in context
        .server
        .clients
        .iter_mut()
        .filter(|client| filter.fits(client))
    {
        client.end(Close::Now);
        killed += 1;
    }
    if filter.with_self && filter.fits(context.client) {
        context.client.end(Close::AfterReply);
        killed += 1;
    }
    killed
}

pub(super) fn client_id(text: &[u8]) -> Option<ClientId> {
    integer::parse(text)
        .and_then(|id| u64::try_from(id).ok())
        .filter(|id| *id > 0)
}

pub(super) fn number(id: ClientId) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

fn reply_mode(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    match arguments[2].to_ascii_lowercase().as_slice() {
        b"on" => {
            context.client.reply_mode = ReplyMode::On;
            context.reply.ok();
        }
        b"off" => context.client.reply_mode = ReplyMode::Off,
        b"skip" if context.client.reply_mode == ReplyMode::Off => {}
        b"skip" => context.client.reply_mode = ReplyMode::SkipNext,
        _ => return Err(refusal::SYNTAX.into()),
    }
    Ok(())
}

fn on_or_off(word: &[u8]) -> Result<bool, Refusal> {
    match word {
        word if is(word, "on") => Ok(true),
        word if is(word, "off") => Ok(false),
        _ => Err(refusal::SYNTAX.into()),
    }
}

fn no_evict(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    context.client.no_evict = on_or_off(&arguments[2])?;
    context.reply.ok();
    Ok(())
}

fn no_touch(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    context.client.no_touch = on_or_off(&arguments[2])?;
    context
        .server
        .keyspace
        .set_no_touch(context.client.no_touch);
    context.reply.ok();
    Ok(())
}

fn unblock(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let id = client_id(&arguments[2]).ok_or(refusal::NOT_AN_INTEGER)?;
    let how = match arguments.get(3) {
        None => Unblocked::TimedOut,
        Some(word) if is(word, "timeout") => Unblocked::TimedOut,
        Some(word) if is(word, "error") => Unblocked::Error,
        Some(_) => return Err("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR".into()),
    };
    let waiting = context
        .server
        .clients
        .iter()
        .find(|client| client.id == id)
        .map(|client| client.slot);
    let unblocked = waiting.is_some_and(|slot| context.server.unblock(slot, how));
    context.reply.integer(unblocked.into());
    Ok(())
}
