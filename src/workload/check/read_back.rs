//! Whether acknowledged writes are read back after the last phase.

use super::expectations::asks_for_read_back;
use super::values::smallest;
use crate::workload::limits;
use crate::workload::plan::{Action, Capacity, Filler, Load, Plan, Values};
use crate::workload::problem::Problem;
use crate::workload::units::Flag;
use crate::workload::words;
use crate::workload::written::Workload;

/// Has the plan read back what it writes where that is asked for; where nothing is said, if there are events and it can be
/// done. Values are sealed then: a seal tells which write they are of.
pub(super) fn decide(plan: &mut Plan, written: &Workload, problems: &mut Vec<Problem>) {
    let said = written.read_back.get().map(|(Flag(said), _)| *said);
    let is_expected = plan.expect.iter().any(asks_for_read_back);
    let place = match (said, is_expected) {
        (Some(false), true) => {
            let message =
                "`read_back` is false, and an expectation asks for it; leave one of them out";
            let place = written.read_back.place().unwrap_or_default();
            problems.push(Problem::new(place, message));
            return;
        }
        (Some(false), false) => return,
        (Some(true), _) => written.read_back.place(),
        (None, true) => written.expect.place(),
        (None, false) if plan.events.is_empty() => return,
        (None, false) => None,
    };
    match (obstacle(plan), place) {
        (None, _) => {
            plan.read_back = true;
            seal(plan);
        }
        (Some(why), Some(place)) => {
            let message = format!("what is acknowledged cannot be read back: {why}");
            problems.push(Problem::new(place, message));
        }
        (Some(why), None) => plan.notes.push(format!(
            "what is acknowledged is not read back: {why} (or write read_back: false)"
        )),
    }
}

/// All values that there are.
fn values(plan: &Plan) -> impl Iterator<Item = &Values> {
    let spaces = plan.keys.spaces.iter().map(|space| &space.values);
    std::iter::once(&plan.values)
        .filter(|_| plan.keys.spaces.is_empty())
        .chain(spaces)
}

fn loads(plan: &Plan) -> impl Iterator<Item = &Load> {
    plan.phases.iter().filter_map(|phase| match &phase.action {
        Action::Load(load) => Some(load),
        Action::Pause(_) => None,
    })
}

/// Why it cannot be done, and what to change.
fn obstacle(plan: &Plan) -> Option<String> {
    let is_template = values(plan).any(|values| matches!(values, Values::Template(_)));
    let sizes = values(plan).filter_map(|values| match values {
        Values::Sized(filler) => Some(smallest(&filler.sizes)),
        Values::Template(_) => None,
    });
    let least = Filler::SEAL_BYTES;
    let is_kept = |load: &Load| load.operations.iter().any(|one| one.keeps_value());
    if is_template {
        Some("a template has no room for a version; write a size, as in fixed: 100b".to_owned())
    } else if let Some(size) = sizes.min().filter(|size| *size < least) {
        let found = words::bytes(size);
        Some(format!(
            "a version takes {least} bytes of each value, and some are of {found}; make them longer"
        ))
    } else if plan.capacity != Capacity::AsConfigured {
        Some("what was evicted looks like what was lost; leave `capacity` out".to_owned())
    } else if loads(plan).any(|load| load.recorded.is_some()) {
        Some("a trace has values of its own; leave the replay out".to_owned())
    } else if plan.keys.count > limits::PROBED_KEYS {
        let most = limits::PROBED_KEYS;
        Some(format!(
            "that is done for {most} keys at the most; lower `keys: count`"
        ))
    } else if !loads(plan).any(is_kept) {
        Some("no phase sets values; write with `set` or `mset`".to_owned())
    } else {
        None
    }
}

fn seal(plan: &mut Plan) {
    let spaces = plan.keys.spaces.iter_mut().map(|space| &mut space.values);
    for values in spaces.chain([&mut plan.values]) {
        if let Values::Sized(filler) = values {
            filler.verify = true;
        }
    }
}
