//! The end of keys whose time has come: found on access, or by the cron when nobody asks for them.

use super::{Db, EventKind, Keyspace, is_due, table::Spot};

/// Keys with a deadline that the cron looks at before it asks whether going on pays, at effort 1; a quarter more per step.
const LOOK_LEN: usize = 20;

/// What removing a dead key costs of the cron's budget, in buckets looked at.
pub(super) const REMOVAL_COST: usize = 16;

impl Keyspace {
    /// Removes the key at a spot, whose time has come.
    pub(super) fn expire(&mut self, number: usize, spot: Spot) {
        self.report(EventKind::Expired, number, spot);
        self.discard(number, spot);
        self.counters.expired += 1;
    }

    /// Removes a key if its time has come, even while removals are held back.
    pub fn bury(&mut self, db: Db, key: &[u8]) {
        self.locate(self.number(db), key);
    }

    /// Removes the key at a spot, whose time has come, unless removals are held back.
    pub(super) fn expire_unless_held(&mut self, number: usize, spot: Spot) {
        if !self.held {
            self.expire(number, spot);
        }
    }

    /// Removes the key of this hash, whose time has come, unless removals are held back.
    pub(super) fn expire_hash(&mut self, number: usize, hash: u64) {
        if let Some(spot) = self.dicts[number].find_hash(hash) {
            self.expire_unless_held(number, spot);
        }
    }

    /// Looks for dead keys, a few in each database; goes on in one while more than a tenth of those looked at (less at
    /// higher effort) were dead, as Redis does, until `budget` is used up. Returns what is left of it.
    pub(super) fn expire_actively(&mut self, mut budget: usize) -> usize {
        let effort = usize::from(self.settings.active_expire_effort.clamp(1, 10)) - 1;
        let wanted = LOOK_LEN + LOOK_LEN / 4 * effort;
        let tolerated_percent = 10 - effort;
        for _ in 0..self.dicts.len() {
            self.cron_dict = (self.cron_dict + 1) % self.dicts.len();
            let number = self.cron_dict;
            loop {
                let (looked, dead) = self.expire_some(number, wanted, &mut budget);
                if budget == 0 {
                    return 0;
                }
                if looked == 0 || dead * 100 <= looked * tolerated_percent {
                    break;
                }
            }
        }
        budget
    }

    /// Looks at some `wanted` keys with a deadline, from where it last left off. Says how many it saw and how many were dead.
    fn expire_some(&mut self, number: usize, wanted: usize, budget: &mut usize) -> (usize, usize) {
        let (mut looked, mut dead, mut ttl_sum_ms) = (0, Vec::new(), 0_u64);
        let (dict, now_ms) = (&mut self.dicts[number], self.now_ms);
        let mut position = dict.expiry_position;
        while looked < wanted && *budget > 0 && dict.volatile_len() > 0 {
            *budget -= 1;
            position = dict.scan_volatile(position, |entry| {
                let Some(at) = entry.expire_ms() else { return };
                looked += 1;
                if is_due(at, now_ms) {
                    dead.push(dict.hash(entry.key()));
                } else {
                    ttl_sum_ms = ttl_sum_ms.saturating_add(at.abs_diff(now_ms));
                }
            });
            if position == 0 {
                break;
            }
        }
        dict.expiry_position = position;
        dict.average_ttl_ms = running_mean(dict.average_ttl_ms, ttl_sum_ms, looked - dead.len());
        let expired = dead.len();
        *budget = budget.saturating_sub(expired * REMOVAL_COST);
        dead.into_iter()
            .for_each(|hash| self.expire_hash(number, hash));
        (looked, expired)
    }
}

/// The mean after `count` more values of this sum: one fiftieth new, as Redis weighs it.
fn running_mean(mean: u64, sum: u64, count: usize) -> u64 {
    match sum.checked_div(count as u64) {
        None => mean,
        Some(new) if mean == 0 => new,
        Some(new) => mean / 50 * 49 + new / 50,
    }
}
