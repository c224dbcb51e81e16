//! Reading: LINDEX, LLEN, LPOS, LRANGE.

use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::typed::{count_in, integer_between, read, span};
use crate::command::{Arguments, Context, Reply, is, refusal};
use crate::types::List;

pub(super) fn lindex(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let Some((list, reply)) = read::<List>(context, &arguments[1])? else {
        context.reply.null();
        return Ok(());
    };
    let index = index_of(integer_in(&arguments[2])?, list.len());
    reply.bulk_or_null(index.and_then(|index| list.get(index)));
    Ok(())
}

/// The index counted from the front that `index`, counted from the end where negative, stands for.
pub(super) fn index_of(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 {
        i64::try_from(len).ok()?.checked_add(index)?
    } else {
        index
    };
    usize::try_from(index).ok().filter(|&index| index < len)
}

pub(super) fn llen(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    match read::<List>(context, &arguments[1])? {
        Some((list, reply)) => reply.count(list.len()),
        None => context.reply.integer(0),
    }
    Ok(())
}

pub(super) fn lrange(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (start, stop) = (integer_in(&arguments[2])?, integer_in(&arguments[3])?);
    let Some((list, reply)) = read::<List>(context, &arguments[1])? else {
        context.reply.array(0);
        return Ok(());
    };
    let range = span(start, stop, list.len());
    reply.array(range.len());
    list.iter_from(range.start)
        .take(range.len())
        .for_each(|element| reply.bulk(element));
    Ok(())
}

/// What LPOS is asked beside key and element.
struct Search {
    /// Which match comes first; negative to look from the end.
    rank: i64,
    /// How many matches to answer, as an array; all for 0. Without it, one and no array.
    count: Option<usize>,
    /// How many elements to look at; all for 0.
    most: usize,
}

impl Search {
    fn parse(words: &Arguments<'_>) -> Result<Self, Refusal> {
        let mut search = Self {
            rank: 1,
            count: None,
            most: 0,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = words.next().ok_or(refusal::SYNTAX)?;
            if is(word, "rank") {
                search.rank = integer_between(value, -i64::MAX..=i64::MAX, None)?;
                if search.rank == 0 {
                    return Err("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                                negative to start from the end of the list"
                        .into());
                }
            } else if is(word, "count") {
                search.count = Some(count_in(value, Some("ERR COUNT can't be negative"))?);
            } else if is(word, "maxlen") {
                search.most = count_in(value, Some("ERR MAXLEN can't be negative"))?;
            } else {
                return Err(refusal::SYNTAX.into());
            }
        }
        Ok(search)
    }

    /// The indexes of the matches, in the order they are found.
    fn matches<'l>(
        &self,
        list: &'l List,
        element: &'l [u8],
    ) -> impl Iterator<Item = usize> + use<'l> {
        let last = list.len() - 1;
        let back = self.rank < 0;
        let (ahead, behind) = if back {
            (None, Some(list.iter_back_from(last)))
        } else {
            (Some(list.iter_from(0)), None)
        };
        let elements = ahead
            .into_iter()
            .flatten()
            .chain(behind.into_iter().flatten());
        let most = if self.most == 0 {
            usize::MAX
        } else {
            self.most
        };
        let skipped = usize::try_from(self.rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
        let found = elements
            .take(most)
            .enumerate()
            .filter(move |(_, candidate)| *candidate == element);
        found
            .skip(skipped)
            .map(move |(at, _)| if back { last - at } else { at })
    }
}

pub(super) fn lpos(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let search = Search::parse(&arguments.from(3))?;
    match read::<List>(context, &arguments[1])? {
        Some((list, reply)) => answer_matches(&search, list, &arguments[2], reply),
        None if search.count.is_some() => context.reply.array(0),
        None => context.reply.null(),
    }
    Ok(())
}

fn answer_matches(search: &Search, list: &List, element: &[u8], reply: &mut Reply) {
    let mut matches = search.matches(list, element);
    let Some(count) = search.count else {
        return match matches.next() {
            Some(index) => reply.count(index),
            None => reply.null(),
        };
    };
    let (array, mut found) = (reply.defer_array(), 0);
    for index in matches.take(if count == 0 { usize::MAX } else { count }) {
        reply.count(index);
        found += 1;
    }
    reply.finish_array(array, found);
}
