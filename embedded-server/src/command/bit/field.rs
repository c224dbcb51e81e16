//! BITFIELD: integers of 1 to 64 bits anywhere within a string.

use super::{bit_at, put_bit, scaled_offset_in};
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::{Arguments, Context, Reply, is, refusal, string};
use crate::keyspace::{Access, Written};
use crate::notify::Events;
use crate::text::integer;

pub(super) fn bitfield(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let operations = parse(context, &arguments.from(2))?;
    match operations.iter().filter_map(Operation::bits_written).max() {
        None => answer_reads(context, &arguments[1], &operations),
        Some(bits) => carry_out(context, &arguments[1], &operations, bits.div_ceil(8)),
    }
}

pub(super) fn bitfield_ro(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let operations = parse(context, &arguments.from(2))?;
    if operations
        .iter()
        .any(|operation| operation.bits_written().is_some())
    {
        return Err("ERR BITFIELD_RO only supports the GET subcommand".into());
    }
    answer_reads(context, &arguments[1], &operations)
}

fn answer_reads(context: &mut Context<'_>, key: &[u8], operations: &[Operation]) -> Outcome {
    let db = context.db();
    let found = string::lookup(&mut context.server.keyspace, db, key, Access::Read)?;
    context.reply.array(operations.len());
    for operation in operations {
        context
            .reply
            .integer(operation.field.read(found.unwrap_or_default()));
    }
    if found.is_none() {
        context.missed(key);
    }
    Ok(())
}

/// Carries out operations some of which write, on a string of at least `length` bytes.
fn carry_out(
    context: &mut Context<'_>,
    key: &[u8],
    operations: &[Operation],
    length: usize,
) -> Outcome {
    let (db, keyspace) = (context.db(), &mut context.server.keyspace);
    let old_length = string::lookup(keyspace, db, key, Access::Silent)?.map_or(0, <[u8]>::len);
    let reply = &mut *context.reply;
    reply.array(operations.len());
    let (grown, mut changed) = (length > old_length, false);
    let written = keyspace.edit_string(db, key, length.max(old_length), |text| {
        for operation in operations {
            changed |= operation
                .carry_out(text, reply)
                .is_some_and(|differs| differs || grown);
        }
    })?;
    context.created(written == Written::Created, db, key);
    if changed {
        context.notify(Events::STRING, "setbit", key);
    }
    Ok(())
}

/// Where an integer lies and how it is to be read.
#[derive(Clone, Copy, Debug)]
struct Field {
    offset: usize,
    bits: u32,
    signed: bool,
}

/// One step of BITFIELD.
#[derive(Clone, Copy, Debug)]
struct Operation {
    field: Field,
    action: Action,
    overflow: Overflow,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Get,
    Set(i64),
    Add(i64),
}

/// What becomes of a number that its field cannot hold.
#[derive(Clone, Copy, Debug, Default)]
enum Overflow {
    /// The bits that fit are kept.
    #[default]
    Wrap,
    /// The nearest number that fits.
    Saturate,
    /// Nothing is written and null answered.
    Fail,
}

fn parse(context: &Context<'_>, words: &Arguments<'_>) -> Result<Vec<Operation>, Refusal> {
    let (mut operations, mut overflow) = (Vec::new(), Overflow::default());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if is(word, "overflow") {
            overflow = overflow_in(words.next().ok_or(refusal::SYNTAX)?)?;
            continue;
        }
        let takes_number = is(word, "set") || is(word, "incrby");
        let enough = words.len() >= if takes_number { 3 } else { 2 };
        if !enough || !(takes_number || is(word, "get")) {
            return Err(refusal::SYNTAX.into());
        }
        let mut next = || words.next().ok_or(refusal::SYNTAX);
        let field = field_in(context, next()?, next()?)?;
        let number = if takes_number {
            integer_in(next()?)?
        } else {
            0
        };
        let action = match takes_number {
            true if is(word, "set") => Action::Set(number),
            true => Action::Add(number),
            false => Action::Get,
        };
        operations.push(Operation {
            field,
            action,
            overflow,
        });
    }
    Ok(operations)
}

fn overflow_in(word: &[u8]) -> Result<Overflow, Refusal> {
    let known = [
        ("wrap", Overflow::Wrap),
        ("sat", Overflow::Saturate),
        ("fail", Overflow::Fail),
    ];
    let found = known.into_iter().find(|(name, _)| is(word, name));
    found
        .map(|(_, overflow)| overflow)
        .ok_or_else(|| "ERR Invalid OVERFLOW type specified".into())
}

