//! `cachebench serve`: the embedded server alone (to come).

use std::ffi::OsString;

use super::Exit;

/// Arguments of `cachebench serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// `[redis.conf] [--DIRECTIVE VALUE]...`, as redis-server takes them.
    #[arg(
        value_name = "ARGUMENT",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    arguments: Vec<OsString>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    anyhow::bail!(
        "`cachebench serve {:?}` is not built yet",
        arguments.arguments
    )
}
