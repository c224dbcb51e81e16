//! Bytes per key: `used_memory` and resident memory of every server with the same keys in it.

use crate::common::{Kind, Server};

/// What the servers are filled with.
struct Load {
    what: &'static str,
    /// The key, the value and further words of SET, by the key's number.
    words: fn(u64) -> Vec<String>,
}

const LOADS: [Load; 3] = [
    Load {
        what: "`key-%d` with `value-%d`",
        words: |key| vec![format!("key-{key}"), format!("value-{key}")],
    },
    Load {
        what: "`key-%d` with `value-%d` and a time to live",
        words: |key| {
            [
                format!("key-{key}"),
                format!("value-{key}"),
                "EX".into(),
                "100000".into(),
            ]
            .into()
        },
    },
    Load {
        what: "keys of 16 bytes with values of 100",
        words: |key| vec![format!("key:{key:012}"), format!("{key:0100}")],
    },
];

/// Prints a line per server and load.
pub(crate) fn measure(keys: u64) {
    for load in LOADS {
        println!(
            "\nBytes per key: {keys} keys, {}; what the empty server had taken away",
            load.what
        );
        Kind::ALL
            .into_iter()
            .for_each(|kind| measure_one(kind, &load, keys));
    }
}

fn measure_one(kind: Kind, load: &Load, keys: u64) {
    let Some(server) = Server::start(kind, &["--maxmemory", "0"]) else {
        return;
    };
    let empty = Memory::of(&server);
    fill(&server, load, keys);
    let full = Memory::of(&server);
    let each = |full: u64, empty: u64| (full as f64 - empty as f64) / keys as f64;
    println!(
        "{:<14} used_memory {:6.1}   RSS {:6.1}",
        kind.name(),
        each(full.used, empty.used),
        each(full.rss, empty.rss)
    );
}

struct Memory {
    used: u64,
    rss: u64,
}

impl Memory {
    fn of(server: &Server) -> Self {
        Self {
            used: server.info("used_memory"),
            rss: server.rss_bytes(),
        }
    }
}

fn fill(server: &Server, load: &Load, keys: u64) {
    let mut connection = server.connect();
    for from in (0..keys).step_by(1_000) {
        let mut pipe = redis::pipe();
        for key in from..keys.min(from + 1_000) {
            pipe.cmd("SET").arg((load.words)(key)).ignore();
        }
        pipe.query::<()>(&mut connection)
            .expect("the server takes the keys");
    }
}
