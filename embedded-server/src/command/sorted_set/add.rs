//! Scores given and added to: ZADD, ZINCRBY.

use crate::command::outcome::{Outcome, Refusal};
use crate::command::typed::{double_in, edit_or_create};
use crate::command::{Arguments, Context, is, refusal};
use crate::notify::Events;
use crate::types::{Limits, SortedSet};

/// The words before the scores.
#[derive(Debug, Default)]
pub(in crate::command) struct Options {
    /// NX: leave members that are there.
    only_new: bool,
    /// XX: leave out members that are not.
    only_there: bool,
    /// GT: scores of members that are there only rise.
    only_up: bool,
    /// LT: they only fall.
    only_down: bool,
    /// CH: count the members changed too.
    count_changed: bool,
    /// INCR: add to the score.
    increment: bool,
}

impl Options {
    /// Reads the words, up to the first that is none; gives the scores and members that follow.
    fn parse<'a>(
        arguments: &Arguments<'a>,
        increment: bool,
    ) -> Result<(Self, Arguments<'a>), Refusal> {
        let mut options = Self {
            increment,
            ..Self::default()
        };
        let words = arguments.from(2);
        let known = words
            .iter()
            .take_while(|word| options.understand(word))
            .count();
        let pairs = words.from(known);
        options.check(pairs.len())?;
        Ok((options, pairs))
    }

    pub(in crate::command) fn understand(&mut self, word: &[u8]) -> bool {
        let option = match word {
            word if is(word, "nx") => &mut self.only_new,
            word if is(word, "xx") => &mut self.only_there,
            word if is(word, "gt") => &mut self.only_up,
            word if is(word, "lt") => &mut self.only_down,
            word if is(word, "ch") => &mut self.count_changed,
            word if is(word, "incr") => &mut self.increment,
            _ => return false,
        };
        *option = true;
        true
    }

    /// Whether both NX and XX are said.
    pub(in crate::command) fn contradict(&self) -> bool {
        self.only_new && self.only_there
    }

    fn check(&self, words_left: usize) -> Outcome {
        if words_left == 0 || !words_left.is_multiple_of(2) {
            return Err(refusal::SYNTAX.into());
        }
        if self.contradict() {
            return Err("ERR XX and NX options at the same time are not compatible".into());
        }
        let directions = [self.only_new, self.only_up, self.only_down];
        if directions.iter().filter(|&&set| set).count() > 1 {
            return Err("ERR GT, LT, and/or NX options at the same time are not compatible".into());
        }
        if self.increment && words_left > 2 {
            return Err("ERR INCR option supports a single increment-element pair".into());
        }
        Ok(())
    }

    /// The score that a member is to have, given what it has and what was sent; `None` to leave it alone. May be NaN.
    fn wanted(&self, old: Option<f64>, sent: f64) -> Option<f64> {
        let Some(old) = old else {
            return (!self.only_there).then_some(sent);
        };
        let new = if self.increment { old + sent } else { sent };
        let held_back =
            self.only_new || (self.only_up && new <= old) || (self.only_down && new >= old);
        (!held_back).then_some(new)
    }
}

/// What came of the scores sent.
#[derive(Debug, Default)]
struct Tally {
    added: usize,
    updated: usize,
    /// The latest score wanted; NaN if it could not be.
    latest: Option<f64>,
}

impl Tally {
    fn put(
        &mut self,
        set: &mut SortedSet,
        (sent, member): (f64, &[u8]),
        options: &Options,
        limits: &Limits,
    ) {
        set.upsert(member, limits, |old| {
            self.latest = options.wanted(old, sent);
            let new = self
                .latest
                .filter(|new| !new.is_nan() && old != Some(*new))?;
            *(if old.is_some() {
                &mut self.updated
            } else {
                &mut self.added
            }) += 1;
            Some(new)
        });
    }
}

pub(super) fn zadd(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    add(context, arguments, false)
}

pub(super) fn zincrby(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    add(context, arguments, true)
}

fn add(context: &mut Context<'_>, arguments: &Arguments<'_>, increment: bool) -> Outcome {
    let (options, pairs) = Options::parse(arguments, increment)?;
    let scores = pairs.iter().step_by(2);
    let pairs: Vec<(f64, &[u8])> = scores
        .zip(pairs.from(1).iter().step_by(2))
        .map(|(score, member)| Ok::<_, Refusal>((double_in(score, refusal::NOT_A_FLOAT)?, member)))
        .collect::<Result<_, _>>()?;
    put(context, &arguments[1], &options, &pairs)
}

/// Gives members their scores, as the options allow, and answers.
pub(in crate::command) fn put(
    context: &mut Context<'_>,
    key: &[u8],
    options: &Options,
    pairs: &[(f64, &[u8])],
) -> Outcome {
    let bytes = pairs.iter().map(|(_, member)| member.len()).sum();
    let changed = edit_or_create(context, key, bytes, |set: &mut SortedSet, tools| {
        let mut tally = Tally::default();
        pairs
            .iter()
            .for_each(|pair| tally.put(set, *pair, options, tools.limits));
        tally
    })?;
    answer(context, key, options, &changed.result)
}

fn answer(context: &mut Context<'_>, key: &[u8], options: &Options, tally: &Tally) -> Outcome {
    if tally.latest.is_some_and(f64::is_nan) {
        return Err("ERR resulting score is not a number (NaN)".into());
    }
    match (options.increment, tally.latest) {
        (true, Some(score)) => context.reply.double(score),
        (true, None) => context.reply.null(),
        (false, _) if options.count_changed => context.reply.count(tally.added + tally.updated),
        (false, _) => context.reply.count(tally.added),
    }
    if tally.added + tally.updated > 0 {
        let event = if options.increment { "zincr" } else { "zadd" };
        context.notify(Events::SORTED_SET, event, key);
    }
    Ok(())
}
