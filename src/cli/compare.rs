//! `cachebench compare`: recordings side by side, where that says something.

use std::path::PathBuf;

use super::exit::BadInput;
use super::format::Format;
use super::{Exit, run, terminal};
use crate::gate::identity::{Aspect, Difference, differences, matching_cells};
use crate::recording::model::Recording;
use crate::recording::read;
use crate::report::comparison::{self, ComparisonFigures, text};

/// Recordings that are compared at once, at most.
const RECORDINGS_MAX: usize = 7;

/// Arguments of `cachebench compare`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Recordings, or folders that hold one; the first is what the others are held against
    #[arg(value_name = "RECORDING", required = true, num_args = 2..=RECORDINGS_MAX)]
    recordings: Vec<PathBuf>,
    /// In what they may differ although figures then speak of more than the server
    #[arg(long, value_name = "ASPECT", value_delimiter = ',')]
    allow: Vec<Allowed>,
    /// Folder for the page and the plots [default: reports/compare-NAME-TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Allowed {
    /// What was asked of the server
    Workload,
    /// Where the random draws came from
    Seed,
    /// The machine that drove
    Machine,
}

impl Allowed {
    fn admits(self, aspect: Aspect) -> bool {
        matches!(
            (self, aspect),
            (Self::Workload, Aspect::Workload)
                | (Self::Seed, Aspect::Seed)
                | (Self::Machine, Aspect::Machine)
        )
    }
}

/// Reads, refuses what is no comparison, writes, prints.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut recordings: Vec<(String, Recording)> = Vec::new();
    for path in &arguments.recordings {
        let recording = read::read(path).map_err(|error| BadInput(error.to_string()))?;
        recordings.push((path.display().to_string(), recording));
    }
    refuse_what_differs(&recordings, &arguments.allow)?;
    let mut figures = ComparisonFigures::of(&recordings);
    let name = format!("compare-{}", figures.workload);
    let folder = run::folder(arguments.out.as_deref(), &name);
    let files = comparison::write(&recordings, &figures, &folder)?;
    if arguments.format.is_json() {
        figures.files = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        arguments.format.print(&figures)?;
    } else {
        let summary = text::summary(&figures, terminal::columns());
        terminal::result(&format!(
            "{summary}\n\nWritten to {}: compare.html, plots",
            folder.display()
        ))?;
    }
    Ok(Exit::Done)
}

fn refuse_what_differs(
    recordings: &[(String, Recording)],
    allowed: &[Allowed],
) -> anyhow::Result<()> {
    let Some(((name, first), others)) = recordings.split_first() else {
        return Ok(());
    };
    for (other_name, other) in others {
        let forbids = |one: &Difference| {
            one.aspect.forbids() && !allowed.iter().any(|allowed| allowed.admits(one.aspect))
        };
        let found: Vec<Difference> = differences(first, other)
            .into_iter()
            .filter(forbids)
            .collect();
        if !found.is_empty() {
            return Err(BadInput(refusal(name, other_name, &found)).into());
        }
        if matching_cells(first, other).is_empty() {
            let message = format!(
                "{name} and {other_name} have no cell in common; compare recordings of the same `compare`"
            );
            return Err(BadInput(message).into());
        }
    }
    Ok(())
}

/// What differs, and the option that lets it pass.
fn refusal(name: &str, other: &str, found: &[Difference]) -> String {
    let list = found.iter().map(|one| {
        let (aspect, what) = (one.aspect.name(), &one.what);
        format!("\n  {aspect}, {what}: {} and {}", one.first, one.other)
    });
    let mut aspects: Vec<&str> = found.iter().map(|one| one.aspect.name()).collect();
    aspects.dedup();
    format!(
        "{name} and {other} differ in more than the server, so that figures would not speak of it:{}\n\
         to compare them all the same: --allow {}",
        list.collect::<String>(),
        aspects.join(",")
    )
}
