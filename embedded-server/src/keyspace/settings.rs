//! What an operator may set about memory and expiry, and what the keyspace counts.

use crate::eviction::{PolicyName, Tuning};

/// The directives that the keyspace obeys. Built by the configuration table; applied by
/// [`Keyspace::configure`](super::Keyspace::configure).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `maxmemory`, bytes; 0 is no limit.
    pub maxmemory: u64,
    /// `maxmemory-policy`.
    pub policy: PolicyName,
    /// `maxmemory-samples`: keys looked at per round of sampling, at least 1.
    pub samples: u32,
    /// `maxmemory-eviction-tenacity`, 0..=100: how long one command may go on evicting after the limit was lowered.
    pub eviction_tenacity: u8,
    /// `lfu-log-factor`: how hard the access counter saturates.
    pub lfu_log_factor: u32,
    /// `lfu-decay-time`: minutes after which the access counter loses one; 0 is never.
    pub lfu_decay_time_min: u32,
    /// `lru-clock-resolution`: milliseconds per tick of the LRU clock, at least 1.
    pub lru_clock_resolution_ms: u32,
    /// `active-expire-effort`, 1..=10: how many dead keys active expiry lets stand.
    pub active_expire_effort: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            maxmemory: 0,
            policy: PolicyName::NoEviction,
            samples: 5,
            eviction_tenacity: 10,
            lfu_log_factor: 10,
            lfu_decay_time_min: 1,
            lru_clock_resolution_ms: 1000,
            active_expire_effort: 1,
        }
    }
}

impl Settings {
    /// The part that policies look at.
    pub(super) fn tuning(&self) -> Tuning {
        Tuning {
            samples: self.samples,
            lfu_log_factor: self.lfu_log_factor,
            lfu_decay_time_min: self.lfu_decay_time_min,
            lru_clock_resolution_ms: self.lru_clock_resolution_ms,
        }
    }
}

/// What happened since the start or the last CONFIG RESETSTAT; INFO prints them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Reads that found their key (`keyspace_hits`).
    pub hits: u64,
    /// Reads that did not (`keyspace_misses`).
    pub misses: u64,
    /// Keys removed because their time had come, found on access or by the cron (`expired_keys`).
    pub expired: u64,
    /// Keys removed to make room (`evicted_keys`).
    pub evicted: u64,
    /// Milliseconds spent above `maxmemory`, which happens only after it was lowered
    /// (`total_eviction_exceeded_time`). Spans that have ended; the running one is
    /// [`Keyspace::eviction_exceeded_ms`](super::Keyspace::eviction_exceeded_ms).
    pub eviction_exceeded_ms: u64,
}
