//! An A/B: two targets up at once, and the baseline a second time, which take turns under one load until a decision can be
//! made.
//!
//! Every launch brings up fresh servers and plays the phases before the measured one on each. What the first seconds measure
//! is dropped; a pair is a second in which the baseline and the candidate had the same share.

use std::time::{Duration, Instant};

use super::repetition::SERVER_DRAWS;
use super::{Interrupt, RunError, machine};
use crate::drive::{Access, Fault, Job, Known, Limits, Turn, Turns, drive};
use crate::gate::Contested;
use crate::gate::pairs::{Decision, Figures, Pair, decide, next_look};
use crate::recording::model::Server;
use crate::target::capacity::{calibrate, directives};
use crate::target::{self, Running, TargetError};
use crate::traffic::Stream;
use crate::traffic::stream::derive;
use crate::workload::plan::{Action, Capacity, Directive, Load, Pace, Plan, Target, Until};

/// Pairs in a launch: three launches are the first look.
const PAIRS_A_LAUNCH: usize = 10;
/// A slice is so many times the median latency, at least: else it would measure how slices begin and end.
const SLICE_IN_MEDIANS: u64 = 10;
/// Sets who goes first apart from the load's draws.
const ORDER_DRAWS: u64 = 0x0a_0b;

/// What is to be compared, and how long is measured.
#[derive(Debug, Clone, Copy)]
pub struct Contest<'a> {
    /// What the candidate is held against.
    pub baseline: &'a Plan,
    /// The same workload on another target.
    pub candidate: &'a Plan,
    /// Index of the cell whose directives are in force on both.
    pub cell: usize,
    /// Index of the phase that is measured; those before it are played once on each server.
    pub phase: usize,
    /// How long is measured.
    pub timing: Timing,
}

/// How long is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long one server has its turn, at least.
    pub slice: Duration,
    /// How long the baseline and the candidate have together in a pair.
    pub pair: Duration,
    /// How long is driven before anything counts, in every launch.
    pub warm_up: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            slice: Duration::from_millis(5),
            pair: Duration::from_secs(1),
            warm_up: Duration::from_secs(2),
        }
    }
}

/// What a contest tells while it is going on.
#[derive(Debug, Clone, Copy)]
pub enum Course<'a> {
    /// Servers are being started.
    Launching {
        /// Which launch, from 0.
        launch: usize,
    },
    /// A pair was measured.
    Measured {
        /// How many there are.
        pairs: usize,
        /// How many there will be before the next look.
        wanted: usize,
    },
    /// It was looked whether a decision can be made.
    Looked(&'a Decision),
}

/// Runs it until a decision can be made or there have been enough pairs.
///
/// # Errors
///
/// Where a target is not permitted, cannot be started or breaks, and when `interrupt` is pulled.
pub fn contest(
    contest: &Contest<'_>,
    observer: &mut dyn FnMut(Course<'_>),
    interrupt: &Interrupt,
) -> Result<Contested, RunError> {
    let mut arena = Arena::new(contest, observer, interrupt)?;
    loop {
        let wanted = next_look(arena.pairs.len()).unwrap_or(arena.pairs.len());
        while arena.pairs.len() < wanted {
            arena.launch(wanted)?;
        }
        let decision = decide(&arena.pairs);
        (arena.observer)(Course::Looked(&decision));
        if !decision.wants_more() || next_look(arena.pairs.len()).is_none() {
            return arena.close(decision);
        }
    }
}

struct Arena<'a> {
    contest: &'a Contest<'a>,
    observer: &'a mut dyn FnMut(Course<'_>),
    interrupt: &'a Interrupt,
    /// The phase that is measured, without pace and end.
    load: Load,
    maxmemory_bytes: Option<u64>,
    slice: Duration,
    launches: usize,
    servers: Option<(Server, Server)>,
    pairs: Vec<Pair>,
}

/// The servers of a launch.
struct Sides {
    baseline: Running,
    /// None where the baseline is an endpoint, which there is once: it is then connected to twice.
    again: Option<Running>,
    candidate: Running,
}

impl Sides {
    fn each(&mut self) -> [Option<&mut Running>; 3] {
        [
            Some(&mut self.baseline),
            self.again.as_mut(),
            Some(&mut self.candidate),
        ]
    }

    fn accesses(&self) -> [Access; 3] {
        let again = self.again.as_ref().unwrap_or(&self.baseline);
        [&self.baseline, again, &self.candidate].map(|side| side.access().clone())
    }
}

