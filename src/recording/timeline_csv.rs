//! `timeline.csv`: a row per interval of the load, with what the server last said of itself.

use std::io::{self, Write};

use super::csv::field;
use super::model::{Interval, Recording, Repetition, Sample};

const HEADER: &str = "cell,repetition,phase,at_s,length_s,operations,throughput_per_s,hits,misses,errors,\
                      p50_s,p99_s,max_s,used_memory_bytes,rss_bytes,keys,evicted_keys,expired_keys";

/// Writes the table of `recording`. Repetitions count from 1; `at_s` counts from the begin of the repetition. The
/// columns of the server are empty before its first sample.
///
/// # Errors
/// Where `out` fails.
pub(super) fn write(recording: &Recording, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{HEADER}")?;
    for cell in &recording.cells {
        for (number, repetition) in cell.repetitions.iter().enumerate() {
            for interval in &repetition.timeline {
                write!(out, "{},{},", field(&cell.label), number + 1)?;
                write_row(repetition, interval, out)?;
            }
        }
    }
    Ok(())
}

fn write_row(repetition: &Repetition, interval: &Interval, out: &mut impl Write) -> io::Result<()> {
    let Interval {
        at_s,
        length_s,
        operations,
        hits,
        misses,
        errors,
        p50_s,
        p99_s,
        max_s,
        phase,
        latencies: _,
        errors_by_kind: _,
    } = interval;
    let phase = repetition
        .phases
        .get(*phase)
        .map_or("", |phase| phase.name.as_str());
    let throughput = if *length_s > 0.0 {
        *operations as f64 / length_s
    } else {
        0.0
    };
    write!(
        out,
        "{},{at_s:.6},{length_s:.6},{operations},{throughput:.1},",
        field(phase)
    )?;
    write!(
        out,
        "{hits},{misses},{errors},{p50_s:.9},{p99_s:.9},{max_s:.9},"
    )?;
    match sample_at(&repetition.samples, at_s + length_s) {
        Some(sample) => {
            let Sample {
                used_memory_bytes,
                rss_bytes,
                keys,
                evicted_keys,
                expired_keys,
                ..
            } = sample;
            writeln!(
                out,
                "{used_memory_bytes},{rss_bytes},{keys},{evicted_keys},{expired_keys}"
            )
        }
        None => writeln!(out, ",,,,"),
    }
}

/// The last sample taken no later than `at_s`.
fn sample_at(samples: &[Sample], at_s: f64) -> Option<&Sample> {
    samples
        .iter()
        .take_while(|sample| sample.at_s <= at_s)
        .last()
}
