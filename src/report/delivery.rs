//! What became of messages that were published: figures, a line of text, a table.

use maud::{Markup, html};
use schemars::JsonSchema;
use serde::Serialize;

use super::figures::{CellFigures, Estimate, LatencyFigures, estimate, latency};
use super::html::{estimate as cell_of, latency as latency_cells};
use crate::recording::model::{CellRecord, FanOutRecord};
use crate::stats::human;

/// What became of the messages of a phase.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DeliveryFigures {
    /// Messages that the server took in a repetition.
    pub published: Estimate,
    /// Deliveries that were made.
    pub delivered: Estimate,
    /// Deliveries that were expected and not made.
    pub lost: Estimate,
    /// Deliveries that were not made, of messages that the server may not have taken: no reply came.
    pub undetermined: Estimate,
    /// Deliveries that came after a later message of the same publisher.
    pub out_of_order: Estimate,
    /// From the due time of a publication to each delivery.
    pub delivery: Option<LatencyFigures>,
    /// From the send of a publication to each delivery.
    pub transit: Option<LatencyFigures>,
}

impl DeliveryFigures {
    /// Of the phase called `name`; none where nothing was published.
    pub(super) fn of(name: &str, cell: &CellRecord) -> Option<Self> {
        let all = || {
            let phases = cell.repetitions.iter().flat_map(|one| &one.phases);
            let phases = phases.filter(|phase| phase.name == name);
            phases.filter_map(|phase| phase.fan_out.as_ref())
        };
        let each = |figure: fn(&FanOutRecord) -> u64| {
            estimate(cell, |one| {
                let phase = one.phases.iter().find(|phase| phase.name == name)?;
                Some(figure(phase.fan_out.as_ref()?) as f64)
            })
        };
        Some(Self {
            published: each(|one| one.published)?,
            delivered: each(|one| one.delivered)?,
            lost: each(|one| one.lost)?,
            undetermined: each(|one| one.undetermined)?,
            out_of_order: each(|one| one.out_of_order)?,
            delivery: latency(all().map(|one| &one.delivery)),
            transit: latency(all().map(|one| &one.transit)),
        })
    }
}

/// A line for each phase of each cell that published.
pub(super) fn lines(cells: &[CellFigures]) -> Vec<String> {
    let lines = cells.iter().flat_map(|cell| {
        let phases = cell.phases.iter();
        let published = phases.filter_map(|phase| Some((phase, phase.delivery.as_ref()?)));
        published.map(move |(phase, figures)| {
            let place = if cells.len() == 1 {
                phase.name.clone()
            } else {
                format!("{} of {}", phase.name, cell.label)
            };
            line(&place, figures)
        })
    });
    lines.collect()
}

fn line(place: &str, figures: &DeliveryFigures) -> String {
    let mut text = format!(
        "{place}: {} messages, {} deliveries, {} lost, {} out of order",
        count(figures.published.mean),
        count(figures.delivered.mean),
        count(figures.lost.mean),
        count(figures.out_of_order.mean),
    );
    if figures.undetermined.mean > 0.0 {
        text.push_str(&format!(
            ", {} undetermined",
            count(figures.undetermined.mean)
        ));
    }
    for (what, latency) in [
        ("delivered after", figures.delivery),
        ("from the send", figures.transit),
    ] {
        if let Some(one) = latency {
            text.push_str(&format!(
                "; {what} {} (p50), {} (p99), {} (p99.9)",
                human::seconds(one.p50_s),
                human::seconds(one.p99_s),
                human::seconds(one.p999_s)
            ));
        }
    }
    text
}

/// A table of all phases that published.
pub(super) fn table(cells: &[CellFigures]) -> Markup {
    let published = |cell: &CellFigures| {
        let phases = cell.phases.iter();
        let phases = phases.filter_map(|phase| Some((phase.name.clone(), phase.delivery.clone()?)));
        phases.collect::<Vec<_>>()
    };
    let rows: Vec<_> = cells.iter().map(|cell| (cell, published(cell))).collect();
    html! {
        @if rows.iter().any(|(_, phases)| !phases.is_empty()) {
            h2 { "How messages were delivered" }
            div.card {
                p.caption { "Times run from when a publication was due (on a closed loop, sent) to each of its deliveries. Lost are deliveries to a subscriber of the channel that never came; undetermined are those of messages of which no reply says whether the server took them." }
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "cell" }
                        th.word scope="col" { "phase" }
                        @for name in ["published", "delivered", "lost", "undetermined", "out of order", "p50", "p99", "p99.9", "max"] { th scope="col" { (name) } }
                    } }
                    @for (cell, phases) in &rows { tbody { @for (index, (phase, figures)) in phases.iter().enumerate() {
                        tr { @if index == 0 { th scope="rowgroup" rowspan=(phases.len()) { (cell.label) } } (row(phase, figures)) }
                    } } }
                } }
            }
        }
    }
}

fn row(phase: &str, figures: &DeliveryFigures) -> Markup {
    html! {
        td.word { (phase) }
        (cell_of(Some(figures.published), count))
        (cell_of(Some(figures.delivered), count))
        (cell_of(Some(figures.lost), count))
        (cell_of(Some(figures.undetermined), count))
        (cell_of(Some(figures.out_of_order), count))
        (latency_cells(figures.delivery.as_ref()))
    }
}

fn count(value: f64) -> String {
    human::count(value.max(0.0).round() as u64)
}
