//! The traces of a plan: looked at before anything is started, opened for a replay, and gone through once more for what
//! was in them.

use std::collections::HashMap;
use std::fs::{self, File};

use crate::drive::replay::meaning;
use crate::trace::{Trace, TraceError};
use crate::traffic::ideal::Use;
use crate::workload::plan::{Action, Plan, TraceSource};

/// Sees to it that every trace of `plan` is there and begins with a request; else a sentence that says what is wrong.
pub(super) fn look(plan: &Plan) -> Result<(), String> {
    let loads = plan.phases.iter().filter_map(|phase| match &phase.action {
        Action::Load(load) => load.recorded.as_deref(),
        Action::Pause(_) => None,
    });
    for recorded in loads {
        let mut trace = open(recorded)?;
        if trace.next().map_err(|error| error.to_string())?.is_none() {
            let file = recorded.file.display();
            return Err(format!("{file} holds no request; is it the right file?"));
        }
    }
    Ok(())
}

/// Opens a trace at its begin.
pub(super) fn open(recorded: &TraceSource) -> Result<Trace, String> {
    let name = recorded.file.display().to_string();
    let refused = |error: std::io::Error| {
        format!(
            "cannot read the trace {name}: {error}; paths are relative to the workload's folder"
        )
    };
    if fs::metadata(&recorded.file).map_err(refused)?.is_dir() {
        return Err(format!("{name} is a folder; name the trace in it"));
    }
    let file = File::open(&recorded.file).map_err(refused)?;
    Trace::new(&name, file, &recorded.format).map_err(|error: TraceError| error.to_string())
}

/// What a trace asks of which key, keys numbered as they come.
pub(super) struct Uses {
    pub(super) list: Vec<(u32, Option<Use>)>,
    pub(super) keys: usize,
}

/// The first `requests` uses of a trace; nothing of it where it cannot be read again.
pub(super) fn uses(recorded: &TraceSource, requests: u64) -> Option<Uses> {
    let mut trace = open(recorded).ok()?;
    let (mut numbers, mut list) = (HashMap::new(), Vec::new());
    while (list.len() as u64) < requests
        && let Ok(Some(request)) = trace.next()
    {
        if let Some((key, what)) = meaning(&request) {
            let fresh = u32::try_from(numbers.len()).ok()?;
            list.push((*numbers.entry(key).or_insert(fresh), what));
        }
    }
    let keys = numbers.len();
    Some(Uses { list, keys })
}
