//! What bad workloads are told: the whole text, so that every word of it is meant.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends by panicking; clippy's exemption does not reach a test's helpers"
)]

use cachebench::workload::{Overrides, load, load_with_files};

/// Asserts that `text` is refused with exactly `told`.
fn refused(text: &str, told: &str) {
    refused_with(text, &Overrides::default(), told);
}

fn refused_with(text: &str, overrides: &Overrides, told: &str) {
    match load("w.yaml", text, overrides) {
        Ok(plan) => panic!("taken for {plan:#?}"),
        Err(problems) => assert_eq!(
            problems.to_string(),
            told.trim_matches('\n'),
            "told:\n{problems}"
        ),
    }
}

#[test]
fn a_misspelt_key() {
    refused(
        r#"seed: 7
kyes: { count: 10000 }
phases: [ save: { keys: all } ]"#,
        r#"
w.yaml:2:1: unknown key `kyes`; known: name, question, seed, target, timeouts, threads, capacity, keys, values, settle, phases, events, survival, read_back, compare, repeat, expect; did you mean `keys`?
  |
2 | kyes: { count: 10000 }
  | ^^^^
"#,
    );
}

#[test]
fn a_misspelt_key_of_a_phase() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - save: { keys: all, clinets: 5 }"#,
        r#"
w.yaml:3:24: unknown key `clinets`; known: name, keys, order, operations, count, for, clients, pipeline, rate, ttl, on_miss, read_from; did you mean `clients`?
  |
3 |   - save: { keys: all, clinets: 5 }
  |                        ^^^^^^^
"#,
    );
}

#[test]
fn a_misspelt_phase() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - sav: { keys: all }"#,
        r#"
w.yaml:3:5: unknown phase `sav`; known: save, read, flood, mix, replay, fan_out, pause, parallel; did you mean `save`?
  |
3 |   - sav: { keys: all }
  |     ^^^
"#,
    );
}

#[test]
fn wrong_types() {
    refused(
        r#"keys: [10000]
phases: 5
seed: abc
settle: 5
name: [a]"#,
        r#"
w.yaml:1:7: found a list; wanted is a map with `count` and perhaps `name`
  |
1 | keys: [10000]
  |       ^
w.yaml:2:9: found the text `5`; wanted is a list
  |
2 | phases: 5
  |         ^
w.yaml:3:7: `abc` is not a count such as 5000, 10k or 1M
  |
3 | seed: abc
  |       ^^^
w.yaml:4:9: `5` has no unit; wanted is a duration such as 500us, 1200ms, 30s, 5m or 1h, here perhaps 5s
  |
4 | settle: 5
  |         ^
w.yaml:5:7: found a list; wanted is a name: a letter, then letters, digits, `_` and `-`, 64 at the most
  |
5 | name: [a]
  |       ^
"#,
    );
}

#[test]
fn an_impossible_range() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - read: { keys: 9..3 }
  - read: { keys: 5..5 }
  - read: { keys: 5 }"#,
        r#"
w.yaml:3:19: the range 9..3 ends before it begins; wanted is a range of keys such as 0..5000 (the end not included), or all
  |
3 |   - read: { keys: 9..3 }
  |                   ^^^^
w.yaml:4:19: the range 5..5 holds no key: its end is not included; 5..6 holds one
  |
4 |   - read: { keys: 5..5 }
  |                   ^^^^
w.yaml:5:19: `5` is not a range of keys such as 0..5000 (the end not included), or all
  |
5 |   - read: { keys: 5 }
  |                   ^
"#,
    );
}

#[test]
fn keys_outside_the_space() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - save: { keys: 5000..12000 }
  - mix: { operations: get, count: 5, keys: { uniform: { range: 9k..11k } } }
survival:
  groups: { late: 9999..10001 }"#,
        r#"
w.yaml:3:19: the range 5000..12000 leads beyond the keys there are, 0..10000 (`keys: count`)
  |
3 |   - save: { keys: 5000..12000 }
  |                   ^^^^^^^^^^^
w.yaml:4:65: the range 9000..11000 leads beyond the keys there are, 0..10000 (`keys: count`)
  |
4 | rations: get, count: 5, keys: { uniform: { range: 9k..11k } } }
  |                                                   ^^^^^^^
w.yaml:6:19: the range 9999..10001 leads beyond the keys there are, 0..10000 (`keys: count`)
  |
6 |   groups: { late: 9999..10001 }
  |                   ^^^^^^^^^^^
"#,
    );
}

#[test]
fn an_unknown_distribution() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - read: { keys: { zipfain: { exponent: 1 } } }
  - read: { order: gausian }
  - read: { keys: zipf }"#,
        r#"
w.yaml:3:21: unknown distribution `zipfain`; known: sequential, uniform, zipfian, ycsb_zipfian, hotspot, latest, gaussian, exponential, popularity; did you mean `zipfian`?
  |
3 |   - read: { keys: { zipfain: { exponent: 1 } } }
  |                     ^^^^^^^
w.yaml:4:20: unknown distribution `gausian`; known: sequential, uniform, zipfian, ycsb_zipfian, hotspot, latest, gaussian, exponential, popularity; did you mean `gaussian`?
  |
4 |   - read: { order: gausian }
  |                    ^^^^^^^
w.yaml:5:19: unknown range or distribution `zipf`; known: all, 0..5000, sequential, uniform, zipfian, ycsb_zipfian, hotspot, latest, gaussian, exponential; did you mean `zipfian`?
  |
5 |   - read: { keys: zipf }
  |                   ^^^^
"#,
    );
}

#[test]
fn an_impossible_exponent() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - read: { order: { zipfian: { exponent: 3.5 } } }
  - read: { order: { zipfian: { exponent: -1 } } }"#,
        r#"
w.yaml:3:43: `exponent` is 3.5; allowed are 0 to 3
  |
3 |   - read: { order: { zipfian: { exponent: 3.5 } } }
  |                                           ^^^
w.yaml:4:43: `-1` is not a number such as 0.99
  |
4 |   - read: { order: { zipfian: { exponent: -1 } } }
  |                                           ^^
"#,
    );
}

#[test]
fn a_rate_of_zero() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - mix: { operations: get, for: 30s, rate: 0/s }"#,
        r#"
w.yaml:3:45: a rate of zero would never send anything; leave `rate` out (or write closed) for a closed loop
  |
3 |   - mix: { operations: get, for: 30s, rate: 0/s }
  |                                             ^^^
"#,
    );
}

