//! Servers as processes of their own: `cachebench serve` and the peers that it is held against.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "shared by tests and benchmarks, which use what they need of it tell what is left out, and end by panicking"
)]

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take until it answers its first PING, on a machine that is busy with other tests.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two attempts to reach a server that is starting.
const START_RETRY: Duration = Duration::from_millis(5);

/// A server that can be started here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `cachebench serve`, as it was built for this test or benchmark.
    Cachebench,
    /// `redis-server`.
    Redis,
    /// `valkey-server`.
    Valkey,
}

impl Kind {
    /// Ours first.
    pub(crate) const ALL: [Self; 3] = [Self::Cachebench, Self::Redis, Self::Valkey];

    /// The name to print.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cachebench => "cachebench",
            Self::Redis => "redis-server",
            Self::Valkey => "valkey-server",
        }
    }

    /// The program, where it is installed.
    pub(crate) fn program(self) -> Option<PathBuf> {
        match self {
            Self::Cachebench => Some(PathBuf::from(env!("CARGO_BIN_EXE_cachebench"))),
            Self::Redis | Self::Valkey => program(self.name()),
        }
    }
}

/// A program by its name: what `scripts/peers.sh` installed, or else what is on the path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::iter::once(installed).chain(std::env::split_paths(&path));
    folders.find_map(|folder| Some(folder.join(name)).filter(|program| program.is_file()))
}

/// A program by its name, or a line that says that the caller's check is left out.
pub(crate) fn program_or_skip(name: &str, check: &str) -> Option<PathBuf> {
    let found = program(name);
    if found.is_none() {
        println!(
            "SKIPPED: {check}: {name} is not installed; scripts/peers.sh installs what can be had"
        );
    }
    found
}

/// A running server, stopped when dropped.
pub(crate) struct Server {
    /// Which one.
    pub(crate) kind: Kind,
    /// Its port on the loopback address.
    pub(crate) port: u16,
    child: Child,
    /// Where it may leave files; removed with it.
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts a server on a free port with `directives` (`--maxmemory`, `1mb`, ...) and waits for its first reply.
    /// Nothing where it is not installed, which is told on a line of its own.
    pub(crate) fn start(kind: Kind, directives: &[&str]) -> Option<Self> {
        Self::start_behind(&[], kind, directives)
    }

    /// As [`Server::start`], by a program that becomes the server (`taskset -c 0`).
    pub(crate) fn start_behind(launcher: &[&str], kind: Kind, directives: &[&str]) -> Option<Self> {
        let Some(program) = kind.program() else {
            println!(
                "SKIPPED: {0}: not installed; scripts/peers.sh installs it",
                kind.name()
            );
            return None;
        };
        // Somebody else may take the port between its choice and the server's bind.
        let started = (0..5).find_map(|_| Self::try_start(launcher, kind, &program, directives));
        Some(started.unwrap_or_else(|| panic!("{} does not start", program.display())))
    }

    fn try_start(
        launcher: &[&str],
        kind: Kind,
        program: &Path,
        directives: &[&str],
    ) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let words = launcher.iter().map(OsStr::new).chain([program.as_os_str()]);
        let words: Vec<_> = words.collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        if kind == Kind::Cachebench {
            command.arg("serve");
        }
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .args(directives)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let child = command.spawn().expect("the server's program runs");
        let mut server = Self {
            kind,
            port,
            child,
            _folder: folder,
        };
        server.answers().then_some(server)
    }

    /// Waits until PING is answered; false when the process has ended before.
    fn answers(&mut self) -> bool {
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline && self.is_running() {
            let ping = |mut c: redis::Connection| redis::cmd("PING").query::<String>(&mut c);
            if self.client().get_connection().and_then(ping).is_ok() {
                return self.is_running();
            }
            thread::sleep(START_RETRY);
        }
        false
    }

    /// Whether the process is there.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }

    /// Ends the process at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    fn client(&self) -> redis::Client {
        redis::Client::open(self.url()).expect("a URL")
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> redis::Connection {
        self.client()
            .get_connection()
            .expect("the server accepts a connection")
    }

    /// A number in INFO.
    pub(crate) fn info(&self, field: &str) -> u64 {
        let text: String = redis::cmd("INFO").query(&mut self.connect()).expect("INFO");
        let value = |line: &str| {
            line.strip_prefix(field)?
                .strip_prefix(':')?
                .trim()
                .parse()
                .ok()
        };
        text.lines()
            .find_map(value)
            .unwrap_or_else(|| panic!("INFO has no {field}:\n{text}"))
    }

    /// CPU time of all its threads so far, from the scheduler's own counts.
    pub(crate) fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("its threads");
        let nanoseconds = tasks.filter_map(|task| {
            let counts = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            counts.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// The part of it that was spent outside of the kernel, as far as the kernel's clock ticks tell (100 a second, see proc(5)).
    pub(crate) fn user_cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its stat");
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_whitespace().nth(11);
        let ticks: u64 = ticks.and_then(|ticks| ticks.parse().ok()).expect("utime");
        Duration::from_millis(ticks * 10)
    }

    /// Resident memory, bytes.
    pub(crate) fn rss_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("its status");
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = rss.and_then(|rss| rss.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kilobytes.expect("VmRSS in kB") * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on right now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
