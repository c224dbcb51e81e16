//! `redis-cli --cluster` and `redis-cli -c`, as an operator uses them: every step ends well, and no key is lost.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use embedded_server::{Handle, Options, Server};

use crate::client::{Client, wait_until};
use crate::peer::free_port;

const KEYS: usize = 300;

fn node(folder: &Path, name: &str) -> Handle {
    let folder = folder.join(name);
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("redis.conf");
    std::fs::write(&file, "").unwrap();
    let mut options = Options::default();
    for (name, value) in [
        ("port", free_port().to_string()),
        ("cluster-enabled", "yes".into()),
        ("dir", folder.display().to_string()),
    ] {
        options.config.set(name, &value).unwrap();
    }
    options.config_file = Some(file);
    Server::start(options).unwrap()
}

/// What redis-cli prints; it must end well. Nothing where it is not installed.
fn redis_cli(arguments: &[&str], input: &str) -> Option<String> {
    let process = Command::new("redis-cli")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut process) = process else {
        println!("SKIPPED: redis-cli not found");
        return None;
    };
    process
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = process.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "redis-cli {arguments:?}:\n{text}");
    Some(text)
}

fn keys(nodes: &[Handle]) -> usize {
    let size = |node: &Handle| {
        Client::connect(node.addr()).ask("DBSIZE")[1..]
            .parse::<usize>()
            .unwrap()
    };
    nodes.iter().map(size).sum()
}

#[test]
fn redis_cli_forms_grows_and_shrinks_a_cluster_and_no_key_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let nodes: Vec<Handle> = ["a", "b", "c", "d"]
        .map(|name| node(folder.path(), name))
        .into();
    let addresses: Vec<String> = nodes.iter().map(|node| node.addr().to_string()).collect();
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|index| addresses[index].as_str());
    let cluster = |arguments: &[&str]| redis_cli(&[&["--cluster"], arguments].concat(), "");
    if cluster(&["create", first, second, third, "--cluster-yes"]).is_none() {
        return;
    }
    wait_until("all agree", || {
        nodes[..3].iter().all(|node| {
            Client::connect(node.addr())
                .ask("CLUSTER INFO")
                .contains("cluster_state:ok")
        })
    });
    let port = nodes[0].port().to_string();
    let writes: String = (0..KEYS)
        .map(|key| format!("set key:{key} {key}\n"))
        .collect();
    let told = redis_cli(&["-c", "-p", &port], &writes).unwrap();
    assert_eq!(told.matches("OK").count(), KEYS, "{told}");
    let told = redis_cli(
        &["-c", "-p", &nodes[1].port().to_string()],
        "set hello 2\nset foo 1\n",
    )
    .unwrap();
    assert!(
        told.contains(&format!("-> Redirected to slot [12182] located at {third}")),
        "{told}"
    );
    assert!(
        told.contains(&format!("-> Redirected to slot [866] located at {first}")),
        "{told}"
    );

    let id = |index: usize| Client::connect(nodes[index].addr()).ask("CLUSTER MYID");
    let reshard = |from: &str, to: &str, slots: &str| {
        let words = [
            "--cluster-from",
            from,
            "--cluster-to",
            to,
            "--cluster-slots",
            slots,
        ];
        cluster(&[&["reshard", first], &words[..], &["--cluster-yes"]].concat())
    };
    reshard(&id(0), &id(1), "100");
    cluster(&["check", first]);
    cluster(&["add-node", fourth, first]);
    wait_until("the new node knows all", || {
        Client::connect(nodes[3].addr())
            .ask("CLUSTER INFO")
            .contains("cluster_known_nodes:4")
    });
    cluster(&["rebalance", first, "--cluster-use-empty-masters"]);
    cluster(&["check", first]);
    assert_eq!(keys(&nodes), KEYS + 2);
    cluster(&["set-timeout", first, "6000"]);
    let told = cluster(&["call", first, "config", "get", "cluster-node-timeout"]).unwrap();
    assert_eq!(told.matches("6000").count(), 4, "{told}");

    reshard(&id(3), &id(0), "16384");
    cluster(&["del-node", first, &id(3)]);
    assert_eq!(keys(&nodes[..3]), KEYS + 2);
}

#[test]
fn redis_cli_mends_a_migration_that_was_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(folder.path(), "a");
    let address = node.addr().to_string();
    let mut client = Client::connect(node.addr());
    assert_eq!(client.ask("CLUSTER ADDSLOTSRANGE 0 16383"), "+OK");
    let other = "a".repeat(40);
    assert!(
        client
            .ask(&format!("CLUSTER SETSLOT 866 IMPORTING {other}"))
            .starts_with("-ERR")
    );
    let other = self::node(folder.path(), "b");
    let id = Client::connect(other.addr()).ask("CLUSTER MYID");
    assert_eq!(
        client.ask(&format!("CLUSTER MEET 127.0.0.1 {}", other.port())),
        "+OK"
    );
    wait_until("they know each other", || {
        client.ask(&format!("CLUSTER SETSLOT 866 MIGRATING {id}")) == "+OK"
    });
    wait_until("the other serves", || {
        Client::connect(other.addr())
            .ask("CLUSTER INFO")
            .contains("cluster_state:ok")
    });
    if redis_cli(&["--cluster", "fix", &address], "").is_some() {
        redis_cli(&["--cluster", "check", &address], "");
        assert!(!client.ask("CLUSTER NODES").contains("[866->-"));
    }
}
