//! The part of the page that is alive: the run second by second, to zoom into, drawn by uPlot from data in the page.
//!
//! The script is the only one there is, and its checksum stands in the policy of the page: nothing else may run, and nothing
//! may be loaded. uPlot is Leon Sorokin's, under the MIT licence, which lies beside it in `vendor/`.

use maud::{Markup, PreEscaped, html};
use serde::Serialize;

use crate::recording::model::{Interval, PhaseRecord, Recording, Repetition, Sample};

/// What the page runs, with the licence under which it is passed on.
const SCRIPT: &str = concat!(
    "/*\n",
    include_str!("vendor/uPlot.LICENSE"),
    "\n*/\n",
    include_str!("vendor/uPlot.iife.min.js"),
    "\n",
    include_str!("live.js")
);
/// SHA-256 of [`SCRIPT`], base64; a test of the page says what it is.
const SCRIPT_HASH: &str = "PXQDE5ceCNZoAaQC5WnCsh4etFtuLFORp0VFLfJAehk=";
/// The style sheet of uPlot.
pub(super) const STYLE: &str = include_str!("vendor/uPlot.min.css");

/// A page holds this many points; the tables beside it hold all.
const POINTS_MAX: usize = 20_000;

/// What a policy must say so that [`section`] works.
pub(super) fn script_source() -> String {
    format!("script-src 'sha256-{SCRIPT_HASH}'")
}

/// Everything that can be looked at.
#[derive(Serialize)]
struct Recorded<'a> {
    runs: Vec<Run<'a>>,
}

/// A repetition of a cell, or a phase of one where phases ran beside one another.
#[derive(Serialize)]
struct Run<'a> {
    #[serde(skip)]
    name: String,
    phases: Vec<Phase<'a>>,
    intervals: Intervals,
    samples: Samples,
}

#[derive(Serialize)]
struct Phase<'a> {
    name: &'a str,
    from: f64,
    to: f64,
}

/// Columns in time order; nothing where nothing was seen.
#[derive(Default, Serialize)]
struct Intervals {
    at: Vec<f64>,
    throughput: Vec<Option<f64>>,
    hit_ratio: Vec<Option<f64>>,
    p50_s: Vec<Option<f64>>,
    p99_s: Vec<Option<f64>>,
    max_s: Vec<Option<f64>>,
}

/// Columns in time order; nothing where nothing was seen.
#[derive(Default, Serialize)]
struct Samples {
    at: Vec<f64>,
    used_memory_bytes: Vec<Option<f64>>,
    evictions: Vec<Option<f64>>,
}

/// The part of the page; nothing where the recording has no timeline.
pub(super) fn section(recording: &Recording) -> Markup {
    let (runs, left_out) = runs(recording);
    if runs.is_empty() {
        return html! {};
    }
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    html! {
        section #closer hidden {
            h2 { "Second by second" }
            div.card {
                p.caption {
                    "Drag across a stretch to look closer, double-click to see all again; the values are those under the pointer."
                    @if left_out > 0 { " " (left_out) " runs are left out; timeline.csv has them." }
                }
                @if names.len() > 1 {
                    p { label { "Run: " select #run {
                        @for (index, name) in names.iter().enumerate() { option value=(index) { (name) } }
                    } } }
                }
                div #live {}
            }
        }
        script #recorded type="application/json" { (PreEscaped(json(&Recorded { runs }))) }
        script { (PreEscaped(SCRIPT)) }
    }
}

/// JSON that cannot end the element that it stands in.
fn json(recorded: &Recorded<'_>) -> String {
    let json = serde_json::to_string(recorded).unwrap_or_else(|_| "{\"runs\":[]}".to_owned());
    json.replace('<', "\\u003c")
}

