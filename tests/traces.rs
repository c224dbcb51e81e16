//! Real traces, read in full. They are not part of the project: `CACHEBENCH_TRACES` says where they are, else
//! `../shared/traces` is looked at, and where neither is, the test says that it was skipped.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;

use cachebench::trace::{Action, Format, Key, Trace};
use cachebench::traffic::ideal::{Cache, Made, Use, ideal};

const CACHE: Cache = Cache {
    room: 14_000,
    fills: true,
};

fn traces() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    let folder = std::env::var_os("CACHEBENCH_TRACES").map_or_else(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// The trace's keys, numbered in order of appearance, and how many there are.
fn keys(path: PathBuf) -> (Vec<u32>, usize) {
    let name = path.display().to_string();
    let mut trace = Trace::new(&name, File::open(path).unwrap(), &Format::OracleGeneral).unwrap();
    let mut numbers = HashMap::new();
    let mut keys = Vec::new();
    while let Some(request) = trace.next().unwrap() {
        let Action::Access(access) = request.action else {
            panic!("a command in oracleGeneral")
        };
        let Key::Id(id) = access.key else {
            panic!("a name in oracleGeneral")
        };
        let fresh = numbers.len() as u32;
        keys.push(*numbers.entry(id).or_insert(fresh));
    }
    (keys, numbers.len())
}

/// Figures that others measured on these files: the README beside them, and libCacheSim's Belady.
#[test]
fn real_traces_have_their_known_figures() {
    let Some(folder) = traces() else {
        println!("SKIPPED: the real traces are not here (set CACHEBENCH_TRACES)");
        return;
    };
    for (file, requests, objects, ideal_misses) in [
        (
            "twitter_c52_1m.oracleGeneral.zst",
            1_000_000,
            143_542,
            Some(0.1504),
        ),
        ("cache2k_web12.oracleGeneral.zst", 95_607, 13_756, None),
    ] {
        let (keys, distinct) = keys(folder.join(file));
        assert_eq!((keys.len(), distinct), (requests, objects), "{file}");
        if let Some(known) = ideal_misses {
            let reads = || keys.iter().map(|key| (*key, Use::Read));
            let ideal = ideal(reads, distinct, CACHE, &mut Made::none(distinct));
            let misses = 1.0 - ideal.hits as f64 / ideal.reads as f64;
            assert!(
                (misses - known).abs() < 0.000_05,
                "{file}: ideal miss ratio {misses}, known {known}"
            );
        }
    }
}
