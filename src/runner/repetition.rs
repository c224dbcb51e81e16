//! One repetition of one cell: a server, the phases, the probe.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::chart::Chart;
use super::deeds;
use super::drawn::Drawing;
use super::recent::Recent;
use super::record::{Counters, Seen};
use super::threads::threads;
use super::traces;
use super::{Event, Extent, Progress, Run, RunError, Stop, record, warn};
use crate::drive::ledger::Ledger;
use crate::drive::touch::Touches;
use crate::drive::{Advance, Driven, Fault, Job, Known, Limits, Replaying, drive_together};
use crate::recording::model::Repetition;
use crate::survival::{lost, score};
use crate::target::capacity::directives;
use crate::target::{Running, TargetError};
use crate::traffic::stream::derive;
use crate::traffic::{KeyNames, slot};
use crate::workload::plan::{Action, Capacity, Directive, KeySpace, Load, Phase, Plan, Until};

/// Sets the embedded server's draws apart from those of the load.
pub(super) const SERVER_DRAWS: u64 = 0x5e_7e_d1;
/// How often a pause looks up.
const TICK: Duration = Duration::from_millis(100);

/// How a repetition ended.
pub(super) struct End {
    /// What was measured; nothing where the server did not come up.
    pub(super) repetition: Option<Repetition>,
    /// Why the run does not go on, if it does not.
    pub(super) stop: Option<Stop>,
}

/// A repetition under way.
struct Course {
    cell: usize,
    number: u32,
    server: Running,
    /// Times count from here.
    origin: Instant,
    known: Known,
    /// By phase, the requests that each worker of the drive drew and sent.
    taken: Vec<Vec<u64>>,
    /// Of a cluster, how requests spread over it.
    chart: Option<Chart>,
    repetition: Repetition,
}

