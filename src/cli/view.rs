//! What the live view says of a phase under way, in lines as wide as the terminal.

use crate::runner::{Extent, Progress};
use crate::stats::human;

/// Left free at the right edge, where the terminal may echo a `^C`.
const MARGIN: usize = 3;
/// The widest that a line is set.
const COLUMNS_MAX: usize = 100;
/// A bar is between so many characters wide.
const BAR: (usize, usize) = (10, 30);
/// Figures stand in columns of this width.
const FIGURE: usize = 18;

/// The lines for the phase called `title`, of which `progress` tells, on a terminal of `columns`.
pub(super) fn lines(
    title: &str,
    extent: Extent,
    progress: &Progress,
    columns: usize,
) -> Vec<String> {
    let room = columns.saturating_sub(MARGIN).clamp(1, COLUMNS_MAX);
    let mut lines = head(title, extent, progress, room);
    if progress.so_far.counts.operations + progress.so_far.in_flight > 0 {
        lines.extend(grid(&figures(progress), room));
    }
    lines.iter().map(|line| cut(line, room)).collect()
}

/// The title, and how far the phase has come: on one line where that fits.
fn head(title: &str, extent: Extent, progress: &Progress, room: usize) -> Vec<String> {
    let Some((share, said)) = reached(extent, progress) else {
        return vec![title.to_owned()];
    };
    let beside = |taken: usize| room.saturating_sub(taken + said.chars().count() + 4);
    let on_one_line = beside(title.chars().count() + 1);
    if on_one_line >= BAR.0 {
        return vec![format!("{title} {} {said}", bar(share, on_one_line))];
    }
    vec![
        title.to_owned(),
        format!("{} {said}", bar(share, beside(0))),
    ]
}

/// How far the phase has come, as a share and in words; nothing where it has no end that is known.
fn reached(extent: Extent, progress: &Progress) -> Option<(f64, String)> {
    match extent {
        Extent::Requests(0) => None,
        Extent::Requests(all) => {
            let done = progress.so_far.requests;
            let said = format!(
                "{} of {}",
                human::short(done as f64),
                human::short(all as f64)
            );
            Some((done as f64 / all as f64, said))
        }
        Extent::Seconds(all) | Extent::Pause(all) => {
            let done = progress.elapsed_s.min(all).floor();
            let said = format!("{} of {}", human::seconds(done), human::seconds(all));
            Some((progress.elapsed_s / all.max(1e-3), said))
        }
    }
}

fn bar(share: f64, room: usize) -> String {
    let width = room.clamp(BAR.0, BAR.1);
    let done = (share.clamp(0.0, 1.0) * width as f64) as usize;
    format!("[{}{}]", "=".repeat(done), " ".repeat(width - done))
}

/// Rate, hit ratio and percentiles are of the last second, the rest is as it stands.
fn figures(progress: &Progress) -> Vec<String> {
    let so_far = &progress.so_far;
    let latency = |seconds: Option<f64>| seconds.map_or("–".to_owned(), human::seconds);
    let reads = so_far.counts.hits + so_far.counts.misses > 0;
    let mut figures = vec![
        format!("{}/s", human::short(progress.rate)),
        format!("p50 {}", latency(progress.p50_s)),
        format!("p99 {}", latency(progress.p99_s)),
    ];
    if so_far.deliveries.count() > 0 {
        figures.push(format!("heard {}/s", human::short(progress.delivery_rate)));
        figures.push(format!("heard p99 {}", latency(progress.delivery_p99_s)));
    }
    if reads {
        let ratio = progress.hit_ratio.map_or("–".to_owned(), human::percent);
        figures.push(format!("hit ratio {ratio}"));
    }
    figures.extend(
        [
            ("errors", so_far.counts.errors),
            ("in flight", so_far.in_flight),
        ]
        .map(|(what, count)| format!("{what} {}", human::short(count as f64))),
    );
    if so_far.owed > 0 {
        figures.push(format!("overdue {}", human::short(so_far.owed as f64)));
    }
    figures
}

/// As many figures on a line as there is room for, one below the other.
fn grid(figures: &[String], room: usize) -> Vec<String> {
    let each_line = (room / FIGURE).max(1);
    let padded = |figure: &String| format!("{figure:FIGURE$}");
    figures
        .chunks(each_line)
        .map(|line| {
            line.iter()
                .map(padded)
                .collect::<String>()
                .trim_end()
                .to_owned()
        })
        .collect()
}

fn cut(line: &str, room: usize) -> String {
    if line.chars().count() <= room {
        return line.to_owned();
    }
    line.chars()
        .take(room.saturating_sub(1))
        .chain(['…'])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::Advance;

    fn progress() -> Progress {
        let mut so_far = Advance {
            requests: 1_200,
            in_flight: 50,
            owed: 17,
            ..Advance::default()
        };
        so_far.counts.operations = 1_250;
        so_far.counts.errors = 3;
        so_far.counts.hits = 1_000;
        Progress {
            elapsed_s: 12.4,
            rate: 52_310.0,
            due_rate: 50_000.0,
            hit_ratio: Some(0.947),
            p50_s: Some(82e-6),
            p99_s: Some(1.25e-3),
            delivery_rate: 0.0,
            delivery_p99_s: None,
            so_far,
        }
    }

    #[test]
    fn eighty_columns_take_three_lines() {
        let lines = lines("mix", Extent::Seconds(30.0), &progress(), 80);
        let expected = [
            "mix [============                  ] 12 s of 30 s",
            "52.3k/s           p50 82 µs         p99 1.25 ms       hit ratio 94.7%",
            "errors 3          in flight 50      overdue 17",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn forty_columns_break_where_they_must_and_no_line_is_wider() {
        let title = "mix of a workload, volatile-ttl, run 12 of 15";
        let lines = lines(title, Extent::Requests(2_500_000), &progress(), 40);
        let expected = [
            "mix of a workload, volatile-ttl, run…",
            "[                     ] 1.2k of 2.5M",
            "52.3k/s           p50 82 µs",
            "p99 1.25 ms       hit ratio 94.7%",
            "errors 3          in flight 50",
            "overdue 17",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn deliveries_are_shown_where_there_are_any() {
        let mut progress = progress();
        progress.so_far.counts.hits = 0;
        progress.so_far.deliveries.record(1_000);
        (progress.delivery_rate, progress.delivery_p99_s) = (120_000.0, Some(40.2e-3));
        let lines = lines("fan_out", Extent::Seconds(30.0), &progress, 80);
        assert_eq!(
            lines[1..],
            [
                "52.3k/s           p50 82 µs         p99 1.25 ms       heard 120k/s",
                "heard p99 40.2 ms errors 3          in flight 50      overdue 17",
            ]
        );
    }

    #[test]
    fn nothing_is_said_of_what_has_not_begun() {
        let none = Progress::default();
        assert_eq!(lines("save", Extent::Requests(0), &none, 80), ["save"]);
        assert_eq!(
            lines("pause", Extent::Pause(5.0), &none, 80),
            ["pause [                              ] 0 s of 5 s"]
        );
    }
}
