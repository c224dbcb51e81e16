//! A server binary of somebody else's, started on a free port in a temporary folder and stopped whatever happens.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::TargetError;
use super::control::Control;
use super::process::{Process, dying};
use crate::drive::Access;
use crate::workload::plan::Directive;

/// How long a server may take to answer.
const START_LIMIT: Duration = Duration::from_secs(20);
/// Between two attempts to reach it.
const RETRY: Duration = Duration::from_millis(5);
/// Another process may take the port that was free a moment ago.
const ATTEMPTS: usize = 3;
/// Lines of its log that an error quotes.
const LOG_LINES: usize = 8;
/// Bytes from the end of its log that are looked at.
const LOG_BYTES: usize = 8 * 1024;

/// A server that we started.
#[derive(Debug)]
pub(super) struct Spawned {
    process: Process,
    program: String,
    access: Access,
    /// Configuration, log and whatever the server writes; removed with it.
    folder: TempDir,
}

impl Spawned {
    /// Starts `program` under `directives` and waits until it answers.
    pub(super) fn start(
        program: &Path,
        directives: &[Directive],
        timeout: Duration,
    ) -> Result<(Self, Control), TargetError> {
        let mut attempt = 1;
        loop {
            let mut server = Self::launch(program, directives, timeout)?;
            match server.wait() {
                Ok(control) => return Ok((server, control)),
                Err(_) if attempt < ATTEMPTS && server.log().contains("Address already in use") => {
                    attempt += 1
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    pub(super) fn process(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn cpu_s(&self) -> Option<f64> {
        self.process.cpu_s()
    }

    /// How it ended and what it wrote last, if it has ended.
    pub(super) fn post_mortem(&mut self) -> Option<String> {
        let end = dying(|| self.process.ended())?;
        Some(format!(
            "`{}` ended ({end}); its last words:\n{}",
            self.program,
            self.log()
        ))
    }

    fn launch(
        program: &Path,
        directives: &[Directive],
        timeout: Duration,
    ) -> Result<Self, TargetError> {
        let system = |doing| move |source| TargetError::System { doing, source };
        let folder = tempfile::Builder::new()
            .prefix("cachebench-")
            .tempdir()
            .map_err(system("making a folder"))?;
        let port = free_port().map_err(system("looking for a free port"))?;
        let configuration = folder.path().join("server.conf");
        fs::write(&configuration, configuration_text(port, directives))
            .map_err(system("writing a configuration"))?;
        let log = File::create(folder.path().join("log")).map_err(system("writing a log"))?;
        let errors = log.try_clone().map_err(system("writing a log"))?;
        let name = program.display().to_string();
        let process = Process::start(
            Command::new(runnable(program))
                .arg(&configuration)
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(log)
                .stderr(errors),
        )
        .map_err(|source| TargetError::Program {
            program: name.clone(),
            source,
        })?;
        Ok(Self {
            process,
            program: name,
            access: Access::plain((Ipv4Addr::LOCALHOST, port).into(), timeout),
            folder,
        })
    }

    /// Waits until the server answers, or is seen not to.
    fn wait(&mut self) -> Result<Control, TargetError> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let why = match Control::open(&self.access) {
                Ok(control) => return Ok(control),
                Err(error) => error.to_string(),
            };
            let why = match self.process.ended() {
                Some(end) => end,
                None if Instant::now() < deadline => {
                    thread::sleep(RETRY);
                    continue;
                }
                None => why,
            };
            return Err(TargetError::NotUp {
                program: self.program.clone(),
                why,
                log: self.log(),
            });
        }
    }

    /// The last lines that it wrote.
    fn log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("log")).unwrap_or_default();
        let end = bytes
            .get(bytes.len().saturating_sub(LOG_BYTES)..)
            .unwrap_or_default();
        let text = String::from_utf8_lossy(end);
        let lines: Vec<_> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        lines
            .get(lines.len().saturating_sub(LOG_LINES)..)
            .unwrap_or_default()
            .join("\n")
    }
}

/// A port that was free when it was asked for.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// A cache and nothing else: nothing is saved. The plan's directives come last and win.
fn configuration_text(port: u16, directives: &[Directive]) -> String {
    let mut text = format!("bind 127.0.0.1\nport {port}\nsave \"\"\nappendonly no\ndaemonize no\n");
    for Directive { name, value } in directives {
        let value = if value.is_empty() { "\"\"" } else { value };
        text.push_str(&format!("{name} {value}\n"));
    }
    text
}

/// A program given by a path, as it reads from any folder: the server is started in one of its own. A bare name is
/// left to be looked up.
fn runnable(program: &Path) -> PathBuf {
    match program.components().count() {
        0 | 1 => program.to_owned(),
        _ => std::path::absolute(program).unwrap_or_else(|_| program.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = Spawned::start(Path::new("no-such-server"), &[], START_LIMIT)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("no-such-server") && error.contains("install"),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_is_no_server_is_quoted() {
        let error = Spawned::start(Path::new("/bin/cat"), &[], START_LIMIT)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("did not come up") && error.contains("appendonly no"),
            "{error}"
        );
    }

    #[test]
    fn a_relative_path_means_the_folder_that_it_was_written_in() {
        assert!(runnable(Path::new("bin/valkey-server")).is_absolute());
        assert!(runnable(Path::new("./valkey-server")).is_absolute());
        assert_eq!(
            runnable(Path::new("redis-server")),
            Path::new("redis-server")
        );
    }
}