impl Run<'_> {
    /// Runs repetition `number` of cell `cell`.
    pub(super) fn repetition(&mut self, cell: usize, number: u32) -> End {
        let mut course = match self.begin(cell, number) {
            Ok(course) => course,
            Err(stop) => {
                return End {
                    repetition: None,
                    stop: Some(stop),
                };
            }
        };
        let stop = self.watched(&mut course).err();
        End {
            repetition: Some(course.repetition),
            stop,
        }
    }

    /// Brings up the server.
    fn begin(&mut self, cell: usize, number: u32) -> Result<Course, Stop> {
        if self.interrupt.is_pulled() {
            return Err(Stop::Interrupted);
        }
        let mut directives = directives(self.plan, self.plan.cells.get(cell));
        if let Some(bytes) = self.maxmemory_bytes {
            directives.push(Directive {
                name: "maxmemory".to_owned(),
                value: bytes.to_string(),
            });
        }
        // All cells of a repetition meet the same chance.
        let seed = derive(self.plan.seed, &[SERVER_DRAWS, u64::from(number)]);
        let target = self.plan.target_of(self.plan.cells.get(cell));
        let mut server = Running::start(self.plan, &target, &directives, seed, self.interrupt)
            .map_err(|error| self.stop(error))?;
        let maxmemory_bytes = server.maxmemory().map_err(|error| self.stop(error))?;
        if self.server.is_none() {
            let described = server
                .describe(&self.plan.target)
                .map_err(|error| self.stop(error))?;
            self.observer.on(Event::Connected { server: &described });
            self.server = Some(described);
        }
        let label = self.label(cell);
        self.observer.on(Event::RepetitionBegan {
            cell,
            label: &label,
            repetition: number,
            repetitions: self.plan.repeat,
        });
        let repetition = Repetition {
            started_s: self.began.elapsed().as_secs_f64(),
            maxmemory_bytes,
            phases: Vec::new(),
            timeline: Vec::new(),
            events: Vec::new(),
            cluster: None,
            samples: Vec::new(),
            survival: None,
            read_back: None,
        };
        let count = self.plan.keys.count;
        let known = Known {
            touches: self.plan.survival.probe.then(|| Touches::new(count)),
            ledger: self.plan.read_back.then(|| Ledger::new(count)),
        };
        let origin = Instant::now();
        let map = server.access().cluster.clone();
        let chart = map.map(|map| Chart::new(map, origin));
        Ok(Course {
            cell,
            number,
            server,
            origin,
            known,
            taken: Vec::new(),
            chart,
            repetition,
        })
    }

    /// The phases under watch, and then the probe.
    fn watched(&mut self, course: &mut Course) -> Result<(), Stop> {
        let watch = course
            .server
            .watch(course.origin, self.plan.length_min())
            .map_err(|error| self.stop(error))?;
        let began_s = unix_s();
        let result = self.phases(course);
        course.repetition.samples = watch.stop();
        self.look_at_clock(course, began_s);
        keep_chart(course);
        result?;
        self.probe(course)?;
        self.read_back(course)?;
        self.draw_again(course);
        Ok(())
    }

    fn phases(&mut self, course: &mut Course) -> Result<(), Stop> {
        let mut index = 0;
        for together in self.plan.phases.chunk_by(|_, next| next.beside) {
            if index > 0 {
                self.wait(&mut course.server, self.plan.settle)?;
            }
            self.together(course, index, together)?;
            index += together.len();
        }
        Ok(())
    }

    /// Phases that begin together, the first of which has this index; nearly always one.
    fn together(
        &mut self,
        course: &mut Course,
        index: usize,
        phases: &[Phase],
    ) -> Result<(), Stop> {
        let names: Vec<&str> = phases.iter().map(|phase| phase.name.as_str()).collect();
        self.observer.on(Event::PhaseBegan {
            phase: index,
            name: &names.join(" + "),
            extent: extent(phases),
        });
        let result = match phases {
            [
                Phase {
                    name,
                    action: Action::Pause(length),
                    ..
                },
            ] => self.pause(course, name, *length),
            loads => self.load(course, index, loads),
        };
        let ended = (index..).zip(course.repetition.phases.iter().skip(index));
        for (phase, record) in ended {
            self.observer.on(Event::PhaseEnded { phase, record });
        }
        result
    }

    fn pause(&mut self, course: &mut Course, name: &str, length: Duration) -> Result<(), Stop> {
        let began = course.origin.elapsed();
        let result = self.wait(&mut course.server, length);
        let elapsed = course.origin.elapsed().saturating_sub(began);
        course.repetition.phases.extend(record::pause(
            name,
            began.as_secs_f64(),
            elapsed.as_secs_f64(),
        ));
        result
    }

    fn load(&mut self, course: &mut Course, index: usize, phases: &[Phase]) -> Result<(), Stop> {
        let Some(first) = phases.first() else {
            return Ok(());
        };
        let before = Counters::of(&mut course.server);
        let mut driven = self
            .drive(course, index, phases)
            .map_err(|fault| self.fault(course, &first.name, &fault))?;
        // Which of several streams made the server work cannot be told apart.
        let seen = match driven.len() {
            1 => before.until_now(&mut course.server),
            _ => Seen::default(),
        };
        if let Some(first) = driven.first_mut() {
            course.known = std::mem::take(&mut first.known);
        }
        let mut end = Ok(());
        for (index, (phase, driven)) in (index..).zip(phases.iter().zip(driven)) {
            let ended = self.keep_phase(course, index, phase, driven, seen.clone());
            end = end.and(ended);
        }
        end
    }

    /// Records what a phase left; how it ended.
    fn keep_phase(
        &mut self,
        course: &mut Course,
        index: usize,
        phase: &Phase,
        driven: Driven,
        seen: Seen,
    ) -> Result<(), Stop> {
        let Action::Load(load) = &phase.action else {
            return Ok(());
        };
        let record = record::phase(&phase.name, load, &self.plan.keys, &driven, seen);
        let intervals = &driven.measured.intervals;
        course.repetition.timeline.extend(record::timeline(
            index,
            intervals,
            driven.began_ns,
            driven.ended_ns,
        ));
        self.warn(warn::phase(&self.label(course.cell), &record));
        course.repetition.phases.push(record);
        course.taken.resize(index, Vec::new());
        course.taken.push(driven.taken);
        match driven.fault {
            Some(fault) => Err(self.fault(course, &phase.name, &fault)),
            None if driven.interrupted => Err(Stop::Interrupted),
            None => Ok(()),
        }
    }

    fn drive(
        &mut self,
        course: &mut Course,
        index: usize,
        phases: &[Phase],
    ) -> Result<Vec<Driven>, Fault> {
        let (known, mut chart) = (std::mem::take(&mut course.known), course.chart.take());
        let loads = (index..)
            .zip(phases)
            .filter_map(|(number, phase)| match &phase.action {
                Action::Load(load) => Some((number, load)),
                Action::Pause(_) => None,
            });
        let mut jobs: Vec<Job<'_>> = loads
            .map(|(number, load)| job(self.plan, course, number, load))
            .collect();
        let replays = jobs.iter().map(replaying).collect::<Result<Vec<_>, _>>()?;
        for (job, replay) in jobs.iter_mut().zip(&replays) {
            job.replay = replay.as_ref();
        }
        let (observer, mut recent) = (&mut *self.observer, Recent::default());
        if let Some(chart) = &mut chart {
            chart.begin();
        }
        let mut progress = |now: &Advance| {
            if let Some(chart) = &mut chart {
                chart.look();
            }
            observer.on(Event::Progress(&recent.progress(now)));
        };
        let (end, origin, hand) = (index + phases.len(), course.origin, course.server.hand());
        let events = self.plan.events.iter();
        let events = events.filter(|event| (index..end).contains(&event.phase));
        let (driven, done) = deeds::meanwhile(hand.as_ref(), events, origin, || {
            drive_together(&jobs, known, self.interrupt, &mut progress)
        });
        if let Some(chart) = &mut chart {
            chart.end(index);
        }
        course.chart = chart;
        course.repetition.events.extend(done);
        for replay in replays.iter().flatten() {
            self.warn(warn::left_out(&replay.left_out()));
        }
        driven
    }

    /// Tells for every phase what was drawn in it.
    fn draw_again(&self, course: &mut Course) {
        let held = course.repetition.samples.iter().map(|sample| sample.keys);
        let asked = match self.plan.capacity {
            // The values of a trace have sizes of their own, so that another number of keys fits.
            Capacity::Keys(keys) if !replays(self.plan) => keys,
            Capacity::Keys(_) | Capacity::AsConfigured | Capacity::Bytes(_) => 0,
        };
        let room = held.fold(asked, u64::max);
        let mut drawing = Drawing::new(room, self.plan.keys.count);
        for (index, phase) in self.plan.phases.iter().enumerate() {
            if phase.beside
                || self
                    .plan
                    .phases
                    .get(index + 1)
                    .is_some_and(|next| next.beside)
            {
                drawing.suppose_all();
            }
            if let (Action::Load(load), Some(taken), false) = (
                &phase.action,
                course.taken.get(index),
                self.interrupt.is_pulled(),
            ) && load.fan_out.is_none()
            {
                let drawn = drawing.phase(&job(self.plan, course, index, load), taken);
                if let Some(key) = drawing.hottest() {
                    name_hottest(&mut course.repetition, &self.plan.keys, index, key);
                }
                if let Some(record) = course.repetition.phases.get_mut(index) {
                    record.drawn = Some(drawn);
                }
            }
        }
    }

    /// Lets `length` pass: at once on a virtual clock, else by waiting.
    fn wait(&mut self, server: &mut Running, length: Duration) -> Result<(), Stop> {
        if length.is_zero() || server.advance(length) {
            return Ok(());
        }
        let began = Instant::now();
        while began.elapsed() < length {
            if self.interrupt.is_pulled() {
                return Err(Stop::Interrupted);
            }
            thread::sleep(TICK.min(length.saturating_sub(began.elapsed())));
            let elapsed_s = began.elapsed().as_secs_f64();
            self.observer.on(Event::Progress(&Progress {
                elapsed_s,
                ..Progress::default()
            }));
        }
        Ok(())
    }

    /// Asks which keys are still there.
    fn probe(&mut self, course: &mut Course) -> Result<(), Stop> {
        let Some(touches) = course.known.touches.take() else {
            return Ok(());
        };
        let present = course
            .server
            .present(self.interrupt)
            .map_err(|error| match error {
                TargetError::Drive(fault) => self.fault(course, "survival probe", &fault),
                other => self.stop(other),
            })?;
        let survival = score(touches.keys(), &present, &self.plan.survival.groups);
        let (cell, repetition) = (course.cell, course.number);
        self.observer.on(Event::Probed {
            cell,
            repetition,
            survival: &survival,
        });
        course.repetition.survival = Some(survival);
        Ok(())
    }

    /// Reads back what was acknowledged.
    fn read_back(&mut self, course: &mut Course) -> Result<(), Stop> {
        let Some(ledger) = course.known.ledger.take() else {
            return Ok(());
        };
        let keys = lost::promised(&ledger);
        let found = course
            .server
            .read_back(&keys, self.interrupt)
            .map_err(|fault| self.fault(course, "read back", &fault))?;
        let evicts = course.repetition.maxmemory_bytes > 0;
        course.repetition.read_back = Some(lost::judge(&ledger, &keys, &found, evicts));
        Ok(())
    }

    /// What a fault means for the run, with the place and what is known of the server's end.
    fn fault(&self, course: &mut Course, phase: &str, fault: &Fault) -> Stop {
        if self.interrupt.is_pulled() {
            return Stop::Interrupted;
        }
        let place = format!(
            "`{phase}` of `{}`, repetition {}",
            self.label(course.cell),
            course.number + 1
        );
        let end = course
            .server
            .post_mortem()
            .map(|end| format!("\n{end}"))
            .unwrap_or_default();
        Stop::Failed(RunError::Target(format!("{place}: {fault}{end}")))
    }

    /// Whether the server's clock was in the way of what was asked.
    fn look_at_clock(&mut self, course: &Course, began_s: u64) {
        if course.server.has_virtual_clock() || course.repetition.maxmemory_bytes == 0 {
            return;
        }
        let phases = &course.repetition.phases;
        let end_s = phases
            .iter()
            .map(|phase| phase.started_s + phase.elapsed_s)
            .fold(0.0, f64::max);
        let warnings = warn::Clocked {
            cell: &self.label(course.cell),
            directives: &directives(self.plan, self.plan.cells.get(course.cell)),
            span: Duration::from_secs_f64(end_s),
            wall_s: (began_s, unix_s()),
        }
        .warnings();
        self.warn(warnings);
    }

    fn label(&self, cell: usize) -> String {
        self.plan
            .cells
            .get(cell)
            .map(|cell| cell.label.clone())
            .unwrap_or_default()
    }
}

