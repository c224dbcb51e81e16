//! The workload: YAML text to a tree (`yaml`), or YCSB's properties (`properties`, `ycsb`), the tree to structs as written (`reader`, `written`), every rule with located
//! problems (`check`), the plan as meant ([`plan`]).
//!
//! Pure: nothing here opens a file or a socket, reads the environment or asks for the time. After `check` has passed, no later
//! code looks at a string from the YAML.

mod advice;
mod check;
mod commands;
pub mod criteria;
mod describe;
mod directives;
mod earlier;
mod event;
mod expect;
mod files;
pub mod limits;
mod operation;
mod overrides;
pub mod plan;
mod problem;
mod properties;
mod reader;
pub mod schema;
mod target;
mod template;
mod units;
pub mod words;
mod written;
mod yaml;
mod ycsb;

pub use advice::advice;
pub use describe::{describe, outline};
pub use files::ReadFile;
pub use overrides::Overrides;
pub use problem::{Place, Problem, Problems, Source};

use std::path::Path;

use files::Files;
use plan::Plan;
use units::FromText;
use written::{Permission, Workload};
use yaml::{Content, Node};

/// The plan of a workload given as `text`, with no overrides; messages call it `workload.yaml`.
///
/// # Errors
///
/// Everything that is wrong with it, located. No text makes this panic.
pub fn parse(text: &str) -> Result<Plan, Problems> {
    load("workload.yaml", text, &Overrides::default())
}

/// The plan of the workload in file `file`, which holds `text`, with the command line's overrides, where it names no other
/// files.
///
/// # Errors
///
/// Everything that is wrong with the file or the overrides, located. No text makes this panic.
pub fn load(file: &str, text: &str, overrides: &Overrides) -> Result<Plan, Problems> {
    load_with_files(file, text, overrides, &|name| {
        Err(format!("{name} cannot be read here; list its rows instead"))
    })
}

/// The same where the workload may name other files, which `read` reads.
///
/// # Errors
///
/// Everything that is wrong with the files or the overrides, located.
pub fn load_with_files(
    file: &str,
    text: &str,
    overrides: &Overrides,
    read: &ReadFile<'_>,
) -> Result<Plan, Problems> {
    let mut loading = Loading::new(file, text);
    let plan = loading.plan(file, overrides, read);
    match plan {
        Some(plan) if loading.problems.is_empty() => Ok(plan),
        _ => Err(Problems::new(loading.sources, loading.problems)),
    }
}

/// A workload on its way to a plan.
struct Loading {
    sources: Vec<Source>,
    problems: Vec<Problem>,
    /// What of the file has no meaning here.
    notes: Vec<String>,
}

