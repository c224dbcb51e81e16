//! The answer of a run in a sentence or two, made of its figures.

use super::figures::{CellFigures, Estimate, GroupFigures, LoadFigures};
use crate::stats::human;

/// Shares nearer than this are not worth telling apart.
const ALIKE: f64 = 0.01;

/// What was found out: of a group of keys where groups were probed, else of reads, else of requests.
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
    let sentences = [found, losses(&measured), errors(&measured)];
    let told = sentences.iter().filter(|sentence| !sentence.is_empty());
    told.map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Whether acknowledged writes were lost; nothing where they were not read back.
fn losses(cells: &[&CellFigures]) -> String {
    let read_back = cells.iter().filter_map(|cell| cell.read_back.as_ref());
    match read_back.map(|figures| figures.lost).reduce(|a, b| a + b) {
        None => String::new(),
        Some(0) => "No acknowledged write was lost.".to_owned(),
        Some(1) => "One acknowledged write was lost.".to_owned(),
        Some(lost) => format!("{} acknowledged writes were lost.", human::count(lost)),
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
    let delivered = deliveries(cell);
    if !delivered.is_empty() {
        return format!("Deliveries: {}.", list(&delivered));
    }
    let load = telling_phase(cell);
    let rate = load
        .throughput
        .map(|rate| format!("{} requests/s", human::short(rate.mean)));
    let p99 = load
        .latency
        .map(|latency| format!("a p99 of {}", human::seconds(latency.p99_s)));
    let at = list(&rate.into_iter().chain(p99).collect::<Vec<_>>());
    match load.hit_ratio {
        Some(hits) => format!(
            "{} of the reads in \u{201c}{}\u{201d} hit, at {at}.",
            human::percent(hits.mean),
            load.name
        ),
        None => format!("The server answered at {at}."),
    }
}

/// What became of the messages of each phase that published.
fn deliveries(cell: &CellFigures) -> Vec<String> {
    let say = |phase: &LoadFigures| {
        let figures = phase.delivery.as_ref()?;
        let times = figures.delivery.map_or(String::new(), |one| {
            let (p50, p99) = (human::seconds(one.p50_s), human::seconds(one.p99_s));
            format!(" after {p50} (p50) and {p99} (p99)")
        });
        let count = |one: Estimate| human::count(one.mean.round() as u64);
        Some(format!(
            "{} in \u{201c}{}\u{201d}{times}, {} lost",
            count(figures.delivered),
            phase.name,
            count(figures.lost)
        ))
    };
    cell.phases.iter().filter_map(say).collect()
}

/// The last phase that reads, since those before it warm up; all together where none does.
fn telling_phase(cell: &CellFigures) -> &LoadFigures {
    let mut reading = cell.phases.iter().filter(|phase| phase.hit_ratio.is_some());
    reading.next_back().unwrap_or(&cell.total)
}

fn compared(cells: &[&CellFigures]) -> String {
    let spaces = by_space(cells);
    if !spaces.is_empty() {
        return format!("Of the reads {}.", spaces.join("; "));
    }
    if let Some((group, shares)) = telling_group(cells) {
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

/// How each key space fared in the phase that tells.
fn by_space(cells: &[&CellFigures]) -> Vec<String> {
    let names = cells
        .first()
        .map_or(&[][..], |cell| &telling_phase(cell).spaces);
    let say = |name: &str| {
        let ratios = shares(cells, |cell| {
            let mut spaces = telling_phase(cell).spaces.iter();
            spaces.find(|space| space.name == name)?.hit_ratio
        });
        format!("in \u{201c}{name}\u{201d}, {}", ranking(ratios, "hit"))
    };
    names.iter().map(|space| say(&space.name)).collect()
}

type Shares<'a> = Vec<(f64, &'a str)>;

/// The group to speak of: the first that the workload names, unless it fares alike in all cells; then the next.
fn telling_group<'a>(cells: &[&'a CellFigures]) -> Option<(&'a str, Shares<'a>)> {
    let groups = &cells
        .iter()
        .max_by_key(|cell| cell.survival.len())?
        .survival;
    let with_shares = |(index, group): (usize, &'a GroupFigures)| {
        (
            group.name.as_str(),
            shares(cells, |cell| cell.survival.get(index)?.present),
        )
    };
    let mut known = groups
        .iter()
        .enumerate()
        .map(with_shares)
        .filter(|(_, shares)| !shares.is_empty());
    let differs = |shares: &Shares<'_>| {
        shares.iter().any(|(share, _)| {
            shares
                .iter()
                .any(|(other, _)| (share - other).abs() > ALIKE)
        })
    };
    known
        .clone()
        .find(|(_, shares)| differs(shares))
        .or_else(|| known.next())
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

/// Who refused requests, how many a repetition, and why.
fn errors(cells: &[&CellFigures]) -> String {
    let refused = cells
        .iter()
        .filter_map(|cell| Some((cell, cell.total.errors?.mean)))
        .filter(|(_, count)| *count > 0.0);
    let say = |(cell, count): (&&CellFigures, f64)| {
        let who = if cells.len() > 1 {
            format!(" with {}", cell.label)
        } else {
            String::new()
        };
        format!(
            "{}{who} ({})",
            human::count(count.ceil() as u64),
            cell.total.failures()
        )
    };
    let refused: Vec<String> = refused.map(say).collect();
    if refused.is_empty() {
        String::new()
    } else {
        format!("Requests that failed: {}.", list(&refused))
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
