//! `cachebench trend`: a figure over the recordings in a folder, for reading.

use std::path::{Path, PathBuf};

use super::exit::BadInput;
use super::format::Format;
use super::{Exit, terminal};
use crate::recording::model::Recording;
use crate::recording::read;
use crate::recording::write::RECORDING_FILE;
use crate::report::trend::{Question, TrendFigures, summary, write};
use crate::workload::{criteria, words};

/// Recordings that are looked at, at most.
const RECORDINGS_MAX: usize = 1000;

/// Arguments of `cachebench trend`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A folder of recordings, or of folders that hold one each
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// What to look at, as expectations name it: mix.p99, survival.read, server.evicted_keys
    #[arg(long, value_name = "METRIC")]
    metric: String,
    /// The cell to look at [default: the first]
    #[arg(long, value_name = "LABEL")]
    cell: Option<String>,
    /// Where to draw it; trend.html is written beside it [default: DIR/trend.svg]
    #[arg(long, value_name = "FILE.svg")]
    out: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// Reads, finds changes of level, draws, prints.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let recordings = recordings(&arguments.folder)?;
    let Some((_, newest)) = recordings.last() else {
        let message = format!(
            "no recording in {}; `cachebench run --out {0}/NAME` leaves one",
            arguments.folder.display()
        );
        return Err(BadInput(message).into());
    };
    let question = Question {
        metric: criteria::metric("--metric", &arguments.metric, &newest.plan)?,
        text: &arguments.metric,
        cell: cell(arguments.cell.as_deref(), newest)?,
    };
    let Some(mut figures) = TrendFigures::of(&recordings, &question) else {
        return Ok(Exit::Done);
    };
    let file = arguments
        .out
        .clone()
        .unwrap_or_else(|| arguments.folder.join("trend.svg"));
    let written = write(&figures, &file)?;
    figures.files = written
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    if arguments.format.is_json() {
        arguments.format.print(&figures)?;
    } else {
        let drawn = match figures.files.as_slice() {
            [] => String::new(),
            files => format!("\n\nDrawn in {}", files.join(", ")),
        };
        let summary = summary(&figures, terminal::columns());
        terminal::result(&format!("{summary}{drawn}"))?;
    }
    Ok(Exit::Done)
}

fn cell(asked: Option<&str>, newest: &Recording) -> anyhow::Result<usize> {
    let Some(asked) = asked else { return Ok(0) };
    let labels: Vec<&str> = newest
        .cells
        .iter()
        .map(|cell| cell.label.as_str())
        .collect();
    let place = labels.iter().position(|label| *label == asked);
    Ok(place.ok_or_else(|| {
        BadInput(format!(
            "--cell: {}",
            words::unknown("cell", asked, &labels)
        ))
    })?)
}

/// The recordings in `folder` and in its folders, oldest first. What cannot be read is warned of and left out.
fn recordings(folder: &Path) -> anyhow::Result<Vec<(String, Recording)>> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        BadInput(format!(
            "cannot look into {}: {error}; name a folder of recordings",
            folder.display()
        ))
    })?;
    let mut recordings = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_recording = path.join(RECORDING_FILE).is_file()
            || path.extension().is_some_and(|ending| ending == "json");
        if !is_recording {
            continue;
        }
        if recordings.len() == RECORDINGS_MAX {
            return Err(BadInput(format!(
                "more than {RECORDINGS_MAX} recordings in {}; move old ones away",
                folder.display()
            ))
            .into());
        }
        match read::read(&path) {
            Ok(recording) => recordings.push((path.display().to_string(), recording)),
            Err(error) => terminal::warning(&format!("left out: {error}")),
        }
    }
    recordings.sort_by(|(_, a), (_, b)| a.started_at.cmp(&b.started_at));
    Ok(recordings)
}
