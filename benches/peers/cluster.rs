//! Clusters of six processes, three masters with a replica each: how long they take to form, to replace a master that is
//! killed, and to move a thousand slots.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Kind, Server, free_port, program_or_skip};
use crate::ratio::Spread;

const NODES: usize = 6;
const NODE_TIMEOUT_MS: &str = "5000";
/// What is moved: the first slots of the first master, with so many keys.
const SLOTS: u16 = 1000;
const KEYS: usize = 6100;
/// A key of the third master.
const KEY_OF_THIRD: &str = "foo";
/// A state is looked for so often, and for so long.
const LOOK_EVERY: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(60);

/// What one round gave, in seconds.
struct Figures {
    /// Until redis-cli ended, which rests for a second by itself.
    redis_cli: f64,
    /// Until every node said ok and every replica copied.
    create: f64,
    /// From the kill until a write to a slot of that master succeeded.
    failover: f64,
    reshard: f64,
    /// Where the server has CLUSTER MIGRATESLOTS.
    migrate: Option<f64>,
}

/// Prints a line per server.
pub(crate) fn measure(rounds: usize) {
    let Some(redis_cli) = program_or_skip("redis-cli", "clusters beside the peers") else {
        return;
    };
    println!(
        "\nClusters: three masters with a replica each, cluster-node-timeout {NODE_TIMEOUT_MS}; seconds: min, median, max of {rounds} \
         rounds\n\
         create     redis-cli --cluster create, until every node says ok and every replica copies; in brackets redis-cli alone\n\
         failover   kill -9 of a master, until a write to a slot of it succeeds\n\
         reshard    {SLOTS} slots with {KEYS} keys by redis-cli\n\
         migrate    the same by CLUSTER MIGRATESLOTS\n"
    );
    let formed: Vec<f64> = (0..rounds).map(|_| form_in_one_process()).collect();
    println!(
        "{:<14} formed and ready {}",
        "cachebench cluster",
        Spread::of(formed)
    );
    let kinds = Kind::ALL
        .into_iter()
        .filter(|kind| kind.program().is_some());
    let mut measured: Vec<(Kind, Vec<Figures>)> = kinds.map(|kind| (kind, Vec::new())).collect();
    for _ in 0..rounds {
        for (kind, figures) in &mut measured {
            figures.push(Cluster::start(*kind, &redis_cli).measure());
        }
    }
    measured
        .iter()
        .for_each(|(kind, figures)| print(*kind, figures));
}

fn print(kind: Kind, rounds: &[Figures]) {
    let of = |figure: fn(&Figures) -> f64| Spread::of(rounds.iter().map(figure));
    let migrated: Vec<f64> = rounds.iter().filter_map(|round| round.migrate).collect();
    let migrate = if migrated.is_empty() {
        "-".to_owned()
    } else {
        format!("{:.3}", Spread::of(migrated))
    };
    println!(
        "{:<14} create {} ({})   failover {}   reshard {}   migrate {migrate}",
        kind.name(),
        of(|round| round.create),
        of(|round| round.redis_cli),
        of(|round| round.failover),
        of(|round| round.reshard),
    );
}

/// `cachebench cluster`, until it prints its nodes.
fn form_in_one_process() -> f64 {
    let setting = format!("cluster-node-timeout={NODE_TIMEOUT_MS}");
    let begin = Instant::now();
    let mut process = Command::new(env!("CARGO_BIN_EXE_cachebench"))
        .args(["cluster", "--port", "0", "--set", &setting])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("cachebench runs");
    let mut line = String::new();
    let told = BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line);
    let seconds = begin.elapsed().as_secs_f64();
    assert!(matches!(told, Ok(1..)), "cachebench cluster prints nothing");
    let _ = process.kill();
    let _ = process.wait();
    seconds
}

struct Cluster<'a> {
    kind: Kind,
    servers: Vec<Server>,
    redis_cli: &'a PathBuf,
}

impl<'a> Cluster<'a> {
    fn start(kind: Kind, redis_cli: &'a PathBuf) -> Self {
        let start = |_| {
            let bus = free_port().to_string();
            let words = [
                ["--cluster-enabled", "yes"],
                ["--cluster-port", &bus],
                ["--cluster-node-timeout", NODE_TIMEOUT_MS],
                ["--repl-diskless-sync-delay", "0"],
            ];
            Server::start(kind, words.as_flattened()).expect("it is installed")
        };
        let servers = (0..NODES).map(start).collect();
        Self {
            kind,
            servers,
            redis_cli,
        }
    }

    fn measure(mut self) -> Figures {
        let (redis_cli, create) = self.create();
        self.fill();
        let reshard = self.reshard();
        let migrate = (self.kind != Kind::Redis).then(|| self.migrate());
        let failover = self.failover();
        Figures {
            redis_cli,
            create,
            failover,
            reshard,
            migrate,
        }
    }

