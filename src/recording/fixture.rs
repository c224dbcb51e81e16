//! Invented recordings for tests: shapes like those of real runs, figures of no server.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::keys::{pack_bits, pack_numbers};
use super::model::*;
use crate::workload::plan::*;

/// A generator of its own, so that the pictures of a test never change (Knuth's MMIX constants).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// How a policy of the fixture treats a key: the chance that it survives, by last-access rank and touches.
type Fate = fn(rank: f64, touches: u32) -> f64;

const POLICIES: [(&str, Fate); 6] = [
    ("allkeys-lru", |rank, _| {
        1.0 / (1.0 + ((rank - 6000.0) / 700.0).exp())
    }),
    (
        "allkeys-lru-exact",
        |rank, _| if rank < 6000.0 { 1.0 } else { 0.0 },
    ),
    ("allkeys-lfu", |rank, touches| {
        if touches > 1 {
            1.0
        } else if rank < 5000.0 {
            0.6
        } else {
            0.49
        }
    }),
    (
        "allkeys-random",
        |rank, _| if rank < 5000.0 { 0.68 } else { 0.51 },
    ),
    ("volatile-ttl", |rank, _| 0.9 - rank / 20_000.0),
    ("noeviction", |_, _| 1.0),
];

/// The main job: five thousand keys saved, one thousand read, five thousand flooding in, under each policy.
pub(crate) fn lru_flood() -> Recording {
    let cells: Vec<CellRecord> = POLICIES
        .iter()
        .enumerate()
        .map(|(seed, (label, fate))| flood_cell(seed as u64, label, *fate))
        .collect();
    let expectations = vec![
        verdict(
            "survival.read > survival.unread",
            "allkeys-lru",
            0.68,
            0.06,
            true,
        ),
        verdict("flood.errors == 0", "noeviction", 3997.0, 0.0, false),
    ];
    recording(flood_plan(&cells), cells, expectations)
}

/// Steady traffic on one cell, once: no survival, a long timeline.
pub(crate) fn zipf_read() -> Recording {
    let mut dice = Dice(7);
    let phases = vec![
        phase(&mut dice, "save", 0.0, 2.0, 100_000, (0, 0)),
        phase(&mut dice, "mix", 2.4, 30.0, 1_500_000, (1_350_000, 75_000)),
    ];
    let timeline = timeline(&mut dice, &phases, 0.1);
    let samples = samples(&timeline, 24 << 20, 30_000);
    let repetition = Repetition {
        started_s: 0.0,
        maxmemory_bytes: 24 << 20,
        phases,
        timeline,
        events: Vec::new(),
        cluster: None,
        samples,
        survival: None,
        read_back: None,
    };
    let cells = vec![CellRecord {
        label: "run".to_owned(),
        directives: Vec::new(),
        repetitions: vec![repetition],
    }];
    let mut plan = flood_plan(&cells);
    "zipf_read".clone_into(&mut plan.name);
    "How much of steady traffic does the cache answer?".clone_into(&mut plan.question);
    plan.survival = Survival {
        probe: false,
        groups: Vec::new(),
    };
    recording(
        plan,
        cells,
        vec![verdict("mix.hit_ratio >= 90%", "run", 0.947, 0.9, true)],
    )
}

