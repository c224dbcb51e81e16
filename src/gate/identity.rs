//! What two recordings have in common, and what not: whether comparing them says anything.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::recording::model::{Machine, Recording};
use crate::workload::plan::{Plan, Target};

/// What two recordings may differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// What was asked of the server.
    Workload,
    /// Where the random draws came from.
    Seed,
    /// The machine that drove.
    Machine,
    /// The server: which, of which version.
    Server,
    /// How the server was set up.
    Configuration,
    /// The version of cachebench.
    Tool,
}

impl Aspect {
    /// Whether recordings that differ in it are no comparison of servers.
    #[must_use]
    pub fn forbids(self) -> bool {
        matches!(self, Self::Workload | Self::Seed | Self::Machine)
    }

    /// As the command line and reports call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Seed => "seed",
            Self::Machine => "machine",
            Self::Server => "server",
            Self::Configuration => "configuration",
            Self::Tool => "cachebench",
        }
    }
}

/// One thing in which two recordings differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// Which kind of thing.
    pub aspect: Aspect,
    /// Which one: `phases`, `processor`, `maxmemory-samples`.
    pub what: String,
    /// In the first recording.
    pub first: String,
    /// In the other one.
    pub other: String,
}

/// Parts of a plan that do not change what is asked of the server, or are looked at elsewhere.
const NOT_WORKLOAD: [&str; 8] = [
    "name",
    "question",
    "seed",
    "target",
    "directives",
    "cells",
    "repeat",
    "expect",
];
/// Characters of a value that are shown.
const SHOWN: usize = 60;

/// Everything in which `other` differs from `first`, what forbids a comparison before what does not.
#[must_use]
pub fn differences(first: &Recording, other: &Recording) -> Vec<Difference> {
    let mut found = plan_differences(&first.plan, &other.plan);
    let mut note = |aspect, what: &str, first: String, other: String| {
        if first != other {
            let what = what.to_owned();
            found.push(Difference {
                aspect,
                what,
                first,
                other,
            });
        }
    };
    let (a, b) = (first, other);
    for (what, of) in MACHINE {
        note(Aspect::Machine, what, of(&a.machine), of(&b.machine));
    }
    note(
        Aspect::Server,
        "target",
        a.server.target.clone(),
        b.server.target.clone(),
    );
    let server = |one: &Recording| format!("{} {}", one.server.name, one.server.version);
    note(Aspect::Server, "server", server(a), server(b));
    note(
        Aspect::Server,
        "clock",
        a.server.clock.clone(),
        b.server.clock.clone(),
    );
    for name in configured(a, b) {
        let of = |one: &Recording| setting(one, &name);
        note(Aspect::Configuration, &name, of(a), of(b));
    }
    note(
        Aspect::Tool,
        "version",
        a.cachebench.clone(),
        b.cachebench.clone(),
    );
    found
}

type OfMachine = (&'static str, fn(&Machine) -> String);

const MACHINE: [OfMachine; 4] = [
    ("system", |machine| machine.system.clone()),
    ("processor", |machine| machine.processor.clone()),
    ("cores", |machine| machine.cores.to_string()),
    ("memory", |machine| {
        format!("{} bytes", machine.memory_bytes)
    }),
];

/// Everything in which what two plans ask of a server differs: workload and seed.
#[must_use]
pub fn plan_differences(first: &Plan, other: &Plan) -> Vec<Difference> {
    let mut found = workload(first, other);
    if first.seed != other.seed {
        found.push(Difference {
            aspect: Aspect::Seed,
            what: "seed".to_owned(),
            first: first.seed.to_string(),
            other: other.seed.to_string(),
        });
    }
    found
}

/// Whether both plans drive the same database of the same server that somebody else runs.
#[must_use]
pub fn is_same_endpoint(first: &Plan, other: &Plan) -> bool {
    match (&first.target, &other.target) {
        (Target::Endpoint(a), Target::Endpoint(b)) => {
            (&a.address, a.database) == (&b.address, b.database)
        }
        _ => false,
    }
}

fn workload(first: &Plan, other: &Plan) -> Vec<Difference> {
    let (one, two) = (parts(first, other), parts(other, first));
    let names = one
        .keys()
        .chain(two.keys().filter(|name| !one.contains_key(*name)));
    let differing = names.filter(|name| one.get(*name) != two.get(*name));
    differing
        .map(|name| Difference {
            aspect: Aspect::Workload,
            what: name.clone(),
            first: shown(one.get(name), two.get(name)),
            other: shown(two.get(name), one.get(name)),
        })
        .collect()
}

/// The parts of a plan that make up the workload. Where one of both ran on an endpoint, its keys have a prefix, which is no
/// other workload.
fn parts(of: &Plan, beside: &Plan) -> serde_json::Map<String, Value> {
    let Ok(Value::Object(mut parts)) = serde_json::to_value(of) else {
        return serde_json::Map::new();
    };
    parts.retain(|name, _| !NOT_WORKLOAD.contains(&name.as_str()));
    let is_endpoint = |one: &Plan| matches!(one.target, Target::Endpoint(_));
    if let (true, Some(Value::Object(keys))) = (
        is_endpoint(of) || is_endpoint(beside),
        parts.get_mut("keys"),
    ) {
        keys.remove("name");
        let spaces = keys.get_mut("spaces").and_then(Value::as_array_mut);
        for space in spaces
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            space.remove("spelt");
        }
    }
    parts
}

