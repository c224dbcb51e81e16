//! nodes.conf on disk. A thread of its own writes it, so that the node waits for the disk only where a vote or an epoch hangs
//! on it.
//!
//! What is written is on the disk, whole, before it takes the file's name: whoever looks, after whatever failure, finds an
//! older file or the new one. While the disk is busy only the latest text waits. The file is locked as long as its node
//! runs: two nodes of one name would be the end of a cluster.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// The file of a node that runs.
#[derive(Debug)]
pub(crate) struct NodesFile {
    desk: Arc<Desk>,
    writer: Option<JoinHandle<()>>,
}

/// What the node and the writer share.
#[derive(Debug, Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What is to be written.
    pending: Option<String>,
    /// How many texts were handed over.
    asked: u64,
    /// How many of them need not be written any more.
    done: u64,
    failure: Option<io::Error>,
    is_over: bool,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can panic halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl NodesFile {
    /// Opens and locks the file, or makes it; says what is in it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when it is that of another node that runs; else what the system says.
    pub(crate) fn open(path: PathBuf) -> io::Result<(Self, String)> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        lock(&file)?;
        let (opened, named) = (file.metadata()?, fs::metadata(&path)?);
        if (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
            // Its node has put another in its place meanwhile.
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let desk = Arc::new(Desk::default());
        let theirs = Arc::clone(&desk);
        let writer = thread::Builder::new()
            .name("nodes.conf".into())
            .spawn(move || serve(&theirs, &path, file))?;
        let writer = Some(writer);
        Ok((Self { desk, writer }, text))
    }

    /// Has `text` written; `durably` waits until it is.
    ///
    /// # Errors
    /// What the system said of this text or, where nobody waits for them, of one before it.
    pub(crate) fn save(&self, text: String, durably: bool) -> io::Result<()> {
        let mut state = self.desk.lock();
        state.asked += 1;
        state.pending = Some(text);
        self.desk.changed.notify_all();
        while durably && state.done < state.asked {
            state = self.desk.wait(state);
        }
        state.failure.take().map_or(Ok(()), Err)
    }

    /// Whether all went well since that was last asked.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.desk.lock().failure.take().map_or(Ok(()), Err)
    }
}

impl Drop for NodesFile {
    fn drop(&mut self) {
        self.desk.lock().is_over = true;
        self.desk.changed.notify_all();
        if let Some(writer) = self.writer.take() {
            // It has nothing more to say.
            let _ = writer.join();
        }
    }
}

/// Writes what is handed over, until the node ends and nothing is left.
fn serve(desk: &Desk, path: &Path, mut locked: File) {
    let mut state = desk.lock();
    loop {
        let Some(text) = state.pending.take() else {
            if state.is_over {
                return;
            }
            state = desk.wait(state);
            continue;
        };
        let number = state.asked;
        drop(state);
        let written = replace(path, &text);
        state = desk.lock();
        state.done = number;
        match written {
            Ok(file) => drop(mem::replace(&mut locked, file)),
            Err(error) => state.failure = Some(error),
        }
        desk.changed.notify_all();
    }
}

/// Puts a file with `text`, locked, in the place of the one at `path`.
fn replace(path: &Path, text: &str) -> io::Result<File> {
    let mut name = OsString::from(path);
    name.push(".tmp");
    let temporary = PathBuf::from(name);
    let mut file = File::create(&temporary)?;
    lock(&file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    // The name is the folder's.
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(file)
}

fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        // Some file systems have no locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_text_is_there_when_it_was_waited_for_and_when_the_node_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nodes.conf");
        let (file, text) = NodesFile::open(path.clone()).unwrap();
        assert_eq!(text, "");
        for number in 0..50 {
            file.save(number.to_string(), number % 10 == 0).unwrap();
            let found: i32 = fs::read_to_string(&path).unwrap().parse().unwrap_or(0);
            assert!(found >= number - number % 10, "{found} at {number}");
        }
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "49");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_one_nodes_as_long_as_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nodes.conf");
        let (file, _) = NodesFile::open(path.clone()).unwrap();
        let refusal = || NodesFile::open(path.clone()).unwrap_err().kind();
        assert_eq!(refusal(), io::ErrorKind::WouldBlock);
        file.save("one".into(), true).unwrap();
        assert_eq!(refusal(), io::ErrorKind::WouldBlock);
        drop(file);
        assert_eq!(NodesFile::open(path).unwrap().1, "one");
    }

    #[test]
    fn a_failure_is_told_to_who_waits_and_to_who_asks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nodes.conf");
        let (file, _) = NodesFile::open(path).unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        assert!(file.save("one".into(), true).is_err());
        assert!(file.check().is_ok());
        file.save("two".into(), false).unwrap();
        while file.check().is_ok() {
            thread::yield_now();
        }
    }
}
