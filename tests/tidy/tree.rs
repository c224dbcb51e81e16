//! The files of the project, and the modules that they hold.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file of a crate.
pub(crate) struct Module {
    /// Where it is.
    pub(crate) file: PathBuf,
    /// The module that it holds: `drive::worker`; empty for `lib.rs`.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

/// Source files of the crate whose sources are in `folder`, files of tests left out.
pub(crate) fn modules_of(folder: &str) -> Vec<Module> {
    let folder = root().join(folder);
    let files = files_below(&folder)
        .into_iter()
        .filter(|file| is_rust(file));
    let mut modules: Vec<_> = files
        .map(|file| Module {
            path: module_path(file.strip_prefix(&folder).expect("below the folder")),
            text: read(&file),
            file,
        })
        .collect();
    modules.retain(|module| !module.path.ends_with("tests"));
    assert!(
        !modules.is_empty(),
        "{} has no source files",
        folder.display()
    );
    modules
}

fn module_path(file: &Path) -> String {
    let stem = file.with_extension("");
    let mut names: Vec<_> = stem.iter().map(|name| name.to_string_lossy()).collect();
    if names
        .last()
        .is_some_and(|last| ["mod", "lib"].contains(&&**last))
    {
        names.pop();
    }
    names.join("::")
}

/// Whether the path `inner` is `outer` or stands below it.
pub(crate) fn is_within(inner: &str, outer: &str) -> bool {
    inner
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Every Rust file of the project.
pub(crate) fn rust_files() -> Vec<PathBuf> {
    committed_files()
        .into_iter()
        .filter(|file| is_rust(file))
        .collect()
}

fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}

/// Every file of the project but what `.gitignore` leaves out, with or without git at hand.
pub(crate) fn committed_files() -> Vec<PathBuf> {
    let top = root();
    let is_kept = |file: &PathBuf| {
        let inside = file.strip_prefix(&top).expect("below the root");
        let is_made = ["fuzz/corpus", "fuzz/artifacts"]
            .iter()
            .any(|made| inside.starts_with(made));
        !is_made && (!inside.starts_with("reports") || inside.starts_with("reports/example"))
    };
    files_below(&top).into_iter().filter(is_kept).collect()
}

/// The files below `folder` in order of their names, build products and git's own left out.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the project") {
            let entry = entry.expect("an entry");
            let is_folder = entry.file_type().expect("its type").is_dir();
            match (entry.file_name().to_str(), is_folder) {
                (Some("target" | ".git"), _) if !entry.path().starts_with(root().join("src")) => {}
                (_, true) => left.push(entry.path()),
                (_, false) => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

/// The folders directly in a source folder, as a map spells them: `drive/`.
pub(crate) fn rooms_of(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).expect("a source folder");
    let folders = entries
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.file_type().expect("its type").is_dir());
    folders
        .map(|entry| format!("{}/", entry.file_name().to_string_lossy()))
        .collect()
}

/// The folder of the project.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file that must be there.
pub(crate) fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
