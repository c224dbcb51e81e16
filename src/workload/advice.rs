//! What a plan will not show, though it may look as if it did. Each sentence names its cure.

use std::time::Duration;

use super::directives::NO_EVICTION;
use super::plan::{Action, Capacity, Cell, ClockKind, Directive, Metric, Operand, Plan, Target};

/// Two ticks of the LRU clock: phases nearer than one tick look the same to a server.
const TICK: Duration = Duration::from_millis(1100);

/// Sentences about `plan`, for a reader who is about to believe its figures.
pub fn advice(plan: &Plan) -> Vec<String> {
    let advice = [
        lru_without_ticks(plan),
        nothing_is_evicted(plan),
        latency_of_a_closed_loop(plan),
    ];
    let advice = advice.into_iter().flatten();
    plan.notes.iter().cloned().chain(advice).collect()
}

/// The value of directive `name` in `cell`, the cell's own above the plan's.
fn directive<'a>(plan: &'a Plan, cell: &'a Cell, name: &str) -> Option<&'a str> {
    let named = |directive: &&Directive| directive.name == name;
    cell.directives
        .iter()
        .chain(&plan.directives)
        .find(named)
        .map(|directive| directive.value.as_str())
}

fn lru_without_ticks(plan: &Plan) -> Option<String> {
    let is_sampled_lru = |cell: &Cell| {
        directive(plan, cell, "maxmemory-policy").is_some_and(|policy| policy.ends_with("-lru"))
    };
    let loads = plan
        .phases
        .iter()
        .filter(|phase| matches!(phase.action, Action::Load(_)))
        .count();
    let pauses = plan
        .phases
        .iter()
        .any(|phase| matches!(phase.action, Action::Pause(pause) if pause >= TICK));
    let counted = plan.phases.iter().all(|phase| match &phase.action {
        Action::Load(load) => matches!(load.until, super::plan::Until::Count(_)),
        Action::Pause(_) => true,
    });
    if plan.survival.probe
        && plan.cells.iter().any(is_sampled_lru)
        && loads > 1
        && counted
        && plan.settle < TICK
        && !pauses
    {
        return Some(
            "the LRU clock of Redis ticks once a second, and the phases of this workload follow one another faster: LRU may look like chance; \
             write settle: 1200ms"
                .to_owned(),
        );
    }
    None
}

fn nothing_is_evicted(plan: &Plan) -> Option<String> {
    let is_limited = |cell: &Cell| {
        plan.capacity != Capacity::AsConfigured || directive(plan, cell, "maxmemory").is_some()
    };
    // A cluster is probed for what a failover has lost.
    let is_ours = !matches!(plan.target, Target::Endpoint(_)) && !plan.target.is_cluster();
    if is_ours && plan.survival.probe && !plan.cells.iter().any(is_limited) {
        return Some("survival is probed, but nothing limits the server's memory, so that every key survives; write capacity: { keys: … } or { bytes: … }".to_owned());
    }
    let evicts = |cell: &Cell| {
        directive(plan, cell, "maxmemory-policy").is_some_and(|policy| policy != NO_EVICTION)
    };
    if is_ours && plan.survival.probe && !plan.cells.iter().any(evicts) {
        return Some("no cell names a maxmemory-policy that evicts (servers start with noeviction); write one in `target` or `compare`".to_owned());
    }
    None
}

fn latency_of_a_closed_loop(plan: &Plan) -> Option<String> {
    let phases = plan
        .expect
        .iter()
        .flat_map(|expectation| [expectation.left, expectation.right])
        .filter_map(|operand| match operand {
            Operand::Metric(
                Metric::Phase(index, measure) | Metric::Operation(index, _, measure),
            ) if measure.is_latency() => plan.phases.get(index),
            _ => None,
        });
    let mut closed =
        phases.filter(|phase| matches!(&phase.action, Action::Load(load) if !load.is_open_loop()));
    closed.next().map(|phase| {
        format!(
            "an expectation is about the latency of `{}`, a closed loop: it waits for a slow server instead of measuring how long users would; write rate: …/s",
            phase.name
        )
    })
}

/// In words, which clock the plan's server follows; nothing for servers that have but one.
pub(super) fn clock(plan: &Plan) -> Option<&'static str> {
    match plan.target {
        Target::Embedded {
            clock: ClockKind::Virtual,
        } => Some("virtual clock: settle and pause take no time"),
        Target::Embedded {
            clock: ClockKind::Real,
        } => Some("real clock"),
        _ => None,
    }
}
