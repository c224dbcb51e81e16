//! Several sorted sets together, and plain sets, whose members all score 1: ZUNION, ZINTER, ZDIFF, the forms that
//! store, ZINTERCARD.

use super::Shape;
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::typed::{count_in, double_in, store};
use crate::command::{Arguments, Context, is, refusal};
use crate::keyspace::{Access, WrongType};
use crate::notify::Events;
use crate::types::{Limits, Set, SortedSet, Value};

/// What is made of several sorted sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Unite,
    Intersect,
    Subtract,
}

/// What is done with the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Answer,
    Store,
    Count,
}

/// A command of this file.
#[derive(Debug, Clone, Copy)]
struct Command {
    name: &'static str,
    operation: Operation,
    purpose: Purpose,
}

const fn command(name: &'static str, operation: Operation, purpose: Purpose) -> Command {
    Command {
        name,
        operation,
        purpose,
    }
}

pub(super) fn zunion(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let command = command("zunion", Operation::Unite, Purpose::Answer);
    answer(context, arguments, command)
}

pub(super) fn zinter(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let command = command("zinter", Operation::Intersect, Purpose::Answer);
    answer(context, arguments, command)
}

pub(super) fn zdiff(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let command = command("zdiff", Operation::Subtract, Purpose::Answer);
    answer(context, arguments, command)
}

pub(super) fn zunionstore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let command = command("zunionstore", Operation::Unite, Purpose::Store);
    keep(context, arguments, command)
}

pub(super) fn zinterstore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let command = command("zinterstore", Operation::Intersect, Purpose::Store);
    keep(context, arguments, command)
}

pub(super) fn zdiffstore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let command = command("zdiffstore", Operation::Subtract, Purpose::Store);
    keep(context, arguments, command)
}

/// One of the sets that are combined.
#[derive(Clone, Copy)]
enum Source<'a> {
    Scored(&'a SortedSet),
    Plain(&'a Set),
    Missing,
}

impl<'a> Source<'a> {
    fn of(value: &'a Value) -> Result<Self, WrongType> {
        match value {
            Value::SortedSet(set) => Ok(Self::Scored(set)),
            Value::Set(set) => Ok(Self::Plain(set)),
            _ => Err(WrongType),
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Scored(set) => set.len(),
            Self::Plain(set) => set.len(),
            Self::Missing => 0,
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Scored(set) => set.score(member),
            Self::Plain(set) => set.contains(member).then_some(1.0),
            Self::Missing => None,
        }
    }

    fn each(self, mut visit: impl FnMut(&[u8], f64)) {
        let mut digits = itoa::Buffer::new();
        match self {
            Self::Scored(set) => set.iter().for_each(|(member, score)| visit(member, score)),
            Self::Plain(set) => set
                .iter()
                .for_each(|member| visit(member.bytes(&mut digits), 1.0)),
            Self::Missing => {}
        }
    }
}

/// How the scores of a member in several sets become one.
#[derive(Debug, Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn parse(word: &[u8]) -> Result<Self, Refusal> {
        match word {
            word if is(word, "sum") => Ok(Self::Sum),
            word if is(word, "min") => Ok(Self::Min),
            word if is(word, "max") => Ok(Self::Max),
            _ => Err(refusal::SYNTAX.into()),
        }
    }

    /// Infinities that cancel out make 0.
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Sum => number_or_zero(a + b),
            Self::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Self::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// A score is a number: 0 where weights or sums come to none.
fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// The words behind the keys.
struct Options {
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// How far to count; 0 as far as there is anything.
    limit: usize,
}

impl Options {
    fn parse(words: &Arguments<'_>, keys: usize, command: Command) -> Result<Self, Refusal> {
        let mut options = Self {
            weights: vec![1.0; keys],
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        };
        let mut words = *words;
        while !words.is_empty() {
            let used = options.understand(&words, command)?;
            words = words.from(used);
        }
        Ok(options)
    }

    /// Takes in the option that opens `words`; says how many of them it is.
    fn understand(&mut self, words: &Arguments<'_>, command: Command) -> Result<usize, Refusal> {
        let keys = self.weights.len();
        let counts = command.purpose == Purpose::Count;
        let combines = command.operation != Operation::Subtract && !counts;
        let word = &words[0];
        if combines && words.len() > keys && is(word, "weights") {
            let weights = words.from(1).first(keys);
            self.weights = weights
                .iter()
                .map(|weight| double_in(weight, "ERR weight value is not a float"))
                .collect::<Result<_, _>>()?;
            Ok(1 + keys)
        } else if combines && words.len() > 1 && is(word, "aggregate") {
            self.aggregate = Aggregate::parse(&words[1])?;
            Ok(2)
        } else if command.purpose == Purpose::Answer && is(word, "withscores") {
            self.with_scores = true;
            Ok(1)
        } else if counts && words.len() > 1 && is(word, "limit") {
            self.limit = count_in(&words[1], Some("ERR LIMIT can't be negative"))?;
            Ok(2)
        } else {
            Err(refusal::SYNTAX.into())
        }
    }
}

