//! The inner loop: from a batch of bytes to counted replies, and from free places in the pipelines to requests.
//!
//! Everything here belongs to one worker, is called with the time of the batch, and touches no socket.

use super::connection::{Connection, Sent};
use super::encode::RequestKeys;
use super::fan_out::publisher::Publisher;
use super::fault::Fault;
use super::job::Source;
use super::known::Known;
use super::ledger;
use super::pace::Schedule;
use super::resp::{Reply, Step};
use super::rule::{Mark, Rule};
use super::tally::Tally;
use crate::workload::plan::Effect;

/// Kind of the error of a request whose reply did not come in time.
const TIMEOUT: &[u8] = b"timeout";
/// Kind of the error of a request whose connection was lost.
const DISCONNECTED: &[u8] = b"disconnected";
/// Keys of a trace have names, which nobody keeps: no key has this number.
const RECORDED_KEY: u64 = u64::MAX;

/// What a worker's connections share.
pub(super) struct Engine {
    pub(super) source: Source,
    pub(super) schedule: Schedule,
    pub(super) tally: Tally,
    pub(super) known: Known,
    /// Requests in flight per connection, at the most.
    pub(super) pipeline: usize,
    /// Whether values are verified when they are read.
    pub(super) verifies: bool,
    /// Stamps what is published; none where nothing is.
    pub(super) publisher: Option<Publisher>,
    /// Whether more must be seen of replies than of what kind they are: where there is something to verify or to hear.
    pub(super) looks_closely: bool,
    /// By operation: what its replies mean.
    pub(super) rules: Vec<Rule>,
    /// Requests under way to a connection.
    pub(super) batch: Vec<Sent>,
    /// Their further keys, in the same order.
    pub(super) drawn: Vec<u64>,
    /// Requests that followed another.
    pub(super) follow_ups: u64,
    /// Requests without a reply yet.
    pub(super) in_flight: u64,
    /// Since when requests are owed for which no connection had a place when it was looked.
    pub(super) full_since_ns: Option<u64>,
    /// That is over, and the pacer does not know yet.
    pub(super) has_room: bool,
    /// Nothing falls due any more; what is owed is still sent.
    pub(super) ended: bool,
    /// Nothing more is sent.
    pub(super) closing: bool,
    /// Batches of replies so far; tells whether anything was done in between.
    pub(super) batches: u64,
}

impl Engine {
    /// Counts the replies in `bytes`, which came on `connection` at `now_ns`; appends requests that follow to `out`.
    pub(super) fn absorb(
        &mut self,
        connection: &mut Connection,
        bytes: &[u8],
        now_ns: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        self.batches += 1;
        self.tally.begin_batch(now_ns);
        let mut rest = bytes;
        while !rest.is_empty() {
            let step = if self.looks_closely {
                self.look(connection, rest)?
            } else {
                connection.scanner.next(rest)?
            };
            match step {
                Step::Reply(used, reply) => {
                    rest = rest.get(used..).unwrap_or_default();
                    let sent = connection.pending.pop_front().ok_or(Fault::Unasked)?;
                    self.count(connection, sent, reply, now_ns, out);
                }
                Step::More(used) => {
                    connection.keep(rest.get(used..).unwrap_or_default());
                    break;
                }
            }
        }
        self.tally.end_batch();
        Ok(())
    }

    /// The next reply in `bytes`, whose contents matter.
    fn look(&mut self, connection: &mut Connection, bytes: &[u8]) -> Result<Step, Fault> {
        let Connection {
            scanner, verifier, ..
        } = connection;
        let step = scanner.next_seen(bytes, &mut |piece| verifier.push(piece))?;
        if let (Some(publisher), Step::Reply(used, _)) = (&mut self.publisher, step) {
            publisher.hear(bytes.get(..used).unwrap_or_default());
        }
        Ok(step)
    }

