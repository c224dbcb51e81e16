//! An endpoint is somebody's data.

use cachebench::runner::RunError;

use crate::{Allow, phases, plan_for, redis, run};

const TWICE: &str = "
name: courtesy
keys: { count: 100 }
phases: [ save: { keys: all }, read: { keys: 0..10 } ]
survival: { groups: { all: 0..100 } }
repeat: 2
";

#[test]
fn other_peoples_keys_are_left_alone_and_ours_are_taken_away() {
    let Some(server) = redis(&[]) else { return };
    let mut connection = server.connect();
    redis::cmd("MSET")
        .arg(&["key-1", "theirs", "other", "theirs too"])
        .exec(&mut connection)
        .expect("MSET");
    let recording = run(&plan_for(&server, TWICE, Allow::Nothing), |_| ()).expect("a recording");
    assert_eq!(phases(&recording)[1].hits, 10);
    assert_eq!(
        recording.cells[0].repetitions[1]
            .survival
            .as_ref()
            .map(|survival| survival.present),
        Some(100)
    );
    let mut keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query(&mut connection)
        .expect("KEYS");
    keys.sort();
    assert_eq!(keys, ["key-1", "other"]);
    let stats: String = redis::cmd("INFO")
        .arg("commandstats")
        .query(&mut connection)
        .expect("INFO");
    for forbidden in ["flush", "config|set", "shutdown", "debug"] {
        assert!(!stats.contains(&format!("cmdstat_{forbidden}")), "{stats}");
    }
}

#[test]
fn what_is_not_allowed_is_refused_before_anything_is_sent() {
    let Some(server) = redis(&[]) else { return };
    let yaml = TWICE.replace("repeat: 2", "capacity: { keys: 50 }");
    let error = run(&plan_for(&server, &yaml, Allow::Nothing), |_| ()).expect_err("a refusal");
    assert!(
        matches!(&error, RunError::NotAllowed(why) if why.contains("allow: [config]")),
        "{error}"
    );
}

#[test]
fn a_memory_limit_does_not_put_other_peoples_keys_at_stake() {
    let Some(server) = redis(&[]) else { return };
    redis::cmd("SET")
        .arg(&["other", "theirs"])
        .exec(&mut server.connect())
        .expect("SET");
    let mut plan = plan_for(
        &server,
        &TWICE.replace("repeat: 2", "capacity: { keys: 50 }"),
        Allow::All,
    );
    if let cachebench::workload::plan::Target::Endpoint(endpoint) = &mut plan.target {
        endpoint.allow_flush = false;
    }
    let error = run(&plan, |_| ()).expect_err("a refusal");
    assert!(
        error
            .to_string()
            .contains("1 keys that cachebench has not written"),
        "{error}"
    );
}

#[test]
fn directives_are_set_back() {
    let Some(server) = redis(&["--maxmemory-policy", "allkeys-lfu"]) else {
        return;
    };
    let yaml = TWICE.replace(
        "repeat: 2",
        "capacity: { bytes: 100mb }\ncompare: { maxmemory-policy: [allkeys-lru, noeviction] }",
    );
    let recording = run(&plan_for(&server, &yaml, Allow::All), |_| ()).expect("a recording");
    assert_eq!(recording.cells[1].repetitions[0].maxmemory_bytes, 100 << 20);
    let after: Vec<String> = redis::cmd("CONFIG")
        .arg(&["GET", "maxmemory*"])
        .query(&mut server.connect())
        .expect("CONFIG GET");
    let value = |name: &str| {
        after
            .iter()
            .skip_while(|word| *word != name)
            .nth(1)
            .cloned()
    };
    assert_eq!(
        (value("maxmemory"), value("maxmemory-policy")),
        (Some("0".to_owned()), Some("allkeys-lfu".to_owned()))
    );
}
