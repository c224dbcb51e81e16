//! How often a gate is wrong, and how often it is right: A/A trials, and slow-downs injected into the embedded server.
//!
//! Pairs are measured as `cachebench gate` measures them, in launches of fresh servers, but shorter. The candidate works longer
//! on every command, awake, by a share of what the baseline was just seen to need for one. Whole gates, with all their looks,
//! are then decided on launches that are drawn from the measured ones: what a launch has in common stays together.
//!
//! `measured` is what became of `injected`: the median over all pairs of how much more time a command took. Where the two
//! disagree, the rest of the row is about the former.
//!
//! ```text
//! cargo bench --bench gate                     about three minutes, on a quiet machine
//! cargo bench --bench gate -- --pairs 480
//! cargo bench --bench gate -- --load "clients: 8"
//! ```

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints its result and ends where it cannot measure"
)]

use std::time::{Duration, Instant};

use cachebench::drive::{Access, Interrupt, Job, Known, Limits, Turn, Turns, drive};
use cachebench::gate::pairs::{Decision, Figures, LOOKS, Pair, Verdict, decide};
use cachebench::stats::human;
use cachebench::traffic::Stream;
use cachebench::traffic::stream::below;
use cachebench::workload;
use cachebench::workload::plan::{Action, Load, Plan, Until};
use embedded_server::fault::{Fault, Rule};
use embedded_server::{Config, Handle, Options, Server};

const SLICE: Duration = Duration::from_millis(5);
/// Slices of each side in a pair.
const ROUNDS: u32 = 20;
/// Slices in which the time of a command is found out.
const TRIAL_ROUNDS: u32 = 40;
/// Slices that are dropped before that and behind it.
const WARM_ROUNDS: u32 = 10;
/// Pairs in a launch, as gates have them.
const PAIRS_A_LAUNCH: usize = 10;
/// Gates that are decided for each slow-down.
const GATES: u64 = 1000;
const SLOW_DOWNS: [f64; 4] = [0.0, 0.05, 0.10, 0.20];

const WORKLOAD: &str = "
keys: { count: 10000 }
values: { fixed: 100b }
phases:
  - save: {}
  - mix: { LOAD, count: 1000, operations: { get: 90%, set: 10% }, keys: { zipfian: {} } }
";

struct Arguments {
    pairs: usize,
    load: String,
}

fn arguments() -> Arguments {
    let mut found = Arguments {
        pairs: 120,
        load: "clients: 1".to_owned(),
    };
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        match (word.as_str(), words.next()) {
            ("--pairs", Some(count)) => found.pairs = count.parse().expect("--pairs N"),
            ("--load", Some(load)) => found.load = load,
            _ => panic!("[--pairs N] [--load \"clients: N, pipeline: N\"]"),
        }
    }
    found
}

fn main() {
    let Arguments { pairs, load } = arguments();
    let plan = workload::parse(&WORKLOAD.replace("LOAD", &load)).expect("a workload");
    println!(
        "{load}; {pairs} pairs measured for each row, {PAIRS_A_LAUNCH} a launch, in slices of {} ms, {} ms a side; {GATES} gates decided on each",
        SLICE.as_millis(),
        SLICE.as_millis() * u128::from(ROUNDS)
    );
    println!(
        "\n| injected | measured | spread of a pair | worse | same | better | cannot tell | pairs to decide |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for slow_down in SLOW_DOWNS {
        let launches: Vec<Vec<Pair>> = (0..pairs.div_ceil(PAIRS_A_LAUNCH))
            .map(|number| launch(&plan, slow_down, number as u64))
            .collect();
        println!("{}", row(slow_down, &launches));
    }
}

/// Pairs of a baseline, the baseline again, and a candidate that is slower by a share of what a command takes.
fn launch(plan: &Plan, slow_down: f64, number: u64) -> Vec<Pair> {
    let servers = [start(), start(), start()];
    let accesses = servers
        .each_ref()
        .map(|server| Access::plain(server.addr(), plan.timeouts.connect));
    let interrupt = Interrupt::new();
    for access in &accesses {
        fill(plan, access, &interrupt);
    }
    let mix = Load {
        until: Until::Count(u64::MAX),
        ..load(plan, 1).clone()
    };
    let jobs: Vec<Job<'_>> = accesses
        .iter()
        .map(|access| job(plan, access, 1, &mix))
        .collect();
    let mut turns = Turns::open(&jobs, Stream::new(1, number, 0, 0)).expect("connections");
    let mut play = |rounds| turns.play(SLICE, rounds, &interrupt).expect("replies");
    play(WARM_ROUNDS);
    let trial = play(TRIAL_ROUNDS);
    if slow_down > 0.0 {
        let work = command_ns(&trial) * slow_down;
        servers[2]
            .inject(Rule::from(Fault::Work(Duration::from_nanos(work as u64))))
            .expect("a fault for all commands");
    }
    play(WARM_ROUNDS);
    (0..PAIRS_A_LAUNCH).map(|_| pair(&play(ROUNDS))).collect()
}

