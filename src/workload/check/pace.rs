//! Rates: constant, at random, on a ramp, in steps.

use std::time::Duration;

use super::phases::duration;
use crate::workload::limits;
use crate::workload::plan::{Pace, Stretch};
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::{At, Given};
use crate::workload::units::Rate;
use crate::workload::written::{self, ShapedRate, Step};

/// When requests are due.
pub(super) fn pace(written: &Given<written::Pace>, problems: &mut Vec<Problem>) -> Pace {
    match written.get() {
        None | Some((written::Pace::Constant(Rate::Closed), _)) => Pace::Closed,
        Some((written::Pace::Constant(rate), place)) => {
            Pace::Rate(per_second(*rate, place, problems))
        }
        Some((written::Pace::Shaped(shape), place)) => shaped(shape, place, problems),
    }
}

/// How long a rate that changes takes to come to its end.
pub(super) fn length(pace: &Pace) -> Duration {
    match pace {
        Pace::Profile(stretches) => stretches.iter().map(|stretch| stretch.length).sum(),
        _ => Duration::ZERO,
    }
}

fn shaped(shape: &ShapedRate, place: Place, problems: &mut Vec<Problem>) -> Pace {
    let is_ramp = shape.from.is_given() || shape.to.is_given() || shape.over.is_given();
    match (shape.poisson.is_given(), is_ramp, shape.steps.is_given()) {
        (true, false, false) => Pace::Poisson(rate(&shape.poisson, problems)),
        (false, true, false) => Pace::Profile(vec![ramp(shape, place, problems)]),
        (false, false, true) => Pace::Profile(steps(shape, problems)),
        _ => {
            let message = "a rate is one of { poisson: 50k/s }, { from: 1k/s, to: 100k/s, over: 60s } and \
                { steps: [ { rate: 10k/s, for: 10s } ] }";
            problems.push(Problem::new(place, message));
            Pace::Closed
        }
    }
}

fn ramp(shape: &ShapedRate, place: Place, problems: &mut Vec<Problem>) -> Stretch {
    if !(shape.from.is_given() && shape.to.is_given() && shape.over.is_given()) {
        let message =
            "a ramp needs `from`, `to` and `over`, as in { from: 1k/s, to: 100k/s, over: 60s }";
        problems.push(Problem::new(place, message));
    }
    Stretch {
        from: rate(&shape.from, problems),
        to: rate(&shape.to, problems),
        length: time("over", &shape.over, problems),
    }
}

fn steps(shape: &ShapedRate, problems: &mut Vec<Problem>) -> Vec<Stretch> {
    let Some((steps, place)) = shape.steps.get() else {
        return Vec::new();
    };
    if steps.is_empty() || steps.len() > limits::STEPS {
        let message = format!("{} steps; allowed are 1 to {}", steps.len(), limits::STEPS);
        problems.push(Problem::new(place, message));
    }
    steps.iter().map(|given| step(given, problems)).collect()
}

fn step(given: &At<Step>, problems: &mut Vec<Problem>) -> Stretch {
    let missing = Step::default();
    let (step, place) = given.get().unwrap_or((&missing, given.place));
    if given.get().is_some() && !(step.rate.is_given() && step.for_.is_given()) {
        let message = "a step needs `rate` and `for`, as in { rate: 10k/s, for: 10s }";
        problems.push(Problem::new(place, message));
    }
    let rate = rate(&step.rate, problems);
    Stretch {
        from: rate,
        to: rate,
        length: time("for", &step.for_, problems),
    }
}

/// A length above zero, where one is given.
fn time(
    key: &str,
    given: &Given<crate::workload::units::Time>,
    problems: &mut Vec<Problem>,
) -> Duration {
    let length = duration(given, problems);
    if let (Some(Duration::ZERO), Some(place)) = (length, given.place()) {
        let message = format!("`{key}` is nothing; write how long it lasts, as in {key}: 10s");
        problems.push(Problem::new(place, message));
    }
    length.unwrap_or_default()
}

fn rate(given: &Given<Rate>, problems: &mut Vec<Problem>) -> f64 {
    given
        .get()
        .map_or(1.0, |(rate, place)| per_second(*rate, place, problems))
}

fn per_second(rate: Rate, place: Place, problems: &mut Vec<Problem>) -> f64 {
    let Rate::PerSecond(rate) = rate else {
        let message = "`closed` stands for a loop without a rate; write a rate here, as in 50k/s";
        problems.push(Problem::new(place, message));
        return 1.0;
    };
    if rate > limits::RATE {
        let most = limits::RATE;
        let message = format!("`rate` is {rate}/s; allowed are {most}/s at the most");
        problems.push(Problem::new(place, message));
    }
    rate
}
