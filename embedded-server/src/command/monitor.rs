//! MONITOR: shows every command that runs to whoever asked.

use super::outcome::{Outcome, handler};
use super::table::{Command, CommandSpec, Flags, Group, flags};
use super::{Arguments, Context};
use crate::client::Address;

pub(super) const COMMANDS: &[CommandSpec] =
    &[
        CommandSpec::new("monitor", 1, Group::Server, handler!(monitor))
            .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
            .about("1.0.0", "Shows every command that runs."),
    ];

fn monitor(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    if !std::mem::replace(&mut context.client.monitor, true) {
        context.server.monitors += 1;
    }
    context.reply.ok();
    Ok(())
}

/// Shows a command that is about to run to every client that monitors.
#[cold]
pub(super) fn show(context: &mut Context<'_>, arguments: &Arguments<'_>, command: &Command) {
    let hidden = [Flags::SKIP_MONITOR, Flags::ADMIN];
    if hidden.into_iter().any(|flag| command.spec.flags.has(flag)) {
        return;
    }
    let line = line(context, &command.public_words(arguments));
    for client in context
        .server
        .clients
        .iter_mut()
        .filter(|client| client.monitor)
    {
        client.send_later(&line);
        client.wake();
    }
}

/// `+1700000000.123456 [0 127.0.0.1:5000] "get" "key"`
fn line(context: &Context<'_>, words: &[&[u8]]) -> Vec<u8> {
    let now_us = context.server.now_us;
    let db = context.client.db.index();
    let peer = match &context.client.endpoints.peer {
        Address::Ip(address) => address.to_string(),
        Address::Path(path) => format!("unix:{path}"),
    };
    let mut line = format!(
        "+{}.{:06} [{db} {peer}]",
        now_us / 1_000_000,
        now_us % 1_000_000
    )
    .into_bytes();
    for word in words {
        line.extend_from_slice(b" \"");
        word.iter().for_each(|byte| escape(&mut line, *byte));
        line.push(b'"');
    }
    line.extend_from_slice(b"\r\n");
    line
}

fn escape(line: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
        b'\n' => line.extend_from_slice(b"\\n"),
        b'\r' => line.extend_from_slice(b"\\r"),
        b'\t' => line.extend_from_slice(b"\\t"),
        7 => line.extend_from_slice(b"\\a"),
        8 => line.extend_from_slice(b"\\b"),
        b' '..=b'~' => line.push(byte),
        _ => line.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
    }
}
