//! Survival: whether it is probed, and in which groups.

use super::Context;
use super::keys::Keys;
use crate::workload::limits;
use crate::workload::plan::{Group, Survival};
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::{At, Given};
use crate::workload::units::{FromText, KeyRange, Name};
use crate::workload::written::{self, Workload};

/// The measure of `survival` that is no group.
const FIDELITY: &str = "fidelity";

pub(super) fn survival(
    written: &Given<written::Survival>,
    keys: &Keys,
    problems: &mut Vec<Problem>,
) -> Survival {
    let spaces = keys.spaces().iter().map(|space| Group {
        name: space.name.clone(),
        keys: space.keys.clone(),
    });
    let mut groups: Vec<Group> = spaces.collect();
    let Some((survival, _)) = written.get() else {
        return Survival {
            probe: false,
            groups,
        };
    };
    let entries = survival
        .groups
        .get()
        .map_or(&[][..], |(entries, _)| entries.0.as_slice());
    if entries.len() > limits::GROUPS {
        let place = survival.groups.place().unwrap_or_default();
        problems.push(Problem::new(
            place,
            format!("{} groups; allowed are {}", entries.len(), limits::GROUPS),
        ));
    }
    for (name, range) in entries {
        groups.extend(group(name, range, keys, problems));
    }
    Survival {
        probe: true,
        groups,
    }
}

fn group(
    name: &At<String>,
    range: &At<KeyRange>,
    keys: &Keys,
    problems: &mut Vec<Problem>,
) -> Option<Group> {
    let (name, name_place) = name.get()?;
    let outcome = match Name::from_text(name) {
        Ok(_) if name == FIDELITY => Err(format!(
            "`{FIDELITY}` means something else in expectations; give the group another name"
        )),
        Ok(Name(name)) if keys.spaces().iter().any(|space| space.name == name) => Err(format!(
            "`{name}` is a key space, and so a group already; leave this out, or give it another name"
        )),
        Ok(Name(name)) => Ok(name),
        Err(message) => Err(message),
    };
    let name = outcome
        .map_err(|message| problems.push(Problem::new(name_place, message)))
        .ok()?;
    let keys = range.get().map_or(0..1, |(range, place)| {
        keys.resolve(range, &[], place, problems)
    });
    Some(Group { name, keys })
}

/// Probing asks for every key and keeps figures of each.
pub(super) fn note_too_many(
    survival: &Survival,
    count: Option<u64>,
    written: &Workload,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) {
    let most = limits::PROBED_KEYS;
    if let Some(count) = count.filter(|count| survival.probe && *count > most) {
        let place: Place = written
            .survival
            .place()
            .or(written.expect.place())
            .unwrap_or(context.document);
        problems.push(Problem::new(place, format!("survival is probed for {most} keys at the most, and there are {count}; lower `keys: count`, or leave survival out")));
    }
}
