//! What one worker counts and measures in one phase. Nothing is shared: tallies are merged when the phase is over.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::advance::Advance;
use super::connection::Sent;
use super::fan_out::Published;
use super::resp::Scanner;
use super::timeline::{Intervals, Timeline};
use crate::recording::model::{Reads, Verified};
use crate::traffic::seal::Seal;
use crate::workload::plan::{FanOut, KeySpace, Operation};

/// Latencies are kept from 1 ns to 100 s, to three digits; what is longer counts as 100 s.
pub(super) const LATENCY_MAX_NS: u64 = 100_000_000_000;
/// No more kinds of errors are told apart.
const ERROR_KINDS_MAX: usize = 64;
/// The first word of errors that have no word of their own.
const UNSPECIFIC: &[u8] = b"ERR";
/// The kind of the error kinds beyond.
const OTHER: &str = "other";

/// What a timeline shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests answered, error replies included, writes after a miss included.
    pub operations: u64,
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Error replies.
    pub errors: u64,
}

impl Counts {
    /// What was counted since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            operations: self.operations - before.operations,
            hits: self.hits - before.hits,
            misses: self.misses - before.misses,
            errors: self.errors - before.errors,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            operations: self.operations + other.operations,
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
            errors: self.errors + other.errors,
        }
    }
}

/// Histogram of nanoseconds in which values of one bucket that follow one another cost one step: the replies of a batch
/// took as long where they were sent at once, and nearly as long where they had been due for longer than they are apart.
#[derive(Debug)]
pub struct Latencies {
    histogram: Histogram<u64>,
    /// The bucket of the values under way: the least, and how many nanoseconds more belong to it.
    least_ns: u64,
    more_ns: u64,
    most_ns: u64,
    times: u32,
}

impl Latencies {
    fn new() -> Result<Self, hdrhistogram::errors::CreationError> {
        let histogram = Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3)?;
        Ok(Self {
            histogram,
            least_ns: u64::MAX,
            more_ns: 0,
            most_ns: 0,
            times: 0,
        })
    }

    /// Records `ns`; values of one bucket that ended with the one before are also told to `ended`.
    #[inline]
    fn push(&mut self, ns: u64, ended: impl FnOnce(u64, u32)) {
        if ns.wrapping_sub(self.least_ns) > self.more_ns {
            self.flush(ended);
            self.least_ns = self.histogram.lowest_equivalent(ns);
            self.more_ns = self.histogram.highest_equivalent(ns) - self.least_ns;
        }
        self.most_ns = self.most_ns.max(ns);
        self.times += 1;
    }

    /// Ends the values of one bucket under way.
    #[inline]
    fn flush(&mut self, ended: impl FnOnce(u64, u32)) {
        if self.times > 0 {
            self.histogram
                .saturating_record_n(self.most_ns, u64::from(self.times));
            ended(self.most_ns, self.times);
            (self.most_ns, self.times) = (0, 0);
        }
    }
}

/// What one worker counts and measures in one phase.
#[derive(Debug)]
pub struct Tally {
    counts: Counts,
    /// By place in the load's list of operations.
    by_operation: Vec<Kind>,
    errors: Vec<(Box<[u8]>, u64)>,
    /// The first error whose first word does not say what is wrong.
    unspecific: Option<Box<[u8]>>,
    /// The end of each key space and its reads; empty where keys are all of one kind.
    spaces: Vec<(u64, Reads)>,
    /// Values that were verified; none where values are not.
    verified: Option<Verified>,
    /// What was published; none where nothing is.
    published: Option<Published>,
    /// Of requests that were never sent.
    unsent: Latencies,
    /// From the send, and from due to send; on an open loop only.
    open: Option<OpenLoop>,
    timeline: Timeline,
}

/// What is counted and measured of one operation.
#[derive(Debug)]
struct Kind {
    name: String,
    answered: u64,
    /// From the due time on an open loop, from the send on a closed one.
    latency: Latencies,
}

