//! Prometheus's text format, version 0.0.4: a family of figures after the other, each under its help and type.

use std::fmt::Write as _;

use super::{Board, Current, Series};
use crate::runner::{Advance, Spectrum};

/// Bounds of the latency histogram: powers of two of a nanosecond, from 4 µs to 17 s, which the buckets that are counted
/// in meet exactly.
const OCTAVES: std::ops::RangeInclusive<u32> = 12..=34;

/// Everything that `board` knows.
pub(super) fn text(board: &Board) -> String {
    let totals: Vec<(Labels, Advance)> = board
        .totals()
        .into_iter()
        .map(|(series, total)| (Labels::of(board, series), total))
        .collect();
    let mut text = String::new();
    build(&mut text);
    counters(&mut text, &totals);
    latency(&mut text, &totals);
    deliveries(&mut text, &totals);
    if let Some(current) = &board.current {
        under_way(&mut text, board, current);
    }
    text
}

/// Labels of a series, as they stand between the braces.
struct Labels(String);

impl Labels {
    fn of(board: &Board, series: &Series) -> Self {
        let mut labels = Self(String::new());
        labels.add("workload", &board.workload);
        labels.add("cell", &series.cell);
        labels.add("phase", &series.phase);
        labels
    }

    fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        let _ = write!(self.0, "{name}=\"{}\"", escaped(value));
    }

    /// These and one more.
    fn with(&self, name: &str, value: &str) -> Self {
        let mut labels = Self(self.0.clone());
        labels.add(name, value);
        labels
    }
}

/// Values may hold anything; `\`, `"` and line ends are escaped.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn sample(text: &mut String, name: &str, labels: &Labels, value: f64) {
    let _ = writeln!(text, "{name}{{{}}} {value}", labels.0);
}

fn build(text: &mut String) {
    let name = "cachebench_build_info";
    family(text, name, "gauge", "The cachebench that drives.");
    let mut labels = Labels(String::new());
    labels.add("version", env!("CARGO_PKG_VERSION"));
    sample(text, name, &labels, 1.0);
}

fn counters(text: &mut String, totals: &[(Labels, Advance)]) {
    let name = "cachebench_due_total";
    let help = "Requests that fell due; on a closed loop, that were sent.";
    family(text, name, "counter", help);
    for (labels, total) in totals {
        sample(text, name, labels, total.due as f64);
    }
    let name = "cachebench_requests_total";
    let help = "Requests answered, error replies included, by operation.";
    family(text, name, "counter", help);
    for (labels, total) in totals {
        for (operation, count) in &total.by_operation {
            sample(
                text,
                name,
                &labels.with("operation", operation),
                *count as f64,
            );
        }
    }
    let name = "cachebench_errors_total";
    family(text, name, "counter", "Errors by kind.");
    for (labels, total) in totals {
        for (kind, count) in &total.errors {
            sample(text, name, &labels.with("kind", kind), *count as f64);
        }
    }
    let name = "cachebench_reads_total";
    let help = "Reads that found their key (hit) or did not (miss).";
    family(text, name, "counter", help);
    for (labels, total) in totals {
        let counts = total.counts;
        for (outcome, count) in [("hit", counts.hits), ("miss", counts.misses)] {
            sample(text, name, &labels.with("outcome", outcome), count as f64);
        }
    }
}

fn latency(text: &mut String, totals: &[(Labels, Advance)]) {
    let name = "cachebench_latency_seconds";
    let help = "Latency: from the due time on an open loop, from the send on a closed one. The sum is good to 3 %.";
    family(text, name, "histogram", help);
    for (labels, total) in totals {
        histogram(text, name, labels, &total.latencies);
    }
}

/// Of phases that publish.
fn deliveries(text: &mut String, totals: &[(Labels, Advance)]) {
    let heard = |(_, total): &&(Labels, Advance)| total.deliveries.count() > 0;
    let mut published = totals.iter().filter(heard).peekable();
    if published.peek().is_none() {
        return;
    }
    let name = "cachebench_delivery_seconds";
    let help = "From when a message was due (on a closed loop, sent) to each delivery. The sum is good to 3 %.";
    family(text, name, "histogram", help);
    for (labels, total) in published {
        histogram(text, name, labels, &total.deliveries);
    }
}

fn histogram(text: &mut String, name: &str, labels: &Labels, spectrum: &Spectrum) {
    let bucket = format!("{name}_bucket");
    for octave in OCTAVES {
        let bound = labels.with("le", &seconds((1 << octave) - 1).to_string());
        sample(text, &bucket, &bound, spectrum.below_octave(octave) as f64);
    }
    let (count, sum) = (spectrum.count() as f64, spectrum.sum_ns() * 1e-9);
    sample(text, &bucket, &labels.with("le", "+Inf"), count);
    sample(text, &format!("{name}_sum"), labels, sum);
    sample(text, &format!("{name}_count"), labels, count);
}

