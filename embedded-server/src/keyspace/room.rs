//! Room: the memory limit, and evicting to stay below it.

use thiserror::Error;

use super::{Db, EventKind, Keyspace, dict::Dict, entry, expiry::REMOVAL_COST};
use crate::eviction::{AccessLog, Candidate, Handle, Population, Random, Scope};

/// There is no room and the policy finds nothing to evict.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("OOM command not allowed when used memory > 'maxmemory'.")]
pub struct OutOfMemory;

/// Bytes that a string of `value_len` under a key of `key_len` occupies, without its share of the table.
pub fn cost_of_string(key_len: usize, value_len: usize, has_deadline: bool) -> u64 {
    entry::string_bytes(key_len, value_len, has_deadline) as u64
}

/// Fewest evictions of a step, whatever the tenacity.
const STEP_EVICTIONS_MIN: u64 = 16;

impl Keyspace {
    /// Bytes that keys, values, tables and access logs occupy: exactly, with the allocators' rounding. Whatever else counts
    /// against `maxmemory` is among them.
    #[inline]
    pub fn used_memory(&self) -> u64 {
        (self.dict_bytes + self.evictor.bytes()) as u64 + self.fixed_memory() + self.beside
    }

    /// Bytes used by keys and values alone, without tables and fixed parts.
    pub fn dataset_memory(&self) -> u64 {
        self.dicts
            .iter()
            .map(|dict| dict.dataset_bytes() as u64)
            .sum()
    }

    /// Bytes of an empty keyspace besides its empty tables.
    #[inline]
    fn fixed_memory(&self) -> u64 {
        (size_of::<Self>() + self.dicts.len() * Dict::FIXED_BYTES) as u64
    }

    /// Milliseconds that memory has stood above `maxmemory` until now without a break (`current_eviction_exceeded_time`).
    pub fn eviction_exceeded_ms(&self) -> u64 {
        self.exceeded_since_ms.map_or(0, |since_ms| {
            u64::try_from(self.now_ms - since_ms).unwrap_or(0)
        })
    }

    /// Evicts until `needed` more bytes fit below `maxmemory`. With 0: brings a keyspace that stands above its limit
    /// nearer to it, as far as the tenacity allows; call it so before each command flagged `denyoom`.
    ///
    /// # Errors
    /// [`OutOfMemory`] when they do not fit and the policy finds nothing (more) to evict.
    #[inline]
    pub fn make_room(&mut self, needed: u64) -> Result<(), OutOfMemory> {
        self.make_room_for(None, |_| needed as usize)
    }

