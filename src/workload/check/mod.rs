//! Every rule: the workload as written becomes the plan as meant, or a list of problems.
//!
//! Each function notes what is wrong and goes on with something harmless, so that one mistake does not hide the others; a plan
//! comes out only where nothing was noted.

mod access;
mod compare;
mod events;
mod expectations;
mod fan_out;
mod in_flight;
mod keys;
mod operations;
mod order;
mod pace;
mod phases;
mod read_back;
mod replay;
mod survival;
mod target;
mod ttl;
mod values;

pub(super) use expectations::asks_for_survival;
pub(super) use phases::facts;

use std::path::PathBuf;

use super::files::Files;
use super::limits;
use super::plan::{Capacity, Plan, Threads};
use super::problem::{Place, Problem};
use super::reader::Given;
use super::target::Driven;
use super::units::{self, Count, Name, Size};
use super::words;
use super::written::{self, Permission, Workload};

/// What the checker must know besides the file.
pub(super) struct Context<'a> {
    /// The files that it names.
    pub(super) files: &'a Files<'a>,
    /// Where the document begins, for what is missing in it.
    pub(super) document: Place,
    /// The folder that files are named from.
    pub(super) folder: PathBuf,
    /// The name of a workload that gives itself none.
    pub(super) name: String,
    /// Clients of every phase that sends requests, from the command line.
    pub(super) clients: Option<u32>,
    /// The target from the command line, and what it permits.
    pub(super) target: Option<(Driven, Vec<Permission>, Place)>,
}

/// Checks `written`; the plan counts only where nothing was added to `problems`.
pub(super) fn check(
    written: &Workload,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Plan {
    let name = written
        .name
        .get()
        .map_or(context.name.clone(), |(Name(name), _)| name.clone());
    let values = values::values(&written.values, context, problems);
    let keys = keys::keys(written, context, &values, problems);
    let settle = phases::duration(&written.settle, problems).unwrap_or_default();
    let phases = phases::phases(written, context, &keys, &values, problems);
    let (target, directives) = target::target(&written.target, context, &phases.plan, problems);
    let cells = compare::cells(&written.compare, &target, problems);
    let events = events::events(written, &target, &cells, context, &phases.plan, problems);
    let notes = events::notes(&written.events, &events);
    let prefix = target::prefix(&target, &name);
    let capacity = capacity(&written.capacity, problems);
    let mut survival = survival::survival(&written.survival, &keys, problems);
    let repeat = bounded("repeat", &written.repeat, 1, 1, limits::REPEAT, problems) as u32;
    let expect =
        expectations::expectations(&written.expect, &cells, &phases.facts, &survival, problems);
    survival.probe |= expect.iter().any(expectations::asks_for_survival);
    survival::note_too_many(&survival, keys.count, written, context, problems);
    let mut plan = Plan {
        question: written
            .question
            .get()
            .map_or_else(String::new, |(question, _)| question.0.clone()),
        seed: written.seed.get().map_or(42, |(Count(seed), _)| *seed),
        keys: keys.under(&prefix),
        target,
        timeouts: access::timeouts(&written.timeouts, problems),
        threads: threads(&written.threads, problems),
        name,
        directives,
        capacity,
        values,
        settle,
        events,
        phases: replay::under(&prefix, phases.plan),
        read_back: false,
        survival,
        cells,
        repeat,
        expect,
        notes,
    };
    read_back::decide(&mut plan, written, problems);
    compare::note_conflicts(&plan, written, problems);
    target::note_missing_permissions(&plan, written, context, problems);
    target::note_what_a_cluster_cannot(&plan, written, context, problems);
    plan
}

fn capacity(written: &Given<written::Capacity>, problems: &mut Vec<Problem>) -> Capacity {
    match written.get() {
        None | Some((written::Capacity::AsConfigured, _)) => Capacity::AsConfigured,
        Some((written::Capacity::Keys(keys), _)) => Capacity::Keys(bounded(
            "keys",
            &Given(Some(keys.clone())),
            1,
            1,
            limits::KEYS,
            problems,
        )),
        Some((written::Capacity::Bytes(size), _)) => {
            let bytes = size.get().map_or(1, |(Size(bytes), _)| *bytes);
            if !(1..=limits::CAPACITY_BYTES).contains(&bytes) {
                let most = words::bytes(limits::CAPACITY_BYTES);
                let message = format!(
                    "`bytes` is {bytes}; allowed are 1b to {most} (for no limit, leave `capacity` out)"
                );
                problems.push(Problem::new(size.place, message));
            }
            Capacity::Bytes(bytes)
        }
    }
}

fn threads(written: &Given<units::Threads>, problems: &mut Vec<Problem>) -> Threads {
    let Some((units::Threads::Fixed(count), place)) = written.get() else {
        return Threads::Auto;
    };
    if !(1..=limits::THREADS).contains(count) {
        let most = limits::THREADS;
        let message = format!("`threads` is {count}; allowed are 1 to {most}, or auto");
        problems.push(Problem::new(place, message));
    }
    Threads::Fixed(u32::try_from(*count).unwrap_or(1))
}

/// A count from `least` to `most`, or its default.
fn bounded(
    key: &str,
    given: &Given<Count>,
    default: u64,
    least: u64,
    most: u64,
    problems: &mut Vec<Problem>,
) -> u64 {
    match given.get() {
        Some((Count(found), place)) if !(least..=most).contains(found) => {
            problems.push(Problem::new(
                place,
                format!("`{key}` is {found}; allowed are {least} to {most}"),
            ));
            default
        }
        Some((Count(found), _)) => *found,
        None => default,
    }
}
