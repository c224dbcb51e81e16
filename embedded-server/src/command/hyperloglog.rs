//! Commands on HyperLogLogs, which are strings of a form of their own.

use super::outcome::{Outcome, Refusal, handler};
use super::string::lookup;
use super::table::{CommandSpec, Flags, Group, Keys, flags};
use super::{Arguments, Context, Handler, is};
use crate::keyspace::{Access, Written};
use crate::notify::Events;
use crate::types::hyperloglog::{self as hll, Corrupt, Registers};

const CORRUPT: &str = "INVALIDOBJ Corrupted HLL object detected";

pub(super) const COMMANDS: &[CommandSpec] = &[
    row("pfadd", -2, handler!(pfadd), flags![WRITE, DENYOOM, FAST])
        .about("2.8.9", "Adds elements to a count of distinct ones"),
    row(
        "pfcount",
        -2,
        handler!(pfcount),
        flags![READONLY, MAY_REPLICATE],
    )
    .keys(Keys::ALL)
    .about("2.8.9", "Estimates how many distinct elements were added"),
    row(
        "pfdebug",
        3,
        handler!(pfdebug),
        flags![WRITE, DENYOOM, ADMIN],
    )
    .keys(Keys::SECOND)
    .about("2.8.9", "Looks into a count of distinct elements"),
    row("pfmerge", -2, handler!(pfmerge), flags![WRITE, DENYOOM])
        .keys(Keys::ALL)
        .about("2.8.9", "Unites counts of distinct elements"),
    row("pfselftest", 1, handler!(pfselftest), flags![ADMIN])
        .keys(Keys::NONE)
        .about("2.8.9", "Counts distinct elements whose number is known"),
];

const fn row(name: &'static str, arity: i16, handler: Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::HyperLogLog, handler)
        .flags(flags)
        .keys(Keys::ONE)
}

impl From<Corrupt> for Refusal {
    fn from(_: Corrupt) -> Self {
        CORRUPT.into()
    }
}

/// The HyperLogLog under a key, if there is one.
fn read(context: &mut Context<'_>, key: &[u8], access: Access) -> Result<Option<Vec<u8>>, Refusal> {
    let db = context.db();
    let found = lookup(&mut context.server.keyspace, db, key, access)?;
    if found.is_some_and(|text| !hll::is_valid(text)) {
        return Err("WRONGTYPE Key is not a valid HyperLogLog string value.".into());
    }
    Ok(found.map(<[u8]>::to_vec))
}

/// As [`read`]; tells that the key is missed, if it is.
fn read_or_miss(context: &mut Context<'_>, key: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
    let found = read(context, key, Access::Read)?;
    if found.is_none() {
        context.missed(key);
    }
    Ok(found)
}

fn write(context: &mut Context<'_>, key: &[u8], bytes: &[u8]) -> Result<Written, Refusal> {
    let db = context.db();
    let keyspace = &mut context.server.keyspace;
    Ok(keyspace.edit_string(db, key, bytes.len(), |text| text.copy_from_slice(bytes))?)
}

fn sparse_most(context: &Context<'_>) -> usize {
    context.server.config.hll_sparse_max_bytes
}

fn pfadd(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[1];
    let found = read(context, key, Access::Silent)?;
    let mut changed = found.is_none();
    let mut bytes = found.unwrap_or_else(hll::new);
    let most = sparse_most(context);
    for element in arguments.from(2).iter() {
        changed |= hll::add(&mut bytes, element, most)?;
    }
    if changed {
        hll::invalidate(&mut bytes);
        let written = write(context, key, &bytes)?;
        context.wrote(written, Events::STRING, "pfadd", key);
    }
    context.reply.integer(changed.into());
    Ok(())
}

fn pfcount(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let keys = arguments.from(1);
    let count = if keys.len() == 1 {
        count_one(context, &keys[0])?
    } else {
        let mut registers = [0; _];
        unite(context, &keys, &mut registers)?;
        hll::estimate(&registers)
    };
    context
        .reply
        .integer(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(())
}

/// The count of one, which is kept in it until it changes.
fn count_one(context: &mut Context<'_>, key: &[u8]) -> Result<u64, Refusal> {
    let Some(mut bytes) = read_or_miss(context, key)? else {
        return Ok(0);
    };
    if let Some(count) = hll::cached_count(&bytes) {
        return Ok(count);
    }
    let count = hll::count(&bytes)?;
    hll::cache_count(&mut bytes, count);
    write(context, key, &bytes)?;
    let db = context.db();
    context.server.touch(db, key);
    Ok(count)
}

/// Raises the registers to those under any of the keys; says whether one of these is dense.
fn unite(
    context: &mut Context<'_>,
    keys: &Arguments<'_>,
    registers: &mut Registers,
) -> Result<bool, Refusal> {
    let mut any_dense = false;
    for key in keys.iter() {
        if let Some(bytes) = read_or_miss(context, key)? {
            any_dense |= !hll::is_sparse(&bytes);
            hll::merge_into(&bytes, registers)?;
        }
    }
    Ok(any_dense)
}

fn pfmerge(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[1];
    let mut registers = [0; _];
    let any_dense = unite(context, &arguments.from(1), &mut registers)?;
    let mut bytes = read(context, key, Access::Silent)?.unwrap_or_else(hll::new);
    if any_dense {
        hll::make_dense(&mut bytes)?;
    }
    hll::absorb(&mut bytes, &registers, sparse_most(context))?;
    let written = write(context, key, &bytes)?;
    context.wrote(written, Events::STRING, "pfadd", key);
    context.reply.ok();
    Ok(())
}

fn pfdebug(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[2];
    let bytes = read(context, key, Access::Silent)?;
    let mut bytes = bytes.ok_or("ERR The specified key does not exist")?;
    let reply = &mut *context.reply;
    match &arguments[1] {
        word if is(word, "encoding") => {
            reply.simple(if hll::is_sparse(&bytes) {
                "sparse"
            } else {
                "dense"
            });
        }
        word if is(word, "decode") => {
            let runs = hll::describe(&bytes).ok_or("ERR HLL encoding is not sparse")?;
            reply.bulk(runs.as_bytes());
        }
        word if is(word, "todense") => {
            let converted = hll::is_sparse(&bytes);
            reply.integer(converted.into());
            hll::make_dense(&mut bytes)?;
            write(context, key, &bytes)?;
        }
        word if is(word, "getreg") => {
            hll::make_dense(&mut bytes)?;
            let mut registers = [0; _];
            hll::merge_into(&bytes, &mut registers)?;
            reply.array(registers.len());
            registers
                .iter()
                .for_each(|&value| reply.integer(value.into()));
            write(context, key, &bytes)?;
        }
        word => {
            return Err(Refusal::quoting(&[
                b"ERR Unknown PFDEBUG subcommand '",
                word,
                b"'",
            ]));
        }
    }
    Ok(())
}

/// Adds numbers and holds the estimate against how many they are: off by more than six times the standard error, 0.81 %,
/// would be no chance.
fn pfselftest(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    const ELEMENTS: u32 = 100_000;
    const OFF_MOST: f64 = 6.0 * 0.0081;
    let mut bytes = hll::new();
    for element in 0..ELEMENTS {
        hll::add(&mut bytes, &element.to_le_bytes(), sparse_most(context))?;
    }
    let estimate = hll::count(&bytes)? as f64;
    let off = (estimate - f64::from(ELEMENTS)).abs() / f64::from(ELEMENTS);
    if off > OFF_MOST {
        return Err(format!("ERR {ELEMENTS} distinct elements were counted as {estimate}").into());
    }
    context.reply.ok();
    Ok(())
}
