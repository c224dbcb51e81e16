//! Loading a snapshot while clients are answered that they have to wait: from the file that a node starts with, from its
//! master.

use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

use tokio::{task, time};

use super::Shared;
use crate::keyspace::Db;
use crate::saving::{FileLoadError, RestoreError};
use crate::snapshot::{LOAD_SLICE_BYTES as SLICE_BYTES, Load, LoadError, Loaded};

/// Read from a file at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// A snapshot being loaded. What has come of it is thrown away where it does not come to its end.
pub(super) struct Loader<'a> {
    node: &'a Shared,
    load: Load,
    is_complete: bool,
}

/// A snapshot that was loaded.
pub(super) struct Complete {
    pub(super) loaded: Loaded,
    /// The database in which a master's stream goes on behind it.
    pub(super) stream_db: Db,
}

impl<'a> Loader<'a> {
    /// Begins to load the snapshot of a master, in place of all there is; 0 bytes stand for a length that is not known.
    pub(super) fn of_master(node: &'a Shared, bytes: u64) -> Self {
        node.borrow_mut().server.make_way();
        let load = load(node).keeping_dead();
        Self::begin(node, load, bytes)
    }

    fn begin(node: &'a Shared, load: Load, bytes: u64) -> Self {
        node.borrow_mut().server.begin_loading(bytes);
        Self {
            node,
            load,
            is_complete: false,
        }
    }

    /// Loads what is complete with these bytes, slice by slice, so that clients are answered.
    pub(super) async fn take(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        self.load.feed(bytes);
        loop {
            let delay = delay(self.node);
            if !self.slice(delay.map_or(SLICE_BYTES, |_| 1))? {
                return Ok(());
            }
            match delay {
                None => task::yield_now().await,
                Some(delay) => time::sleep(delay).await,
            }
        }
    }

    fn slice(&mut self, bytes: usize) -> Result<bool, LoadError> {
        let server = &mut self.node.borrow_mut().server;
        let more = self.load.slice(server, bytes)?;
        server.loaded(&self.load);
        Ok(more)
    }

    /// All has come.
    pub(super) async fn finish(mut self) -> Result<Complete, LoadError> {
        self.load.close();
        self.take(&[]).await?;
        self.is_complete = true;
        Ok(Complete {
            loaded: self.load.loaded,
            stream_db: self.load.stream_db,
        })
    }
}

impl Drop for Loader<'_> {
    fn drop(&mut self) {
        if let Ok(mut turn) = self.node.try_borrow_mut() {
            turn.server.loading = None;
            if !self.is_complete {
                turn.server.discard_data();
            }
        }
    }
}

/// How long `key-load-delay` has every record take, for tests of what happens meanwhile.
fn delay(node: &Shared) -> Option<Duration> {
    let text = node.borrow().server.config.get("key-load-delay")?;
    text.parse()
        .ok()
        .filter(|us| *us > 0)
        .map(Duration::from_micros)
}

fn load(node: &Shared) -> Load {
    Load::new(node.borrow().server.config.limits.clone())
}

/// Loads a file, of which `each` is told after every piece.
pub(super) async fn file(
    mut loader: Loader<'_>,
    mut file: File,
    mut each: impl AsyncFnMut() -> io::Result<()>,
) -> Result<Complete, FileLoadError> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(loader.finish().await?),
            read => loader.take(chunk.get(..read).unwrap_or_default()).await?,
        }
        each().await?;
    }
}

/// Loads what was saved, where there is something.
pub(super) async fn restore(node: &Shared) -> Result<(), RestoreError> {
    let path = node.borrow().server.data_file();
    let outcome = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error.into()),
        Ok(saved) => {
            let bytes = saved.metadata().map_or(0, |about| about.len());
            let loader = Loader::begin(node, load(node), bytes);
            file(loader, saved, async || Ok(())).await
        }
    };
    let complete = outcome.map_err(|source| RestoreError { path, source })?;
    node.borrow_mut().server.restored(complete.loaded);
    Ok(())
}
