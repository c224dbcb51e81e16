//! The expressions of `expect`: `survival.read > survival.unread`, `mix.latency.p99 < 1ms`.
//!
//! An expression is two operands and a comparison. An operand is a number with a unit, or `what.measure`. Both sides must be of
//! one kind, so that no latency is compared with a share.

use super::plan::{Comparison, Measure, Metric, Operand};
use super::problem::Flaw;
use super::units::{Count, FromText, Portion, Rate, Size, Time, decimal};
use super::words;

/// The names that an expression may use.
pub(super) struct Names<'a> {
    /// Phases in order, with whether they read and whether they send anything.
    pub(super) phases: &'a [PhaseFacts],
    /// Survival groups in order.
    pub(super) groups: &'a [String],
    /// The phase that a measure is of where none is named; none where one must be.
    pub(super) unnamed: Option<usize>,
}

/// What expressions must know of a phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PhaseFacts {
    pub(super) name: String,
    /// Sends requests (is no pause).
    pub(super) loads: bool,
    /// Sends reads that may hit or miss.
    pub(super) reads: bool,
    /// Verifies values that it reads.
    pub(super) verifies: bool,
    /// Publishes to subscribers.
    pub(super) publishes: bool,
    /// Its operations in order.
    pub(super) operations: Vec<String>,
    /// The key spaces in order.
    pub(super) spaces: Vec<String>,
}

impl PhaseFacts {
    /// Of a phase that sends nothing.
    pub(super) fn of_pause(name: String) -> Self {
        Self {
            name,
            loads: false,
            reads: false,
            verifies: false,
            publishes: false,
            operations: Vec::new(),
            spaces: Vec::new(),
        }
    }
}

/// A parsed expression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Expression {
    pub(super) left: Operand,
    pub(super) comparison: Comparison,
    pub(super) right: Operand,
}

/// What a quantity is a quantity of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Time,
    Share,
    Count,
    Bytes,
    Rate,
}

impl Kind {
    /// With examples of a number to compare it with.
    fn with_examples(self) -> &'static str {
        match self {
            Self::Time => "a time (compare it with one such as 1ms)",
            Self::Share => "a share (compare it with one such as 90% or 0.9)",
            Self::Count => "a count (compare it with one such as 0 or 10k)",
            Self::Bytes => "a size (compare it with one such as 2mb)",
            Self::Rate => "a rate (compare it with one such as 50k/s)",
        }
    }
}

/// Comparisons, longer ones before their beginnings.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

/// Reads an expression.
///
/// # Errors
///
/// The bytes that are wrong, what was found there and what is allowed.
pub(super) fn parse(text: &str, names: &Names<'_>) -> Result<Expression, Flaw> {
    let (at, sign, comparison) = comparison(text)?;
    let (left_text, right_text) = (trimmed(text, 0..at), trimmed(text, at + sign..text.len()));
    let (left, left_metric) = operand(left_text, names)?;
    let (right, right_metric) = operand(right_text, names)?;
    let (left, right) = match (left_metric, right_metric) {
        (None, None) => {
            return Err(whole(
                text,
                "this compares two numbers; one side must be measured, as in mix.errors == 0",
            ));
        }
        (Some(kind), None) => (left, number_of(kind, right_text)?),
        (None, Some(kind)) => (number_of(kind, left_text)?, right),
        (Some(one), Some(other)) if one == other => (left, right),
        (Some(one), Some(other)) => {
            let message = format!(
                "this compares {} with {}",
                one.with_examples(),
                other.with_examples()
            );
            return Err(whole(text, &message));
        }
    };
    Ok(Expression {
        left,
        comparison,
        right,
    })
}

/// Reads something measured, alone.
///
/// # Errors
///
/// The bytes that are wrong, what was found there and what is allowed.
pub(super) fn measured(text: &str, names: &Names<'_>) -> Result<Metric, Flaw> {
    metric(trimmed(text, 0..text.len()), names).map(|(metric, _)| metric)
}

/// A part of an expression and where it begins.
#[derive(Clone, Copy)]
struct Part<'a> {
    start: usize,
    text: &'a str,
}

impl Part<'_> {
    fn flaw(self, message: String) -> Flaw {
        Flaw {
            start: self.start,
            length: self.text.len(),
            message,
        }
    }
}

