//! Replays: which trace, how fast, and what is sent for it.

use std::path::{Path, PathBuf};

use super::in_flight::InFlight;
use super::phases::bounded_duration;
use super::ttl::same_for_all;
use super::{Context, bounded};
use crate::workload::limits;
use crate::workload::plan::{
    Action, Effect, Follow, Load, Operation, Phase, Speed, TraceColumns, TraceFormat, TraceSource,
    Until, When,
};
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::Given;
use crate::workload::units::{self, Command, Plain, Time};
use crate::workload::words;
use crate::workload::written::{self, Format};

/// The operations that a replay counts by: those of traces of keys, and then those of whole commands by what they do.
const OPERATIONS: [(&str, Effect); 9] = [
    ("get", Effect::Read),
    ("set", Effect::Write),
    ("del", Effect::Delete),
    ("incr", Effect::Write),
    ("reads", Effect::Read),
    ("searches", Effect::Search),
    ("writes", Effect::Write),
    ("deletes", Effect::Delete),
    ("others", Effect::Other),
];

/// The load of a replay.
pub(super) fn replay(
    written: &written::Replay,
    place: Place,
    keys: u64,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Load {
    let format = format(written, place, problems);
    let recorded = TraceSource {
        file: file(&written.file, place, context, problems),
        speed: speed(&written.speed, &format, problems),
        format,
        prefix: String::new(),
    };
    let load = Load {
        until: until(written, problems),
        ttl: same_for_all(&written.ttl, problems),
        recorded: Some(Box::new(recorded)),
        ..Load::of(operations(written, problems), 0..keys)
    };
    let in_flight = InFlight {
        clients: &written.clients,
        pipeline: &written.pipeline,
        place,
    };
    in_flight.of(load, context, problems)
}

/// The trace; beside the workload, unless its path begins at the root.
fn file(
    written: &Given<Plain>,
    place: Place,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> PathBuf {
    match written.get() {
        Some((Plain(file), _)) if !file.trim().is_empty() => context.folder.join(Path::new(file)),
        given => {
            if !written.is_given() || given.is_some() {
                let place = written.place().unwrap_or(place);
                problems.push(Problem::new(
                    place,
                    "a replay needs its trace, as in file: traces/web.csv",
                ));
            }
            PathBuf::new()
        }
    }
}

fn format(written: &written::Replay, place: Place, problems: &mut Vec<Problem>) -> TraceFormat {
    let format = match written.format.get() {
        Some((Format::OracleGeneral, _)) => TraceFormat::OracleGeneral,
        Some((Format::Twitter, _)) => TraceFormat::Twitter,
        Some((Format::Ids, _)) => TraceFormat::Ids,
        Some((Format::Monitor, _)) => TraceFormat::Monitor,
        Some((Format::Csv, place)) => TraceFormat::Csv(columns(written, place, problems)),
        None => {
            if !written.format.is_given() {
                problems.push(Problem::new(place, "a replay needs the format of its trace: oracle_general, csv, twitter, ids or monitor"));
            }
            TraceFormat::Ids
        }
    };
    if let (Some(place), false) = (
        written.columns.place(),
        matches!(format, TraceFormat::Csv(_)),
    ) {
        problems.push(Problem::new(
            place,
            "only csv has columns with names; leave `columns` out, or write format: csv",
        ));
    }
    format
}

fn columns(written: &written::Replay, place: Place, problems: &mut Vec<Problem>) -> TraceColumns {
    let text = |given: &Given<Plain>| given.get().map(|(Plain(name), _)| name.clone());
    let columns = written.columns.get().map(|(columns, _)| columns);
    let key = columns.and_then(|columns| text(&columns.key));
    if key.is_none() && !written.columns.is_given() {
        problems.push(Problem::new(place, "csv needs the names of its columns, as in columns: { key: key, time: time, size: size }"));
    } else if let (None, Some(columns), Some(place)) = (&key, columns, written.columns.place())
        && !columns.key.is_given()
    {
        problems.push(Problem::new(
            place,
            "`key` is missing; write which column holds the keys",
        ));
    }
    TraceColumns {
        key: key.unwrap_or_default(),
        time: columns.and_then(|columns| text(&columns.time)),
        size: columns.and_then(|columns| text(&columns.size)),
        operation: columns.and_then(|columns| text(&columns.operation)),
        ttl: columns.and_then(|columns| text(&columns.ttl)),
    }
}

/// As recorded where times were, else as fast as possible.
fn speed(
    written: &Given<units::Speed>,
    format: &TraceFormat,
    problems: &mut Vec<Problem>,
) -> Speed {
    match written.get() {
        None if format.has_times() => Speed::Times(1.0),
        None | Some((units::Speed::Unpaced, _)) => Speed::Unpaced,
        Some((units::Speed::Times(times), place)) => {
            if !format.has_times() {
                problems.push(Problem::new(place, "this trace does not tell when requests were made; write as_fast_as_possible, or name its `time` column"));
            }
            if !(limits::SPEED.contains(times)) {
                let message = format!(
                    "a speed of {times}x; allowed are {}x to {}x",
                    limits::SPEED.start(),
                    limits::SPEED.end()
                );
                problems.push(Problem::new(place, message));
            }
            Speed::Times(*times)
        }
    }
}

/// As long as `for`, or as many as `limit`, or the whole trace.
fn until(written: &written::Replay, problems: &mut Vec<Problem>) -> Until {
    match (written.for_.get(), written.limit.place()) {
        (Some((Time(time), place)), None) => {
            Until::Elapsed(bounded_duration(*time, place, problems))
        }
        (Some((_, place)), Some(_)) => {
            problems.push(Problem::new(
                place,
                "`for` and `limit` say both when the replay ends; leave one out",
            ));
            Until::Count(u64::MAX)
        }
        (None, None) => Until::Count(u64::MAX),
        (None, Some(_)) => Until::Count(bounded(
            "limit",
            &written.limit,
            u64::MAX,
            1,
            limits::REQUESTS,
            problems,
        )),
    }
}

fn operations(written: &written::Replay, problems: &mut Vec<Problem>) -> Vec<Operation> {
    let follow = match written.on_miss.get() {
        Some((Command(command), _)) if command == "set" => Some(Follow {
            when: When::Miss,
            operation: 1,
        }),
        Some((Command(command), place)) if command != "nothing" => {
            problems.push(Problem::new(
                place,
                words::unknown("follower of a recorded read", command, &["nothing", "set"]),
            ));
            None
        }
        _ => None,
    };
    let counted = |(place, (name, effect)): (usize, (&str, Effect))| Operation {
        name: name.to_owned(),
        share: 0.0,
        effect,
        follow: follow.filter(|_| place == 0),
        ..Operation::get()
    };
    OPERATIONS.into_iter().enumerate().map(counted).collect()
}

/// The phases with what stands before the keys that traces name, and before channels, so that somebody else's are left alone.
pub(super) fn under(prefix: &str, mut phases: Vec<Phase>) -> Vec<Phase> {
    for phase in &mut phases {
        if let Action::Load(load) = &mut phase.action
            && let Some(recorded) = &mut load.recorded
        {
            recorded.prefix = prefix.to_owned();
        }
        if let Action::Load(load) = &mut phase.action
            && let Some(fan_out) = &mut load.fan_out
        {
            fan_out.channels.name.before.insert_str(0, prefix);
        }
    }
    phases
}
