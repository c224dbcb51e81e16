//! What a recording says was drawn is what the server saw, and no cache beats the ideal one.

use cachebench::recording::keys::unpack_numbers;
use cachebench::recording::model::{Drawn, PhaseRecord, Recording};
use cachebench::workload;

use crate::{phases, run};

fn recorded(yaml: &str) -> Recording {
    let plan = workload::parse(yaml).expect("a workload without flaws");
    run(&plan, |_| ()).expect("a recording")
}

fn drawn(phase: &PhaseRecord) -> &Drawn {
    phase.drawn.as_ref().expect("it was worked out")
}

fn hit_ratio(phase: &PhaseRecord) -> f64 {
    phase.hits as f64 / (phase.hits + phase.misses) as f64
}

#[test]
fn draws_made_again_are_those_that_were_sent() {
    let recording = recorded(
        "
keys: { count: 3000 }
phases:
  - mix: { operations: set, keys: { zipfian: { exponent: 0.8 } }, count: 50k, clients: 7, pipeline: 3 }
survival: {}
",
    );
    let repetition = &recording.cells[0].repetitions[0];
    let survival = repetition.survival.as_ref().expect("it was probed");
    let touches = unpack_numbers(&survival.touches, 3000).expect("packed by us");
    let census = drawn(&repetition.phases[0]).census.expect("counted");
    let distinct = touches.iter().filter(|times| **times > 0).count() as u64;
    let hottest = touches.iter().copied().max().unwrap_or(0);
    assert_eq!(census.distinct, distinct);
    assert_eq!(census.hottest_share, f64::from(hottest) / 50_000.0);
    assert!((census.exponent.expect("it can be told") - 0.8).abs() < 0.05);
}

#[test]
fn draws_over_many_keys_hardly_ever_meet() {
    let recording = recorded(
        "
keys: { count: 10M }
values: { fixed: 1b }
phases: [ mix: { operations: set, keys: uniform, count: 10k, clients: 50 } ]
",
    );
    let repetition = &recording.cells[0].repetitions[0];
    let distinct = drawn(&repetition.phases[0])
        .census
        .expect("counted")
        .distinct;
    assert!(distinct >= 9_985, "{distinct}");
    assert_eq!(
        repetition.samples.last().map(|last| last.keys),
        Some(distinct)
    );
}

#[test]
fn no_policy_beats_the_ideal_cache() {
    let recording = recorded(
        "
keys: { count: 5000 }
capacity: { keys: 1000 }
target: { embedded: { maxmemory-policy: allkeys-lru-exact } }
phases:
  - save: { keys: all }
  - mix: { operations: { get: 90%, del: 10% }, keys: { zipfian: {} }, count: 40k, on_miss: set }
  - read: { keys: 0..100 }
",
    );
    let [save, mix, read] = phases(&recording) else {
        panic!("three phases")
    };
    assert_eq!(drawn(save).ideal, None, "it reads nothing");
    let ideal = drawn(mix).ideal.expect("worked out");
    let measured = hit_ratio(mix);
    // The first keys are the hottest, most of which are there; deletes lower both alike.
    assert!(
        measured < ideal.hit_ratio && ideal.hit_ratio < measured + 0.25,
        "{measured} of {ideal:?}"
    );
    assert!((1000..1100).contains(&ideal.room_keys), "{ideal:?}");
    let ideal = drawn(read).ideal.expect("worked out");
    assert!(hit_ratio(read) <= ideal.hit_ratio && ideal.hit_ratio <= 1.0);
}

/// Two key spaces with values of their own: drawn by weight, found by name, probed as groups, filled and counted apart.
#[test]
fn key_spaces_are_drawn_filled_and_counted_apart() {
    let recording = recorded(
        "
keys:
  users: { count: 1000, name: 'user:{i:04}', weight: 3, values: { fixed: 40b } }
  items: { count: 500 }
values: { fixed: 200b, verify: true }
phases:
  - save: { keys: items }
  - mix: { operations: { get: 50%, exists: 50% }, keys: uniform, count: 30k, clients: 3, pipeline: 2, on_miss: set }
  - read: { keys: { zipfian: { range: users } }, count: 100, operations: { strlen: { effect: search } } }
survival: {}
expect:
  - mix.items.hit_ratio == 100%
  - mix.users.misses > 0
",
    );
    let mix = &phases(&recording)[1];
    let (users, items) = (mix.reads_by_space["users"], mix.reads_by_space["items"]);
    assert_eq!(users.hits + items.hits, mix.hits);
    assert_eq!(users.misses + items.misses, mix.misses);
    assert_eq!(items.misses, 0, "all items had been saved");
    let share = (users.hits + users.misses) as f64 / (mix.hits + mix.misses) as f64;
    assert!((share - 0.75).abs() < 0.01, "{share}");
    assert_eq!(
        mix.verified.map(|seen| (seen.corrupt, seen.foreign)),
        Some((0, 0))
    );
    let survival = recording.cells[0].repetitions[0].survival.as_ref();
    let groups = &survival.expect("it was probed").groups;
    let written: Vec<_> = groups
        .iter()
        .map(|group| (group.name.as_str(), group.written))
        .collect();
    assert_eq!(written, [("users", 1000), ("items", 500)]);
}
