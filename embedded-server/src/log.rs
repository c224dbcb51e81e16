//! What a node tells whoever runs it. The library prints nothing by itself.

use std::fmt;
use std::sync::Arc;

/// How much a message matters; `loglevel` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever works on the server.
    Debug,
    /// What happens often.
    Verbose,
    /// What an operator wants to know.
    Notice,
    /// What an operator must know.
    Warning,
}

/// Where messages go; nowhere by default.
#[derive(Clone, Default)]
pub struct Log(Option<Arc<Writer>>);

type Writer = dyn Fn(Level, &str) + Send + Sync;

impl Log {
    /// Messages go to `write`, from the node's thread.
    pub fn new(write: impl Fn(Level, &str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(write)))
    }

    /// Passes a message on.
    pub fn write(&self, level: Level, message: &str) {
        if let Some(write) = &self.0 {
            write(level, message);
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() {
            "Log(to somebody)"
        } else {
            "Log(nowhere)"
        })
    }
}
