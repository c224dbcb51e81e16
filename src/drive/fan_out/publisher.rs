//! The side that publishes: stamps messages, and counts whom the server says they reached.

use super::stamp::{Publication, STAMP_BYTES, Stamp};
use crate::drive::connection::Sent;
use crate::drive::job::Job;
use crate::traffic::share_of;
use crate::traffic::stream::derive;
use crate::workload::plan::FanOut;

/// Sets the tag of a phase's messages apart from other numbers that come of the seed.
const TAG: u64 = 0xfa_00_07;

/// What one worker needs to publish.
#[derive(Debug, Clone)]
pub(in crate::drive) struct Publisher {
    tag: u64,
    /// Of the connection that publishes next for the first time.
    connection: u32,
    /// Connections of this worker are so far apart.
    step: u32,
    /// The number in the reply that came last: how many the message reached.
    reached: u64,
}

/// The tag of the messages of `job`. Another run at the same time has another.
pub(super) fn tag(job: &Job<'_>) -> u64 {
    let process = u64::from(std::process::id());
    derive(job.seed, &[TAG, job.repetition, job.phase, process])
}

impl Publisher {
    /// Of worker `worker` of `job`; none where that publishes nothing.
    pub(in crate::drive) fn new(job: &Job<'_>, worker: u64) -> Option<Self> {
        job.load.fan_out.as_ref().map(|_| Self {
            tag: tag(job),
            connection: worker as u32 + 1,
            step: job.crew() as u32,
            reached: 0,
        })
    }

    /// Stamps the message that `out`, a whole request, ends with; `last` is the publication of this connection before it.
    pub(in crate::drive) fn stamp(&mut self, last: &mut Publication, sent: Sent, out: &mut [u8]) {
        if last.connection == 0 {
            last.connection = self.connection;
            self.connection = self.connection.wrapping_add(self.step);
        }
        last.number = last.number.wrapping_add(1);
        let stamp = Stamp {
            tag: self.tag,
            due_ns: sent.due_ns,
            sent_ns: sent.sent_ns,
            publication: *last,
        };
        let end = out.len().saturating_sub(b"\r\n".len());
        if let Some(message) = out.get_mut(end.saturating_sub(STAMP_BYTES)..end) {
            stamp.write(message);
        }
    }

    /// Takes note of the integer that `reply` ends with.
    pub(in crate::drive) fn hear(&mut self, reply: &[u8]) {
        let digits = reply.strip_suffix(b"\r\n").unwrap_or_default();
        let number = digits.iter().rev().take_while(|byte| byte.is_ascii_digit());
        let (reached, _) = number.fold((0_u64, 1_u64), |(sum, unit), digit| {
            let part = u64::from(digit - b'0').saturating_mul(unit);
            (sum.saturating_add(part), unit.saturating_mul(10))
        });
        self.reached = reached;
    }

    /// What the last reply said.
    pub(in crate::drive) fn reached(&self) -> u64 {
        self.reached
    }
}

/// What was published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Published {
    channels: u64,
    subscribers: u64,
    is_heard_by_all: bool,
    /// Messages that the server took.
    pub messages: u64,
    /// Deliveries that these ask for: each to every subscriber of its channel.
    pub expected: u64,
    /// Deliveries that the server said it would make.
    pub reached: u64,
    /// Messages of which no reply says whether the server took them.
    pub unanswered: u64,
    /// Deliveries that these ask for, if it did.
    pub doubtful: u64,
}

impl Published {
    /// Nothing so far.
    pub(in crate::drive) fn nothing(fan_out: &FanOut) -> Self {
        Self {
            channels: fan_out.channels.count,
            subscribers: u64::from(fan_out.subscribers),
            is_heard_by_all: fan_out.hears_all(),
            ..Self::default()
        }
    }

    /// The server took a message on `channel` and said that it reached so many.
    pub(in crate::drive) fn count(&mut self, channel: u64, reached: u64) {
        self.messages += 1;
        self.reached += reached;
        self.expected += self.subscribers_of(channel);
    }

    /// No reply came for a message on `channel`.
    pub(in crate::drive) fn doubt(&mut self, channel: u64) {
        self.unanswered += 1;
        self.doubtful += self.subscribers_of(channel);
    }

    fn subscribers_of(&self, channel: u64) -> u64 {
        if self.is_heard_by_all {
            self.subscribers
        } else {
            share_of(self.subscribers, channel, self.channels)
        }
    }

    /// Adds what another worker published.
    pub(in crate::drive) fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.expected += other.expected;
        self.reached += other.reached;
        self.unanswered += other.unanswered;
        self.doubtful += other.doubtful;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_say_whom_a_message_reached() {
        let mut publisher = Publisher {
            tag: 0,
            connection: 1,
            step: 1,
            reached: 9,
        };
        for (reply, reached) in [
            (&b":0\r\n"[..], 0),
            (b":12345\r\n", 12345),
            (b">2\r\n+a\r\n:7\r\n:3\r\n", 3),
            (b"-ERR no\r\n", 0),
        ] {
            publisher.hear(reply);
            assert_eq!(publisher.reached(), reached);
        }
    }

    #[test]
    fn each_connection_numbers_its_own() {
        let mut publisher = Publisher {
            tag: 5,
            connection: 2,
            step: 4,
            reached: 0,
        };
        let sent = Sent {
            key: 0,
            due_ns: 10,
            sent_ns: 11,
            operation: 0,
        };
        let mut request = vec![b'.'; STAMP_BYTES + 9];
        request.extend_from_slice(b"\r\n");
        let (mut one, mut other) = (Publication::default(), Publication::default());
        let mut publications = Vec::new();
        for place in [0, 1, 0] {
            let last = if place == 0 { &mut one } else { &mut other };
            publisher.stamp(last, sent, &mut request);
            let stamp = Stamp::read(&request[..request.len() - 2]).unwrap();
            assert_eq!((stamp.tag, stamp.due_ns, stamp.sent_ns), (5, 10, 11));
            publications.push((stamp.publication.connection, stamp.publication.number));
        }
        assert_eq!(publications, [(2, 1), (6, 1), (2, 2)]);
        assert!(request.starts_with(b"........."));
    }
}
