//! `latency.hlog`: the histograms as an HdrHistogram interval log, format 1.3, for the public tools that read it.
//!
//! A line per cell, repetition and phase, tagged `CELL/PHASE/REPETITION` (from 1): V2, deflated, nanoseconds; the
//! column of the largest value is in milliseconds. Times count from the start of the run.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::model::{PhaseRecord, Recording, Repetition};

const NANOSECONDS_PER_MILLISECOND: f64 = 1e6;

struct Line<'a> {
    tag: String,
    start_s: f64,
    phase: &'a PhaseRecord,
}

/// Writes the log of `recording`, lines in order of their begin as the readers of the format expect.
///
/// # Errors
/// Where `out` fails or a histogram is damaged.
pub fn write<W: Write>(recording: &Recording, out: &mut W) -> io::Result<()> {
    let mut lines = lines(recording);
    lines.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    let mut serializer = V2DeflateSerializer::new();
    let mut log = header(recording).begin_log_with(out, &mut serializer)?;
    for line in lines.iter().filter(|line| line.phase.latency.count > 0) {
        let histogram = line.phase.latency.histogram().map_err(io::Error::other)?;
        let (start, length) = (duration(line.start_s), duration(line.phase.elapsed_s));
        log.write_histogram(&histogram, start, length, Tag::new(&line.tag))
            .map_err(|error| io::Error::other(error.to_string()))?;
    }
    Ok(())
}

fn header(recording: &Recording) -> IntervalLogWriterBuilder {
    let mut header = IntervalLogWriterBuilder::new();
    header
        .add_comment("[Histogram log format version 1.3]")
        .add_comment(&format!(
            "[{} by cachebench {}; nanoseconds]",
            recording.plan.name, recording.cachebench
        ))
        .with_max_value_divisor(NANOSECONDS_PER_MILLISECOND);
    if let Ok(started) = recording.started_at.parse::<jiff::Timestamp>() {
        let started = SystemTime::from(started);
        header.with_start_time(started).with_base_time(started);
    }
    header
}

fn lines(recording: &Recording) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for cell in &recording.cells {
        for (number, repetition) in cell.repetitions.iter().enumerate() {
            lines.extend(
                repetition
                    .phases
                    .iter()
                    .map(|phase| line(&cell.label, number + 1, repetition, phase)),
            );
        }
    }
    lines
}

fn line<'a>(
    cell: &str,
    number: usize,
    repetition: &Repetition,
    phase: &'a PhaseRecord,
) -> Line<'a> {
    let tag = format!("{cell}/{}/{number}", phase.name);
    Line {
        // The format ends a tag at a comma; its readers split lines at blanks.
        tag: tag.replace([',', ' ', '\r', '\n'], "_"),
        start_s: repetition.started_s + phase.started_s,
        phase,
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
