//! Clusters in virtual time: messages are delayed, lost and reordered, links cut, nodes crash and start again from what
//! they had saved, disks are slow. Hundreds of runs, each from a seed, hold what the protocol promises.
//!
//! A run that fails names its seed; `CLUSTER_SEED=N cargo test --test cluster_simulation` runs that one alone, the same
//! to the last message, and prints what happened in it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

mod invariants;
mod moving;
mod scenario;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use scenario::Scenario;

/// Runs of each kind; those of one kind are spread over two threads.
const RUNS: u64 = 150;

/// Runs one scenario for many seeds, or for the one that the environment names.
fn hold(scenario: Scenario) {
    if let Some(seed) = std::env::var("CLUSTER_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
    {
        return scenario.run(seed, true);
    }
    let half = |odd: u64| {
        move || {
            (0..RUNS)
                .filter(|seed| seed % 2 == odd)
                .for_each(|seed| run(scenario, seed))
        }
    };
    thread::scope(|scope| {
        scope.spawn(half(0));
        scope.spawn(half(1));
    });
}

fn run(scenario: Scenario, seed: u64) {
    let result = catch_unwind(AssertUnwindSafe(|| scenario.run(seed, false)));
    if result.is_err() {
        panic!("{scenario:?} fails with CLUSTER_SEED={seed}");
    }
}

#[test]
fn a_cluster_forms_at_once() {
    hold(Scenario::Form);
}

#[test]
fn whatever_happens_every_slot_has_one_owner_again() {
    hold(Scenario::Faults);
}

#[test]
fn a_manual_failover_loses_nothing() {
    hold(Scenario::ManualFailover);
}

#[test]
fn writes_that_all_replicas_have_survive_a_crash() {
    hold(Scenario::Crash);
}

#[test]
fn a_master_without_replicas_gets_one_from_a_master_with_two() {
    hold(Scenario::Migration);
}

#[test]
fn slots_that_move_at_once_lose_no_write() {
    hold(Scenario::Moves);
}

#[test]
fn replicas_take_over_by_hand_where_no_majority_is_left() {
    hold(Scenario::Takeover);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let trace = || world::World::after(7, Scenario::Faults).trace;
    assert_eq!(trace(), trace());
}