#[test]
fn tls_without_a_key() {
    refused(
        r#"target: { endpoint: { url: rediss://host, tls: { certificate: c.crt } } }
keys: { count: 10 }
phases: [ save ]"#,
        r#"
w.yaml:1:48: `certificate` and `key` belong together; write both or neither
  |
1 | target: { endpoint: { url: rediss://host, tls: { certificate: c.crt } } }
  |                                                ^
"#,
    );
}

#[test]
fn tls_that_is_not_asked_for() {
    refused(
        r#"target: { endpoint: { url: redis://host, tls: { verify: none, ca: ca.crt } } }
keys: { count: 10 }
phases: [ save ]"#,
        r#"
w.yaml:1:47: `tls` is about encrypted connections; write rediss:// in `url`, or leave `tls` out
  |
1 | target: { endpoint: { url: redis://host, tls: { verify: none, ca: ca.crt } } }
  |                                               ^
"#,
    );
}

#[test]
fn tls_that_checks_nothing_against_an_authority() {
    refused(
        r#"target: { endpoint: { url: rediss://host, tls: { verify: none, ca: ca.crt } } }
keys: { count: 10 }
phases: [ save ]"#,
        r#"
w.yaml:1:68: `verify: none` checks nothing, so that `ca` means nothing; leave one of them out
  |
1 | t: { url: rediss://host, tls: { verify: none, ca: ca.crt } } }
  |                                                   ^^^^^^
"#,
    );
}

#[test]
fn a_password_in_two_places() {
    refused(
        r#"target: { endpoint: { url: redis://ann:secret@host, password_env: A-B, client_name: my tool } }
keys: { count: 10 }
phases: [ save ]"#,
        r#"
w.yaml:1:67: `A-B` is no environment variable; write its name, as in password_env: CACHE_PASSWORD
  |
1 | nt: { url: redis://ann:secret@host, password_env: A-B, client_name: my tool } }
  |                                                   ^^^
w.yaml:1:67: `url` and `password_env` both say the password; leave one of them out
  |
1 | nt: { url: redis://ann:secret@host, password_env: A-B, client_name: my tool } }
  |                                                   ^^^
w.yaml:1:85: `my tool` cannot name a connection: no spaces, plain letters only
  |
1 | /ann:secret@host, password_env: A-B, client_name: my tool } }
  |                                                   ^^^^^^^
"#,
    );
}

#[test]
fn more_threads_than_there_may_be() {
    refused(
        r#"threads: 1000
keys: { count: 10 }
phases: [ save ]"#,
        r#"
w.yaml:1:10: `threads` is 1000; allowed are 1 to 256, or auto
  |
1 | threads: 1000
  |          ^^^^
"#,
    );
}

#[test]
fn a_timeout_of_nothing() {
    refused(
        r#"timeouts: { connect: 0s, reqest: 1s }
keys: { count: 10 }
phases: [ save ]"#,
        r#"
w.yaml:1:22: `connect` leaves no time at all; write how long to wait, as in connect: 5s
  |
1 | timeouts: { connect: 0s, reqest: 1s }
  |                      ^^
w.yaml:1:26: unknown key `reqest`; known: connect, request, unreachable; did you mean `request`?
  |
1 | timeouts: { connect: 0s, reqest: 1s }
  |                          ^^^^^^
"#,
    );
}

#[test]
fn a_ramp_without_an_end() {
    refused(
        r#"keys: { count: 10 }
phases:
  - mix: { operations: get, rate: { from: 1k/s, over: 60s } }"#,
        r#"
w.yaml:3:35: a ramp needs `from`, `to` and `over`, as in { from: 1k/s, to: 100k/s, over: 60s }
  |
3 |   - mix: { operations: get, rate: { from: 1k/s, over: 60s } }
  |                                   ^
"#,
    );
}

#[test]
fn a_rate_that_is_two_things() {
    refused(
        r#"keys: { count: 10 }
phases:
  - mix: { operations: get, for: 30s, rate: { poisson: 1k/s, steps: [ { rate: 1k/s, for: 0s } ] } }"#,
        r#"
w.yaml:3:45: a rate is one of { poisson: 50k/s }, { from: 1k/s, to: 100k/s, over: 60s } and { steps: [ { rate: 10k/s, for: 10s } ] }
  |
3 |   - mix: { operations: get, for: 30s, rate: { poisson: 1k/s, steps: [ { rate: 1k/s, for: 0s } ] } }
  |                                             ^
"#,
    );
}

#[test]
fn a_step_that_takes_no_time() {
    refused(
        r#"keys: { count: 10 }
phases:
  - mix: { operations: get, rate: { steps: [ { rate: closed, for: 0s }, { rate: 5/s } ] } }"#,
        r#"
w.yaml:3:54: `closed` stands for a loop without a rate; write a rate here, as in 50k/s
  |
3 |  mix: { operations: get, rate: { steps: [ { rate: closed, for: 0s }, { rate: 5/s } ] } }
  |                                                   ^^^^^^
w.yaml:3:67: `for` is nothing; write how long it lasts, as in for: 10s
  |
3 | tions: get, rate: { steps: [ { rate: closed, for: 0s }, { rate: 5/s } ] } }
  |                                                   ^^
w.yaml:3:73: a step needs `rate` and `for`, as in { rate: 10k/s, for: 10s }
  |
3 |  get, rate: { steps: [ { rate: closed, for: 0s }, { rate: 5/s } ] } }
  |                                                   ^
"#,
    );
}

#[test]
fn a_rate_without_a_unit() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - mix: { operations: get, for: 30s, rate: 50k }"#,
        r#"
w.yaml:3:45: `50k` has no unit; wanted is a rate such as 500/s or 50k/s, or closed, here perhaps 50k/s
  |
3 |   - mix: { operations: get, for: 30s, rate: 50k }
  |                                             ^^^
"#,
    );
}

#[test]
fn a_mix_that_lacks_all() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - mix:"#,
        r#"
w.yaml:3:5: `mix` needs `operations`, as in operations: { get: 95%, set: 5% }
  |
3 |   - mix:
  |     ^
w.yaml:3:5: `mix` would never end; write for: 30s or count: 100k
  |
3 |   - mix:
  |     ^
"#,
    );
}

#[test]
fn shares_that_do_not_add_up() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - mix: { operations: { get: 95%, set: 10% }, for: 30s }"#,
        r#"
w.yaml:3:24: the shares add up to 105%; they must add up to 100%
  |
3 |   - mix: { operations: { get: 95%, set: 10% }, for: 30s }
  |                        ^
"#,
    );
}

#[test]
fn an_unknown_operation() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - mix: { operations: { get: 95%, sett: 5% }, for: 30s }"#,
        r#"
w.yaml:3:36: unknown operation `sett`; known: get, set, mget, mset, incr, append, strlen, del, unlink, exists, touch, expire, pexpire, persist, hset, hget, hgetall, hdel, hincrby, hlen, lpush, rpush, lpop, rpop, lrange, llen, sadd, srem, sismember, smembers, scard, spop, zadd, zincrby, zrem, zscore, zrank, zrange, zrangebyscore, zcard, xadd, xrange, xread, publish, ping; did you mean `set`? (any other is written as a command, "HSET user:{key} field {value}")
  |
3 |   - mix: { operations: { get: 95%, sett: 5% }, for: 30s }
  |                                    ^^^^
"#,
    );
}

#[test]
fn commands_that_do_not_read() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - save: { operations: "HSET user:{kye} field {value}" }
  - save: { operations: "HSET user:{key field" }
  - save: { operations: 'SET {key} "{value}' }
  - read: { operations: { page: { send: "MGET {keys:2000}" } } }"#,
        r#"
w.yaml:3:36: unknown placeholder `kye`; known: key, i, keys, pairs, value, field, fields, member, score, number, ttl, ttl_s; did you mean `key`? (for a brace itself write {{ or }})
  |
3 |   - save: { operations: "HSET user:{kye} field {value}" }
  |                                    ^^^^^
w.yaml:4:36: a brace that nothing closes; for the character itself write {{
  |
4 |   - save: { operations: "HSET user:{key field" }
  |                                    ^
w.yaml:5:36: a quote that nothing closes; write " behind it
  |
5 |   - save: { operations: 'SET {key} "{value}' }
  |                                    ^
w.yaml:6:47: `2000` is no number of arguments; allowed are 1 to 1000
  |
6 |   - read: { operations: { page: { send: "MGET {keys:2000}" } } }
  |                                               ^^^^^^^^^^^
"#,
    );
}

#[test]
fn streams_that_do_not_run_in_parallel() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - parallel: []
  - parallel: [ save, pause: 5s, parallel: [ read ] ]
  - parallel: [ save: { name: a }, save: { name: a } ]"#,
        r#"
w.yaml:3:5: nothing stands in `parallel`; write the phases that run at the same time, as in parallel: [ mix: { … }, mix: { … } ]
  |
3 |   - parallel: []
  |     ^
w.yaml:4:23: a pause in `parallel`; only save, read, flood, mix, replay and fan_out run at the same time
  |
4 |   - parallel: [ save, pause: 5s, parallel: [ read ] ]
  |                       ^
w.yaml:4:34: a second `parallel` in `parallel`; only save, read, flood, mix, replay and fan_out run at the same time
  |
4 |   - parallel: [ save, pause: 5s, parallel: [ read ] ]
  |                                  ^
