//! Ranges: ZRANGE and the older commands it took the place of, ZRANGESTORE; counted: ZCOUNT, ZLEXCOUNT.

use std::ops::Range;

use super::Shape;
use super::bound::{Bounds, By};
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::typed::{read, read_with, store};
use crate::command::{Arguments, Context, is, refusal};
use crate::notify::Events;
use crate::types::SortedSet;

pub(super) fn zcount(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    count(context, arguments, By::Score)
}

pub(super) fn zlexcount(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    count(context, arguments, By::Lex)
}

fn count(context: &mut Context<'_>, arguments: &Arguments<'_>, by: By) -> Outcome {
    let bounds = Bounds::parse(by, &arguments[2], &arguments[3])?;
    match read::<SortedSet>(context, &arguments[1])? {
        Some((set, reply)) => reply.count(bounds.ranks(set).len()),
        None => context.reply.integer(0),
    }
    Ok(())
}

/// What a range is measured by and which way it runs. What is not settled by the command's name, its words may say.
#[derive(Debug, Clone, Copy)]
struct Kind {
    by: Option<By>,
    back: Option<bool>,
    may_have_scores: bool,
}

const ANY: Kind = Kind {
    by: None,
    back: None,
    may_have_scores: true,
};

const fn only(by: By, back: bool) -> Kind {
    Kind {
        by: Some(by),
        back: Some(back),
        may_have_scores: true,
    }
}

pub(super) fn zrange(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer(context, arguments, ANY)
}

pub(super) fn zrevrange(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer(context, arguments, only(By::Rank, true))
}

pub(super) fn zrangebyscore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer(context, arguments, only(By::Score, false))
}

pub(super) fn zrevrangebyscore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer(context, arguments, only(By::Score, true))
}

pub(super) fn zrangebylex(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer(context, arguments, only(By::Lex, false))
}

pub(super) fn zrevrangebylex(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer(context, arguments, only(By::Lex, true))
}

/// The words behind the ends of a range.
#[derive(Debug)]
struct Options {
    kind: Kind,
    with_scores: bool,
    offset: i64,
    /// How many at most; all of them if negative.
    limit: i64,
}

impl Options {
    fn parse(words: &Arguments<'_>, kind: Kind) -> Result<Self, Refusal> {
        let mut options = Self {
            kind,
            with_scores: false,
            offset: 0,
            limit: -1,
        };
        let mut words = *words;
        while !words.is_empty() {
            let used = options.understand(&words)?;
            words = words.from(used);
        }
        options.check()?;
        Ok(options)
    }

    /// Takes in the option that opens `words`; says how many of them it is.
    fn understand(&mut self, words: &Arguments<'_>) -> Result<usize, Refusal> {
        let word = &words[0];
        if self.kind.may_have_scores && is(word, "withscores") {
            self.with_scores = true;
        } else if is(word, "limit") && words.len() > 2 {
            self.offset = integer_in(&words[1])?;
            self.limit = integer_in(&words[2])?;
            return Ok(3);
        } else if self.kind.back.is_none() && is(word, "rev") {
            self.kind.back = Some(true);
        } else if self.kind.by.is_none() && is(word, "bylex") {
            self.kind.by = Some(By::Lex);
        } else if self.kind.by.is_none() && is(word, "byscore") {
            self.kind.by = Some(By::Score);
        } else {
            return Err(refusal::SYNTAX.into());
        }
        Ok(1)
    }

    fn check(&self) -> Outcome {
        match self.by() {
            By::Rank if self.limit != -1 => Err(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
                    .into(),
            ),
            By::Lex if self.with_scores => Err(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX".into(),
            ),
            _ => Ok(()),
        }
    }

    fn by(&self) -> By {
        self.kind.by.unwrap_or(By::Rank)
    }

    fn back(&self) -> bool {
        self.kind.back.unwrap_or(false)
    }
}

/// A range asked for.
struct Request<'a> {
    bounds: Bounds<'a>,
    options: Options,
}

impl<'a> Request<'a> {
    /// Reads the ends of the range and the words behind them.
    fn parse(arguments: &'a Arguments<'_>, at: usize, kind: Kind) -> Result<Self, Refusal> {
        let options = Options::parse(&arguments.from(at + 2), kind)?;
        let (first, second) = (&arguments[at], &arguments[at + 1]);
        // Backwards, scores and members are given from the highest down. Ranks are counted that way themselves.
        let bounds = if options.back() && options.by() != By::Rank {
            Bounds::parse(options.by(), second, first)?
        } else {
            Bounds::parse(options.by(), first, second)?
        };
        Ok(Self { bounds, options })
    }

    /// The ranks asked for, counted from the lowest.
    fn ranks(&self, set: &SortedSet) -> Range<usize> {
        let ranks = self.bounds.ranks(set);
        match (self.options.by(), self.options.back()) {
            (By::Rank, false) => ranks,
            (By::Rank, true) => set.len() - ranks.end..set.len() - ranks.start,
            (_, back) => limited(ranks, self.options.offset, self.options.limit, back),
        }
    }

    /// Their members.
    fn members<'s>(
        &self,
        set: &'s SortedSet,
        ranks: Range<usize>,
    ) -> impl Iterator<Item = (&'s [u8], f64)> {
        if self.options.back() {
            set.range_back(ranks)
        } else {
            set.range(ranks)
        }
    }
}

/// What LIMIT leaves of a range. A negative offset leaves nothing, a negative limit everything.
fn limited(ranks: Range<usize>, offset: i64, limit: i64, back: bool) -> Range<usize> {
    let offset = usize::try_from(offset)
        .unwrap_or(usize::MAX)
        .min(ranks.len());
    let limit = usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .min(ranks.len() - offset);
    if back {
        let end = ranks.end - offset;
        end - limit..end
    } else {
        let start = ranks.start + offset;
        start..start + limit
    }
}

fn answer(context: &mut Context<'_>, arguments: &Arguments<'_>, kind: Kind) -> Outcome {
    let request = Request::parse(arguments, 2, kind)?;
    let Some((set, reply)) = read::<SortedSet>(context, &arguments[1])? else {
        context.reply.array(0);
        return Ok(());
    };
    let shape = Shape {
        with_scores: request.options.with_scores,
    };
    let ranks = request.ranks(set);
    shape.open(reply, ranks.len());
    request
        .members(set, ranks)
        .for_each(|(member, score)| shape.member(reply, member, score));
    Ok(())
}

pub(super) fn zrangestore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let kind = Kind {
        may_have_scores: false,
        ..ANY
    };
    let request = Request::parse(arguments, 3, kind)?;
    let mut chosen = SortedSet::new();
    if let Some((set, tools)) = read_with::<SortedSet>(context, &arguments[2])? {
        for (member, score) in request.members(set, request.ranks(set)) {
            chosen.insert(member, score, tools.limits);
        }
    }
    let target = &arguments[1];
    let len = store(context, target, chosen, Events::SORTED_SET, "zrangestore")?;
    context.reply.count(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::limited;

    #[test]
    fn a_limit_skips_and_cuts_from_the_end_it_runs_from() {
        for (offset, limit, forward, backward) in [
            (0, -1, 2..8, 2..8),
            (1, 2, 3..5, 5..7),
            (5, 9, 7..8, 2..3),
            (0, 0, 2..2, 8..8),
            (9, 1, 8..8, 2..2),
            (-1, 3, 8..8, 2..2),
        ] {
            assert_eq!(limited(2..8, offset, limit, false), forward);
            assert_eq!(limited(2..8, offset, limit, true), backward);
        }
    }
}