    /// Appends requests to `out` as long as some are due and `connection` has places for them, at most `limit`.
    #[inline]
    pub(super) fn refill(
        &mut self,
        connection: &mut Connection,
        limit: usize,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) {
        let free = self
            .pipeline
            .saturating_sub(connection.pending.len())
            .min(limit);
        if self.schedule.replay().is_some() {
            return self.refill_recorded(connection, free, now_ns, out);
        }
        self.take_batch(free, now_ns);
        self.draw_batch();
        self.issue_batch(connection, out);
    }

    /// Takes what is due, at most `limit` requests. A batch goes through its steps one after the other, each a loop of its
    /// own, so that the looks at tables of one request need not wait for those of another.
    #[inline]
    fn take_batch(&mut self, limit: usize, now_ns: u64) {
        self.batch.clear();
        while self.batch.len() < limit
            && let Some(due_ns) = self.take(now_ns)
        {
            self.batch.push(Sent {
                key: 0,
                due_ns,
                sent_ns: now_ns,
                operation: 0,
            });
        }
    }

    /// Draws what the batch asks for.
    #[inline]
    fn draw_batch(&mut self) {
        let source = &mut self.source;
        for sent in &mut self.batch {
            sent.operation = source.operations.draw(&mut source.stream);
            let Some(rule) = self.rules.get(usize::from(sent.operation)) else {
                return;
            };
            sent.key = source.key(*rule);
            for _ in 1..rule.keys {
                self.drawn.push(source.draw(*rule));
            }
        }
    }

    /// Writes the batch.
    #[inline]
    fn issue_batch(&mut self, connection: &mut Connection, out: &mut Vec<u8>) {
        let batch = std::mem::take(&mut self.batch);
        let mut drawn = std::mem::take(&mut self.drawn);
        let mut left = drawn.as_slice();
        for sent in &batch {
            let keys = self.rule(sent.operation).map_or(1, |rule| rule.keys);
            let further = keys.saturating_sub(1) as usize;
            let (others, rest) = left.split_at_checked(further).unwrap_or_default();
            left = rest;
            connection.further_keys.extend(others);
            self.issue(connection, *sent, others, out);
            if let Some(publisher) = &mut self.publisher {
                publisher.stamp(&mut connection.publication, *sent, out);
            }
        }
        drawn.clear();
        (self.batch, self.drawn) = (batch, drawn);
    }

    /// Writes what is due of a trace, at most `limit` requests.
    fn refill_recorded(
        &mut self,
        connection: &mut Connection,
        limit: usize,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) {
        for _ in 0..limit {
            let Some(due_ns) = self.take(now_ns) else {
                return;
            };
            self.issue_recorded(connection, due_ns, now_ns, out);
        }
    }

    #[inline]
    fn rule(&self, operation: u16) -> Option<Rule> {
        self.rules.get(usize::from(operation)).copied()
    }

    /// Accounts for what was in flight on a connection that is given up: requests at least `timed_out_ns` old have timed
    /// out.
    pub(super) fn lose(&mut self, connection: &Connection, timed_out_ns: u64, now_ns: u64) {
        self.tally.begin_batch(now_ns);
        for sent in &connection.pending {
            self.tally.gave_up(*sent, now_ns);
            if self.rule(sent.operation).is_some_and(|rule| rule.inserts) {
                self.source.settle(sent.key);
            }
            let has_timed_out = now_ns.saturating_sub(sent.sent_ns) >= timed_out_ns;
            self.tally
                .error(if has_timed_out { TIMEOUT } else { DISCONNECTED });
        }
        self.doubt(connection);
        self.tally.end_batch();
        self.in_flight -= connection.pending.len() as u64;
    }

    /// What was in flight on a connection may have been done, and nobody will know.
    pub(super) fn doubt(&mut self, connection: &Connection) {
        if self.known.ledger.is_none() {
            return;
        }
        let mut further_keys = connection.further_keys.iter().copied();
        for sent in &connection.pending {
            let Some(rule) = self.rule(sent.operation) else {
                continue;
            };
            self.mark(rule, sent.key, sent.sent_ns, None);
            for key in further_keys
                .by_ref()
                .take(rule.keys.saturating_sub(1) as usize)
            {
                self.mark(rule, key, sent.sent_ns, None);
            }
        }
    }

