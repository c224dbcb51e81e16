//! Several servers take turns under the same load, in slices of milliseconds, so that whatever the machine does meets all
//! of them alike.
//!
//! One thread holds connections to all. In its slice a server gets a closed loop that keeps its pipelines full; then nothing
//! more is sent, and the slice is over when the last reply has come, so that no server works in another's time.
//!
//! The thread stays awake while it waits, where there is another core for the server. Else a lone client would sleep after
//! every request, and whether the system wakes it and the server on one core or on two decides the latency: for seconds on
//! end it is then twice what it was before, for one server and not for the other.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::task::yield_now;
use tokio::time::timeout;

use super::fault::Fault;
use super::interrupt::Interrupt;
use super::job::Job;
use super::known::Known;
use super::pace::{has_a_core, nanoseconds};
use super::state::State;
use super::tally::{Counts, Measured};
use super::worker::connect_all;
use crate::traffic::Stream;
use crate::traffic::stream::below;

/// Connections to several servers, between slices.
pub struct Turns {
    runtime: LocalRuntime,
    sides: Vec<State>,
    /// Who comes first is left to chance.
    draws: Stream,
    /// Whether the thread stays awake while it waits for replies.
    is_awake: bool,
}

/// What one server did in its slices.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Nanoseconds from the begin of each slice to its last reply, added up.
    pub active_ns: u64,
    /// What was counted.
    pub counts: Counts,
    /// Nanoseconds from the send.
    pub latency: Histogram<u64>,
}

impl Turns {
    /// Connects a side for each job; loads are taken as closed loops without an end.
    ///
    /// # Errors
    ///
    /// Where connections cannot be made.
    pub fn open(jobs: &[Job<'_>], draws: Stream) -> Result<Self, Fault> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())?;
        let sides = runtime.block_on(async {
            let mut sides = Vec::with_capacity(jobs.len());
            for job in jobs {
                sides.push(side(job).await?);
            }
            Ok::<_, Fault>(sides)
        })?;
        Ok(Self {
            runtime,
            sides,
            draws,
            is_awake: has_a_core(),
        })
    }

    /// Lets every side have `rounds` slices of `slice`, in an order drawn anew for each round; what each did, in the order
    /// of the jobs.
    ///
    /// # Errors
    ///
    /// Where a connection breaks, a reply does not come, or `interrupt` is pulled.
    pub fn play(
        &mut self,
        slice: Duration,
        rounds: u32,
        interrupt: &Interrupt,
    ) -> Result<Vec<Turn>, Fault> {
        let mut active_ns = vec![0; self.sides.len()];
        for side in &mut self.sides {
            side.open_books()?;
        }
        let mut order: Vec<usize> = (0..self.sides.len()).collect();
        for _ in 0..rounds {
            if interrupt.is_pulled() {
                return Err(Fault::CalledOff);
            }
            shuffle(&mut order, &mut self.draws);
            for index in &order {
                if let (Some(side), Some(active_ns)) =
                    (self.sides.get_mut(*index), active_ns.get_mut(*index))
                {
                    let played = side.slice(nanoseconds(slice), self.is_awake);
                    *active_ns += self.runtime.block_on(played)?;
                }
            }
        }
        let sides = self.sides.iter_mut().zip(active_ns);
        sides
            .map(|(side, active_ns)| Ok(turn(side.open_books()?, active_ns)))
            .collect()
    }
}

fn turn(measured: Measured, active_ns: u64) -> Turn {
    Turn {
        active_ns,
        counts: measured.counts,
        latency: measured.latency,
    }
}

async fn side(job: &Job<'_>) -> Result<State, Fault> {
    let connections = connect_all(job, job.load.clients.max(1) as usize).await?;
    let began_ns = nanoseconds(job.origin.elapsed());
    let mut side = State::new(job, connections, Known::default(), began_ns, 0)?;
    side.engine.closing = true;
    Ok(side)
}

impl State {
    /// Begins to count anew; what was counted before.
    fn open_books(&mut self) -> Result<Measured, Fault> {
        let now_ns = self.now();
        let fresh = self.engine.tally.anew(now_ns);
        let fresh = fresh.map_err(|_| Fault::Panicked)?;
        Ok(std::mem::replace(&mut self.engine.tally, fresh).finish(now_ns))
    }

    /// Sends for `length_ns` and waits for what is out; how long that took.
    async fn slice(&mut self, length_ns: u64, is_awake: bool) -> Result<u64, Fault> {
        let began_ns = self.now();
        self.engine.closing = false;
        let limit = self.limits.reply + Duration::from_nanos(length_ns);
        let over = async {
            while !poll_fn(|cx| self.attend(cx, began_ns + length_ns, is_awake)).await? {
                yield_now().await;
            }
            Ok::<_, Fault>(())
        };
        timeout(limit, over)
            .await
            .map_err(|_| Fault::Timeout(limit))??;
        Ok(self.now() - began_ns)
    }

    /// Serves all connections once; whether the slice is over. One who is awake does not wait until more has come.
    fn attend(
        &mut self,
        cx: &mut Context<'_>,
        end_ns: u64,
        is_awake: bool,
    ) -> Poll<Result<bool, Fault>> {
        for index in 0..self.connections() {
            self.serve(index, cx)?;
        }
        self.engine.closing |= self.now() >= end_ns;
        match self.engine.is_done() {
            false if !is_awake => Poll::Pending,
            is_done => Poll::Ready(Ok(is_done)),
        }
    }
}

/// Every order equally likely (R. Durstenfeld, Algorithm 235: Random permutation, CACM 7:7, 1964).
fn shuffle(order: &mut [usize], draws: &mut Stream) {
    for last in (1..order.len()).rev() {
        let (chosen, _) = below(draws.word(), last as u64 + 1);
        order.swap(chosen as usize, last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_comes_about_as_often() {
        let mut draws = Stream::new(1, 0, 0, 0);
        let mut order = [0, 1, 2];
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..6000 {
            shuffle(&mut order, &mut draws);
            *seen.entry(order).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(
            seen.values().all(|times| (850..1150).contains(times)),
            "{seen:?}"
        );
    }
}
