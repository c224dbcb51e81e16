//! What is driven, with which directives and which clock, and whether somebody else's server permits it.

use std::ops::RangeInclusive;

use super::{Context, access};
use crate::workload::commands;
use crate::workload::plan::{
    Action, Capacity, ClockKind, Directive, Operation, Phase, Plan, ReadFrom, Target, Until,
};
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::{At, Entries, Given};
use crate::workload::target::{self, Driven};
use crate::workload::units::{Plain, Setting};
use crate::workload::written::{
    self, ClusterSettings, EmbeddedSettings, Endpoint, Permission, Spawn, TargetMap, Workload,
};
use crate::workload::{directives, limits, words};

/// The key of the embedded server's settings that is no directive.
const CLOCK: &str = "clock";
/// The key of a spawned server's settings that is no directive.
const PROGRAM: &str = "program";
/// A key of a cluster's settings that is no directive: how many nodes of a kind there are without saying, and how many may be.
type Nodes = (&'static str, u32, RangeInclusive<u32>);
pub(super) const MASTERS: Nodes = ("masters", 3, 1..=100);
pub(super) const REPLICAS: Nodes = ("replicas", 0, 0..=5);

/// A target as the file says it.
struct Written {
    driven: Driven,
    clock: Option<ClockKind>,
    /// Masters, and replicas of each, of a cluster.
    nodes: (u32, u32),
    directives: Vec<Directive>,
}

impl Written {
    fn plain(driven: Driven) -> Self {
        Self {
            driven,
            clock: None,
            nodes: (MASTERS.1, REPLICAS.1),
            directives: Vec::new(),
        }
    }
}

/// The target, the command line's above the file's, and the file's directives, which stay whatever is driven.
pub(super) fn target(
    given: &Given<written::Target>,
    context: &Context<'_>,
    phases: &[Phase],
    problems: &mut Vec<Problem>,
) -> (Target, Vec<Directive>) {
    let mut written = match given.get() {
        None => Written::plain(Driven::Embedded),
        Some((written::Target::Text(text), place)) => {
            Written::plain(driven(target::parse(text), place, problems))
        }
        Some((written::Target::Map(map), place)) => self::map(map, place, problems),
    };
    if let Some((driven, permissions, _)) = &context.target {
        written.driven = driven.clone();
        permit(&mut written.driven, permissions.iter().copied());
    }
    let target = match written.driven {
        Driven::Embedded => Target::Embedded {
            clock: written.clock.unwrap_or_else(|| default_clock(phases)),
        },
        Driven::EmbeddedCluster => Target::EmbeddedCluster {
            masters: written.nodes.0,
            replicas: written.nodes.1,
        },
        Driven::Spawn(program) => Target::Spawn { program },
        Driven::Endpoint(endpoint) => Target::Endpoint(endpoint),
    };
    (target, written.directives)
}

fn driven(parsed: Result<Driven, String>, place: Place, problems: &mut Vec<Problem>) -> Driven {
    parsed.unwrap_or_else(|message| {
        problems.push(Problem::new(place, message));
        Driven::Embedded
    })
}

/// A clock that stands still suits a run whose extent is counted; whatever runs for a time needs one that runs.
fn default_clock(phases: &[Phase]) -> ClockKind {
    let is_counted = |phase: &Phase| match &phase.action {
        Action::Pause(_) => true,
        Action::Load(load) => matches!(load.until, Until::Count(_)) && !load.is_open_loop(),
    };
    if phases
        .iter()
        .all(|phase| is_counted(phase) && !phase.beside)
    {
        ClockKind::Virtual
    } else {
        ClockKind::Real
    }
}

fn map(map: &TargetMap, place: Place, problems: &mut Vec<Problem>) -> Written {
    match map {
        TargetMap::Embedded(EmbeddedSettings(entries)) => {
            let clock = entry(entries, CLOCK).and_then(|value| clock(value, problems));
            Written {
                clock,
                directives: list(entries, &[CLOCK], problems),
                ..Written::plain(Driven::Embedded)
            }
        }
        TargetMap::EmbeddedCluster(ClusterSettings(entries)) => Written {
            nodes: (
                count(entries, &MASTERS, problems),
                count(entries, &REPLICAS, problems),
            ),
            directives: list(entries, &[MASTERS.0, REPLICAS.0], problems),
            ..Written::plain(Driven::EmbeddedCluster)
        },
        TargetMap::Spawn(Spawn::Program(program)) => {
            Written::plain(driven(target::spawn(program), place, problems))
        }
        TargetMap::Spawn(Spawn::Settings(entries)) => spawn(entries, place, problems),
        TargetMap::Endpoint(endpoint) => self::endpoint(endpoint, place, problems),
    }
}

fn entry<'a>(entries: &'a Entries<Setting>, key: &str) -> Option<&'a At<Setting>> {
    entries
        .0
        .iter()
        .find(|(name, _)| name.value.as_deref() == Some(key))
        .map(|(_, value)| value)
}

