//! What is to be driven: one phase of one repetition, against one server.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::access::Access;
use super::encode::Encoder;
use super::inserts::Inserts;
use super::pace::Schedule;
use super::replay::Replaying;
use super::rule::Rule;
use crate::traffic::{KeyNames, Keys, Operations, Spaces, Stream, ValueSource};
use crate::workload::plan::{KeySpace, Load, Timeouts, Values};

/// Replies that are out at the end of a phase are waited for no longer.
const DRAIN: Duration = Duration::from_secs(1);

/// How long to wait for what does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For a reply, before its connection is given up and made again.
    pub reply: Duration,
    /// For any reply at all, while connections are being made again, before the phase is given up.
    pub unreachable: Duration,
    /// For the replies that are out when a phase has come to its time.
    pub drain: Duration,
}

impl Limits {
    /// As a plan says.
    #[must_use]
    pub fn of(timeouts: &Timeouts) -> Self {
        Self {
            reply: timeouts.request,
            unreachable: timeouts.unreachable,
            drain: DRAIN,
        }
    }
}

/// One phase of one repetition.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// Where the server is.
    pub access: &'a Access,
    /// What is sent.
    pub load: &'a Load,
    /// How keys are spelt.
    pub keys: &'a KeySpace,
    /// What is stored under them.
    pub values: &'a Values,
    /// The run's seed.
    pub seed: u64,
    /// Which repetition, from 0.
    pub repetition: u64,
    /// Which phase, from 0.
    pub phase: u64,
    /// Where requests come from that are not drawn.
    pub replay: Option<&'a Replaying>,
    /// Worker threads; no more than clients are used, and at least one.
    pub workers: u64,
    /// How long to wait.
    pub limits: Limits,
    /// When the repetition began; stamps and times count from it.
    pub origin: Instant,
}

/// What a worker draws its requests from.
pub(super) struct Source {
    pub(super) encoder: Encoder,
    pub(super) operations: Operations,
    pub(super) keys: Keys,
    /// By key space: what operations draw from that name it.
    of_spaces: Vec<Option<Keys>>,
    pub(super) inserts: Inserts,
    pub(super) stream: Stream,
    /// For numbers in requests. Apart, as those in what follows a reply are drawn when that comes: keys must not depend on
    /// it.
    pub(super) numbers: Stream,
}

impl Source {
    /// The first key of a request.
    #[inline]
    pub(super) fn key(&mut self, rule: Rule) -> u64 {
        if rule.inserts {
            self.inserts.take()
        } else {
            self.draw(rule)
        }
    }

    /// A key that is not new.
    #[inline]
    pub(super) fn draw(&mut self, rule: Rule) -> u64 {
        match rule.space {
            None => self.keys.draw(&mut self.stream),
            Some(space) => self.draw_of(space),
        }
    }

    /// A key of a space. Not inlined, so that loads whose operations name none do not carry it.
    #[inline(never)]
    fn draw_of(&mut self, space: u16) -> u64 {
        let keys = self.of_spaces.get_mut(usize::from(space));
        let keys = keys.and_then(Option::as_mut);
        keys.map_or(0, |keys| keys.draw(&mut self.stream))
    }

    /// The insert of `key` has been answered.
    pub(super) fn settle(&mut self, key: u64) {
        let end = self.inserts.settle(key);
        self.keys.grow(end);
    }
}

impl Job<'_> {
    /// The way of its connections to the server.
    pub(super) fn way(&self) -> Access {
        Access {
            read_from: self.load.read_from,
            ..self.access.clone()
        }
    }

    /// Worker threads that are used.
    pub(super) fn crew(&self) -> u64 {
        self.workers.clamp(1, u64::from(self.load.clients).max(1))
    }

    /// What is to be known of the operations, by their places.
    pub(super) fn rules(&self) -> Vec<Rule> {
        let is_plain = self.keys.spaces.is_empty() && self.load.fan_out.is_none();
        let operations = self.load.operations.iter();
        operations.map(|one| Rule::of(one, is_plain)).collect()
    }

    /// The chance in due times, the same for all workers.
    pub(super) fn arrivals(&self) -> Stream {
        Stream::of_arrivals(self.seed, self.repetition, self.phase)
    }

    /// When requests of worker `worker` are due, in a phase that begins at `began_ns`.
    pub(super) fn schedule(&self, began_ns: u64, worker: u64) -> Schedule {
        match self.replay.and_then(|replay| replay.worker(worker)) {
            Some(replay) => Schedule::of_replay(self.load, replay, began_ns),
            None => Schedule::new(self.load, self.arrivals(), began_ns, worker, self.crew()),
        }
    }

    /// What worker `worker` draws from.
    pub(super) fn source(&self, worker: u64) -> Source {
        let (names, values) = (
            KeyNames::new(self.keys),
            ValueSource::of(self.keys, self.values, self.seed),
        );
        Source {
            encoder: Encoder::new(names, values, self.load.ttl, &self.load.operations),
            inserts: Inserts::new(&self.keys.behind(&self.load.keys), worker, self.crew()),
            operations: Operations::new(&self.load.operations),
            keys: self.key_numbers(worker),
            of_spaces: self.keys_of_spaces(worker),
            stream: Stream::new(self.seed, self.repetition, self.phase, worker),
            numbers: Stream::of_numbers(self.seed, self.repetition, self.phase, worker),
        }
    }

    fn key_numbers(&self, worker: u64) -> Keys {
        let spaces = self.keys.picked_by(self.load);
        if spaces.is_empty() {
            return self.key_numbers_of(&self.load.keys, worker);
        }
        let weighted = spaces
            .iter()
            .map(|space| (space.weight, self.key_numbers_of(&space.keys, worker)));
        Keys::of(Spaces::new(weighted.collect()))
    }

    fn keys_of_spaces(&self, worker: u64) -> Vec<Option<Keys>> {
        let is_named = |place| {
            let mut operations = self.load.operations.iter();
            operations.any(|operation| operation.space == Some(place))
        };
        let spaces = self.keys.spaces.iter().enumerate();
        let keys = spaces.map(|(place, space)| {
            is_named(place).then(|| self.key_numbers_of(&space.keys, worker))
        });
        keys.collect()
    }

    fn key_numbers_of(&self, range: &Range<u64>, worker: u64) -> Keys {
        let end = self.keys.behind(range).end;
        let keys = Keys::new(&self.load.order, range, end, worker, self.crew());
        if self.load.scattered {
            keys.scattered(range, self.seed)
        } else {
            keys
        }
    }
}
