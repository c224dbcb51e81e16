//! `cachebench completions` and `cachebench man`: what a shell and `man` want to know, made from the command line itself.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::format::Format;
use super::{Arguments as CommandLine, Exit, terminal};
use crate::recording::write::write_file;

/// Arguments of `cachebench completions`.
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// The shell to complete in
    shell: clap_complete::Shell,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `cachebench man`.
#[derive(Debug, clap::Args)]
pub(super) struct Man {
    /// Write cachebench.1 and a page for each subcommand into this folder, instead of the one page to stdout
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// The schema of the JSON form.
const SCHEMA: &str = "cachebench.printed/1";

/// What `completions` and `man` print as JSON.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Printed {
    /// `cachebench.printed/1`.
    schema: String,
    /// The script, or the page in the language of man pages; empty where files were written.
    text: String,
    /// The files written, where any were.
    files: Vec<String>,
}

fn tell(format: Format, text: String, files: Vec<String>) -> anyhow::Result<Exit> {
    if format.is_json() {
        let schema = SCHEMA.to_owned();
        format.print(&Printed {
            schema,
            text,
            files,
        })?;
    } else if files.is_empty() {
        terminal::result(text.trim_end())?;
    }
    Ok(Exit::Done)
}

/// Prints the completion script.
pub(super) fn completions(arguments: &Completions) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut CommandLine::command(),
        "cachebench",
        &mut script,
    );
    let script = String::from_utf8_lossy(&script).into_owned();
    tell(arguments.format, script, Vec::new())
}

/// Prints the page, or writes all pages.
pub(super) fn man(arguments: &Man) -> anyhow::Result<Exit> {
    let mut command = CommandLine::command();
    // Gives subcommands their full names.
    command.build();
    let Some(folder) = &arguments.out else {
        return tell(arguments.format, page(&command)?, Vec::new());
    };
    let shown = command.get_subcommands().filter(|one| !one.is_hide_set());
    let files = std::iter::once(&command)
        .chain(shown)
        .map(|one| write_page(one, folder))
        .collect::<anyhow::Result<Vec<String>>>()?;
    tell(arguments.format, String::new(), files)
}

fn page(command: &clap::Command) -> anyhow::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn write_page(command: &clap::Command, folder: &Path) -> anyhow::Result<String> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    let page = page(command)?;
    let file = write_file(&folder.join(format!("{name}.1")), |out| {
        out.write_all(page.as_bytes())
    })?;
    Ok(file.display().to_string())
}
