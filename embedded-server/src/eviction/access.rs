//! What a key's access word means, and how it changes with each access.

use super::{
    Handle, PolicyName, Random, Tuning, exact_list::ExactList, frequency::FrequencyCounter,
    recency::RecencyClock,
};

/// What is known of a key's accesses, whatever the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Milliseconds since the last access, as finely as the words tell.
    pub idle_ms: u64,
    /// The access counter, if accesses are counted.
    pub frequency: Option<u8>,
}

/// How accesses are kept in keys' access words.
#[derive(Debug)]
pub enum AccessLog {
    /// The LRU clock's tick at the last access.
    Recency(RecencyClock),
    /// A minute and a Morris counter.
    Frequency(FrequencyCounter),
    /// A node in a list of all keys by last access.
    Exact(ExactList),
}

impl AccessLog {
    /// The log that a policy of this name judges by.
    pub(super) fn new(name: PolicyName, tuning: &Tuning) -> Self {
        match name {
            PolicyName::AllKeysLruExact => Self::Exact(ExactList::new()),
            name if name.is_lfu() => Self::Frequency(tuning.counter()),
            _ => Self::Recency(RecencyClock::new(tuning.lru_clock_resolution_ms)),
        }
    }

    /// Tells the time.
    pub(super) fn set_now_ms(&mut self, now_ms: i64) {
        match self {
            Self::Recency(log) => log.set_now_ms(now_ms),
            Self::Frequency(log) => log.set_now_ms(now_ms),
            Self::Exact(log) => log.set_now_ms(now_ms),
        }
    }

    /// The word of a new key.
    pub(super) fn admit(&mut self, handle: Handle) -> u32 {
        match self {
            Self::Recency(log) => log.now(),
            Self::Frequency(log) => log.first(),
            Self::Exact(log) => log.add(handle),
        }
    }

    /// The word of a new key with a past. A counter unknown begins as a new key's and fades by the time idle.
    pub(super) fn adopt(&mut self, handle: Handle, history: History) -> u32 {
        match self {
            Self::Recency(log) => log.word_of(history.idle_ms),
            Self::Frequency(log) => log.word_idle(history.frequency, history.idle_ms),
            Self::Exact(log) => log.add_idle(handle, history.idle_ms),
        }
    }

    /// A key's word after an access.
    #[inline]
    pub(super) fn touched(&mut self, word: u32, random: &mut Random) -> u32 {
        match self {
            Self::Recency(log) => log.now(),
            Self::Frequency(log) => log.touched(word, random),
            Self::Exact(log) => {
                log.touch(word);
                word
            }
        }
    }

    /// A key has gone.
    pub(super) fn forget(&mut self, word: u32) {
        if let Self::Exact(log) = self {
            log.remove(word);
        }
    }

    /// A key has another handle now.
    pub(super) fn rename(&mut self, word: u32, handle: Handle) {
        if let Self::Exact(log) = self {
            log.rename(word, handle);
        }
    }

    /// What a word tells.
    pub fn history(&self, word: u32) -> History {
        History {
            idle_ms: self.idle_ms(word),
            frequency: self.frequency(word),
        }
    }

    /// Milliseconds since the last access.
    pub fn idle_ms(&self, word: u32) -> u64 {
        match self {
            Self::Recency(log) => log.idle_ms(word),
            Self::Frequency(log) => log.idle_ms(word),
            Self::Exact(log) => log.idle_ms(word),
        }
    }

    /// The access counter, if accesses are counted.
    pub fn frequency(&self, word: u32) -> Option<u8> {
        match self {
            Self::Frequency(log) => Some(log.counter(word)),
            Self::Recency(_) | Self::Exact(_) => None,
        }
    }

    /// The least recently used key that `may_go`, if all are kept in order.
    pub(super) fn oldest(&self, may_go: impl Fn(Handle) -> bool) -> Option<Handle> {
        match self {
            Self::Exact(log) => log.oldest(may_go),
            Self::Recency(_) | Self::Frequency(_) => None,
        }
    }

    /// Bytes it occupies besides the words.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Exact(log) => log.bytes(),
            Self::Recency(_) | Self::Frequency(_) => 0,
        }
    }

    /// Bytes by which it would grow for one more key.
    #[inline]
    pub(super) fn growth_bytes(&self) -> usize {
        match self {
            Self::Exact(log) => log.growth_bytes(),
            Self::Recency(_) | Self::Frequency(_) => 0,
        }
    }
}
