//! `--output-format`: a result for people, or one JSON document for programs.

use anyhow::Context as _;
use serde::Serialize;

use super::terminal;

/// What stdout is for.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Format {
    /// What stdout is for
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    output_format: Choice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Choice {
    /// A summary for people
    Text,
    /// The figures of the summary, one JSON document
    Json,
}

impl Format {
    /// Whether programs read it.
    pub(super) fn is_json(self) -> bool {
        self.output_format == Choice::Json
    }

    /// Prints `figures` as one JSON document.
    ///
    /// # Errors
    ///
    /// Where stdout is closed.
    pub(super) fn print(self, figures: &impl Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(figures).context("the figures as JSON")?;
        Ok(terminal::result(&text)?)
    }
}