w.yaml:5:50: the name `a` is taken by another phase; names must differ
  |
5 |   - parallel: [ save: { name: a }, save: { name: a } ]
  |                                                  ^
"#,
    );
}

#[test]
fn commands_that_may_touch_the_data_of_others() {
    refused(
        r#"keys: { count: 10000 }
target: redis://localhost:6379
phases:
  - mix: { count: 5, operations: { get: 50%, "RENAME {key} other": 50% } }"#,
        r#"
w.yaml:2:9: `RENAME` may touch other keys than those of this workload (only commands that are known to work on a key, and that are given {key} alone, do not); redis://localhost:6379/0 is an endpoint with somebody's data, perhaps: if it may, write target: { endpoint: { url: …, allow: [flush] } }
  |
2 | target: redis://localhost:6379
  |         ^^^^^^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn commands_that_change_their_connection() {
    refused(
        r#"keys: { count: 10 }
phases:
  - mix: { count: 5, operations: { get: 50%, monitor: { send: "monitor", share: 50% } } }
  - mix: { count: 5, operations: { "CLIENT REPLY OFF": 50%, "CLIENT ID": 50% } }"#,
        r#"
w.yaml:3:63: `monitor` changes what its connection is sent or what requests on it mean, so that nothing could be counted; leave it out (messages are published and heard by a fan_out)
  |
3 | ount: 5, operations: { get: 50%, monitor: { send: "monitor", share: 50% } } }
  |                                                   ^^^^^^^^^
w.yaml:4:36: `CLIENT REPLY OFF` changes what its connection is sent or what requests on it mean, so that nothing could be counted; leave it out (messages are published and heard by a fan_out)
  |
4 |   - mix: { count: 5, operations: { "CLIENT REPLY OFF": 50%, "CLIENT ID": 50% } }
  |                                    ^^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn operations_that_do_not_fit_together() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - mix:
      count: 5
      operations:
        set: { share: 50%, on_miss: get }
        get: { then: set, on_miss: set, share: 30% }
        hget: { share: 10%, then: mget }
        hlen: { keys: 5, share: 10% }
  - save: { operations: expire }
  - save: { operations: { rpush: { key: new } } }
  - read: { operations: { get: 50%, hget: { then: hset } } }"#,
        r#"
w.yaml:6:37: `set` reads nothing that could miss; leave `on_miss` out
  |
6 |         set: { share: 50%, on_miss: get }
  |                                     ^^^
w.yaml:7:22: `on_miss` and `then` both say what follows; leave one of them out
  |
7 |         get: { then: set, on_miss: set, share: 30% }
  |                      ^^^
w.yaml:9:23: `hlen` has no {keys} or {pairs} that could be 5; leave `keys` out
  |
9 |         hlen: { keys: 5, share: 10% }
  |                       ^
w.yaml:10:25: `expire` tells a time to live, which `ttl` must say, as in ttl: 1h
   |
10 |   - save: { operations: expire }
   |                         ^^^^^^
w.yaml:11:25: `rpush` inserts new keys behind those of the phase, and there are none: `keys` ends at 10000, the last there is; give the phase fewer, or raise `count`
   |
11 |   - save: { operations: { rpush: { key: new } } }
   |                         ^
w.yaml:12:37: `hget` needs its `share`, as in hget: { share: 5% }
   |
12 |   - read: { operations: { get: 50%, hget: { then: hset } } }
   |                                     ^^^^
"#,
    );
}

#[test]
fn settings_without_effect() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - save: { on_miss: set }
  - read: { ttl: 5s }"#,
        r#"
w.yaml:3:22: `save` reads nothing that could miss; leave `on_miss` out, or give it the operation get
  |
3 |   - save: { on_miss: set }
  |                      ^^^
w.yaml:4:18: `read` sends nothing that tells a time to live; leave `ttl` out, or give it the operation set
  |
4 |   - read: { ttl: 5s }
  |                  ^^
"#,
    );
}

#[test]
fn an_end_said_twice() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - save: { count: 5, for: 30s }"#,
        r#"
w.yaml:3:28: `count` and `for` both say when the phase ends; leave one of them out
  |
3 |   - save: { count: 5, for: 30s }
  |                            ^^^
"#,
    );
}

#[test]
fn keys_and_order_said_twice() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - read: { keys: { uniform: { range: 0..10 } }, order: zipfian }"#,
        r#"
w.yaml:3:57: `keys` says already how keys are drawn; leave `order` out, or write keys: 0..5000 (or all) beside it
  |
3 | ad: { keys: { uniform: { range: 0..10 } }, order: zipfian }
  |                                                   ^^^^^^^
"#,
    );
}

#[test]
fn counts_beyond_the_limits() {
    refused(
        r#"keys: { count: 100G }
phases:
  - save: { clients: 0 }
  - save: { clients: 20k, pipeline: 20k }
  - save: { count: 0 }
  - pause: 99d
repeat: 5000"#,
        r#"
w.yaml:1:16: `count` is 100000000000; allowed are 1 to 1000000000
  |
1 | keys: { count: 100G }
  |                ^^^^
w.yaml:3:22: `clients` is 0; allowed are 1 to 10000
  |
3 |   - save: { clients: 0 }
  |                      ^
w.yaml:4:22: `clients` is 20000; allowed are 1 to 10000
  |
4 |   - save: { clients: 20k, pipeline: 20k }
  |                      ^^^
w.yaml:4:37: `pipeline` is 20000; allowed are 1 to 10000
  |
4 |   - save: { clients: 20k, pipeline: 20k }
  |                                     ^^^
w.yaml:5:20: `count` is 0; allowed are 1 to 1000000000000
  |
5 |   - save: { count: 0 }
  |                    ^
w.yaml:6:12: 99d is too long; allowed are 30d at the most
  |
6 |   - pause: 99d
  |            ^^^
w.yaml:7:9: `repeat` is 5000; allowed are 1 to 1000
  |
7 | repeat: 5000
  |         ^^^^
"#,
    );
}

#[test]
fn values_beyond_the_limits() {
    refused(
        r#"keys: { count: 10000 }
values: { fixed: 513mb }
phases: [ save: { keys: all } ]"#,
        r#"
w.yaml:2:18: values of 513mb; a value has 512mb at the most, as in Redis
  |
2 | values: { fixed: 513mb }
  |                  ^^^^^
"#,
    );
}

#[test]
fn more_in_flight_than_memory_holds() {
    refused(
        r#"keys: { count: 10000 }
values: { fixed: 1mb }
phases:
  - save: { clients: 100, pipeline: 100 }"#,
        r#"
w.yaml:4:37: 100 clients times 100 in flight times values of 1mb are 10000mb at once; allowed are 4gb: lower `pipeline` or `clients`
  |
4 |   - save: { clients: 100, pipeline: 100 }
  |                                     ^^^
"#,
    );
}

#[test]
fn impossible_sizes() {
    refused(
        r#"keys: { count: 10000 }
values: { uniform: { min: 2kb, max: 1kb } }
phases: [ save: { keys: all } ]"#,
        r#"
w.yaml:2:37: `max` is 1kb, below `min`, 2kb; swap them
  |
2 | values: { uniform: { min: 2kb, max: 1kb } }
  |                                     ^^^
"#,
    );
}

#[test]
fn incomplete_sizes() {
    refused(
        r#"keys: { count: 10000 }
values: { lognormal: { max: 1kb } }
phases: [ save: { keys: all } ]"#,
        r#"
w.yaml:2:22: `median` is missing, as in lognormal: { median: 120b, sigma: 1.1 }
  |
2 | values: { lognormal: { max: 1kb } }
  |                      ^
w.yaml:2:22: `sigma` is missing, as in lognormal: { median: 120b, sigma: 1.1 }
  |
2 | values: { lognormal: { max: 1kb } }
  |                      ^
"#,
    );
}

