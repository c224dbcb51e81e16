//! Saving: SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, SHUTDOWN.

use super::outcome::{Outcome, handler};
use super::table::{CommandSpec, Flags, Group, flags};
use super::{Arguments, Context, Handler, is, refusal};
use crate::client::Close;
use crate::log::Level;
use crate::saving::AlreadySaving;
use crate::shutdown::{AtEnd, Ending, Request};

pub(super) const COMMANDS: &[CommandSpec] = &[
    spec(
        "save",
        1,
        handler!(save),
        flags![ADMIN, NOSCRIPT, NO_ASYNC_LOADING, NO_MULTI],
    )
    .about("1.0.0", "Saves the data set, while nobody is served."),
    spec(
        "bgsave",
        -1,
        handler!(bgsave),
        flags![ADMIN, NOSCRIPT, NO_ASYNC_LOADING],
    )
    .about("1.0.0", "Saves the data set in the background."),
    spec(
        "bgrewriteaof",
        1,
        handler!(bgrewriteaof),
        flags![ADMIN, NOSCRIPT, NO_ASYNC_LOADING],
    )
    .about(
        "1.0.0",
        "Would shorten the append-only file: there is none.",
    ),
    spec(
        "lastsave",
        1,
        handler!(lastsave),
        flags![LOADING, STALE, FAST, DANGEROUS],
    )
    .category(Some("admin"))
    .about("1.0.0", "When the data set was last saved."),
    spec(
        "shutdown",
        -1,
        handler!(shutdown),
        flags![ADMIN, NOSCRIPT, LOADING, STALE, NO_MULTI, ALLOW_BUSY],
    )
    .about(
        "1.0.0",
        "Ends the node, after saving if it is so configured.",
    ),
];

const fn spec(name: &'static str, arity: i16, handler: Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Server, handler).flags(flags)
}

fn already(error: AlreadySaving) -> String {
    format!("ERR {error}")
}

fn save(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let now_ms = context.server.now_ms;
    if context.server.saving.under_way_ms(now_ms).is_some() {
        return Err(already(AlreadySaving).into());
    }
    // Redis says no more either; the log does.
    context.server.save().map_err(|_| "ERR")?;
    context.reply.ok();
    Ok(())
}

fn bgsave(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    match arguments.get(1) {
        None => {}
        Some(word) if is(word, "schedule") && arguments.len() == 2 => {}
        Some(_) => return Err(refusal::SYNTAX.into()),
    }
    context.server.save_in_background().map_err(already)?;
    context.reply.simple("Background saving started");
    Ok(())
}

fn bgrewriteaof(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let message = "There is no append-only file to rewrite";
    context.server.log(Level::Notice, message);
    context
        .reply
        .simple("Background append only file rewriting started");
    Ok(())
}

fn lastsave(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    context.reply.integer(context.server.saving.saved_ms / 1000);
    Ok(())
}

fn shutdown(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let mut request = Request::default();
    for word in arguments.from(1).iter() {
        match word {
            word if is(word, "abort") && arguments.len() == 2 => {
                return abort(context);
            }
            word if is(word, "save") && request.at_end != AtEnd::Discard => {
                request.at_end = AtEnd::Save;
            }
            word if is(word, "nosave") && request.at_end != AtEnd::Save => {
                request.at_end = AtEnd::Discard;
            }
            word if is(word, "force") => request.is_forced = true,
            word if is(word, "now") => request.is_immediate = true,
            _ => return Err(refusal::SYNTAX.into()),
        }
    }
    let message = "User requested shutdown...";
    context.server.log(Level::Warning, message);
    if context.shut_down(request)? == Ending::Now {
        context.client.end(Close::Now);
    }
    Ok(())
}

fn abort(context: &mut Context<'_>) -> Outcome {
    if !context.server.abort_shutdown() {
        return Err("ERR No shutdown in progress.".into());
    }
    context.reply.ok();
    Ok(())
}
