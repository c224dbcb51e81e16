//! The plan in words, as `cachebench check` prints it.

use std::fmt::Write;
use std::time::Duration;

use super::advice;
use super::plan::{
    Action, Capacity, ClockKind, Contents, Deed, Directive, Event, FanOut, Load, Operation, Order,
    Pace, Phase, Piece, Plan, ReadFrom, SizeDistribution, Space, Speed, Stretch, Subscription,
    Target, Template, Threads, TraceSource, Ttl, Until, Values, When,
};
use super::words::{bytes, counted, time};

/// The plan as a text of several lines, without a last line end. No password is in it.
pub fn describe(plan: &Plan) -> String {
    let mut lines = vec![title(plan)];
    let mut line = |label: &str, text: String| lines.push(format!("  {label:<9} {text}"));
    line("target", target(plan));
    if let Threads::Fixed(count) = plan.threads {
        line("threads", count.to_string());
    }
    line("seed", plan.seed.to_string());
    if plan.keys.spaces.is_empty() {
        line("keys", keys(plan.keys.count, &plan.keys.name));
        line("values", values(&plan.values));
    }
    for (index, one) in plan.keys.spaces.iter().enumerate() {
        line(
            if index == 0 { "keys" } else { "" },
            space(one, &plan.keys.spaces),
        );
    }
    line("capacity", capacity(&plan.capacity));
    if !plan.settle.is_zero() {
        line("settle", format!("{} between phases", time(plan.settle)));
    }
    for (index, phase) in plan.phases.iter().enumerate() {
        line(
            if index == 0 { "phases" } else { "" },
            format!(
                "{}{}: {}",
                if phase.beside { "beside it " } else { "" },
                phase.name,
                action(phase, &plan.keys.spaces)
            ),
        );
    }
    for (index, event) in plan.events.iter().enumerate() {
        line(
            if index == 0 { "events" } else { "" },
            self::event(event, plan),
        );
    }
    if plan.survival.probe {
        line("survival", groups(plan));
    }
    if plan.read_back {
        line("read back", "every acknowledged write".to_owned());
    }
    line("cells", cells(plan));
    for (index, expectation) in plan.expect.iter().enumerate() {
        let everywhere = expectation.cells.len() == plan.cells.len();
        let labels: Vec<&str> = expectation
            .cells
            .iter()
            .filter_map(|cell| plan.cells.get(*cell))
            .map(|cell| cell.label.as_str())
            .collect();
        let of = if everywhere {
            String::new()
        } else {
            format!("{}: ", labels.join(", "))
        };
        line(
            if index == 0 { "expect" } else { "" },
            format!("{of}{}", expectation.text),
        );
    }
    line("takes", takes(plan));
    lines.join("\n")
}

/// What a run of the plan will do, in a line. No password is in it.
pub fn outline(plan: &Plan) -> String {
    let phases: Vec<&str> = plan
        .phases
        .iter()
        .map(|phase| phase.name.as_str())
        .collect();
    let (cells, repetitions) = (plan.cells.len() as u64, u64::from(plan.repeat));
    let runs = match (cells, repetitions) {
        (1, 1) => "one run".to_owned(),
        _ => format!(
            "{} x {}",
            counted(cells, "cell"),
            counted(repetitions, "repetition")
        ),
    };
    format!(
        "{} on {}, seed {}: {runs} of {}; takes {}",
        plan.name,
        target(plan),
        plan.seed,
        phases.join(", "),
        takes(plan),
    )
}

fn title(plan: &Plan) -> String {
    if plan.question.is_empty() {
        plan.name.clone()
    } else {
        format!("{}: {}", plan.name, plan.question)
    }
}

fn target(plan: &Plan) -> String {
    let mut text = match &plan.target {
        Target::Embedded { .. } => "embedded".to_owned(),
        Target::EmbeddedCluster { masters, replicas } => {
            format!("embedded-cluster of {masters} masters with {replicas} replicas each")
        }
        Target::Spawn { program } => format!("spawn:{}", program.display()),
        Target::Endpoint(endpoint) => endpoint.to_string(),
    };
    if let Some(clock) = advice::clock(plan) {
        let _ = write!(text, " ({clock})");
    }
    for Directive { name, value } in &plan.directives {
        let _ = write!(text, ", {name} {value}");
    }
    text
}

