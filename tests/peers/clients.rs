//! Programs written for Redis, against `cachebench serve`.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::{Kind, Server, program_or_skip};

#[test]
fn redis_py_works() {
    let Some(python) = program_or_skip("python-redis", "redis-py against `cachebench serve`")
    else {
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/redis_py.py");
    let server = Server::start(Kind::Cachebench, &[]).expect("ours is always here");
    let output = Command::new(python)
        .arg(script)
        .arg(server.port.to_string())
        .output();
    let output = output.expect("python runs");
    assert_eq!(succeeded(&output), "done\n");
}

#[test]
fn redis_benchmark_completes() {
    let Some(generator) = program_or_skip(
        "redis-benchmark",
        "redis-benchmark against `cachebench serve`",
    ) else {
        return;
    };
    let server = Server::start(Kind::Cachebench, &[]).expect("ours is always here");
    for pipeline in ["1", "16"] {
        let output = Command::new(&generator)
            .args([
                "-p",
                &server.port.to_string(),
                "-q",
                "-n",
                "3000",
                "-r",
                "100",
                "-P",
                pipeline,
            ])
            .args(["-t", "ping,set,get,incr,mset"])
            .output()
            .expect("redis-benchmark runs");
        let text = succeeded(&output);
        for test in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET"] {
            assert!(text.contains(test), "{test} in {text}");
        }
        assert!(!text.contains("WARNING"), "{text}");
    }
    assert!(server.info("total_commands_processed") >= 2 * 6 * 3000);
}

/// What it printed; its complaints where it failed.
fn succeeded(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}\n{text}\n{complaints}",
        output.status
    );
    text
}
