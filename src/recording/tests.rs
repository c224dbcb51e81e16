//! What is written is read back; what cannot be read is refused with the place; nothing is lost.

use std::fs;
use std::path::Path;

use super::fixture;
use super::model::{Recording, SCHEMA};
use super::read::{ReadError, SIZE_MAX_BYTES, parse, read};
use super::write::{save, write_recording, write_tables};

fn text(recording: &Recording) -> String {
    serde_json::to_string(recording).unwrap()
}

fn refuse(text: &str) -> ReadError {
    parse(text.as_bytes(), Path::new("recording.json")).unwrap_err()
}

#[test]
fn a_recording_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for original in [
        fixture::lru_flood(),
        fixture::failover(),
        fixture::zipf_read(),
        fixture::nothing(),
        fixture::hostile(),
    ] {
        let path = write_recording(&original, folder.path()).unwrap();
        assert_eq!(read(&path).unwrap(), original);
        assert_eq!(
            read(folder.path()).unwrap(),
            original,
            "the folder stands for the file in it"
        );
    }
}

#[test]
fn the_schema_admits_what_is_written() {
    let schema = serde_json::to_value(super::schema()).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let validator = jsonschema::validator_for(&schema).unwrap();
    for recording in [
        fixture::lru_flood(),
        fixture::zipf_read(),
        fixture::nothing(),
    ] {
        let written: serde_json::Value = serde_json::from_str(&text(&recording)).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&written)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, Vec::<String>::new());
        let mut broken = written;
        broken["cells"][0]["label"] = serde_json::json!(7);
        assert!(
            !validator.is_valid(&broken),
            "a schema that admits everything proves nothing"
        );
    }
}

#[test]
fn a_truncated_recording_is_refused_with_the_place() {
    let whole = text(&fixture::zipf_read());
    assert!(whole.is_ascii());
    for length in (0..whole.len()).step_by(whole.len() / 400) {
        match refuse(&whole[..length]) {
            ReadError::Truncated {
                line: 1, column, ..
            } => assert!(column.abs_diff(length) <= 1),
            other => panic!("cut to {length}: {other}"),
        }
    }
}

#[test]
fn a_damaged_byte_is_refused_or_read_but_never_fatal() {
    let whole = text(&fixture::nothing()).into_bytes();
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x15;
        let _ = parse(&damaged, Path::new("recording.json"));
    }
}

#[test]
fn what_is_no_recording_is_named() {
    assert!(matches!(
        refuse("name: lru_flood"),
        ReadError::NotJson { line: 1, .. }
    ));
    assert!(matches!(refuse("{}"), ReadError::NotARecording { .. }));
    assert!(matches!(
        refuse(r#"{"schema": "something.else/1"}"#),
        ReadError::NotARecording { .. }
    ));
    let error = refuse(&format!(
        "{{\"schema\": \"{SCHEMA}\",\n \"cachebench\": 7}}"
    ));
    assert!(
        matches!(error, ReadError::Damaged { line: 2, .. }),
        "{error}"
    );
}

#[test]
fn a_newer_schema_says_which_version_reads_it() {
    let error = refuse(
        r#"{"schema": "cachebench.recording/2", "cachebench": "9.8.7", "cells": "of another kind"}"#,
    );
    assert!(matches!(error, ReadError::Newer { .. }));
    assert!(
        error
            .to_string()
            .contains("read it with cachebench 9.8.7 or later"),
        "{error}"
    );
}

#[test]
fn a_recording_too_large_is_refused_before_it_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.json");
    // Sparse: the file system stores none of it.
    fs::File::create(&path)
        .unwrap()
        .set_len(SIZE_MAX_BYTES + 1)
        .unwrap();
    assert!(matches!(
        read(&path).unwrap_err(),
        ReadError::TooLarge { .. }
    ));
}

#[test]
fn a_folder_without_a_recording_and_a_device_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        read(folder.path()).unwrap_err(),
        ReadError::Io { .. }
    ));
    assert!(matches!(
        read(Path::new("/dev/null")).unwrap_err(),
        ReadError::NotAFile { .. }
    ));
}

#[test]
fn a_recording_that_cannot_be_written_there_is_written_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("file");
    fs::write(&in_the_way, "not a folder").unwrap();
    let fallback = folder.path().join("fallback");
    let saved = save(&fixture::nothing(), &in_the_way, &fallback).unwrap();
    assert_eq!(saved.path, fallback.join("recording.json"));
    assert!(
        saved
            .instead
            .unwrap()
            .to_string()
            .contains("file/recording.json")
    );
    assert_eq!(read(&fallback).unwrap(), fixture::nothing());
    assert!(save(&fixture::nothing(), &in_the_way, &in_the_way).is_err());
}

#[test]
fn a_failed_write_leaves_the_old_file_and_no_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latency.hlog");
    fs::write(&path, "old").unwrap();
    let mut damaged = fixture::zipf_read();
    damaged.cells[0].repetitions[0].phases[0]
        .latency
        .histogram
        .truncate(40);
    let error = write_tables(&damaged, folder.path()).unwrap_err();
    assert!(error.to_string().contains("latency.hlog"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file stays behind"
    );
}

#[test]
fn the_tables_have_a_row_for_everything() {
    let folder = tempfile::tempdir().unwrap();
    let recording = fixture::lru_flood();
    let files = write_tables(&recording, folder.path()).unwrap();
    assert_eq!(files.len(), 3);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();

    let survival = read("survival.csv");
    assert_eq!(survival.lines().count(), 1 + 6 * 3 * 10_000);
    let fields = |line: &str| line.split(',').count();
    assert!(survival.lines().all(|line| fields(line) == 9));
    assert_eq!(
        survival.lines().nth(1).unwrap(),
        "allkeys-lru,1,0,key-0,read,1,2,5999,1"
    );
    assert_eq!(
        survival.lines().last().unwrap(),
        "noeviction,3,9999,key-9999,flooded,0,0,,0"
    );

    let timeline = read("timeline.csv");
    let columns = fields(timeline.lines().next().unwrap());
    assert!(timeline.lines().all(|line| fields(line) == columns));
    let intervals: usize = recording
        .cells
        .iter()
        .flat_map(|cell| &cell.repetitions)
        .map(|one| one.timeline.len())
        .sum();
    assert_eq!(timeline.lines().count(), 1 + intervals);
}

#[test]
fn the_histogram_log_is_read_back_by_the_public_reader() {
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    let recording = fixture::lru_flood();
    let mut log = Vec::new();
    super::hlog::write(&recording, &mut log).unwrap();
    assert!(log.starts_with(b"#[Histogram log format version 1.3]\n"));
    let mut tags = Vec::new();
    for entry in IntervalLogIterator::new(&log) {
        if let LogEntry::Interval(line) = entry.unwrap() {
            tags.push(line.tag().unwrap().to_string());
            let bytes = base64::Engine::decode(
                &base64::engine::general_purpose::STANDARD,
                line.encoded_histogram(),
            )
            .unwrap();
            assert_eq!(
                &bytes[..4],
                &[0x1c, 0x84, 0x93, 0x14],
                "V2 deflated, which other tools expect"
            );
            let histogram = Deserializer::new()
                .deserialize::<u64, _>(&mut bytes.as_slice())
                .unwrap();
            assert!([1000, 5000].contains(&histogram.len()));
        }
    }
    assert_eq!(tags.len(), 6 * 3 * 3);
    assert!(tags.contains(&"allkeys-lfu/flood/3".to_owned()));
}