/// A type such as `i8` or `u63`, and an offset in bits or, after `#`, in fields.
fn field_in(context: &Context<'_>, kind: &[u8], offset: &[u8]) -> Result<Field, Refusal> {
    const INVALID: &str = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
    let (signed, bits, bits_max) = match kind {
        [b'i', bits @ ..] => (true, bits, 64),
        [b'u', bits @ ..] => (false, bits, 63),
        _ => return Err(INVALID.into()),
    };
    let bits = integer::parse(bits).and_then(|bits| u32::try_from(bits).ok());
    let bits = bits
        .filter(|bits| (1..=bits_max).contains(bits))
        .ok_or(INVALID)?;
    let offset = match offset {
        [b'#', number @ ..] => scaled_offset_in(context, number, bits as usize)?,
        number => scaled_offset_in(context, number, 1)?,
    };
    Ok(Field {
        offset,
        bits,
        signed,
    })
}

impl Operation {
    /// How many bits the string must have for it to write; `None` when it only reads.
    fn bits_written(&self) -> Option<usize> {
        let writes = !matches!(self.action, Action::Get);
        writes.then_some(self.field.offset + self.field.bits as usize)
    }

    /// Carries it out on `text` and answers; when it wrote, says whether the number is another now.
    fn carry_out(&self, text: &mut [u8], reply: &mut Reply) -> Option<bool> {
        let old = self.field.read(text);
        let wanted = match self.action {
            Action::Get => {
                reply.integer(old);
                return None;
            }
            Action::Add(increment) => i128::from(old) + i128::from(increment),
            // A negative number means its bits when the field has no sign.
            Action::Set(number) if self.field.signed => i128::from(number),
            Action::Set(number) => i128::from(number as u64),
        };
        let Some(new) = self.field.fitted(wanted, self.overflow) else {
            reply.null();
            return None;
        };
        self.field.write(text, new);
        reply.integer(if matches!(self.action, Action::Set(_)) {
            old
        } else {
            new
        });
        Some(old != new)
    }
}

impl Field {
    fn read(&self, text: &[u8]) -> i64 {
        let places = self.offset..self.offset + self.bits as usize;
        let number = places.fold(0u64, |number, place| {
            number << 1 | u64::from(bit_at(text, place))
        });
        self.extended(number)
    }

    /// The lowest bits of `number`, with the sign that the highest of them stands for.
    fn extended(&self, number: u64) -> i64 {
        let unused = 64 - self.bits;
        if self.signed {
            (number << unused) as i64 >> unused
        } else {
            (number << unused >> unused) as i64
        }
    }

    fn write(&self, text: &mut [u8], number: i64) {
        for place in 0..self.bits {
            let on = number >> (self.bits - 1 - place) & 1 == 1;
            put_bit(text, self.offset + place as usize, on);
        }
    }

    /// `number` as the field can hold it; `None` when it cannot and must not be bent.
    fn fitted(&self, number: i128, overflow: Overflow) -> Option<i64> {
        let magnitude = 1i128 << (self.bits - u32::from(self.signed));
        let (least, most) = (if self.signed { -magnitude } else { 0 }, magnitude - 1);
        match overflow {
            _ if (least..=most).contains(&number) => Some(number as i64),
            Overflow::Wrap => Some(self.extended(number as u64)),
            Overflow::Saturate => Some(number.clamp(least, most) as i64),
            Overflow::Fail => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_hold_what_fits_and_bend_the_rest() {
        let nibble = Field {
            offset: 2,
            bits: 4,
            signed: true,
        };
        let mut text = [0xff, 0xff];
        nibble.write(&mut text, -7);
        assert_eq!((text, nibble.read(&text)), ([0b1110_0111, 0xff], -7));
        assert_eq!(nibble.fitted(8, Overflow::Wrap), Some(-8));
        assert_eq!(nibble.fitted(8, Overflow::Saturate), Some(7));
        assert_eq!(nibble.fitted(-9, Overflow::Fail), None);
        let widest = Field {
            offset: 0,
            bits: 64,
            signed: true,
        };
        assert_eq!(
            widest.fitted(i128::from(i64::MIN), Overflow::Fail),
            Some(i64::MIN)
        );
        assert_eq!(
            widest.fitted(i128::from(i64::MAX) + 1, Overflow::Wrap),
            Some(i64::MIN)
        );
    }
}
