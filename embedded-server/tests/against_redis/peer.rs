//! A redis-server, or a valkey-server, of our own to compare with: started in a temporary folder, reached through a Unix socket
//! (so no two ever want the same port), killed when dropped.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::client::Client;

static STARTED: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Peer {
    process: Child,
    folder: PathBuf,
}

impl Peer {
    /// Starts redis-server with further arguments. Where there is none, says that the test is skipped.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        Self::spawn("redis-server", arguments)
    }

    /// The same of valkey-server, of the path or as `scripts/peers.sh` installs it.
    pub(crate) fn valkey() -> Option<Self> {
        let installed = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../target/peers/bin/valkey-server"
        );
        let is_installed = std::path::Path::new(installed).exists();
        Self::spawn(
            if is_installed {
                installed
            } else {
                "valkey-server"
            },
            &[],
        )
    }

    fn spawn(program: &str, arguments: &[&str]) -> Option<Self> {
        let ordinal = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("cachebench-peer-{}-{ordinal}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let spawned = Command::new(program)
            .args([
                "--port",
                "0",
                "--unixsocket",
                "socket",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .args(arguments)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(process) = spawned else {
            println!("SKIPPED: {program} not found");
            let _ = std::fs::remove_dir_all(&folder);
            return None;
        };
        let mut peer = Self { process, folder };
        peer.wait_until_ready(program);
        Some(peer)
    }

    fn wait_until_ready(&mut self, program: &str) {
        let log = BufReader::new(self.process.stdout.take().expect("a piped log"));
        let mut lines = log.lines().map_while(Result::ok);
        let ready = lines.any(|line| {
            line.contains("eady to accept connections") || line.contains("accept connections at")
        });
        assert!(ready, "{program} ended before it was ready");
        // Its log must go on being read, or it would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    pub(crate) fn client(&self) -> Client {
        Client::unix(&self.socket())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
