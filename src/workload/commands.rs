//! The operations that have a name, and what replies to known commands tell: one table.

use super::operation::{Effect, Operation, Part, Word};
use super::template;

/// A named operation: what it sends is an ordinary template.
struct Named {
    name: &'static str,
    send: &'static str,
    effect: Effect,
}

const fn named(name: &'static str, send: &'static str, effect: Effect) -> Named {
    Named { name, send, effect }
}

/// All named operations.
const NAMED: [Named; 45] = [
    named("get", "GET {key}", Effect::Read),
    named("set", "SET {key} {value}", Effect::Write),
    named("mget", "MGET {keys}", Effect::ReadMany),
    named("mset", "MSET {pairs}", Effect::Write),
    named("incr", "INCR {key}", Effect::Write),
    named("append", "APPEND {key} {value}", Effect::Write),
    named("strlen", "STRLEN {key}", Effect::Search),
    named("del", "DEL {key}", Effect::Delete),
    named("unlink", "UNLINK {key}", Effect::Delete),
    named("exists", "EXISTS {key}", Effect::Exists),
    named("touch", "TOUCH {key}", Effect::Search),
    named("expire", "EXPIRE {key} {ttl_s}", Effect::Alter),
    named("pexpire", "PEXPIRE {key} {ttl}", Effect::Alter),
    named("persist", "PERSIST {key}", Effect::Other),
    named("hset", "HSET {key} {field} {value}", Effect::Write),
    named("hget", "HGET {key} {field}", Effect::Read),
    named("hgetall", "HGETALL {key}", Effect::Search),
    named("hdel", "HDEL {key} {field}", Effect::Alter),
    named("hincrby", "HINCRBY {key} {field} 1", Effect::Write),
    named("hlen", "HLEN {key}", Effect::Search),
    named("lpush", "LPUSH {key} {value}", Effect::Write),
    named("rpush", "RPUSH {key} {value}", Effect::Write),
    named("lpop", "LPOP {key}", Effect::Alter),
    named("rpop", "RPOP {key}", Effect::Alter),
    named("lrange", "LRANGE {key} 0 99", Effect::Search),
    named("llen", "LLEN {key}", Effect::Search),
    named("sadd", "SADD {key} {member}", Effect::Write),
    named("srem", "SREM {key} {member}", Effect::Alter),
    named("sismember", "SISMEMBER {key} {member}", Effect::Search),
    named("smembers", "SMEMBERS {key}", Effect::Search),
    named("scard", "SCARD {key}", Effect::Search),
    named("spop", "SPOP {key}", Effect::Alter),
    named("zadd", "ZADD {key} {score} {member}", Effect::Write),
    named("zincrby", "ZINCRBY {key} 1 {member}", Effect::Write),
    named("zrem", "ZREM {key} {member}", Effect::Alter),
    named("zscore", "ZSCORE {key} {member}", Effect::Read),
    named("zrank", "ZRANK {key} {member}", Effect::Read),
    named("zrange", "ZRANGE {key} 0 99", Effect::Search),
    named(
        "zrangebyscore",
        "ZRANGEBYSCORE {key} {score} +inf LIMIT 0 100",
        Effect::Search,
    ),
    named("zcard", "ZCARD {key}", Effect::Search),
    named("xadd", "XADD {key} * {field} {value}", Effect::Write),
    named("xrange", "XRANGE {key} - + COUNT 100", Effect::Search),
    named("xread", "XREAD COUNT 100 STREAMS {key} 0", Effect::Search),
    named("publish", "PUBLISH {key} {value}", Effect::Other),
    named("ping", "PING", Effect::Other),
];

/// Commands that no named operation stands for; of others nothing is known.
const EFFECTS: [(&str, Effect); 26] = [
    ("GETEX", Effect::Read),
    ("HMGET", Effect::Other),
    ("HEXISTS", Effect::Search),
    ("HSTRLEN", Effect::Search),
    ("HKEYS", Effect::Search),
    ("HVALS", Effect::Search),
    ("LINDEX", Effect::Read),
    ("SMISMEMBER", Effect::Other),
    ("SRANDMEMBER", Effect::Search),
    ("ZREVRANK", Effect::Read),
    ("ZREVRANGE", Effect::Search),
    ("ZREVRANGEBYSCORE", Effect::Search),
    ("ZRANGEBYLEX", Effect::Search),
    ("ZRANDMEMBER", Effect::Search),
    ("XREVRANGE", Effect::Search),
    ("XLEN", Effect::Search),
    ("SETEX", Effect::Write),
    ("PSETEX", Effect::Write),
    ("GETSET", Effect::Write),
    ("INCRBY", Effect::Write),
    ("DECR", Effect::Write),
    ("HMSET", Effect::Write),
    ("HINCRBYFLOAT", Effect::Write),
    ("PFADD", Effect::Write),
    ("SETBIT", Effect::Write),
    ("GETDEL", Effect::Delete),
];

