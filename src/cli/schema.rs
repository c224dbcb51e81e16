//! `cachebench schema`: the JSON schema of a workload, for editors, or of a recording, for programs that read it.

use super::{Exit, terminal};
use crate::{recording, workload};

/// Arguments of `cachebench schema`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Whose schema
    of: Of,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Of {
    /// What `cachebench run` reads
    Workload,
    /// What it writes
    Recording,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let schema = match arguments.of {
        Of::Workload => workload::schema::workload(),
        Of::Recording => recording::schema().to_value(),
    };
    terminal::result(&serde_json::to_string_pretty(&schema)?)?;
    Ok(Exit::Done)
}