#[derive(Debug)]
struct OpenLoop {
    service: Latencies,
    lateness: Latencies,
    queued: u64,
}

impl Tally {
    /// An empty tally of a phase that sends these operations and begins at `now_ns`.
    ///
    /// # Errors
    ///
    /// Only if the histograms' bounds were refused.
    pub fn new(
        operations: &[Operation],
        open_loop: bool,
        now_ns: u64,
    ) -> Result<Self, hdrhistogram::errors::CreationError> {
        let kind = |operation: &Operation| {
            Ok(Kind {
                name: operation.name.clone(),
                answered: 0,
                latency: Latencies::new()?,
            })
        };
        let open = || {
            Ok(OpenLoop {
                service: Latencies::new()?,
                lateness: Latencies::new()?,
                queued: 0,
            })
        };
        Ok(Self {
            counts: Counts::default(),
            by_operation: operations.iter().map(kind).collect::<Result<_, _>>()?,
            errors: Vec::new(),
            unspecific: None,
            spaces: Vec::new(),
            verified: None,
            published: None,
            unsent: Latencies::new()?,
            open: open_loop.then(open).transpose()?,
            timeline: Timeline::new(now_ns),
        })
    }

    /// An empty tally of the same operations, on a closed loop, that begins at `now_ns`.
    ///
    /// # Errors
    ///
    /// As [`Tally::new`].
    pub fn anew(&self, now_ns: u64) -> Result<Self, hdrhistogram::errors::CreationError> {
        let mut fresh = Self::new(&[], false, now_ns)?;
        for kind in &self.by_operation {
            fresh.by_operation.push(Kind {
                name: kind.name.clone(),
                answered: 0,
                latency: Latencies::new()?,
            });
        }
        Ok(fresh)
    }

    /// What has been counted so far; latencies of a batch under way are still to come.
    #[must_use]
    pub fn so_far(&self) -> Advance {
        Advance {
            counts: self.counts,
            by_operation: by_operation(&self.by_operation),
            errors: by_kind(&self.errors),
            latencies: self.timeline.seen(),
            ..Advance::default()
        }
    }

    /// Replies of a batch that came at `now_ns` are about to be counted.
    #[inline]
    pub fn begin_batch(&mut self, now_ns: u64) {
        self.timeline.advance(now_ns, &self.counts);
    }

    /// The batch is over.
    #[inline]
    pub fn end_batch(&mut self) {
        let timeline = &mut self.timeline;
        for kind in &mut self.by_operation {
            kind.latency.flush(|ns, times| timeline.record(ns, times));
        }
        if let Some(open) = &mut self.open {
            open.service.flush(|_, _| ());
            open.lateness.flush(|_, _| ());
        }
    }

    /// A request was answered.
    #[inline]
    pub fn answered(&mut self, operation: u16) {
        self.counts.operations += 1;
        if let Some(kind) = self.by_operation.get_mut(usize::from(operation)) {
            kind.answered += 1;
        }
    }

    /// A read found its key, or did not.
    #[inline]
    pub fn read(&mut self, found: bool) {
        self.counts.hits += u64::from(found);
        self.counts.misses += u64::from(!found);
    }

    /// Reads of `keys` are counted by their spaces, too.
    pub fn tell_apart(&mut self, keys: &KeySpace) {
        let ends = keys.spaces.iter().map(|space| space.keys.end);
        self.spaces = ends.map(|end| (end, Reads::default())).collect();
    }

    /// A read of `key` found it, or did not; counts it by its space alone.
    pub fn read_of(&mut self, key: u64, found: bool) {
        let place = self.spaces.partition_point(|(end, _)| *end <= key);
        if let Some((_, reads)) = self.spaces.get_mut(place) {
            reads.hits += u64::from(found);
            reads.misses += u64::from(!found);
        }
    }

    /// Messages are published in this phase.
    pub fn publish(&mut self, fan_out: &FanOut) {
        self.published = Some(Published::nothing(fan_out));
    }