fn clock(value: &At<Setting>, problems: &mut Vec<Problem>) -> Option<ClockKind> {
    let (Setting(text), place) = value.get()?;
    match text.as_str() {
        "virtual" => Some(ClockKind::Virtual),
        "real" => Some(ClockKind::Real),
        unknown => {
            problems.push(Problem::new(
                place,
                words::unknown(CLOCK, unknown, &["virtual", "real"]),
            ));
            None
        }
    }
}

/// How many nodes of a kind.
fn count(entries: &Entries<Setting>, nodes: &Nodes, problems: &mut Vec<Problem>) -> u32 {
    match entry(entries, nodes.0).and_then(At::get) {
        Some((Setting(text), place)) => counted(text, place, nodes, problems),
        None => nodes.1,
    }
}

/// So many nodes of a kind as `text` says.
pub(super) fn counted(
    text: &str,
    place: Place,
    (name, default, range): &Nodes,
    problems: &mut Vec<Problem>,
) -> u32 {
    let count = text.parse().ok().filter(|count| range.contains(count));
    count.unwrap_or_else(|| {
        let (least, most) = (range.start(), range.end());
        let message = format!("`{text}` {name}; write a number from {least} to {most}");
        problems.push(Problem::new(place, message));
        *default
    })
}

fn spawn(entries: &Entries<Setting>, place: Place, problems: &mut Vec<Problem>) -> Written {
    let program = match entry(entries, PROGRAM) {
        Some(value) => value
            .get()
            .map(|(Setting(program), place)| driven(target::spawn(program), place, problems)),
        None => {
            problems.push(Problem::new(
                place,
                "`program` is missing, as in spawn: { program: redis-server }",
            ));
            None
        }
    };
    Written {
        directives: list(entries, &[PROGRAM], problems),
        ..Written::plain(program.unwrap_or(Driven::Embedded))
    }
}

fn endpoint(endpoint: &Endpoint, place: Place, problems: &mut Vec<Problem>) -> Written {
    if !endpoint.url.is_given() {
        problems.push(Problem::new(
            place,
            "`url` is missing, as in endpoint: { url: redis://localhost:6379 }",
        ));
    }
    let mut driven = match endpoint.url.get() {
        Some((Plain(url), place)) => {
            driven(target::endpoint(url).map(Driven::Endpoint), place, problems)
        }
        None => Driven::Embedded,
    };
    if let Driven::Endpoint(driven) = &mut driven {
        access::complete(driven, endpoint, problems);
    }
    let allowed = endpoint
        .allow
        .get()
        .map_or(&[][..], |(allowed, _)| allowed.as_slice());
    permit(
        &mut driven,
        allowed.iter().filter_map(|permission| permission.value),
    );
    let directives = endpoint
        .directives
        .get()
        .map_or_else(Vec::new, |(entries, _)| list(entries, &[], problems));
    Written {
        directives,
        ..Written::plain(driven)
    }
}

fn permit(driven: &mut Driven, permissions: impl Iterator<Item = Permission>) {
    let Driven::Endpoint(endpoint) = driven else {
        return;
    };
    for permission in permissions {
        match permission {
            Permission::Flush => endpoint.allow_flush = true,
            Permission::Config => endpoint.allow_config = true,
            Permission::Cluster => endpoint.allow_cluster = true,
        }
    }
}

/// The entries that are directives: all but `others`.
fn list(
    entries: &Entries<Setting>,
    others: &[&str],
    problems: &mut Vec<Problem>,
) -> Vec<Directive> {
    if let (true, Some((name, _))) = (entries.0.len() > limits::DIRECTIVES, entries.0.first()) {
        problems.push(Problem::new(
            name.place,
            format!(
                "{} directives; allowed are {}",
                entries.0.len(),
                limits::DIRECTIVES
            ),
        ));
        return Vec::new();
    }
    let directives = entries.0.iter().filter(|(name, _)| {
        !name
            .value
            .as_deref()
            .is_some_and(|name| others.contains(&name))
    });
    directives
        .filter_map(|(name, value)| directives::directive(name, value, problems))
        .collect()
}

/// What keys on the target begin with: on somebody else's server, what tells ours from theirs.
pub(super) fn prefix(target: &Target, name: &str) -> String {
    match target {
        Target::Endpoint(_) => format!("cachebench:{name}:"),
        _ => String::new(),
    }
}

