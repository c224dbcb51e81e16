//! Keys and values.

use super::{Context, bounded};
use crate::workload::plan::{KeySpace, SizeDistribution, Template, Values};
use crate::workload::problem::{Place, Problem, is_meant};
use crate::workload::reader::Given;
use crate::workload::units::{Size, Text};
use crate::workload::written::{self, Keys, LognormalSizes, UniformSizes, Workload};
use crate::workload::{limits, words};

/// Filler where no values are written.
const DEFAULT_SIZE: u64 = 100;

/// The number of keys; nothing where that is unknown, so that nothing is measured by it.
pub(super) fn key_count(
    written: &Workload,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Option<u64> {
    let Some((keys, place)) = written.keys.get() else {
        if !written.keys.is_given() && !is_meant("keys", problems) {
            problems.push(Problem::new(
                context.document,
                "`keys` is missing; write how many keys there are, as in keys: { count: 10000 }",
            ));
        }
        return None;
    };
    if !keys.count.is_given() && !is_meant("count", problems) {
        problems.push(Problem::new(
            place,
            "`count` is missing; write how many keys there are, as in keys: { count: 10000 }",
        ));
    }
    keys.count.get()?;
    Some(bounded("count", &keys.count, 1, 1, limits::KEYS, problems))
}

/// The key space; names begin with `prefix`.
pub(super) fn key_space(written: &Given<Keys>, count: Option<u64>, prefix: String) -> KeySpace {
    let name = written.get().and_then(|(keys, _)| keys.name.get());
    let template = match name {
        Some((Text(template), _)) => template.clone(),
        None => Template {
            before: "key-".to_owned(),
            width: 0,
            after: String::new(),
        },
    };
    KeySpace {
        name: Template {
            before: prefix + &template.before,
            ..template
        },
        count: count.unwrap_or(1),
    }
}

/// What is stored.
pub(super) fn values(written: &Given<written::Values>, problems: &mut Vec<Problem>) -> Values {
    let Some((values, place)) = written.get() else {
        return Values::Sized(SizeDistribution::Fixed(DEFAULT_SIZE));
    };
    let (sizes, place) = match values {
        written::Values::Template(Text(template)) => return Values::Template(template.clone()),
        written::Values::Fixed(size) => (
            SizeDistribution::Fixed(size.get().map_or(0, |(Size(size), _)| *size)),
            size.place,
        ),
        written::Values::Uniform(sizes) => (
            uniform(sizes, place, problems),
            sizes.max.place().unwrap_or(place),
        ),
        written::Values::Lognormal(sizes) => (
            lognormal(sizes, place, problems),
            sizes.max.place().unwrap_or(place),
        ),
    };
    let largest = largest_size(&sizes);
    if largest > limits::VALUE_BYTES {
        let (found, most) = (words::bytes(largest), words::bytes(limits::VALUE_BYTES));
        problems.push(Problem::new(
            place,
            format!("values of {found}; a value has {most} at the most, as in Redis"),
        ));
    }
    Values::Sized(sizes)
}

fn uniform(written: &UniformSizes, place: Place, problems: &mut Vec<Problem>) -> SizeDistribution {
    let min = written.min.get().map_or(0, |(Size(min), _)| *min);
    let max = required(
        "max",
        "uniform: { min: 10b, max: 1kb }",
        &written.max,
        place,
        problems,
    );
    if let Some((_, place)) = written.max.get().filter(|_| max < min) {
        let (max, min) = (words::bytes(max), words::bytes(min));
        problems.push(Problem::new(
            place,
            format!("`max` is {max}, below `min`, {min}; swap them"),
        ));
    }
    SizeDistribution::Uniform { min, max }
}

fn lognormal(
    written: &LognormalSizes,
    place: Place,
    problems: &mut Vec<Problem>,
) -> SizeDistribution {
    const EXAMPLE: &str = "lognormal: { median: 120b, sigma: 1.1 }";
    const MOST_SIGMA: f64 = 10.0;
    let median = required("median", EXAMPLE, &written.median, place, problems);
    let sigma = written.sigma.get().map_or(0.0, |(sigma, _)| sigma.0);
    if !written.sigma.is_given() {
        problems.push(Problem::new(
            place,
            format!("`sigma` is missing, as in {EXAMPLE}"),
        ));
    }
    if let Some((sigma, place)) = written
        .sigma
        .get()
        .filter(|(sigma, _)| sigma.0 > MOST_SIGMA)
    {
        problems.push(Problem::new(
            place,
            format!("`sigma` is {}; allowed are 0 to {MOST_SIGMA}", sigma.0),
        ));
    }
    let max = written.max.get().map_or(1 << 20, |(Size(max), _)| *max);
    if let Some((_, place)) = written.median.get().filter(|(median, _)| median.0 > max) {
        problems.push(Problem::new(
            place,
            format!(
                "`median` is {}, above `max`, {}; raise `max`",
                words::bytes(median),
                words::bytes(max)
            ),
        ));
    }
    SizeDistribution::Lognormal { median, sigma, max }
}

fn required(
    key: &str,
    example: &str,
    given: &Given<Size>,
    place: Place,
    problems: &mut Vec<Problem>,
) -> u64 {
    if !given.is_given() {
        problems.push(Problem::new(
            place,
            format!("`{key}` is missing, as in {example}"),
        ));
    }
    given.get().map_or(0, |(Size(size), _)| *size)
}

/// The largest value there can be, bytes.
pub(super) fn largest(values: &Values) -> u64 {
    match values {
        Values::Template(template) => (template.before.len() + template.after.len() + 20) as u64,
        Values::Sized(sizes) => largest_size(sizes),
    }
}

fn largest_size(sizes: &SizeDistribution) -> u64 {
    match *sizes {
        SizeDistribution::Fixed(size) => size,
        SizeDistribution::Uniform { max, .. } | SizeDistribution::Lognormal { max, .. } => max,
    }
}
