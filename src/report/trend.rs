//! A figure over many recordings: its values in time order and where its level changed. For reading, never for blocking: a
//! machine that drifts has changes of level too.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use maud::{PreEscaped, html};
use schemars::JsonSchema;
use serde::Serialize;

use super::ReportError;
use super::html::{document, when};
use super::text::{BOLD, DIM, prose, table};
use super::unit::Unit;
use crate::gate::expectations::observed;
use crate::gate::identity::{matching_cells, plan_differences};
use crate::plot::{self, PlotError};
use crate::recording::model::Recording;
use crate::recording::write::write_file;
use crate::stats::change_points::{ChangePoint, change_points};
use crate::workload::plan::Metric;

/// The page.
const PAGE_FILE: &str = "trend.html";

/// The schema of the JSON form.
pub const SCHEMA: &str = "cachebench.trend/1";

/// A figure over recordings.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TrendFigures {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the workload.
    pub workload: String,
    /// What was measured, as asked for.
    pub metric: String,
    /// The cell it was measured in.
    pub cell: String,
    /// The unit of the values.
    pub unit: Unit,
    /// The measurements, oldest first.
    pub points: Vec<Point>,
    /// Where the level changed.
    pub changes: Vec<Level>,
    /// Recordings that were left out, and why.
    pub left_out: Vec<String>,
    /// The files written, where any were.
    pub files: Vec<String>,
}

/// A measurement.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Point {
    /// Where the recording was read from.
    pub path: String,
    /// When the run started.
    pub started_at: String,
    /// The server's name and version.
    pub server: String,
    /// What was measured.
    pub value: f64,
}

/// A change of level.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Level {
    /// Index of the first measurement at the new level.
    pub index: usize,
    /// When that run started.
    pub started_at: String,
    /// Mean before.
    pub before: f64,
    /// Mean from then on, to the next change.
    pub after: f64,
    /// The chance of such a difference without a change.
    pub p_value: f64,
}

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What is measured.
    pub metric: Metric,
    /// As it was asked for.
    pub text: &'a str,
    /// Index of the cell in the newest recording.
    pub cell: usize,
}

impl TrendFigures {
    /// The figure in `recordings`, which are in time order and named by where they were read from; those of another workload
    /// or machine than the newest are left out.
    #[must_use]
    pub fn of(recordings: &[(String, Recording)], question: &Question<'_>) -> Option<Self> {
        let (_, newest) = recordings.last()?;
        let (mut points, mut left_out) = (Vec::new(), Vec::new());
        for (path, one) in recordings {
            match value(newest, one, question) {
                Ok(value) => points.push(Point {
                    path: path.clone(),
                    started_at: one.started_at.clone(),
                    server: format!("{} {}", one.server.name, one.server.version),
                    value,
                }),
                Err(why) => left_out.push(format!("{path}: {why}")),
            }
        }
        let values: Vec<f64> = points.iter().map(|point| point.value).collect();
        let changes = change_points(&values);
        Some(Self {
            schema: SCHEMA.to_owned(),
            workload: newest.plan.name.clone(),
            metric: question.text.to_owned(),
            cell: newest
                .cells
                .get(question.cell)
                .map_or_else(String::new, |cell| cell.label.clone()),
            unit: Unit::of(question.metric),
            changes: changes
                .iter()
                .filter_map(|change| level(change, &points))
                .collect(),
            points,
            left_out,
            files: Vec::new(),
        })
    }

    /// The picture; nothing for fewer than two measurements.
    ///
    /// # Errors
    /// Where it cannot be written, which would be a fault of ours.
    pub fn svg(&self) -> Result<Option<String>, PlotError> {
        let values: Vec<f64> = self.points.iter().map(|point| point.value).collect();
        let how_to_read = format!(
            "{}, {}: one mark a recording; orange: levels between changes that chance seldom makes (p < .001). For reading, not for blocking.",
            self.workload, self.cell
        );
        let trend = plot::trend::Trend {
            title: &self.metric,
            how_to_read: &how_to_read,
            values: &values,
            changes: &change_points(&values),
        };
        plot::trend::draw(&trend, |value| self.unit.say(value))
    }
}