fn whole(text: &str, message: &str) -> Flaw {
    Flaw {
        start: 0,
        length: text.len(),
        message: message.to_owned(),
    }
}

fn trimmed(text: &str, range: std::ops::Range<usize>) -> Part<'_> {
    let part = text.get(range.clone()).unwrap_or_default();
    Part {
        start: range.start + part.len() - part.trim_start().len(),
        text: part.trim(),
    }
}

/// Where the only comparison stands, how long it is, and which it is.
fn comparison(text: &str) -> Result<(usize, usize, Comparison), Flaw> {
    let signs = ['<', '>', '=', '!'];
    let Some(at) = text.find(signs) else {
        return Err(whole(
            text,
            &format!(
                "`{text}` compares nothing; write what is measured, one of <, <=, ==, !=, >=, >, and a number, as in mix.errors == 0"
            ),
        ));
    };
    let rest = &text[at..];
    let length = rest
        .find(|letter| !signs.contains(&letter))
        .unwrap_or(rest.len());
    let found = COMPARISONS
        .iter()
        .find(|(sign, _)| *sign == &rest[..length]);
    let Some((_, comparison)) = found else {
        let message = format!(
            "unknown comparison `{}`; known: <, <=, ==, !=, >=, >",
            &rest[..length]
        );
        return Err(Flaw {
            start: at,
            length,
            message,
        });
    };
    match rest[length..].find(signs) {
        None => Ok((at, length, *comparison)),
        Some(second) => {
            let message = "a second comparison; write two expectations".to_owned();
            Err(Flaw {
                start: at + length + second,
                length: 1,
                message,
            })
        }
    }
}

/// An operand, and the kind of what it measures; numbers are read once the other side says of which kind they must be.
fn operand(part: Part<'_>, names: &Names<'_>) -> Result<(Operand, Option<Kind>), Flaw> {
    if part.text.is_empty() {
        return Err(Flaw {
            start: part.start,
            length: 1,
            message: "a side of the comparison is missing".to_owned(),
        });
    }
    if part
        .text
        .starts_with(|letter: char| letter.is_ascii_digit() || letter == '.' || letter == '-')
    {
        return Ok((Operand::Number(0.0), None));
    }
    metric(part, names).map(|(metric, kind)| (Operand::Metric(metric), Some(kind)))
}

/// A number where `kind` is wanted.
fn number_of(kind: Kind, part: Part<'_>) -> Result<Operand, Flaw> {
    let text = part.text;
    let number = match kind {
        Kind::Time => Time::from_text(text).map(|time| time.0.as_secs_f64()),
        Kind::Share => Portion::from_text(text).map(|portion| portion.0),
        Kind::Count => count(text),
        Kind::Bytes => Size::from_text(text).map(|size| size.0 as f64),
        Kind::Rate => match Rate::from_text(text) {
            Ok(Rate::PerSecond(rate)) => Ok(rate),
            Ok(Rate::Closed) => Err(format!("`{text}` is no number")),
            Err(_) if text == "0" || text == "0/s" => Ok(0.0),
            Err(message) => Err(message),
        },
    };
    match number {
        Ok(number) => Ok(Operand::Number(number)),
        Err(_) => Err(part.flaw(format!(
            "`{text}` does not fit: the other side is {}",
            kind.with_examples()
        ))),
    }
}

/// A count, with a fraction where a mean of repetitions may have one.
fn count(text: &str) -> Result<f64, String> {
    match decimal(text) {
        Some(number) => Ok(number),
        None => Count::from_text(text).map(|count| count.0 as f64),
    }
}

/// Something measured, and of which kind it is.
fn metric(part: Part<'_>, names: &Names<'_>) -> Result<(Metric, Kind), Flaw> {
    if let Some(phase) = names.unnamed.filter(|_| !has_subject(part.text, names)) {
        return metric_of_unnamed(phase, part, names);
    }
    let Some((what, measure)) = part.text.split_once('.') else {
        return Err(part.flaw(unknown_subject(part.text, names)));
    };
    let rest = Part {
        start: part.start + what.len() + 1,
        text: measure,
    };
    match what {
        "survival" => survival(rest, names.groups),
        "read_back" => read_back(rest),
        "server" => server(rest),
        phase => match names.phases.iter().position(|facts| facts.name == phase) {
            Some(index) => metric_of_part(index, &names.phases[index], rest)
                .unwrap_or_else(|| phase_metric(index, &names.phases[index], rest)),
            None => Err(Part {
                start: part.start,
                text: what,
            }
            .flaw(unknown_subject(what, names))),
        },
    }
}

