//! What HSCAN, SSCAN and ZSCAN have in common: a step through the elements of one key.

use super::generic::parse_cursor;
use super::outcome::{Outcome, Refusal, integer_in};
use super::typed::{Kind, read};
use super::{Arguments, Context, Reply, is, refusal};
use crate::text::glob;

/// How many elements a step looks at unless told.
const SCAN_COUNT: usize = 10;

/// Which elements are answered, and how many are looked at.
struct Options<'a> {
    pattern: Option<&'a [u8]>,
    count: usize,
}

impl<'a> Options<'a> {
    fn parse(words: &Arguments<'a>) -> Result<Self, Refusal> {
        let mut options = Self {
            pattern: None,
            count: SCAN_COUNT,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = words.next().ok_or(refusal::SYNTAX)?;
            if is(word, "count") {
                let count = usize::try_from(integer_in(value)?)
                    .ok()
                    .filter(|&count| count > 0);
                options.count = count.ok_or(refusal::SYNTAX)?;
            } else if is(word, "match") {
                options.pattern = Some(value);
            } else {
                return Err(refusal::SYNTAX.into());
            }
        }
        Ok(options)
    }
}

/// What a step has found: its elements are written apart, as the next cursor is answered before them.
pub(super) struct Found<'a> {
    pattern: Option<&'a [u8]>,
    reply: Reply,
    count: usize,
}

impl Found<'_> {
    /// Answers an element if its name is asked for.
    pub(super) fn offer<const N: usize>(&mut self, parts: [&[u8]; N]) {
        let name = parts.first().copied().unwrap_or_default();
        if self
            .pattern
            .is_none_or(|pattern| pattern == b"*" || glob::matches(pattern, name))
        {
            parts.iter().for_each(|part| self.reply.bulk(part));
            self.count += N;
        }
    }
}

/// Takes a step through the elements of a key. `step` is given the cursor, the count, and where to offer what it visits;
/// it returns the next cursor.
pub(super) fn scan<T: Kind>(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    step: impl FnOnce(&T, u64, usize, &mut Found<'_>) -> u64,
) -> Outcome {
    let cursor = parse_cursor(&arguments[2]).ok_or("ERR invalid cursor")?;
    let Some((value, reply)) = read::<T>(context, &arguments[1])? else {
        answer(context.reply, 0, 0, b"");
        return Ok(());
    };
    let options = Options::parse(&arguments.from(3))?;
    let mut found = Found {
        pattern: options.pattern,
        reply: Reply::new(reply.protocol()),
        count: 0,
    };
    let next = step(value, cursor, options.count, &mut found);
    answer(reply, next, found.count, found.reply.bytes());
    Ok(())
}

fn answer(reply: &mut Reply, cursor: u64, count: usize, elements: &[u8]) {
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    reply.array(count);
    reply.raw(elements);
}