#[test]
fn a_template_without_a_number() {
    refused(
        r#"keys: { name: key, count: 10000 }
values: { template: "v{i}{i}" }
phases: [ save: { keys: all } ]"#,
        r#"
w.yaml:1:15: `key` holds no number; wanted is a text with the key's number in it, such as key-{i}, or user:{i:08} for eight digits at least
  |
1 | keys: { name: key, count: 10000 }
  |               ^^^
w.yaml:2:21: `v{i}{i}` holds more than one number; write {i} once
  |
2 | values: { template: "v{i}{i}" }
  |                     ^^^^^^^^^
"#,
    );
}

#[test]
fn a_misplaced_indent() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - save:
    keys: all"#,
        r#"
w.yaml:3:5: found 2 keys side by side; a phase is one of save, read, flood, mix, replay, fan_out, pause or parallel (what belongs to `save` must stand further to the right)
  |
3 |   - save:
  |     ^
"#,
    );
}

#[test]
fn two_kinds_of_capacity() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
capacity: { keys: 6000, bytes: 2mb }"#,
        r#"
w.yaml:3:11: found 2 keys; a capacity is exactly one of as_configured, keys or bytes
  |
3 | capacity: { keys: 6000, bytes: 2mb }
  |           ^
"#,
    );
}

#[test]
fn no_capacity() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
capacity: { keys: 0 }"#,
        r#"
w.yaml:3:19: `keys` is 0; allowed are 1 to 1000000000
  |
3 | capacity: { keys: 0 }
  |                   ^
"#,
    );
}

#[test]
fn maxmemory_said_twice() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
capacity: { keys: 6000 }
target: { embedded: { maxmemory: 1mb } }"#,
        r#"
w.yaml:3:11: `capacity` sets maxmemory, and so does `target`; leave one of them out
  |
3 | capacity: { keys: 6000 }
  |           ^
"#,
    );
}

#[test]
fn names_that_clash() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - save: { name: one }
  - read: { name: one }
  - read: { name: server }
  - read: { name: "1 2" }"#,
        r#"
w.yaml:4:19: the name `one` is taken by another phase; names must differ
  |
4 |   - read: { name: one }
  |                   ^^^
w.yaml:5:19: `server` means something else in expectations; give the phase another name
  |
5 |   - read: { name: server }
  |                   ^^^^^^
w.yaml:6:19: `1 2` is not a name: a letter, then letters, digits, `_` and `-`, 64 at the most
  |
6 |   - read: { name: "1 2" }
  |                   ^^^^^
"#,
    );
}

#[test]
fn an_unknown_policy() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
target: { embedded: { maxmemory-policy: alkeys-lru } }
compare: { maxmemory-policy: [lru] }"#,
        r#"
w.yaml:3:41: unknown eviction policy `alkeys-lru`; known: noeviction, allkeys-lru, allkeys-lfu, allkeys-random, volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru-exact; did you mean `allkeys-lru`?
  |
3 | target: { embedded: { maxmemory-policy: alkeys-lru } }
  |                                         ^^^^^^^^^^
w.yaml:4:31: unknown eviction policy `lru`; known: noeviction, allkeys-lru, allkeys-lfu, allkeys-random, volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru-exact
  |
4 | compare: { maxmemory-policy: [lru] }
  |                               ^^^
"#,
    );
}

#[test]
fn a_misspelt_directive() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
target: { embedded: { maxmemory-sample: 5, clock: fast } }
compare: { maxmemory-polcy: [allkeys-lru] }"#,
        r#"
w.yaml:3:23: unknown directive `maxmemory-sample`; did you mean `maxmemory-samples`?
  |
3 | target: { embedded: { maxmemory-sample: 5, clock: fast } }
  |                       ^^^^^^^^^^^^^^^^
w.yaml:3:51: unknown clock `fast`; known: virtual, real
  |
3 | target: { embedded: { maxmemory-sample: 5, clock: fast } }
  |                                                   ^^^^
w.yaml:4:12: unknown directive `maxmemory-polcy`; did you mean `maxmemory-policy`?
  |
4 | compare: { maxmemory-polcy: [allkeys-lru] }
  |            ^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn a_comparison_of_nothing() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
compare: { maxmemory-samples: [], lfu-decay-time: [1, 1] }"#,
        r#"
w.yaml:3:31: `maxmemory-samples` has no values to compare; write two or more, as in [a, b]
  |
3 | compare: { maxmemory-samples: [], lfu-decay-time: [1, 1] }
  |                               ^
w.yaml:3:55: `1` is compared twice; leave one out (`repeat` runs every cell again)
  |
3 | are: { maxmemory-samples: [], lfu-decay-time: [1, 1] }
  |                                                   ^
"#,
    );
}

#[test]
fn too_many_cells() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
compare: { hz: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17], lfu-decay-time: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17] }"#,
        r#"
w.yaml:3:10: more than 256 cells; compare fewer values, or in several files
  |
3 | compare: { hz: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17], lfu-decay-time: [1, 2, 3
  |          ^
"#,
    );
}

#[test]
fn expectations_about_nothing() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
compare: { maxmemory-policy: [allkeys-lru] }
expect:
  - alkeys-lru: save.errors == 0
  - flood.errors == 0
  - save.eror_rate < 1%
  - survival.read > 50%
  - save.errors = 0
  - save.latency.p99 < 5
  - save"#,
        r#"
w.yaml:5:5: unknown cell `alkeys-lru`; known: allkeys-lru; did you mean `allkeys-lru`?
  |
5 |   - alkeys-lru: save.errors == 0
  |     ^^^^^^^^^^
w.yaml:6:5: unknown subject `flood`; known: save, survival, read_back, server
  |
6 |   - flood.errors == 0
  |     ^^^^^
w.yaml:7:10: unknown measure of `save`: `eror_rate`; known: operations, throughput, errors, error_rate, hits, misses, hit_ratio, corrupt, foreign, distinct, hottest_share, exponent, ideal_hit_ratio, latency.mean, latency.max, busiest_node_share, busiest_node_rate, latency.p50, latency.p99, latency.p99.9; did you mean `error_rate`?
  |
7 |   - save.eror_rate < 1%
  |          ^^^^^^^^^
w.yaml:8:14: unknown group of `survival`: `read`; known: fidelity
  |
8 |   - survival.read > 50%
  |              ^^^^
w.yaml:9:17: unknown comparison `=`; known: <, <=, ==, !=, >=, >
  |
9 |   - save.errors = 0
  |                 ^
w.yaml:10:24: `5` does not fit: the other side is a time (compare it with one such as 1ms)
   |
10 |   - save.latency.p99 < 5
   |                        ^
w.yaml:11:5: `save` compares nothing; write what is measured, one of <, <=, ==, !=, >=, >, and a number, as in mix.errors == 0
   |
11 |   - save
   |     ^^^^
"#,
    );
}

#[test]
fn an_expectation_in_quotes() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
expect: [ "save.eror_rate < 1%", 'sav.errors == 0' ]"#,
        r#"
w.yaml:3:17: unknown measure of `save`: `eror_rate`; known: operations, throughput, errors, error_rate, hits, misses, hit_ratio, corrupt, foreign, distinct, hottest_share, exponent, ideal_hit_ratio, latency.mean, latency.max, busiest_node_share, busiest_node_rate, latency.p50, latency.p99, latency.p99.9; did you mean `error_rate`?
  |
3 | expect: [ "save.eror_rate < 1%", 'sav.errors == 0' ]
  |                 ^^^^^^^^^
w.yaml:3:35: unknown subject `sav`; known: save, survival, read_back, server; did you mean `save`?
  |
3 | expect: [ "save.eror_rate < 1%", 'sav.errors == 0' ]
  |                                   ^^^
"#,
    );
}

#[test]
fn groups_with_impossible_names() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
survival: { groups: { fidelity: all, a b: all } }"#,
        r#"
w.yaml:3:23: `fidelity` means something else in expectations; give the group another name
  |