    /// Makes room for a command that writes several strings (MSET, MSETNX), so that it is done whole or not at all.
    /// `items` yields each key with the length of its value.
    ///
    /// # Errors
    /// [`OutOfMemory`] when they do not all fit.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an iterator is handed over, as usual; a clone of it is gone through"
    )]
    pub fn reserve<'k>(
        &mut self,
        db: Db,
        items: impl Iterator<Item = (&'k [u8], usize)> + Clone,
    ) -> Result<(), OutOfMemory> {
        if self.settings.maxmemory == 0 || self.overdraws {
            return Ok(());
        }
        loop {
            let needed = self.needed_for(db, items.clone());
            if self.used_memory() + needed <= self.settings.maxmemory {
                return Ok(());
            }
            // What is evicted may have been one of the items, and then needs more room than reckoned: look again.
            self.make_room(needed)?;
            if self.used_memory() > self.settings.maxmemory {
                return Ok(());
            }
        }
    }

    /// Bytes by which memory would grow, at most, if these were written.
    fn needed_for<'k>(&self, db: Db, items: impl Iterator<Item = (&'k [u8], usize)>) -> u64 {
        let dict = self.dict(db);
        let (mut bytes, mut new) = (0, Vec::new());
        for (key, value_len) in items {
            let hash = dict.hash(key);
            let old = dict.find(hash, key).and_then(|spot| dict.entry(spot));
            let cost = entry::string_bytes(key.len(), value_len, false);
            match old {
                Some(old) => bytes += cost.saturating_sub(old.bytes()),
                None => {
                    bytes += cost + self.evictor.growth_bytes();
                    new.push(hash);
                }
            }
        }
        (bytes + dict.growth_bytes_of_all(&mut new)) as u64
    }

    /// Background work, called some ten times a second and whenever idle: expires dead keys that nobody asks for, and goes
    /// on evicting where a lowered `maxmemory` left off. `budget` bounds the work, in buckets looked at (each some 5 to 50 ns;
    /// a removed key counts as 16). Says whether it would gladly go on at once.
    pub fn cron(&mut self, budget: usize) -> bool {
        if self.held {
            return false;
        }
        let left = if self.active_expiry {
            self.expire_actively(budget)
        } else {
            budget
        };
        let above = self.settings.maxmemory != 0 && self.used_memory() > self.settings.maxmemory;
        if above {
            let allowed = (budget / REMOVAL_COST) as u64;
            let more = self.evict_until(None, allowed, &mut |_| 0).is_ok()
                && self.exceeded_since_ms.is_some();
            return more || left == 0;
        }
        left == 0
    }

    /// Whether so many more bytes fit; `needed` is asked only where there is a limit.
    #[inline]
    pub(super) fn has_room(&self, needed: impl FnOnce() -> usize) -> bool {
        let limit = self.settings.maxmemory;
        self.exceeded_since_ms.is_none()
            && (limit == 0 || self.used_memory() + needed() as u64 <= limit)
    }

    /// [`Keyspace::make_room`] for what `needed` says, which is asked again after each eviction, as that may change it.
    /// Spares the pinned key, which the caller is about to change.
    #[inline]
    pub(super) fn make_room_for(
        &mut self,
        pinned: Option<Handle>,
        mut needed: impl FnMut(&Self) -> usize,
    ) -> Result<(), OutOfMemory> {
        if self.has_room(|| needed(self)) {
            return Ok(());
        }
        let allowed = step_evictions(self.settings.eviction_tenacity);
        self.evict_until(pinned, allowed, &mut needed)
    }

    /// Bytes that a new key of this hash takes besides its entry: growth of the table and of the access log.
    #[inline]
    pub(super) fn cost_of_key(&self, number: usize, hash: u64) -> usize {
        self.dicts[number].growth_bytes(hash) + self.evictor.growth_bytes()
    }

    /// Evicts until what is needed fits. A keyspace that stood above its limit at first may stop after `allowed` evictions, if
    /// it does not grow: the way down is then shared with later commands and the cron.
    fn evict_until(
        &mut self,
        pinned: Option<Handle>,
        allowed: u64,
        needed: &mut dyn FnMut(&Self) -> usize,
    ) -> Result<(), OutOfMemory> {
        if self.held || self.overdraws {
            return Ok(());
        }
        let (limit, at_first) = (self.settings.maxmemory, self.used_memory());
        let mut evicted = 0;
        let outcome = loop {
            let wanted = self.used_memory() + needed(self) as u64;
            let near_enough = evicted >= allowed && wanted <= at_first && at_first > limit;
            if limit == 0 || wanted <= limit || near_enough {
                break Ok(());
            }
            if !self.evict_one(pinned) {
                break Err(OutOfMemory);
            }
            evicted += 1;
        };
        self.note_excess();
        outcome
    }

    /// Evicts the key that the policy chooses; says whether it found one.
    fn evict_one(&mut self, pinned: Option<Handle>) -> bool {
        let Some(victim) = self.evictor.victim(&Keys {
            dicts: &self.dicts,
            pinned,
        }) else {
            return false;
        };
        let number = usize::from(victim.group);
        let Some(spot) = self.dicts[number].find_hash(victim.id) else {
            return false;
        };
        self.report(EventKind::Evicted, number, spot);
        self.discard(number, spot);
        self.counters.evicted += 1;
        true
    }

    /// Keeps the time spent above the limit.
    fn note_excess(&mut self) {
        let above = self.settings.maxmemory != 0 && self.used_memory() > self.settings.maxmemory;
        if above {
            self.exceeded_since_ms.get_or_insert(self.now_ms);
        } else {
            self.counters.eviction_exceeded_ms += self.eviction_exceeded_ms();
            self.exceeded_since_ms = None;
        }
    }

    /// Gives every key an access word of the evictor's present log, from what `old` tells of its present word.
    pub(super) fn convert_access(&mut self, old: &AccessLog) {
        // From the longest idle on, as an exact list takes them cheapest.
        let mut keys = Vec::with_capacity(self.dicts.iter().map(Dict::len).sum());
        for (number, dict) in self.dicts.iter().enumerate() {
            dict.for_each(|entry| {
                keys.push((
                    old.history(entry.access()),
                    Self::handle(number, dict.hash(entry.key())),
                ))
            });
        }
        keys.sort_by_key(|(history, _)| std::cmp::Reverse(history.idle_ms));
        for (history, handle) in keys {
            let dict = &mut self.dicts[usize::from(handle.group)];
            if let Some(mut entry) = dict
                .find_hash(handle.id)
                .and_then(|spot| dict.entry_mut(spot))
            {
                entry.set_access(self.evictor.adopt(handle, history));
            }
        }
    }
}

