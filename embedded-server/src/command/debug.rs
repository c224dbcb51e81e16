//! DEBUG: what tests of servers ask for.

use std::time::Duration;

use super::outcome::{Outcome, Refusal, handler, help};
use super::table::{CommandSpec, Group, flags};
use super::{Arguments, Context, is, refusal};
use crate::keyspace::Access;
use crate::rdb::payload;

const NOT_ALLOWED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you \
                           can run it from a local connection, otherwise you need to set this option in the \
                           configuration file, and then restart the server.";
/// The longest sleep; longer ones are a mistake or mischief.
const SLEEP_SECONDS_MAX: f64 = 3600.0;

pub(super) const COMMANDS: &[CommandSpec] =
    &[
        CommandSpec::new("debug", -2, Group::Server, handler!(debug))
            .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
            .about("1.0.0", "For tests of servers."),
    ];

const HELP: &[&str] = &[
    "DEBUG <subcommand> [<arg> ...]. Subcommands are:",
    "SLEEP <seconds>",
    "    The node does nothing for so long; a virtual clock is turned instead.",
    "OBJECT <key>",
    "    How a value is stored.",
    "SET-ACTIVE-EXPIRE <0 | 1>",
    "    Whether expired keys that nobody asks for are removed.",
    "JMAP | CHANGE-REPL-ID | SET-DISABLE-DENY-SCRIPTS <0 | 1> | QUICKLIST-PACKED-THRESHOLD <size>",
    "    Understood, and of no effect.",
    "HELP",
    "    These lines.",
];

fn debug(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    if !is_allowed(context) {
        return Err(NOT_ALLOWED.into());
    }
    match (
        arguments[1].to_ascii_lowercase().as_slice(),
        arguments.len(),
    ) {
        (b"sleep", 3) => sleep(context, &arguments[2])?,
        (b"object", 3 | 4) => return object(context, &arguments[2]),
        (b"set-active-expire", 3) => context
            .server
            .keyspace
            .set_active_expiry(is(&arguments[2], "1")),
        (b"jmap" | b"change-repl-id", 2) => {}
        (b"set-disable-deny-scripts" | b"quicklist-packed-threshold", 3) => {}
        (b"help", 2) => {
            help(context, HELP);
            return Ok(());
        }
        _ => {
            let shown = arguments[1].get(..128).unwrap_or(&arguments[1]);
            let text: [&[u8]; 3] = [
                b"ERR unknown subcommand or wrong number of arguments for '",
                shown,
                b"'. Try DEBUG HELP.",
            ];
            return Err(Refusal::quoting(&text));
        }
    }
    context.reply.ok();
    Ok(())
}

fn is_allowed(context: &Context<'_>) -> bool {
    match context.server.config.get("enable-debug-command").as_deref() {
        Some("yes") => true,
        Some("local") => context
            .client
            .endpoints
            .peer
            .ip()
            .to_canonical()
            .is_loopback(),
        _ => false,
    }
}

fn sleep(context: &mut Context<'_>, seconds: &[u8]) -> Outcome {
    let seconds = std::str::from_utf8(seconds)
        .ok()
        .and_then(|text| text.parse::<f64>().ok());
    let seconds = seconds
        .filter(|seconds| (0.0..=SLEEP_SECONDS_MAX).contains(seconds))
        .ok_or(refusal::NOT_A_FLOAT)?;
    context.server.clock.sleep(Duration::from_secs_f64(seconds));
    context.server.read_clock();
    Ok(())
}

fn object(context: &mut Context<'_>, key: &[u8]) -> Outcome {
    let db = context.db();
    let idle_ms = context
        .server
        .keyspace
        .object_info(db, key)
        .map_or(0, |info| info.idle_ms);
    let clock_s = (context.server.now_ms - i64::try_from(idle_ms).unwrap_or(0)) / 1000;
    let entry = context
        .server
        .keyspace
        .lookup(db, key, Access::Silent)
        .ok_or(refusal::NO_SUCH_KEY)?;
    let length = entry.string().map_or(0, serialized_len);
    let text = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{length} lru:{} lru_seconds_idle:{}",
        entry.key().as_ptr(),
        entry.encoding(),
        // The clock of Redis counts seconds in 24 bits.
        clock_s & 0xff_ffff,
        idle_ms / 1000,
    );
    context.reply.simple(&text);
    Ok(())
}

/// The length of a dump without its type, its version and its checksum.
fn serialized_len(bytes: &[u8]) -> usize {
    const FRAME_BYTES: usize = 1 + 2 + 8;
    payload::encode_string(bytes, true)
        .len()
        .saturating_sub(FRAME_BYTES)
}
