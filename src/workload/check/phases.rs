//! Phases: what each sends, how much and how fast, and what it is called.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use super::in_flight::InFlight;
use super::keys::Keys;
use super::operations::operations;
use super::order::{Drawn, drawn};
use super::values::largest;
use super::{Context, bounded, fan_out, pace, replay, ttl};
use crate::workload::expect::PhaseFacts;
use crate::workload::limits;
use crate::workload::plan::{
    Action, Effect, KeyChoice, Load, Operation, Pace, Phase, Space as KeysOf, Until, Values,
};
use crate::workload::problem::{Place, Problem, is_meant};
use crate::workload::reader::{At, Given};
use crate::workload::units::{Command, Count, Name, Time};
use crate::workload::words;
use crate::workload::written::{self, Workload};

/// Names that expectations use for something else.
const RESERVED: [&str; 3] = ["survival", "read_back", "server"];

/// Phases of the plan, and what expectations must know of them.
pub(super) struct Phases {
    pub(super) plan: Vec<Phase>,
    pub(super) facts: Vec<PhaseFacts>,
}

/// The kinds of phases that send requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Save,
    Read,
    Flood,
    Mix,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Save => "save",
            Self::Read => "read",
            Self::Flood => "flood",
            Self::Mix => "mix",
        }
    }

    /// What is sent where the file does not say.
    fn usual(self) -> Option<&'static str> {
        match self {
            Self::Save | Self::Flood => Some("set"),
            Self::Read => Some("get"),
            Self::Mix => None,
        }
    }
}

/// What loads are checked against.
struct Space<'a> {
    keys: &'a Keys,
    largest_value: u64,
    /// Whether values are verified when they are read.
    verifies: bool,
}

pub(super) fn phases(
    written: &Workload,
    context: &Context<'_>,
    keys: &Keys,
    values: &Values,
    problems: &mut Vec<Problem>,
) -> Phases {
    let list = written
        .phases
        .get()
        .map_or(&[][..], |(list, _)| list.as_slice());
    let place = written.phases.place().unwrap_or(context.document);
    let is_told = is_meant("phases", problems)
        || (written.phases.is_given() && written.phases.get().is_none());
    if list.is_empty() && !is_told {
        problems.push(Problem::new(place, "`phases` is missing or empty; write what happens, as in phases: [ save: { keys: all } ]"));
    }
    let list = steps(list, problems);
    if list.len() > limits::PHASES {
        problems.push(Problem::new(
            place,
            format!("{} phases; allowed are {}", list.len(), limits::PHASES),
        ));
    }
    let space = Space {
        keys,
        largest_value: keys
            .spaces()
            .iter()
            .map(|space| largest(&space.values))
            .fold(largest(values), u64::max),
        verifies: values.are_verified(),
    };
    let names = names(&list, problems);
    let plan: Vec<Phase> = list
        .iter()
        .zip(names)
        .map(|(step, name)| Phase {
            action: action(step.phase, &name, &space, context, problems),
            beside: step.beside,
            name,
        })
        .collect();
    Phases {
        facts: plan
            .iter()
            .map(|phase| facts(phase, keys.spaces(), values))
            .collect(),
        plan,
    }
}

/// A phase, and whether it begins together with the one before.
#[derive(Clone, Copy)]
struct Step<'a> {
    phase: &'a At<written::Phase>,
    beside: bool,
}

/// The phases one after another, those of a `parallel` marked.
fn steps<'a>(list: &'a [At<written::Phase>], problems: &mut Vec<Problem>) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    for phase in list {
        match &phase.value {
            Some(written::Phase::Parallel(streams)) => {
                note_no_streams(streams, phase.place, problems);
                let beside = streams.iter().enumerate().map(|(index, phase)| Step {
                    phase,
                    beside: index > 0,
                });
                steps.extend(beside);
            }
            _ => steps.push(Step {
                phase,
                beside: false,
            }),
        }
    }
    steps
}

fn note_no_streams(streams: &[At<written::Phase>], place: Place, problems: &mut Vec<Problem>) {
    if streams.is_empty() {
        problems.push(Problem::new(place, "nothing stands in `parallel`; write the phases that run at the same time, as in parallel: [ mix: { … }, mix: { … } ]"));
    }
    for (phase, place) in streams.iter().filter_map(At::get) {
        let kind = match phase {
            written::Phase::Pause(_) => "a pause",
            written::Phase::Parallel(_) => "a second `parallel`",
            _ => continue,
        };
        problems.push(Problem::new(
            place,
            format!("{kind} in `parallel`; only save, read, flood, mix, replay and fan_out run at the same time"),
        ));
    }
}

/// What expressions must know of a phase.
pub(in crate::workload) fn facts(phase: &Phase, spaces: &[KeysOf], values: &Values) -> PhaseFacts {
    let name = phase.name.clone();
    let Action::Load(load) = &phase.action else {
        return PhaseFacts::of_pause(name);
    };
    let operations = load.operations.iter();
    PhaseFacts {
        name,
        loads: true,
        reads: reads(load),
        publishes: load.fan_out.is_some(),
        operations: operations.map(|one| one.name.clone()).collect(),
        spaces: spaces.iter().map(|space| space.name.clone()).collect(),
        verifies: values.are_verified()
            && load.recorded.is_none()
            && load.operations.iter().any(Operation::reads_value),
    }
}

