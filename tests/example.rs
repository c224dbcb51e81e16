//! The kept run in `reports/example`: its recording still opens, and what is shown of it is what this version draws.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends by panicking; clippy's exemption does not reach a test's helpers"
)]

use std::fs;
use std::path::Path;

use cachebench::{recording, report};

#[test]
fn the_example_is_what_this_version_draws() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/example");
    let recording = recording::read::read(&kept).unwrap_or_else(|error| panic!("{error}"));
    let drawn = tempfile::tempdir().expect("a temporary folder");
    let files = report::write(&recording, drawn.path()).unwrap_or_else(|error| panic!("{error}"));
    // A row for every key is too much to keep.
    for file in files.iter().filter(|file| !file.ends_with("survival.csv")) {
        let name = file.strip_prefix(drawn.path()).expect("below its folder");
        let kept = fs::read(kept.join(name)).unwrap_or_default();
        assert!(
            kept == fs::read(file).expect("just written"),
            "reports/example/{} is not what is drawn now: run `cachebench report reports/example` and look at it",
            name.display()
        );
    }
}