    /// The server took a message on `channel` and said that it reached so many.
    pub fn published(&mut self, channel: u64, reached: u64) {
        if let Some(published) = &mut self.published {
            published.count(channel, reached);
        }
    }

    /// A request was given up at `now_ns`: no reply came.
    pub(super) fn gave_up(&mut self, sent: Sent, now_ns: u64) {
        self.took(sent.operation, sent.due_ns, sent.sent_ns, now_ns);
        if let Some(published) = &mut self.published {
            published.doubt(sent.key);
        }
    }

    /// Values are verified in this phase.
    pub fn verify(&mut self) {
        self.verified = Some(Verified::default());
    }

    /// A value was verified.
    #[inline]
    pub fn verified(&mut self, seal: Seal) {
        let verified = self.verified.get_or_insert_default();
        verified.values += 1;
        verified.corrupt += u64::from(seal == Seal::Corrupt);
        verified.foreign += u64::from(seal == Seal::Foreign);
    }

    /// An error of this kind came instead of an answer, or as the answer.
    #[cold]
    pub fn error(&mut self, kind: &[u8]) {
        self.counts.errors += 1;
        count_error(&mut self.errors, kind, 1);
        self.timeline.error(kind);
    }

    /// An error came as the answer, as `scanner` saw it.
    #[cold]
    pub(super) fn refused(&mut self, scanner: &Scanner) {
        let word = scanner.word();
        self.error(word);
        if word == UNSPECIFIC && self.unspecific.is_none() {
            self.unspecific = Some(scanner.error().into());
        }
    }

    /// A request that was due at `due_ns` and sent at `sent_ns` was done with at `now_ns`.
    #[inline]
    pub fn took(&mut self, operation: u16, due_ns: u64, sent_ns: u64, now_ns: u64) {
        let timeline = &mut self.timeline;
        if let Some(kind) = self.by_operation.get_mut(usize::from(operation)) {
            let ended = |ns, times| timeline.record(ns, times);
            kind.latency.push(now_ns.saturating_sub(due_ns), ended);
        }
        if let Some(open) = &mut self.open {
            open.service.push(now_ns.saturating_sub(sent_ns), |_, _| ());
        }
    }

    /// A request that was due at `due_ns` and never sent was given up at `now_ns`.
    pub fn never_sent(&mut self, due_ns: u64, now_ns: u64) {
        let timeline = &mut self.timeline;
        let ended = |ns, times| timeline.record(ns, times);
        self.unsent.push(now_ns.saturating_sub(due_ns), ended);
    }

    /// A request that was due at `due_ns` is sent at `now_ns`. It could not have been before if there has been no place for it
    /// since `full_since_ns`: what it waited from then on is not the sender's fault.
    #[inline]
    pub fn sent(&mut self, due_ns: u64, full_since_ns: Option<u64>, now_ns: u64) {
        if let Some(open) = &mut self.open {
            let kept_until_ns = full_since_ns.unwrap_or(now_ns);
            open.queued += u64::from(full_since_ns.is_some());
            open.lateness
                .push(kept_until_ns.saturating_sub(due_ns), |_, _| ());
        }
    }

    /// The phase ended at `now_ns`.
    #[must_use]
    pub fn finish(mut self, now_ns: u64) -> Measured {
        self.end_batch();
        self.unsent
            .flush(|ns, times| self.timeline.record(ns, times));
        let queued = self.open.as_ref().map_or(0, |open| open.queued);
        let (service, lateness) = match self.open {
            Some(open) => (Some(open.service.histogram), Some(open.lateness.histogram)),
            None => (None, None),
        };
        let mut latency = self.unsent.histogram;
        for kind in &self.by_operation {
            add(&mut latency, &kind.latency.histogram);
        }
        let measured = |kind: Kind| MeasuredKind {
            name: kind.name,
            answered: kind.answered,
            latency: kind.latency.histogram,
        };
        Measured {
            intervals: self.timeline.finish(now_ns, &self.counts),
            counts: self.counts,
            by_operation: self.by_operation.into_iter().map(measured).collect(),
            errors: self.errors,
            unspecific: self.unspecific,
            reads_by_space: self.spaces.into_iter().map(|(_, reads)| reads).collect(),
            verified: self.verified,
            published: self.published,
            latency,
            service,
            lateness,
            queued,
        }
    }
}