/// Evictions that one command spends on a keyspace above its limit. Redis gives this as time: 50 microseconds per step of
/// tenacity up to 10, then 15 % more each, no bound at 100. Here an eviction stands for a microsecond, which is about
/// right, and repeats exactly under a virtual clock.
fn step_evictions(tenacity: u8) -> u64 {
    let evictions = match tenacity {
        0..=10 => 50.0 * f64::from(tenacity),
        11..=99 => 500.0 * 1.15_f64.powi(i32::from(tenacity) - 10),
        _ => return u64::MAX,
    };
    (evictions as u64).max(STEP_EVICTIONS_MIN)
}

/// The keys, to the policy.
struct Keys<'a> {
    dicts: &'a [Dict],
    pinned: Option<Handle>,
}

impl Population for Keys<'_> {
    fn groups(&self) -> u16 {
        self.dicts.len() as u16
    }

    fn len(&self, group: u16, scope: Scope) -> usize {
        let dict = &self.dicts[usize::from(group)];
        if scope == Scope::Volatile {
            dict.volatile_len()
        } else {
            dict.len()
        }
    }

    fn sample(
        &self,
        group: u16,
        scope: Scope,
        count: usize,
        random: &mut Random,
        visit: &mut dyn FnMut(Candidate),
    ) {
        let dict = &self.dicts[usize::from(group)];
        // One more, as one of them may be the pinned key.
        let count = count + usize::from(self.pinned.is_some());
        for entry in dict.sample(count, scope == Scope::Volatile, random) {
            let handle = Handle {
                group,
                id: dict.hash(entry.key()),
            };
            if Some(handle) != self.pinned {
                visit(Candidate {
                    handle,
                    access: entry.access(),
                    expire_ms: entry.expire_ms(),
                });
            }
        }
    }

    fn random(&self, group: u16, scope: Scope, random: &mut Random) -> Option<Handle> {
        let dict = &self.dicts[usize::from(group)];
        let drawn = dict.random(scope == Scope::Volatile, random)?;
        let handle = Handle {
            group,
            id: dict.hash(drawn.key()),
        };
        if Some(handle) != self.pinned {
            return Some(handle);
        }
        let mut other = None;
        self.sample(group, scope, 1, random, &mut |candidate| {
            other = Some(candidate.handle)
        });
        other
    }

    fn contains(&self, handle: Handle) -> bool {
        Some(handle) != self.pinned
            && self.dicts[usize::from(handle.group)]
                .find_hash(handle.id)
                .is_some()
    }
}
