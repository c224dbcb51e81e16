//! What a reader must know before believing the figures. Each warning names its cure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::recording::model::PhaseRecord;
use crate::stats::human;
use crate::target::capacity::Calibration;
use crate::workload::plan::Directive;

/// Recorded commands that were not sent again.
pub(super) fn left_out(commands: &BTreeMap<String, u64>) -> Option<String> {
    let total: u64 = commands.values().sum();
    let named: Vec<String> = commands
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    (total > 0).then(|| {
        format!(
            "{total} recorded commands were left out, as they could change the server or the connection, wait, or hold keys \
             that are not known by their places ({}); take them out of the trace if that is meant",
            named.join(", ")
        )
    })
}

/// A client that is busier than this share of its core measures itself.
const BUSY: f64 = 0.85;
/// An open loop is looked at from so many seconds on, and a closed one: of a phase that is over at once there is no rate to
/// be believed anyway.
const SHORT_S: f64 = 0.1;
const LONG_S: f64 = 1.0;
/// Lateness above this share of the median latency is part of what was measured.
const LATE: f64 = 0.1;
/// Others that hold the client's core for this share of the time are what makes it late at the 99th percentile.
const CROWDED: f64 = 0.005;
/// Ticks of the LRU clock that must pass before idle times tell anything apart.
const TICKS_MIN: f64 = 2.0;
/// Calibration is off by more than this share.
const OFF: f64 = 0.01;

