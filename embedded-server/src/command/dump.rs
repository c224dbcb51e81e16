//! DUMP and RESTORE: values as self-contained payloads.

use super::deadline::TimeForm;
use super::outcome::{Outcome, Refusal, handler, integer_in};
use super::table::{CommandSpec, Group, Keys, flags};
use super::{Arguments, Context, generic, is, refusal};
use crate::keyspace::{Access, AccessData, Expiry, Written};
use crate::log::Level;
use crate::notify::Events;
use crate::rdb::{Value, payload};

/// The rows of the command table.
pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("dump", 2, Group::Generic, handler!(dump))
        .flags(flags![READONLY])
        .keys(Keys::ONE)
        .about("2.6.0", "Answers a value as a payload that RESTORE takes"),
    CommandSpec::new("restore", -4, Group::Generic, handler!(restore))
        .flags(flags![WRITE, DENYOOM, DANGEROUS])
        .keys(Keys::ONE)
        .about("2.6.0", "Makes a key of a payload that DUMP answered"),
    CommandSpec::new("restore-asking", -4, Group::Server, handler!(restore))
        .flags(flags![WRITE, DENYOOM, ASKING, DANGEROUS])
        .keys(Keys::ONE)
        .category(Some("keyspace"))
        .about("3.0.0", "As RESTORE, into a slot that is being imported."),
];

fn dump(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (db, key) = (context.db(), &arguments[1]);
    let compress = context.server.config.rdb_compression;
    let found = context.server.keyspace.lookup(db, key, Access::Read);
    match found.map(|entry| payload::encode(entry.value(), compress)) {
        Some(payload) => context.reply.bulk(&payload),
        None => {
            context.reply.null();
            context.missed(key);
        }
    }
    Ok(())
}

/// The words after RESTORE's payload.
#[derive(Debug, Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle_seconds: Option<u64>,
    frequency: Option<u8>,
}

impl Options {
    fn parse(words: &Arguments<'_>) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if is(word, "replace") {
                options.replace = true;
            } else if is(word, "absttl") {
                options.absolute = true;
            } else if is(word, "idletime") && options.frequency.is_none() {
                options.idle_seconds = Some(idle_seconds(words.next().ok_or(refusal::SYNTAX)?)?);
            } else if is(word, "freq") && options.idle_seconds.is_none() {
                options.frequency = Some(frequency(words.next().ok_or(refusal::SYNTAX)?)?);
            } else {
                return Err(refusal::SYNTAX.into());
            }
        }
        Ok(options)
    }

    fn access_data(&self) -> Option<AccessData> {
        let idle = self
            .idle_seconds
            .map(|seconds| AccessData::IdleMs(seconds.saturating_mul(1000)));
        self.frequency.map(AccessData::Frequency).or(idle)
    }
}

fn idle_seconds(text: &[u8]) -> Result<u64, Refusal> {
    u64::try_from(integer_in(text)?).map_err(|_| "ERR Invalid IDLETIME value, must be >= 0".into())
}

fn frequency(text: &[u8]) -> Result<u8, Refusal> {
    u8::try_from(integer_in(text)?)
        .map_err(|_| "ERR Invalid FREQ value, must be >= 0 and <= 255".into())
}

fn restore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (db, key) = (context.db(), &arguments[1]);
    let options = Options::parse(&arguments.from(4))?;
    let taken = context
        .server
        .keyspace
        .lookup(db, key, Access::Silent)
        .is_some();
    if taken && !options.replace {
        return Err(refusal::BUSY_KEY.into());
    }
    let expiry = expiry(&arguments[2], options.absolute, context.server.now_ms)?;
    let value = decode(context, &arguments[3])?;
    if matches!(expiry, Expiry::At(deadline_ms) if context.server.keyspace.has_passed(deadline_ms))
    {
        // It would be gone at once; all that is left to do is to remove what was there.
        generic::delete(context, key);
    } else {
        let keyspace = &mut context.server.keyspace;
        match value {
            Value::String(text) => keyspace.set_string(db, key, &text, expiry)?,
            Value::Object(value) => keyspace.set_object(db, key, value, expiry)?,
        };
        context.server.note_fields(db, key);
        if let Some(data) = options.access_data() {
            context.server.keyspace.restore_access(db, key, data);
        }
        tell_replicas(context, arguments, &options, expiry);
        // What was there counts as deleted, so the key is new whether or not it was.
        context.wrote(Written::Created, Events::GENERIC, "restore", key);
    }
    context.reply.ok();
    Ok(())
}

/// Replicas are told the same with the time as it is on every clock.
fn tell_replicas(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    options: &Options,
    expiry: Expiry,
) {
    let Expiry::At(deadline_ms) = expiry else {
        return;
    };
    let mut digits = itoa::Buffer::new();
    let mut words: Vec<&[u8]> = arguments.iter().collect();
    words[2] = digits.format(deadline_ms).as_bytes();
    if !options.absolute {
        words.push(b"ABSTTL");
    }
    context.tell_replicas(&words);
}

fn decode(context: &Context<'_>, payload: &[u8]) -> Result<Value, Refusal> {
    let server = &*context.server;
    let decode = match server.skips_checksums {
        true => payload::decode_unchecked,
        false => payload::decode,
    };
    let decoded = decode(payload, &server.config.limits);
    if decoded.is_err() {
        let message = "A payload given to RESTORE is refused: integrity check failed";
        server.log(Level::Warning, message);
    }
    Ok(decoded?)
}

/// When the restored key is to go. 0 stands for never.
fn expiry(text: &[u8], absolute: bool, now_ms: i64) -> Result<Expiry, Refusal> {
    let form = if absolute {
        TimeForm::UNIX_MILLISECONDS
    } else {
        TimeForm::MILLISECONDS
    };
    match integer_in(text)? {
        0 => Ok(Expiry::Never),
        1.. => form.deadline_ms(text, now_ms, "restore").map(Expiry::At),
        _ => Err("ERR Invalid TTL value, must be >= 0".into()),
    }
}
