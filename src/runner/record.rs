//! From what the drive measured to what a recording keeps.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::drive::Driven;
use crate::drive::cluster::Met;
use crate::drive::tally::{Measured, MeasuredKind};
use crate::drive::timeline::Intervals;
use crate::recording::model::{ClusterRecord, FanOutRecord, Interval, Latency, PhaseRecord, Reads};
use crate::target::Running;
use crate::workload::plan::{KeySpace, Load, Pace};

const SECONDS_PER_NS: f64 = 1e-9;

/// What was seen of the server over a phase.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    server_cpu_s: Option<f64>,
    cluster: Option<ClusterRecord>,
}

/// What a server has counted so far.
pub(super) struct Counters {
    cpu_s: Option<f64>,
    node_cpu_s: BTreeMap<String, f64>,
    met: Option<Met>,
}

impl Counters {
    pub(super) fn of(server: &mut Running) -> Self {
        Self {
            cpu_s: server.cpu_s(),
            node_cpu_s: server.node_cpu_s(),
            met: server.met(),
        }
    }

    /// What is different now.
    pub(super) fn until_now(self, server: &mut Running) -> Seen {
        let now = Self::of(server);
        let cpu_s = now.cpu_s.zip(self.cpu_s);
        let met = now.met.zip(self.met.as_ref());
        Seen {
            server_cpu_s: cpu_s.map(|(after, before)| (after - before).max(0.0)),
            cluster: met.map(|(after, before)| {
                cluster(&after.since(before), &now.node_cpu_s, &self.node_cpu_s)
            }),
        }
    }
}

fn cluster(
    met: &Met,
    cpu_s: &BTreeMap<String, f64>,
    cpu_s_before: &BTreeMap<String, f64>,
) -> ClusterRecord {
    let by_node = met.requests.iter();
    let since = |(node, now): (&String, &f64)| {
        let before = cpu_s_before.get(node).copied().unwrap_or_default();
        // A node that was started again has used less.
        (
            node.clone(),
            if *now < before { *now } else { now - before },
        )
    };
    ClusterRecord {
        moved: met.moved,
        asked: met.asked,
        requests_by_node: by_node
            .map(|(node, count)| (node.to_string(), *count))
            .collect(),
        cpu_s_by_node: cpu_s.iter().map(since).collect(),
    }
}

/// What a phase of load leaves in the recording.
pub(super) fn phase(
    name: &str,
    load: &Load,
    keys: &KeySpace,
    driven: &Driven,
    seen: Seen,
) -> PhaseRecord {
    let measured = &driven.measured;
    let elapsed_s = driven.ended_ns.saturating_sub(driven.began_ns) as f64 * SECONDS_PER_NS;
    PhaseRecord {
        name: name.to_owned(),
        started_s: driven.began_ns as f64 * SECONDS_PER_NS,
        elapsed_s,
        operations: measured.counts.operations,
        operations_by_kind: by_kind(measured, |kind| kind.answered),
        latency_by_kind: latency_by_kind(measured),
        errors: measured.errors(),
        unspecific_error: measured.unspecific_error(),
        due: driven.due,
        in_flight: driven.in_flight,
        hits: measured.counts.hits,
        misses: measured.counts.misses,
        reads_by_space: reads_by_space(keys, measured),
        verified: measured.verified,
        fan_out: fan_out(driven),
        offered_rate: match load.pace {
            Pace::Closed if load.is_open_loop() => {
                Some(driven.due as f64 / elapsed_s.max(SECONDS_PER_NS))
            }
            Pace::Closed => None,
            Pace::Rate(per_second) | Pace::Poisson(per_second) => Some(per_second),
            Pace::Profile(_) => Some(driven.due as f64 / elapsed_s.max(SECONDS_PER_NS)),
        },
        throughput: if elapsed_s > 0.0 {
            measured.counts.operations as f64 / elapsed_s
        } else {
            0.0
        },
        latency: Latency::of(&measured.latency),
        service_time: measured.service.as_ref().map(Latency::of),
        lateness: measured.lateness.as_ref().map(Latency::of),
        queued: measured.queued,
        client_threads: driven.workers,
        client_cpu_s: driven.cpu_s,
        client_spin_s: driven.spin_s,
        client_delayed_s: driven.delayed_s,
        reconnects: driven.reconnects,
        cluster: seen.cluster,
        server_cpu_s: seen.server_cpu_s,
        drawn: None,
    }
}

