//! A policy at work: access log, policy and randomness together.

use super::{
    AccessLog, Handle, History, PolicyName, Population, Random,
    exact_list::ExactList,
    frequency::FrequencyCounter,
    policy::{Choice, Policy, policy},
};

/// What may be set about policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// `maxmemory-samples`: keys looked at per round of sampling.
    pub samples: u32,
    /// `lfu-log-factor`.
    pub lfu_log_factor: u32,
    /// `lfu-decay-time`, minutes.
    pub lfu_decay_time_min: u32,
    /// `lru-clock-resolution`.
    pub lru_clock_resolution_ms: u32,
}

impl Tuning {
    pub(super) fn counter(&self) -> FrequencyCounter {
        FrequencyCounter::new(self.lfu_log_factor, self.lfu_decay_time_min)
    }
}

/// Keeps access words and chooses who goes.
pub struct Evictor {
    name: PolicyName,
    tuning: Tuning,
    log: AccessLog,
    policy: Box<dyn Policy>,
    random: Random,
    now_ms: i64,
}

impl Evictor {
    /// The policy of this name, all its draws from `random`.
    pub fn new(name: PolicyName, tuning: Tuning, random: Random) -> Self {
        Self {
            name,
            tuning,
            log: AccessLog::new(name, &tuning),
            policy: policy(name),
            random,
            now_ms: 0,
        }
    }

    /// Changes the policy or its tuning. Returns the old access log if access words mean something else from now on: each
    /// key then needs a new one, by [`Evictor::adopt`] from what the old log tells of its old one.
    pub fn reconfigure(&mut self, name: PolicyName, tuning: Tuning) -> Option<AccessLog> {
        if name != self.name {
            self.policy = policy(name);
        }
        (self.name, self.tuning) = (name, tuning);
        let mut log = AccessLog::new(name, &tuning);
        log.set_now_ms(self.now_ms);
        let same_words = match (&self.log, &log) {
            (AccessLog::Recency(old), AccessLog::Recency(new)) => {
                old.resolution_ms() == new.resolution_ms()
            }
            (AccessLog::Exact(_), AccessLog::Exact(_)) => return None,
            (AccessLog::Frequency(_), AccessLog::Frequency(_)) => true,
            _ => false,
        };
        let old = std::mem::replace(&mut self.log, log);
        (!same_words).then_some(old)
    }

    /// Tells the time, Unix milliseconds.
    pub fn set_now_ms(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        self.log.set_now_ms(now_ms);
    }

    /// The access word of a new key.
    #[inline]
    pub fn admit(&mut self, handle: Handle) -> u32 {
        self.log.admit(handle)
    }

    /// The access word of a key that was there before, with its past.
    pub fn adopt(&mut self, handle: Handle, history: History) -> u32 {
        self.log.adopt(handle, history)
    }

    /// A key's access word after an access.
    #[inline]
    pub fn touched(&mut self, word: u32) -> u32 {
        self.log.touched(word, &mut self.random)
    }

    /// A key's access word after RESTORE … IDLETIME: as if last used that long ago.
    pub fn with_idle_ms(&mut self, handle: Handle, word: u32, idle_ms: u64) -> u32 {
        match &mut self.log {
            AccessLog::Recency(clock) => clock.word_of(idle_ms),
            AccessLog::Frequency(_) => word,
            AccessLog::Exact(list) => move_back(list, handle, word, idle_ms),
        }
    }

    /// A key's access word after RESTORE … FREQ: its counter stands so.
    pub fn with_frequency(&self, word: u32, frequency: u8) -> u32 {
        match &self.log {
            AccessLog::Frequency(counter) => counter.word_of(frequency),
            AccessLog::Recency(_) | AccessLog::Exact(_) => word,
        }
    }

    /// A key has gone. (Its handle may linger among the candidates; [`Population::contains`] tells.)
    #[inline]
    pub fn forget(&mut self, word: u32) {
        self.log.forget(word);
    }

    /// A key goes by another handle from now on.
    pub fn rename(&mut self, word: u32, handle: Handle) {
        self.log.rename(word, handle);
    }

    /// All keys have gone.
    pub fn clear(&mut self) {
        self.log = AccessLog::new(self.name, &self.tuning);
        self.log.set_now_ms(self.now_ms);
        self.policy.forget();
    }

    /// The key that should go next; `None` if the policy finds none.
    pub fn victim(&mut self, keys: &dyn Population) -> Option<Handle> {
        let choice = Choice {
            keys,
            log: &self.log,
            samples: self.tuning.samples.max(1) as usize,
        };
        self.policy.victim(&choice, &mut self.random)
    }

    /// What a key's access word tells.
    pub fn history(&self, word: u32) -> History {
        self.log.history(word)
    }

    /// The source of randomness, for draws that belong to the same sequence.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Bytes it occupies besides the words.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.log.bytes()
    }

    /// Bytes by which it would grow for one more key.
    #[inline]
    pub fn growth_bytes(&self) -> usize {
        self.log.growth_bytes()
    }
}

fn move_back(list: &mut ExactList, handle: Handle, word: u32, idle_ms: u64) -> u32 {
    list.remove(word);
    list.add_idle(handle, idle_ms)
}
