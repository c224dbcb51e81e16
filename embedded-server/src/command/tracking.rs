//! Client-side caching: CLIENT TRACKING, CACHING, GETREDIR, TRACKINGINFO.

use super::client::{client_id, number};
use super::outcome::{Outcome, Refusal, integer_in};
use super::{Arguments, Context, is, refusal};
use crate::client::ClientId;
use crate::tracking::{Mode, Tracking};

/// The words behind ON.
#[derive(Debug, Default)]
struct Options {
    redirect: Option<(ClientId, usize)>,
    prefixes: Vec<Box<[u8]>>,
    broadcast: bool,
    opt_in: bool,
    opt_out: bool,
    no_loop: bool,
}

impl Options {
    fn parse(context: &Context<'_>, words: &Arguments<'_>) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.to_ascii_lowercase().as_slice() {
                b"bcast" => options.broadcast = true,
                b"optin" => options.opt_in = true,
                b"optout" => options.opt_out = true,
                b"noloop" => options.no_loop = true,
                b"prefix" => options
                    .prefixes
                    .push(words.next().ok_or(refusal::SYNTAX)?.into()),
                b"redirect" => {
                    if options.redirect.is_some() {
                        return Err(
                            "ERR A client can only redirect to a single other client".into()
                        );
                    }
                    options.redirect = target(context, words.next().ok_or(refusal::SYNTAX)?)?;
                }
                _ => return Err(refusal::SYNTAX.into()),
            }
        }
        Ok(options)
    }

    fn mode(&self) -> Mode {
        match (self.broadcast, self.opt_in, self.opt_out) {
            (true, ..) => Mode::Broadcast,
            (_, true, _) => Mode::OptIn,
            (.., true) => Mode::OptOut,
            _ => Mode::All,
        }
    }

    /// Refuses what does not go together, or with what was said before.
    fn check(&self, before: Option<&Tracking>) -> Outcome {
        if !self.broadcast && !self.prefixes.is_empty() {
            return Err("ERR PREFIX option requires BCAST mode to be enabled".into());
        }
        let mode = before.map(|before| before.mode);
        if mode.is_some_and(|mode| (mode == Mode::Broadcast) != self.broadcast) {
            return Err("ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                        re-enabling it with a different mode."
                .into());
        }
        if self.broadcast && (self.opt_in || self.opt_out) {
            return Err("ERR OPTIN and OPTOUT are not compatible with BCAST".into());
        }
        if self.opt_in && self.opt_out {
            return Err("ERR You can't specify both OPTIN mode and OPTOUT mode".into());
        }
        if (self.opt_in && mode == Some(Mode::OptOut))
            || (self.opt_out && mode == Some(Mode::OptIn))
        {
            return Err("ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                        re-enabling it with a different mode."
                .into());
        }
        self.check_prefixes(before.map_or(&[], |before| &before.prefixes))
    }

    /// Refuses a prefix that another one begins with: there would be two messages for one change.
    fn check_prefixes(&self, before: &[Box<[u8]>]) -> Outcome {
        let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
        let refuse = |prefix: &[u8], what: &[u8], other: &[u8]| {
            Err(Refusal::quoting(&[
                b"ERR Prefix '",
                prefix,
                b"' overlaps with ",
                what,
                b" prefix '",
                other,
                b"'. Prefixes for a single client must not overlap.",
            ]))
        };
        for (at, prefix) in self.prefixes.iter().enumerate() {
            if let Some(other) = before.iter().find(|other| overlap(other, prefix)) {
                return refuse(prefix, b"an existing", other);
            }
            let mut others = self.prefixes.iter().skip(at + 1);
            if let Some(other) = others.find(|other| overlap(other, prefix)) {
                return refuse(prefix, b"another provided", other);
            }
        }
        Ok(())
    }

    /// How the client is told of changes from here on.
    fn onto(self, before: Option<&Tracking>) -> Tracking {
        let mut prefixes = before.map_or_else(Vec::new, |before| before.prefixes.clone());
        let mode = self.mode();
        if mode == Mode::Broadcast && prefixes.is_empty() && self.prefixes.is_empty() {
            prefixes.push(Box::default());
        }
        prefixes.extend(self.prefixes);
        Tracking {
            mode,
            no_loop: self.no_loop,
            redirect: self.redirect,
            prefixes,
            ..Tracking::default()
        }
    }
}

/// The client that is told in place of another.
fn target(context: &Context<'_>, argument: &[u8]) -> Result<Option<(ClientId, usize)>, Refusal> {
    integer_in(argument)?;
    let everybody = context.server.clients.iter().chain([&*context.client]);
    let id = client_id(argument);
    let found = everybody
        .map(|client| (client.id, client.slot))
        .find(|(other, _)| id == Some(*other));
    match found {
        Some(found) => Ok(Some(found)),
        None => Err("ERR The client ID you want redirect to does not exist".into()),
    }
}

pub(super) fn tracking(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let options = Options::parse(context, &arguments.from(3))?;
    let Context { server, client, .. } = context;
    match &arguments[2] {
        word if is(word, "on") => {
            let before = server.tracking.of(client.id);
            options.check(before)?;
            let tracking = options.onto(before);
            server.tracking.enable(client, tracking);
        }
        word if is(word, "off") => server.end_tracking(client),
        _ => return Err(refusal::SYNTAX.into()),
    }
    context.server.record_removals();
    context.reply.ok();
    Ok(())
}

pub(super) fn caching(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let Context { server, client, .. } = context;
    let mode = server.tracking.of(client.id).map(|tracking| tracking.mode);
    let mode = mode.ok_or(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    )?;
    client.caching = Some(match &arguments[2] {
        word if is(word, "yes") && mode == Mode::OptIn => true,
        word if is(word, "no") && mode == Mode::OptOut => false,
        word if is(word, "yes") => {
            return Err(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."
                    .into(),
            );
        }
        word if is(word, "no") => {
            return Err(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."
                    .into(),
            );
        }
        _ => return Err(refusal::SYNTAX.into()),
    });
    context.reply.ok();
    Ok(())
}

/// Where a client's invalidations go: 0 to itself, -1 nowhere.
pub(super) fn redirection(tracking: Option<&Tracking>) -> i64 {
    tracking.map_or(-1, |own| own.redirect.map_or(0, |(id, _)| number(id)))
}

pub(super) fn getredir(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let own = context.server.tracking.of(context.client.id);
    context.reply.integer(redirection(own));
    Ok(())
}

pub(super) fn trackinginfo(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let Context {
        server,
        client,
        reply,
    } = context;
    let own = server.tracking.of(client.id);
    let flags = flags(own, client.caching);
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.integer(redirection(own));
    reply.bulk(b"prefixes");
    let prefixes = own.map_or(&[][..], |own| &own.prefixes);
    reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| reply.bulk(prefix));
    Ok(())
}

fn flags(own: Option<&Tracking>, caching: Option<bool>) -> Vec<&'static str> {
    let Some(own) = own else {
        return vec!["off"];
    };
    let flags = [
        (true, "on"),
        (own.mode == Mode::Broadcast, "bcast"),
        (own.mode == Mode::OptIn, "optin"),
        (
            own.mode == Mode::OptIn && caching == Some(true),
            "caching-yes",
        ),
        (own.mode == Mode::OptOut, "optout"),
        (
            own.mode == Mode::OptOut && caching == Some(false),
            "caching-no",
        ),
        (own.no_loop, "noloop"),
        (own.is_redirect_broken, "broken_redirect"),
    ];
    let set = flags.into_iter().filter(|(set, _)| *set);
    set.map(|(_, name)| name).collect()
}
