//! The connection over which slots move to another node; see [`migration`](crate::migration).

use std::time::Duration;

use thiserror::Error;
use tokio::task;
use tokio::time;

use super::Shared;
use super::wire::{Wire, WireError};
use crate::clock::Stopwatch;
use crate::cluster::MigrationError;
use crate::migration::State;
use crate::migration::export::{Step, sync_slots};

/// How long writers may be held back until it is known whether the target has taken the slots.
const HELD_AT_MOST: Duration = Duration::from_secs(10);
/// A target that cannot be asked is asked again after so long.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Why slots have not moved, in Valkey's words where it has some.
#[derive(Debug, Error)]
enum ExportError {
    #[error("Received error during handshake to target: {0}")]
    Handshake(String),
    #[error("Received error from target: {0}")]
    Refused(String),
    #[error("Connection lost to target")]
    Lost,
    #[error(transparent)]
    Migration(#[from] MigrationError),
    #[error("Unpaused before migration completed (migration may have succeeded with lost writes)")]
    Unknown,
}

impl From<WireError> for ExportError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Refused(text) => Self::Refused(text),
            _ => Self::Lost,
        }
    }
}

/// Carries migrations out, each in a task of its own, until the node ends.
pub(super) async fn serve(node: Shared) {
    let inbox = node.borrow_mut().server.migrations.take_inbox();
    let Some(mut names) = inbox else { return };
    while let Some(name) = names.recv().await {
        task::spawn_local(export(Shared::clone(&node), name));
    }
}

async fn export(node: Shared, name: String) {
    let moved = move_slots(&node, &name).await;
    let server = &mut node.borrow_mut().server;
    match moved {
        Ok(epoch) => server.complete_export(&name, epoch),
        Err(error) => server.end_export(&name, State::Failed, error.to_string()),
    }
}

/// Moves the slots; the epoch of the target's claim.
async fn move_slots(node: &Shared, name: &str) -> Result<u64, ExportError> {
    let mut wire = open(node, name).await?;
    loop {
        let step = node.borrow_mut().server.next_step(name)?;
        check_link(node, &wire)?;
        match step {
            Step::Keys(command) => drop(wire.request(&command).await?),
            Step::Take(command) => {
                return match wire.request(&command).await {
                    Ok(answer) => epoch_in(&answer),
                    Err(WireError::Refused(text)) => Err(ExportError::Refused(text)),
                    Err(_) => find_out(node, name).await,
                };
            }
        }
    }
}

/// A connection over which the target is ready to get keys.
async fn open(node: &Shared, name: &str) -> Result<Wire, ExportError> {
    let (mut wire, greeting) = connect(node, name).await?;
    match wire.request(&greeting).await {
        Ok(_) => Ok(wire),
        Err(WireError::Refused(text)) => Err(ExportError::Handshake(text)),
        Err(error) => Err(error.into()),
    }
}

async fn connect(node: &Shared, name: &str) -> Result<(Wire, Vec<u8>), ExportError> {
    let (address, greeting, patience) = {
        let server = &mut node.borrow_mut().server;
        let (address, greeting) = server.open_export(name)?;
        if server.is_cut_off(address.port()) {
            return Err(ExportError::Lost);
        }
        (address, greeting, server.link_patience())
    };
    let mut wire = Wire::connect(node, address, patience).await?;
    wire.log_in(node).await?;
    Ok((wire, greeting))
}

fn check_link(node: &Shared, wire: &Wire) -> Result<(), ExportError> {
    let port = wire.stream.peer_addr().map_or(0, |address| address.port());
    if node.borrow().server.is_cut_off(port) {
        Err(ExportError::Lost)
    } else {
        Ok(())
    }
}

fn epoch_in(answer: &str) -> Result<u64, ExportError> {
    let epoch = answer
        .strip_prefix("+TAKEN ")
        .and_then(|epoch| epoch.parse().ok());
    epoch.ok_or_else(|| ExportError::Refused(answer.to_owned()))
}

/// The target was told to take the slots, and its answer was lost: asks whether it has, until that is known.
async fn find_out(node: &Shared, name: &str) -> Result<u64, ExportError> {
    let watch = Stopwatch::start();
    while Duration::from_nanos(watch.elapsed_ns()) < HELD_AT_MOST {
        if node.borrow_mut().server.has_lost_export(name) {
            // It has, as the bus tells.
            return Ok(0);
        }
        if let Ok(answer) = ask_back(node, name).await {
            return if answer == "+OK" {
                Err(ExportError::Lost)
            } else {
                epoch_in(&answer)
            };
        }
        time::sleep(AGAIN_AFTER).await;
    }
    Err(ExportError::Unknown)
}

/// Takes the question back: whatever is answered, it stays so.
async fn ask_back(node: &Shared, name: &str) -> Result<String, ExportError> {
    let (mut wire, _) = connect(node, name).await?;
    Ok(wire.ask(&sync_slots("ABORT", name)).await?)
}
