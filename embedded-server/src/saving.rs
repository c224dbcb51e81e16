//! Saving the data set to a file and starting with it: SAVE, BGSAVE, the points of `save`.
//!
//! In the background the data set is serialized slice by slice, as it was at the beginning, while clients are served, and
//! a thread writes the slices. Redis forks a process for both, which a library cannot do.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::clock::Stopwatch;
use crate::keyspace::CutId;
use crate::log::Level;
use crate::node::Server;
use crate::snapshot::{LoadError, Loaded, Slice};

/// After a save in the background that failed, the next one by itself comes so much later.
const RETRY_MS: i64 = 5000;
/// Slices that may wait to be written.
const SLICES_MAX: usize = 16;

/// What was saved, and what was not yet.
#[derive(Debug)]
pub struct Saving {
    /// Changes that no save has in it.
    pub changes: u64,
    /// When it was last saved, in milliseconds since the Unix epoch; at first, when the node started.
    pub saved_ms: i64,
    /// Whether the last save in the background failed.
    pub failed: bool,
    /// How long that took.
    pub took_ms: Option<i64>,
    /// How often it was saved.
    pub saves: u64,
    /// What was there at the start.
    pub loaded: Loaded,
    began_ms: i64,
    /// Changes that the save under way has in it.
    changes_under_way: u64,
    /// Who writes the save under way.
    under_way: Option<Writer>,
    /// What it has not got yet.
    unwritten: Option<Unwritten>,
    begun: Arc<Notify>,
}

/// A thread that writes a save.
#[derive(Debug)]
struct Writer {
    thread: JoinHandle<io::Result<()>>,
    /// Whether it is to end without a file.
    is_abandoned: Arc<AtomicBool>,
}

impl Writer {
    fn begin(file: PathBuf, slices: Receiver<Slice>, delay: Duration) -> io::Result<Self> {
        let is_abandoned = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_abandoned);
        let thread = thread::Builder::new()
            .name("save".to_owned())
            .spawn(move || write(&file, slices, delay, &ends))?;
        Ok(Self {
            thread,
            is_abandoned,
        })
    }

    /// Waits for its end.
    fn join(self) -> io::Result<()> {
        let panicked = |_| Err(io::Error::other("the thread that wrote it panicked"));
        self.thread.join().unwrap_or_else(panicked)
    }
}

/// A snapshot of which not all slices have gone to the file.
#[derive(Debug)]
struct Unwritten {
    snapshot: CutId,
    slices: Sender<Slice>,
}

/// What became of the attempt to go on with a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// A slice is on its way.
    Slice,
    /// The file must catch up first.
    Wait,
    /// There is nothing to go on with.
    Nothing,
}

/// Why a node did not start with what it had saved.
#[derive(Debug, Error)]
#[error("{path}: {source}")]
pub struct RestoreError {
    /// Of which file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub source: FileLoadError,
}

/// Why a file was not loaded.
#[derive(Debug, Error)]
pub enum FileLoadError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// It cannot be understood, or does not fit.
    #[error(transparent)]
    Unusable(#[from] LoadError),
}

/// There is one under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Background save already in progress")]
pub struct AlreadySaving;

impl Saving {
    /// Nothing was saved by a node that starts now.
    #[must_use]
    pub fn new(now_ms: i64) -> Self {
        Self {
            changes: 0,
            saved_ms: now_ms,
            failed: false,
            took_ms: None,
            saves: 0,
            loaded: Loaded::default(),
            began_ms: 0,
            changes_under_way: 0,
            under_way: None,
            unwritten: None,
            begun: Arc::new(Notify::new()),
        }
    }

    /// What tells that a save has begun, which [`Server::go_on_saving`] is to go on with.
    pub(crate) fn begun(&self) -> Arc<Notify> {
        Arc::clone(&self.begun)
    }

    /// For how long a save in the background has been under way, if one is.
    #[must_use]
    pub fn under_way_ms(&self, now_ms: i64) -> Option<i64> {
        self.under_way.as_ref().map(|_| now_ms - self.began_ms)
    }

    fn succeeded(&mut self, changes: u64, now_ms: i64) {
        self.changes = self.changes.saturating_sub(changes);
        self.saved_ms = now_ms;
        self.saves += 1;
        self.failed = false;
    }
}

impl Server {
    /// The file in `dir` that holds the data set.
    #[must_use]
    pub fn data_file(&self) -> PathBuf {
        let text = |name| String::from_utf8_lossy(self.config.text(name)).into_owned();
        Path::new(&text("dir")).join(text("dbfilename"))
    }

    /// Saves the data set, while nobody is served.
    ///
    /// # Errors
    /// When the file cannot be written; the one before is then still there.
    pub fn save(&mut self) -> io::Result<()> {
        let snapshot = self.snapshot();
        let written = place(&self.data_file(), |file| file.write_all(&snapshot));
        match &written {
            Ok(()) => {
                self.saving.succeeded(self.saving.changes, self.now_ms);
                self.log(Level::Notice, "DB saved on disk");
            }
            Err(error) => self.log(
                Level::Warning,
                &format!("Error saving {}: {error}", self.data_file().display()),
            ),
        }
        written
    }

