//! MODULE: there are none, and none can be loaded; clients ask all the same.

use super::outcome::{Outcome, handler, help, unknown_subcommand};
use super::table::{CommandSpec, Flags, Group, flags};
use super::{Arguments, Context, Handler};
use crate::log::Level;

const NOT_ALLOWED: &str = "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you \
                           can run it from a local connection, otherwise you need to set this option in the \
                           configuration file, and then restart the server.";

const ADMIN: Flags = flags![ADMIN, NOSCRIPT];

pub(super) const COMMANDS: &[CommandSpec] =
    &[
        CommandSpec::new("module", -2, Group::Server, handler!(unknown_subcommand))
            .about("4.0.0", "What extends the server.")
            .subcommands(&[
                sub("help", 2, handler!(help_module), flags![LOADING, STALE])
                    .about("5.0.0", "Lists the subcommands."),
                sub("list", 2, handler!(list), ADMIN).about("4.0.0", "Lists the modules: none."),
                sub(
                    "load",
                    -3,
                    handler!(load),
                    ADMIN.and(Flags::NO_ASYNC_LOADING),
                )
                .about("4.0.0", "Would load a module."),
                sub(
                    "loadex",
                    -3,
                    handler!(load),
                    ADMIN.and(Flags::NO_ASYNC_LOADING),
                )
                .about("7.0.0", "Would load a module, with configuration."),
                sub(
                    "unload",
                    3,
                    handler!(unload),
                    ADMIN.and(Flags::NO_ASYNC_LOADING),
                )
                .about("4.0.0", "Would take a module away."),
            ]),
    ];

const fn sub(name: &'static str, arity: i16, handler: Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Server, handler).flags(flags)
}

const HELP: &[&str] = &[
    "MODULE <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "LIST",
    "    The modules: there are none.",
    "LOAD <path> [<arg> ...] | LOADEX <path> [...] | UNLOAD <name>",
    "    Understood, and refused: this server has its commands built in.",
    "HELP",
    "    These lines.",
];

fn help_module(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    help(context, HELP);
    Ok(())
}

fn list(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    context.reply.array(0);
    Ok(())
}

fn load(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    needs_leave(context)?;
    let path = String::from_utf8_lossy(&arguments[2]);
    let message = format!("Module {path} is not loaded: this server has its commands built in");
    context.server.log(Level::Warning, &message);
    Err("ERR Error loading the extension. Please check the server logs.".into())
}

fn unload(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    needs_leave(context)?;
    Err("ERR Error unloading module: no such module with that name".into())
}

fn needs_leave(context: &Context<'_>) -> Outcome {
    if context.is_allowed("enable-module-command") {
        return Ok(());
    }
    Err(NOT_ALLOWED.into())
}
