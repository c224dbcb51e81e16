//! Recordings that earlier versions wrote: they open, and everything is drawn from them.

use std::path::Path;

use cachebench::recording::read;
use cachebench::report;

/// Written by the first version that had this schema: a flood on two policies, and an open loop.
const SCHEMA_1: [&str; 2] = ["schema_1.json", "schema_1_open_loop.json"];

#[test]
fn recordings_of_schema_1_keep_opening() {
    for name in SCHEMA_1 {
        let path = Path::new("tests/fixtures").join(name);
        let recording = read::read(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(recording.schema, "cachebench.recording/1");
        let held: Vec<bool> = recording.expectations.iter().map(|one| one.held).collect();
        let folder = tempfile::tempdir().unwrap();
        let files = report::write(&recording, folder.path()).unwrap();
        match name {
            "schema_1.json" => {
                assert_eq!(
                    (held.as_slice(), recording.cells.len()),
                    ([false, true].as_slice(), 2)
                );
                let survival = recording.cells[0].repetitions[0].survival.as_ref().unwrap();
                assert_eq!((survival.written, survival.present), (60, 40));
                assert!(
                    files
                        .iter()
                        .any(|file| file.ends_with("plots/survival_by_insertion.svg"))
                );
            }
            _ => {
                assert_eq!(held, [true]);
                let mix = &recording.cells[0].repetitions[0].phases[1];
                assert_eq!((mix.operations, mix.offered_rate), (400, Some(2000.0)));
                assert!(mix.service_time.is_some());
            }
        }
    }
}