/// What was counted of a cluster belongs to the recording, however the phases ended.
fn keep_chart(course: &mut Course) {
    let hand = course.server.hand();
    let name = |node: SocketAddr| {
        let known = hand.as_ref().and_then(|hand| hand.name(node));
        known.unwrap_or_else(|| node.to_string())
    };
    course.repetition.cluster = course.chart.take().map(|chart| chart.record(name));
}

/// Names the hottest key of a phase where it is in the hottest slot.
fn name_hottest(repetition: &mut Repetition, keys: &KeySpace, phase: usize, key: u64) {
    let mut name = Vec::new();
    KeyNames::new(keys).append(key, &mut name);
    let slots = repetition
        .cluster
        .iter_mut()
        .flat_map(|load| &mut load.hottest);
    for hot in slots.filter(|hot| hot.phase == phase && hot.slot == slot::of_key(&name)) {
        hot.key = Some(String::from_utf8_lossy(&name).into_owned());
    }
}

/// What is to be driven in phase `index`.
fn job<'a>(plan: &'a Plan, course: &'a Course, index: usize, load: &'a Load) -> Job<'a> {
    let (keys, values) = plan.subjects_of(load);
    Job {
        access: course.server.access(),
        load,
        replay: None,
        keys,
        values,
        seed: plan.seed,
        repetition: u64::from(course.number),
        phase: index as u64,
        workers: threads(plan),
        limits: Limits::of(&plan.timeouts),
        origin: course.origin,
    }
}