impl<'a> Arena<'a> {
    fn new(
        contest: &'a Contest<'a>,
        observer: &'a mut dyn FnMut(Course<'_>),
        interrupt: &'a Interrupt,
    ) -> Result<Self, RunError> {
        for plan in [contest.baseline, contest.candidate] {
            target::permit(plan).map_err(failed)?;
        }
        let load = measured_load(contest).ok_or_else(|| {
            RunError::NotAllowed(
                "the phase to be measured sends nothing or is a fan_out, or a trace is replayed by then; name another with --phase"
                    .to_owned(),
            )
        })?;
        let mut arena = Self {
            contest,
            observer,
            interrupt,
            load,
            maxmemory_bytes: None,
            slice: contest.timing.slice,
            launches: 0,
            servers: None,
            pairs: Vec::new(),
        };
        arena.maxmemory_bytes = arena.limit()?;
        Ok(arena)
    }

    /// The memory limit that both get, found on the baseline where it must be found.
    fn limit(&self) -> Result<Option<u64>, RunError> {
        let baseline = self.contest.baseline;
        match baseline.capacity {
            Capacity::AsConfigured => Ok(None),
            Capacity::Bytes(bytes) => Ok(Some(bytes)),
            Capacity::Keys(keys) => calibrate(baseline, keys, self.interrupt)
                .map(|found| Some(found.maxmemory_bytes))
                .map_err(|error| self.stop(error)),
        }
    }

    /// Fresh servers, and as many pairs as a launch has or as are missing to `wanted`.
    fn launch(&mut self, wanted: usize) -> Result<(), RunError> {
        (self.observer)(Course::Launching {
            launch: self.launches,
        });
        let mut sides = self.start()?;
        self.prepare(&mut sides)?;
        let accesses = sides.accesses();
        let jobs: Vec<Job<'_>> = accesses
            .iter()
            .map(|access| self.job(access, self.contest.phase, &self.load))
            .collect();
        let draws = Stream::new(
            derive(self.contest.baseline.seed, &[ORDER_DRAWS]),
            self.launches as u64,
            0,
            0,
        );
        let mut turns = Turns::open(&jobs, draws).map_err(|fault| self.fault(&fault))?;
        drop(jobs);
        self.warm_up(&mut turns)?;
        let last = wanted.min(self.pairs.len() + PAIRS_A_LAUNCH);
        while self.pairs.len() < last {
            let pair = self.pair(&mut turns, &mut sides)?;
            self.pairs.push(pair);
            (self.observer)(Course::Measured {
                pairs: self.pairs.len(),
                wanted,
            });
        }
        self.launches += 1;
        Ok(())
    }

    fn start(&mut self) -> Result<Sides, RunError> {
        let contest = self.contest;
        let baseline = self.start_one(contest.baseline)?;
        let again = match contest.baseline.target {
            Target::Endpoint(_) => None,
            _ => Some(self.start_one(contest.baseline)?),
        };
        let candidate = self.start_one(contest.candidate)?;
        let mut sides = Sides {
            baseline,
            again,
            candidate,
        };
        if self.servers.is_none() {
            let one = sides
                .baseline
                .describe(&contest.baseline.target)
                .map_err(failed)?;
            let other = sides
                .candidate
                .describe(&contest.candidate.target)
                .map_err(failed)?;
            self.servers = Some((one, other));
        }
        Ok(sides)
    }

    fn start_one(&self, plan: &Plan) -> Result<Running, RunError> {
        let cell = plan.cells.get(self.contest.cell);
        let (target, mut directives) = (plan.target_of(cell), directives(plan, cell));
        directives.extend(self.maxmemory_bytes.map(|bytes| Directive {
            name: "maxmemory".to_owned(),
            value: bytes.to_string(),
        }));
        let seed = derive(plan.seed, &[SERVER_DRAWS, self.launches as u64]);
        Running::start(plan, &target, &directives, seed, self.interrupt)
            .map_err(|error| self.stop(error))
    }

    /// Plays the phases before the measured one.
    fn prepare(&self, sides: &mut Sides) -> Result<(), RunError> {
        let plan = self.contest.baseline;
        for (index, phase) in plan.phases.iter().enumerate().take(self.contest.phase) {
            match &phase.action {
                Action::Pause(length) => self.wait(sides, *length)?,
                Action::Load(load) => {
                    for side in sides.each().into_iter().flatten() {
                        self.play(side, index, load)?;
                    }
                }
            }
            self.wait(sides, plan.settle)?;
        }
        Ok(())
    }

    fn play(&self, side: &Running, index: usize, load: &Load) -> Result<(), RunError> {
        let job = self.job(side.access(), index, load);
        let driven = drive(&job, Known::default(), self.interrupt, &mut |_| ())
            .map_err(|fault| self.fault(&fault))?;
        match driven.fault {
            Some(fault) => Err(self.fault(&fault)),
            None if driven.interrupted => Err(RunError::Interrupted),
            None => Ok(()),
        }
    }

    fn wait(&self, sides: &mut Sides, length: Duration) -> Result<(), RunError> {
        let mut real = false;
        for side in sides.each().into_iter().flatten() {
            real |= !length.is_zero() && !side.advance(length);
        }
        if real && self.interrupt.wait(length) {
            return Err(RunError::Interrupted);
        }
        Ok(())
    }

    /// Drives before anything counts, and finds out how long a slice must be.
    fn warm_up(&mut self, turns: &mut Turns) -> Result<(), RunError> {
        let rounds = rounds(self.contest.timing.warm_up / 3, self.slice);
        let warm = turns
            .play(self.slice, rounds, self.interrupt)
            .map_err(|fault| self.fault(&fault))?;
        let medians = warm.iter().map(|turn| turn.latency.value_at_quantile(0.5));
        let least = medians.max().unwrap_or(0).saturating_mul(SLICE_IN_MEDIANS);
        self.slice = self.slice.max(Duration::from_nanos(least));
        Ok(())
    }

    fn pair(&self, turns: &mut Turns, sides: &mut Sides) -> Result<Pair, RunError> {
        let rounds = rounds(self.contest.timing.pair / 2, self.slice);
        let played = turns
            .play(self.slice, rounds, self.interrupt)
            .map_err(|fault| self.fault(&fault))?;
        let memory = sides
            .each()
            .map(|side| Some(side?.control().watched_info().ok()?.count("used_memory")));
        match (played.as_slice(), memory) {
            ([baseline, again, candidate], [of_baseline, of_again, of_candidate]) => Ok(Pair {
                baseline: figures(baseline, of_baseline),
                again: figures(again, of_again.or(of_baseline)),
                candidate: figures(candidate, of_candidate),
            }),
            _ => Err(self.fault(&Fault::Panicked)),
        }
    }

    fn job<'b>(&'b self, access: &'b Access, phase: usize, load: &'b Load) -> Job<'b> {
        let plan = self.contest.baseline;
        let (keys, values) = plan.subjects_of(load);
        Job {
            access,
            load,
            replay: None,
            keys,
            values,
            seed: plan.seed,
            repetition: self.launches as u64,
            phase: phase as u64,
            workers: 1,
            limits: Limits::of(&plan.timeouts),
            origin: Instant::now(),
        }
    }

    fn close(self, decision: Decision) -> Result<Contested, RunError> {
        let plan = self.contest.baseline;
        let (baseline, candidate) = self.servers.ok_or(RunError::Interrupted)?;
        Ok(Contested {
            baseline,
            candidate,
            machine: machine::machine(),
            phase: plan
                .phases
                .get(self.contest.phase)
                .map_or_else(String::new, |phase| phase.name.clone()),
            cell: plan
                .cells
                .get(self.contest.cell)
                .map_or_else(String::new, |cell| cell.label.clone()),
            slice_s: self.slice.as_secs_f64(),
            decision,
            pairs: self.pairs,
        })
    }

    /// What an error means: an interrupt shows as one, too.
    fn stop(&self, error: TargetError) -> RunError {
        if self.interrupt.is_pulled() {
            RunError::Interrupted
        } else {
            failed(error)
        }
    }

    fn fault(&self, fault: &Fault) -> RunError {
        if self.interrupt.is_pulled() {
            RunError::Interrupted
        } else {
            RunError::Target(fault.to_string())
        }
    }
}

