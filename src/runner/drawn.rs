//! What the phases of a repetition really drew, and how well the best cache could have served it. Worked out after the
//! last phase by drawing once more, so that it costs the load nothing.

use super::traces;
use crate::drive::{Job, Redraw};
use crate::recording::model::{Census, Drawn, Ideal};
use crate::traffic;
use crate::traffic::census::census;
use crate::traffic::ideal::{Cache, Made, Use, ideal};
use crate::workload::plan::{Effect, Load, Operation, TraceSource};

/// Requests that are counted by key; takes a second or two.
const COUNTED_MAX: u64 = 1 << 27;
/// Requests for which the ideal cache is worked out; takes about as long, and 32 MiB.
const FORESEEN_MAX: u64 = 1 << 23;
/// Requests of a trace that are gone through once more; takes up to 200 MiB where all their keys differ.
const RETRACED_MAX: u64 = 1 << 22;
/// Keys of a key space that this is done for; memory is touched for those alone that were drawn.
const KEYS_MAX: u64 = 1 << 26;

/// Goes through the phases of a repetition in their order, as what they make is there for those that follow.
pub(super) struct Drawing {
    /// Keys that the server had room for.
    room: u64,
    keys: usize,
    made: Made,
    /// Whether nothing was sent yet.
    is_fresh: bool,
    /// The key that the last phase drew most often.
    hottest: Option<u64>,
}

impl Drawing {
    /// For a server with room for `room` of `keys` keys.
    pub(super) fn new(room: u64, keys: u64) -> Self {
        let keys = keys.min(KEYS_MAX) as usize;
        let made = Made::none(keys);
        Self {
            room,
            keys,
            made,
            is_fresh: true,
            hottest: None,
        }
    }

    /// The key that the last phase drew most often, where that was worked out.
    pub(super) fn hottest(&self) -> Option<u64> {
        self.hottest
    }

    /// All keys may be there from here on, as where another phase makes them at the same time.
    pub(super) fn suppose_all(&mut self) {
        self.made = Made::all(self.keys);
        self.is_fresh = false;
    }

    /// What `job` drew, whose workers sent so many requests each.
    pub(super) fn phase(&mut self, job: &Job<'_>, taken: &[u64]) -> Drawn {
        let requests = taken.iter().sum();
        let is_first = std::mem::replace(&mut self.is_fresh, false);
        self.hottest = None;
        if let Some(recorded) = &job.load.recorded {
            self.made = Made::all(self.keys);
            return self.retraced(recorded, job, requests, is_first);
        }
        let mut drawn = Drawn {
            requests,
            census: None,
            ideal: None,
            left_out: left_out(requests, job.keys.count),
        };
        if requests <= COUNTED_MAX && job.keys.count <= KEYS_MAX {
            let counts = self.counts(job, taken);
            let counted = (0_u64..).zip(&counts);
            self.hottest = counted.max_by_key(|(_, count)| **count).map(|(key, _)| key);
            drawn.census = census(counts).map(recorded_census);
        }
        if drawn.left_out.is_none() {
            drawn.ideal = self.ideal(job, taken);
        } else {
            // What it made is not known, so that all may be there for the phases that follow.
            self.made = Made::all(self.keys);
        }
        drawn
    }

    /// The same of a trace, whose keys are others than those that are drawn; they may have been made before, unless
    /// nothing was sent before.
    fn retraced(
        &self,
        recorded: &TraceSource,
        job: &Job<'_>,
        requests: u64,
        is_first: bool,
    ) -> Drawn {
        let mut drawn = Drawn {
            requests,
            census: None,
            ideal: None,
            left_out: Some(format!(
                "what was drawn is worked out for up to {RETRACED_MAX} requests of a trace"
            )),
        };
        if requests > RETRACED_MAX {
            return drawn;
        }
        if let Some(uses) = traces::uses(recorded, requests) {
            let mut counts = vec![0; uses.keys];
            for (key, _) in &uses.list {
                if let Some(count) = counts.get_mut(*key as usize) {
                    *count += 1;
                }
            }
            let mut made = if is_first {
                Made::none(uses.keys)
            } else {
                Made::all(uses.keys)
            };
            let meant = || {
                uses.list
                    .iter()
                    .filter_map(|(key, what)| Some((*key, (*what)?)))
            };
            drawn.census = census(counts).map(recorded_census);
            drawn.ideal = self.best(ideal(meant, uses.keys, self.cache(job), &mut made));
            drawn.left_out = None;
        }
        drawn
    }

    fn cache(&self, job: &Job<'_>) -> Cache {
        let operations = &job.load.operations;
        Cache {
            room: usize::try_from(self.room).unwrap_or(usize::MAX),
            fills: operations
                .iter()
                .any(|operation| fills(operation, job.load)),
        }
    }

    fn best(&self, best: traffic::ideal::Ideal) -> Option<Ideal> {
        (best.reads > 0).then(|| Ideal {
            room_keys: self.room,
            hit_ratio: best.hits as f64 / best.reads as f64,
        })
    }

    /// How often each key was asked for.
    fn counts(&self, job: &Job<'_>, taken: &[u64]) -> Vec<u64> {
        let mut counts = vec![0; self.keys];
        for (key, _) in Redraw::new(job, taken) {
            if let Some(count) = counts.get_mut(key as usize) {
                *count += 1;
            }
        }
        counts
    }

    fn ideal(&mut self, job: &Job<'_>, taken: &[u64]) -> Option<Ideal> {
        let cache = self.cache(job);
        let uses = || Redraw::new(job, taken).filter_map(numbered);
        let best = ideal(uses, self.keys, cache, &mut self.made);
        self.best(best)
    }
}

/// Whether a write follows where `operation` has missed.
fn fills(operation: &Operation, load: &Load) -> bool {
    let follow = operation
        .follow
        .and_then(|follow| load.operations.get(follow.operation));
    follow.is_some_and(|follow| follow.effect == Effect::Write)
}

fn recorded_census(census: traffic::census::Census) -> Census {
    Census {
        distinct: census.distinct,
        hottest_share: census.hottest_share,
        hottest_percent_share: census.hottest_percent_share,
        exponent: census.exponent,
    }
}

fn numbered((key, meaning): (u64, Option<Use>)) -> Option<(u32, Use)> {
    Some((u32::try_from(key).ok()?, meaning?))
}

/// Why not everything is worked out, if it is not.
fn left_out(requests: u64, keys: u64) -> Option<String> {
    if keys > KEYS_MAX {
        Some(format!(
            "what was drawn is worked out for up to {KEYS_MAX} keys"
        ))
    } else if requests > COUNTED_MAX {
        Some(format!(
            "what was drawn is worked out for up to {COUNTED_MAX} requests"
        ))
    } else if requests > FORESEEN_MAX {
        Some(format!(
            "the ideal hit ratio is worked out for up to {FORESEEN_MAX} requests"
        ))
    } else {
        None
    }
}
