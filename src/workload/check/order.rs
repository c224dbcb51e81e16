//! How keys are drawn: the range, the law over it, and whether it is scattered.

use std::ops::Range;

use super::keys::Keys;
use crate::workload::files::Files;
use crate::workload::limits;
use crate::workload::plan::{Order, Piece};
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::Given;
use crate::workload::units::{Flag, KeyRange, Number, Plain, Portion};
use crate::workload::written::distribution::{self, Distribution, Popularity};
use crate::workload::written::{self, PhaseKeys};

/// What YCSB uses.
const DEFAULT_EXPONENT: f64 = 0.99;
/// YCSB's hot spot.
const HOTSPOT: Piece = Piece {
    keys: 0.2,
    requests: 0.8,
};
/// YCSB's `exponential.frac` and `exponential.percentile`.
const EXPONENTIAL: Piece = Piece {
    keys: 0.857_142_857_1,
    requests: 0.95,
};
/// A bell that is whole within the range.
const MEAN: f64 = 0.5;
const DEVIATION: f64 = 0.1;

/// Which keys a phase draws, and how.
pub(super) struct Drawn {
    pub(super) keys: Range<u64>,
    pub(super) order: Order,
    pub(super) scattered: bool,
}

/// What the phase `written` draws from the keys there are.
pub(super) fn drawn(
    written: &written::Load,
    keys: &Keys,
    files: &Files<'_>,
    problems: &mut Vec<Problem>,
) -> Drawn {
    let order = written.order.get();
    let (range, law) = match written.keys.get() {
        Some((PhaseKeys::Drawn(law), place)) => {
            if let Some(place) = written.order.place() {
                let message = "`keys` says already how keys are drawn; leave `order` out, or write keys: 0..5000 (or all) beside it";
                problems.push(Problem::new(place, message));
            }
            (law.range().get(), Some((law, place)))
        }
        Some((PhaseKeys::Range(range), place)) => (Some((range, place)), beside(order, problems)),
        None => (None, beside(order, problems)),
    };
    let (range, place) = range.unwrap_or((&KeyRange::All, Place::default()));
    let others: &[&str] = match written.keys.get() {
        Some((PhaseKeys::Range(_), _)) => &Distribution::NAMES,
        _ => &[],
    };
    let count = keys.count;
    let keys = keys.resolve(range, others, place, problems);
    let known = count.map(|_| keys.end - keys.start);
    let order = match law {
        None => Order::Sequential,
        Some((law, place)) => self::order(law, place, known, files, problems),
    };
    let flag = law.and_then(|(law, _)| law.scattered()?.get());
    Drawn {
        keys,
        order,
        scattered: flag.is_some_and(|(Flag(scattered), _)| *scattered),
    }
}

/// The law in `order`, which stands beside a range.
fn beside<'a>(
    order: Option<(&'a Distribution, Place)>,
    problems: &mut Vec<Problem>,
) -> Option<(&'a Distribution, Place)> {
    if let Some(place) = order.and_then(|(law, _)| law.range().place()) {
        let message = "in `order` a distribution is over the phase's `keys`; leave `range` out, or write the whole in `keys`";
        problems.push(Problem::new(place, message));
    }
    order
}

/// The law over `count` keys, where that is known.
fn order(
    law: &Distribution,
    place: Place,
    count: Option<u64>,
    files: &Files<'_>,
    problems: &mut Vec<Problem>,
) -> Order {
    match law {
        Distribution::Sequential(_) => Order::Sequential,
        Distribution::Uniform(_) => Order::Uniform,
        Distribution::YcsbZipfian(_) => Order::YcsbZipfian,
        Distribution::Zipfian(law) => Order::Zipfian {
            exponent: exponent(&law.exponent, problems),
        },
        Distribution::Latest(law) => Order::Latest {
            exponent: exponent(&law.exponent, problems),
        },
        Distribution::Gaussian(law) => Order::Gaussian {
            mean: share(&law.mean, MEAN).0,
            deviation: deviation(&law.deviation, problems),
        },
        Distribution::Hotspot(law) => Order::Hotspot(hotspot(law, count, problems)),
        Distribution::Exponential(law) => Order::Exponential(exponential(law, problems)),
        Distribution::Popularity(law) => {
            Order::Popularity(pieces(law, place, count, files, problems))
        }
    }
}

fn exponent(written: &Given<Number>, problems: &mut Vec<Problem>) -> f64 {
    let exponent = written
        .get()
        .map_or(DEFAULT_EXPONENT, |(Number(exponent), _)| *exponent);
    if let Some((_, place)) = written.get().filter(|_| exponent > limits::EXPONENT) {
        problems.push(Problem::new(
            place,
            format!(
                "`exponent` is {exponent}; allowed are 0 to {}",
                limits::EXPONENT
            ),
        ));
    }
    exponent
}

