//! Finds the `maxmemory` under which a given number of the workload's keys stay, on whichever server.
//!
//! What a key occupies, and what connections, tables and allocators add, differs from server to server and is not for
//! us to know. So it is found by trying: the first `n` keys are written without a limit and `used_memory` is read; then,
//! on a fresh server under that limit, twice as many are written and those that stay are counted; the limit is moved by
//! the bytes of the keys that are missing or too many, until the count is right. Trials use as many connections as the
//! workload, because their buffers count as memory too.

use std::time::{Duration, Instant};

use super::{Running, TargetError};
use crate::drive::{Interrupt, Job, Known, Limits, drive};
use crate::workload::plan::{Action, Cell, Directive, KeySpace, Load, Operation, Plan, Ttl, Until};

/// Trials under a limit, at the most.
const TRIALS: u32 = 6;
/// A deviation of so many keys in a thousand is as good as none.
const TOLERANCE_PER_MILLE: u64 = 2;
/// Requests in flight per connection while keys are written for a trial, at least; it has nothing to measure.
const PIPELINE: u32 = 16;

/// A limit that has been found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calibration {
    /// The limit, bytes.
    pub maxmemory_bytes: u64,
    /// Keys that stayed under it; of the key space where that is smaller.
    pub fitting_keys: u64,
}

/// Finds the limit under which `wanted` keys of `plan` stay.
///
/// # Errors
///
/// Where a server cannot be started or written to, and when `interrupt` is pulled.
pub fn calibrate(
    plan: &Plan,
    wanted: u64,
    interrupt: &Interrupt,
) -> Result<Calibration, TargetError> {
    let trial = Trial {
        plan,
        keys: &plan.keys,
        interrupt,
    };
    let (mut limit, key_bytes) = trial.guess(wanted)?;
    if wanted >= plan.keys.count {
        // All of them fit: what a key more would take is left as room.
        return Ok(Calibration {
            maxmemory_bytes: limit,
            fitting_keys: plan.keys.count,
        });
    }
    let mut best = trial.staying(limit, wanted)?;
    for _ in 1..TRIALS {
        if best.fitting_keys.abs_diff(wanted) * 1000 <= TOLERANCE_PER_MILLE * wanted {
            break;
        }
        let missing = wanted as f64 - best.fitting_keys as f64;
        limit = (best.maxmemory_bytes as f64 + missing * key_bytes).max(1.0) as u64;
        let next = trial.staying(limit, wanted)?;
        if next.fitting_keys.abs_diff(wanted) >= best.fitting_keys.abs_diff(wanted) {
            break;
        }
        best = next;
    }
    Ok(best)
}

struct Trial<'a> {
    plan: &'a Plan,
    keys: &'a KeySpace,
    interrupt: &'a Interrupt,
}

impl Trial<'_> {
    /// The memory in use with `wanted` keys written and no limit, and the bytes of each.
    fn guess(&self, wanted: u64) -> Result<(u64, f64), TargetError> {
        let mut server = self.start("0")?;
        let before = server.quiet_memory()?.count("used_memory");
        let written = wanted.min(self.keys.count);
        self.write(&server, written)?;
        let after = server.quiet_memory()?.count("used_memory");
        let key_bytes = after.saturating_sub(before) as f64 / written.max(1) as f64;
        let room = (wanted - written) as f64
            + if wanted >= self.keys.count {
                0.05 * wanted as f64
            } else {
                0.0
            };
        Ok((after + (room * key_bytes) as u64, key_bytes))
    }

    /// How many keys stay under `limit` when twice as many as wanted are written.
    fn staying(&self, limit: u64, wanted: u64) -> Result<Calibration, TargetError> {
        let mut server = self.start(&limit.to_string())?;
        // Its connection takes memory, too.
        let watch = server.watch(Instant::now(), Duration::ZERO)?;
        let written = self.write(&server, self.keys.count.min(2 * wanted));
        drop(watch.stop());
        written?;
        Ok(Calibration {
            maxmemory_bytes: limit,
            fitting_keys: server.quiet_memory()?.keys(),
        })
    }

    /// A server like that of the first cell, under `maxmemory`.
    fn start(&self, maxmemory: &str) -> Result<Running, TargetError> {
        let limit = Directive {
            name: "maxmemory".to_owned(),
            value: maxmemory.to_owned(),
        };
        let mut directives = directives(self.plan, self.plan.cells.first());
        directives.push(limit);
        let target = self.plan.target_of(self.plan.cells.first());
        let seed = self.plan.seed;
        Running::start(self.plan, &target, &directives, seed, self.interrupt)
    }

    /// Writes the first `count` keys.
    fn write(&self, server: &Running, count: u64) -> Result<(), TargetError> {
        let load = self.load(count);
        let job = Job {
            access: server.access(),
            load: &load,
            replay: None,
            keys: self.keys,
            values: &self.plan.values,
            seed: self.plan.seed,
            repetition: 0,
            phase: 0,
            workers: 1,
            limits: Limits::of(&self.plan.timeouts),
            origin: Instant::now(),
        };
        let driven = drive(&job, Known::default(), self.interrupt, &mut |_| ())?;
        match driven.fault {
            Some(fault) => Err(fault.into()),
            None if driven.interrupted => Err(crate::drive::Fault::CalledOff.into()),
            None => Ok(()),
        }
    }

    /// Writes as the plan's loads do, over as many connections as the largest of them.
    fn load(&self, count: u64) -> Load {
        let loads = || {
            self.plan
                .phases
                .iter()
                .filter_map(|phase| match &phase.action {
                    Action::Load(load) => Some(load),
                    Action::Pause(_) => None,
                })
        };
        let lasting = |ttl: Ttl| match ttl {
            Ttl::None => Ttl::None,
            // What expires during a trial would not be counted, but room is needed for its deadline.
            Ttl::After(length) => Ttl::After(length.max(Duration::from_secs(3600))),
            Ttl::Uniform { .. } | Ttl::Lognormal { .. } | Ttl::Exponential { .. } => {
                Ttl::After(Duration::from_secs(3600))
            }
        };
        let ttl = loads()
            .map(|load| load.ttl)
            .find(|ttl| *ttl != Ttl::None)
            .map_or(Ttl::None, lasting);
        let pipeline = loads().map(|load| load.pipeline).max();
        Load {
            // Some of every space.
            scattered: !self.keys.spaces.is_empty(),
            until: Until::Count(count),
            clients: loads().map(|load| load.clients).max().unwrap_or(1),
            pipeline: pipeline.unwrap_or(1).max(PIPELINE),
            ttl,
            ..Load::of(vec![Operation::set(ttl != Ttl::None)], 0..self.keys.count)
        }
    }
}

/// The plan's directives and then the cell's.
#[must_use]
pub fn directives(plan: &Plan, cell: Option<&Cell>) -> Vec<Directive> {
    let own = cell
        .map(|cell| cell.directives.as_slice())
        .unwrap_or_default();
    plan.directives.iter().chain(own).cloned().collect()
}