/// What was counted and measured of one operation.
#[derive(Debug, Clone)]
pub struct MeasuredKind {
    /// Its name.
    pub name: String,
    /// Requests answered.
    pub answered: u64,
    /// As [`Measured::latency`], of requests that were sent.
    pub latency: Histogram<u64>,
}

/// A tally that is complete, or several merged.
#[derive(Debug, Clone)]
pub struct Measured {
    /// What was counted.
    pub counts: Counts,
    /// By place in the load's list of operations.
    pub by_operation: Vec<MeasuredKind>,
    errors: Vec<(Box<[u8]>, u64)>,
    unspecific: Option<Box<[u8]>>,
    /// By key space.
    pub reads_by_space: Vec<Reads>,
    /// Values that were verified; none where values are not.
    pub verified: Option<Verified>,
    /// What was published; none where nothing is.
    pub published: Option<Published>,
    /// Nanoseconds from the due time on an open loop, from the send on a closed one.
    pub latency: Histogram<u64>,
    /// Nanoseconds from the send; on an open loop only.
    pub service: Option<Histogram<u64>>,
    /// Nanoseconds from the due time until the send, or until no connection had a place; on an open loop only.
    pub lateness: Option<Histogram<u64>>,
    /// Requests that waited for a place; on an open loop only.
    pub queued: u64,
    /// How the phase went over time.
    pub intervals: Intervals,
}

impl Measured {
    /// Errors by kind.
    #[must_use]
    pub fn errors(&self) -> BTreeMap<String, u64> {
        by_kind(&self.errors)
    }