3 | survival: { groups: { fidelity: all, a b: all } }
  |                       ^^^^^^^^
w.yaml:3:38: `a b` is not a name: a letter, then letters, digits, `_` and `-`, 64 at the most
  |
3 | survival: { groups: { fidelity: all, a b: all } }
  |                                      ^^^
"#,
    );
}

#[test]
fn an_unknown_target() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
target: embeded"#,
        r#"
w.yaml:3:9: unknown target `embeded`; known: embedded, embedded-cluster, spawn:PROGRAM, redis://host:port/database, rediss://host:port/database, unix:///path; did you mean `embedded`?
  |
3 | target: embeded
  |         ^^^^^^^
"#,
    );
}

#[test]
fn a_cluster_that_cannot_be() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
target: { embedded-cluster: { masters: 0 } }"#,
        r#"
w.yaml:3:40: `0` masters; write a number from 1 to 100
  |
3 | target: { embedded-cluster: { masters: 0 } }
  |                                        ^
"#,
    );
}

#[test]
fn writes_that_cannot_be_read_back() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
values: { template: "value-{i}" }
read_back: true"#,
        r#"
w.yaml:4:12: what is acknowledged cannot be read back: a template has no room for a version; write a size, as in fixed: 100b
  |
4 | read_back: true
  |            ^^^^
"#,
    );
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
read_back: false
expect: [ read_back.lost == 0 ]"#,
        r#"
w.yaml:3:12: `read_back` is false, and an expectation asks for it; leave one of them out
  |
3 | read_back: false
  |            ^^^^^
"#,
    );
}

#[test]
fn events_that_cannot_be() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
target: embedded-cluster
events:
  - { phase: mix, at: 1s, kill: master 1 }
  - { phase: save, kill: master 4 }
  - { phase: save, at: 1s }
  - { phase: save, at: 1s, pause: master 1 }
  - { phase: save, at: 1s, kill: master 1, for: 1s }
  - { phase: save, at: 1s, partition: [replica 1], for: 1s }
  - { phase: save, at: 1s, failover: master 1 }
  - { phase: save, at: 1s, migrate-slots: { from: master 1, to: master 1, slots: 5..20000 } }
  - { phase: save, at: 1s, migrate-slots: { from: master 1 } }"#,
        r#"
w.yaml:5:14: unknown phase `mix`; known: save
  |
5 |   - { phase: mix, at: 1s, kill: master 1 }
  |              ^^^
w.yaml:6:5: `at` is missing, as in at: 3s
  |
6 |   - { phase: save, kill: master 4 }
  |     ^
w.yaml:6:26: `master 4` is no node of the cluster for that: there are master 1 to master 3
  |
6 |   - { phase: save, kill: master 4 }
  |                          ^^^^^^^^
w.yaml:7:5: an event has exactly one of kill, restart, pause, partition, failover or migrate-slots, as in kill: master 1
  |
7 |   - { phase: save, at: 1s }
  |     ^
w.yaml:8:5: `for` is missing: how long does the pause last, as in for: 2s?
  |
8 |   - { phase: save, at: 1s, pause: master 1 }
  |     ^
w.yaml:9:49: `for` has no meaning beside `kill`; it is for `pause` and `partition`
  |
9 |   - { phase: save, at: 1s, kill: master 1, for: 1s }
  |                                                 ^^
w.yaml:10:40: `replica 1` is no node of the cluster for that: there are master 1 to master 3
   |
10 |   - { phase: save, at: 1s, partition: [replica 1], for: 1s }
   |                                        ^^^^^^^^^
w.yaml:11:38: `master 1` is no node of the cluster for that: it has no replicas; write replicas: 1 at the target
   |
11 |   - { phase: save, at: 1s, failover: master 1 }
   |                                      ^^^^^^^^
w.yaml:12:43: `from` and `to` are the same node
   |
12 |   - { phase: save, at: 1s, migrate-slots: { from: master 1, to: master 1, slots: 5..20000 } }
   |                                           ^
w.yaml:12:82: `5..20000` is not a range of hash slots such as 0..1000 (the end not included, 16384 at the most)
   |
12 | ate-slots: { from: master 1, to: master 1, slots: 5..20000 } }
   |                                                   ^^^^^^^^
w.yaml:13:43: `to` is missing, as in migrate-slots: { from: master 1, to: master 2, slots: 0..1000 }
   |
13 |   - { phase: save, at: 1s, migrate-slots: { from: master 1 } }
   |                                           ^
"#,
    );
}

#[test]
fn events_of_somebodys_cluster() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
target: { endpoint: { url: "redis://localhost", cluster: true } }
events:
  - { phase: save, at: 1s, kill: master 9 }
  - { phase: save, at: 1s, failover: replica 9 }"#,
        r#"
w.yaml:3:9: `events` change which node has which slot; redis://localhost:6379/0 is an endpoint with somebody's data, perhaps: if it may, write target: { endpoint: { url: …, allow: [cluster] } }
  |
3 | target: { endpoint: { url: "redis://localhost", cluster: true } }
  |         ^
w.yaml:5:34: `kill` can be done to a cluster of ours alone; to somebody's, failover or migrate-slots
  |
5 |   - { phase: save, at: 1s, kill: master 9 }
  |                                  ^^^^^^^^
"#,
    );
}

#[test]
fn nodes_to_compare_that_cannot_be() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all }, read: { keys: all, read_from: replicas } ]
target: embedded-cluster
compare: { masters: [3, 0] }"#,
        r#"
w.yaml:3:9: `read_from` is about the replicas of a cluster, and here are none; write embedded-cluster: { replicas: 1 }
  |
3 | target: embedded-cluster
  |         ^^^^^^^^^^^^^^^^
w.yaml:4:25: `0` masters; write a number from 1 to 100
  |
4 | compare: { masters: [3, 0] }
  |                         ^
"#,
    );
}

#[test]
fn nodes_to_compare_of_one_server() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
compare: { masters: [3, 6] }"#,
        r#"
w.yaml:3:12: `masters` are of a cluster of ours; drive embedded-cluster
  |
3 | compare: { masters: [3, 6] }
  |            ^^^^^^^
"#,
    );
}

#[test]
fn a_capacity_of_a_cluster() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
target: embedded-cluster
capacity: { keys: 100 }"#,
        r#"
w.yaml:3:9: `capacity` is found out on one server; on a cluster write `maxmemory`, which is each node's, among its directives
  |
3 | target: embedded-cluster
  |         ^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn an_endpoint_that_must_not_be_touched() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
target: redis://cache.example:6380/2
compare: { maxmemory-policy: [allkeys-lru, allkeys-lfu] }"#,
        r#"
w.yaml:3:9: `compare` sets directives, which takes CONFIG SET, and every cell and repetition begins on an empty server, which takes FLUSHALL; redis://cache.example:6380/2 is an endpoint with somebody's data, perhaps: if it may, write target: { endpoint: { url: …, allow: [config, flush] } }
  |
3 | target: redis://cache.example:6380/2
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn an_endpoint_without_an_address() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
target: { endpoint: { allow: [flsh] } }"#,
        r#"
w.yaml:3:9: `url` is missing, as in endpoint: { url: redis://localhost:6379 }
  |
3 | target: { endpoint: { allow: [flsh] } }
  |         ^
w.yaml:3:31: unknown permission `flsh`; known: flush, config, cluster; did you mean `flush`?
  |
3 | target: { endpoint: { allow: [flsh] } }
  |                               ^^^^
"#,
    );
}

#[test]
fn an_endpoint_with_a_bad_address() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
target: { endpoint: { url: "http://localhost" } }"#,
        r#"
w.yaml:3:28: `http://localhost` is no address; write redis://[user:password@]host[:port][/database], rediss:// for TLS, or unix:///path
  |