/// Whether `text` says of what it is a measure, or tries to.
fn has_subject(text: &str, names: &Names<'_>) -> bool {
    let subject = text.split_once('.').map(|(subject, _)| subject);
    let is_phase = |subject: &str| names.phases.iter().any(|facts| facts.name == subject);
    let looks_like_measure =
        text.starts_with("latency.") || text.starts_with("delivery.") || percentile(text).is_some();
    subject.is_some_and(|subject| is_phase(subject) || !looks_like_measure)
}

fn metric_of_unnamed(
    phase: usize,
    part: Part<'_>,
    names: &Names<'_>,
) -> Result<(Metric, Kind), Flaw> {
    match names.phases.get(phase) {
        Some(facts) if known_measure(part.text).is_some() => phase_metric(phase, facts, part),
        facts => {
            let publishes = facts.is_some_and(|facts| facts.publishes);
            let known: Vec<&str> = known_measures(publishes).collect();
            let mut message = words::unknown("measure", part.text, &known);
            message
                .push_str("; of one phase as in mix.p99, of the server as in server.used_memory");
            Err(part.flaw(message))
        }
    }
}

fn unknown_subject(found: &str, names: &Names<'_>) -> String {
    let subjects: Vec<&str> = names
        .phases
        .iter()
        .map(|facts| facts.name.as_str())
        .chain(["survival", "read_back", "server"])
        .collect();
    words::unknown("subject", found, &subjects)
}

fn survival(part: Part<'_>, groups: &[String]) -> Result<(Metric, Kind), Flaw> {
    if part.text == "fidelity" {
        return Ok((Metric::Fidelity, Kind::Share));
    }
    match groups.iter().position(|group| group == part.text) {
        Some(index) => Ok((Metric::GroupSurvival(index), Kind::Share)),
        None => {
            let known: Vec<&str> = groups
                .iter()
                .map(String::as_str)
                .chain(["fidelity"])
                .collect();
            Err(part.flaw(words::unknown("group of `survival`:", part.text, &known)))
        }
    }
}

fn read_back(part: Part<'_>) -> Result<(Metric, Kind), Flaw> {
    match part.text {
        "lost" => Ok((Metric::LostWrites, Kind::Count)),
        unknown => Err(part.flaw(words::unknown(
            "measure of `read_back`:",
            unknown,
            &["lost"],
        ))),
    }
}

fn server(part: Part<'_>) -> Result<(Metric, Kind), Flaw> {
    match part.text {
        "evicted_keys" => Ok((Metric::EvictedKeys, Kind::Count)),
        "used_memory" => Ok((Metric::UsedMemory, Kind::Bytes)),
        unknown => Err(part.flaw(words::unknown(
            "measure of `server`:",
            unknown,
            &["evicted_keys", "used_memory"],
        ))),
    }
}

/// Measures of a phase; `pNN` stands for any percentile.
const MEASURES: [(&str, Measure, Kind); 23] = [
    ("operations", Measure::Operations, Kind::Count),
    ("throughput", Measure::Throughput, Kind::Rate),
    ("errors", Measure::Errors, Kind::Count),
    ("error_rate", Measure::ErrorRate, Kind::Share),
    ("hits", Measure::Hits, Kind::Count),
    ("misses", Measure::Misses, Kind::Count),
    ("hit_ratio", Measure::HitRatio, Kind::Share),
    ("corrupt", Measure::Corrupt, Kind::Count),
    ("foreign", Measure::Foreign, Kind::Count),
    ("distinct", Measure::Distinct, Kind::Count),
    ("hottest_share", Measure::HottestShare, Kind::Share),
    ("exponent", Measure::Exponent, Kind::Count),
    ("ideal_hit_ratio", Measure::IdealHitRatio, Kind::Share),
    ("latency.mean", Measure::LatencyMean, Kind::Time),
    ("latency.max", Measure::LatencyMax, Kind::Time),
    ("busiest_node_share", Measure::BusiestNodeShare, Kind::Share),
    ("busiest_node_rate", Measure::BusiestNodeRate, Kind::Rate),
    ("delivered", Measure::Delivered, Kind::Count),
    ("lost", Measure::Lost, Kind::Count),
    ("undetermined", Measure::Undetermined, Kind::Count),
    ("out_of_order", Measure::OutOfOrder, Kind::Count),
    ("delivery.mean", Measure::DeliveryMean, Kind::Time),
    ("delivery.max", Measure::DeliveryMax, Kind::Time),
];

