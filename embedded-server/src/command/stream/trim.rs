//! Trimming: XTRIM, and the words for it that XADD takes too.

use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::typed::edit;
use crate::command::{Arguments, Context, is, refusal};
use crate::notify::Events;
use crate::types::stream::Keep;
use crate::types::{Limits, Stream};

use super::id::id_in;
use super::tell::tell_trimmed;

/// What to trim to, and how exactly.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trim {
    keep: Option<Keep>,
    about: bool,
    limit: Option<usize>,
}

impl Trim {
    /// Takes in the option that opens `words`; says how many of them it is, 0 if it is none.
    pub(super) fn understand(&mut self, words: &Arguments<'_>) -> Result<usize, Refusal> {
        match &words[0] {
            word if is(word, "maxlen") && words.len() > 1 => self.threshold(words, length_in),
            word if is(word, "minid") && words.len() > 1 => {
                self.threshold(words, |id| Ok(Keep::From(id_in(id)?)))
            }
            word if is(word, "limit") && words.len() > 1 => {
                let limit = usize::try_from(integer_in(&words[1])?)
                    .map_err(|_| "ERR The LIMIT argument must be >= 0.")?;
                self.limit = Some(limit);
                Ok(2)
            }
            _ => Ok(0),
        }
    }

    fn threshold(
        &mut self,
        words: &Arguments<'_>,
        read: fn(&[u8]) -> Result<Keep, Refusal>,
    ) -> Result<usize, Refusal> {
        if self.keep.is_some() {
            return Err(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
                    .into(),
            );
        }
        self.about = words.len() > 2 && &words[1] == b"~";
        let at = 1 + usize::from(self.about || (words.len() > 2 && &words[1] == b"="));
        self.keep = Some(read(&words[at])?);
        Ok(at + 1)
    }

    /// Refuses options that do not go together.
    pub(super) fn check(&self) -> Outcome {
        match (self.keep, self.limit) {
            (None, Some(limit)) if limit > 0 => Err(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
                    .into(),
            ),
            (_, Some(_)) if !self.about => {
                Err("ERR syntax error, LIMIT cannot be used without the special ~ option".into())
            }
            _ => Ok(()),
        }
    }

    /// Trims a stream; says how many entries went.
    pub(super) fn apply(&self, stream: &mut Stream, limits: &Limits) -> usize {
        let limit = match (self.about, self.limit) {
            (false, _) => 0,
            (true, Some(limit)) => limit,
            (true, None) => default_limit(limits),
        };
        self.keep
            .map_or(0, |keep| stream.trim(keep, self.about, limit))
    }
}

fn length_in(argument: &[u8]) -> Result<Keep, Refusal> {
    usize::try_from(integer_in(argument)?)
        .map(Keep::Newest)
        .map_err(|_| "ERR The MAXLEN argument must be >= 0.".into())
}

/// How much one command trims at most, where it may leave some: a hundred blocks.
fn default_limit(limits: &Limits) -> usize {
    match limits.stream_node_max_entries.saturating_mul(100) {
        0 => 10_000,
        limit => limit.min(1_000_000),
    }
}

pub(super) fn xtrim(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let mut trim = Trim::default();
    let mut words = arguments.from(2);
    while !words.is_empty() {
        match trim.understand(&words)? {
            0 => return Err(refusal::SYNTAX.into()),
            used => words = words.from(used),
        }
    }
    if trim.keep.is_none() && trim.limit.unwrap_or(0) == 0 {
        return Err("ERR syntax error, XTRIM must be called with a trimming strategy".into());
    }
    trim.check()?;
    let key = &arguments[1];
    let trimmed = edit(context, key, |stream: &mut Stream, tools| {
        (trim.apply(stream, tools.limits), stream.len())
    })?;
    let (gone, len) = trimmed.map_or((0, 0), |changed| changed.result);
    if gone > 0 {
        context.notify(Events::STREAM, "xtrim", key);
        tell_trimmed(context, key, len);
    }
    context.reply.count(gone);
    Ok(())
}