/// Steady traffic on a cluster of three masters, one of which is killed and comes back; its replica takes over.
pub(crate) fn failover() -> Recording {
    let mut recording = zipf_read();
    "cluster_failover".clone_into(&mut recording.plan.name);
    "What do clients see when a master dies?".clone_into(&mut recording.plan.question);
    recording.plan.target = Target::EmbeddedCluster {
        masters: 3,
        replicas: 1,
    };
    recording.expectations.clear();
    recording.plan.expect.clear();
    let repetition = &mut recording.cells[0].repetitions[0];
    let event = |at_s, what: &str, ended_s| EventRecord {
        at_s,
        ended_s,
        what: what.to_owned(),
        failure: None,
    };
    repetition.events = vec![
        event(10.0, "kill master 1", None),
        event(20.0, "restart master 1", None),
        event(
            24.0,
            "move 1000 slots from master 2 to master 3",
            Some(28.0),
        ),
    ];
    for interval in &mut repetition.timeline {
        if (10.0..12.0).contains(&interval.at_s) {
            interval.errors = interval.operations / 2;
            let (down, lost) = (interval.errors / 3, interval.errors - interval.errors / 3);
            interval.errors_by_kind = [("CLUSTERDOWN", down), ("node_lost", lost)]
                .map(|(kind, count)| (kind.to_owned(), count))
                .into();
        }
    }
    repetition.cluster = Some(cluster_load());
    repetition.read_back = Some(ReadBackRecord {
        acknowledged: 400_000,
        keys: 10_000,
        kept: 9_996,
        lost: 3,
        undetermined: 1,
        unread: 0,
        left_out: 0,
        losses: Losses {
            keys: pack_numbers([17, 4_711, 9_999]),
            written: pack_numbers([980_001, 990_001, 995_001]),
            found: pack_numbers([970_001, 0, u32::MAX]),
        },
    });
    recording
}

/// Three masters and two replicas; the first replica leads from 12 s on, and slots move at 26 s.
fn cluster_load() -> ClusterLoad {
    let mut dice = Dice(11);
    let nodes = ["master 1", "master 2", "master 3", "replica 1", "replica 2"];
    let (mut slices, mut ranges) = (Vec::new(), Vec::new());
    for at in (0..20).chain(24..324) {
        let at_s = f64::from(at) * 0.1;
        let stalls = (10.0..12.0).contains(&at_s);
        let first = if stalls {
            0
        } else {
            1_500 + (200.0 * dice.unit()) as u64
        };
        let (gone, led) = if at_s < 10.0 { (first, 40) } else { (0, first) };
        let others = [2_600, 1_500, 0].map(|mean| mean + (150.0 * dice.unit()) as u64);
        slices.push(ClusterSlice {
            at_s,
            length_s: 0.1,
            requests: vec![gone, others[0], others[1], led, 60],
        });
        ranges.extend((0..128).map(|range| match range {
            0..43 if stalls => 0,
            61 => 1_100,
            _ => 30 + (20.0 * dice.unit()) as u32,
        }));
    }
    let slots = |at_s, first, last, node| SlotsRecord {
        at_s,
        first,
        last,
        node,
    };
    ClusterLoad {
        nodes: nodes.map(str::to_owned).to_vec(),
        slices,
        slots_per_range: 128,
        requests_by_range: pack_numbers(ranges),
        owners: vec![
            slots(0.0, 0, 5_460, 0),
            slots(0.0, 5_461, 10_922, 1),
            slots(0.0, 10_923, 16_383, 2),
            slots(12.0, 0, 5_460, 3),
            slots(26.0, 5_461, 6_460, 2),
        ],
        hottest: vec![HotSlot {
            phase: 1,
            slot: 7_865,
            requests: 300_000,
            of: 1_500_000,
            key: Some("key-0".to_owned()),
        }],
    }
}

/// A rate that rises to twice what is answered.
pub(crate) fn ramp() -> Recording {
    let mut recording = zipf_read();
    let stretch = Stretch {
        from: 1_000.0,
        to: 100_000.0,
        length: Duration::from_secs(30),
    };
    recording.plan.phases = vec![Phase {
        name: "mix".to_owned(),
        beside: false,
        action: Action::Load(Load {
            until: Until::Elapsed(stretch.length),
            pace: Pace::Profile(vec![stretch]),
            ..Load::of(vec![Operation::get()], 0..9)
        }),
    }];
    "ramp".clone_into(&mut recording.plan.name);
    for interval in &mut recording.cells[0].repetitions[0].timeline {
        let late = (interval.at_s - 17.0).max(0.0);
        interval.p99_s += 0.1 * late;
        interval.max_s += 0.1 * late;
    }
    recording
}

/// Stopped before anything was measured.
pub(crate) fn nothing() -> Recording {
    let cells = vec![CellRecord {
        label: "run".to_owned(),
        directives: Vec::new(),
        repetitions: Vec::new(),
    }];
    let mut recording = recording(flood_plan(&cells), cells, Vec::new());
    recording.outcome = Outcome::Interrupted;
    recording
}

