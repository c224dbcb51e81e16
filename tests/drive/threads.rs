//! Several threads send what one would have sent.

use cachebench::recording::model::Recording;

use crate::{Allow, assert_closed, phases, plan_for, redis, run};

const LOAD: &str = "
threads: THREADS
keys: { count: 2000 }
phases:
  - save: { keys: all, clients: 5, pipeline: 4 }
  - read: { keys: 0..501, clients: 3 }
  - mix: { for: 500ms, rate: { poisson: 6k/s }, clients: 8, pipeline: 50, operations: get, keys: sequential }
survival: { groups: { read: 0..501 } }
";

#[test]
fn two_threads_send_what_one_does_and_know_what_became_of_every_key() {
    let Some(server) = redis(&[]) else { return };
    let drive = |threads: &str| {
        let yaml = LOAD.replace("THREADS", threads);
        run(&plan_for(&server, &yaml, Allow::Nothing), |_| ()).expect("a recording")
    };
    let (one, two) = (drive("1"), drive("2"));
    for recording in [&one, &two] {
        phases(recording).iter().for_each(assert_closed);
    }
    let counted = |recording: &Recording| {
        let phases = phases(recording).iter();
        let counts = phases.map(|phase| (phase.due, phase.hits, phase.operations_by_kind.clone()));
        counts.collect::<Vec<_>>()
    };
    assert_eq!(counted(&one), counted(&two));
    let threads = |recording: &Recording| phases(recording)[2].client_threads;
    assert_eq!((threads(&one), threads(&two)), (1, 2));
    let survival = |recording: &Recording| {
        let survival = recording.cells[0].repetitions[0].survival.clone();
        let survival = survival.expect("a probe");
        (survival.written, survival.present, survival.groups)
    };
    assert_eq!(survival(&one), survival(&two));
    assert_eq!(survival(&two).1, 2_000);
}
