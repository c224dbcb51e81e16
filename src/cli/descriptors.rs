//! Open files: every connection is one, and many systems allow a process few until it asks for more.

use super::exit::BadInput;
use crate::workload::plan::{Plan, Target};

/// Files beside the connections of the load: the control plane, runtimes, what is written.
const OTHERS: u64 = 64;

/// Sees that this process may open as many files as `plan` needs.
///
/// # Errors
///
/// [`BadInput`] where the system does not allow it.
pub(super) fn make_room(plan: &Plan) -> anyhow::Result<()> {
    let (clients, needed) = needed(plan);
    match raise() {
        Some(allowed) if allowed < needed => Err(BadInput(format!(
            "{clients} clients need {needed} open files, and this process may have {allowed} at the most: raise its hard limit \
             (`ulimit -Hn {needed}` as root, or LimitNOFILE= of its unit), or ask for fewer with --clients{}",
            elsewhere(plan, clients, allowed)
        ))
        .into()),
        _ => Ok(()),
    }
}

/// An embedded server has its ends of the connections in this process; one apart has not.
fn elsewhere(plan: &Plan, clients: u64, allowed: u64) -> String {
    let is_embedded = matches!(plan.target, Target::Embedded { .. });
    if is_embedded && clients + OTHERS <= allowed {
        let room = clients + OTHERS;
        format!(
            "; or start the server in a process of its own, where half as many do: `cachebench serve --port 7000 --maxclients {room}` \
             and `--target redis://127.0.0.1:7000`"
        )
    } else {
        String::new()
    }
}

/// The most clients that `plan` has at a time, and the files that they need in this process.
fn needed(plan: &Plan) -> (u64, u64) {
    let clients = plan.most_clients();
    let ends = match plan.target {
        // The server's ends of the connections are in this process as well.
        Target::Embedded { .. } => 2,
        // Every client is connected to every master.
        Target::EmbeddedCluster { masters, .. } => 2 * u64::from(masters),
        Target::Spawn { .. } | Target::Endpoint(_) => 1,
    };
    (clients, clients * ends + OTHERS)
}

/// Raises the limit as far as this process may; to how much, where the system tells.
pub(super) fn raise() -> Option<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the call writes one `rlimit`, which `limit` is, and keeps no pointer to it.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return None;
    }
    let before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the call reads one `rlimit`, which `limit` is, and keeps no pointer to it.
    let is_raised = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } == 0;
    Some(if is_raised { limit.rlim_max } else { before })
}