/// So many keys of one kind.
fn keys(count: u64, name: &Template) -> String {
    let (first, last) = (spelt(name, 0), spelt(name, count.saturating_sub(1)));
    format!("{count}, {first} to {last}")
}

/// A key space among all.
fn space(one: &Space, all: &[Space]) -> String {
    let weights: f64 = all.iter().map(|space| space.weight).sum();
    let percent = one.weight / weights.max(f64::MIN_POSITIVE) * 100.0;
    let count = one.keys.end - one.keys.start;
    format!(
        "{}: {}; {}; {percent:.0}% of the draws from all keys",
        one.name,
        keys(count, &one.spelt),
        values(&one.values)
    )
}

fn spelt(name: &Template, number: u64) -> String {
    format!(
        "{}{number:0width$}{}",
        name.before,
        name.after,
        width = usize::from(name.width)
    )
}

fn values(values: &Values) -> String {
    match values {
        Values::Template(template) => format!("{} and so on", spelt(template, 0)),
        Values::Sized(filler) => {
            let contents = match filler.contents {
                Contents::Text => String::new(),
                Contents::Random => ", random bytes".to_owned(),
                Contents::Compressible(ratio) => format!(", compressible {ratio} times"),
            };
            let verified = if filler.verify { ", verified" } else { "" };
            format!("{}{contents}{verified}", sizes(&filler.sizes))
        }
    }
}

fn sizes(sizes: &SizeDistribution) -> String {
    match sizes {
        SizeDistribution::Fixed(size) => format!("{} each", bytes(*size)),
        SizeDistribution::Uniform { min, max } => {
            format!("{} to {}, uniform", bytes(*min), bytes(*max))
        }
        SizeDistribution::Lognormal { median, sigma, max } => {
            let (median, max) = (bytes(*median), bytes(*max));
            format!("lognormal, median {median}, sigma {sigma}, at most {max}")
        }
        SizeDistribution::Histogram(bars) => {
            format!("of {} by weight", counted(bars.len() as u64, "size"))
        }
    }
}

fn capacity(capacity: &Capacity) -> String {
    match capacity {
        Capacity::AsConfigured => "as the server is configured".to_owned(),
        Capacity::Keys(keys) => format!("{keys} keys (maxmemory is calibrated)"),
        Capacity::Bytes(size) => format!("{} (maxmemory)", bytes(*size)),
    }
}

fn event(event: &Event, plan: &Plan) -> String {
    let phase = plan.phases.get(event.phase);
    let phase = phase.map_or("", |phase| phase.name.as_str());
    let length = match &event.deed {
        Deed::Pause { length, .. } | Deed::Partition { length, .. } => {
            format!(" for {}", time(*length))
        }
        _ => String::new(),
    };
    format!(
        "{} after the begin of {phase}: {}{length}",
        time(event.at),
        event.deed
    )
}

fn action(phase: &Phase, spaces: &[Space]) -> String {
    match &phase.action {
        Action::Pause(pause) => time(*pause),
        Action::Load(load) => self::load(load, spaces),
    }
}

fn load(load: &Load, spaces: &[Space]) -> String {
    let mut text = match (&load.recorded, &load.fan_out) {
        (Some(recorded), _) => trace(recorded),
        (None, Some(fan_out)) => self::fan_out(fan_out),
        (None, None) => format!(
            "{} on keys {}..{}, {}",
            operations(load, spaces),
            load.keys.start,
            load.keys.end,
            order(load)
        ),
    };
    let _ = match load.until {
        Until::Count(u64::MAX) => write!(text, "; to its end"),
        Until::Count(count) => write!(text, "; {}", counted(count, "request")),
        Until::Elapsed(elapsed) => write!(text, "; for {}", time(elapsed)),
    };
    if load.recorded.is_none() {
        text.push_str(&pace(&load.pace));
    }
    let _ = write!(text, ", {}", counted(load.clients.into(), "client"));
    if load.pipeline > 1 {
        let _ = write!(text, ", pipeline {}", load.pipeline);
    }
    text.push_str(&ttl(load.ttl));
    text.push_str(&follows(load));
    text.push_str(match load.read_from {
        ReadFrom::Masters => "",
        ReadFrom::Replicas => ", reads from replicas",
        ReadFrom::Any => ", reads from masters and replicas",
    });
    text
}

