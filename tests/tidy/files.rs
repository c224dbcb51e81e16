//! What every file owes its reader: a first line, no place that only one machine has; and a project that stays small.

use std::fs;
use std::path::Path;

use crate::report;
use crate::tree::{committed_files, read, rooms_of, root, rust_files};

/// Packages in `Cargo.lock`, all platforms included.
const PACKAGES_MAX: usize = 250;

/// Lines of `ARCHITECTURE.md`, which is a map and not a book.
const ARCHITECTURE_LINES_MAX: usize = 200;

/// The source folders of both crates.
const SOURCES: [&str; 2] = ["src", "embedded-server/src"];

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
    let rooms = SOURCES.into_iter().flat_map(rooms_of);
    let unnamed = rooms.filter(|room| !map.contains(&format!("`{room}`")));
    report(unnamed.map(|room| format!("ARCHITECTURE.md does not name `{room}`")));
}

#[test]
fn architecture_names_nothing_that_is_not_there() {
    let map = read(&root().join("ARCHITECTURE.md"));
    let places = [""].into_iter().chain(SOURCES);
    let folders: Vec<_> = places.map(|place| root().join(place)).collect();
    let is_there = |name: &str| folders.iter().any(|folder| folder.join(name).exists());
    let named: Vec<_> = map.lines().flat_map(named_in_map).collect();
    assert!(named.len() > 20, "{named:?}");
    let missing = named.into_iter().filter(|name| !is_there(name));
    report(missing.map(|name| format!("ARCHITECTURE.md names `{name}`, which is not there")));
}

/// The files and folders that a line of a table is about: what stands between backticks in its first column.
fn named_in_map(line: &str) -> Vec<&str> {
    let first_column = line
        .strip_prefix("| ")
        .and_then(|line| line.split(" | ").next());
    first_column
        .unwrap_or_default()
        .split('`')
        .skip(1)
        .step_by(2)
        .collect()
}

#[test]
fn the_first_column_of_the_map_is_read() {
    assert_eq!(named_in_map("| `a/`, `b.rs` | holds `c` |"), ["a/", "b.rs"]);
    assert!(named_in_map("`not` a table").is_empty());
}

#[test]
fn links_lead_somewhere() {
    let pages = committed_files()
        .into_iter()
        .filter(|file| file.extension().is_some_and(|e| e == "md"));
    report(pages.flat_map(|page| {
        let folder = page.parent().expect("its folder").to_owned();
        let text = read(&page);
        let dead = links(&text)
            .into_iter()
            .filter(|link| !folder.join(link).exists());
        dead.map(|link| format!("{}: {link} is not there", page.display()))
            .collect::<Vec<_>>()
    }));
}

#[test]
fn links_to_files_are_found() {
    let text = "[a](A.md#part) ![b](c/d.svg) [web](https://example.org) [here](#there)";
    assert_eq!(links(text), ["A.md", "c/d.svg"]);
}

/// Where the links of a page lead within the project.
fn links(text: &str) -> Vec<&str> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let files = targets
        .filter(|target| !target.contains("://"))
        .filter_map(|target| target.split('#').next());
    files.filter(|file| !file.is_empty()).collect()
}
