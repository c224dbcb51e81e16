//! `cachebench report` (to come).

use super::Exit;

/// Arguments of `cachebench report`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_arguments: &Arguments) -> anyhow::Result<Exit> {
    anyhow::bail!("`cachebench report` is not built yet")
}
