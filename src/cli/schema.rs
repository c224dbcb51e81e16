//! `cachebench schema`: the JSON schema of a workload, for editors, and of what programs read: recordings and results.

use super::check::Findings;
use super::cluster::Formed;
use super::format::Format;
use super::shell::Printed;
use super::{Exit, terminal};
use crate::report::comparison::ComparisonFigures;
use crate::report::gate::GateFigures;
use crate::report::trend::TrendFigures;
use crate::report::{Figures, schema_of};
use crate::{recording, workload};

/// Arguments of `cachebench schema`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Whose schema
    of: Of,
    /// A schema is JSON either way
    #[command(flatten)]
    _format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Of {
    /// What `cachebench run` reads
    Workload,
    /// What it writes
    Recording,
    /// What `cachebench run` and `report` print as JSON
    Summary,
    /// What `cachebench check` prints as JSON
    Check,
    /// What `cachebench compare` prints as JSON
    Comparison,
    /// What `cachebench gate` prints as JSON
    Gate,
    /// What `cachebench trend` prints as JSON
    Trend,
    /// What `cachebench cluster` prints as JSON
    Cluster,
    /// What `cachebench completions` and `man` print as JSON
    Printed,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let schema = match arguments.of {
        Of::Workload => workload::schema::workload(),
        Of::Recording => recording::schema().to_value(),
        Of::Summary => schema_of::<Figures>().to_value(),
        Of::Check => schema_of::<Findings>().to_value(),
        Of::Comparison => schema_of::<ComparisonFigures>().to_value(),
        Of::Gate => schema_of::<GateFigures>().to_value(),
        Of::Trend => schema_of::<TrendFigures>().to_value(),
        Of::Cluster => schema_of::<Formed>().to_value(),
        Of::Printed => schema_of::<Printed>().to_value(),
    };
    terminal::result(&serde_json::to_string_pretty(&schema)?)?;
    Ok(Exit::Done)
}
