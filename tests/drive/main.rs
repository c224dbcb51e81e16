//! The whole way from a plan to a recording, against redis-server: accounts that close, servers that stall or die,
//! and servers of somebody else's that are left as they were.
//!
//! Where redis-server is not installed a test is left out with a line `SKIPPED: ...`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends by panicking; clippy's exemption does not reach a test's helpers"
)]

#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod cluster;
mod courtesy;
mod drawn;
mod fan_out;
mod lost_writes;
mod operations;
mod reach;
mod repeat;
mod replay;
mod threads;
mod trouble;

use cachebench::recording::model::{PhaseRecord, Recording};
use cachebench::runner::{self, Event, Interrupt, Observer, RunError};
use cachebench::workload;
use cachebench::workload::plan::{Address, Endpoint, Plan, Target};
use common::{Kind, Server};

/// A redis-server that was there before us.
fn redis(directives: &[&str]) -> Option<Server> {
    Server::start(Kind::Redis, directives)
}

/// The plan in `yaml`, aimed at `server`, with these permissions.
fn plan_for(server: &Server, yaml: &str, allow: Allow) -> Plan {
    let mut plan = workload::parse(yaml).expect("a workload without flaws");
    plan.keys.name.before.insert_str(0, "cachebench:test:");
    let host = "127.0.0.1".to_owned();
    plan.target = Target::Endpoint(Endpoint {
        allow_flush: allow == Allow::All,
        allow_config: allow == Allow::All,
        ..Endpoint::at(Address::Tcp {
            host,
            port: server.port,
        })
    });
    plan
}

/// What may be done to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Allow {
    Nothing,
    All,
}

/// Calls a closure for every event.
struct Each<F>(F);

impl<F: FnMut(Event<'_>)> Observer for Each<F> {
    fn on(&mut self, event: Event<'_>) {
        (self.0)(event);
    }
}

fn run(plan: &Plan, on: impl FnMut(Event<'_>)) -> Result<Recording, RunError> {
    runner::run(plan, Vec::new(), &mut Each(on), &Interrupt::new())
}

/// The phases of the first repetition of the first cell.
fn phases(recording: &Recording) -> &[PhaseRecord] {
    &recording.cells[0].repetitions[0].phases
}

/// Every request that fell due is in exactly one place.
fn assert_closed(phase: &PhaseRecord) {
    let lost: u64 = ["timeout", "disconnected"]
        .iter()
        .filter_map(|kind| phase.errors.get(*kind))
        .sum();
    assert_eq!(
        phase.due,
        phase.operations + lost + phase.in_flight,
        "{phase:#?}"
    );
    assert_eq!(
        phase.latency.count, phase.due,
        "every request has a latency: {phase:#?}"
    );
    assert_eq!(
        phase.operations,
        phase.operations_by_kind.values().sum::<u64>()
    );
}
