//! Who listens to what: channels and patterns with the slots of their subscribers.

use std::collections::BTreeMap;

use crate::text::glob;

type Topics = BTreeMap<Box<[u8]>, Vec<usize>>;

/// The subscriptions of a node's clients.
#[derive(Debug, Default)]
pub struct PubSub {
    channels: Topics,
    patterns: Topics,
    shards: Topics,
}

/// What kind of name a subscription is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// One channel.
    Channel,
    /// Every channel that a glob matches.
    Pattern,
    /// One channel of a shard, which are apart from the others.
    Shard,
}

impl PubSub {
    /// Notes that the client in `slot` listens.
    pub fn subscribe(&mut self, topic: Topic, name: &[u8], slot: usize) {
        self.topics(topic)
            .entry(name.into())
            .or_default()
            .push(slot);
    }

    /// Notes that it does no longer.
    pub fn unsubscribe(&mut self, topic: Topic, name: &[u8], slot: usize) {
        let topics = self.topics(topic);
        if let Some(slots) = topics.get_mut(name) {
            slots.retain(|&other| other != slot);
            if slots.is_empty() {
                topics.remove(name);
            }
        }
    }

    /// Calls `deliver` for each subscription that a message on `channel` reaches: with the slot, and with the pattern
    /// where it is one. Says how many there were.
    pub fn receivers(
        &self,
        channel: &[u8],
        mut deliver: impl FnMut(usize, Option<&[u8]>),
    ) -> usize {
        let mut receivers = 0;
        for &slot in self.subscribers(Topic::Channel, channel) {
            deliver(slot, None);
            receivers += 1;
        }
        for (pattern, slots) in &self.patterns {
            if glob::matches(pattern, channel) {
                slots.iter().for_each(|&slot| deliver(slot, Some(pattern)));
                receivers += slots.len();
            }
        }
        receivers
    }

    /// The names with subscribers.
    pub fn names(&self, topic: Topic) -> impl Iterator<Item = &[u8]> {
        self.of(topic).keys().map(AsRef::as_ref)
    }

    /// The slots of those subscribed to `name` itself.
    #[must_use]
    pub fn subscribers(&self, topic: Topic, name: &[u8]) -> &[usize] {
        self.of(topic).get(name).map_or(&[], Vec::as_slice)
    }

    /// How many patterns have subscribers.
    #[must_use]
    pub fn patterns(&self) -> usize {
        self.patterns.len()
    }

    fn topics(&mut self, topic: Topic) -> &mut Topics {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
            Topic::Shard => &mut self.shards,
        }
    }

    fn of(&self, topic: Topic) -> &Topics {
        match topic {
            Topic::Channel => &self.channels,
            Topic::Pattern => &self.patterns,
            Topic::Shard => &self.shards,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reaches_channels_and_matching_patterns_once_a_subscription() {
        let mut pubsub = PubSub::default();
        pubsub.subscribe(Topic::Channel, b"news", 1);
        pubsub.subscribe(Topic::Pattern, b"n*", 1);
        pubsub.subscribe(Topic::Pattern, b"x*", 2);
        let mut reached = Vec::new();
        let receivers = pubsub.receivers(b"news", |slot, pattern| {
            reached.push((slot, pattern.map(<[u8]>::to_vec)))
        });
        assert_eq!(
            (receivers, reached),
            (2, vec![(1, None), (1, Some(b"n*".to_vec()))])
        );
        pubsub.unsubscribe(Topic::Channel, b"news", 1);
        assert_eq!(pubsub.names(Topic::Channel).count(), 0);
        assert_eq!(pubsub.receivers(b"news", |_, _| {}), 1);
    }
}