    /// Whether all requests have been sent and answered.
    #[inline]
    pub(super) fn is_done(&mut self) -> bool {
        self.in_flight == 0 && (self.closing || self.schedule.is_spent() || self.has_run_out())
    }

    fn has_run_out(&mut self) -> bool {
        self.ended && self.schedule.owed(u64::MAX) == 0
    }

    #[inline]
    fn take(&mut self, now_ns: u64) -> Option<u64> {
        if self.closing {
            return None;
        }
        let due_ns = self.schedule.take(now_ns);
        match due_ns {
            Some(due_ns) => self.tally.sent(due_ns, self.full_since_ns, now_ns),
            None => self.has_room |= self.full_since_ns.take().is_some(),
        }
        due_ns
    }

    /// It was looked at `now_ns`, and requests are owed for which there is no place.
    pub(super) fn note_full(&mut self, now_ns: u64) {
        self.full_since_ns.get_or_insert(now_ns);
    }

    #[inline]
    fn issue(
        &mut self,
        connection: &mut Connection,
        sent: Sent,
        others: &[u64],
        out: &mut Vec<u8>,
    ) {
        let keys = RequestKeys {
            first: sent.key,
            others,
            version: match self.known.ledger {
                Some(_) => ledger::version(sent.sent_ns),
                None => 0,
            },
        };
        let source = &mut self.source;
        source
            .encoder
            .append(sent.operation, keys, &mut source.numbers, out);
        self.note(connection, sent);
    }

    /// A request was written.
    #[inline]
    fn note(&mut self, connection: &mut Connection, sent: Sent) {
        connection.pending.push_back(sent);
        self.in_flight += 1;
    }

    /// Writes the next request of a trace.
    fn issue_recorded(
        &mut self,
        connection: &mut Connection,
        due_ns: u64,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) {
        let replay = self.schedule.replay();
        if let Some(operation) = replay.and_then(|replay| replay.append(&mut connection.asked, out))
        {
            let sent = Sent {
                key: RECORDED_KEY,
                due_ns,
                sent_ns: now_ns,
                operation,
            };
            self.note(connection, sent);
        }
    }

    #[inline]
    fn count(
        &mut self,
        connection: &mut Connection,
        sent: Sent,
        reply: Reply,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) {
        self.in_flight -= 1;
        self.tally.answered(sent.operation);
        self.tally
            .took(sent.operation, sent.due_ns, sent.sent_ns, now_ns);
        let Some(rule) = self.rule(sent.operation) else {
            return;
        };
        if rule.follow.is_some()
            && let Some(replay) = self.schedule.replay()
        {
            replay.recall(&mut connection.asked);
        }
        if rule.inserts {
            self.source.settle(sent.key);
        }
        if self.verifies {
            let seal = connection.verifier.finish(sent.key);
            if rule.reads_value && reply == Reply::Value {
                self.tally.verified(seal);
            }
        }
        if reply == Reply::Error {
            self.tally.refused(&connection.scanner);
            self.refuse(connection, rule, sent, now_ns);
        } else if rule.is_plain {
            self.learn(rule, sent, rule.is_absent(reply), now_ns);
            self.follow_up(
                connection,
                rule,
                sent.key,
                rule.is_absent(reply),
                now_ns,
                out,
            );
        } else {
            let absent = rule.is_absent(reply);
            self.learn_many(connection, rule, (sent, absent), now_ns, out);
        }
    }

    /// What a reply tells of one key.
    #[inline]
    fn learn(&mut self, rule: Rule, sent: Sent, absent: bool, now_ns: u64) {
        let key = sent.key;
        self.mark(rule, key, sent.sent_ns, Some(now_ns));
        match rule.effect {
            Effect::Read | Effect::Search | Effect::ReadMany => {
                self.tally.read(!absent);
                if !absent {
                    self.touch(rule, key, now_ns, false);
                }
            }
            Effect::Exists => self.tally.read(!absent),
            Effect::Write => self.touch(rule, key, now_ns, true),
            Effect::Alter if !absent => self.touch(rule, key, now_ns, true),
            Effect::Delete if !absent => self.forget(rule, key, now_ns),
            Effect::Alter | Effect::Delete | Effect::Other => {}
        }
    }