/// The names of all named operations.
pub(super) fn names() -> Vec<&'static str> {
    NAMED.iter().map(|known| known.name).collect()
}

/// The operation called `name`, with so many keys where it takes several.
pub(super) fn operation(name: &str, keys: u32) -> Option<Operation> {
    let known = NAMED.iter().find(|known| known.name == name)?;
    let words = template::parse(known.send, keys).ok()?;
    Some(Operation::new(known.name, words, known.effect))
}

/// Commands after which a connection is another: in another database, in a transaction, as somebody else, or sent what
/// answers no request.
const OF_CONNECTIONS: [&str; 22] = [
    "ASKING",
    "AUTH",
    "DISCARD",
    "EXEC",
    "HELLO",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "PSYNC",
    "PUNSUBSCRIBE",
    "QUIT",
    "READONLY",
    "READWRITE",
    "REPLCONF",
    "RESET",
    "SELECT",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "SYNC",
    "UNSUBSCRIBE",
    "WATCH",
];

/// Whether what is sent after `operation` on the same connection would mean something else, or be answered otherwise.
pub(super) fn changes_its_connection(operation: &Operation) -> bool {
    let command = operation.command().to_ascii_uppercase();
    let is_reply =
        |parts: &[Part]| matches!(parts, [Part::Text(text)] if text.eq_ignore_ascii_case("reply"));
    let is_silenced = matches!(operation.words.get(1), Some(Word::One(parts)) if is_reply(parts));
    OF_CONNECTIONS.contains(&command.as_str()) || command == "CLIENT" && is_silenced
}

/// Commands whose every argument is a key.
const KEYS_ONLY: [&str; 6] = ["MGET", "MSET", "DEL", "UNLINK", "EXISTS", "TOUCH"];

/// Whether it is certain that `operation` touches no key but those of the key space: the command is one of those known
/// here, and the key stands where it takes one.
pub(super) fn stays_with_its_keys(operation: &Operation) -> bool {
    let command = operation.command().to_ascii_uppercase();
    let sent = |named: &Named| named.send.split(' ').next() == Some(&command);
    let is_known = NAMED.iter().any(sent) || EFFECTS.iter().any(|(known, _)| *known == command);
    let arguments = operation.words.get(1..).unwrap_or_default();
    let is_first = arguments.first().is_none_or(Word::is_key);
    is_known
        && match command.as_str() {
            "XREAD" => arguments.iter().any(Word::is_key),
            command if KEYS_ONLY.contains(&command) => arguments.iter().all(Word::is_key),
            _ => is_first,
        }
}

/// What a reply to `command` tells, of whatever command.
pub(super) fn effect(command: &str) -> Effect {
    effect_of(command).unwrap_or(Effect::Other)
}

/// What a reply to `command` tells; none where nothing is known of that command.
#[must_use]
pub fn effect_of(command: &str) -> Option<Effect> {
    let is_it = |known: &str| known.eq_ignore_ascii_case(command);
    let named = NAMED
        .iter()
        .find(|known| known.send.split(' ').next().is_some_and(is_it));
    let other = EFFECTS.iter().find(|(known, _)| is_it(known));
    named
        .map(|known| known.effect)
        .or(other.map(|(_, effect)| *effect))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_an_operation() {
        for name in names() {
            let found = operation(name, 10).unwrap();
            assert_eq!(found.name, name);
            let command = NAMED.iter().find(|known| known.name == name).unwrap().send;
            assert_eq!(command.split(' ').next().unwrap().to_lowercase(), name);
        }
    }

    #[test]
    fn what_is_built_in_is_what_the_table_says() {
        let built_in = [
            Operation::get(),
            Operation::set(false),
            Operation::exists(),
            Operation::del(),
        ];
        for built in built_in {
            assert_eq!(operation(&built.name, 10).unwrap(), built);
        }
    }

    #[test]
    fn what_stays_with_its_keys() {
        let stays = |send: &str| {
            let words = template::parse(send, 2).unwrap();
            stays_with_its_keys(&Operation::new("x", words, Effect::Other))
        };
        for named in &NAMED {
            assert!(stays(named.send), "{}", named.send);
        }
        for send in ["hget {key} f", "DEL {keys}", "PING", "SETEX {key} 5 x"] {
            assert!(stays(send), "{send}");
        }
        for send in [
            "FLUSHALL",
            "SHUTDOWN",
            "RENAME {key} other",
            "SET other {key}",
            "HSET user:{key} a b",
            "HSET {key}:user a b",
            "DEL {key} other",
            "MSET {pairs} other x",
            "XREAD STREAMS other 0",
            "EVAL {key} 0",
        ] {
            assert!(!stays(send), "{send}");
        }
    }

    #[test]
    fn no_command_is_told_twice() {
        let mut commands: Vec<String> = names().iter().map(|name| name.to_uppercase()).collect();
        commands.extend(EFFECTS.map(|(command, _)| command.to_owned()));
        let count = commands.len();
        commands.sort();
        commands.dedup();
        assert_eq!(commands.len(), count);
    }
}
