//! The embedded server on its virtual clock: the same seed gives the same run, and exact LRU keeps exactly what it should.

use cachebench::recording::model::{Recording, Repetition};
use cachebench::workload;

use crate::run;

const FLOOD: &str = "
name: repeat
seed: SEED
target: embedded
capacity: { keys: 600 }
keys: { count: 1000 }
values: { fixed: 100b }
settle: 1200ms
phases:
  - save: { keys: 0..500 }
  - read: { keys: 0..100 }
  - mix: { count: 1000, operations: { get: 80%, set: 20% }, keys: { zipfian: { exponent: 0.8 } }, on_miss: set }
  - flood: { keys: 500..1000 }
survival: { groups: { read: 0..100 } }
compare: { maxmemory-policy: [allkeys-lru, allkeys-lfu, allkeys-random] }
repeat: 2
";

fn flood(seed: u64) -> Recording {
    let plan = workload::parse(&FLOOD.replace("SEED", &seed.to_string()))
        .expect("a workload without flaws");
    run(&plan, |_| ()).expect("a recording")
}

/// What must be the same under the same seed: everything but times.
fn figures(repetition: &Repetition) -> impl PartialEq + std::fmt::Debug {
    let phases = repetition.phases.iter().map(|phase| {
        (
            phase.name.clone(),
            phase.operations_by_kind.clone(),
            phase.errors.clone(),
            phase.hits,
            phase.misses,
        )
    });
    let last = repetition
        .samples
        .last()
        .map(|sample| (sample.evicted_keys, sample.hits, sample.used_memory_bytes));
    (
        repetition.maxmemory_bytes,
        phases.collect::<Vec<_>>(),
        repetition.survival.clone(),
        last,
    )
}

fn repetitions(recording: &Recording) -> impl Iterator<Item = &Repetition> {
    recording.cells.iter().flat_map(|cell| &cell.repetitions)
}

#[test]
fn the_same_seed_repeats_operations_survivors_and_hits_bit_by_bit() {
    let (first, second, other) = (flood(7), flood(7), flood(8));
    let figures = |recording| repetitions(recording).map(figures).collect::<Vec<_>>();
    assert_eq!(figures(&first), figures(&second));
    assert_ne!(figures(&first), figures(&other));
    let [one, two] = &first.cells[2].repetitions[..] else {
        panic!("two repetitions")
    };
    assert_ne!(one.survival, two.survival, "repetitions draw anew");
}

#[test]
fn as_many_keys_stay_as_capacity_says() {
    for repetition in repetitions(&flood(9)) {
        let present = repetition
            .survival
            .as_ref()
            .map_or(0, |survival| survival.present);
        // Names are one to three digits long, and which survive are not quite those that were calibrated with.
        assert!(present.abs_diff(600) <= 3, "{present}");
    }
}

#[test]
fn exact_lru_keeps_what_was_read_and_nothing_that_was_not() {
    let yaml = include_str!("../../workloads/lru_flood.yaml");
    let mut plan = workload::parse(yaml).expect("a workload without flaws");
    plan.repeat = 1;
    plan.cells.truncate(1);
    plan.expect.clear();
    for directive in &mut plan.cells[0].directives {
        directive.value = "allkeys-lru-exact".to_owned();
    }
    let recording = run(&plan, |_| ()).expect("a recording");
    let survival = recording.cells[0].repetitions[0]
        .survival
        .as_ref()
        .expect("a probe");
    let present: Vec<_> = survival
        .groups
        .iter()
        .map(|group| (group.name.as_str(), group.present))
        .collect();
    assert_eq!(present, [("read", 1000), ("unread", 0), ("flooded", 5000)]);
    assert!((survival.fidelity - 1.0).abs() < f64::EPSILON);
}
