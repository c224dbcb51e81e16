//! MIGRATE: moves keys to another node.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::outcome::{Outcome, Refusal, handler, integer_in};
use super::table::{CommandSpec, Group, Keys, flags};
use super::{Arguments, Context, generic, is, refusal, secret};
use crate::keyspace::Access;
use crate::rdb::payload;
use crate::resolve;
use crate::text::integer;
use crate::transfer::{Kept, Transfer};

pub(super) const COMMANDS: &[CommandSpec] =
    &[
        CommandSpec::new("migrate", -6, Group::Generic, handler!(migrate))
            .flags(flags![WRITE, DANGEROUS])
            .keys(Keys {
                first: 3,
                last: 3,
                step: 1,
            })
            .find_keys(find_keys)
            .find_secrets(secret::of_migrate)
            .about("2.6.0", "Moves keys to another node."),
    ];

const TIMEOUT_MS: u64 = 1000;
/// How long a connection is kept that is not used.
const KEPT_MS: i64 = 10_000;
const UNREACHABLE: &str = "IOERR error or timeout connecting to the client";
const BROKEN: &str = "IOERR error or timeout reading to target instance";

/// The words of a MIGRATE.
struct Request<'a> {
    /// The addresses of the target.
    targets: Vec<SocketAddr>,
    keys: Vec<&'a [u8]>,
    database: &'a [u8],
    timeout: Duration,
    keeps: bool,
    replaces: bool,
    /// What follows AUTH, if anything.
    login: Vec<&'a [u8]>,
}

impl<'a> Request<'a> {
    fn parse(arguments: &Arguments<'a>) -> Result<Self, Refusal> {
        let timeout = match u64::try_from(integer_in(&arguments[5])?) {
            Ok(0) | Err(_) => Duration::from_millis(TIMEOUT_MS),
            Ok(timeout_ms) => Duration::from_millis(timeout_ms),
        };
        integer_in(&arguments[4])?;
        let get = |at: usize| {
            arguments
                .get(at)
                .ok_or_else(|| Refusal::from(refusal::SYNTAX))
        };
        let mut request = Self {
            targets: addresses(get(1)?, get(2)?, timeout).ok_or(UNREACHABLE)?,
            keys: vec![get(3)?],
            database: get(4)?,
            timeout,
            keeps: false,
            replaces: false,
            login: Vec::new(),
        };
        let mut at = 6;
        while let Some(word) = arguments.get(at) {
            if is(word, "copy") {
                request.keeps = true;
            } else if is(word, "replace") {
                request.replaces = true;
            } else if is(word, "auth") {
                request.login = vec![get(at + 1)?];
                at += 1;
            } else if is(word, "auth2") {
                request.login = vec![get(at + 1)?, get(at + 2)?];
                at += 2;
            } else if is(word, "keys") {
                if !get(3)?.is_empty() {
                    return Err("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string".into());
                }
                request.keys = arguments.from(at + 1).iter().collect();
                break;
            } else {
                return Err(refusal::SYNTAX.into());
            }
            at += 1;
        }
        Ok(request)
    }
}

fn addresses(host: &[u8], port: &[u8], patience: Duration) -> Option<Vec<SocketAddr>> {
    let port = integer::parse(port).and_then(|port| u16::try_from(port).ok())?;
    let host = std::str::from_utf8(host).ok()?;
    Some(resolve::addresses_within(host, port, patience))
}

fn find_keys(arguments: &Arguments<'_>, positions: &mut Vec<usize>) {
    if arguments.get(3).is_some_and(|key| !key.is_empty()) {
        return positions.push(3);
    }
    let keys =
        (6..arguments.len()).find(|at| arguments.get(*at).is_some_and(|word| is(word, "keys")));
    positions.extend(keys.map_or(0..0, |at| at + 1..arguments.len()));
}

fn migrate(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let mut request = Request::parse(arguments)?;
    let db = context.db();
    let keyspace = &mut context.server.keyspace;
    request
        .keys
        .retain(|key| keyspace.lookup(db, key, Access::Silent).is_some());
    if request.keys.is_empty() {
        context.reply.simple("NOKEY");
        return Ok(());
    }
    let mut transfer = connection(context, &request).map_err(|_| UNREACHABLE)?;
    let greetings = greet(&mut transfer, &request);
    for key in &request.keys {
        restore(context, &mut transfer, key, request.replaces);
    }
    let broken = |_: io::Error| Refusal::from(BROKEN);
    transfer.send().map_err(broken)?;
    for _ in 0..greetings {
        transfer
            .answer()
            .map_err(broken)?
            .map_err(|text| refused(&text))?;
    }
    let mut first_refusal = None;
    for key in &request.keys {
        match transfer.answer().map_err(broken)? {
            Ok(()) if request.keeps => {}
            Ok(()) => drop(generic::delete(context, key)),
            Err(text) => first_refusal = first_refusal.or(Some(text)),
        }
    }
    if let Some(text) = first_refusal {
        return Err(refused(&text));
    }
    if request.login.is_empty() {
        context.server.transfer = Some(Kept {
            transfer,
            until_ms: context.server.now_ms + KEPT_MS,
        });
    }
    context.reply.ok();
    Ok(())
}

/// The connection of the last MIGRATE where it will do, or a new one: slots are moved a few keys at a time.
fn connection(context: &mut Context<'_>, request: &Request<'_>) -> io::Result<Transfer> {
    let is_plain = request.login.is_empty();
    let kept = context.server.transfer.take().filter(|_| is_plain);
    let leads_there = |kept: &Kept| {
        let mut targets = request.targets.iter();
        targets.any(|target| kept.transfer.leads_to(*target))
    };
    if let Some(Kept { transfer, .. }) = kept.filter(leads_there) {
        transfer.be_patient_for(request.timeout)?;
        return Ok(transfer);
    }
    let mut failed = io::ErrorKind::NotFound.into();
    for target in &request.targets {
        match Transfer::connect(*target, request.timeout) {
            Ok(transfer) => return Ok(transfer),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// What goes out before the keys; says how many answers come to it.
fn greet(transfer: &mut Transfer, request: &Request<'_>) -> usize {
    let mut greetings = 0;
    if !request.login.is_empty() {
        let words: Vec<&[u8]> = std::iter::once(&b"AUTH"[..])
            .chain(request.login.iter().copied())
            .collect();
        transfer.request(&words);
        greetings += 1;
    }
    if request.database != transfer.database {
        transfer.request(&[b"SELECT", request.database]);
        transfer.database = request.database.to_vec();
        greetings += 1;
    }
    greetings
}

fn restore(context: &mut Context<'_>, transfer: &mut Transfer, key: &[u8], replaces: bool) {
    let (db, now_ms) = (context.db(), context.server.now_ms);
    let compress = context.server.config.rdb_compression;
    let Some(entry) = context.server.keyspace.lookup(db, key, Access::Silent) else {
        return;
    };
    let left_ms = entry
        .expire_ms()
        .map_or(0, |at| at.saturating_sub(now_ms).max(1));
    let (left, payload) = (
        left_ms.to_string(),
        payload::encode(entry.value(), compress),
    );
    let word: &[u8] = if context.server.cluster.is_some() {
        b"RESTORE-ASKING"
    } else {
        b"RESTORE"
    };
    let words = [word, key, left.as_bytes(), &payload, b"REPLACE"];
    transfer.request(words.get(..if replaces { 5 } else { 4 }).unwrap_or(&words));
}

fn refused(text: &str) -> Refusal {
    format!("ERR Target instance replied with error: {text}").into()
}
