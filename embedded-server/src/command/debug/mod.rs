//! DEBUG: what tests of servers ask for.

mod digest;
mod protocol;

use std::time::Duration;

use super::outcome::{Outcome, Refusal, handler, help, integer_in};
use super::table::{CommandSpec, Group, flags};
use super::{Arguments, Context, config, is, refusal};
use crate::config::Scope;
use crate::keyspace::{Access, Expiry};
use crate::log::Level;
use crate::rdb::payload;
use crate::snapshot::LoadError;

const NOT_ALLOWED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you \
                           can run it from a local connection, otherwise you need to set this option in the \
                           configuration file, and then restart the server.";
/// The longest sleep; longer ones are a mistake or mischief.
const SLEEP_SECONDS_MAX: f64 = 3600.0;
/// The most keys that POPULATE makes at once, and the longest of their values.
const POPULATE_KEYS_MAX: i64 = 100_000_000;
const POPULATE_BYTES_MAX: i64 = 512 << 20;

pub(super) const COMMANDS: &[CommandSpec] =
    &[
        CommandSpec::new("debug", -2, Group::Server, handler!(debug))
            .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
            .about("1.0.0", "For tests of servers."),
    ];

const HELP: &[&str] = &[
    "DEBUG <subcommand> [<arg> ...]. Subcommands are:",
    "CONFIG-REWRITE-FORCE-ALL",
    "    CONFIG REWRITE of every directive.",
    "DIGEST | DIGEST-VALUE <key> [<key> ...]",
    "    A digest of everything, or of what each key holds, by the rule of Redis.",
    "ERROR <text>",
    "    That error.",
    "HTSTATS <database> [full] | HTSTATS-KEY <key> [full] | LISTPACK <key>",
    "    How keys, or a value, are stored.",
    "LOG <text>",
    "    Writes to the server's log.",
    "OBJECT <key>",
    "    How a value is stored.",
    "POPULATE <count> [<prefix> [<bytes>]]",
    "    Makes keys that are not there: prefix:0 with value:0 and so on.",
    "PROTOCOL <type>",
    "    A reply of that type: string integer double null array set map attrib push bignum true false verbatim.",
    "RELOAD [NOSAVE] [NOFLUSH] [MERGE] | LOADAOF",
    "    Serializes everything and loads it again. There is no file: with NOSAVE nothing is done.",
    "SET-ACTIVE-EXPIRE <0 | 1>",
    "    Whether expired keys that nobody asks for are removed.",
    "SET-SKIP-CHECKSUM-VALIDATION <0 | 1>",
    "    Whether RESTORE takes payloads whose checksum is wrong.",
    "SLEEP <seconds>",
    "    The node does nothing for so long; a virtual clock is turned instead.",
    "STRINGMATCH-LEN",
    "    Nothing: patterns are tested elsewhere.",
    "JMAP | CHANGE-REPL-ID | MALLCTL <name> | PAUSE-CRON <0 | 1> | QUICKLIST-PACKED-THRESHOLD <size>",
    "REPLICATE <command> ... | REPLYBUFFER <option> <value> | SET-DISABLE-DENY-SCRIPTS <0 | 1>",
    "    Understood, and of no effect.",
    "HELP",
    "    These lines.",
];

fn debug(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    if !context.is_allowed("enable-debug-command") {
        return Err(NOT_ALLOWED.into());
    }
    let name = arguments[1].to_ascii_lowercase();
    match (name.as_slice(), arguments.len()) {
        (b"digest", 2) => digest::all(context),
        (b"digest-value", 3..) => return digest::values(context, &arguments.from(2)),
        (b"error", 3) => return Err(Refusal::quoting(&[&arguments[2]])),
        (b"help", 2) => help(context, HELP),
        (b"htstats", 3 | 4) => return table_stats(context, &arguments[2]),
        (b"htstats-key", 3 | 4) => return value_stats(context, &arguments[2]),
        (b"listpack", 3) => return listpack(context, &arguments[2]),
        (b"object", 3 | 4) => return object(context, &arguments[2]),
        (b"protocol", 3) => return protocol::reply(context, &arguments[2]),
        (b"stringmatch-len", 2) => context
            .reply
            .simple("Apparently Redis did not crash: test passed"),
        _ => return act(context, arguments, &name),
    }
    Ok(())
}

