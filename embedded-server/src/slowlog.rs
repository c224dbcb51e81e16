//! The commands that took long: SLOWLOG.

use std::collections::VecDeque;

/// The most arguments an entry keeps; the last then tells how many are left out.
const ARGUMENTS_KEPT: usize = 32;
/// The most bytes kept of an argument.
const ARGUMENT_BYTES_KEPT: usize = 128;

/// One command that took long.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number; they go up, and are not used again after SLOWLOG RESET.
    pub id: i64,
    /// When it ran, in seconds since the Unix epoch.
    pub unix_seconds: i64,
    /// How long it took, in microseconds.
    pub duration_us: i64,
    /// What it was, shortened.
    pub arguments: Vec<Vec<u8>>,
    /// The address of the client.
    pub peer: String,
    /// The name of the client.
    pub name: Vec<u8>,
}

/// The latest slow commands, newest first.
#[derive(Debug, Default)]
pub struct SlowLog {
    entries: VecDeque<Entry>,
    next_id: i64,
}

impl SlowLog {
    /// Adds an entry, and forgets the oldest beyond `entries_max`.
    pub fn add(&mut self, entry: Entry, entries_max: usize) {
        self.entries.push_front(Entry {
            id: self.next_id,
            ..entry
        });
        self.next_id += 1;
        self.entries.truncate(entries_max);
    }

    /// The entries, newest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets them all.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

/// The arguments as an entry keeps them.
#[must_use]
pub fn shortened(words: &[&[u8]]) -> Vec<Vec<u8>> {
    let kept = if words.len() > ARGUMENTS_KEPT {
        ARGUMENTS_KEPT - 1
    } else {
        words.len()
    };
    let short = words.iter().take(kept).copied().map(shortened_one);
    let mut short: Vec<_> = short.collect();
    if kept < words.len() {
        short.push(format!("... ({} more arguments)", words.len() - kept).into_bytes());
    }
    short
}

fn shortened_one(argument: &[u8]) -> Vec<u8> {
    let Some(kept) = argument
        .get(..ARGUMENT_BYTES_KEPT)
        .filter(|_| argument.len() > ARGUMENT_BYTES_KEPT)
    else {
        return argument.to_vec();
    };
    let more = format!("... ({} more bytes)", argument.len() - ARGUMENT_BYTES_KEPT);
    [kept, more.as_bytes()].concat()
}
