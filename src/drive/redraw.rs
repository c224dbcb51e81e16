//! The keys that a phase asked for, drawn once more when it is over: draws follow from the seed and from how many there
//! were, so that nothing has to be kept of them while the load runs.
//!
//! Two things are supposed: that the workers took turns, and that a new key was there for others as soon as it was sent.

use super::job::{Job, Source};
use super::rule::Rule;
use crate::traffic::ideal::Use;
use crate::workload::plan::Effect;

/// Draws of all workers of a phase.
pub struct Redraw {
    rules: Vec<Rule>,
    /// Each with how many requests are left.
    workers: Vec<(Source, u64)>,
    /// Whose turn it is, how many keys its request still needs, and what becomes of them.
    turn: usize,
    further: u32,
    rule: Option<Rule>,
}

impl Redraw {
    /// The draws of `job`, of which worker `w` made `taken[w]`.
    #[must_use]
    pub fn new(job: &Job<'_>, taken: &[u64]) -> Self {
        let sources = (0..).zip(taken).filter(|(_, taken)| **taken > 0);
        Self {
            rules: job.rules(),
            workers: sources
                .map(|(worker, taken)| (job.source(worker), *taken))
                .collect(),
            turn: 0,
            further: 0,
            rule: None,
        }
    }

    /// The request is complete: on to the next worker that has some left.
    fn pass(&mut self) {
        if let Some((_, left)) = self.workers.get_mut(self.turn) {
            *left -= 1;
            if *left == 0 {
                self.workers.remove(self.turn);
            } else {
                self.turn += 1;
            }
        }
        if self.turn >= self.workers.len() {
            self.turn = 0;
        }
    }
}

/// The number of a key, and what was asked of it, where that matters to a cache.
impl Iterator for Redraw {
    type Item = (u64, Option<Use>);

    fn next(&mut self) -> Option<Self::Item> {
        let (source, _) = self.workers.get_mut(self.turn)?;
        let key = if let Some(rule) = self.rule.filter(|_| self.further > 0) {
            self.further -= 1;
            source.draw(rule)
        } else {
            let operation = source.operations.draw(&mut source.stream);
            let rule = self.rules.get(usize::from(operation))?;
            self.further = rule.keys.saturating_sub(1);
            self.rule = Some(*rule);
            let key = source.key(*rule);
            if rule.inserts {
                source.settle(key);
            }
            key
        };
        let meaning = self.rule.and_then(|rule| meaning(rule.effect));
        if self.further == 0 {
            self.pass();
        }
        Some((key, meaning))
    }
}

/// Commands that change a key that is there may remove it, which only lowers what a cache can reach.
fn meaning(effect: Effect) -> Option<Use> {
    match effect {
        Effect::Read | Effect::Search | Effect::ReadMany | Effect::Exists => Some(Use::Read),
        Effect::Write => Some(Use::Write),
        Effect::Delete => Some(Use::Delete),
        Effect::Alter | Effect::Other => None,
    }
}