/// What is answered by OK.
fn act(context: &mut Context<'_>, arguments: &Arguments<'_>, name: &[u8]) -> Outcome {
    match (name, arguments.len()) {
        (b"sleep", 3) => sleep(context, &arguments[2])?,
        (b"set-active-expire", 3) => context
            .server
            .keyspace
            .set_active_expiry(is(&arguments[2], "1")),
        (b"set-skip-checksum-validation", 3) => {
            context.server.skips_checksums = is(&arguments[2], "1");
        }
        (b"log", 3) => {
            let text = format!("DEBUG LOG: {}", String::from_utf8_lossy(&arguments[2]));
            context.server.log(Level::Warning, &text);
        }
        (b"config-rewrite-force-all", 2) => config::rewrite_file(context, Scope::All)?,
        (b"populate", 3..=5) => populate(context, &arguments.from(2))?,
        (b"reload", _) => reload(context, &arguments.from(2))?,
        (b"loadaof", 2) => reload(context, &arguments.from(2))?,
        (b"jmap" | b"change-repl-id", 2)
        | (b"mallctl" | b"pause-cron" | b"quicklist-packed-threshold", 3)
        | (b"set-disable-deny-scripts", 3)
        | (b"replicate", 3..)
        | (b"replybuffer", 4) => {}
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

/// Serializes everything and loads it again.
fn reload(context: &mut Context<'_>, options: &Arguments<'_>) -> Outcome {
    let (mut saved, mut flushed) = (true, true);
    for option in options.iter() {
        match option.to_ascii_lowercase().as_slice() {
            b"nosave" => saved = false,
            b"noflush" => flushed = false,
            // Keys of the same name are replaced anyway.
            b"merge" => {}
            _ => {
                return Err(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.".into(),
                );
            }
        }
    }
    if !saved {
        return Ok(());
    }
    let snapshot = context.server.snapshot();
    if flushed {
        context.server.keyspace.flush_all();
    }
    context.server.load(&snapshot)?;
    Ok(())
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        format!("ERR Error trying to load the RDB dump: {error}").into()
    }
}

/// Makes keys that are not there yet.
fn populate(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let count = integer_in(&arguments[0])?;
    let prefix = arguments.get(1).unwrap_or(b"key");
    let bytes = arguments.get(2).map(integer_in).transpose()?;
    if !(0..=POPULATE_KEYS_MAX).contains(&count) {
        return Err("ERR value is out of range, must be positive".into());
    }
    let db = context.db();
    for number in 0..count {
        let key = [prefix, b":", number.to_string().as_bytes()].concat();
        if context.server.keyspace.view(db, &key).is_some() {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if let Some(bytes) = bytes {
            value.resize(bytes.clamp(0, POPULATE_BYTES_MAX) as usize, 0);
        }
        let keyspace = &mut context.server.keyspace;
        keyspace.set_string(db, &key, &value, Expiry::Never)?;
    }
    Ok(())
}

fn table_stats(context: &mut Context<'_>, number: &[u8]) -> Outcome {
    let index = usize::try_from(integer_in(number)?).ok();
    let keyspace = &context.server.keyspace;
    let db = index
        .and_then(|index| keyspace.db(index))
        .ok_or("ERR Out of range database")?;
    let text = format!(
        "[Dictionary HT]\nHash table 0 stats (main hash table):\n number of elements: {}\n[Expires HT]\nHash table 0 \
         stats (main hash table):\n number of elements: {}\n",
        keyspace.len(db),
        keyspace.volatile_len(db),
    );
    context.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

fn value_stats(context: &mut Context<'_>, key: &[u8]) -> Outcome {
    let db = context.db();
    let entry = context.server.keyspace.view(db, key);
    let entry = entry.ok_or(refusal::NO_SUCH_KEY)?;
    let value = entry.object().ok();
    let table = value.filter(|value| matches!(value.encoding(), "hashtable" | "skiplist"));
    let value = table.ok_or(
        "ERR The value stored at the specified key is not represented using an hash table",
    )?;
    let text = format!(
        "Hash table 0 stats (main hash table):\n number of elements: {}\n",
        value.len()
    );
    context.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// Redis prints such a block where nobody sees it; what can be seen is whether there is one.
fn listpack(context: &mut Context<'_>, key: &[u8]) -> Outcome {
    let db = context.db();
    let entry = context.server.keyspace.view(db, key);
    let entry = entry.ok_or(refusal::NO_SUCH_KEY)?;
    if entry.encoding() != "listpack" {
        return Err("ERR Not a listpack encoded object.".into());
    }
    context.reply.simple("Listpack structure printed on stdout");
    Ok(())
}

fn object(context: &mut Context<'_>, key: &[u8]) -> Outcome {
    let db = context.db();
    let compress = context.server.config.rdb_compression;
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
    let text = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
        entry.key().as_ptr(),
        entry.encoding(),
        payload::serialized_len(entry.value(), compress),
        // The clock of Redis counts seconds in 24 bits.
        clock_s & 0xff_ffff,
        idle_ms / 1000,
    );
    context.reply.simple(&text);
    Ok(())
}