fn fill(plan: &Plan, access: &Access, interrupt: &Interrupt) {
    let filled = drive(
        &job(plan, access, 0, load(plan, 0)),
        Known::default(),
        interrupt,
        &mut |_| (),
    );
    assert!(
        filled.expect("a connection").fault.is_none(),
        "the keys are written"
    );
}

/// What a command takes, over all sides: the time of their slices by the commands in them.
fn command_ns(played: &[Turn]) -> f64 {
    let active_ns: u64 = played.iter().map(|turn| turn.active_ns).sum();
    let commands: u64 = played.iter().map(|turn| turn.counts.operations).sum();
    active_ns as f64 / commands as f64
}

fn start() -> Handle {
    let mut config = Config::default();
    for (name, value) in [("port", "0"), ("bind", "127.0.0.1"), ("save", "")] {
        config.set(name, value).expect("a directive");
    }
    Server::start(Options {
        config,
        ..Options::default()
    })
    .expect("a server")
}

fn load(plan: &Plan, phase: usize) -> &Load {
    match &plan.phases[phase].action {
        Action::Load(load) => load,
        Action::Pause(_) => panic!("a load"),
    }
}

fn job<'a>(plan: &'a Plan, access: &'a Access, phase: u64, load: &'a Load) -> Job<'a> {
    Job {
        access,
        load,
        replay: None,
        keys: &plan.keys,
        values: &plan.values,
        seed: plan.seed,
        repetition: 0,
        phase,
        workers: 1,
        limits: Limits::of(&plan.timeouts),
        origin: Instant::now(),
    }
}

fn pair(played: &[Turn]) -> Pair {
    let [baseline, again, candidate] = played else {
        panic!("three sides")
    };
    Pair {
        baseline: figures(baseline),
        again: figures(again),
        candidate: figures(candidate),
    }
}

fn figures(turn: &Turn) -> Figures {
    let at = |quantile| turn.latency.value_at_quantile(quantile) as f64 * 1e-9;
    Figures {
        throughput: turn.counts.operations as f64 / (turn.active_ns as f64 * 1e-9),
        mean_s: turn.latency.mean() * 1e-9,
        p50_s: at(0.5),
        p99_s: at(0.99),
        used_memory_bytes: None,
    }
}

/// A row of the table: what was injected, what the pairs show, and what gates make of it.
fn row(slow_down: f64, launches: &[Vec<Pair>]) -> String {
    let mut draws = Stream::new(7, 0, 0, 0);
    let gates: Vec<Decision> = (0..GATES).map(|_| gate(launches, &mut draws)).collect();
    let share = |verdict| {
        let count = gates
            .iter()
            .filter(|gate| gate.overall() == verdict)
            .count();
        format!("{:.1}%", 100.0 * count as f64 / gates.len() as f64)
    };
    let pairs = gates.iter().map(|gate| gate.pairs).sum::<usize>() as f64 / gates.len() as f64;
    let slower = |pair: &Pair| pair.baseline.throughput / pair.candidate.throughput;
    let apart = |pair: &Pair| {
        (pair.baseline.throughput / pair.again.throughput)
            .ln()
            .abs()
    };
    format!(
        "| {:.0}% | {} | {:.1}% | {} | {} | {} | {} | {pairs:.0} |",
        100.0 * slow_down,
        human::change(median(launches, slower) - 1.0),
        // The median distance from the middle is so much of a normal distribution's standard deviation.
        100.0 * median(launches, apart) / 0.6745,
        share(Verdict::Worse),
        share(Verdict::Same),
        share(Verdict::Better),
        share(Verdict::CannotTell)
    )
}

fn median(launches: &[Vec<Pair>], figure: impl Fn(&Pair) -> f64) -> f64 {
    let mut values: Vec<f64> = launches.iter().flatten().map(figure).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A whole gate on launches drawn from the measured ones, with all its looks.
fn gate(launches: &[Vec<Pair>], draws: &mut Stream) -> Decision {
    let mut pairs: Vec<Pair> = Vec::new();
    for look in LOOKS {
        while pairs.len() < look {
            let (drawn, _) = below(draws.word(), launches.len() as u64);
            pairs.extend(&launches[drawn as usize]);
        }
        let decision = decide(&pairs);
        if !decision.wants_more() || look == LOOKS[LOOKS.len() - 1] {
            return decision;
        }
    }
    unreachable!("the last look decides")
}