/// The rule about somebody else's data: what a plan needs and has not been allowed is refused before anything is sent.
pub(super) fn note_missing_permissions(
    plan: &Plan,
    written: &Workload,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) {
    let Target::Endpoint(endpoint) = &plan.target else {
        return;
    };
    let mut needs = Vec::new();
    if let (false, Some(why)) = (endpoint.allow_config, what_configures(plan)) {
        needs.push(("config", format!("{why}, which takes CONFIG SET")));
    }
    if !plan.events.is_empty() && !endpoint.allow_cluster {
        let why = "`events` change which node has which slot";
        needs.push(("cluster", why.to_owned()));
    }
    if plan.cells.len() as u64 * u64::from(plan.repeat) > 1 && !endpoint.allow_flush {
        needs.push((
            "flush",
            "every cell and repetition begins on an empty server, which takes FLUSHALL".to_owned(),
        ));
    }
    if let (false, Some(command)) = (endpoint.allow_flush, what_strays(plan)) {
        let why = format!(
            "`{command}` may touch other keys than those of this workload (only commands that are known to work on a key, and that are given {{key}} alone, do not)"
        );
        needs.push(("flush", why));
    }
    if needs.is_empty() {
        return;
    }
    let (allow, why): (Vec<&str>, Vec<String>) = needs.into_iter().unzip();
    let (place, cure) = match &context.target {
        Some((.., place)) => (*place, format!("add --allow {}", allow.join(","))),
        None => {
            let place = written.target.place().unwrap_or(context.document);
            (
                place,
                format!(
                    "write target: {{ endpoint: {{ url: …, allow: [{}] }} }}",
                    allow.join(", ")
                ),
            )
        }
    };
    let why = why.join(", and ");
    problems.push(Problem::new(
        place,
        format!(
            "{why}; {endpoint} is an endpoint with somebody's data, perhaps: if it may, {cure}"
        ),
    ));
}

/// What is of one server, and so cannot be asked of a cluster, and the other way round.
pub(super) fn note_what_a_cluster_cannot(
    plan: &Plan,
    written: &Workload,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) {
    let place = match &context.target {
        Some((.., place)) => *place,
        None => written.target.place().unwrap_or(context.document),
    };
    let mut refuse = |message: &str| problems.push(Problem::new(place, message));
    if reads_from_replicas(plan) && !has_replicas(plan) {
        refuse(
            "`read_from` is about the replicas of a cluster, and here are none; write embedded-cluster: { replicas: 1 }",
        );
    }
    if !plan.target.is_cluster() {
        return;
    }
    if plan.capacity != Capacity::AsConfigured {
        refuse(
            "`capacity` is found out on one server; on a cluster write `maxmemory`, which is each node's, among its directives",
        );
    }
    if let Target::Endpoint(endpoint) = &plan.target {
        if endpoint.database > 0 {
            refuse("a cluster has database 0 alone; leave the number out of `url`");
        }
        if what_configures(plan).is_some() {
            refuse(
                "directives cannot be set on somebody's cluster; leave `compare` and `directives` out, or drive `embedded-cluster`",
            );
        }
    }
}

fn reads_from_replicas(plan: &Plan) -> bool {
    plan.phases.iter().any(|phase| match &phase.action {
        Action::Load(load) => load.read_from != ReadFrom::Masters,
        Action::Pause(_) => false,
    })
}

/// Whether there are replicas in every cell; somebody's cluster may have some.
fn has_replicas(plan: &Plan) -> bool {
    plan.cells
        .iter()
        .all(|cell| match plan.target_of(Some(cell)) {
            Target::EmbeddedCluster { replicas, .. } => replicas > 0,
            target => target.is_cluster(),
        })
}

/// A command that may touch somebody's keys.
fn what_strays(plan: &Plan) -> Option<&str> {
    let operations = plan.phases.iter().flat_map(|phase| match &phase.action {
        Action::Load(load) => load.operations.as_slice(),
        Action::Pause(_) => &[],
    });
    operations
        .filter(|operation| !commands::stays_with_its_keys(operation))
        .map(Operation::command)
        .next()
}

fn what_configures(plan: &Plan) -> Option<&'static str> {
    if plan.cells.iter().any(|cell| !cell.directives.is_empty()) {
        return Some("`compare` sets directives");
    }
    if plan.capacity != Capacity::AsConfigured {
        return Some("`capacity` sets maxmemory");
    }
    (!plan.directives.is_empty()).then_some("the target's directives are set")
}