/// Names that break out of HTML, SVG, CSV or an HdrHistogram log where they are not escaped, and are very long.
pub(crate) fn hostile() -> Recording {
    const NAME: &str = "<script>alert(\"1\")</script>&amp;,'\n]]> -->";
    let mut recording = lru_flood();
    recording.plan.name = NAME.repeat(3);
    recording.plan.question = NAME.repeat(30);
    recording.warnings.push(NAME.to_owned());
    recording.server.name = NAME.to_owned();
    recording.command.push(NAME.to_owned());
    for cell in &mut recording.cells {
        cell.label = format!("{NAME}{}", cell.label);
    }
    for verdict in &mut recording.expectations {
        verdict.text = NAME.to_owned();
        verdict.cell = NAME.to_owned();
    }
    for group in &mut recording.plan.survival.groups {
        group.name = NAME.to_owned();
    }
    for repetition in recording
        .cells
        .iter_mut()
        .flat_map(|cell| &mut cell.repetitions)
    {
        for phase in &mut repetition.phases {
            phase.name = NAME.to_owned();
        }
    }
    recording
}

fn recording(plan: Plan, cells: Vec<CellRecord>, expectations: Vec<Verdict>) -> Recording {
    Recording {
        schema: SCHEMA.to_owned(),
        cachebench: "0.1.0".to_owned(),
        started_at: "2026-11-22T13:00:00Z".to_owned(),
        command: [
            "cachebench",
            "run",
            "workloads/lru_flood.yaml",
            "--seed",
            "42",
        ]
        .map(str::to_owned)
        .to_vec(),
        outcome: Outcome::Complete,
        plan,
        server: Server {
            target: "embedded".to_owned(),
            name: "cachebench".to_owned(),
            version: "0.1.0".to_owned(),
            clock: "virtual".to_owned(),
            configuration: BTreeMap::from([("maxmemory-samples".to_owned(), "10".to_owned())]),
        },
        machine: Machine {
            system: "Linux 6.1".to_owned(),
            processor: "Invented CPU".to_owned(),
            cores: 2,
            memory_bytes: 8 << 30,
        },
        cells,
        expectations,
        warnings: Vec::new(),
    }
}

fn flood_plan(cells: &[CellRecord]) -> Plan {
    let template = |before: &str| Template {
        before: before.to_owned(),
        width: 0,
        after: String::new(),
    };
    let group = |name: &str, keys| Group {
        name: name.to_owned(),
        keys,
    };
    Plan {
        name: "lru_flood".to_owned(),
        question: "Which keys outlive a flood?".to_owned(),
        seed: 42,
        target: Target::Embedded {
            clock: ClockKind::Virtual,
        },
        timeouts: Timeouts::default(),
        threads: Threads::Auto,
        directives: Vec::new(),
        capacity: Capacity::Keys(6000),
        keys: KeySpace {
            name: template("key-"),
            count: 10_000,
            spaces: Vec::new(),
        },
        values: Values::Template(template("value-")),
        settle: Duration::from_millis(1200),
        events: Vec::new(),
        read_back: false,
        phases: Vec::new(),
        survival: Survival {
            probe: true,
            groups: vec![
                group("read", 0..1000),
                group("unread", 1000..5000),
                group("flooded", 5000..10_000),
            ],
        },
        cells: cells
            .iter()
            .map(|cell| Cell {
                label: cell.label.clone(),
                ..Cell::default()
            })
            .collect(),
        repeat: 3,
        notes: Vec::new(),
        expect: vec![
            expectation(
                "survival.read > survival.unread",
                Metric::GroupSurvival(0),
                Comparison::Greater,
                Operand::Metric(Metric::GroupSurvival(1)),
            ),
            expectation(
                "flood.errors == 0",
                Metric::Phase(2, Measure::Errors),
                Comparison::Equal,
                Operand::Number(0.0),
            ),
            expectation(
                "mix.hit_ratio >= 90%",
                Metric::Phase(1, Measure::HitRatio),
                Comparison::AtLeast,
                Operand::Number(0.9),
            ),
        ],
    }
}

fn expectation(text: &str, left: Metric, comparison: Comparison, right: Operand) -> Expectation {
    Expectation {
        text: text.to_owned(),
        cells: vec![0],
        left: Operand::Metric(left),
        comparison,
        right,
    }
}