    /// What a reply tells of the keys of a request that has several, or of spaces.
    fn learn_many(
        &mut self,
        connection: &mut Connection,
        rule: Rule,
        (sent, is_absent): (Sent, bool),
        now_ns: u64,
        out: &mut Vec<u8>,
    ) {
        if let Some(publisher) = &self.publisher {
            self.tally.published(sent.key, publisher.reached());
        }
        for place in 0..rule.keys {
            let Some(key) = further(connection, place, sent.key) else {
                return;
            };
            let absent =
                is_absent || rule.effect == Effect::ReadMany && connection.scanner.is_nil(place);
            if rule.effect.may_miss() {
                self.tally.read_of(key, !absent);
            }
            self.learn(rule, Sent { key, ..sent }, absent, now_ns);
            self.follow_up(connection, rule, key, absent, now_ns, out);
        }
    }

    /// What follows a reply is due the moment that has come.
    #[inline]
    fn follow_up(
        &mut self,
        connection: &mut Connection,
        rule: Rule,
        key: u64,
        absent: bool,
        now_ns: u64,
        out: &mut Vec<u8>,
    ) {
        let Some(operation) = rule.follower(absent).filter(|_| !self.closing) else {
            return;
        };
        self.follow_ups += 1;
        self.tally.sent(now_ns, None, now_ns);
        let sent = Sent {
            key,
            due_ns: now_ns,
            sent_ns: now_ns,
            operation,
        };
        match self.schedule.replay() {
            Some(replay) => {
                replay.append_follower(out);
                self.note(connection, sent);
            }
            None => self.issue(connection, sent, &[], out),
        }
    }

    #[inline]
    fn touch(&mut self, rule: Rule, key: u64, now_ns: u64, written: bool) {
        if let Some(touches) = &mut self.known.touches
            && rule.is_remembered
        {
            touches.touch(key, now_ns, written);
        }
    }

    /// What a request sent at `sent_ns`, and acknowledged at `heard_ns` if it was, leaves of what a key must hold.
    #[inline]
    fn mark(&mut self, rule: Rule, key: u64, sent_ns: u64, heard_ns: Option<u64>) {
        let Some(ledger) = &mut self.known.ledger else {
            return;
        };
        match (rule.mark, heard_ns) {
            (Mark::Nothing, _) => {}
            (Mark::Keeps, Some(heard_ns)) => ledger.keep(key, sent_ns, heard_ns),
            (Mark::Keeps, None) => ledger.doubt(key, sent_ns),
            (Mark::Spoils, _) => ledger.leave_out(key),
        }
    }

    /// The keys of a request that was refused.
    fn refuse(&mut self, connection: &mut Connection, rule: Rule, sent: Sent, now_ns: u64) {
        for place in 0..rule.keys {
            let Some(key) = further(connection, place, sent.key) else {
                return;
            };
            self.mark(rule, key, sent.sent_ns, None);
            if let Some(touches) = &mut self.known.touches
                && rule.effect == Effect::Write
                && rule.is_remembered
            {
                touches.refuse(key, now_ns);
            }
        }
    }

    fn forget(&mut self, rule: Rule, key: u64, now_ns: u64) {
        if let Some(touches) = &mut self.known.touches
            && rule.is_remembered
        {
            touches.forget(key, now_ns);
        }
    }
}

/// The key at `place` of the oldest request, whose first key is `first`; further ones are taken off.
fn further(connection: &mut Connection, place: u32, first: u64) -> Option<u64> {
    if place == 0 {
        Some(first)
    } else {
        connection.further_keys.pop_front()
    }
}