/// The keys that the argument at `at` counts, and the words behind them.
fn keys_in<'a>(
    arguments: &Arguments<'a>,
    at: usize,
    command: Command,
) -> Result<(Arguments<'a>, Arguments<'a>), Refusal> {
    let count = integer_in(&arguments[at])?;
    if count < 1 {
        let name = command.name;
        return Err(format!("ERR at least 1 input key is needed for '{name}' command").into());
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let rest = arguments.from(at + 1);
    if count > rest.len() {
        return Err(refusal::SYNTAX.into());
    }
    Ok((rest.first(count), rest.from(count)))
}

/// Looks every key up, as a client that reads it.
fn visit(context: &mut Context<'_>, keys: &Arguments<'_>) -> Outcome {
    let db = context.db();
    for key in keys.iter() {
        match context.server.keyspace.lookup(db, key, Access::Read) {
            Some(entry) => drop(Source::of(entry.object()?)?),
            None => context.missed(key),
        }
    }
    Ok(())
}

/// The sets under `keys`, each with its weight.
fn sources<'c>(
    context: &'c Context<'_>,
    keys: &Arguments<'_>,
    weights: &[f64],
) -> Vec<(Source<'c>, f64)> {
    let (db, keyspace) = (context.db(), &context.server.keyspace);
    let source = |key| {
        let value = keyspace.view(db, key)?.object().ok()?;
        Source::of(value).ok()
    };
    keys.iter()
        .map(|key| source(key).unwrap_or(Source::Missing))
        .zip(weights.iter().copied())
        .collect()
}

fn combined(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    at: usize,
    command: Command,
) -> Result<(SortedSet, Options), Refusal> {
    let (keys, words) = keys_in(arguments, at, command)?;
    visit(context, &keys)?;
    let options = Options::parse(&words, keys.len(), command)?;
    let mut limits = context.server.config.limits.clone();
    if command.purpose == Purpose::Answer {
        // What is only answered need not be compact, and the compact form does not keep the sign of a zero.
        limits.zset_max_listpack_entries = 0;
    }
    let mut sources = sources(context, &keys, &options.weights);
    if command.operation != Operation::Subtract {
        // The order in which scores are added up shows in their last digits.
        sources.sort_by_key(|(source, _)| source.len());
    }
    let result = match command.operation {
        Operation::Unite => unite(&sources, options.aggregate, &limits),
        Operation::Intersect => intersect(&sources, options.aggregate, &limits),
        Operation::Subtract => subtract(&sources, &limits),
    };
    Ok((result, options))
}

fn unite(sources: &[(Source<'_>, f64)], aggregate: Aggregate, limits: &Limits) -> SortedSet {
    let mut result = SortedSet::new();
    for &(source, weight) in sources {
        source.each(|member, score| {
            let score = number_or_zero(score * weight);
            result.upsert(member, limits, |old| {
                Some(old.map_or(score, |old| aggregate.of(old, score)))
            });
        });
    }
    result
}

fn intersect(sources: &[(Source<'_>, f64)], aggregate: Aggregate, limits: &Limits) -> SortedSet {
    let mut result = SortedSet::new();
    let Some((&(smallest, weight), others)) = sources.split_first() else {
        return result;
    };
    smallest.each(|member, score| {
        let score = others
            .iter()
            .try_fold(number_or_zero(score * weight), |sum, (other, weight)| {
                Some(aggregate.of(sum, other.score(member)? * weight))
            });
        if let Some(score) = score {
            result.insert(member, score, limits);
        }
    });
    result
}

fn subtract(sources: &[(Source<'_>, f64)], limits: &Limits) -> SortedSet {
    let mut result = SortedSet::new();
    if let Some(((first, _), others)) = sources.split_first() {
        first.each(|member, score| {
            if others
                .iter()
                .all(|(other, _)| other.score(member).is_none())
            {
                result.insert(member, score, limits);
            }
        });
    }
    result
}

fn answer(context: &mut Context<'_>, arguments: &Arguments<'_>, command: Command) -> Outcome {
    let (result, options) = combined(context, arguments, 1, command)?;
    let shape = Shape {
        with_scores: options.with_scores,
    };
    shape.open(context.reply, result.len());
    result
        .iter()
        .for_each(|(member, score)| shape.member(context.reply, member, score));
    Ok(())
}

fn keep(context: &mut Context<'_>, arguments: &Arguments<'_>, command: Command) -> Outcome {
    let (result, _) = combined(context, arguments, 2, command)?;
    let len = store(
        context,
        &arguments[1],
        result,
        Events::SORTED_SET,
        command.name,
    )?;
    context.reply.count(len);
    Ok(())
}

pub(super) fn zintercard(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let command = command("zintercard", Operation::Intersect, Purpose::Count);
    let (keys, words) = keys_in(arguments, 1, command)?;
    visit(context, &keys)?;
    let options = Options::parse(&words, keys.len(), command)?;
    let mut sources = sources(context, &keys, &options.weights);
    sources.sort_by_key(|(source, _)| source.len());
    let most = if options.limit == 0 {
        usize::MAX
    } else {
        options.limit
    };
    let count = count_common(&sources, most);
    context.reply.count(count);
    Ok(())
}

/// How many members all sets have, up to `most`.
fn count_common(sources: &[(Source<'_>, f64)], most: usize) -> usize {
    let Some(((smallest, _), others)) = sources.split_first() else {
        return 0;
    };
    let mut count = 0;
    smallest.each(|member, _| {
        let is_common = count < most
            && others
                .iter()
                .all(|(other, _)| other.score(member).is_some());
        count += usize::from(is_common);
    });
    count
}
