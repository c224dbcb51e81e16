//! The main job on the embedded server and on real ones: the same workload, the same shape.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cachebench::recording::model::Recording;
use cachebench::recording::read;

use crate::common::{Kind, program_or_skip};

/// What is compared: the policies that choose differently. The real servers take their real pauses, four seconds a run,
/// in which the wall clock's minute may turn: allkeys-lfu would then take one from the counters of what was written before.
const CHANGES: [&str; 4] = [
    "target={embedded: {lfu-decay-time: 0}}",
    "compare.maxmemory-policy=[allkeys-lru, allkeys-lfu, allkeys-random]",
    "repeat=2",
    "expect=[]",
];

/// How far outside of what the real servers showed a bucket of 500 keys may lie: four standard deviations between their
/// own repetitions, which were measured at 0.015 to 0.021.
const MARGIN: f64 = 0.08;

#[test]
fn a_flood_leaves_the_same_keys_as_on_real_servers() {
    let what = "survival of a flood beside this server";
    let peers = [Kind::Redis, Kind::Valkey].map(|peer| program_or_skip(peer.name(), what));
    let peers: Vec<_> = peers
        .into_iter()
        .flatten()
        .map(|program| Run::of(&spawn(&program)))
        .collect();
    if peers.is_empty() {
        return;
    }
    let ours = Run::of("embedded").recording();
    let peers: Vec<_> = peers.into_iter().map(Run::recording).collect();
    for (at, cell) in ours.cells.iter().enumerate() {
        let theirs: Vec<_> = peers.iter().flat_map(|peer| survival(peer, at)).collect();
        let ours = mean(&survival(&ours, at));
        assert_eq!(ours.len(), 20, "buckets of 500 keys");
        for (bucket, share) in ours.iter().enumerate() {
            let seen = || theirs.iter().map(|repetition| repetition[bucket]);
            let (low, high) = (seen().fold(1.0, f64::min), seen().fold(0.0, f64::max));
            assert!(
                (low - MARGIN..=high + MARGIN).contains(share),
                "{}: bucket {bucket} survives with {share:.2} here, with {low:.2} to {high:.2} there",
                cell.label
            );
        }
    }
}

#[test]
fn what_ships_about_lru_holds_here() {
    for name in ["lru_flood", "lru_exact", "lru_samples"] {
        let recording = Run::start(name, "embedded", &[]).recording();
        assert!(!recording.expectations.is_empty(), "{name}");
        for verdict in recording.expectations {
            assert!(verdict.held, "{name}: {verdict:?}");
        }
    }
}

fn spawn(program: &Path) -> String {
    format!("spawn:{}", program.display())
}

/// A `cachebench run` under way.
struct Run {
    child: Child,
    out: tempfile::TempDir,
}

impl Run {
    fn of(target: &str) -> Self {
        Self::start("lru_flood", target, &CHANGES)
    }

    fn start(name: &str, target: &str, changes: &[&str]) -> Self {
        let workload = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("workloads")
            .join(name);
        let out = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_cachebench"));
        command
            .arg("run")
            .arg(workload.with_extension("yaml"))
            .arg("--out")
            .arg(out.path());
        command.args(["--quiet", "--target", target]);
        changes
            .iter()
            .for_each(|change| _ = command.args(["--set", change]));
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("it runs");
        Self { child, out }
    }

    fn recording(mut self) -> Recording {
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
        read::read(self.out.path()).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Shares of keys still there, by insertion: a list of buckets per repetition.
fn survival(recording: &Recording, cell: usize) -> Vec<Vec<f64>> {
    let repetitions = recording.cells[cell].repetitions.iter();
    let probed = repetitions.map(|repetition| repetition.survival.as_ref().expect("it was probed"));
    let share = |bucket: &cachebench::recording::model::Bucket| {
        bucket.present as f64 / bucket.written as f64
    };
    probed
        .map(|survival| survival.by_insertion.iter().map(share).collect())
        .collect()
}

fn mean(repetitions: &[Vec<f64>]) -> Vec<f64> {
    let buckets = 0..repetitions[0].len();
    let of = |bucket| {
        repetitions
            .iter()
            .map(|r: &Vec<f64>| r[bucket])
            .sum::<f64>()
            / repetitions.len() as f64
    };
    buckets.map(of).collect()
}
