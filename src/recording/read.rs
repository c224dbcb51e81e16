//! Reading `recording.json` back, with the place of what is wrong.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::error::Category;

use super::model::{Recording, SCHEMA};
use super::write::RECORDING_FILE;

/// The largest recording that is read, bytes. A million keys with everything about them take about 10 MB a
/// repetition.
pub const SIZE_MAX_BYTES: u64 = 512 << 20;

/// What every schema name begins with; a number follows.
const SCHEMA_FAMILY: &str = "cachebench.recording/";

/// Why a recording cannot be read. Each text names the place and the next step.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No such file, no permission, a broken disk.
    #[error("cannot read {path}: {source}; name a recording.json or the folder that holds one")]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A pipe, a device.
    #[error("{path} is not a file; name a recording.json or the folder that holds one")]
    NotAFile {
        /// What was to be read.
        path: PathBuf,
    },
    /// Above [`SIZE_MAX_BYTES`]; nothing was loaded.
    #[error(
        "{path} has {size} bytes, and recordings of more than {SIZE_MAX_BYTES} bytes are not loaded; run the workload with fewer keys, cells or repetitions, or with `survival: {{ probe: false }}`"
    )]
    TooLarge {
        /// What was to be read.
        path: PathBuf,
        /// Its length, bytes.
        size: u64,
    },
    /// The file ends too early.
    #[error(
        "{path} breaks off at line {line}, column {column}: the rest of the recording is missing; copy it again, or run the workload again"
    )]
    Truncated {
        /// What was read.
        path: PathBuf,
        /// Line of the end, from 1.
        line: usize,
        /// Column of the end, from 1.
        column: usize,
    },
    /// Not JSON.
    #[error(
        "{path} is not JSON (line {line}, column {column}: {detail}); name a recording.json that cachebench wrote"
    )]
    NotJson {
        /// What was read.
        path: PathBuf,
        /// Line of the error, from 1.
        line: usize,
        /// Column of the error, from 1.
        column: usize,
        /// What the parser said.
        detail: String,
    },
    /// JSON, but of something else.
    #[error(
        "{path} is JSON but no recording: its `schema` is {found}, not {SCHEMA}; name a recording.json that cachebench wrote"
    )]
    NotARecording {
        /// What was read.
        path: PathBuf,
        /// What `schema` says.
        found: String,
    },
    /// Written by a later version.
    #[error("{path} has the schema {found}, and this version (cachebench {}) reads up to {SCHEMA}; read it with cachebench {writer} or later", env!("CARGO_PKG_VERSION"))]
    Newer {
        /// What was read.
        path: PathBuf,
        /// Its schema.
        found: String,
        /// The version that wrote it.
        writer: String,
    },
    /// A recording in which a field is missing or of another type.
    #[error(
        "{path} is damaged at line {line}, column {column}: {detail}; copy it again, or run the workload again"
    )]
    Damaged {
        /// What was read.
        path: PathBuf,
        /// Line of the error, from 1.
        line: usize,
        /// Column of the error, from 1.
        column: usize,
        /// What the parser said.
        detail: String,
    },
}

/// Reads the recording at `path`: a `recording.json`, or the folder that holds one.
///
/// # Errors
/// Where the file cannot be read, is too large, incomplete, not JSON, not a recording, or of a newer schema.
pub fn read(path: &Path) -> Result<Recording, ReadError> {
    let path = if path.is_dir() {
        path.join(RECORDING_FILE)
    } else {
        path.to_owned()
    };
    let text = load(&path)?;
    parse(&text, &path)
}

/// Reads a recording from its text; `path` is for the errors.
///
/// # Errors
/// As [`read`].
pub fn parse(text: &[u8], path: &Path) -> Result<Recording, ReadError> {
    let head: Head = serde_json::from_slice(text).map_err(|error| syntax(path, text, &error))?;
    check_schema(&head, path)?;
    serde_json::from_slice(text).map_err(|error| syntax(path, text, &error))
}

fn load(path: &Path) -> Result<Vec<u8>, ReadError> {
    let io = |source| ReadError::Io {
        path: path.to_owned(),
        source,
    };
    let metadata = std::fs::metadata(path).map_err(io)?;
    if !metadata.is_file() {
        return Err(ReadError::NotAFile {
            path: path.to_owned(),
        });
    }
    if metadata.len() > SIZE_MAX_BYTES {
        return Err(ReadError::TooLarge {
            path: path.to_owned(),
            size: metadata.len(),
        });
    }
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(SIZE_MAX_BYTES).read_to_end(&mut text))
        .map_err(io)?;
    Ok(text)
}

/// The fields that every schema, past or to come, begins with.
#[derive(Deserialize)]
struct Head {
    schema: Option<String>,
    cachebench: Option<String>,
}

fn check_schema(head: &Head, path: &Path) -> Result<(), ReadError> {
    let path = path.to_owned();
    let Some(found) = head.schema.clone() else {
        return Err(ReadError::NotARecording {
            path,
            found: "absent".to_owned(),
        });
    };
    if found == SCHEMA {
        return Ok(());
    }
    let number = |schema: &str| {
        schema
            .strip_prefix(SCHEMA_FAMILY)
            .and_then(|number| number.parse::<u32>().ok())
    };
    if number(&found) > number(SCHEMA) {
        let writer = head
            .cachebench
            .clone()
            .unwrap_or_else(|| "of the version that wrote it".to_owned());
        return Err(ReadError::Newer {
            path,
            found,
            writer,
        });
    }
    Err(ReadError::NotARecording { path, found })
}

fn syntax(path: &Path, text: &[u8], error: &serde_json::Error) -> ReadError {
    let (path, line, column) = (path.to_owned(), error.line(), error.column());
    let whole = error.to_string();
    let detail = whole
        .split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned();
    match error.classify() {
        Category::Eof => ReadError::Truncated { path, line, column },
        Category::Syntax if breaks_off(text, line, column) => {
            ReadError::Truncated { path, line, column }
        }
        Category::Syntax | Category::Io => ReadError::NotJson {
            path,
            line,
            column,
            detail,
        },
        Category::Data => ReadError::Damaged {
            path,
            line,
            column,
            detail,
        },
    }
}

/// A number cut off after its point is a syntax error to the parser; what tells is that nothing follows.
fn breaks_off(text: &[u8], line: usize, column: usize) -> bool {
    let last_line = text
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
    text.starts_with(b"{") && line == lines && column >= last_line.len()
}