    fn create(&self) -> (f64, f64) {
        let addresses: Vec<String> = (0..NODES).map(|node| self.address(node)).collect();
        let mut words = vec!["create"];
        words.extend(addresses.iter().map(String::as_str));
        words.extend(["--cluster-replicas", "1"]);
        let begin = Instant::now();
        self.run_redis_cli(&words);
        let redis_cli = begin.elapsed().as_secs_f64();
        let mut connections: Vec<_> = self.servers.iter().map(Server::connect).collect();
        for node in &mut connections {
            let is_ready = || {
                let cluster: String = ask(node, &["CLUSTER", "INFO"]);
                let replication: String = ask(node, &["INFO", "replication"]);
                let copies = replication.contains("role:master")
                    || replication.contains("master_link_status:up");
                cluster.contains("cluster_state:ok") && copies
            };
            wait_until("the cluster is ready", is_ready);
        }
        (redis_cli, begin.elapsed().as_secs_f64())
    }

    /// Puts keys of the slots that are to move into the first node.
    fn fill(&self) {
        let mut first = self.servers[0].connect();
        let mut found = 0;
        for thousand in 0.. {
            let keys: Vec<String> = (0..1000)
                .map(|key| format!("key-{thousand}-{key}"))
                .collect();
            let mut pipe = redis::pipe();
            for key in &keys {
                pipe.cmd("CLUSTER").arg("KEYSLOT").arg(key);
            }
            let slots: Vec<u16> = pipe.query(&mut first).expect("slots");
            let moving = keys.iter().zip(slots).filter(|(_, slot)| *slot < SLOTS);
            for (key, _) in moving.take(KEYS - found) {
                let _: String = ask(&mut first, &["SET", key, "value"]);
                found += 1;
            }
            if found == KEYS {
                break;
            }
        }
    }

    /// From the first to the second, by redis-cli.
    fn reshard(&self) -> f64 {
        let (from, to) = (self.id(0), self.id(1));
        let begin = Instant::now();
        let slots = SLOTS.to_string();
        self.run_redis_cli(&[
            "reshard",
            &self.address(0),
            "--cluster-from",
            &from,
            "--cluster-to",
            &to,
            "--cluster-slots",
            &slots,
        ]);
        let seconds = begin.elapsed().as_secs_f64();
        self.assert_size(1);
        seconds
    }

    /// And back, at once.
    fn migrate(&self) -> f64 {
        let last = (SLOTS - 1).to_string();
        let (mut source, to) = (self.servers[1].connect(), self.id(0));
        let begin = Instant::now();
        let words = [
            "CLUSTER",
            "MIGRATESLOTS",
            "SLOTSRANGE",
            "0",
            &last,
            "NODE",
            &to,
        ];
        let _: String = ask(&mut source, &words);
        wait_until("the slots have moved", || {
            let told: redis::Value = ask(&mut source, &["CLUSTER", "GETSLOTMIGRATIONS"]);
            let told = format!("{told:?}");
            assert!(!told.contains("failed"), "{told}");
            told.contains("success")
        });
        let seconds = begin.elapsed().as_secs_f64();
        self.assert_size(0);
        seconds
    }

    fn failover(&mut self) -> f64 {
        self.servers[2].kill();
        let begin = Instant::now();
        let mut replicas: Vec<_> = (3..NODES)
            .map(|node| self.servers[node].connect())
            .collect();
        wait_until("a replica has taken over", || {
            replicas.iter_mut().any(|replica| {
                let set = redis::cmd("SET")
                    .arg(KEY_OF_THIRD)
                    .arg(1)
                    .query::<String>(replica);
                set.is_ok()
            })
        });
        begin.elapsed().as_secs_f64()
    }

    fn run_redis_cli(&self, words: &[&str]) {
        let output = Command::new(self.redis_cli)
            .arg("--cluster")
            .args(words)
            .arg("--cluster-yes")
            .stdin(Stdio::null())
            .output();
        let output = output.expect("redis-cli runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "redis-cli {words:?}:\n{text}");
    }

    fn assert_size(&self, node: usize) {
        let size: usize = ask(&mut self.servers[node].connect(), &["DBSIZE"]);
        assert_eq!(size, KEYS, "keys of node {node} of {}", self.kind.name());
    }

    fn address(&self, node: usize) -> String {
        format!("127.0.0.1:{}", self.servers[node].port)
    }

    fn id(&self, node: usize) -> String {
        ask(&mut self.servers[node].connect(), &["CLUSTER", "MYID"])
    }
}

fn ask<T: redis::FromRedisValue>(connection: &mut redis::Connection, words: &[&str]) -> T {
    let answer = redis::cmd(words[0]).arg(&words[1..]).query(connection);
    answer.expect("an answer")
}

fn wait_until(what: &str, mut is_reached: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_reached() {
        assert!(
            begin.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        thread::sleep(LOOK_EVERY);
    }
}