fn verdict(text: &str, cell: &str, left: f64, right: f64, held: bool) -> Verdict {
    Verdict {
        text: text.to_owned(),
        cell: cell.to_owned(),
        left: Some(left),
        right: Some(right),
        held,
    }
}

fn flood_cell(seed: u64, label: &str, fate: Fate) -> CellRecord {
    let repetitions = (0..3)
        .map(|number| flood_repetition(&mut Dice(seed * 10 + number), label, fate, number))
        .collect();
    CellRecord {
        label: label.to_owned(),
        directives: vec![Directive {
            name: "maxmemory-policy".to_owned(),
            value: label.to_owned(),
        }],
        repetitions,
    }
}

fn flood_repetition(dice: &mut Dice, label: &str, fate: Fate, number: u64) -> Repetition {
    let refused = if label == "noeviction" { 3997 } else { 0 };
    let mut phases = vec![
        phase(dice, "save", 0.0, 0.12, 5000, (0, 0)),
        phase(dice, "read", 1.35, 0.03, 1000, (1000, 0)),
        phase(dice, "flood", 2.6, 0.15, 5000, (0, 0)),
    ];
    if let (Some(flood), true) = (phases.last_mut(), refused > 0) {
        flood.errors.insert("OOM".to_owned(), refused);
    }
    let timeline = timeline(dice, &phases, 0.01);
    let samples = samples(&timeline, 1 << 20, 6003);
    let survival = Some(survival(dice, fate, refused));
    Repetition {
        started_s: number as f64 * 25.0,
        maxmemory_bytes: 1 << 20,
        phases,
        timeline,
        events: Vec::new(),
        cluster: None,
        samples,
        survival,
        read_back: None,
    }
}

fn phase(
    dice: &mut Dice,
    name: &str,
    started_s: f64,
    elapsed_s: f64,
    operations: u64,
    reads: (u64, u64),
) -> PhaseRecord {
    let mut histogram = Histogram::new(3).unwrap();
    for _ in 0..operations.min(50_000) {
        let body = 25_000.0 * (1.0 + 0.6 * dice.unit() + 0.3 * dice.unit());
        let tail = if dice.unit() < 0.01 {
            40.0 * dice.unit()
        } else {
            1.0
        };
        histogram.record((body * tail.max(1.0)) as u64).unwrap();
    }
    PhaseRecord {
        name: name.to_owned(),
        started_s,
        elapsed_s,
        operations,
        operations_by_kind: BTreeMap::from([(
            if reads.0 > 0 { "get" } else { "set" }.to_owned(),
            operations,
        )]),
        latency_by_kind: BTreeMap::new(),
        errors: BTreeMap::new(),
        unspecific_error: None,
        due: operations,
        in_flight: 0,
        hits: reads.0,
        misses: reads.1,
        reads_by_space: BTreeMap::new(),
        verified: None,
        fan_out: None,
        offered_rate: None,
        throughput: operations as f64 / elapsed_s,
        latency: Latency::of(&histogram),
        service_time: None,
        lateness: None,
        queued: 0,
        client_threads: 1,
        client_cpu_s: elapsed_s * 0.4,
        client_spin_s: 0.0,
        client_delayed_s: 0.0,
        reconnects: 0,
        cluster: None,
        server_cpu_s: Some(elapsed_s * 0.5),
        drawn: None,
    }
}

fn timeline(dice: &mut Dice, phases: &[PhaseRecord], step_s: f64) -> Vec<Interval> {
    let mut timeline = Vec::new();
    for (index, phase) in phases.iter().enumerate() {
        let steps = (phase.elapsed_s / step_s).round().max(1.0);
        for step in 0..steps as u64 {
            let share = (0.9 + 0.2 * dice.unit()) / steps;
            let part = |total: u64| (total as f64 * share) as u64;
            timeline.push(Interval {
                at_s: phase.started_s + step as f64 * phase.elapsed_s / steps,
                length_s: phase.elapsed_s / steps,
                phase: index,
                operations: part(phase.operations),
                hits: part(phase.hits),
                misses: part(phase.misses),
                errors: part(phase.errors.values().sum()),
                errors_by_kind: BTreeMap::new(),
                p50_s: phase.latency.percentiles_s["50"],
                p99_s: phase.latency.percentiles_s["99"],
                max_s: phase.latency.max_s,
                latencies: latencies(part(phase.operations)),
            });
        }
    }
    timeline
}

