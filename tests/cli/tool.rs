//! Runs `cachebench` and tells how it ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cachebench::recording::model::Recording;
use cachebench::recording::read;

/// A folder of its own for one test, with a workload in it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// With `workload` in a file of its own.
    pub(crate) fn with(workload: &str) -> Self {
        let place = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        fs::write(place.workload(), workload).expect("room for a workload");
        place
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn workload(&self) -> PathBuf {
        self.folder().join("workload.yaml")
    }

    /// Where runs write, which makes it.
    pub(crate) fn out(&self) -> PathBuf {
        self.folder().join("out")
    }

    /// `cachebench run` on the workload.
    pub(crate) fn run(&self) -> Command {
        let mut command = cachebench();
        command
            .arg("run")
            .arg(self.workload())
            .arg("--out")
            .arg(self.out());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What the run left.
    pub(crate) fn recording(&self) -> Recording {
        read::read(&self.out()).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// The program, as it was built for this test, without colours and away from the folder of the project.
pub(crate) fn cachebench() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cachebench"));
    command
        .env("NO_COLOR", "1")
        .current_dir(std::env::temp_dir());
    command
}

/// How it ended.
pub(crate) struct Ending {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ending {
    /// Of a command that ends by itself.
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::from(command.output().expect("cachebench runs"))
    }

    /// Fails with all that was printed, unless it ended with `code` and said every one of `words` on stderr.
    pub(crate) fn must_be(&self, code: i32, words: &[&str]) {
        let Self { stdout, stderr, .. } = self;
        assert_eq!(
            self.code,
            Some(code),
            "\nstdout: {stdout}\nstderr: {stderr}"
        );
        for word in words {
            assert!(stderr.contains(word), "no `{word}` in stderr: {stderr}");
        }
    }
}

impl From<Output> for Ending {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
