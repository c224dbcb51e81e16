//! Plans in the recordings of earlier versions.
//!
//! At first an operation was one of five names with a share, and the load said `on_miss`, which is not read any more: nothing
//! that is drawn or decided depends on it.

use serde::{Deserialize, Deserializer};

use super::commands;
use super::operation::Operation;

/// An operation as any version wrote it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Now(Operation),
    First { operation: String, share: f64 },
}

/// The operations of a load.
pub(super) fn operations<'de, D: Deserializer<'de>>(
    written: D,
) -> Result<Vec<Operation>, D::Error> {
    let list = Vec::<Written>::deserialize(written)?;
    list.into_iter().map(read).collect()
}

fn read<E: serde::de::Error>(written: Written) -> Result<Operation, E> {
    match written {
        Written::Now(operation) => Ok(operation),
        Written::First { operation, share } => match commands::operation(&operation, 1) {
            Some(known) => Ok(Operation { share, ..known }),
            None => Err(E::custom(format_args!("unknown operation `{operation}`"))),
        },
    }
}