/// Whether replies may be hits or misses.
fn reads(load: &Load) -> bool {
    load.operations
        .iter()
        .any(|operation| operation.effect.may_miss())
}

/// A name for each phase: its own, or its kind, made unique.
fn names(list: &[Step<'_>], problems: &mut Vec<Problem>) -> Vec<String> {
    let mut taken: BTreeSet<String> = RESERVED.map(str::to_owned).into();
    for (Name(name), place) in list.iter().filter_map(|step| kind_and_name(step.phase).1) {
        if !taken.insert(name.clone()) {
            let message = if RESERVED.contains(&name.as_str()) {
                format!(
                    "`{name}` means something else in expectations; give the phase another name"
                )
            } else {
                format!("the name `{name}` is taken by another phase; names must differ")
            };
            problems.push(Problem::new(place, message));
        }
    }
    list.iter()
        .map(|step| match kind_and_name(step.phase) {
            (_, Some((Name(name), _))) => name.clone(),
            (kind, None) => unique(kind, &mut taken),
        })
        .collect()
}

fn kind_and_name(phase: &At<written::Phase>) -> (&'static str, Option<(&Name, Place)>) {
    match &phase.value {
        Some(written::Phase::Save(load)) => (Kind::Save.name(), load.name.get()),
        Some(written::Phase::Read(load)) => (Kind::Read.name(), load.name.get()),
        Some(written::Phase::Flood(load)) => (Kind::Flood.name(), load.name.get()),
        Some(written::Phase::Mix(load)) => (Kind::Mix.name(), load.name.get()),
        Some(written::Phase::Replay(replay)) => ("replay", replay.name.get()),
        Some(written::Phase::FanOut(fan_out)) => ("fan_out", fan_out.name.get()),
        Some(written::Phase::Pause(pause)) => match &pause.value {
            Some(written::Pause::Named(pause)) => ("pause", pause.name.get()),
            _ => ("pause", None),
        },
        Some(written::Phase::Parallel(_)) | None => ("phase", None),
    }
}

fn unique(kind: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = kind.to_owned();
    let mut number = 1;
    while !taken.insert(name.clone()) {
        number += 1;
        name = format!("{kind}-{number}");
    }
    name
}

fn action(
    phase: &At<written::Phase>,
    name: &str,
    space: &Space<'_>,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Action {
    let (kind, load) = match &phase.value {
        Some(written::Phase::Save(load)) => (Kind::Save, load),
        Some(written::Phase::Read(load)) => (Kind::Read, load),
        Some(written::Phase::Flood(load)) => (Kind::Flood, load),
        Some(written::Phase::Mix(load)) => (Kind::Mix, load),
        Some(written::Phase::Replay(replay)) => {
            note_unsealed(space, phase.place, problems);
            let keys = space.keys.count.unwrap_or(1);
            return Action::Load(replay::replay(replay, phase.place, keys, context, problems));
        }
        Some(written::Phase::FanOut(written)) => {
            let place = (phase.place, name);
            return Action::Load(fan_out::fan_out(written, place, context, problems));
        }
        Some(written::Phase::Pause(pause)) => return Action::Pause(pause_time(pause, problems)),
        Some(written::Phase::Parallel(_)) | None => return Action::Pause(Duration::ZERO),
    };
    let place = (phase.place, name);
    Action::Load(self::load(kind, load, place, space, context, problems))
}

fn pause_time(pause: &At<written::Pause>, problems: &mut Vec<Problem>) -> Duration {
    match pause.get() {
        None => Duration::ZERO,
        Some((written::Pause::Time(Time(time)), place)) => bounded_duration(*time, place, problems),
        Some((written::Pause::Named(named), place)) => {
            if !named.for_.is_given() {
                problems.push(Problem::new(
                    place,
                    "a pause needs its length, as in pause: 5s or pause: { for: 5s }",
                ));
            }
            duration(&named.for_, problems).unwrap_or_default()
        }
    }
}

/// A duration within limits, where one is given.
pub(super) fn duration(given: &Given<Time>, problems: &mut Vec<Problem>) -> Option<Duration> {
    given
        .get()
        .map(|(Time(time), place)| bounded_duration(*time, place, problems))
}

pub(super) fn bounded_duration(
    time: Duration,
    place: Place,
    problems: &mut Vec<Problem>,
) -> Duration {
    if time > limits::DURATION {
        problems.push(Problem::new(
            place,
            format!(
                "{} is too long; allowed are 30d at the most",
                words::time(time)
            ),
        ));
    }
    time
}

fn load(
    kind: Kind,
    written: &written::Load,
    (place, name): (Place, &str),
    space: &Space<'_>,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Load {
    let Drawn {
        keys,
        order,
        scattered,
    } = drawn(written, space.keys, context.files, problems);
    let pace = pace::pace(&written.rate, problems);
    let ttl = ttl::ttl(&written.ttl, problems);
    let read_from = written.read_from.get().map(|(from, _)| *from);
    let in_flight = InFlight {
        clients: &written.clients,
        pipeline: &written.pipeline,
        place,
    };
    let operations = operations(
        kind.usual(),
        written,
        ttl,
        space.keys.spaces(),
        (place, name),
        problems,
    );
    let load = Load {
        until: until(
            kind,
            (&written.count, &written.for_),
            (place, name),
            (&keys, &pace),
            problems,
        ),
        order,
        scattered,
        pace,
        ttl,
        read_from: read_from.unwrap_or_default(),
        ..Load::of(operations, keys)
    };
    let load = in_flight.of(load, context, problems);
    note_what_never_happens(&load, written, name, problems);
    note_no_room(&load, written, space, problems);
    in_flight.note_too_much(&load, space.largest_value, problems);
    note_unverified(&load, written, space, problems);
    load
}

/// When a phase ends that is told `count`, `for` or neither.
pub(super) fn until(
    kind: Kind,
    (count, for_): (&Given<Count>, &Given<Time>),
    (place, name): (Place, &str),
    (keys, pace): (&Range<u64>, &Pace),
    problems: &mut Vec<Problem>,
) -> Until {
    let once = keys.end.saturating_sub(keys.start).max(1);
    match (count.get(), for_.get()) {
        (Some(_), Some((_, place))) => {
            problems.push(Problem::new(
                place,
                "`count` and `for` both say when the phase ends; leave one of them out",
            ));
            Until::Count(once)
        }
        (Some(_), None) => {
            Until::Count(bounded("count", count, once, 1, limits::REQUESTS, problems))
        }
        (None, Some((Time(time), place))) => {
            if time.is_zero() {
                problems.push(Problem::new(
                    place,
                    "a phase of no length sends nothing; write how long it lasts, as in for: 30s",
                ));
            }
            Until::Elapsed(bounded_duration(*time, place, problems))
        }
        (None, None) if matches!(pace, Pace::Profile(_)) => Until::Elapsed(pace::length(pace)),
        (None, None) => {
            if kind == Kind::Mix && !count.is_given() && !for_.is_given() {
                problems.push(Problem::new(
                    place,
                    format!("`{name}` would never end; write for: 30s or count: 100k"),
                ));
            }
            Until::Count(once)
        }
    }
}

/// Settings that would have no effect are mistakes about what the phase does.
fn note_what_never_happens(
    load: &Load,
    written: &written::Load,
    name: &str,
    problems: &mut Vec<Problem>,
) {
    if let (false, Some((Command(follower), place))) = (reads(load), written.on_miss.get())
        && follower != "nothing"
    {
        problems.push(Problem::new(place, format!("`{name}` reads nothing that could miss; leave `on_miss` out, or give it the operation get")));
    }
}

/// New keys are those of the key space behind the phase's.
fn note_no_room(load: &Load, written: &written::Load, space: &Space, problems: &mut Vec<Problem>) {
    let news = |operation: &&Operation| operation.key == KeyChoice::New;
    let behind = space.keys.behind(&load.keys);
    if let (Some(operation), Some(Range { end: count, .. })) =
        (load.operations.iter().find(news), behind)
        && load.keys.end >= count
    {
        let place = written.keys.place().or(written.operations.place());
        let message = format!(
            "`{}` inserts new keys behind those of the phase, and there are none: `keys` ends at {count}, the last there is; give the phase fewer, or raise `count`",
            operation.name
        );
        problems.push(Problem::new(place.unwrap_or_default(), message));
    }
}

/// What is verified is told of all that is read.
fn note_unverified(
    load: &Load,
    written: &written::Load,
    space: &Space<'_>,
    problems: &mut Vec<Problem>,
) {
    let reads_several = |operation: &&Operation| operation.effect == Effect::ReadMany;
    if let Some(operation) = load.operations.iter().find(reads_several)
        && space.verifies
    {
        let message = format!(
            "`{}` reads several values in one reply, and only those that get reads are verified; let it get, or leave `verify` out of `values`",
            operation.name
        );
        let place = written.operations.place().unwrap_or_default();
        problems.push(Problem::new(place, message));
    }
}

/// A replay may write keys that other phases read.
fn note_unsealed(space: &Space<'_>, place: Place, problems: &mut Vec<Problem>) {
    if space.verifies {
        let message = "values are verified, and those that a replay writes are as long as its trace says and cannot be; leave `verify` out of `values`";
        problems.push(Problem::new(place, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_unique() {
        let mut taken = BTreeSet::new();
        let names: Vec<String> = ["flood", "flood", "read", "flood"]
            .iter()
            .map(|kind| unique(kind, &mut taken))
            .collect();
        assert_eq!(names, ["flood", "flood-2", "read", "flood-3"]);
    }
}
