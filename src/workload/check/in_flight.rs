//! How much a phase has in flight: its connections, the requests on each, and that all of it has room.

use super::{Context, bounded};
use crate::workload::plan::Load;
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::Given;
use crate::workload::units::Count;
use crate::workload::{limits, words};

/// `clients` and `pipeline` of a phase that stands at `place`, as written.
pub(super) struct InFlight<'a> {
    pub(super) clients: &'a Given<Count>,
    pub(super) pipeline: &'a Given<Count>,
    pub(super) place: Place,
}

impl InFlight<'_> {
    /// `load` with so many connections, or as many as the command line asks for, and so many requests on each.
    pub(super) fn of(
        &self,
        load: Load,
        context: &Context<'_>,
        problems: &mut Vec<Problem>,
    ) -> Load {
        let clients = bounded("clients", self.clients, 1, 1, limits::CLIENTS, problems) as u32;
        let pipeline = bounded("pipeline", self.pipeline, 1, 1, limits::PIPELINE, problems);
        Load {
            clients: context.clients.unwrap_or(clients),
            pipeline: pipeline as u32,
            ..load
        }
    }

    /// Buffers of all connections together must have room for the values in flight, of at most so many bytes each.
    pub(super) fn note_too_much(
        &self,
        load: &Load,
        largest_value: u64,
        problems: &mut Vec<Problem>,
    ) {
        let requests = u64::from(load.clients) * u64::from(load.pipeline);
        let operations = load.operations.iter();
        let carried = operations.map(|sent| sent.values().max(sent.keys())).max();
        let values = u64::from(carried.unwrap_or(1).max(1));
        let bytes = requests.saturating_mul(values.saturating_mul(largest_value));
        if bytes <= limits::BYTES_IN_FLIGHT {
            return;
        }
        let place = self.pipeline.place().or(self.clients.place());
        let each = match values {
            1 => "values".to_owned(),
            _ => format!("{values} values"),
        };
        let message = format!(
            "{} clients times {} in flight times {each} of {} are {} at once; allowed are {}: lower `pipeline` or `clients`",
            load.clients,
            load.pipeline,
            words::bytes(largest_value),
            words::bytes(bytes),
            words::bytes(limits::BYTES_IN_FLIGHT)
        );
        problems.push(Problem::new(place.unwrap_or(self.place), message));
    }
}