/// A share, or its default, and where it is written.
fn share(written: &Given<Portion>, default: f64) -> (f64, Place) {
    written
        .get()
        .map_or((default, Place::default()), |(Portion(share), place)| {
            (*share, place)
        })
}

fn deviation(written: &Given<Portion>, problems: &mut Vec<Problem>) -> f64 {
    let (deviation, place) = share(written, DEVIATION);
    if deviation == 0.0 {
        let message = "a bell without width is one key; write a `deviation` above 0%";
        problems.push(Problem::new(place, message));
    }
    deviation
}

fn hotspot(law: &distribution::Hotspot, count: Option<u64>, problems: &mut Vec<Problem>) -> Piece {
    let (keys, place) = share(&law.keys, HOTSPOT.keys);
    let (requests, _) = share(&law.requests, HOTSPOT.requests);
    if keys == 0.0 || keys == 1.0 {
        let message = "a hot spot is more than none and less than all of the keys; write `keys` between 0% and 100%";
        problems.push(Problem::new(place, message));
    } else {
        note_no_key(keys, count, law.keys.place().unwrap_or(place), problems);
    }
    Piece { keys, requests }
}

fn exponential(law: &distribution::Exponential, problems: &mut Vec<Problem>) -> Piece {
    let (keys, keys_place) = share(&law.keys, EXPONENTIAL.keys);
    let (requests, requests_place) = share(&law.requests, EXPONENTIAL.requests);
    if keys == 0.0 {
        let message = "no keys cannot get any requests; write `keys` above 0%";
        problems.push(Problem::new(keys_place, message));
    }
    if requests == 0.0 || requests == 1.0 {
        let message = "an exponential law gives its keys more than none and less than all of the requests; write `requests` between 0% and 100%";
        problems.push(Problem::new(requests_place, message));
    }
    Piece { keys, requests }
}

fn pieces(
    law: &Popularity,
    place: Place,
    count: Option<u64>,
    files: &Files<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Piece> {
    let before = problems.len();
    let (rows, place) = match (law.pieces.get(), law.file.get()) {
        (Some((pieces, place)), None) => (listed(pieces, problems), place),
        (None, Some((Plain(name), place))) => (
            files.rows(name, place, ["keys", "requests"], problems),
            place,
        ),
        (Some(_), Some((_, place))) => {
            let message =
                "`pieces` and `file` both say how popular keys are; leave one of them out";
            problems.push(Problem::new(place, message));
            return Vec::new();
        }
        (None, None) => {
            if !law.pieces.is_given() && !law.file.is_given() {
                let message = "`pieces` is missing, as in popularity: { pieces: [ { keys: 1%, requests: 50% }, { keys: 99%, requests: 50% } ] }; or name a `file`";
                problems.push(Problem::new(place, message));
            }
            return Vec::new();
        }
    };
    if problems.len() == before {
        note_sum(
            "keys",
            rows.iter().map(|(keys, ..)| keys.0),
            place,
            problems,
        );
        note_sum(
            "requests",
            rows.iter().map(|(_, requests, _)| requests.0),
            place,
            problems,
        );
        for (keys, requests, place) in &rows {
            if requests.0 > 0.0 {
                note_no_key(keys.0, count, *place, problems);
            }
        }
    }
    rows.iter()
        .map(|(keys, requests, _)| Piece {
            keys: keys.0,
            requests: requests.0,
        })
        .collect()
}

/// The pieces in the workload itself.
fn listed(
    pieces: &[crate::workload::reader::At<distribution::Piece>],
    problems: &mut Vec<Problem>,
) -> Vec<(Portion, Portion, Place)> {
    let mut rows = Vec::new();
    for (piece, place) in pieces.iter().filter_map(|piece| piece.get()) {
        if let (Some((keys, _)), Some((requests, _))) = (piece.keys.get(), piece.requests.get()) {
            rows.push((*keys, *requests, place));
        } else if !piece.keys.is_given() || !piece.requests.is_given() {
            let message = "a piece has both, as in { keys: 1%, requests: 50% }";
            problems.push(Problem::new(place, message));
        }
    }
    rows
}

/// Shares that do not make a whole.
fn note_sum(
    name: &str,
    shares: impl Iterator<Item = f64>,
    place: Place,
    problems: &mut Vec<Problem>,
) {
    let sum: f64 = shares.sum();
    if (sum - 1.0).abs() > 1e-6 {
        let percent = (sum * 1e8).round() / 1e6;
        let message =
            format!("the shares of `{name}` add up to {percent}%; they must add up to 100%");
        problems.push(Problem::new(place, message));
    }
}

/// A share so small that no key is in it.
fn note_no_key(share: f64, count: Option<u64>, place: Place, problems: &mut Vec<Problem>) {
    if let Some(count) = count
        && (share * count as f64) < 0.5
    {
        let percent = (share * 1e8).round() / 1e6;
        let message =
            format!("{percent}% of the phase's {count} keys is none; write a larger share");
        problems.push(Problem::new(place, message));
    }
}
