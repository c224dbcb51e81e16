//! Times to live.

use std::time::Duration;

use super::phases::bounded_duration;
use super::values::sigma;
use crate::workload::limits;
use crate::workload::plan::Ttl;
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::Given;
use crate::workload::units::{self, Time};
use crate::workload::words;
use crate::workload::written;
use crate::workload::written::values::{DrawnTtl, ExponentialTtl, LognormalTtl, UniformTtl};

/// Servers count milliseconds.
const LEAST: Duration = Duration::from_millis(1);

/// The time to live of what a phase writes.
pub(super) fn ttl(written: &Given<written::Ttl>, problems: &mut Vec<Problem>) -> Ttl {
    match written.get() {
        None | Some((written::Ttl::Text(units::Ttl::None), _)) => Ttl::None,
        Some((written::Ttl::Text(units::Ttl::After(time)), place)) => {
            Ttl::After(allowed(*time, place, problems))
        }
        Some((written::Ttl::Text(units::Ttl::Around(time, share)), place)) => {
            let time = allowed(*time, place, problems);
            Ttl::Uniform {
                min: time.mul_f64(1.0 - share).max(LEAST),
                max: time.mul_f64(1.0 + share),
            }
        }
        Some((written::Ttl::Drawn(drawn), place)) => match drawn {
            DrawnTtl::Uniform(times) => uniform(times, place, problems),
            DrawnTtl::Lognormal(times) => lognormal(times, place, problems),
            DrawnTtl::Exponential(times) => exponential(times, place, problems),
        },
    }
}

/// The time to live of what is replayed and tells none: one for all.
pub(super) fn same_for_all(written: &Given<written::Ttl>, problems: &mut Vec<Problem>) -> Ttl {
    match (ttl(written, problems), written.place()) {
        (Ttl::None | Ttl::After(_), _) | (_, None) => {}
        (_, Some(place)) => problems.push(Problem::new(
            place,
            "a replay gives the same time to live to all that tells none; write one, as in ttl: 30s",
        )),
    }
    ttl(written, &mut Vec::new())
}

fn uniform(times: &UniformTtl, place: Place, problems: &mut Vec<Problem>) -> Ttl {
    let example = "uniform: { min: 10s, max: 60s }";
    let min = optional(&times.min, LEAST, problems);
    let max = required("max", example, &times.max, place, problems);
    if let Some((_, place)) = times.max.get().filter(|_| max < min) {
        let (max, min) = (words::time(max), words::time(min));
        let message = format!("`max` is {max}, below `min`, {min}; swap them");
        problems.push(Problem::new(place, message));
    }
    Ttl::Uniform { min, max }
}

fn lognormal(times: &LognormalTtl, place: Place, problems: &mut Vec<Problem>) -> Ttl {
    const EXAMPLE: &str = "lognormal: { median: 5m, sigma: 1 }";
    Ttl::Lognormal {
        median: required("median", EXAMPLE, &times.median, place, problems),
        sigma: sigma(&times.sigma, EXAMPLE, place, problems),
        max: optional(&times.max, limits::DURATION, problems),
    }
}

fn exponential(times: &ExponentialTtl, place: Place, problems: &mut Vec<Problem>) -> Ttl {
    let example = "exponential: { mean: 5m }";
    Ttl::Exponential {
        mean: required("mean", example, &times.mean, place, problems),
        max: optional(&times.max, limits::DURATION, problems),
    }
}

/// A time that must be told, as in `example`.
fn required(
    key: &str,
    example: &str,
    written: &Given<Time>,
    place: Place,
    problems: &mut Vec<Problem>,
) -> Duration {
    if !written.is_given() {
        problems.push(Problem::new(
            place,
            format!("`{key}` is missing, as in {example}"),
        ));
    }
    optional(written, LEAST, problems)
}

fn optional(written: &Given<Time>, default: Duration, problems: &mut Vec<Problem>) -> Duration {
    written.get().map_or(default, |(Time(time), place)| {
        allowed(*time, place, problems)
    })
}

fn allowed(time: Duration, place: Place, problems: &mut Vec<Problem>) -> Duration {
    if time < LEAST {
        let message =
            "a time to live is 1ms at the least (servers count milliseconds); or write none";
        problems.push(Problem::new(place, message));
    }
    bounded_duration(time, place, problems)
}
