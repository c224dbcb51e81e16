//! What is stored: how long values are, what they are made of, whether they are verified.

use super::Context;
use crate::workload::plan::{Bar, Contents, Filler, SizeDistribution, Values};
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::{At, Given};
use crate::workload::units::{Flag, Number, Plain, Size, Text, Weight};
use crate::workload::written::values::{self as written, Histogram, LognormalSizes, UniformSizes};
use crate::workload::{limits, words};

/// Filler where no values are written.
const DEFAULT_SIZE: u64 = 100;
/// Where a log-normal distribution ends that is not told to.
const DEFAULT_MAX: u64 = 1 << 20;
/// No distribution is wider, here and for times to live.
pub(super) const MOST_SIGMA: f64 = 10.0;
/// Zeros alone compress no further than this in pieces so small.
const MOST_RATIO: f64 = 64.0;

/// What is stored.
pub(super) fn values(
    written: &Given<written::Values>,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Values {
    let Some((values, place)) = written.get() else {
        return Values::Sized(Filler::of(SizeDistribution::Fixed(DEFAULT_SIZE)));
    };
    note_two_kinds(values, problems);
    let verify = values.verify.get().filter(|(Flag(verify), _)| *verify);
    if let Some((Text(template), _)) = values.template.get() {
        note_no_filler(values, problems);
        return Values::Template(template.clone());
    }
    let (sizes, place) = sizes(values, place, context, problems);
    note_too_large(&sizes, place, problems);
    if let Some((_, place)) = verify {
        note_no_room_for_seal(&sizes, place, problems);
    }
    Values::Sized(Filler {
        sizes,
        contents: contents(&values.contents, problems),
        verify: verify.is_some(),
    })
}

/// What is stored in a key space: what it says itself, or what is stored elsewhere. Either all values are verified or none.
pub(super) fn of_space(
    written: &Given<written::Values>,
    elsewhere: &Values,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Values {
    let Some((own, place)) = written.get() else {
        return elsewhere.clone();
    };
    if let Some(place) = own.verify.place() {
        let message = "either all values are verified or none; write `verify` in the `values` of the workload";
        problems.push(Problem::new(place, message));
    }
    let mut values = values(written, context, problems);
    match &mut values {
        _ if !elsewhere.are_verified() => {}
        Values::Sized(filler) => {
            filler.verify = true;
            note_no_room_for_seal(&filler.sizes, place, problems);
        }
        Values::Template(_) => {
            let message = "values are verified, which a template has no room for; write a size, as in fixed: 100b";
            problems.push(Problem::new(place, message));
        }
    }
    values
}

/// How long values are, and where that is said.
fn sizes(
    values: &written::Values,
    place: Place,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> (SizeDistribution, Place) {
    if let Some((sizes, place)) = values.uniform.get() {
        let told = sizes.max.place().unwrap_or(place);
        return (uniform(sizes, place, problems), told);
    }
    if let Some((sizes, place)) = values.lognormal.get() {
        let told = sizes.max.place().unwrap_or(place);
        return (lognormal(sizes, place, problems), told);
    }
    if let Some((sizes, place)) = values.histogram.get() {
        return (histogram(sizes, place, context, problems), place);
    }
    let (size, place) = values
        .fixed
        .get()
        .map_or((DEFAULT_SIZE, place), |(Size(size), place)| (*size, place));
    (SizeDistribution::Fixed(size), place)
}

/// Values are of one kind.
fn note_two_kinds(values: &written::Values, problems: &mut Vec<Problem>) {
    let mut kinds: Vec<(Place, &str)> = [
        (values.template.place(), "template"),
        (values.fixed.place(), "fixed"),
        (values.uniform.place(), "uniform"),
        (values.lognormal.place(), "lognormal"),
        (values.histogram.place(), "histogram"),
    ]
    .into_iter()
    .filter_map(|(place, name)| Some((place?, name)))
    .collect();
    kinds.sort_unstable();
    if let [(_, first), (place, second), ..] = kinds.as_slice() {
        let message =
            format!("`{first}` and `{second}` both say what values are; leave one of them out");
        problems.push(Problem::new(*place, message));
    }
}

/// A template says all of its values.
fn note_no_filler(values: &written::Values, problems: &mut Vec<Problem>) {
    for (place, name) in [
        (values.contents.place(), "contents"),
        (values.verify.place(), "verify"),
    ] {
        if let Some(place) = place {
            let message = format!(
                "a template says what its values are; leave `{name}` out, or write a size, as in fixed: 100b"
            );
            problems.push(Problem::new(place, message));
        }
    }
}

fn note_too_large(sizes: &SizeDistribution, place: Place, problems: &mut Vec<Problem>) {
    let largest = largest_size(sizes);
    if largest > limits::VALUE_BYTES {
        let (found, most) = (words::bytes(largest), words::bytes(limits::VALUE_BYTES));
        problems.push(Problem::new(
            place,
            format!("values of {found}; a value has {most} at the most, as in Redis"),
        ));
    }
}

/// A message holds its stamp; of a log-normal distribution those that would not are made so long.
pub(super) fn note_too_short(
    values: &Values,
    least: u64,
    place: Place,
    problems: &mut Vec<Problem>,
) {
    let message = match values {
        Values::Template(_) => {
            "a message tells when it was due; write a size, as in fixed: 100b".to_owned()
        }
        Values::Sized(filler) if smallest(&filler.sizes) < least => {
            let found = words::bytes(smallest(&filler.sizes));
            format!(
                "messages of {found}; each takes {least} bytes to tell when it was due: make them longer"
            )
        }
        Values::Sized(_) => return,
    };
    problems.push(Problem::new(place, message));
}

/// The smallest size there is; of a log-normal distribution the largest, as it has no other bound.
pub(super) fn smallest(sizes: &SizeDistribution) -> u64 {
    match sizes {
        SizeDistribution::Fixed(size) => *size,
        SizeDistribution::Uniform { min, .. } => *min,
        SizeDistribution::Histogram(bars) => {
            bars.iter().map(|bar| bar.size).min().unwrap_or(u64::MAX)
        }
        SizeDistribution::Lognormal { max, .. } => *max,
    }
}

/// A value that can be verified holds its seal; of a log-normal distribution those that would not are made so long.
fn note_no_room_for_seal(sizes: &SizeDistribution, place: Place, problems: &mut Vec<Problem>) {
    let smallest = smallest(sizes);
    if smallest < Filler::SEAL_BYTES {
        let found = words::bytes(smallest);
        let message = format!(
            "what is verified takes {} bytes of each value, and some are of {found}; make them longer, or leave `verify` out",
            Filler::SEAL_BYTES
        );
        problems.push(Problem::new(place, message));
    }
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
    let median = required("median", EXAMPLE, &written.median, place, problems);
    let sigma = sigma(&written.sigma, EXAMPLE, place, problems);
    let max = written.max.get().map_or(DEFAULT_MAX, |(Size(max), _)| *max);
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

/// The standard deviation of a logarithm, which must be told, as in `example`.
pub(super) fn sigma(
    written: &Given<Number>,
    example: &str,
    place: Place,
    problems: &mut Vec<Problem>,
) -> f64 {
    if !written.is_given() {
        problems.push(Problem::new(
            place,
            format!("`sigma` is missing, as in {example}"),
        ));
    }
    let (sigma, place) = written
        .get()
        .map_or((0.0, place), |(Number(sigma), place)| (*sigma, place));
    if sigma > MOST_SIGMA {
        problems.push(Problem::new(
            place,
            format!("`sigma` is {sigma}; allowed are 0 to {MOST_SIGMA}"),
        ));
    }
    sigma
}

fn histogram(
    written: &Histogram,
    place: Place,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> SizeDistribution {
    let before = problems.len();
    let bars: Vec<Bar> = match written {
        Histogram::Listed(bars) => listed(bars, problems),
        Histogram::In(file) => match file.file.get() {
            Some((Plain(name), place)) => context
                .files
                .rows(name, place, ["size", "weight"], problems)
                .into_iter()
                .map(|(Size(size), Weight(weight), _)| Bar { size, weight })
                .collect(),
            None => {
                if !file.file.is_given() {
                    let message = "`file` is missing, as in histogram: { file: sizes.csv }";
                    problems.push(Problem::new(place, message));
                }
                Vec::new()
            }
        },
    };
    if problems.len() == before && bars.iter().all(|bar| bar.weight == 0.0) {
        let message = "no size has a weight; give one or more of them a `weight` above 0";
        problems.push(Problem::new(place, message));
    }
    SizeDistribution::Histogram(bars)
}

/// The sizes in the workload itself.
fn listed(bars: &[At<written::Bar>], problems: &mut Vec<Problem>) -> Vec<Bar> {
    let mut read = Vec::new();
    for (bar, place) in bars.iter().filter_map(At::get) {
        if let (Some((Size(size), _)), Some((Weight(weight), _))) =
            (bar.size.get(), bar.weight.get())
        {
            let (size, weight) = (*size, *weight);
            read.push(Bar { size, weight });
        } else if !bar.size.is_given() || !bar.weight.is_given() {
            let message = "a size has a weight, as in { size: 100b, weight: 3 }";
            problems.push(Problem::new(place, message));
        }
    }
    read
}

fn contents(written: &Given<written::Contents>, problems: &mut Vec<Problem>) -> Contents {
    let ratio = match written.get() {
        None | Some((written::Contents::Text, _)) => return Contents::Text,
        Some((written::Contents::Random, _)) => return Contents::Random,
        Some((written::Contents::Compressible(ratio), _)) => ratio,
    };
    let (ratio, place) = ratio
        .get()
        .map_or((1.0, ratio.place), |(Number(ratio), place)| (*ratio, place));
    if !(1.0..=MOST_RATIO).contains(&ratio) {
        problems.push(Problem::new(
            place,
            format!("`compressible` is {ratio}; allowed are 1 to {MOST_RATIO}"),
        ));
    }
    Contents::Compressible(ratio)
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
        Values::Sized(filler) => largest_size(&filler.sizes),
    }
}

fn largest_size(sizes: &SizeDistribution) -> u64 {
    match sizes {
        SizeDistribution::Fixed(size) => *size,
        SizeDistribution::Uniform { max, .. } | SizeDistribution::Lognormal { max, .. } => *max,
        SizeDistribution::Histogram(bars) => bars.iter().map(|bar| bar.size).max().unwrap_or(0),
    }
}