/// Writes the picture to `file` and the page beside it, or nothing for fewer than two measurements; which files.
///
/// # Errors
/// Where a file cannot be written or the picture not be drawn.
pub fn write(figures: &TrendFigures, file: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let Some(svg) = figures.svg()? else {
        return Ok(Vec::new());
    };
    let page = file.with_file_name(PAGE_FILE);
    Ok(vec![
        write_file(file, |out| out.write_all(svg.as_bytes()))?,
        write_file(&page, |out| out.write_all(html(figures, &svg).as_bytes()))?,
    ])
}

/// The picture with its changes of level, newest last, and every measurement.
fn html(figures: &TrendFigures, svg: &str) -> String {
    let say = |value| figures.unit.say(value);
    let body = html! {
        p.name { (figures.workload) ", " (figures.cell) }
        h1 { (figures.metric) }
        p.answer { (figures.points.len()) " recordings; " (headline(figures)) }
        figure #trend { div.scroll { (PreEscaped(svg)) } }
        @if !figures.changes.is_empty() {
            h2 { "Changes of level" }
            div.card { div.scroll { table {
                thead { tr { @for name in ["changed with the run of", "before", "after", "p"] { th scope="col" { (name) } } } }
                tbody { @for one in &figures.changes { tr {
                    th scope="row" { (when(&one.started_at)) }
                    td { (say(one.before)) } td { (say(one.after)) } td { (format!("{:.1e}", one.p_value)) }
                } } }
            } } }
        }
        h2 { "Measurements" }
        div.card { div.scroll { table {
            thead { tr { @for name in ["recording", "started", "server", "value"] { th scope="col" { (name) } } } }
            tbody { @for (number, one) in figures.points.iter().enumerate() { tr {
                th scope="row" { (number + 1) " " code { (one.path) } }
                td { (when(&one.started_at)) } td { (one.server) } td { (say(one.value)) }
            } } }
        } } }
        @for left_out in &figures.left_out { p.caption { "Left out: " (left_out) } }
        footer { "Made by cachebench " (env!("CARGO_PKG_VERSION")) " from recordings alone; this page needs no network." }
    };
    document(&format!("{} over time – cachebench", figures.metric), &body)
}

fn headline(figures: &TrendFigures) -> String {
    match figures.changes.len() {
        0 => "no change of level that chance would not make.".to_owned(),
        1 => "its level changed once.".to_owned(),
        many => format!("its level changed {many} times."),
    }
}

fn level(change: &ChangePoint, points: &[Point]) -> Option<Level> {
    Some(Level {
        index: change.index,
        started_at: points.get(change.index)?.started_at.clone(),
        before: change.before,
        after: change.after,
        p_value: change.p_value,
    })
}

/// The figure of one recording, or why it is left out.
fn value(newest: &Recording, one: &Recording, question: &Question<'_>) -> Result<f64, String> {
    if let Some(difference) = plan_differences(&newest.plan, &one.plan).first() {
        return Err(format!(
            "another {}: {}",
            difference.aspect.name(),
            difference.what
        ));
    }
    if newest.machine != one.machine {
        return Err("another machine".to_owned());
    }
    let cells = matching_cells(newest, one);
    let partner = cells.iter().find(|(mine, _)| *mine == question.cell);
    let cell = partner
        .and_then(|(_, theirs)| one.cells.get(*theirs))
        .ok_or("no such cell")?;
    observed(&one.plan, question.metric, cell).ok_or_else(|| "not measured".to_owned())
}

