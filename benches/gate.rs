//! How often a gate is wrong, and how often it is right: A/A trials, and slow-downs injected into the embedded server.
//!
//! Pairs are measured as `cachebench gate` measures them, but shorter. The candidate's processor time per command is
//! stretched by a share of what a request takes. Whole gates, with all their looks, are then decided on pairs that are drawn
//! from the measured ones in blocks of ten, as a launch gives them: what the machine did in a block stays together.
//!
//! ```text
//! cargo bench --bench gate                     about two minutes, on a quiet machine
//! cargo bench --bench gate -- --pairs 480
//! ```

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints its result and ends where it cannot measure"
)]

use std::time::{Duration, Instant};

use cachebench::drive::{Access, Interrupt, Job, Limits, Turn, Turns, drive};
use cachebench::gate::pairs::{Decision, Figures, LOOKS, Metric, Pair, Verdict, decide};
use cachebench::traffic::Stream;
use cachebench::traffic::stream::below;
use cachebench::workload;
use cachebench::workload::plan::{Action, Load, Plan, Until};
use embedded_server::fault::{Fault, Rule};
use embedded_server::{Config, Handle, Options, Server};

const SLICE: Duration = Duration::from_millis(5);
/// Slices of each side in a pair.
const ROUNDS: u32 = 20;
/// A launch has so many pairs, which are drawn together.
const BLOCK: usize = 10;
/// Gates that are decided for each slow-down.
const GATES: u64 = 1000;
const SLOW_DOWNS: [f64; 4] = [0.0, 0.05, 0.10, 0.20];

const WORKLOAD: &str = "
keys: { count: 10000 }
values: { fixed: 100b }
phases:
  - save: {}
  - mix: { count: 1000, operations: { get: 90%, set: 10% }, keys: { zipfian: {} } }
";

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let pairs = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => 120,
        (Some("--pairs"), Some(count)) => count.parse().expect("--pairs N"),
        _ => panic!("[--pairs N]"),
    };
    let plan = workload::parse(WORKLOAD).expect("a workload");
    println!(
        "{pairs} pairs measured for each row, in slices of {} ms, {} ms a side; {GATES} gates decided on each",
        SLICE.as_millis(),
        SLICE.as_millis() * u128::from(ROUNDS)
    );
    println!("\n| slow-down | measured | worse | same | better | cannot tell | pairs to decide |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for slow_down in SLOW_DOWNS {
        let measured = measure(&plan, slow_down, pairs);
        println!("{}", row(slow_down, &measured));
    }
}

/// Pairs of a baseline, the baseline again, and a candidate that is slower by a share of what a request takes.
fn measure(plan: &Plan, slow_down: f64, pairs: usize) -> Vec<Pair> {
    let servers = [start(), start(), start()];
    let accesses = servers
        .each_ref()
        .map(|server| Access::plain(server.addr(), plan.timeouts.connect));
    let interrupt = Interrupt::new();
    for access in &accesses {
        let filled = drive(
            &job(plan, access, 0, load(plan, 0)),
            None,
            &interrupt,
            &mut |_| (),
        );
        assert!(
            filled.expect("a connection").fault.is_none(),
            "the keys are written"
        );
    }
    let mix = Load {
        until: Until::Count(u64::MAX),
        ..load(plan, 1).clone()
    };
    let jobs: Vec<Job<'_>> = accesses
        .iter()
        .map(|access| job(plan, access, 1, &mix))
        .collect();
    let mut turns = Turns::open(&jobs, Stream::new(1, 0, 0, 0)).expect("connections");
    let mut play = |rounds| turns.play(SLICE, rounds, &interrupt).expect("replies");
    let mean_ns = play(100).first().map_or(0.0, |turn| turn.latency.mean());
    if slow_down > 0.0 {
        let work = Duration::from_nanos((mean_ns * slow_down) as u64);
        servers[2]
            .inject(Rule::from(Fault::Work(work)))
            .expect("a fault for all commands");
    }
    play(20);
    (0..pairs).map(|_| pair(&play(ROUNDS))).collect()
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
fn row(slow_down: f64, measured: &[Pair]) -> String {
    let mut draws = Stream::new(7, 0, 0, 0);
    let gates: Vec<Decision> = (0..GATES).map(|_| gate(measured, &mut draws)).collect();
    let share = |verdict| {
        let count = gates
            .iter()
            .filter(|gate| gate.overall() == verdict)
            .count();
        format!("{:.1}%", 100.0 * count as f64 / gates.len() as f64)
    };
    let mean = decide(measured)
        .candidate
        .into_iter()
        .find(|one| one.metric == Metric::Mean);
    let mean = mean.map_or("–".to_owned(), |one| {
        format!("{:+.1}%", 100.0 * one.change)
    });
    let pairs = gates.iter().map(|gate| gate.pairs).sum::<usize>() as f64 / gates.len() as f64;
    format!(
        "| {:.0}% | {mean} | {} | {} | {} | {} | {pairs:.0} |",
        100.0 * slow_down,
        share(Verdict::Worse),
        share(Verdict::Same),
        share(Verdict::Better),
        share(Verdict::CannotTell)
    )
}

/// A whole gate on pairs drawn in blocks, with all its looks.
fn gate(measured: &[Pair], draws: &mut Stream) -> Decision {
    let mut pairs: Vec<Pair> = Vec::new();
    for look in LOOKS {
        while pairs.len() < look {
            let (from, _) = below(draws.word(), (measured.len() + 1 - BLOCK) as u64);
            pairs.extend(&measured[from as usize..from as usize + BLOCK]);
        }
        let decision = decide(&pairs);
        if !decision.wants_more() || look == LOOKS[LOOKS.len() - 1] {
            return decision;
        }
    }
    unreachable!("the last look decides")
}
