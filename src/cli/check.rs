//! `cachebench check`: reads workloads, prints their plans, starts nothing.

use std::path::PathBuf;

use super::workload::Changes;
use super::{Exit, exit, terminal};
use crate::workload::{advice, describe};

/// Arguments of `cachebench check`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Workload files
    #[arg(value_name = "WORKLOAD.yaml", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    changes: Changes,
}

/// Prints the plan of every file; what is wrong with one does not hide the others.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut worst = Exit::Done;
    for (index, file) in arguments.files.iter().enumerate() {
        match arguments.changes.load(file) {
            Ok(plan) => {
                let gap = if index == 0 { "" } else { "\n" };
                terminal::result(&format!("{gap}{}", describe(&plan)))?;
                advice(&plan)
                    .iter()
                    .for_each(|advice| terminal::warning(advice));
            }
            Err(error) => {
                terminal::error(&error);
                worst = exit::of(&error);
            }
        }
    }
    Ok(worst)
}