    /// The first error reply that begins with `ERR`.
    #[must_use]
    pub fn unspecific_error(&self) -> Option<String> {
        let text = self.unspecific.as_ref()?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    /// Adds what another worker measured in the same phase.
    pub fn merge(&mut self, other: Self) {
        self.counts = self.counts.plus(&other.counts);
        for (mine, theirs) in self.by_operation.iter_mut().zip(&other.by_operation) {
            mine.answered += theirs.answered;
            add(&mut mine.latency, &theirs.latency);
        }
        for (kind, count) in &other.errors {
            count_error(&mut self.errors, kind, *count);
        }
        self.unspecific = self.unspecific.take().or(other.unspecific);
        for (mine, theirs) in self.reads_by_space.iter_mut().zip(&other.reads_by_space) {
            mine.hits += theirs.hits;
            mine.misses += theirs.misses;
        }
        if let (Some(mine), Some(theirs)) = (&mut self.verified, &other.verified) {
            mine.add(theirs);
        }
        if let (Some(mine), Some(theirs)) = (&mut self.published, &other.published) {
            mine.add(theirs);
        }
        add(&mut self.latency, &other.latency);
        for (mine, theirs) in [
            (&mut self.service, &other.service),
            (&mut self.lateness, &other.lateness),
        ] {
            if let (Some(mine), Some(theirs)) = (mine, theirs) {
                add(mine, theirs);
            }
        }
        self.queued += other.queued;
        self.intervals.merge(other.intervals);
    }
}

fn by_operation(kinds: &[Kind]) -> BTreeMap<String, u64> {
    let answered = kinds.iter().filter(|kind| kind.answered > 0);
    answered
        .map(|kind| (kind.name.clone(), kind.answered))
        .collect()
}

pub(super) fn by_kind(errors: &[(Box<[u8]>, u64)]) -> BTreeMap<String, u64> {
    errors
        .iter()
        .map(|(kind, count)| (String::from_utf8_lossy(kind).into_owned(), *count))
        .collect()
}

/// Adds `theirs` to `mine`; both have the same bounds, so that nothing can be out of range.
fn add(mine: &mut Histogram<u64>, theirs: &Histogram<u64>) {
    for value in theirs.iter_recorded() {
        mine.saturating_record_n(value.value_iterated_to(), value.count_at_value());
    }
}

/// Allocates once for each kind that is new.
pub(super) fn count_error(errors: &mut Vec<(Box<[u8]>, u64)>, kind: &[u8], times: u64) {
    let kind = if kind.is_empty() {
        OTHER.as_bytes()
    } else {
        kind
    };
    if let Some(known) = errors.iter_mut().find(|known| *known.0 == *kind) {
        known.1 += times;
    } else if errors.len() < ERROR_KINDS_MAX {
        errors.push((kind.into(), times));
    } else {
        count_error_beyond(errors, times);
    }
}

/// The last place is for all kinds for which there is none.
fn count_error_beyond(errors: &mut [(Box<[u8]>, u64)], times: u64) {
    if let Some(last) = errors.last_mut() {
        last.0 = OTHER.as_bytes().into();
        last.1 += times;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(open_loop: bool) -> Tally {
        Tally::new(&[Operation::get(), Operation::set(false)], open_loop, 0).unwrap()
    }

    #[test]
    fn equal_latencies_are_counted_one_by_one_all_the_same() {
        let mut tally = tally(true);
        tally.begin_batch(100);
        for sent in [10, 10, 10, 20] {
            tally.answered(0);
            tally.took(0, sent - 5, sent, 100);
            tally.sent(sent - 5, None, sent);
        }
        tally.end_batch();
        let measured = tally.finish(200);
        assert_eq!(
            (measured.latency.len(), measured.latency.count_at(95)),
            (4, 3)
        );
        assert_eq!(
            measured
                .service
                .map(|service| (service.len(), service.count_at(80))),
            Some((4, 1))
        );
        assert_eq!(
            measured.lateness.map(|lateness| lateness.count_at(5)),
            Some(4)
        );
        assert_eq!(measured.intervals.list.len(), 1);
    }

    #[test]
    fn who_waits_for_a_place_is_not_late() {
        let mut tally = tally(true);
        tally.sent(100, None, 130);
        tally.sent(100, Some(140), 900);
        tally.sent(800, Some(140), 900);
        let measured = tally.finish(1_000);
        let lateness = measured.lateness.unwrap();
        let late = [30, 40, 0].map(|ns| lateness.count_at(ns));
        assert_eq!((late, lateness.len(), measured.queued), ([1, 1, 1], 3, 2));
    }

    #[test]
    fn error_kinds_have_a_limit_and_none_is_lost() {
        let mut tally = tally(false);
        for kind in 0..200 {
            tally.error(format!("E{kind}").as_bytes());
            tally.error(b"OOM");
        }
        let errors = tally.finish(1).errors();
        assert_eq!(errors.len(), ERROR_KINDS_MAX);
        assert_eq!(errors["OOM"], 200);
        assert_eq!(errors.values().sum::<u64>(), 400);
    }

    #[test]
    fn merging_adds_everything() {
        let one = |kind: &[u8]| {
            let mut tally = tally(true);
            tally.answered(1);
            tally.error(kind);
            tally.took(1, 1_000, 2_000, 5_000);
            tally.sent(0, None, 1_000);
            tally.finish(6_000)
        };
        let mut both = one(b"OOM");
        both.merge(one(b"ERR"));
        assert_eq!(
            both.counts,
            Counts {
                operations: 2,
                errors: 2,
                ..Counts::default()
            }
        );
        let kinds = both.by_operation.iter();
        let kinds: Vec<_> = kinds
            .map(|kind| (kind.answered, kind.latency.len()))
            .collect();
        assert_eq!(kinds, [(0, 0), (2, 2)]);
        assert_eq!(both.errors().len(), 2);
        assert_eq!(
            (both.latency.len(), both.latency.max()),
            (2, one(b"").latency.max())
        );
        assert_eq!(both.service.map(|service| service.len()), Some(2));
    }
}
