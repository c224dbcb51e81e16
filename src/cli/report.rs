//! `cachebench report`: draws everything again from a recording alone.

use std::path::{Path, PathBuf};

use super::exit::BadInput;
use super::format::Format;
use super::{Exit, terminal};
use crate::recording::model::Recording;
use crate::recording::read;
use crate::report::{self, Figures};

/// Arguments of `cachebench report`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A recording.json, or the folder that holds one
    #[arg(value_name = "RECORDING")]
    recording: PathBuf,
    /// Folder for what is drawn [default: where the recording is]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What goes to stdout.
#[derive(Debug, clap::Args)]
pub(super) struct Output {
    #[command(flatten)]
    format: Format,
}

/// Reads, draws, prints. A recording that cannot be read is bad input: nothing is written.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let recording =
        read::read(&arguments.recording).map_err(|error| BadInput(error.to_string()))?;
    let folder = arguments
        .out
        .clone()
        .unwrap_or_else(|| folder_of(&arguments.recording));
    let files = report::write(&recording, &folder)?;
    arguments.output.print(&recording, &folder, &files)?;
    Ok(Exit::Done)
}

fn folder_of(recording: &Path) -> PathBuf {
    if recording.is_dir() {
        recording.to_owned()
    } else {
        recording.parent().map(Path::to_owned).unwrap_or_default()
    }
}

impl Output {
    /// Prints what `recording` says, and which `files` were written into `folder`.
    ///
    /// # Errors
    /// Where stdout is closed.
    pub(super) fn print(
        &self,
        recording: &Recording,
        folder: &Path,
        files: &[PathBuf],
    ) -> anyhow::Result<()> {
        let mut figures = Figures::of(recording);
        if self.format.is_json() {
            let names = files.iter().map(|file| file.display().to_string());
            figures.files = names.collect();
            return self.format.print(&figures);
        }
        let summary = report::text::summary(recording, &figures, terminal::columns());
        Ok(terminal::result(&format!(
            "{summary}\n\n{}",
            written(folder, files)
        ))?)
    }
}

/// `Written to reports/x: report.html, recording.json, 5 plots`: the page first, since that is what to open.
fn written(folder: &Path, files: &[PathBuf]) -> String {
    let is_plot = |file: &&PathBuf| file.extension().is_some_and(|ending| ending == "svg");
    let plots = files.iter().filter(is_plot).count();
    let names = files
        .iter()
        .rev()
        .filter(|file| !is_plot(file))
        .filter_map(|file| file.file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    if plots > 0 {
        names.push(format!("plots/*.svg ({plots})"));
    }
    let text = format!("Written to {}: {}", folder.display(), names.join(", "));
    report::text::prose(&text, "  ", terminal::columns())
}
