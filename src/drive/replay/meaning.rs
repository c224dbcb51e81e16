//! What recorded requests mean to a cache, for those who go through a trace once more.

use super::command::admitted;
use super::number;
use crate::trace::{Action, Key, Kind, Request};
use crate::traffic::ideal::Use;
use crate::traffic::stream::mix;
use crate::workload::plan::Effect;

/// A number for the key of a request, and what was asked of it, where that matters to a cache; none for a command that is
/// left out. Of several keys the first one counts.
#[must_use]
pub fn meaning(request: &Request<'_>) -> Option<(u64, Option<Use>)> {
    match request.action {
        Action::Access(access) => {
            let key = match access.key {
                Key::Id(id) => mix(id),
                Key::Name(name) => number(name),
            };
            let what = match access.kind {
                Kind::Get => Use::Read,
                Kind::Set | Kind::Increment => Use::Write,
                Kind::Delete => Use::Delete,
            };
            Some((key, Some(what)))
        }
        Action::Command(words) => {
            let (effect, _) = admitted(words.first()?)?;
            let what = match effect {
                Effect::Read | Effect::Search | Effect::ReadMany | Effect::Exists => {
                    Some(Use::Read)
                }
                Effect::Write => Some(Use::Write),
                Effect::Delete => Some(Use::Delete),
                Effect::Alter | Effect::Other => None,
            };
            Some((number(words.get(1)?), what))
        }
    }
}