fn fan_out(fan_out: &FanOut) -> String {
    let who = match fan_out.by {
        Subscription::Channel => "of one channel each",
        Subscription::Shard => "of one shard channel each",
        Subscription::Pattern => "of all by a pattern",
    };
    format!(
        "messages of {} on {}, to {} {who}",
        values(&fan_out.messages),
        counted(fan_out.channels.count, "channel"),
        counted(fan_out.subscribers.into(), "subscriber"),
    )
}

fn trace(recorded: &TraceSource) -> String {
    let speed = match recorded.speed {
        Speed::Times(1.0) => "as recorded (open loop)".to_owned(),
        Speed::Times(times) => format!("{times}x as fast as recorded (open loop)"),
        Speed::Unpaced => "as fast as possible (closed loop)".to_owned(),
    };
    format!("the trace {}, {speed}", recorded.file.display())
}

fn pace(pace: &Pace) -> String {
    match pace {
        Pace::Closed => ", closed loop".to_owned(),
        Pace::Rate(rate) => format!(", {rate}/s (open loop)"),
        Pace::Poisson(rate) => format!(", {rate}/s at random (open loop)"),
        Pace::Profile(stretches) => {
            let stretches: Vec<String> = stretches.iter().map(stretch).collect();
            format!(", {} (open loop)", stretches.join(", then "))
        }
    }
}

fn stretch(stretch: &Stretch) -> String {
    let Stretch { from, to, length } = stretch;
    let length = time(*length);
    if from == to {
        format!("{from}/s for {length}")
    } else {
        format!("{from}/s to {to}/s over {length}")
    }
}

fn ttl(ttl: Ttl) -> String {
    match ttl {
        Ttl::None => String::new(),
        Ttl::After(after) => format!(", ttl {}", time(after)),
        Ttl::Uniform { min, max } => format!(", ttl {} to {}", time(min), time(max)),
        Ttl::Lognormal { median, sigma, .. } => {
            format!(", ttl lognormal, median {}, sigma {sigma}", time(median))
        }
        Ttl::Exponential { mean, .. } => format!(", ttl exponential, mean {}", time(mean)),
    }
}

/// `get 60% of sessions, set 40%`
fn operations(load: &Load, spaces: &[Space]) -> String {
    let drawn = load.operations.iter().filter(|sent| sent.share > 0.0);
    let drawn: Vec<&Operation> = drawn.collect();
    let said = drawn.iter().map(|sent| {
        let share = match drawn.len() {
            1 => String::new(),
            _ => format!(" {}%", (sent.share * 1e8).round() / 1e6),
        };
        let space = sent.space.and_then(|space| spaces.get(space));
        let space = space.map_or(String::new(), |space| format!(" of {}", space.name));
        format!("{}{share}{space}", sent.name)
    });
    said.collect::<Vec<_>>().join(", ")
}

/// `, set on a miss of get, put after fetch`
fn follows(load: &Load) -> String {
    let mut text = String::new();
    for sent in &load.operations {
        let follow = sent
            .follow
            .and_then(|follow| Some((follow.when, load.operations.get(follow.operation)?)));
        let _ = match follow {
            None => Ok(()),
            Some((When::Miss, next)) => write!(text, ", {} on a miss of {}", next.name, sent.name),
            Some((When::Always, next)) => write!(text, ", {} after {}", next.name, sent.name),
        };
    }
    text
}