/// What is measured of one operation, and of one key space.
const OF_OPERATION: [&str; 6] = [
    "operations",
    "latency.mean",
    "latency.max",
    "latency.p50",
    "latency.p99",
    "latency.p99.9",
];
const OF_SPACE: [&str; 3] = ["hits", "misses", "hit_ratio"];

/// A measure of one operation of a phase, or of one key space in it; nothing where neither is named.
fn metric_of_part(
    index: usize,
    phase: &PhaseFacts,
    part: Part<'_>,
) -> Option<Result<(Metric, Kind), Flaw>> {
    let (name, measure) = part.text.split_once('.')?;
    let place = |names: &[String]| names.iter().position(|known| known == name);
    let unknown = |known: &[&str]| {
        let rest = Part {
            start: part.start + name.len() + 1,
            text: measure,
        };
        rest.flaw(words::unknown(
            &format!("measure of `{name}`:"),
            measure,
            known,
        ))
    };
    let found = known_measure(measure);
    if let Some(place) = place(&phase.operations) {
        let fits = |one: &Measure| one.is_latency() || *one == Measure::Operations;
        let found = found.filter(|(one, _)| fits(one));
        let metric = found.map(|(one, kind)| (Metric::Operation(index, place, one), kind));
        return Some(metric.ok_or_else(|| unknown(&OF_OPERATION)));
    }
    let place = place(&phase.spaces)?;
    let fits = |one: &Measure| matches!(one, Measure::Hits | Measure::Misses | Measure::HitRatio);
    let found = found.filter(|(one, _)| fits(one));
    let metric = found.map(|(one, kind)| (Metric::Space(index, place, one), kind));
    Some(metric.ok_or_else(|| unknown(&OF_SPACE)))
}

fn phase_metric(index: usize, phase: &PhaseFacts, part: Part<'_>) -> Result<(Metric, Kind), Flaw> {
    let (measure, kind) = measure(phase, part)?;
    if !phase.loads {
        return Err(part.flaw(format!(
            "`{}` is a pause: nothing is measured in it",
            phase.name
        )));
    }
    let is_of_reads = matches!(
        measure,
        Measure::Hits | Measure::Misses | Measure::HitRatio | Measure::IdealHitRatio
    );
    if !phase.reads && is_of_reads {
        return Err(part.flaw(format!(
            "`{}` reads nothing, so that nothing hits or misses",
            phase.name
        )));
    }
    if !phase.publishes && measure.is_of_delivery() {
        return Err(part.flaw(format!(
            "`{}` delivers nothing; that is measured of a fan_out",
            phase.name
        )));
    }
    if !phase.verifies && matches!(measure, Measure::Corrupt | Measure::Foreign) {
        return Err(part.flaw(format!(
            "`{}` verifies nothing; write verify: true in `values`, and let it get",
            phase.name
        )));
    }
    Ok((Metric::Phase(index, measure), kind))
}

fn measure(phase: &PhaseFacts, part: Part<'_>) -> Result<(Measure, Kind), Flaw> {
    if let Some(known) = known_measure(part.text) {
        return Ok(known);
    }
    if let Some(percentile) = part.text.strip_prefix("latency.p") {
        return Err(part.flaw(format!(
            "`p{percentile}` is no percentile; write p50, p99, p99.9 and so on up to p100"
        )));
    }
    let known: Vec<&str> = known_measures(phase.publishes).collect();
    Err(part.flaw(words::unknown(
        &format!("measure of `{}`:", phase.name),
        part.text,
        &known,
    )))
}