impl Loading {
    fn new(file: &str, text: &str) -> Self {
        let source = Source {
            name: file.to_owned(),
            text: text.to_owned(),
            is_file: true,
        };
        Self {
            sources: vec![source],
            problems: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn plan(&mut self, file: &str, overrides: &Overrides, read: &ReadFile<'_>) -> Option<Plan> {
        let text = std::mem::take(&mut self.sources[0].text);
        let tree = self.tree(file, &text);
        self.sources[0].text = text;
        let mut tree = tree?;
        if tree.content == Content::Nothing {
            self.problems.push(Problem::new(
                Place::default(),
                "the file is empty; a workload needs `keys` and `phases` at least",
            ));
            return None;
        }
        self.apply(&overrides.set, &mut tree);
        let target = self.target(overrides);
        if let Some(seed) = overrides.seed {
            self.set("--seed".to_owned(), "seed", &seed.to_string(), &mut tree);
        }
        let files = Files::new(read, self.sources.len());
        let context = check::Context {
            files: &files,
            document: first_place(&tree),
            name: name_of(file),
            folder: Path::new(file).parent().unwrap_or(Path::new("")).to_owned(),
            target,
            clients: overrides.clients,
        };
        let written = reader::read::<Workload>(&tree, &mut self.problems)
            .map_err(|problem| self.problems.push(problem))
            .ok()?;
        let mut plan = check::check(&written, &context, &mut self.problems);
        self.sources.extend(files.into_sources());
        plan.notes.append(&mut self.notes);
        Some(plan)
    }

    /// The tree that `text` is, YAML or properties.
    fn tree(&mut self, file: &str, text: &str) -> Option<Node> {
        if properties::is_one(text) {
            let read = ycsb::read(file, text, &mut self.problems);
            self.notes = read.notes;
            return Some(read.tree);
        }
        let tree = yaml::read(text, 0);
        tree.map_err(|problem| self.problems.push(problem)).ok()
    }

    /// Applies each `PATH=VALUE`.
    fn apply(&mut self, settings: &[String], tree: &mut Node) {
        for setting in settings {
            match overrides::split(setting) {
                Ok((path, value)) => self.set(format!("--set {path}"), path, value, tree),
                Err(message) => {
                    let place = self.source(format!("--set {setting}"), String::new());
                    self.problems.push(Problem::new(place, message));
                }
            }
        }
    }

    fn set(&mut self, name: String, path: &str, value: &str, tree: &mut Node) {
        let place = self.source(name, value.to_owned());
        let outcome = yaml::read(value, place.source).and_then(|node| {
            overrides::set(tree, path, node, place).map_err(|message| Problem::new(place, message))
        });
        if let Err(problem) = outcome {
            self.problems.push(problem);
        }
    }

    /// Adds a source that is no file, and gives the place of the whole of it.
    fn source(&mut self, name: String, text: String) -> Place {
        let place = Place {
            source: self.sources.len(),
            start: 0,
            length: text.len(),
        };
        self.sources.push(Source {
            name,
            text,
            is_file: false,
        });
        place
    }

    /// The target from the command line with what it permits. Its text is not shown: it may hold a password.
    fn target(
        &mut self,
        overrides: &Overrides,
    ) -> Option<(target::Driven, Vec<Permission>, Place)> {
        let permissions = self.permissions(&overrides.allow);
        let Some(text) = &overrides.target else {
            if !overrides.allow.is_empty() {
                let place = self.source("--allow".to_owned(), String::new());
                self.problems.push(Problem::new(place, "this is about the endpoint given with --target; for a target in the file, write allow: [...] there"));
            }
            return None;
        };
        let place = self.source("--target".to_owned(), String::new());
        match target::parse(text) {
            Ok(driven) => Some((driven, permissions, place)),
            Err(message) => {
                self.problems.push(Problem::new(place, message));
                None
            }
        }
    }

    fn permissions(&mut self, allow: &[String]) -> Vec<Permission> {
        let mut permissions = Vec::new();
        for name in allow {
            match name.as_str() {
                "flush" => permissions.push(Permission::Flush),
                "config" => permissions.push(Permission::Config),
                "cluster" => permissions.push(Permission::Cluster),
                unknown => {
                    let place = self.source("--allow".to_owned(), unknown.to_owned());
                    self.problems.push(Problem::new(
                        place,
                        words::unknown("permission", unknown, &["flush", "config", "cluster"]),
                    ));
                }
            }
        }
        permissions
    }
}

/// Where a document's first key stands, which is where things missing from it are told.
fn first_place(tree: &Node) -> Place {
    match &tree.content {
        Content::Map(entries) => entries.first().map_or(tree.place, |(key, _)| key.place),
        _ => tree.place,
    }
}

/// The name of a workload that gives itself none: that of its file, without its ending.
fn name_of(file: &str) -> String {
    let stem = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = stem.split_once('.').map_or(stem, |(stem, _)| stem);
    let name: String = stem
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || letter == '-' {
                letter
            } else {
                '_'
            }
        })
        .take(limits::NAME_CHARACTERS)
        .collect();
    units::Name::from_text(&name).map_or_else(|_| "workload".to_owned(), |name| name.0)
}
