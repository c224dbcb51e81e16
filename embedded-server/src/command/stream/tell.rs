//! What replicas are told of streams: the IDs that entries have got, how long a stream is, who has which entries since when.

use std::collections::BTreeMap;

use crate::command::{Arguments, Context};
use crate::types::StreamId;

/// An entry that was added.
pub(super) struct Added {
    pub(super) id: StreamId,
    /// How many entries were trimmed after that.
    pub(super) trimmed: usize,
    /// How many are left.
    pub(super) len: usize,
}

/// Tells of an entry, and of the length to which the stream was trimmed: what `~` spares differs from node to node.
pub(super) fn tell_added(
    context: &mut Context<'_>,
    key: &[u8],
    fields: &Arguments<'_>,
    added: &Added,
) {
    if !context.server.replication.is_recording() {
        return;
    }
    let (id, mut digits) = (added.id.to_string(), itoa::Buffer::new());
    let len = digits.format(added.len).as_bytes();
    let mut words = vec![b"XADD", key];
    if added.trimmed > 0 {
        words.extend([b"MAXLEN", &b"="[..], len]);
    }
    words.push(id.as_bytes());
    words.extend(fields.iter());
    context.tell_replicas(&words);
}

/// Tells of the length to which a stream was trimmed.
pub(super) fn tell_trimmed(context: &mut Context<'_>, key: &[u8], len: usize) {
    let mut digits = itoa::Buffer::new();
    let len = digits.format(len).as_bytes();
    context.tell_replicas(&[b"XTRIM", key, b"MAXLEN", b"=", len]);
}

/// What a consumer did to its group.
#[derive(Debug, Default)]
pub(super) struct Doings {
    /// Whether the consumer is new.
    pub(super) is_new: bool,
    /// When it was given what it was given, in milliseconds since the Unix epoch.
    pub(super) delivered_at: u64,
    /// What it was given, by how often that was delivered so far.
    pub(super) given: BTreeMap<u64, Vec<StreamId>>,
    /// What is pending no longer.
    pub(super) dropped: Vec<StreamId>,
    /// How far the group has got, if it has got on, and how many entries it has read.
    pub(super) position: Option<(StreamId, Option<u64>)>,
}

impl Doings {
    /// The consumer was given an entry.
    pub(super) fn give(&mut self, id: StreamId, deliveries: u64) {
        self.given.entry(deliveries).or_default().push(id);
    }

    /// Whether it did nothing.
    pub(super) fn are_none(&self) -> bool {
        let is_idle = self.given.is_empty() && self.dropped.is_empty();
        is_idle && !self.is_new && self.position.is_none()
    }

    /// Tells replicas of it.
    pub(super) fn tell(
        &self,
        context: &mut Context<'_>,
        (key, group, consumer): (&[u8], &[u8], &[u8]),
    ) {
        if !context.server.replication.is_recording() {
            return;
        }
        if self.is_new {
            context.tell_replicas(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer]);
        }
        let time = self.delivered_at.to_string();
        let time: [&[u8]; 2] = [b"TIME", time.as_bytes()];
        for (deliveries, ids) in &self.given {
            let deliveries = deliveries.to_string();
            let head: [&[u8]; 5] = [b"XCLAIM", key, group, consumer, b"0"];
            let count: [&[u8]; 2] = [b"RETRYCOUNT", deliveries.as_bytes()];
            let tail = [&time[..], &count, &[b"FORCE", b"JUSTID"]].concat();
            context.tell_replicas_of(&head, &texts(ids), &tail);
        }
        context.tell_replicas_of(&[b"XACK", key, group], &texts(&self.dropped), &[]);
        if let Some((id, read)) = self.position {
            let read = read.map_or_else(|| "-1".to_owned(), |read| read.to_string());
            let (id, read) = (id.to_string(), read.as_bytes());
            let position: [&[u8]; 3] = [id.as_bytes(), b"ENTRIESREAD", read];
            let head: [&[u8]; 4] = [b"XGROUP", b"SETID", key, group];
            let words = [&head[..], &position].concat();
            context.tell_replicas(&words);
        }
    }
}

fn texts(ids: &[StreamId]) -> Vec<String> {
    ids.iter().map(StreamId::to_string).collect()
}