/// As many as fit into the page, and how many do not.
fn runs(recording: &Recording) -> (Vec<Run<'_>>, usize) {
    let (mut runs, mut points, mut left_out) = (Vec::new(), 0, 0);
    for cell in &recording.cells {
        for (number, repetition) in cell.repetitions.iter().enumerate() {
            let name = match cell.repetitions.len() {
                1 => cell.label.clone(),
                _ => format!("{}, repetition {}", cell.label, number + 1),
            };
            for run in of_repetition(&name, repetition) {
                points += run.intervals.at.len();
                if points <= POINTS_MAX {
                    runs.push(run);
                } else {
                    left_out += 1;
                }
            }
        }
    }
    (runs, left_out)
}

fn of_repetition<'a>(name: &str, repetition: &'a Repetition) -> Vec<Run<'a>> {
    let timeline = &repetition.timeline;
    let run = |name: String, intervals: Vec<&Interval>| Run {
        name,
        phases: repetition.phases.iter().map(phase).collect(),
        intervals: columns(&intervals),
        samples: samples(&repetition.samples),
    };
    if timeline.is_empty() {
        return Vec::new();
    }
    if timeline.windows(2).all(is_in_order) {
        return vec![run(name.to_owned(), timeline.iter().collect())];
    }
    let phases = repetition.phases.iter().enumerate();
    let alone = phases.map(|(index, phase)| {
        let own = timeline.iter().filter(|interval| interval.phase == index);
        run(format!("{name}: {}", phase.name), own.collect())
    });
    alone.filter(|run| !run.intervals.at.is_empty()).collect()
}

fn is_in_order(pair: &[Interval]) -> bool {
    match pair {
        [before, after] => after.at_s >= before.at_s + before.length_s - 1e-6,
        _ => true,
    }
}

fn phase(phase: &PhaseRecord) -> Phase<'_> {
    Phase {
        name: &phase.name,
        from: moment(phase.started_s),
        to: moment(phase.started_s + phase.elapsed_s),
    }
}

/// A row at the middle of each interval, and an empty one where a phase ends, so that no line crosses a pause.
fn columns(intervals: &[&Interval]) -> Intervals {
    let mut columns = Intervals::default();
    for (place, interval) in intervals.iter().enumerate() {
        columns.push(interval.at_s + interval.length_s / 2.0, Some(interval));
        let next = intervals.get(place + 1);
        if next.is_some_and(|next| next.phase != interval.phase) {
            columns.push(interval.at_s + interval.length_s, None);
        }
    }
    columns
}

impl Intervals {
    fn push(&mut self, at_s: f64, interval: Option<&Interval>) {
        let figure = |read: &dyn Fn(&Interval) -> Option<f64>| interval.and_then(read).map(brief);
        self.at.push(moment(at_s));
        self.throughput.push(figure(&|one| {
            (one.length_s > 0.0).then(|| one.operations as f64 / one.length_s)
        }));
        self.hit_ratio.push(figure(&|one| {
            let reads = one.hits + one.misses;
            (reads > 0).then(|| one.hits as f64 / reads as f64)
        }));
        let answered = |read: fn(&Interval) -> f64| {
            figure(&move |one| (one.operations > 0).then(|| read(one)))
        };
        self.p50_s.push(answered(|one| one.p50_s));
        self.p99_s.push(answered(|one| one.p99_s));
        self.max_s.push(answered(|one| one.max_s));
    }
}

fn samples(samples: &[Sample]) -> Samples {
    let mut columns = Samples::default();
    let mut before: Option<&Sample> = None;
    for sample in samples {
        let evictions = before
            .filter(|before| sample.at_s > before.at_s)
            .map(|before| {
                let evicted = sample.evicted_keys.saturating_sub(before.evicted_keys);
                evicted as f64 / (sample.at_s - before.at_s)
            });
        columns.at.push(moment(sample.at_s));
        columns
            .used_memory_bytes
            .push(Some(sample.used_memory_bytes as f64));
        columns.evictions.push(evictions.map(brief));
        before = Some(sample);
    }
    columns
}

/// Five digits are more than a screen can show.
fn brief(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

/// Seconds, to the microsecond.
fn moment(at_s: f64) -> f64 {
    (at_s * 1e6).round() / 1e6
}
