//! Writing what a run leaves: every file whole or not at all, and the recording somewhere in any case.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::model::Recording;
use super::{hlog, lost_writes_csv, survival_csv, timeline_csv};

/// The file that all others can be made from.
pub const RECORDING_FILE: &str = "recording.json";

/// A file or folder that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {source}; {}", cure(source))]
pub struct WriteError {
    /// What was to be written.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

fn cure(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space there, or choose another folder with --out"
        }
        io::ErrorKind::FileTooLarge => "raise the limit on the size of files (ulimit -f)",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a folder that you may write to with --out"
        }
        _ => "choose another folder with --out",
    }
}

/// Where a recording went.
#[derive(Debug)]
pub struct Saved {
    /// The `recording.json`.
    pub path: PathBuf,
    /// Why it is not in the folder that was asked for.
    pub instead: Option<WriteError>,
}

/// Writes the recording into `folder`, which is made where it is missing; where that fails, into `fallback`.
///
/// # Errors
/// Where both fail: the error of `folder`.
pub fn save(recording: &Recording, folder: &Path, fallback: &Path) -> Result<Saved, WriteError> {
    match write_recording(recording, folder) {
        Ok(path) => Ok(Saved {
            path,
            instead: None,
        }),
        Err(error) => match write_recording(recording, fallback) {
            Ok(path) => Ok(Saved {
                path,
                instead: Some(error),
            }),
            Err(_) => Err(error),
        },
    }
}

/// Writes `recording.json` into `folder`, which is made where it is missing, and says where it is.
///
/// # Errors
/// Where the folder cannot be made or the file not be written.
pub fn write_recording(recording: &Recording, folder: &Path) -> Result<PathBuf, WriteError> {
    write_file(&folder.join(RECORDING_FILE), |out| {
        serde_json::to_writer(&mut *out, recording)?;
        out.write_all(b"\n")
    })
}

/// Writes the tables beside the recording that have something in them (`latency.hlog`, `timeline.csv`,
/// `survival.csv`, `lost_writes.csv`), and says which.
///
/// # Errors
/// Where one cannot be written.
pub fn write_tables(recording: &Recording, folder: &Path) -> Result<Vec<PathBuf>, WriteError> {
    let repetitions = || recording.cells.iter().flat_map(|cell| &cell.repetitions);
    let mut files = vec![
        write_file(&folder.join("latency.hlog"), |out| {
            hlog::write(recording, out)
        })?,
        write_file(&folder.join("timeline.csv"), |out| {
            timeline_csv::write(recording, out)
        })?,
    ];
    if repetitions().any(|repetition| repetition.survival.is_some()) {
        files.push(write_file(&folder.join("survival.csv"), |out| {
            survival_csv::write(recording, out)
        })?);
    }
    let read_back = repetitions().filter_map(|repetition| repetition.read_back.as_ref());
    if read_back.map(|record| record.lost).sum::<u64>() > 0 {
        files.push(write_file(&folder.join("lost_writes.csv"), |out| {
            lost_writes_csv::write(recording, out)
        })?);
    }
    Ok(files)
}

/// Writes a file whole or not at all: into a temporary file beside it, to the disk, then under its name.
///
/// # Errors
/// Where any of that fails; the temporary file is removed and a file that was there before is untouched.
pub fn write_file(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<PathBuf, WriteError> {
    let temporary = temporary_name(path);
    let written = write_and_rename(path, &temporary, content);
    written.map(|()| path.to_owned()).map_err(|source| {
        // The error that matters is the one that is returned.
        let _ = fs::remove_file(&temporary);
        WriteError {
            path: path.to_owned(),
            source,
        }
    })
}

fn write_and_rename(
    path: &Path,
    temporary: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut out = BufWriter::with_capacity(1 << 16, File::create(temporary)?);
    content(&mut out)?;
    out.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    fs::rename(temporary, path)
}

/// Beside the file, because a rename works only within one file system; one per process, so that two runs into one
/// folder do not write into each other.
fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.part", std::process::id()))
}