/// The measure called `text`; `latency.` may be left out, as in `p99`.
fn known_measure(text: &str) -> Option<(Measure, Kind)> {
    let is_called = |name: &str| name == text || name.strip_prefix("latency.") == Some(text);
    let listed = MEASURES.iter().find(|(name, ..)| is_called(name));
    let listed = listed.map(|(_, measure, kind)| (*measure, *kind));
    let measure = || match text.strip_prefix("delivery.") {
        Some(rest) => Some(Measure::DeliveryPercentile(percentile(rest)?)),
        None => Some(Measure::LatencyPercentile(percentile(text)?)),
    };
    listed.or_else(|| Some((measure()?, Kind::Time)))
}

/// The number of `p99.9` or `latency.p99.9`.
fn percentile(text: &str) -> Option<f64> {
    let number = text
        .strip_prefix("latency.")
        .unwrap_or(text)
        .strip_prefix('p')?;
    decimal(number).filter(|number| *number <= 100.0)
}

/// The measures of a phase, those of deliveries where it publishes.
fn known_measures(publishes: bool) -> impl Iterator<Item = &'static str> {
    let percentiles = ["latency.p50", "latency.p99", "latency.p99.9"];
    let listed = MEASURES
        .iter()
        .filter(move |(_, measure, _)| publishes || !measure.is_of_delivery());
    listed
        .map(|(name, ..)| *name)
        .chain(percentiles)
        .chain(publishes.then_some("delivery.p99"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with_names<T>(then: impl FnOnce(&Names<'_>) -> T) -> T {
        let phase = |name: &str, loads, reads| PhaseFacts {
            loads,
            reads,
            operations: vec!["get".to_owned(), "set".to_owned()],
            spaces: vec!["sessions".to_owned()],
            ..PhaseFacts::of_pause(name.into())
        };
        let phases = [
            phase("save", true, false),
            phase("pause", false, false),
            phase("mix", true, true),
        ];
        let groups = ["read".to_owned(), "unread".to_owned()];
        then(&Names {
            phases: &phases,
            groups: &groups,
            unnamed: None,
        })
    }

    fn parsed(text: &str) -> (Operand, Comparison, Operand) {
        let Expression {
            left,
            comparison,
            right,
        } = with_names(|names| parse(text, names)).unwrap();
        (left, comparison, right)
    }

    #[test]
    fn expressions() {
        use Operand::{Metric as M, Number as N};
        let cases = [
            (
                "survival.read > survival.unread",
                M(Metric::GroupSurvival(0)),
                Comparison::Greater,
                M(Metric::GroupSurvival(1)),
            ),
            (
                "mix.latency.p99 < 1ms",
                M(Metric::Phase(2, Measure::LatencyPercentile(99.0))),
                Comparison::Less,
                N(0.001),
            ),
            (
                "mix.latency.p99.9<=1ms",
                M(Metric::Phase(2, Measure::LatencyPercentile(99.9))),
                Comparison::AtMost,
                N(0.001),
            ),
            (
                "save.errors == 0",
                M(Metric::Phase(0, Measure::Errors)),
                Comparison::Equal,
                N(0.0),
            ),
            (
                "90% <= mix.hit_ratio",
                N(0.9),
                Comparison::AtMost,
                M(Metric::Phase(2, Measure::HitRatio)),
            ),
            (
                "survival.fidelity >= 0.9",
                M(Metric::Fidelity),
                Comparison::AtLeast,
                N(0.9),
            ),
            (
                "server.evicted_keys > 4k",
                M(Metric::EvictedKeys),
                Comparison::Greater,
                N(4000.0),
            ),
            (
                "server.used_memory != 1mb",
                M(Metric::UsedMemory),
                Comparison::NotEqual,
                N(1_048_576.0),
            ),
            (
                "mix.throughput >= 10k/s",
                M(Metric::Phase(2, Measure::Throughput)),
                Comparison::AtLeast,
                N(10_000.0),
            ),
        ];
        for (text, left, comparison, right) in cases {
            assert_eq!(parsed(text), (left, comparison, right), "{text}");
        }
    }

    #[test]
    fn an_operation_and_a_key_space_have_measures_of_their_own() {
        let left = |text| match parsed(text).0 {
            Operand::Metric(metric) => metric,
            Operand::Number(number) => panic!("{number}"),
        };
        assert_eq!(
            [
                left("mix.set.p99 < 2ms"),
                left("mix.sessions.hit_ratio > 9%")
            ],
            [
                Metric::Operation(2, 1, Measure::LatencyPercentile(99.0)),
                Metric::Space(2, 0, Measure::HitRatio)
            ]
        );
    }

    /// Expressions, the part that is marked (a blank where nothing is there to mark), and what is told.
    const FLAWS: [(&str, &str, &str); 18] = [
        (
            "mix.errors",
            "mix.errors",
            "`mix.errors` compares nothing; write what is measured, one of <, <=, ==, !=, >=, >, and a number, as in mix.errors == 0",
        ),
        (
            "mix.errors = 0",
            "=",
            "unknown comparison `=`; known: <, <=, ==, !=, >=, >",
        ),
        (
            "0 < mix.errors < 9",
            "<",
            "a second comparison; write two expectations",
        ),
        (
            "1 < 2",
            "1 < 2",
            "this compares two numbers; one side must be measured, as in mix.errors == 0",
        ),
        (
            "mxi.errors == 0",
            "mxi",
            "unknown subject `mxi`; known: save, pause, mix, survival, read_back, server; did you mean `mix`?",
        ),
        (
            "survival.raed > 0.5",
            "raed",
            "unknown group of `survival`: `raed`; known: read, unread, fidelity; did you mean `read`?",
        ),
        (
            "server.memory > 1mb",
            "memory",
            "unknown measure of `server`: `memory`; known: evicted_keys, used_memory",
        ),
        (
            "mix.hitratio > 0.5",
            "hitratio",
            "unknown measure of `mix`: `hitratio`; known: operations, throughput, errors, error_rate, hits, misses, hit_ratio, corrupt, foreign, distinct, hottest_share, exponent, ideal_hit_ratio, latency.mean, \
                 latency.max, busiest_node_share, busiest_node_rate, latency.p50, latency.p99, latency.p99.9; did you mean `hit_ratio`?",
        ),
        (
            "mix.latency.p101 < 1s",
            "latency.p101",
            "`p101` is no percentile; write p50, p99, p99.9 and so on up to p100",
        ),
        (
            "mix.latency.p99 < 1",
            "1",
            "`1` does not fit: the other side is a time (compare it with one such as 1ms)",
        ),
        (
            "survival.read >= 90",
            "90",
            "`90` does not fit: the other side is a share (compare it with one such as 90% or 0.9)",
        ),
        (
            "mix.errors < 1ms",
            "1ms",
            "`1ms` does not fit: the other side is a count (compare it with one such as 0 or 10k)",
        ),
        (
            "mix.errors < survival.read",
            "mix.errors < survival.read",
            "this compares a count (compare it with one such as 0 or 10k) with a share (compare it with one such as 90% or 0.9)",
        ),
        (
            "save.hits > 0",
            "hits",
            "`save` reads nothing, so that nothing hits or misses",
        ),
        (
            "pause.errors == 0",
            "errors",
            "`pause` is a pause: nothing is measured in it",
        ),
        (
            "mix.get.hit_ratio > 0.5",
            "hit_ratio",
            "unknown measure of `get`: `hit_ratio`; known: operations, latency.mean, latency.max, latency.p50, latency.p99, latency.p99.9",
        ),
        (
            "mix.sessions.p99 < 1ms",
            "p99",
            "unknown measure of `sessions`: `p99`; known: hits, misses, hit_ratio",
        ),
        ("mix.errors ==", " ", "a side of the comparison is missing"),
    ];

    #[test]
    fn flaws_say_where_and_what_instead() {
        for (text, marked, message) in FLAWS {
            let flaw = with_names(|names| parse(text, names)).unwrap_err();
            assert_eq!(flaw.message, message);
            if marked != " " {
                assert_eq!(
                    &text[flaw.start..flaw.start + flaw.length],
                    marked,
                    "{text}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(mix|survival|server|ü|1)?[.<>=! a-z0-9%/ü]{0,30}") {
            with_names(|names| { let _ = parse(&text, names); });
        }
    }
}
