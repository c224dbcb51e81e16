//! Where the verdict of a gate goes: terminal, JSON, JUnit XML, Markdown.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::format::Format;
use crate::cli::terminal;
use crate::recording::write::write_file;
use crate::report::gate::{self, GateFigures, junit, markdown, text};

/// The gate in full, beside the recording.
const GATE_FILE: &str = "gate.json";

/// Where the verdict goes.
#[derive(Debug, clap::Args)]
pub(super) struct Output {
    #[command(flatten)]
    format: Format,
    /// Write the checks as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the checks as Markdown; in GitHub Actions they are added to the summary of the job without being asked
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

impl Output {
    /// Writes `figures` wherever they shall be.
    ///
    /// # Errors
    ///
    /// Where a file cannot be written or stdout is closed.
    pub(super) fn tell(
        &self,
        figures: &mut GateFigures,
        folder: Option<&Path>,
        is_strict: bool,
    ) -> anyhow::Result<()> {
        if let Some(file) = &self.junit {
            let xml = junit::report(figures, is_strict)?;
            write_file(file, |out| out.write_all(xml.as_bytes()))?;
        }
        let page = markdown::summary(figures);
        if let Some(file) = &self.markdown {
            write_file(file, |out| out.write_all(page.as_bytes()))?;
        }
        add_to_job_summary(&page);
        if let Some(folder) = folder {
            let file = folder.join(GATE_FILE);
            let json = serde_json::to_string_pretty(figures).context("the gate as JSON")?;
            write_file(&file, |out| out.write_all(json.as_bytes()))?;
            figures.files.push(file.display().to_string());
            let written = gate::write(figures, folder)?;
            let written = written.iter().map(|file| file.display().to_string());
            figures.files.extend(written);
        }
        if self.format.is_json() {
            return self.format.print(figures);
        }
        let mut summary = text::summary(figures, terminal::columns());
        if let Some(folder) = folder {
            summary.push_str(&format!(
                "\n\nWritten to {}: gate.html, gate.json",
                folder.display()
            ));
        }
        Ok(terminal::result(&summary)?)
    }
}

/// Adds `page` to what GitHub Actions shows of the job. The gate is decided without it, so that failing is no failure.
fn add_to_job_summary(page: &str) {
    let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY") else {
        return;
    };
    let added = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&file)
        .and_then(|mut file| writeln!(file, "{page}"));
    if let Err(error) = added {
        terminal::warning(&format!(
            "cannot add to the summary of the job ({}): {error}",
            Path::new(&file).display()
        ));
    }
}