fn order(load: &Load) -> String {
    let law = match &load.order {
        Order::Sequential => "in order".to_owned(),
        Order::Uniform => "uniform".to_owned(),
        Order::Zipfian { exponent } => format!("zipfian {exponent}"),
        Order::YcsbZipfian => "zipfian as YCSB has it".to_owned(),
        Order::Hotspot(hot) => format!("hotspot: {}", piece(*hot)),
        Order::Popularity(pieces) => format!("popularity in {} pieces", pieces.len()),
        Order::Latest { exponent } => format!("newest first (zipfian {exponent})"),
        Order::Exponential(newest) => format!("newest first (exponential: {})", piece(*newest)),
        Order::Gaussian { mean, deviation } => {
            let (mean, deviation) = (percent(*mean), percent(*deviation));
            format!("gaussian around {mean} of them, deviation {deviation}")
        }
    };
    if load.scattered {
        law + ", scattered"
    } else {
        law
    }
}

fn piece(piece: Piece) -> String {
    let (keys, requests) = (percent(piece.keys), percent(piece.requests));
    format!("{requests} on {keys} of them")
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 1e8).round() / 1e6)
}

fn groups(plan: &Plan) -> String {
    let groups: Vec<String> = plan
        .survival
        .groups
        .iter()
        .map(|group| format!("{} {}..{}", group.name, group.keys.start, group.keys.end))
        .collect();
    if groups.is_empty() {
        "probed".to_owned()
    } else {
        format!("probed; groups {}", groups.join(", "))
    }
}

fn cells(plan: &Plan) -> String {
    let labels: Vec<&str> = plan.cells.iter().map(|cell| cell.label.as_str()).collect();
    let repeat = if plan.repeat > 1 {
        format!(", {} times each", plan.repeat)
    } else {
        String::new()
    };
    format!("{} ({}){repeat}", plan.cells.len(), labels.join(", "))
}

/// How long the run takes: what is known beforehand, and whether there is more.
fn takes(plan: &Plan) -> String {
    let runs = plan.cells.len() as u32 * plan.repeat;
    let Known { one, is_all } = known(plan);
    let all = time(one.saturating_mul(runs));
    match (one.is_zero(), is_all) {
        (true, _) => "as long as the requests take".to_owned(),
        (false, true) => format!("about {all}"),
        (false, false) => format!("about {all}, and as long as the closed loops take"),
    }
}

/// What is known of the length of one repetition of one cell.
struct Known {
    one: Duration,
    is_all: bool,
}

fn known(plan: &Plan) -> Known {
    let waits = plan.target
        != Target::Embedded {
            clock: ClockKind::Virtual,
        };
    let began = plan.phases.iter().filter(|phase| !phase.beside).count();
    let settles = if waits {
        plan.settle.saturating_mul(began.saturating_sub(1) as u32)
    } else {
        Duration::ZERO
    };
    let mut known = Known {
        one: settles,
        is_all: true,
    };
    let mut longest = Duration::ZERO;
    for phase in &plan.phases {
        let (length, is_known) = match &phase.action {
            Action::Pause(pause) => (if waits { *pause } else { Duration::ZERO }, true),
            Action::Load(load) => match (load.until, &load.pace) {
                (Until::Elapsed(elapsed), _) => (elapsed, true),
                (Until::Count(count), Pace::Rate(rate) | Pace::Poisson(rate)) => (
                    Duration::try_from_secs_f64(count as f64 / rate).unwrap_or(Duration::MAX),
                    true,
                ),
                (Until::Count(_), Pace::Closed | Pace::Profile(_)) => (Duration::ZERO, false),
            },
        };
        // Of phases at the same time the longest counts.
        let before = if phase.beside {
            longest
        } else {
            Duration::ZERO
        };
        longest = length.max(before);
        known.one = known.one.saturating_add(longest.saturating_sub(before));
        known.is_all &= is_known;
    }
    known
}

#[cfg(test)]
mod tests {
    use crate::workload;

    #[test]
    fn shares_and_key_spaces_are_told() {
        let yaml = "
keys: { sessions: { count: 10 }, items: { count: 5 } }
phases:
  - read: { operations: { get: { keyspace: items } } }
  - mix: { count: 9, operations: { get: { share: 40%, keyspace: sessions }, set: 60% } }";
        let text = workload::describe(&workload::parse(yaml).unwrap());
        for said in [
            "get of items on keys 0..15",
            "get 40% of sessions, set 60% on keys 0..15",
        ] {
            assert!(text.contains(said), "{text}");
        }
    }
}
