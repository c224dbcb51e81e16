//! Bytes per key: `used_memory` and resident memory of every server with the same keys in it.

use crate::common::{Kind, Server};

/// Prints a line per server.
pub(crate) fn measure(keys: u64) {
    println!(
        "\nBytes per key: {keys} keys `key-%d` with `value-%d`, what the empty server had taken away"
    );
    for kind in Kind::ALL {
        let Some(server) = Server::start(kind, &["--maxmemory", "0"]) else {
            continue;
        };
        let empty = Memory::of(&server);
        fill(&server, keys);
        let full = Memory::of(&server);
        let each = |full: u64, empty: u64| (full as f64 - empty as f64) / keys as f64;
        println!(
            "{:<14} used_memory {:6.1}   RSS {:6.1}",
            kind.name(),
            each(full.used, empty.used),
            each(full.rss, empty.rss)
        );
    }
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

fn fill(server: &Server, keys: u64) {
    let mut connection = server.connect();
    for from in (0..keys).step_by(1_000) {
        let mut pipe = redis::pipe();
        for key in from..keys.min(from + 1_000) {
            pipe.cmd("SET")
                .arg(format!("key-{key}"))
                .arg(format!("value-{key}"))
                .ignore();
        }
        pipe.query::<()>(&mut connection)
            .expect("the server takes the keys");
    }
}