3 | target: { endpoint: { url: "http://localhost" } }
  |                            ^^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn nothing_written() {
    refused(
        r#"keys:
phases:"#,
        r#"
w.yaml:1:5: found nothing; wanted is a map with `count` and perhaps `name`
  |
1 | keys:
  |     ^
w.yaml:2:7: found nothing; wanted is a list
  |
2 | phases:
  |       ^
"#,
    );
}

#[test]
fn an_empty_file() {
    refused(
        r#"# a workload, one day"#,
        r#"
w.yaml:1:1: the file is empty; a workload needs `keys` and `phases` at least
  |
1 | # a workload, one day
  | ^
"#,
    );
}

#[test]
fn a_list_for_a_workload() {
    refused(
        r#"- save
- read"#,
        r#"
w.yaml:1:1: found a list; wanted is a map with the keys of a workload
  |
1 | - save
  | ^
"#,
    );
}

#[test]
fn a_text_for_a_workload() {
    refused(
        r#"save all the keys"#,
        r#"
w.yaml:1:1: found the text `save all the keys`; wanted is a map with the keys of a workload
  |
1 | save all the keys
  | ^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn no_yaml() {
    refused(
        r#"keys: { count: 10000 
phases: [ save ]"#,
        r#"
w.yaml:2:7: not readable as YAML: while parsing a flow mapping, did not find expected ',' or '}'
  |
2 | phases: [ save ]
  |       ^
"#,
    );
}

#[test]
fn tabs() {
    refused(
        r#"keys:
	count: 10000"#,
        r#"
w.yaml:2:2: not readable as YAML: tabs disallowed within this context (block indentation)
  |
2 |  count: 10000
  |  ^
"#,
    );
}

#[test]
fn a_key_said_twice() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
keys: { count: 5 }"#,
        r#"
w.yaml:3:1: not readable as YAML: duplicate mapping key `keys` is not allowed here
  |
3 | keys: { count: 5 }
  | ^^^^
"#,
    );
}

#[test]
fn two_documents() {
    refused(
        r#"keys: { count: 10000 }
phases: [ save: { keys: all } ]
---
keys: { count: 10000 }
phases: [ save: { keys: all } ]"#,
        r#"
w.yaml:4:1: not readable as YAML: only single YAML document expected but multiple found
  |
4 | keys: { count: 10000 }
  | ^
"#,
    );
}

#[test]
fn an_unknown_alias() {
    refused(
        r#"keys: *all
phases: [ save: { keys: all } ]"#,
        r#"
w.yaml:1:7: not readable as YAML: reference to unknown value
  |
1 | keys: *all
  |       ^
"#,
    );
}

const GOOD: &str = "keys: { count: 10000 }\nphases:\n  - save: { keys: all }\n";

fn refused_set(setting: &str, told: &str) {
    refused_with(
        GOOD,
        &Overrides {
            set: vec![setting.to_owned()],
            ..Overrides::default()
        },
        told,
    );
}

#[test]
fn settings_from_the_command_line() {
    refused_set(
        "keys.count",
        "--set keys.count: write PATH=VALUE, as in --set keys.count=1M or --set phases.mix.rate=10k/s",
    );
    refused_set(
        "keys.cuont=5",
        "--set keys.cuont: unknown key `cuont`; known: name, count; did you mean `count`?\n  |\n1 | 5\n  | ^",
    );
    refused_set(
        "phases.svae.keys=all",
        "--set phases.svae.keys: unknown item of `phases`: `svae`; known: save; did you mean `save`?\n  |\n1 | all\n  | ^^^",
    );
    refused_set(
        "phases.save.keys=0..90k",
        "--set phases.save.keys: the range 0..90000 leads beyond the keys there are, 0..10000 (`keys: count`)\n  |\n1 | 0..90k\n  | ^^^^^^",
    );
    refused_set(
        "keys.count.x=5",
        "--set keys.count.x: `keys.count` is the text `10000`, which has no key `x`; set `keys.count` as a whole\n  |\n1 | 5\n  | ^",
    );
    refused_set(
        "seed=[1",
        "--set seed: not readable as YAML: unclosed bracket '['\n  |\n1 | [1\n  | ^",
    );
}

#[test]
fn targets_from_the_command_line() {
    let target = |target: &str| Overrides {
        target: Some(target.to_owned()),
        ..Overrides::default()
    };
    refused_with(
        GOOD,
        &target("unix://tmp/s"),
        "--target: `unix://tmp/s` names no socket; write its whole path, as in unix:///run/redis.sock",
    );
    refused_with(
        GOOD,
        &Overrides {
            allow: vec!["config".into()],
            ..Overrides::default()
        },
        "--allow: this is about the endpoint given with --target; for a target in the file, write allow: [...] there",
    );
    refused_with(
        &format!("{GOOD}repeat: 2\n"),
        &target("redis://host"),
        "--target: every cell and repetition begins on an empty server, which takes FLUSHALL; redis://host:6379/0 is an endpoint with somebody's \
         data, perhaps: if it may, add --allow flush",
    );
    let allow = Overrides {
        allow: vec!["flsh".into()],
        ..target("redis://host")
    };
    refused_with(
        GOOD,
        &allow,
        "--allow: unknown permission `flsh`; known: flush, config, cluster; did you mean `flush`?\n  |\n1 | flsh\n  | ^^^^",
    );
}

/// A password on the command line is in no message.
#[test]
fn passwords_are_not_shown() {
    let overrides = Overrides {
        target: Some("redis://ann:secret@host:0".into()),
        ..Overrides::default()
    };
    let told = load("w.yaml", GOOD, &overrides).unwrap_err().to_string();
    assert_eq!(told, "--target: `0` is no port; ports are 1 to 65535");
}

/// What would take a machine down is refused in a moment, and nothing overflows.
#[test]
fn bombs() {
    let mut aliases = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        aliases += &format!("a{level}: &a{level} [{below}]\n");
    }
    let phases = format!(
        "keys: {{ count: 1 }}\nphases: [{}]\n",
        vec!["save"; 200].join(", ")
    );
    let expects = format!(
        "{GOOD}expect: [{}]\n",
        vec!["save.errors == 0"; 2000].join(", ")
    );
    let groups: Vec<String> = (0..200).map(|group| format!("g{group}: all")).collect();
    let groups = format!(
        "{GOOD}survival: {{ groups: {{ {} }} }}\n",
        groups.join(", ")
    );
    let probed = "keys: { count: 1G }\nphases: [ save ]\nsurvival: {}\n".to_owned();
    for text in [
        aliases,
        phases,
        expects,
        groups,
        probed,
        "[".repeat(1 << 20),
        "a: ".repeat(1 << 18),
        " ".repeat(2 << 20),
        "\"".to_owned(),
    ] {
        assert!(load("w.yaml", &text, &Overrides::default()).is_err());
    }
}

/// What a phase that draws its keys so is told, excerpts left out.
fn told_of_keys(keys: &str) -> String {
    first_lines(&format!(
        "keys: {{ count: 100 }}\nphases:\n  - read: {{ keys: {keys} }}"
    ))
}

/// What `text` is told, excerpts left out.
fn first_lines(text: &str) -> String {
    let problems = load("w.yaml", text, &Overrides::default()).unwrap_err();
    let sentences: Vec<String> = problems
        .texts()
        .map(|text| text.lines().next().unwrap_or_default().to_owned())
        .collect();
    sentences.join("\n")
}

