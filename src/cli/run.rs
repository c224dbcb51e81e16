//! `cachebench run`: drives a workload, keeps what was measured whatever happens, and reports it.

use std::path::{Path, PathBuf};

use super::exit::BadInput;
use super::metrics::Metrics;
use super::progress::Progress;
use super::report::Output;
use super::workload::Changes;
use super::{Exit, descriptors, interrupt, password, terminal};
use crate::recording::model::{Outcome, Recording};
use crate::recording::{read, write};
use crate::report;
use crate::report::text::prose;
use crate::runner::{self, Event, Observer, RunError};
use crate::workload::outline;
use crate::workload::plan::Plan;

/// Arguments of `cachebench run`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The workload
    #[arg(value_name = "WORKLOAD.yaml")]
    workload: PathBuf,
    #[command(flatten)]
    changes: Changes,
    /// Folder for what the run leaves [default: reports/NAME-TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    /// Serve Prometheus metrics at http://ADDRESS/metrics while the run goes on, as in 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<String>,
    /// Show neither plan nor progress nor warnings; warnings stay in the result
    #[arg(long)]
    quiet: bool,
}

/// Checks, drives, saves, draws, prints.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut plan = arguments.changes.load(&arguments.workload)?;
    password::fill(&mut plan)?;
    descriptors::make_room(&plan)?;
    let folder = folder(arguments.out.as_deref(), &plan.name);
    if !arguments.quiet {
        terminal::note(&prose(&outline(&plan), "  ", terminal::columns()));
    }
    let mut watchers = Watchers::new(&plan, arguments)?;
    let outcome = drive(&plan, &mut watchers);
    drop(watchers);
    match outcome {
        Ok(recording) => {
            if !arguments.quiet {
                terminal::note("");
            }
            keep(&recording, &folder, &arguments.output)
        }
        Err(RunError::NotAllowed(why) | RunError::Trace(why)) => Err(BadInput(why).into()),
        Err(error @ RunError::Interrupted) => {
            terminal::note(&error.to_string());
            Ok(Exit::Interrupted)
        }
        Err(error) => Err(error.into()),
    }
}

/// All who are told what happens.
struct Watchers {
    progress: Progress,
    metrics: Option<Metrics>,
}

impl Watchers {
    fn new(plan: &Plan, arguments: &Arguments) -> anyhow::Result<Self> {
        let serve = |address: &String| Metrics::serve(address, plan);
        let served = arguments.metrics.as_ref().map(serve).transpose()?;
        if let Some((_, at)) = &served
            && !arguments.quiet
        {
            terminal::note(&format!("metrics: http://{at}/metrics"));
        }
        Ok(Self {
            progress: Progress::new(plan, arguments.quiet),
            metrics: served.map(|(metrics, _)| metrics),
        })
    }
}

impl Observer for Watchers {
    fn on(&mut self, event: Event<'_>) {
        self.progress.on(event);
        if let Some(metrics) = &mut self.metrics {
            metrics.on(event);
        }
    }
}

/// Runs `plan`, telling `observer`.
///
/// # Errors
///
/// As [`runner::run`].
pub(super) fn drive(plan: &Plan, observer: &mut dyn Observer) -> Result<Recording, RunError> {
    let interrupt = interrupt::on_signals();
    runner::run(plan, repeating_command(), observer, &interrupt)
}

/// Saves the recording first; what is drawn is drawn from the file just written, which proves that it can be read.
fn keep(recording: &Recording, folder: &Path, output: &Output) -> anyhow::Result<Exit> {
    let fallback = std::env::temp_dir().join(format!("cachebench-{}", stem(&recording.plan.name)));
    let saved = write::save(recording, folder, &fallback)?;
    let folder = saved.path.parent().unwrap_or(folder);
    let exit = match &saved.instead {
        Some(error) => {
            terminal::warning(&format!(
                "{error}; the recording was saved in {} instead",
                folder.display()
            ));
            Exit::CouldNot
        }
        None => exit_of(recording),
    };
    let recording = read::read(&saved.path)?;
    let drawn = report::write(&recording, folder);
    let files: Vec<PathBuf> = [saved.path.clone()]
        .into_iter()
        .chain(drawn.iter().flatten().cloned())
        .collect();
    output.print(&recording, folder, &files)?;
    drawn?;
    if let Outcome::Failed(why) = &recording.outcome {
        terminal::error(&anyhow::anyhow!(
            "{why}; what was measured before is in {}",
            folder.display()
        ));
    }
    Ok(exit)
}

fn exit_of(recording: &Recording) -> Exit {
    match recording.outcome {
        Outcome::Interrupted => Exit::Interrupted,
        Outcome::Failed(_) => Exit::CouldNot,
        Outcome::Complete if recording.expectations.iter().all(|verdict| verdict.held) => {
            Exit::Done
        }
        Outcome::Complete => Exit::ExpectationFailed,
    }
}

/// The folder that was asked for, else one of its own.
pub(super) fn folder(asked: Option<&Path>, name: &str) -> PathBuf {
    asked.map_or_else(|| default_folder(name), Path::to_owned)
}

/// Writes the recording and everything that is made from it into `folder`; which files.
///
/// # Errors
///
/// Where a file cannot be written.
pub(super) fn write(recording: &Recording, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = vec![write::write_recording(recording, folder)?];
    files.extend(report::write(recording, folder)?);
    Ok(files)
}

/// `reports/NAME-TIME`, with a number after it where that is taken: a run never writes over another by itself.
fn default_folder(name: &str) -> PathBuf {
    let stem = stem(name);
    let folders = (1_u32..).map(|number| {
        let number = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        Path::new("reports").join(format!("{stem}{number}"))
    });
    folders
        .into_iter()
        .find(|folder| !folder.exists())
        .unwrap_or_default()
}

/// Name and time, as a file name on any system.
fn stem(name: &str) -> String {
    let is_safe = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let name: String = name
        .chars()
        .map(|character| if is_safe(character) { character } else { '_' })
        .take(80)
        .collect();
    format!(
        "{name}-{}",
        jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ")
    )
}

/// The command line of this process, as it can be typed again, passwords left out.
fn repeating_command() -> Vec<String> {
    let words = std::env::args_os()
        .skip(1)
        .map(|word| without_password(&word.to_string_lossy()));
    ["cachebench".to_owned()].into_iter().chain(words).collect()
}

/// `redis://user:password@host` without `:password`, wherever it is in the word.
fn without_password(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else {
        return word.to_owned();
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    // The last @ ends the password, which may hold others.
    let Some((credentials, host)) = authority.rsplit_once('@') else {
        return word.to_owned();
    };
    let user = credentials.split(':').next().unwrap_or_default();
    let after = rest.get(authority.len()..).unwrap_or_default();
    format!("{scheme}://{user}@{host}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_left_out_of_the_command() {
        let cases = [
            ("redis://ada:secret@host:6379/0", "redis://ada@host:6379/0"),
            ("redis://:se@cret@host", "redis://@host"),
            (
                "--target=redis://:secret@host/1",
                "--target=redis://@host/1",
            ),
            ("redis://host:6379/0?a=b@c", "redis://host:6379/0?a=b@c"),
            ("workloads/lru_flood.yaml", "workloads/lru_flood.yaml"),
        ];
        for (word, expected) in cases {
            assert_eq!(without_password(word), expected);
        }
    }

    #[test]
    fn a_name_makes_one_file_name() {
        let stem = stem("../a b/ü");
        assert!(
            stem.starts_with(".._a_b__-") && stem.ends_with('Z'),
            "{stem}"
        );
    }
}