/// `value` from where it begins to differ from `beside`, short.
fn shown(value: Option<&Value>, beside: Option<&Value>) -> String {
    let text = |value: Option<&Value>| value.map_or("absent".to_owned(), Value::to_string);
    let (text, beside) = (text(value), text(beside));
    let same = text.chars().zip(beside.chars()).take_while(|(a, b)| a == b);
    let skipped = same.count().saturating_sub(SHOWN / 2);
    let mut short: String = text.chars().skip(skipped).take(SHOWN).collect();
    if skipped > 0 {
        short.insert(0, '…');
    }
    if text.chars().count() > skipped + SHOWN {
        short.push('…');
    }
    short
}

fn configured(a: &Recording, b: &Recording) -> Vec<String> {
    let of = |one: &Recording| -> Vec<String> {
        let directives = one.plan.directives.iter().map(|one| one.name.clone());
        one.server
            .configuration
            .keys()
            .cloned()
            .chain(directives)
            .collect()
    };
    let mut names = [of(a), of(b)].concat();
    // Calibrated anew for every server, and what a policy costs is told by the figures.
    names.retain(|name| name != "maxmemory" && name != "maxmemory-policy");
    names.sort();
    names.dedup();
    names
}

fn setting(one: &Recording, name: &str) -> String {
    let asked = one
        .plan
        .directives
        .iter()
        .rev()
        .find(|directive| directive.name == name);
    let in_force = one.server.configuration.get(name).cloned();
    in_force
        .or_else(|| asked.map(|directive| directive.value.clone()))
        .unwrap_or_else(|| "absent".to_owned())
}

/// Pairs of cells of both recordings that belong together, as indices: those of one label, or the only ones.
#[must_use]
pub fn matching_cells(first: &Recording, other: &Recording) -> Vec<(usize, usize)> {
    if let ([_], [_]) = (first.cells.as_slice(), other.cells.as_slice()) {
        return vec![(0, 0)];
    }
    let of_label = |label: &str| other.cells.iter().position(|cell| cell.label == label);
    let cells = first.cells.iter().enumerate();
    cells
        .filter_map(|(index, cell)| Some((index, of_label(&cell.label)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::fixture::{lru_flood, zipf_read};

    fn aspects(a: &Recording, b: &Recording) -> Vec<(Aspect, String)> {
        differences(a, b)
            .into_iter()
            .map(|one| (one.aspect, one.what))
            .collect()
    }

    #[test]
    fn a_recording_differs_from_itself_in_nothing() {
        assert!(differences(&lru_flood(), &lru_flood()).is_empty());
    }

    #[test]
    fn each_difference_is_of_its_kind() {
        let (a, mut b) = (lru_flood(), lru_flood());
        b.plan.seed = 7;
        b.machine.cores = 64;
        b.server.version = "0.2.0".to_owned();
        b.server
            .configuration
            .insert("hz".to_owned(), "100".to_owned());
        b.plan.capacity = crate::workload::plan::Capacity::Keys(7000);
        b.plan.question = "Another wording?".to_owned();
        let expected = [
            (Aspect::Workload, "capacity"),
            (Aspect::Seed, "seed"),
            (Aspect::Machine, "cores"),
            (Aspect::Server, "server"),
            (Aspect::Configuration, "hz"),
        ];
        assert_eq!(
            aspects(&a, &b),
            expected.map(|(aspect, what)| (aspect, what.to_owned()))
        );
        let capacity = differences(&a, &b).remove(0);
        assert_eq!(
            (capacity.first.as_str(), capacity.other.as_str()),
            ("{\"keys\":6000}", "{\"keys\":7000}")
        );
    }

    #[test]
    fn a_prefix_of_an_endpoint_is_no_other_workload() {
        let (a, mut b) = (lru_flood(), lru_flood());
        b.plan.keys.name.before = "cachebench:lru_flood:key-".to_owned();
        assert_eq!(aspects(&a, &b), [(Aspect::Workload, "keys".to_owned())]);
        b.plan.target = Target::Endpoint(crate::workload::plan::Endpoint::at(
            crate::workload::plan::Address::Unix("/run/redis.sock".into()),
        ));
        assert!(aspects(&a, &b).is_empty());
    }

    #[test]
    fn cells_match_by_label_and_a_single_one_matches_a_single_one() {
        let (a, mut b) = (lru_flood(), lru_flood());
        b.cells.remove(1);
        assert_eq!(
            matching_cells(&a, &b),
            [(0, 0), (2, 1), (3, 2), (4, 3), (5, 4)]
        );
        let (a, mut b) = (zipf_read(), zipf_read());
        b.cells[0].label = "allkeys-lfu".to_owned();
        assert_eq!(matching_cells(&a, &b), [(0, 0)]);
    }
}
