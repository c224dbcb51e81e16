//! The keys there are, and how they are spelt.

use super::{Context, bounded};
use crate::workload::limits;
use crate::workload::plan::{KeySpace, Template};
use crate::workload::problem::{Problem, is_meant};
use crate::workload::reader::Given;
use crate::workload::units::Text;
use crate::workload::written::{Keys, Workload};

/// The number of keys; nothing where that is unknown, so that nothing is measured by it.
pub(super) fn key_count(
    written: &Workload,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Option<u64> {
    let Some((keys, place)) = written.keys.get() else {
        if !written.keys.is_given() && !is_meant("keys", problems) {
            problems.push(Problem::new(
                context.document,
                "`keys` is missing; write how many keys there are, as in keys: { count: 10000 }",
            ));
        }
        return None;
    };
    if !keys.count.is_given() && !is_meant("count", problems) {
        problems.push(Problem::new(
            place,
            "`count` is missing; write how many keys there are, as in keys: { count: 10000 }",
        ));
    }
    keys.count.get()?;
    Some(bounded("count", &keys.count, 1, 1, limits::KEYS, problems))
}

/// The key space; names begin with `prefix`.
pub(super) fn key_space(written: &Given<Keys>, count: Option<u64>, prefix: String) -> KeySpace {
    let name = written.get().and_then(|(keys, _)| keys.name.get());
    let template = match name {
        Some((Text(template), _)) => template.clone(),
        None => Template {
            before: "key-".to_owned(),
            width: 0,
            after: String::new(),
        },
    };
    KeySpace {
        name: Template {
            before: prefix + &template.before,
            ..template
        },
        count: count.unwrap_or(1),
    }
}
