//! `--metrics ADDRESS`: what a run has counted so far, for Prometheus to fetch while it goes on.

mod exposition;
mod http;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;

use super::exit::BadInput;
use crate::runner::{Advance, Event, Observer, Progress};
use crate::workload::plan::Plan;

/// Gathers what is served.
pub(super) struct Metrics(Arc<Mutex<Board>>);

/// What is served. Its size is bounded by the limits on cells, phases, operations and kinds of errors.
#[derive(Debug, Default)]
struct Board {
    workload: String,
    /// What phases that are over came to, by cell and phase, over repetitions.
    ended: BTreeMap<Series, Advance>,
    /// The phase under way.
    current: Option<Current>,
    /// The label of the cell under way.
    cell: String,
    /// Its repetition, from 0.
    repetition: u32,
}

/// What a series of figures is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    cell: String,
    phase: String,
}

#[derive(Debug)]
struct Current {
    series: Series,
    progress: Progress,
}

impl Metrics {
    /// Listens on `address`, `HOST:PORT`, and serves what a run of `plan` tells; where that really is.
    ///
    /// # Errors
    ///
    /// [`BadInput`] where `address` is none, and where nobody may listen there.
    pub(super) fn serve(address: &str, plan: &Plan) -> anyhow::Result<(Self, SocketAddr)> {
        let places = places(address)?;
        let listener = TcpListener::bind(places.as_slice()).with_context(|| {
            format!("cannot serve metrics on {address}; choose another port with --metrics")
        })?;
        let at = listener.local_addr()?;
        let board = Arc::new(Mutex::new(Board {
            workload: plan.name.clone(),
            ..Board::default()
        }));
        let shown = Arc::clone(&board);
        http::serve(listener, move || exposition::text(&lock(&shown)))
            .context("starting the thread that serves metrics")?;
        Ok((Self(board), at))
    }
}

/// The addresses that `text` stands for.
fn places(text: &str) -> Result<Vec<SocketAddr>, BadInput> {
    let resolved = text.to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    resolved
        .ok()
        .filter(|places| !places.is_empty())
        .ok_or_else(|| {
            BadInput(format!(
                "--metrics: `{text}` is no address to listen on; write HOST:PORT, as in 127.0.0.1:9464"
            ))
        })
}

fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Observer for Metrics {
    fn on(&mut self, event: Event<'_>) {
        lock(&self.0).on(event);
    }
}

impl Board {
    fn on(&mut self, event: Event<'_>) {
        match event {
            Event::RepetitionBegan {
                label, repetition, ..
            } => (self.cell, self.repetition) = (label.to_owned(), repetition),
            Event::PhaseBegan { name, .. } => {
                let series = Series {
                    cell: self.cell.clone(),
                    phase: name.to_owned(),
                };
                self.current = Some(Current {
                    series,
                    progress: Progress::default(),
                });
            }
            Event::Progress(progress) => {
                if let Some(current) = &mut self.current {
                    current.progress = progress.clone();
                }
            }
            Event::PhaseEnded { .. } => {
                if let Some(Current { series, progress }) = self.current.take() {
                    self.ended.entry(series).or_default().add(&progress.so_far);
                }
            }
            _ => {}
        }
    }

    /// Every series with all that was counted in it, that of the phase under way included.
    fn totals(&self) -> BTreeMap<&Series, Advance> {
        let mut totals: BTreeMap<&Series, Advance> = self
            .ended
            .iter()
            .map(|(series, advance)| (series, advance.clone()))
            .collect();
        if let Some(current) = &self.current {
            let total = totals.entry(&current.series).or_default();
            total.add(&current.progress.so_far);
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused_with_one_that_is() {
        for text in ["", "9464", "127.0.0.1", "127.0.0.1:65536", "nowhere:http"] {
            let error = places(text).unwrap_err().to_string();
            assert!(error.contains("127.0.0.1:9464"), "{error}");
        }
        assert_eq!(places("[::1]:9464").unwrap().len(), 1);
    }
}
