//! Progress of a run on stderr: a bar per phase for whoever watches a terminal, a line per repetition for a log.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::terminal;
use crate::recording::model::PhaseRecord;
use crate::runner::{self, Event, Extent, Observer};
use crate::stats::human;
use crate::workload::plan::Plan;

/// Steps of a bar; requests and seconds are both scaled to it.
const STEPS: u64 = 1000;
/// How long a log stays silent while a phase goes on.
const SILENCE: Duration = Duration::from_secs(30);

/// Tells what happens, in the way that fits who reads it.
pub(super) struct Progress {
    style: Style,
    cells: usize,
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
    /// A terminal.
    Bar(ProgressBar),
    /// A log; when it last said something.
    Log(Instant),
}

impl Progress {
    /// For a run of `plan`.
    pub(super) fn new(plan: &Plan, is_quiet: bool) -> Self {
        let style = match (is_quiet, terminal::is_watched()) {
            (true, _) => Style::Silent,
            (false, true) => Style::Bar(bar()),
            (false, false) => Style::Log(Instant::now()),
        };
        let (repetition, phase) = (String::new(), String::new());
        Self {
            style,
            cells: plan.cells.len(),
            has_begun: false,
            repetition,
            phase,
            extent: Extent::Requests(0),
            ended: Vec::new(),
        }
    }

    fn began(&mut self, cell: usize, label: &str, repetition: u32, repetitions: u32) {
        self.end_repetition();
        let run = format!(
            "run {} of {}",
            repetition as usize * self.cells + cell + 1,
            repetitions as usize * self.cells
        );
        self.repetition = if self.cells > 1 {
            format!("{label}, {run}")
        } else {
            run
        };
        self.has_begun = true;
    }

    fn phase_began(&mut self, name: &str, extent: Extent) {
        (self.phase, self.extent) = (name.to_owned(), extent);
        if let Style::Bar(bar) = &self.style {
            bar.set_position(0);
            bar.set_prefix(format!("{}: {name}", self.repetition));
            bar.set_message("");
        }
    }

    fn progress(&mut self, progress: runner::Progress) {
        let message = rates(progress);
        match &mut self.style {
            Style::Silent => {}
            Style::Bar(bar) => {
                bar.set_position(steps(self.extent, progress));
                bar.set_message(message);
            }
            Style::Log(last) if last.elapsed() >= SILENCE => {
                *last = Instant::now();
                let elapsed = human::seconds(progress.elapsed_s.floor());
                terminal::note(&format!(
                    "{}: {} for {elapsed}, {message}",
                    self.repetition, self.phase
                ));
            }
            Style::Log(_) => {}
        }
    }

    fn phase_ended(&mut self, record: &PhaseRecord) {
        if let Style::Bar(bar) = &self.style {
            bar.set_position(STEPS);
        }
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

    /// Says something that stays, above the bar where there is one.
    fn say(&self, text: &str) {
        match &self.style {
            Style::Silent => {}
            Style::Bar(bar) => bar.suspend(|| terminal::note(text)),
            Style::Log(_) => terminal::note(text),
        }
    }

    /// Shows at once what may be a reason to stop; what is warned of later is part of the result.
    fn warn(&self, text: &str) {
        match &self.style {
            Style::Bar(bar) if !self.has_begun => bar.suspend(|| terminal::warning(text)),
            Style::Log(_) if !self.has_begun => terminal::warning(text),
            _ => {}
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
                repetitions,
            } => self.began(cell, label, repetition, repetitions),
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
        if let Style::Bar(bar) = &self.style {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(STEPS);
    if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:24}] {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// `52.3k/s, hit ratio 94.7%, 12 errors`, whatever of it there is.
fn rates(progress: runner::Progress) -> String {
    let mut parts = vec![format!("{}/s", human::short(progress.rate))];
    parts.extend(
        progress
            .hit_ratio
            .map(|ratio| format!("hit ratio {}", human::percent(ratio))),
    );
    if progress.errors > 0 {
        parts.push(format!("{} errors", human::count(progress.errors)));
    }
    parts.join(", ")
}

/// How far the phase has come, in steps of its bar.
fn steps(extent: Extent, progress: runner::Progress) -> u64 {
    let share = match extent {
        Extent::Requests(all) => progress.requests as f64 / all.max(1) as f64,
        Extent::Seconds(all) | Extent::Pause(all) => progress.elapsed_s / all.max(1e-3),
    };
    (share.clamp(0.0, 1.0) * STEPS as f64) as u64
}
