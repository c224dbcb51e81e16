//! A redis-server for these tests, on a port of its own; killed when dropped.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// DEBUG, and a replica is served at once.
pub(crate) const DEBUG: [&str; 4] = [
    "--enable-debug-command",
    "yes",
    "--repl-diskless-sync-delay",
    "0",
];

pub(crate) struct Redis {
    process: Child,
    pub(crate) port: u16,
}

impl Redis {
    /// Starts one. Where there is none, says that the test is skipped.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Option<Self> {
        Self::spawn("redis-server", folder, arguments)
    }

    /// The same of valkey-server, of the path or as `scripts/peers.sh` installs it.
    pub(crate) fn valkey(folder: &Path, arguments: &[&str]) -> Option<Self> {
        let peers = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers/bin");
        let installed = Path::new(peers).join("valkey-server");
        let is_installed = installed.exists();
        let program = installed.to_string_lossy();
        Self::spawn(
            if is_installed {
                &program
            } else {
                "valkey-server"
            },
            folder,
            arguments,
        )
    }

    fn spawn(program: &str, folder: &Path, arguments: &[&str]) -> Option<Self> {
        let port = free_port();
        let process = Command::new(program)
            .args([
                "--port",
                &port.to_string(),
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut process) = process else {
            println!("SKIPPED: {program} not found");
            return None;
        };
        let log = BufReader::new(process.stdout.take().expect("a piped log"));
        let mut lines = log.lines().map_while(Result::ok);
        assert!(
            lines.any(|line| line.contains("eady to accept connections")),
            "{program} ended at once"
        );
        // Its log must go on being read, or it would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, port })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }
}

/// One that is free, and the bus port above it too.
pub(crate) fn free_port() -> u16 {
    (0..1000)
        .find_map(|_| {
            let client = TcpListener::bind("127.0.0.1:0")
                .ok()?
                .local_addr()
                .ok()?
                .port();
            let bus = client.checked_add(10_000)?;
            TcpListener::bind(("127.0.0.1", bus)).ok().map(|_| client)
        })
        .expect("two free ports")
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
