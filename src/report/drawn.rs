//! What was really drawn, and the best that any cache could have made of it: figures, a line of text, a table.

use maud::{Markup, html};
use schemars::JsonSchema;
use serde::Serialize;

use super::figures::{CellFigures, Estimate, LoadFigures, estimate};
use super::html::estimate as cell_of;
use crate::recording::model::{CellRecord, Census, Drawn};
use crate::stats::human;

/// How the requests of a phase were spread over keys, as far as that was worked out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DrawnFigures {
    /// Keys that were asked for at least once.
    pub distinct: Option<Estimate>,
    /// Share of the requests that went to the hottest key.
    pub hottest_share: Option<Estimate>,
    /// Share of the requests that went to the hottest 1 % of the distinct keys.
    pub hottest_percent_share: Option<Estimate>,
    /// Exponent of the nearest Zipf law, where one could be told.
    pub exponent: Option<Estimate>,
    /// The most hits per read that any cache of that size could have had; absent where nothing was read.
    pub ideal_hit_ratio: Option<Estimate>,
    /// Keys that such a cache has room for, at the most.
    pub ideal_room_keys: Option<u64>,
    /// Why something above is missing, if something is.
    pub left_out: Option<String>,
}

impl DrawnFigures {
    /// Of the phase called `name`; none where nothing is known of its draws, nor why.
    pub(super) fn of(name: &str, cell: &CellRecord) -> Option<Self> {
        let all = || {
            let phases = cell.repetitions.iter().flat_map(|one| &one.phases);
            phases
                .filter(|phase| phase.name == name)
                .filter_map(|phase| phase.drawn.as_ref())
        };
        let each = |figure: &dyn Fn(&Drawn) -> Option<f64>| {
            estimate(cell, |one| {
                let phase = one.phases.iter().find(|phase| phase.name == name)?;
                figure(phase.drawn.as_ref()?)
            })
        };
        let counted = |figure: fn(&Census) -> f64| each(&|drawn| drawn.census.as_ref().map(figure));
        let (distinct, left_out) = (
            counted(|census| census.distinct as f64),
            all().find_map(|drawn| drawn.left_out.clone()),
        );
        (distinct.is_some() || left_out.is_some()).then(|| Self {
            distinct,
            hottest_share: counted(|census| census.hottest_share),
            hottest_percent_share: counted(|census| census.hottest_percent_share),
            exponent: each(&|drawn| drawn.census?.exponent),
            ideal_hit_ratio: each(&|drawn| Some(drawn.ideal?.hit_ratio)),
            ideal_room_keys: all().filter_map(|drawn| Some(drawn.ideal?.room_keys)).max(),
            left_out,
        })
    }
}

/// A line for each phase that reads, of the first cell: all cells of a repetition get the same requests.
pub(super) fn lines(cells: &[CellFigures]) -> Vec<String> {
    let phases = cells.first().map_or(&[][..], |cell| &cell.phases);
    let reading = phases.iter().filter(|phase| phase.hit_ratio.is_some());
    reading
        .filter_map(|phase| Some(line(&phase.name, phase.drawn.as_ref()?)))
        .collect()
}

fn line(name: &str, drawn: &DrawnFigures) -> String {
    let (Some(distinct), Some(key), Some(keys)) = (
        drawn.distinct,
        drawn.hottest_share,
        drawn.hottest_percent_share,
    ) else {
        let why = drawn.left_out.as_deref().unwrap_or_default();
        return format!("{name}: {why}");
    };
    let mut text = format!(
        "{name}: {} keys were drawn, the hottest by {} of the requests, the hottest 1% by {}",
        count(distinct),
        human::percent(key.mean),
        human::percent(keys.mean),
    );
    if let Some(exponent) = drawn.exponent {
        text.push_str(&format!(", Zipf exponent {:.2}", exponent.mean));
    }
    match (
        drawn.ideal_hit_ratio,
        drawn.ideal_room_keys,
        &drawn.left_out,
    ) {
        (Some(ratio), Some(room), _) => text.push_str(&format!(
            "; with room for {} keys no cache hits more than {}",
            human::count(room),
            human::percent(ratio.mean)
        )),
        (None, _, Some(why)) => text.push_str(&format!("; {why}")),
        _ => {}
    }
    text
}

/// A table of all phases whose draws were counted.
pub(super) fn table(cells: &[CellFigures]) -> Markup {
    let counted = |cell: &CellFigures| {
        let phases = cell.phases.iter();
        let phases = phases.filter_map(|phase| Some((phase.clone(), phase.drawn.clone()?)));
        phases.collect::<Vec<_>>()
    };
    let rows: Vec<_> = cells.iter().map(|cell| (cell, counted(cell))).collect();
    html! {
        @if rows.iter().any(|(_, phases)| !phases.is_empty()) {
            h2 { "What was drawn" }
            div.card {
                p.caption { "How the requests were spread over keys, and the most hits that any cache with as much room could have had, seeing the future; it may begin with whatever earlier phases wrote, and nothing expires in it." }
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "cell" }
                        th.word scope="col" { "phase" }
                        @for name in ["distinct keys", "hottest key", "hottest 1%", "Zipf exponent", "hit ratio", "ideal"] { th scope="col" { (name) } }
                    } }
                    @for (cell, phases) in &rows { tbody { @for (index, (phase, drawn)) in phases.iter().enumerate() {
                        tr { @if index == 0 { th scope="rowgroup" rowspan=(phases.len()) { (cell.label) } } (row(phase, drawn)) }
                    } } }
                } }
            }
        }
    }
}

fn row(phase: &LoadFigures, drawn: &DrawnFigures) -> Markup {
    html! {
        td.word { (phase.name) @if let Some(why) = &drawn.left_out { small { (why) } } }
        (cell_of(drawn.distinct, |value| human::count(value.round() as u64)))
        (cell_of(drawn.hottest_share, human::percent))
        (cell_of(drawn.hottest_percent_share, human::percent))
        (cell_of(drawn.exponent, |value| format!("{value:.2}")))
        (cell_of(phase.hit_ratio, human::percent))
        td {
            (drawn.ideal_hit_ratio.map_or("–".to_owned(), |ratio| human::percent(ratio.mean)))
            @if let Some(room) = drawn.ideal_room_keys { small { "of " (human::count(room)) " keys" } }
        }
    }
}

fn count(estimate: Estimate) -> String {
    human::count(estimate.mean.max(0.0).round() as u64)
}