/// What is to be said of a phase of load.
pub(super) fn phase(cell: &str, record: &PhaseRecord) -> Vec<String> {
    let place = format!("phase `{}` of `{cell}`", record.name);
    [
        busy(&place, record),
        late(&place, record),
        queued(&place, record),
        unanswered(&place, record),
        reconnected(&place, record),
        not_as_written(&place, record),
        not_delivered(&place, record),
        hard_of_hearing(&place, record),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn busy(place: &str, record: &PhaseRecord) -> Option<String> {
    let worked_s = record.client_cpu_s - record.client_spin_s;
    let share = worked_s / (record.elapsed_s * record.client_threads.max(1) as f64);
    let (from_s, what, cure) = match record.offered_rate {
        Some(_) => (
            SHORT_S,
            "the latencies are partly its own",
            "lower the rate",
        ),
        None => (
            LONG_S,
            "it may have set the pace, not the server",
            "give it more `threads`",
        ),
    };
    (share > BUSY && record.elapsed_s >= from_s).then(|| {
        format!(
            "{place}: the client kept its core {:.0} % busy, so that {what}: {cure}, or drive from another machine",
            share * 100.0
        )
    })
}

fn late(place: &str, record: &PhaseRecord) -> Option<String> {
    let lateness_s = percentile(record.lateness.as_ref()?, "99");
    let median_s = percentile(&record.latency, "50");
    (lateness_s > LATE * median_s).then(|| {
        format!(
            "{place}: requests were sent up to {} late (p99 of lateness) at a median latency of {}: below that, latencies \
             show the client as much as the server; `service_time` counts from the send. {}",
            human::seconds(lateness_s),
            human::seconds(median_s),
            punctual(record)
        )
    })
}

/// How requests would be sent in time: by what kept the client from it.
fn punctual(record: &PhaseRecord) -> String {
    let share = record.client_delayed_s / (record.elapsed_s * record.client_threads.max(1) as f64);
    if share > CROWDED {
        format!(
            "For {:.1} % of the time other threads held the client's core: keep one free for it",
            share * 100.0
        )
    } else {
        "Keep a core free for the client, or lower the rate".to_owned()
    }
}

fn queued(place: &str, record: &PhaseRecord) -> Option<String> {
    let share = record.queued as f64 / record.due.max(1) as f64;
    (share > OFF).then(|| {
        format!(
            "{place}: {} of {} requests ({:.0} %) waited for a connection, as all were lost or had as many requests under way as \
             `clients` and `pipeline` allow: the wait is in the latency, not in `service_time`. Raise either if your users do \
             not wait for each other",
            human::count(record.queued),
            human::count(record.due),
            share * 100.0
        )
    })
}

fn not_delivered(place: &str, record: &PhaseRecord) -> Option<String> {
    let fan_out = record.fan_out.as_ref()?;
    let cure = if fan_out.disconnected > 0 {
        let plural = if fan_out.disconnected == 1 { "" } else { "s" };
        format!(
            "{} subscriber{plural} lost the connection, as where `client-output-buffer-limit pubsub` is too small",
            fan_out.disconnected
        )
    } else {
        "look at the server's log".to_owned()
    };
    let unsure = match fan_out.undetermined {
        0 => String::new(),
        undetermined => format!(
            ", and perhaps {} more, as no reply says whether the server took {} of the messages",
            human::count(undetermined),
            human::count(fan_out.unanswered)
        ),
    };
    (fan_out.lost + fan_out.undetermined > 0).then(|| {
        format!(
            "{place}: {} of {} deliveries were not made{unsure}: {cure}",
            human::count(fan_out.lost),
            human::count(fan_out.expected)
        )
    })
}

fn hard_of_hearing(place: &str, record: &PhaseRecord) -> Option<String> {
    let share = record.fan_out.as_ref()?.listener_cpu_s / record.elapsed_s;
    (share > BUSY).then(|| {
        format!(
            "{place}: listening kept a core {:.0} % busy, so that the delivery times are partly its own: lower the rate, \
             or have fewer subscribers",
            share * 100.0
        )
    })
}

fn unanswered(place: &str, record: &PhaseRecord) -> Option<String> {
    let share = record.in_flight as f64 / record.due.max(1) as f64;
    (record.offered_rate.is_some() && share > OFF).then(|| {
        format!(
            "{place}: {} of {} requests that fell due were not answered by the end; their age then is all that is known of \
             them: lower the rate, raise `clients` or `pipeline`, or look whether the server stood still",
            record.in_flight, record.due
        )
    })
}

fn not_as_written(place: &str, record: &PhaseRecord) -> Option<String> {
    let verified = record.verified?;
    (verified.corrupt + verified.foreign > 0).then(|| {
        format!(
            "{place}: of {} values read, {} were not as anybody had written them and {} had been written under another key: \
             do not trust the server with data, and look at what else writes there",
            verified.values, verified.corrupt, verified.foreign
        )
    })
}

fn reconnected(place: &str, record: &PhaseRecord) -> Option<String> {
    let lost = |kind: &str| record.errors.get(kind).copied().unwrap_or_default();
    (record.reconnects > 0).then(|| {
        format!(
            "{place}: {} connections were lost and made again; on them {} requests timed out and {} were cut off, which count as \
             errors with their age: look at the server's log, or raise `timeouts: {{ request: … }}`",
            record.reconnects,
            lost("timeout"),
            lost("disconnected")
        )
    })
}

fn percentile(latency: &crate::recording::model::Latency, name: &str) -> f64 {
    latency.percentiles_s.get(name).copied().unwrap_or(0.0)
}

/// A repetition on a real clock, and what its wall-clock times mean for the policy in force.
pub(super) struct Clocked<'a> {
    /// The cell's label.
    pub(super) cell: &'a str,
    /// In force: the plan's and the cell's.
    pub(super) directives: &'a [Directive],
    /// From the first request to the last.
    pub(super) span: Duration,
    /// Seconds since the Unix epoch when the repetition began and ended.
    pub(super) wall_s: (u64, u64),
}

impl Clocked<'_> {
    /// What is to be said of the repetition.
    pub(super) fn warnings(&self) -> Vec<String> {
        let policy = self.directive("maxmemory-policy").unwrap_or("noeviction");
        let lru = policy
            .ends_with("-lru")
            .then(|| self.few_ticks(policy))
            .flatten();
        let lfu = policy
            .ends_with("-lfu")
            .then(|| self.minute_crossed(policy))
            .flatten();
        [lru, lfu].into_iter().flatten().collect()
    }

    fn few_ticks(&self, policy: &str) -> Option<String> {
        let resolution_ms: f64 = self
            .directive("lru-clock-resolution")
            .and_then(|text| text.parse().ok())
            .unwrap_or(1e3);
        let ticks = self.span.as_secs_f64() * 1e3 / resolution_ms.max(1.0);
        (ticks < TICKS_MIN).then(|| {
            format!(
                "`{}`: {policy} reads a clock that ticks every {:.1} s, and the run spanned {:.1} s: to it all keys are \
                 equally old, and it evicts at random. Put `settle: 1200ms` between the phases, or make them longer",
                self.cell,
                resolution_ms / 1e3,
                self.span.as_secs_f64()
            )
        })
    }

    fn minute_crossed(&self, policy: &str) -> Option<String> {
        let decays = self.directive("lfu-decay-time") != Some("0");
        (decays && self.wall_s.0 / 60 != self.wall_s.1 / 60).then(|| {
            format!(
                "`{}`: {policy} ages its counters at the turn of the wall clock's minute, and the run crossed one: compare \
                 repetitions, or set `lfu-decay-time: 0`",
                self.cell
            )
        })
    }

    fn directive(&self, name: &str) -> Option<&str> {
        self.directives
            .iter()
            .rev()
            .find(|directive| directive.name == name)
            .map(|directive| directive.value.as_str())
    }
}

