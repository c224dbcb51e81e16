//! What is known of server directives before a server is there: enough to catch a slip, never to forbid what a server may know.

use super::plan::Directive;
use super::problem::Problem;
use super::reader::At;
use super::units::Setting;
use super::{limits, words};

/// Eviction policies of Redis and Valkey, and the embedded server's yardstick.
const POLICIES: [&str; 9] = [
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru-exact",
];

/// Directives that shape a cache. Others are handed over as they are, unless they look like a slip in one of these.
const DIRECTIVES: [&str; 20] = [
    "maxmemory",
    "maxmemory-policy",
    "maxmemory-samples",
    "maxmemory-eviction-tenacity",
    "maxmemory-clients",
    "lfu-log-factor",
    "lfu-decay-time",
    "lru-clock-resolution",
    "lazyfree-lazy-eviction",
    "lazyfree-lazy-expire",
    "lazyfree-lazy-server-del",
    "active-expire-effort",
    "activerehashing",
    "activedefrag",
    "hz",
    "dynamic-hz",
    "appendonly",
    "save",
    "io-threads",
    "databases",
];

/// The policy under which nothing is evicted.
pub(super) const NO_EVICTION: &str = "noeviction";

/// A directive with a plausible name and, for policies, a known value; nothing where a problem was noted.
pub(super) fn directive(
    name: &At<String>,
    value: &At<Setting>,
    problems: &mut Vec<Problem>,
) -> Option<Directive> {
    let (key, place) = name.get()?;
    let key = key.to_ascii_lowercase();
    if let Some(message) = implausible(&key) {
        problems.push(Problem { place, message });
        return None;
    }
    value_of(&key, value, problems).map(|value| Directive { name: key, value })
}

/// The value of directive `name`, checked where it is a policy.
pub(super) fn value_of(
    name: &str,
    value: &At<Setting>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let (Setting(text), place) = value.get()?;
    if name == "maxmemory-policy" && !POLICIES.contains(&text.as_str()) {
        problems.push(Problem {
            place,
            message: words::unknown("eviction policy", text, &POLICIES),
        });
        return None;
    }
    Some(text.clone())
}

/// What is wrong with the name of a directive, if anything.
pub(super) fn implausible(name: &str) -> Option<String> {
    let letters = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if !letters || name.len() > limits::NAME_CHARACTERS {
        return Some(format!(
            "`{name}` is no name of a directive; directives are named as in CONFIG SET, such as maxmemory-policy"
        ));
    }
    if DIRECTIVES.contains(&name) {
        return None;
    }
    words::slip_in(name, &DIRECTIVES)
        .map(|meant| format!("unknown directive `{name}`; did you mean `{meant}`?"))
}
