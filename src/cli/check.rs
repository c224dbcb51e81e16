//! `cachebench check`: reads workloads, prints their plans, starts nothing.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::format::Format;
use super::workload::Changes;
use super::{Exit, exit, terminal};
use crate::workload::plan::Plan;
use crate::workload::{Problems, advice, describe};

/// The schema of the JSON form.
const SCHEMA: &str = "cachebench.check/1";

/// Arguments of `cachebench check`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Workload files
    #[arg(value_name = "WORKLOAD.yaml", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    format: Format,
}

/// What was found in workload files.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Findings {
    /// `cachebench.check/1`.
    schema: String,
    /// A file each, in the order of the command line.
    files: Vec<Finding>,
}

/// What was found in one file.
#[derive(Debug, Serialize, JsonSchema)]
struct Finding {
    /// The file.
    file: String,
    /// What it means, where nothing is wrong.
    plan: Option<Plan>,
    /// Everything that is wrong with it.
    problems: Vec<String>,
    /// What could be done better.
    advice: Vec<String>,
}

/// Prints the plan of every file; what is wrong with one does not hide the others.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let (mut worst, mut findings) = (Exit::Done, Vec::new());
    for (index, file) in arguments.files.iter().enumerate() {
        let loaded = arguments.changes.load(file);
        if !arguments.format.is_json() {
            tell(index, &loaded)?;
        }
        if let Err(error) = &loaded {
            worst = exit::of(error);
        }
        findings.push(finding(file, loaded));
    }
    if arguments.format.is_json() {
        arguments.format.print(&Findings {
            schema: SCHEMA.to_owned(),
            files: findings,
        })?;
    }
    Ok(worst)
}

fn tell(index: usize, loaded: &anyhow::Result<Plan>) -> anyhow::Result<()> {
    match loaded {
        Ok(plan) => {
            let gap = if index == 0 { "" } else { "\n" };
            terminal::result(&format!("{gap}{}", describe(plan)))?;
            advice(plan)
                .iter()
                .for_each(|advice| terminal::warning(advice));
        }
        Err(error) => terminal::error(error),
    }
    Ok(())
}

fn finding(file: &Path, loaded: anyhow::Result<Plan>) -> Finding {
    let (plan, problems) = match loaded {
        Ok(plan) => (Some(plan), Vec::new()),
        Err(error) => (
            None,
            match error.downcast_ref::<Problems>() {
                Some(problems) => problems.texts().collect(),
                None => vec![format!("{error:#}")],
            },
        ),
    };
    Finding {
        file: file.display().to_string(),
        advice: plan.as_ref().map(advice).unwrap_or_default(),
        plan,
        problems,
    }
}
