//! The arguments that name a workload and change it, shared by the subcommands that take one.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::exit::BadInput;
use crate::workload::plan::Plan;
use crate::workload::{Overrides, limits, load_with_files};

/// What the command line changes about a workload.
#[derive(Debug, clap::Args)]
pub(super) struct Changes {
    /// What to drive instead of the file's target: embedded, spawn:PROGRAM, redis://[user:password@]host[:port][/database], rediss://…, unix:///path
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// What may be done to the endpoint given as --target: config (CONFIG SET), flush (FLUSHALL)
    #[arg(long, value_name = "PERMISSION", value_delimiter = ',')]
    allow: Vec<String>,
    /// Clients of every phase that sends requests, instead of the file's, at most 10000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=limits::CLIENTS as i64))]
    clients: Option<u32>,
    /// The seed that every random draw comes from, instead of the file's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Set a key of the workload, as in keys.count=1M or phases.mix.rate=10k/s; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

impl Changes {
    /// Reads the workload in `file`, changes it, and checks it.
    ///
    /// # Errors
    ///
    /// [`BadInput`] where the file cannot be read, and [`Problems`](crate::workload::Problems) where it is no workload.
    pub(super) fn load(&self, file: &Path) -> anyhow::Result<Plan> {
        checked(file, &self.overrides())
    }

    /// Reads the workload for one of several targets, with settings of its own after those for all.
    ///
    /// # Errors
    ///
    /// As [`Changes::load`].
    pub(super) fn load_side(
        &self,
        file: &Path,
        target: &str,
        set: &[String],
    ) -> anyhow::Result<Plan> {
        let mut overrides = self.overrides();
        overrides.target = Some(target.to_owned());
        overrides.set.extend_from_slice(set);
        checked(file, &overrides)
    }

    /// Whether anything is changed.
    pub(super) fn is_any(&self) -> bool {
        self.target.is_some()
            || self.clients.is_some()
            || self.seed.is_some()
            || !self.set.is_empty()
            || !self.allow.is_empty()
    }

    fn overrides(&self) -> Overrides {
        Overrides {
            target: self.target.clone(),
            allow: self.allow.clone(),
            clients: self.clients,
            seed: self.seed,
            set: self.set.clone(),
        }
    }
}

/// The plan of the workload in `file` and the files that it names, changed by `overrides`.
fn checked(file: &Path, overrides: &Overrides) -> anyhow::Result<Plan> {
    let text = read(file)?;
    let beside = |name: &str| read(&beside(file, name)).map_err(|error| error.to_string());
    let name = file.display().to_string();
    Ok(load_with_files(&name, &text, overrides, &beside)?)
}

/// The file that the workload in `file` calls `name`: where that is no whole path, it begins where the workload lies.
fn beside(file: &Path, name: &str) -> PathBuf {
    file.parent()
        .map_or(name.into(), |folder| folder.join(name))
}

/// The text of `file`, never more than a workload may have.
fn read(file: &Path) -> anyhow::Result<String> {
    let bytes = read_bytes(file)
        .map_err(|error| BadInput(format!("cannot read {}: {error}", file.display())))?;
    if bytes.len() > limits::FILE_BYTES {
        let message = format!(
            "{} is longer than the {} bytes that a workload and its files may have",
            file.display(),
            limits::FILE_BYTES
        );
        return Err(BadInput(message).into());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        BadInput(format!(
            "{} is no text (byte {at} is not UTF-8)",
            file.display()
        ))
        .into()
    })
}

fn read_bytes(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?
        .take(limits::FILE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
