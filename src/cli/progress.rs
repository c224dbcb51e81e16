//! Progress of a run on stderr: a live view of the phase for whoever watches a terminal, a line per repetition for a log.

use std::time::{Duration, Instant};

use super::{terminal, view};
use crate::recording::model::PhaseRecord;
use crate::runner::{self, Event, Extent, Observer};
use crate::stats::human;
use crate::workload::plan::Plan;

/// How often the live view is drawn anew, at the most.
const REDRAW: Duration = Duration::from_millis(200);
/// How long a log stays silent while a phase goes on.
const SILENCE: Duration = Duration::from_secs(30);

/// Tells what happens, in the way that fits who reads it.
pub(super) struct Progress {
    style: Style,
    cells: usize,
    /// Runs of all cells together.
    runs: usize,
    /// Whether the load has begun.
    has_begun: bool,
    repetition: String,
    phase: String,
    extent: Extent,
    /// What the phases of the repetition under way came to.
    ended: Vec<String>,
}

enum Style {
    /// Nobody wants to know.
    Silent,
    /// A terminal; when it was last drawn.
    Live(Option<Instant>),
    /// A log; when it last said something.
    Log(Instant),
}

impl Progress {
    /// For a run of `plan`.
    pub(super) fn new(plan: &Plan, is_quiet: bool) -> Self {
        let style = match (is_quiet, terminal::is_watched()) {
            (true, _) => Style::Silent,
            (false, true) => Style::Live(None),
            (false, false) => Style::Log(Instant::now()),
        };
        let (repetition, phase) = (String::new(), String::new());
        Self {
            style,
            cells: plan.cells.len(),
            runs: plan.cells.len() * plan.repeat.max(1) as usize,
            has_begun: false,
            repetition,
            phase,
            extent: Extent::Requests(0),
            ended: Vec::new(),
        }
    }

    fn began(&mut self, cell: usize, label: &str, repetition: u32) {
        self.end_repetition();
        let number = repetition as usize * self.cells + cell + 1;
        let run = format!("run {number} of {}", self.runs);
        self.repetition = if self.cells > 1 {
            format!("{label}, {run}")
        } else {
            run
        };
        self.has_begun = true;
    }

    fn phase_began(&mut self, name: &str, extent: Extent) {
        (self.phase, self.extent) = (name.to_owned(), extent);
        self.draw(&runner::Progress::default(), true);
    }

    /// Draws the live view, where there is one and it is time to.
    fn draw(&mut self, progress: &runner::Progress, at_once: bool) {
        let Style::Live(last) = &mut self.style else {
            return;
        };
        if at_once || last.is_none_or(|last| last.elapsed() >= REDRAW) {
            *last = Some(Instant::now());
            let title = match self.runs > 1 && self.has_begun {
                true => format!("{}, {}", self.phase, self.repetition),
                false => self.phase.clone(),
            };
            let columns = terminal::watched_columns();
            terminal::show(&view::lines(&title, self.extent, progress, columns));
        }
    }

    fn progress(&mut self, progress: &runner::Progress) {
        self.draw(progress, false);
        if let Style::Log(last) = &mut self.style
            && last.elapsed() >= SILENCE
        {
            *last = Instant::now();
            let elapsed = human::seconds(progress.elapsed_s.floor());
            terminal::note(&format!(
                "{}: {} for {elapsed}, {}",
                self.repetition,
                self.phase,
                rates(progress)
            ));
        }
    }

    fn phase_ended(&mut self, record: &PhaseRecord) {
        if record.operations > 0 {
            let errors: u64 = record.errors.values().sum();
            let errors = if errors > 0 {
                format!(", {} errors", human::count(errors))
            } else {
                String::new()
            };
            self.ended.push(format!(
                "{} {}/s{errors}",
                record.name,
                human::short(record.throughput)
            ));
        }
    }

    /// A log gets its line once the phases of a repetition are over.
    fn end_repetition(&mut self) {
        let ended = std::mem::take(&mut self.ended);
        if let (Style::Log(last), false) = (&mut self.style, ended.is_empty()) {
            *last = Instant::now();
            terminal::note(&format!("{}: {}", self.repetition, ended.join("; ")));
        }
    }

    /// Says something that stays.
    fn say(&self, text: &str) {
        if !matches!(self.style, Style::Silent) {
            terminal::note(text);
        }
    }

    /// Shows at once what may be a reason to stop; what is warned of later is part of the result.
    fn warn(&self, text: &str) {
        if !self.has_begun && !matches!(self.style, Style::Silent) {
            terminal::warning(text);
        }
    }
}

impl Observer for Progress {
    fn on(&mut self, event: Event<'_>) {
        match event {
            Event::Connected { server } => {
                self.say(&format!("server: {} {}", server.name, server.version))
            }
            Event::Calibrating { keys } => self.phase_began(
                &format!("calibrating for {} keys", human::count(keys)),
                Extent::Requests(0),
            ),
            Event::Calibrated {
                maxmemory_bytes,
                fitting_keys,
            } => {
                self.say(&format!(
                    "maxmemory: {} bytes, in which {} keys fit",
                    human::count(maxmemory_bytes),
                    human::count(fitting_keys)
                ));
            }
            Event::RepetitionBegan {
                cell,
                label,
                repetition,
                ..
            } => self.began(cell, label, repetition),
            Event::PhaseBegan { name, extent, .. } => self.phase_began(name, extent),
            Event::Progress(progress) => self.progress(progress),
            Event::PhaseEnded { record, .. } => self.phase_ended(record),
            Event::Probed { .. } => {}
            Event::Warning(text) => self.warn(text),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end_repetition();
        if let Style::Live(_) = self.style {
            terminal::show(&[]);
        }
    }
}

/// `52.3k/s, hit ratio 94.7%, 12 errors`, whatever of it there is.
fn rates(progress: &runner::Progress) -> String {
    let mut parts = vec![format!("{}/s", human::short(progress.rate))];
    parts.extend(
        progress
            .hit_ratio
            .map(|ratio| format!("hit ratio {}", human::percent(ratio))),
    );
    if progress.so_far.deliveries.count() > 0 {
        parts.push(format!("{}/s heard", human::short(progress.delivery_rate)));
    }
    let errors = progress.so_far.counts.errors;
    if errors > 0 {
        parts.push(format!("{} errors", human::count(errors)));
    }
    parts.join(", ")
}
