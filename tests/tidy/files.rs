//! What every file owes its reader: a first line, no place that only one machine has; and a project that stays small.

use std::fs;
use std::path::Path;

use crate::report;
use crate::tree::{committed_files, read, rooms_of, root, rust_files};

/// Packages in `Cargo.lock`, all platforms included.
const PACKAGES_MAX: usize = 250;

/// Lines of `ARCHITECTURE.md`, which is a map and not a book.
const ARCHITECTURE_LINES_MAX: usize = 200;

/// First folders of absolute paths that mean something on one machine only.
const MACHINE_FOLDERS: &[&str] = &["home", "root", "Users", "work"];

#[test]
fn every_source_file_says_what_lives_there() {
    let silent = rust_files()
        .into_iter()
        .filter(|file| !says_what_lives_there(&read(file)));
    report(silent.map(|file| {
        format!(
            "{}: opens without a `//!` line that says what lives there",
            file.display()
        )
    }));
}

#[test]
fn a_file_without_a_header_is_found() {
    assert!(!says_what_lives_there("use std::fs;\n//! Comes too late."));
    assert!(!says_what_lives_there("//!\n"));
    assert!(!says_what_lives_there("//! (to come)\n"));
    assert!(says_what_lives_there("//! What lives here.\n"));
}

fn says_what_lives_there(text: &str) -> bool {
    let header = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("//!"));
    header.is_some_and(|says| says.split_whitespace().count() > 2)
}

#[test]
fn no_committed_file_names_a_place_on_one_machine() {
    // Pictures and archives are not text; there is nothing to read in them.
    let texts = committed_files()
        .into_iter()
        .filter_map(|file| Some((fs::read_to_string(&file).ok()?, file)));
    report(texts.flat_map(|(text, file)| machine_paths(&file, &text)));
}

#[test]
fn a_place_on_one_machine_is_found() {
    let count = |text: &str| machine_paths(Path::new("a.md"), text).len();
    for folder in MACHINE_FOLDERS {
        assert_eq!(
            count(&format!("see /{folder}/somebody/file")),
            1,
            "{folder}"
        );
        assert_eq!(count(&format!("\"path\": \"/{folder}/x\"")), 1, "{folder}");
        assert_eq!(
            count(&format!("https://example.org/{folder}/x and ./{folder}/y")),
            0,
            "{folder}"
        );
    }
}

fn machine_paths(file: &Path, text: &str) -> Vec<String> {
    let named = |line: &str, needle: &str| {
        line.match_indices(needle)
            .any(|(at, _)| begins_a_path(line, at))
    };
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let folders = MACHINE_FOLDERS.iter().map(|folder| format!("/{folder}/"));
        for needle in folders.filter(|needle| named(line, needle)) {
            found.push(format!("{}:{}: names {needle}", file.display(), number + 1));
        }
    }
    found
}

/// Whether the slash at `at` begins an absolute path: nothing that a longer path or an address could end with precedes it.
fn begins_a_path(line: &str, at: usize) -> bool {
    let before = line.get(..at).and_then(|before| before.chars().next_back());
    !before.is_some_and(|c| c.is_alphanumeric() || "._-/{}$~*)".contains(c))
}

#[test]
fn dependencies_stay_few() {
    let packages = read(&root().join("Cargo.lock"))
        .lines()
        .filter(|line| *line == "[[package]]")
        .count();
    assert!(packages > 0, "Cargo.lock lists packages");
    assert!(
        packages < PACKAGES_MAX,
        "{packages} packages: put what is heavy behind a feature, or leave it out"
    );
}

#[test]
fn architecture_is_a_map_of_every_room() {
    let map = read(&root().join("ARCHITECTURE.md"));
    let lines = map.lines().count();
    assert!(
        lines <= ARCHITECTURE_LINES_MAX,
        "ARCHITECTURE.md has {lines} lines"
    );
    let rooms = ["src", "embedded-server/src"]
        .into_iter()
        .flat_map(rooms_of);
    report(
        rooms
            .filter(|room| !map.contains(room))
            .map(|room| format!("ARCHITECTURE.md does not name `{room}`")),
    );
}