/// What is to be said of a calibration.
pub(super) fn calibration(wanted: u64, found: Calibration) -> Option<String> {
    let off = found.fitting_keys.abs_diff(wanted) as f64 / wanted.max(1) as f64;
    (found.fitting_keys > 0 && off > OFF && found.fitting_keys < wanted.max(1) * 2).then(|| {
        format!(
            "`capacity: {{ keys: {wanted} }}`: the nearest limit found, {} bytes, holds {} keys: connections and tables \
             take memory in steps. Use more keys, larger values or fewer clients",
            found.maxmemory_bytes, found.fitting_keys
        )
    })
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use super::*;
    use crate::recording::model::Latency;
    use crate::runner::record;

    /// Ten seconds of an open loop, with every request as late and as long under way as told.
    fn open_loop(busy_s: f64, delayed_s: f64, lateness_ns: u64, latency_ns: u64) -> Vec<String> {
        let of = |ns| {
            let mut histogram = Histogram::<u64>::new(3).unwrap();
            histogram.record(ns).unwrap();
            Latency::of(&histogram)
        };
        let record = PhaseRecord {
            offered_rate: Some(1e3),
            client_threads: 1,
            client_cpu_s: busy_s + 2.0,
            client_spin_s: 2.0,
            client_delayed_s: delayed_s,
            lateness: Some(of(lateness_ns)),
            latency: of(latency_ns),
            ..record::pause("mix", 0.0, 10.0).unwrap()
        };
        phase("run", &record)
    }

    #[test]
    fn a_closed_loop_that_its_client_held_up_is_told_where_it_lasted() {
        let told = |elapsed_s| {
            let record = PhaseRecord {
                client_threads: 2,
                client_cpu_s: 1.8 * elapsed_s,
                ..record::pause("mix", 0.0, elapsed_s).unwrap()
            };
            phase("run", &record)
        };
        assert!(told(0.9).is_empty());
        assert!(told(1.1)[0].contains("90 % busy") && told(1.1)[0].contains("set the pace"));
    }

    #[test]
    fn a_client_that_measures_itself_is_told() {
        assert!(open_loop(8.4, 0.3, 9_000, 100_000).is_empty());
        let told = open_loop(8.6, 0.0, 11_000, 100_000);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("kept its core 86 % busy"), "{told:?}");
        assert!(
            told[1].contains("up to 11 µs late") && told[1].contains("a median latency of 100 µs"),
            "{told:?}"
        );
        assert!(told[1].ends_with("or lower the rate"), "{told:?}");
        let told = open_loop(1.0, 0.3, 11_000, 100_000);
        assert!(
            told[0].contains("For 3.0 % of the time other threads"),
            "{told:?}"
        );
    }

    fn clocked<'a>(directives: &'a [Directive], span_ms: u64, wall_s: (u64, u64)) -> Clocked<'a> {
        Clocked {
            cell: "cell",
            directives,
            span: Duration::from_millis(span_ms),
            wall_s,
        }
    }

    fn directive(name: &str, value: &str) -> Directive {
        Directive {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn a_run_between_two_ticks_says_nothing_about_lru() {
        let lru = [directive("maxmemory-policy", "allkeys-lru")];
        assert!(clocked(&lru, 1_500, (0, 1)).warnings()[0].contains("settle"));
        assert!(clocked(&lru, 2_500, (0, 2)).warnings().is_empty());
        let fine = [
            directive("maxmemory-policy", "allkeys-lru"),
            directive("lru-clock-resolution", "10"),
        ];
        assert!(clocked(&fine, 100, (0, 0)).warnings().is_empty());
        let exact = [directive("maxmemory-policy", "allkeys-lru-exact")];
        assert!(clocked(&exact, 100, (0, 0)).warnings().is_empty());
    }

    #[test]
    fn a_run_across_a_minute_ages_lfu() {
        let lfu = [directive("maxmemory-policy", "volatile-lfu")];
        assert!(clocked(&lfu, 5_000, (58, 62)).warnings()[0].contains("lfu-decay-time: 0"));
        assert!(clocked(&lfu, 5_000, (61, 66)).warnings().is_empty());
        let steady = [
            directive("maxmemory-policy", "allkeys-lfu"),
            directive("lfu-decay-time", "0"),
        ];
        assert!(clocked(&steady, 5_000, (58, 62)).warnings().is_empty());
    }
}
