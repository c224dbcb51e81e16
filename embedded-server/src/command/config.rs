//! CONFIG: reads and changes the configuration of the running node.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::outcome::{Outcome, Refusal, handler, help, unknown_subcommand};
use super::table::{CommandSpec, Flags, Group, flags};
use super::{Arguments, Context, Handler, refusal, secret};
use crate::config::directives::{self, DIRECTIVES};
use crate::config::{Config, ConfigError, Scope, ValueError, rewritten};
use crate::log::Level;
use crate::stats::Stats;
use crate::text::glob;

pub(super) const COMMANDS: &[CommandSpec] =
    &[
        CommandSpec::new("config", -2, Group::Server, handler!(unknown_subcommand))
            .about("2.0.0", "Reads and changes the configuration.")
            .subcommands(&[
                sub("get", -3, handler!(get)).about(
                    "2.0.0",
                    "The directives that match a pattern, with their values.",
                ),
                sub("set", -4, handler!(set))
                    .find_secrets(secret::of_config_set)
                    .about("2.0.0", "Changes directives, all of them or none."),
                sub("resetstat", 2, handler!(resetstat)).about("2.0.0", "Begins counting anew."),
                sub("rewrite", 2, handler!(rewrite)).about(
                    "2.8.0",
                    "Writes the configuration to the file it came from.",
                ),
                CommandSpec::new("help", 2, Group::Server, handler!(help_config))
                    .flags(flags![LOADING, STALE])
                    .about("5.0.0", "Lists the subcommands."),
            ]),
    ];

const fn sub(name: &'static str, arity: i16, handler: Handler) -> CommandSpec {
    const FLAGS: Flags = flags![ADMIN, NOSCRIPT, LOADING, STALE];
    CommandSpec::new(name, arity, Group::Server, handler).flags(FLAGS)
}

const HELP: &[&str] = &[
    "CONFIG <subcommand> [<arg> ...]. Subcommands are:",
    "GET <pattern> [<pattern> ...]",
    "    The directives that match a glob, with their values.",
    "SET <directive> <value> [<directive> <value> ...]",
    "    Changes directives, all of them or none.",
    "RESETSTAT",
    "    Begins counting anew what INFO tells.",
    "REWRITE",
    "    Writes the configuration to the file it came from.",
    "HELP",
    "    These lines.",
];

fn help_config(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    help(context, HELP);
    Ok(())
}

fn get(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let asked = |name: &'static str| {
        let mut patterns = arguments.from(2).iter();
        patterns
            .find(|pattern| glob::matches_ignoring_case(pattern, name.as_bytes()))
            .map(|pattern| (name, pattern))
    };
    let found: Vec<_> = DIRECTIVES
        .iter()
        .filter_map(|directive| {
            let (name, pattern) = asked(directive.name)?;
            let is_named = pattern.eq_ignore_ascii_case(name.as_bytes());
            (is_named || !directive.hidden).then_some((name, pattern))
        })
        .collect();
    context.reply.map(found.len());
    for (name, pattern) in found {
        // A name that was spelt out is told as it was spelt.
        let is_spelt_out = pattern.eq_ignore_ascii_case(name.as_bytes());
        context.reply.bulk(if is_spelt_out {
            pattern
        } else {
            name.as_bytes()
        });
        context.reply.bulk(
            context
                .server
                .config
                .get(name)
                .unwrap_or_default()
                .as_bytes(),
        );
    }
    Ok(())
}

fn set(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let words: Vec<&[u8]> = arguments.from(2).iter().collect();
    let mut pairs = Vec::with_capacity(words.len() / 2);
    for pair in words.chunks(2) {
        let &[name, value] = pair else {
            return Err(refusal::SYNTAX.into());
        };
        pairs.push((String::from_utf8_lossy(name).into_owned(), value));
    }
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    pairs
        .iter()
        .try_for_each(|(name, value)| may_set(context, name, value))
        .map_err(|error| Refusal::from(format!("ERR {error}")))?;
    let before = context.server.config.clone();
    context
        .server
        .config
        .set_all(&pairs)
        .map_err(|error| Refusal::from(format!("ERR {error}")))?;
    if let Err(error) = listen(context, &before) {
        context.server.config = before;
        return Err(format!("ERR {error}").into());
    }
    context.server.configured();
    context.reply.ok();
    Ok(())
}

/// Listens where the configuration says, if that is elsewhere than `before`.
fn listen(context: &mut Context<'_>, before: &Config) -> Result<(), ConfigError> {
    let server = &mut *context.server;
    server.listen(before).map_err(|error| {
        server.log(Level::Warning, &error.to_string());
        let (name, reason) = if server.config.port == before.port {
            ("bind", ValueError::NoOtherAddress)
        } else {
            ("port", ValueError::NoOtherPort)
        };
        let name = name.to_owned();
        ConfigError::Refused { name, reason }
    })
}

/// Whether a client may set this: it may not say where files are written unless that is allowed and a place for them, and
/// a member of a cluster, whom the others find at its address, stays there.
fn may_set(context: &Context<'_>, name: &str, value: &[u8]) -> Result<(), ConfigError> {
    let Some((_, directive)) = directives::find(name) else {
        return Ok(());
    };
    let is_new = context.server.config.get(name).as_deref() != std::str::from_utf8(value).ok();
    let moves_a_member = is_new && context.server.cluster.is_some();
    let value = Path::new(OsStr::from_bytes(value));
    let reason = match directive.name {
        "port" if moves_a_member => ValueError::NoOtherPort,
        "bind" if moves_a_member => ValueError::NoOtherAddress,
        _ if !directive.guarded => return Ok(()),
        _ if !context.is_allowed("enable-protected-configs") => ValueError::Guarded,
        "dir" if !value.is_dir() => ValueError::NoSuchFolder,
        "dbfilename" if value.file_name() != Some(value.as_os_str()) => ValueError::NotAFileName,
        _ => return Ok(()),
    };
    let name = name.to_owned();
    Err(ConfigError::Refused { name, reason })
}

fn resetstat(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    context.server.stats = Stats::default();
    context.server.keyspace.reset_counters();
    context.reply.ok();
    Ok(())
}

fn rewrite(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    rewrite_file(context, Scope::Changed)?;
    context.reply.ok();
    Ok(())
}

/// Writes the configuration to the file it came from.
pub(super) fn rewrite_file(context: &Context<'_>, scope: Scope) -> Outcome {
    let file = context.server.identity.config_file.as_deref();
    let file = file.ok_or("ERR The server is running without a config file")?;
    write(file, |before| {
        rewritten(before, &context.server.config, scope)
    })
    .map_err(|error| format!("ERR Rewriting config file: {error}").into())
}

/// Replaces a file by what `edit` makes of it, whole or not at all.
fn write(file: &Path, edit: impl FnOnce(&str) -> String) -> io::Result<()> {
    let before = fs::read_to_string(file)?;
    let draft = file.with_extension("rewriting");
    fs::write(&draft, edit(&before))?;
    fs::rename(&draft, file)
}