    /// Begins to serialize the data set and to have it written while the node goes on.
    ///
    /// # Errors
    /// [`AlreadySaving`].
    pub fn save_in_background(&mut self) -> Result<(), AlreadySaving> {
        if self.saving.under_way.is_some() {
            return Err(AlreadySaving);
        }
        let (snapshot, file) = (self.begin_snapshot(), self.data_file());
        let (slices, received) = mpsc::channel(SLICES_MAX);
        let keys: usize = self.keyspace.dbs().map(|db| self.keyspace.len(db)).sum();
        let delay_us = self.config.get("rdb-key-save-delay");
        let delay_us = delay_us.and_then(|text| text.parse().ok()).unwrap_or(0_u64);
        let delay = Duration::from_micros(delay_us.saturating_mul(keys as u64));
        self.saving.began_ms = self.now_ms;
        self.saving.changes_under_way = self.saving.changes;
        match Writer::begin(file, received, delay) {
            Ok(writer) => {
                self.saving.under_way = Some(writer);
                self.saving.unwritten = Some(Unwritten { snapshot, slices });
                self.saving.begun.notify_one();
                self.log(Level::Notice, "Background saving started");
            }
            Err(error) => {
                self.keyspace.end_cut(snapshot);
                self.saved_in_background(Err(error));
            }
        }
        Ok(())
    }

    /// Goes on with the save under way by one slice.
    pub(crate) fn go_on_saving(&mut self) -> Progress {
        let Some(Unwritten { snapshot, slices }) = self.saving.unwritten.take() else {
            return Progress::Nothing;
        };
        match slices.clone().try_reserve() {
            Ok(place) => {
                let slice = self.next_slice(snapshot);
                if !slice.is_last {
                    self.saving.unwritten = Some(Unwritten { snapshot, slices });
                }
                place.send(slice);
                Progress::Slice
            }
            // It is full, or the writer has failed, which is looked after soon.
            Err(_) => {
                self.saving.unwritten = Some(Unwritten { snapshot, slices });
                Progress::Wait
            }
        }
    }

    /// Notes the end of a save in the background; begins one where `save` says so.
    pub(crate) fn look_after_saving(&mut self) {
        let has_ended = |writer: &mut Writer| writer.thread.is_finished();
        if let Some(writer) = self.saving.under_way.take_if(has_ended) {
            self.saved_in_background(writer.join());
        }
        let is_idle = self.saving.under_way.is_none() && self.loading.is_none();
        if self.saving.changes > 0 && is_idle && self.is_save_due() {
            // None is under way.
            let _ = self.save_in_background();
        }
    }

    /// Ends a save in the background without a file: what it has in it is no longer wanted.
    pub(crate) fn abandon_save(&mut self) {
        let Some(writer) = self.saving.under_way.take() else {
            return;
        };
        if let Some(Unwritten { snapshot, .. }) = self.saving.unwritten.take() {
            self.keyspace.end_cut(snapshot);
        }
        writer.is_abandoned.store(true, Ordering::Relaxed);
        writer.thread.thread().unpark();
        let message = match writer.join() {
            Err(_) => "Background saving is abandoned",
            Ok(()) => "Background saving had ended before it could be abandoned",
        };
        self.log(Level::Notice, message);
    }

    fn saved_in_background(&mut self, outcome: io::Result<()>) {
        self.saving.took_ms = Some(self.now_ms - self.saving.began_ms);
        if let Some(Unwritten { snapshot, .. }) = self.saving.unwritten.take() {
            self.keyspace.end_cut(snapshot);
        }
        match outcome {
            Ok(()) => {
                self.saving
                    .succeeded(self.saving.changes_under_way, self.now_ms);
                self.log(Level::Notice, "Background saving terminated with success");
            }
            Err(error) => {
                self.saving.failed = true;
                let message = format!("Background saving error: {error}");
                self.log(Level::Warning, &message);
            }
        }
    }

    /// Whether enough has changed for one of the points of `save`.
    fn is_save_due(&self) -> bool {
        let text = String::from_utf8_lossy(self.config.text("save"));
        let numbers: Vec<i64> = text
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let elapsed_ms = self.now_ms - self.saving.saved_ms;
        let may_retry = !self.saving.failed || self.now_ms - self.saving.began_ms > RETRY_MS;
        may_retry
            && numbers.chunks_exact(2).any(|point| {
                let &[seconds, changes] = point else {
                    return false;
                };
                elapsed_ms > seconds.saturating_mul(1000)
                    && self.saving.changes >= changes.unsigned_abs()
            })
    }

    /// What was saved is loaded, so much of it.
    pub(crate) fn restored(&mut self, loaded: Loaded) {
        self.saving.loaded = loaded;
        let message = format!(
            "Done loading RDB, keys loaded: {}, keys expired: {}.",
            loaded.keys, loaded.expired
        );
        self.log(Level::Notice, &message);
    }
}

/// Writes a file of the slices that come, after `delay`, unless it is abandoned.
fn write(
    file: &Path,
    mut slices: Receiver<Slice>,
    delay: Duration,
    is_abandoned: &AtomicBool,
) -> io::Result<()> {
    let abandoned = || is_abandoned.load(Ordering::Relaxed);
    let watch = Stopwatch::start();
    while !abandoned()
        && let Some(rest) = delay.checked_sub(Duration::from_nanos(watch.elapsed_ns()))
        && !rest.is_zero()
    {
        thread::park_timeout(rest);
    }
    place(file, |out| {
        while let Some(slice) = slices.blocking_recv() {
            if abandoned() {
                break;
            }
            out.write_all(&slice.bytes)?;
            if slice.is_last {
                return Ok(());
            }
        }
        Err(io::Error::other("the node ended before it was complete"))
    })
}

/// Puts what `fill` writes into a file's place, whole or not at all.
fn place(file: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let draft = file.with_file_name(format!("temp-{}.rdb", std::process::id()));
    let written = File::create(&draft).and_then(|mut out| {
        fill(&mut out)?;
        out.sync_all()
    });
    let placed = written.and_then(|()| fs::rename(&draft, file));
    if placed.is_err() {
        // What is left of it helps nobody.
        let _ = fs::remove_file(&draft);
    }
    placed
}
