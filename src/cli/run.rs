//! `cachebench run` (to come).

use super::Exit;

/// Arguments of `cachebench run`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_arguments: &Arguments) -> anyhow::Result<Exit> {
    anyhow::bail!("`cachebench run` is not built yet")
}
