//! The answer of a run in a sentence or two, made of its figures.

use super::figures::{CellFigures, Estimate, GroupFigures};
use crate::stats::human;

/// What was found out. Where cells are compared: the group of keys, or the ratio, in which they differ most.
pub(super) fn answer(cells: &[CellFigures]) -> String {
    let measured: Vec<&CellFigures> = cells
        .iter()
        .filter(|cell| cell.total.operations.is_some())
        .collect();
    let found = match measured.as_slice() {
        [] => return "Nothing was measured.".to_owned(),
        [cell] => alone(cell),
        several => compared(several),
    };
    let errors = errors(&measured);
    if errors.is_empty() {
        found
    } else {
        format!("{found} {errors}")
    }
}

fn alone(cell: &CellFigures) -> String {
    let share = |group: &GroupFigures| {
        Some(format!(
            "{} of {}",
            human::percent(group.present?.mean),
            group.name
        ))
    };
    let groups: Vec<String> = cell.survival.iter().filter_map(share).collect();
    if !groups.is_empty() {
        return format!("Still present at the end: {}.", list(&groups));
    }
    let rate = cell
        .total
        .throughput
        .map(|rate| format!("{} requests/s", human::short(rate.mean)));
    let p99 = cell
        .total
        .latency
        .map(|latency| format!("a p99 of {}", human::seconds(latency.p99_s)));
    let load: Vec<String> = rate.into_iter().chain(p99).collect();
    match cell.total.hit_ratio {
        Some(hits) => format!(
            "{} of the reads hit, at {}.",
            human::percent(hits.mean),
            list(&load)
        ),
        None => format!("The server answered at {}.", list(&load)),
    }
}

fn compared(cells: &[&CellFigures]) -> String {
    if let Some((group, shares)) = widest_group(cells) {
        return format!(
            "Of the keys in \u{201c}{group}\u{201d}, {}.",
            ranking(shares, "were still present")
        );
    }
    let ratios = shares(cells, |cell| cell.total.hit_ratio);
    if !ratios.is_empty() {
        return format!("Of the reads, {}.", ranking(ratios, "hit"));
    }
    let rates: Vec<String> = cells
        .iter()
        .filter_map(|cell| {
            Some(format!(
                "{} with {}",
                human::short(cell.total.throughput?.mean),
                cell.label
            ))
        })
        .collect();
    format!("Requests answered per second: {}.", list(&rates))
}

type Shares<'a> = Vec<(f64, &'a str)>;

/// The group in which cells differ most, with its shares.
fn widest_group<'a>(cells: &[&'a CellFigures]) -> Option<(&'a str, Shares<'a>)> {
    let groups = &cells
        .iter()
        .max_by_key(|cell| cell.survival.len())?
        .survival;
    let mut widest: Option<(f64, &str, Shares<'a>)> = None;
    for (index, group) in groups.iter().enumerate() {
        let shares = shares(cells, |cell| cell.survival.get(index)?.present);
        let largest = shares.iter().map(|(share, _)| *share).fold(0.0, f64::max);
        let width = largest
            - shares
                .iter()
                .map(|(share, _)| *share)
                .fold(largest, f64::min);
        let is_wider = widest.as_ref().is_none_or(|(widest, ..)| width > *widest);
        if is_wider && !shares.is_empty() {
            widest = Some((width, &group.name, shares));
        }
    }
    widest.map(|(_, group, shares)| (group, shares))
}

fn shares<'a>(
    cells: &[&'a CellFigures],
    get: impl Fn(&CellFigures) -> Option<Estimate>,
) -> Shares<'a> {
    cells
        .iter()
        .filter_map(|cell| Some((get(cell)?.mean, cell.label.as_str())))
        .collect()
}

/// `100% were still present with a and b, 67% with c and 50% with d`: most first, equals together.
fn ranking(mut shares: Shares<'_>, verb: &str) -> String {
    shares.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut ranks: Vec<(String, Vec<String>)> = Vec::new();
    for (share, label) in shares {
        let share = human::percent(share);
        match ranks.last_mut() {
            Some((last, labels)) if *last == share => labels.push(label.to_owned()),
            _ => ranks.push((share, vec![label.to_owned()])),
        }
    }
    let say = |(place, (share, labels)): (usize, &(String, Vec<String>))| match place {
        0 => format!("{share} {verb} with {}", list(labels)),
        _ => format!("{share} with {}", list(labels)),
    };
    list(&ranks.iter().enumerate().map(say).collect::<Vec<_>>())
}

/// Who refused requests, and why.
fn errors(cells: &[&CellFigures]) -> String {
    let refused: Vec<String> = cells
        .iter()
        .filter(|cell| cell.total.error_count() > 0)
        .map(|cell| {
            let kinds: Vec<String> = cell.total.errors.keys().cloned().collect();
            let who = if cells.len() > 1 {
                format!("{} with ", cell.label)
            } else {
                String::new()
            };
            format!(
                "{who}{} errors ({})",
                human::count(cell.total.error_count()),
                kinds.join(", ")
            )
        })
        .collect();
    match refused.len() {
        0 => String::new(),
        _ => format!("Answered with errors: {}.", list(&refused)),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}