/// Most at 50 to 100 µs, ever fewer above.
fn latencies(operations: u64) -> Vec<(u16, u64)> {
    let first = 60 + (operations % 4) as u16;
    let times = |place: u16| operations >> (2 + place * 3 / 4);
    (0..20)
        .map(|place| (first + place, times(place)))
        .filter(|(_, times)| *times > 0)
        .collect()
}

fn samples(timeline: &[Interval], maxmemory: u64, room: u64) -> Vec<Sample> {
    let mut written = 0;
    let mut samples = Vec::new();
    for interval in timeline {
        if interval.hits == 0 {
            written += interval.operations;
        }
        samples.push(Sample {
            at_s: interval.at_s + interval.length_s,
            used_memory_bytes: 800_000 + (maxmemory - 800_000) * written.min(room) / room,
            rss_bytes: maxmemory * 2,
            keys: written.min(room),
            evicted_keys: written.saturating_sub(room),
            expired_keys: 0,
            hits: 0,
            misses: 0,
            cpu_s: interval.at_s * 0.5,
        });
    }
    samples
}

/// Keys 1000..5000 are the oldest, then the thousand that were read, then the flood.
fn survival(dice: &mut Dice, fate: Fate, refused: u64) -> SurvivalRecord {
    let written = 10_000 - refused;
    let rank_of = |key: u64| match key {
        0..1000 => written - 4001 - key,
        1000..5000 => written - 1 - (key - 1000),
        _ => written - 5001 - (key - 5000),
    };
    let touches = |key: u64| 1 + u32::from(key < 1000);
    let is_written = |key: u64| key < written;
    let present: Vec<bool> = (0..10_000)
        .map(|key| is_written(key) && dice.unit() < fate(rank_of(key) as f64, touches(key)))
        .collect();
    let by_rank = order(written, rank_of);
    let by_number: Vec<u64> = (0..10_000).collect();
    let group = |name: &str, keys: std::ops::Range<u64>| GroupSurvival {
        name: name.to_owned(),
        written: keys.clone().filter(|key| is_written(*key)).count() as u64,
        refused: 0,
        present: keys.filter(|key| present[*key as usize]).count() as u64,
    };
    SurvivalRecord {
        written,
        present: present.iter().filter(|present| **present).count() as u64,
        fidelity: 0.95,
        groups: vec![
            group("read", 0..1000),
            group("unread", 1000..5000),
            group("flooded", 5000..10_000),
        ],
        by_insertion: buckets(&by_number, &present, is_written),
        by_last_access: buckets(&by_rank, &present, is_written),
        by_popularity: buckets(&by_number[..written as usize], &present, is_written),
        present_bits: pack_bits(present.iter().copied()),
        written_bits: pack_bits((0..10_000).map(is_written)),
        last_access_ranks: pack_numbers((0..10_000).map(|key| {
            if is_written(key) {
                rank_of(key) as u32
            } else {
                u32::MAX
            }
        })),
        touches: pack_numbers(
            (0..10_000).map(|key| if is_written(key) { touches(key) } else { 0 }),
        ),
    }
}

fn order(written: u64, rank_of: impl Fn(u64) -> u64) -> Vec<u64> {
    let mut keys: Vec<u64> = (0..written).collect();
    keys.sort_by_key(|key| rank_of(*key));
    keys
}

fn buckets(order: &[u64], present: &[bool], is_written: impl Fn(u64) -> bool) -> Vec<Bucket> {
    let size = 250;
    let bucket = |(index, keys): (usize, &[u64])| Bucket {
        from: (index * size) as u64,
        to: (index * size + keys.len()) as u64,
        written: keys.iter().filter(|key| is_written(**key)).count() as u64,
        present: keys.iter().filter(|key| present[**key as usize]).count() as u64,
    };
    order.chunks(size).enumerate().map(bucket).collect()
}