/// A figure of every operation that was answered, by its name.
fn by_kind<T>(measured: &Measured, figure: impl Fn(&MeasuredKind) -> T) -> BTreeMap<String, T> {
    let answered = measured
        .by_operation
        .iter()
        .filter(|kind| kind.answered > 0);
    answered
        .map(|kind| (kind.name.clone(), figure(kind)))
        .collect()
}

/// What was published and what was heard of it.
fn fan_out(driven: &Driven) -> Option<FanOutRecord> {
    let (published, heard) = (driven.measured.published?, driven.heard.as_ref()?);
    let lost = published.expected.saturating_sub(heard.delivered);
    let asked = published.expected + published.doubtful;
    Some(FanOutRecord {
        published: published.messages,
        expected: published.expected,
        reached: published.reached,
        delivered: heard.delivered,
        lost,
        unanswered: published.unanswered,
        doubtful: published.doubtful,
        undetermined: asked.saturating_sub(heard.delivered + lost),
        out_of_order: heard.out_of_order,
        foreign: heard.foreign,
        disconnected: heard.disconnected,
        delivery: Latency::of(&heard.from_due),
        transit: Latency::of(&heard.from_send),
        listener_cpu_s: heard.cpu_s,
    })
}

/// Of the spaces that were read.
fn reads_by_space(keys: &KeySpace, measured: &Measured) -> BTreeMap<String, Reads> {
    let spaces = keys.spaces.iter().zip(&measured.reads_by_space);
    let read = spaces.filter(|(_, reads)| **reads != Reads::default());
    read.map(|(space, reads)| (space.name.clone(), *reads))
        .collect()
}

/// Where there is one operation only, its latency is that of all.
fn latency_by_kind(measured: &Measured) -> BTreeMap<String, Latency> {
    match measured.by_operation.len() {
        0 | 1 => BTreeMap::new(),
        _ => by_kind(measured, |kind| Latency::of(&kind.latency)),
    }
}

/// What a pause leaves in the recording; nothing only where the bounds of an empty histogram are refused.
pub(super) fn pause(name: &str, started_s: f64, elapsed_s: f64) -> Option<PhaseRecord> {
    let empty = Histogram::new(1).ok()?;
    Some(PhaseRecord {
        name: name.to_owned(),
        started_s,
        elapsed_s,
        operations: 0,
        operations_by_kind: BTreeMap::new(),
        latency_by_kind: BTreeMap::new(),
        errors: BTreeMap::new(),
        unspecific_error: None,
        due: 0,
        in_flight: 0,
        hits: 0,
        misses: 0,
        reads_by_space: BTreeMap::new(),
        verified: None,
        fan_out: None,
        offered_rate: None,
        throughput: 0.0,
        latency: Latency::of(&empty),
        service_time: None,
        lateness: None,
        queued: 0,
        client_threads: 0,
        client_cpu_s: 0.0,
        client_spin_s: 0.0,
        client_delayed_s: 0.0,
        reconnects: 0,
        cluster: None,
        server_cpu_s: None,
        drawn: None,
    })
}

/// The intervals of phase `phase`, which lasted from `began_ns` to `ended_ns`.
pub(super) fn timeline(
    phase: usize,
    intervals: &Intervals,
    began_ns: u64,
    ended_ns: u64,
) -> Vec<Interval> {
    let seconds = |ns: u64| ns as f64 * SECONDS_PER_NS;
    let numbered = (0..).zip(&intervals.list);
    let placed =
        numbered.map(|(number, interval)| (began_ns + number * intervals.width_ns, interval));
    let record = |(at_ns, interval): (u64, &crate::drive::timeline::Interval)| Interval {
        at_s: seconds(at_ns),
        // The last one ends with the phase.
        length_s: seconds(
            intervals
                .width_ns
                .min(ended_ns.saturating_sub(at_ns))
                .max(1),
        ),
        phase,
        operations: interval.counts.operations,
        hits: interval.counts.hits,
        misses: interval.counts.misses,
        errors: interval.counts.errors,
        errors_by_kind: interval.errors(),
        p50_s: seconds(interval.latency_ns(0.5)),
        p99_s: seconds(interval.latency_ns(0.99)),
        max_s: seconds(interval.max_ns),
        latencies: interval.quarters(),
    };
    placed.map(record).collect()
}
