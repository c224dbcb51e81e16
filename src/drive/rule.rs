//! What a reply means for the keys of its request, and what follows it.

use super::resp::Reply;
use crate::workload::plan::{Effect, KeyChoice, Operation, When};

/// What the engine must know of an operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) effect: Effect,
    /// Whether it makes a new key.
    pub(super) inserts: bool,
    /// The key space whose keys it is sent for, where that is not for the phase to say.
    pub(super) space: Option<u16>,
    /// Whether the reply is the key's value as it was written.
    pub(super) reads_value: bool,
    /// Keys of a request.
    pub(super) keys: u32,
    /// Whether it has one key, and that is all there is to know of it: keys are of one kind, and no channels.
    pub(super) is_plain: bool,
    /// Whether these are keys of the key space, of which it is remembered when they were touched.
    pub(super) is_remembered: bool,
    /// What a request leaves of the promise of its keys.
    pub(super) mark: Mark,
    /// What follows, and when.
    pub(super) follow: Option<(When, u16)>,
}

/// What a request leaves of what its keys must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It changes nothing.
    Nothing,
    /// It writes the value, and for good.
    Keeps,
    /// It may change, or remove, what is there.
    Spoils,
}

impl Mark {
    fn of(operation: &Operation) -> Self {
        if operation.keeps_value() {
            Self::Keeps
        } else if operation.names_its_keys() && !operation.only_reads() {
            Self::Spoils
        } else {
            Self::Nothing
        }
    }
}

impl Rule {
    /// What is to be known of `operation`, in a load whose keys are of one kind, and no channels, or are not.
    pub(super) fn of(operation: &Operation, is_plain: bool) -> Self {
        let follow = operation.follow.and_then(|follow| {
            let place = u16::try_from(follow.operation).ok()?;
            Some((follow.when, place))
        });
        Self {
            effect: operation.effect,
            inserts: operation.key == KeyChoice::New,
            space: operation.space.and_then(|space| u16::try_from(space).ok()),
            reads_value: operation.reads_value(),
            keys: operation.keys(),
            is_plain: operation.keys() == 1 && is_plain,
            is_remembered: operation.names_its_keys(),
            mark: Mark::of(operation),
            follow,
        }
    }

    /// Whether `reply` says that the key was not there.
    #[inline]
    pub(super) fn is_absent(self, reply: Reply) -> bool {
        match self.effect {
            Effect::Read => reply == Reply::Nil,
            Effect::Search | Effect::Exists | Effect::Alter | Effect::Delete => {
                matches!(reply, Reply::Nil | Reply::Zero)
            }
            Effect::ReadMany | Effect::Write | Effect::Other => false,
        }
    }

    /// The operation that follows for a key that was there, or was not.
    #[inline]
    pub(super) fn follower(self, absent: bool) -> Option<u16> {
        match self.follow? {
            (When::Always, next) => Some(next),
            (When::Miss, next) => absent.then_some(next),
        }
    }
}