/// Nanoseconds as seconds, in as few digits as tell them apart.
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// Gauges of the phase under way.
fn under_way(text: &mut String, board: &Board, current: &Current) {
    let labels = Labels::of(board, &current.series);
    let progress = &current.progress;
    let gauges = [
        (
            "phase_repetition",
            "Which repetition the phase under way belongs to, from 1.",
            f64::from(board.repetition) + 1.0,
        ),
        (
            "phase_elapsed_seconds",
            "How long the phase under way has lasted.",
            progress.elapsed_s,
        ),
        (
            "offered_rate",
            "Requests per second that fell due in the last second.",
            progress.due_rate,
        ),
        (
            "in_flight",
            "Requests sent that have no reply yet.",
            progress.so_far.in_flight as f64,
        ),
        (
            "overdue",
            "Requests due that have not been sent yet.",
            progress.so_far.owed as f64,
        ),
    ];
    for (name, help, value) in gauges {
        let name = format!("cachebench_{name}");
        family(text, &name, "gauge", help);
        sample(text, &name, &labels, value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::runner::Progress;

    fn board() -> Board {
        let mut so_far = Advance {
            due: 70,
            by_operation: BTreeMap::from([("get".to_owned(), 60), ("set".to_owned(), 5)]),
            errors: BTreeMap::from([("OOM".to_owned(), 2)]),
            in_flight: 4,
            ..Advance::default()
        };
        (so_far.counts.hits, so_far.counts.misses) = (50, 10);
        so_far.deliveries.record(3_000);
        so_far.deliveries.record(5_000);
        let series = Series {
            cell: "a \"b\"\\c\nd".to_owned(),
            phase: "mix".to_owned(),
        };
        let progress = Progress {
            so_far: so_far.clone(),
            ..Progress::default()
        };
        Board {
            workload: "w".to_owned(),
            ended: BTreeMap::from([(series.clone(), so_far)]),
            current: Some(Current { series, progress }),
            ..Board::default()
        }
    }

    /// Name, labels and value of a sample, by the grammar of the format.
    fn parsed(line: &str) -> (String, BTreeMap<String, String>, f64) {
        let (name, rest) = line.split_once('{').unwrap();
        let is_name = |text: &str| {
            let mut bytes = text.bytes();
            bytes
                .next()
                .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        assert!(is_name(name), "{line}");
        let (mut labels, mut rest) = (BTreeMap::new(), rest);
        while !rest.starts_with('}') {
            let (label, value) = rest.trim_start_matches(',').split_once("=\"").unwrap();
            assert!(is_name(label), "{line}");
            let mut letters = value.char_indices();
            let mut unescaped = String::new();
            let end = loop {
                match letters.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => unescaped.push(match letters.next().unwrap().1 {
                        'n' => '\n',
                        letter @ ('\\' | '"') => letter,
                        other => panic!("\\{other} in {line}"),
                    }),
                    (_, letter) => unescaped.push(letter),
                }
            };
            assert!(
                labels.insert(label.to_owned(), unescaped).is_none(),
                "{line}"
            );
            rest = &value[end + 1..];
        }
        (name.to_owned(), labels, rest[1..].trim().parse().unwrap())
    }

    #[test]
    fn every_family_stands_together_under_one_type() {
        let text = text(&board());
        assert!(text.ends_with('\n'));
        let (mut families, mut family) = (BTreeSet::new(), String::new());
        for line in text.lines() {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(families.insert(name.to_owned()), "{line} stands twice");
                family = name.to_owned();
            } else if !line.starts_with("# HELP ") {
                let name = parsed(line).0;
                let rest = name.strip_prefix(&family).unwrap();
                assert!(["", "_bucket", "_sum", "_count"].contains(&rest), "{line}");
            }
        }
    }

    #[test]
    fn counters_add_up_over_repetitions() {
        let text = text(&board());
        let of = |name: &str, label: (&str, &str)| {
            let mut samples = text
                .lines()
                .filter(|line| !line.starts_with('#'))
                .map(parsed);
            let found = samples.find(|(found, labels, _)| {
                found == name && labels.get(label.0).map(String::as_str) == Some(label.1)
            });
            found.map(|(.., value)| value)
        };
        assert_eq!(
            of("cachebench_requests_total", ("operation", "get")),
            Some(120.0)
        );
        assert_eq!(of("cachebench_errors_total", ("kind", "OOM")), Some(4.0));
        assert_eq!(
            of("cachebench_reads_total", ("outcome", "miss")),
            Some(20.0)
        );
        assert_eq!(
            of("cachebench_due_total", ("cell", "a \"b\"\\c\nd")),
            Some(140.0)
        );
        assert_eq!(of("cachebench_in_flight", ("phase", "mix")), Some(4.0));
        assert_eq!(
            of("cachebench_latency_seconds_bucket", ("le", "+Inf")),
            Some(0.0)
        );
        assert_eq!(
            of("cachebench_latency_seconds_bucket", ("le", "0.000004095")),
            Some(0.0)
        );
        assert_eq!(
            of("cachebench_delivery_seconds_bucket", ("le", "0.000004095")),
            Some(2.0)
        );
    }
}