#[test]
fn distributions_without_sense() {
    for (keys, told) in [
        (
            "{ hotspto: {} }",
            "w.yaml:3:21: unknown distribution `hotspto`; known: sequential, uniform, zipfian, ycsb_zipfian, hotspot, latest, gaussian, exponential, popularity; did you mean `hotspot`?",
        ),
        (
            "{ hotspot: { kyes: 5% } }",
            "w.yaml:3:32: unknown key `kyes`; known: keys, requests, range, scattered; did you mean `keys`?",
        ),
        (
            "{ hotspot: { keys: 100% } }",
            "w.yaml:3:38: a hot spot is more than none and less than all of the keys; write `keys` between 0% and 100%",
        ),
        (
            "{ hotspot: { keys: 0.1% } }",
            "w.yaml:3:38: 0.1% of the phase's 100 keys is none; write a larger share",
        ),
        (
            "{ gaussian: { deviation: 0% } }",
            "w.yaml:3:44: a bell without width is one key; write a `deviation` above 0%",
        ),
        (
            "{ exponential: { keys: 0%, requests: 100% } }",
            "w.yaml:3:42: no keys cannot get any requests; write `keys` above 0%\n\
             w.yaml:3:56: an exponential law gives its keys more than none and less than all of the requests; write `requests` between 0% and 100%",
        ),
        (
            "{ latest: { exponent: 4 } }",
            "w.yaml:3:41: `exponent` is 4; allowed are 0 to 3",
        ),
        (
            "{ latest: { scattered: true } }",
            "w.yaml:3:31: unknown key `scattered`; known: exponent, range",
        ),
        (
            "{ zipfian: { scattered: yes } }",
            "w.yaml:3:43: `yes` is not true or false",
        ),
        (
            "0..50, order: { zipfian: { range: 0..50 } }",
            "w.yaml:3:53: in `order` a distribution is over the phase's `keys`; leave `range` out, or write the whole in `keys`",
        ),
    ] {
        assert_eq!(told_of_keys(keys), told);
    }
}

#[test]
fn pieces_that_make_no_whole() {
    for (popularity, told) in [
        (
            "",
            "w.yaml:3:19: `pieces` is missing, as in popularity: { pieces: [ { keys: 1%, requests: 50% }, { keys: 99%, requests: 50% } ] }; or name a `file`",
        ),
        (
            "file: shares.csv, pieces: [ { keys: 100%, requests: 100% } ]",
            "w.yaml:3:41: `pieces` and `file` both say how popular keys are; leave one of them out",
        ),
        (
            "pieces: [ { keys: 1%, requests: 60% }, { keys: 98%, requests: 40% } ]",
            "w.yaml:3:43: the shares of `keys` add up to 99%; they must add up to 100%",
        ),
        (
            "pieces: [ { keys: 1%, requests: 60% }, { keys: 99% } ]",
            "w.yaml:3:74: a piece has both, as in { keys: 1%, requests: 50% }",
        ),
        (
            "pieces: [ { keys: 0.1%, requests: 60% }, { keys: 99.9%, requests: 40% } ]",
            "w.yaml:3:45: 0.1% of the phase's 100 keys is none; write a larger share",
        ),
        (
            "file: shares.csv",
            "w.yaml:3:41: shares.csv cannot be read here; list its rows instead",
        ),
    ] {
        assert_eq!(
            told_of_keys(&format!("{{ popularity: {{ {popularity} }} }}")),
            told
        );
    }
}

/// What is wrong in a file that the workload names is told where it stands in that file.
#[test]
fn a_file_that_is_no_popularity() {
    let workload =
        "keys: { count: 100 }\nphases: [ read: { keys: { popularity: { file: shares.csv } } } ]";
    let told = |text: &str| {
        let read = |_: &str| Ok(text.to_owned());
        match load_with_files("w.yaml", workload, &Overrides::default(), &read) {
            Ok(_) => "nothing".to_owned(),
            Err(problems) => problems.to_string(),
        }
    };
    assert_eq!(told("10%,60%\n90%,40%"), "nothing");
    assert_eq!(
        told("keys,requests\n10%,60%\n20%;40%\n70%,half\n"),
        "\
shares.csv:3:1: found 1 cell; a row is `keys,requests`
  |
3 | 20%;40%
  | ^^^^^^^
shares.csv:4:1: `half` is not a share such as 95% or 0.95
  |
4 | 70%,half
  | ^^^^^^^^"
    );
    let at_its_name = "
  |
2 | phases: [ read: { keys: { popularity: { file: shares.csv } } } ]
  |                                               ^^^^^^^^^^";
    assert_eq!(
        told("10%,60%\n90%,30%\n"),
        "w.yaml:2:47: the shares of `requests` add up to 90%; they must add up to 100%".to_owned()
            + at_its_name
    );
    assert_eq!(
        told("# nothing\n"),
        "w.yaml:2:47: shares.csv holds no row; each is a line `keys,requests`".to_owned()
            + at_its_name
    );
}

#[test]
fn a_replay_of_nothing() {
    refused(
        r#"keys: { count: 10000 }
phases: [ replay: { clients: 2 } ]"#,
        r#"
w.yaml:2:11: a replay needs the format of its trace: oracle_general, csv, twitter, ids or monitor
  |
2 | phases: [ replay: { clients: 2 } ]
  |           ^
w.yaml:2:11: a replay needs its trace, as in file: traces/web.csv
  |
2 | phases: [ replay: { clients: 2 } ]
  |           ^
"#,
    );
}

#[test]
fn a_replay_that_contradicts_itself() {
    refused(
        r#"keys: { count: 10000 }
phases:
  - replay: { file: t, format: ids, speed: 2x, columns: { key: id }, for: 1s, limit: 5, on_miss: get }
  - replay: { file: t, format: csv, speed: 5 }"#,
        r#"
w.yaml:3:44: this trace does not tell when requests were made; write as_fast_as_possible, or name its `time` column
  |
3 |   - replay: { file: t, format: ids, speed: 2x, columns: { key: id }, for: 1s, limit: 5, on_miss: get
  |                                            ^^
w.yaml:3:57: only csv has columns with names; leave `columns` out, or write format: csv
  |
3 | play: { file: t, format: ids, speed: 2x, columns: { key: id }, for: 1s, limit: 5, on_miss: get }
  |                                                   ^
w.yaml:3:75: `for` and `limit` say both when the replay ends; leave one out
  |
3 | ormat: ids, speed: 2x, columns: { key: id }, for: 1s, limit: 5, on_miss: get }
  |                                                   ^^
w.yaml:3:98: unknown follower of a recorded read `get`; known: nothing, set; did you mean `set`?
  |
3 | columns: { key: id }, for: 1s, limit: 5, on_miss: get }
  |                                                   ^^^
w.yaml:4:32: csv needs the names of its columns, as in columns: { key: key, time: time, size: size }
  |
4 |   - replay: { file: t, format: csv, speed: 5 }
  |                                ^^^
w.yaml:4:44: `5` is not a speed such as as_recorded, 10x or as_fast_as_possible
  |
4 |   - replay: { file: t, format: csv, speed: 5 }
  |                                            ^
"#,
    );
}

/// What values or times to live are told that make no sense, excerpts left out.
#[test]
fn values_without_sense() {
    for (values, told) in [
        (
            "values: { fixde: 5b }",
            "w.yaml:1:11: unknown key `fixde`; known: template, fixed, uniform, lognormal, histogram, contents, verify; did you mean `fixed`?",
        ),
        (
            "values: { fixed: 5b, uniform: { max: 9b } }",
            "w.yaml:1:31: `fixed` and `uniform` both say what values are; leave one of them out",
        ),
        (
            "values: { fixed: 20b, verify: true }",
            "w.yaml:1:31: what is verified takes 24 bytes of each value, and some are of 20b; make them longer, or leave `verify` out",
        ),
        (
            "values: { template: \"v{i}\", verify: true }",
            "w.yaml:1:37: a template says what its values are; leave `verify` out, or write a size, as in fixed: 100b",
        ),
        (
            "values: { contents: { compressible: 0.5 } }",
            "w.yaml:1:37: `compressible` is 0.5; allowed are 1 to 64",
        ),
        (
            "values: { contents: randon }",
            "w.yaml:1:21: unknown contents `randon`; known: text, random, compressible; did you mean `random`?",
        ),
        (
            "values: { histogram: [ { size: 1kb } ] }",
            "w.yaml:1:24: a size has a weight, as in { size: 100b, weight: 3 }",
        ),
        (
            "values: { histogram: [ { size: 1kb, weight: 0 } ] }",
            "w.yaml:1:22: no size has a weight; give one or more of them a `weight` above 0",
        ),
        (
            "values: { histogram: { file: sizes.csv } }",
            "w.yaml:1:30: sizes.csv cannot be read here; list its rows instead",
        ),
    ] {
        assert_eq!(
            first_lines(&format!("{values}\nkeys: {{ count: 5 }}\nphases: [ save ]")),
            told
        );
    }
}