/// How far phases that begin together go.
fn extent(phases: &[Phase]) -> Extent {
    let one = |phase: &Phase| match &phase.action {
        Action::Pause(length) => Extent::Pause(length.as_secs_f64()),
        Action::Load(load) => match load.until {
            // A trace ends where it ends.
            Until::Count(u64::MAX) => Extent::Requests(0),
            Until::Count(count) => Extent::Requests(count),
            Until::Elapsed(length) => Extent::Seconds(length.as_secs_f64()),
        },
    };
    let both = |a, b| match (a, b) {
        (Extent::Requests(a), Extent::Requests(b)) => Extent::Requests(a.saturating_add(b)),
        (Extent::Seconds(a), Extent::Seconds(b)) => Extent::Seconds(a.max(b)),
        (Extent::Seconds(length), _) | (_, Extent::Seconds(length)) => Extent::Seconds(length),
        (other, _) => other,
    };
    phases
        .iter()
        .map(one)
        .reduce(both)
        .unwrap_or(Extent::Requests(0))
}

/// Whether any phase replays a trace.
fn replays(plan: &Plan) -> bool {
    let is_recorded =
        |phase: &Phase| matches!(&phase.action, Action::Load(load) if load.recorded.is_some());
    plan.phases.iter().any(is_recorded)
}

/// The trace that `job` replays, if it does.
fn replaying(job: &Job<'_>) -> Result<Option<Replaying>, Fault> {
    let Some(recorded) = &job.load.recorded else {
        return Ok(None);
    };
    let trace = traces::open(recorded).map_err(Fault::Trace)?;
    Ok(Some(Replaying::new(trace, recorded, job)))
}

fn unix_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
