//! `cachebench completions` and `cachebench man`: what a shell and `man` want to know, made from the command line itself.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use super::{Arguments as CommandLine, Exit, terminal};
use crate::recording::write::write_file;

/// Arguments of `cachebench completions`.
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// The shell to complete in
    shell: clap_complete::Shell,
}

/// Arguments of `cachebench man`.
#[derive(Debug, clap::Args)]
pub(super) struct Man {
    /// Write cachebench.1 and a page for each subcommand into this folder, instead of the one page to stdout
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
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
    terminal::result(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}

/// Prints the page, or writes all pages.
pub(super) fn man(arguments: &Man) -> anyhow::Result<Exit> {
    let mut command = CommandLine::command();
    // Gives subcommands their full names.
    command.build();
    match &arguments.out {
        None => terminal::result(page(&command)?.trim_end())?,
        Some(folder) => {
            write_page(&command, folder)?;
            for subcommand in command.get_subcommands().filter(|one| !one.is_hide_set()) {
                write_page(subcommand, folder)?;
            }
        }
    }
    Ok(Exit::Done)
}

fn page(command: &clap::Command) -> anyhow::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn write_page(command: &clap::Command, folder: &Path) -> anyhow::Result<()> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    let page = page(command)?;
    write_file(&folder.join(format!("{name}.1")), |out| {
        out.write_all(page.as_bytes())
    })?;
    Ok(())
}