fn failed(error: TargetError) -> RunError {
    match error {
        TargetError::NotAllowed(why) => RunError::NotAllowed(why),
        other => RunError::Target(other.to_string()),
    }
}

fn measured_load(contest: &Contest<'_>) -> Option<Load> {
    let mut until = contest.baseline.phases.iter().take(contest.phase + 1);
    if until.any(|phase| matches!(&phase.action, Action::Load(load) if load.recorded.is_some())) {
        return None;
    }
    match &contest.baseline.phases.get(contest.phase)?.action {
        // Without its subscribers a fan-out would be none.
        Action::Load(load) if load.fan_out.is_some() => None,
        Action::Load(load) => Some(Load {
            pace: Pace::Closed,
            until: Until::Count(u64::MAX),
            ..load.clone()
        }),
        Action::Pause(_) => None,
    }
}

/// How many slices make up `length`.
fn rounds(length: Duration, slice: Duration) -> u32 {
    let rounds = (length.as_secs_f64() / slice.as_secs_f64().max(1e-6)).ceil();
    (rounds as u32).max(1)
}

fn figures(turn: &Turn, used_memory_bytes: Option<u64>) -> Figures {
    let at = |quantile| turn.latency.value_at_quantile(quantile) as f64 * 1e-9;
    Figures {
        throughput: turn.counts.operations as f64 / (turn.active_ns as f64 * 1e-9).max(1e-9),
        mean_s: turn.latency.mean() * 1e-9,
        p50_s: at(0.5),
        p99_s: at(0.99),
        used_memory_bytes: used_memory_bytes.filter(|bytes| *bytes > 0),
    }
}