/// What `figures` say, in lines of at most `columns`.
#[must_use]
pub fn summary(figures: &TrendFigures, columns: usize) -> String {
    let columns = columns.max(40);
    let last = figures
        .points
        .last()
        .map_or("–".to_owned(), |point| figures.unit.say(point.value));
    let mut text = format!(
        "{BOLD}{} of {} ({}){BOLD:#}\n{} recordings, the newest {last}",
        figures.metric,
        figures.workload,
        figures.cell,
        figures.points.len()
    );
    if figures.changes.is_empty() {
        text.push_str("\n\nNo change of level that chance would not make.");
    } else {
        let header = ["changed with the run of", "before", "after", "p"].map(str::to_owned);
        let mut rows = vec![header.to_vec()];
        rows.extend(figures.changes.iter().map(|change| {
            vec![
                change.started_at.clone(),
                figures.unit.say(change.before),
                figures.unit.say(change.after),
                format!("{:.1e}", change.p_value),
            ]
        }));
        // Writing to a String cannot fail.
        let _ = write!(text, "\n\n{}", table(rows, columns));
    }
    for left_out in &figures.left_out {
        let _ = write!(
            text,
            "\n{DIM}{}{DIM:#}",
            prose(&format!("left out: {left_out}"), "  ", columns)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::fixture::zipf_read;
    use crate::workload::plan::Measure;

    fn recordings(count: usize) -> Vec<(String, Recording)> {
        let recording = |index: usize| {
            let mut one = zipf_read();
            one.started_at = format!("2026-11-{:02}T13:00:00Z", index + 1);
            let level = if index < count / 2 { 1.0 } else { 0.7 };
            one.cells[0].repetitions[0].phases[0].throughput =
                50_000.0 * level + (index % 3) as f64 * 100.0;
            (format!("{index}/recording.json"), one)
        };
        (0..count).map(recording).collect()
    }

    fn question() -> Question<'static> {
        Question {
            metric: Metric::Phase(0, Measure::Throughput),
            text: "save.throughput",
            cell: 0,
        }
    }

    /// The fixture has no phases in its plan; figures are read by their names.
    fn with_phase(mut recordings: Vec<(String, Recording)>) -> Vec<(String, Recording)> {
        let plan = crate::workload::parse("keys: { count: 9 }\nphases: [{ save: {} }]\n").unwrap();
        recordings
            .iter_mut()
            .for_each(|(_, one)| one.plan.phases.clone_from(&plan.phases));
        recordings
    }

    #[test]
    fn a_change_of_level_is_found_where_it_is_and_drawn() {
        let figures = TrendFigures::of(&with_phase(recordings(30)), &question()).unwrap();
        assert_eq!((figures.points.len(), figures.changes.len()), (30, 1));
        assert_eq!(figures.changes[0].index, 15);
        let plain = anstream::adapter::strip_str(&summary(&figures, 80)).to_string();
        assert!(
            plain.contains("2026-11-16T13:00:00Z") && plain.contains("35.1k/s"),
            "{plain}"
        );
        assert!(
            figures
                .svg()
                .unwrap()
                .unwrap()
                .contains("50.1k/s → 35.1k/s")
        );
        let folder = tempfile::tempdir().unwrap();
        let files = write(&figures, &folder.path().join("picture.svg")).unwrap();
        let page = std::fs::read_to_string(&files[1]).unwrap();
        assert!(page.contains("its level changed once.") && page.contains("<svg"));
        let schema = crate::report::schema_of::<TrendFigures>().to_value();
        jsonschema::validate(&schema, &serde_json::to_value(figures).unwrap()).unwrap();
    }

    #[test]
    fn what_is_not_comparable_is_left_out_and_said() {
        let mut recordings = with_phase(recordings(5));
        recordings[1].1.plan.seed = 7;
        recordings[2].1.machine.cores = 64;
        let figures = TrendFigures::of(&recordings, &question()).unwrap();
        assert_eq!(figures.points.len(), 3);
        assert_eq!(
            figures.left_out,
            [
                "1/recording.json: another seed: seed",
                "2/recording.json: another machine"
            ]
        );
        assert!(TrendFigures::of(&[], &question()).is_none());
    }
}