#[test]
fn times_to_live_without_sense() {
    for (ttl, told) in [
        (
            "30s ± 10s",
            "w.yaml:2:24: `10s` is not a share such as 95% or 0.95",
        ),
        (
            "{ unifrom: { max: 5s } }",
            "w.yaml:2:26: unknown ttl `unifrom`; known: uniform, lognormal, exponential; did you mean `uniform`?",
        ),
        (
            "{ uniform: { min: 5s, max: 2s } }",
            "w.yaml:2:51: `max` is 2s, below `min`, 5s; swap them",
        ),
        (
            "{ exponential: {} }",
            "w.yaml:2:24: `mean` is missing, as in exponential: { mean: 5m }",
        ),
    ] {
        assert_eq!(
            first_lines(&format!(
                "keys: {{ count: 5 }}\nphases: [ save: {{ ttl: {ttl} }} ]"
            )),
            told
        );
    }
    assert_eq!(
        first_lines("keys: { count: 5 }\nphases: [ read ]\nexpect: [ read.corrupt == 0 ]"),
        "w.yaml:3:16: `read` verifies nothing; write verify: true in `values`, and let it get"
    );
}

#[test]
fn key_spaces_with_flaws() {
    refused(
        r#"keys:
  all: { count: 10 }
  users: { weight: 2 }
  items: { count: 10, name: "users:1{i}", values: { fixed: 8b, verify: true } }
phases: [ save: { keys: usres } ]"#,
        r#"
w.yaml:2:3: `all` means all keys; give the key space another name
  |
2 |   all: { count: 10 }
  |   ^^^
w.yaml:3:10: `count` is missing; write how many keys there are in it, as in users: { count: 10000 }
  |
3 |   users: { weight: 2 }
  |          ^
w.yaml:4:29: keys of this space may be spelt as those of `users`; give it another `name`
  |
4 |   items: { count: 10, name: "users:1{i}", values: { fixed: 8b, verify: true } }
  |                             ^^^^^^^^^^^^
w.yaml:4:72: either all values are verified or none; write `verify` in the `values` of the workload
  |
4 |  name: "users:1{i}", values: { fixed: 8b, verify: true } }
  |                                                   ^^^^
w.yaml:4:72: what is verified takes 24 bytes of each value, and some are of 8b; make them longer, or leave `verify` out
  |
4 |  name: "users:1{i}", values: { fixed: 8b, verify: true } }
  |                                                   ^^^^
"#,
    );
}

#[test]
fn key_spaces_that_are_not_there_or_there_twice() {
    refused(
        r#"keys: { users: { count: 10, weight: 0 }, items: { count: 5, weight: 0 } }
values: { fixed: 100b, verify: true }
phases:
  - save: { keys: usres }
  - read: { keys: { uniform: { range: itmes } } }
  - save: { keys: users, operations: { set: { key: new } } }
survival: { groups: { users: 0..5 } }
expect: [ "read.items.hitratio > 1%" ]"#,
        r#"
w.yaml:1:7: no key space has a weight; give one or more of them a `weight` above 0
  |
1 | keys: { users: { count: 10, weight: 0 }, items: { count: 5, weight: 0 } }
  |       ^
w.yaml:4:19: unknown range or distribution `usres`; known: all, 0..5000, users, items, sequential, uniform, zipfian, ycsb_zipfian, hotspot, latest, gaussian, exponential; did you mean `users`?
  |
4 |   - save: { keys: usres }
  |                   ^^^^^
w.yaml:5:39: unknown range `itmes`; known: all, 0..5000, users, items; did you mean `items`?
  |
5 |   - read: { keys: { uniform: { range: itmes } } }
  |                                       ^^^^^
w.yaml:6:19: `set` inserts new keys behind those of the phase, and there are none: `keys` ends at 10, the last there is; give the phase fewer, or raise `count`
  |
6 |   - save: { keys: users, operations: { set: { key: new } } }
  |                   ^^^^^
w.yaml:7:23: `users` is a key space, and so a group already; leave this out, or give it another name
  |
7 | survival: { groups: { users: 0..5 } }
  |                       ^^^^^
w.yaml:8:23: unknown measure of `items`: `hitratio`; known: hits, misses, hit_ratio; did you mean `hit_ratio`?
  |
8 | expect: [ "read.items.hitratio > 1%" ]
  |                       ^^^^^^^^
"#,
    );
}

#[test]
fn an_operation_with_a_key_space_that_is_not_there() {
    refused(
        r#"keys: { users: { count: 10 }, items: { count: 5 } }
phases:
  - read: { operations: { get: { keyspace: itmes } } }
  - save: { keys: 0..5, operations: { set: { key: new, keyspace: items } } }"#,
        r#"
w.yaml:3:44: unknown key space `itmes`; known: users, items; did you mean `items`?
  |
3 |   - read: { operations: { get: { keyspace: itmes } } }
  |                                            ^^^^^
w.yaml:4:66: new keys stand behind those of the phase; leave `keyspace` or `key: new` out
  |
4 | s: 0..5, operations: { set: { key: new, keyspace: items } } }
  |                                                   ^^^^^
"#,
    );
    refused(
        r#"keys: { count: 10 }
phases:
  - read: { operations: { get: { keyspace: users } } }"#,
        r#"
w.yaml:3:44: the keys are all of one kind; leave `keyspace` out, or name spaces in `keys`
  |
3 |   - read: { operations: { get: { keyspace: users } } }
  |                                            ^^^^^
"#,
    );
}

#[test]
fn a_fan_out_with_flaws() {
    refused(
        r#"keys: { count: 10 }
phases:
  - fan_out: { channels: 5, subscribers: 3, values: { fixed: 20b } }
  - save: {}
expect: [ save.lost == 0 ]"#,
        r#"
w.yaml:3:5: `fan_out` would never end; write for: 30s or count: 100k
  |
3 |   - fan_out: { channels: 5, subscribers: 3, values: { fixed: 20b } }
  |     ^
w.yaml:3:42: 3 subscribers for 5 channels, each of which hears one, leave channels that nobody hears; write 5 or more, or subscribe: pattern
  |
3 |   - fan_out: { channels: 5, subscribers: 3, values: { fixed: 20b } }
  |                                          ^
w.yaml:3:53: messages of 20b; each takes 32 bytes to tell when it was due: make them longer
  |
3 | - fan_out: { channels: 5, subscribers: 3, values: { fixed: 20b } }
  |                                                   ^
w.yaml:5:16: `save` delivers nothing; that is measured of a fan_out
  |
5 | expect: [ save.lost == 0 ]
  |                ^^^^
"#,
    );
}

#[test]
fn what_is_read_and_could_not_be_verified() {
    refused(
        r#"keys: { count: 10 }
values: { fixed: 100b, verify: true }
phases:
  - mix: { operations: { get: 50%, mget: 50% }, count: 10 }
  - replay: { file: traces/web.csv, format: ids }"#,
        r#"
w.yaml:4:24: `mget` reads several values in one reply, and only those that get reads are verified; let it get, or leave `verify` out of `values`
  |
4 |   - mix: { operations: { get: 50%, mget: 50% }, count: 10 }
  |                        ^
w.yaml:5:5: values are verified, and those that a replay writes are as long as its trace says and cannot be; leave `verify` out of `values`
  |
5 |   - replay: { file: traces/web.csv, format: ids }
  |     ^
"#,
    );
}
