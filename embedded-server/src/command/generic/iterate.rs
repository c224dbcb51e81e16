//! Finding keys without knowing them: KEYS, SCAN, RANDOMKEY.

use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::{Arguments, Context, Reply, is, refusal};
use crate::keyspace::Entry;
use crate::text::{glob, integer};

/// How many keys a step of SCAN looks at unless told.
const SCAN_COUNT: usize = 10;

pub(super) fn keys(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let filter = Filter {
        pattern: Some(&arguments[1]),
        type_name: None,
    };
    let db = context.db();
    let reply = &mut *context.reply;
    let (array, mut count) = (reply.defer_array(), 0);
    context.server.keyspace.for_each(db, |entry| {
        if filter.admits(&entry) {
            reply.bulk(entry.key());
            count += 1;
        }
    });
    reply.finish_array(array, count);
    Ok(())
}

pub(super) fn randomkey(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let db = context.db();
    let drawn = context.server.keyspace.random_key(db);
    context.reply.bulk_or_null(drawn.map(|entry| entry.key()));
    Ok(())
}

pub(super) fn scan(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let db = context.db();
    let cursor = parse_cursor(&arguments[1]).ok_or("ERR invalid cursor")?;
    let (filter, count) = scan_options(&arguments.from(2))?;
    // The next cursor is answered first and known last.
    let (mut found, mut found_count) = (Reply::new(context.reply.protocol()), 0);
    let next = context.server.keyspace.scan(db, cursor, count, |entry| {
        if filter.admits(&entry) {
            found.bulk(entry.key());
            found_count += 1;
        }
    });
    context.reply.array(2);
    context
        .reply
        .bulk(itoa::Buffer::new().format(next).as_bytes());
    context.reply.array(found_count);
    context.reply.raw(found.bytes());
    Ok(())
}

fn scan_options<'a>(words: &Arguments<'a>) -> Result<(Filter<'a>, usize), Refusal> {
    let (mut filter, mut count) = (Filter::default(), SCAN_COUNT);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or(refusal::SYNTAX)?;
        if is(word, "count") {
            let number = integer_in(value)?;
            count = usize::try_from(number)
                .ok()
                .filter(|&count| count > 0)
                .ok_or(refusal::SYNTAX)?;
        } else if is(word, "match") {
            filter.pattern = Some(value);
        } else if is(word, "type") {
            filter.type_name = Some(value);
        } else {
            return Err(refusal::SYNTAX.into());
        }
    }
    Ok((filter, count))
}

/// Reads a cursor as C's `strtoul` does: nothing at all is 0, and a negative number counts from the top.
pub(in crate::command) fn parse_cursor(text: &[u8]) -> Option<u64> {
    let (negative, digits) = match text {
        [] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let significant = digits
        .iter()
        .position(|&digit| digit != b'0')
        .unwrap_or(digits.len().saturating_sub(1));
    let magnitude = integer::parse_unsigned(digits.get(significant..)?)?;
    Some(if negative {
        magnitude.wrapping_neg()
    } else {
        magnitude
    })
}

/// Which keys are answered.
#[derive(Default)]
struct Filter<'a> {
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
}

impl Filter<'_> {
    fn admits(&self, entry: &Entry<'_>) -> bool {
        self.matches(entry.key())
            && self
                .type_name
                .is_none_or(|name| is(name, entry.type_name()))
    }

    fn matches(&self, key: &[u8]) -> bool {
        match self.pattern {
            // A lone star also stands for the empty key, which no other pattern but the empty one matches.
            None | Some(b"*") => true,
            Some(pattern) => glob::matches(pattern, key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_cursor;

    #[test]
    fn cursors_are_read_as_c_does() {
        let cases: [(&str, Option<u64>); 9] = [
            ("", Some(0)),
            ("0", Some(0)),
            ("007", Some(7)),
            ("+7", Some(7)),
            ("-1", Some(u64::MAX)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-", None),
            ("7x", None),
        ];
        for (text, cursor) in cases {
            assert_eq!(parse_cursor(text.as_bytes()), cursor, "{text:?}");
        }
    }
}
