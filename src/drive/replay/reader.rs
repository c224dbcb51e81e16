//! The thread that reads a trace and deals its requests out.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::chunk::{Chunk, End, Recorded};
use super::command::admitted;
use super::{DELETE, INCREMENT, READ, Replay, WRITE, place_of};
use crate::drive::encode::append_command;
use crate::drive::job::Job;
use crate::trace::spread::spread;
use crate::trace::{Access, Action, Key, Kind, Request, Trace};
use crate::traffic::{NumberedText, ValueSource};
use crate::workload::plan::{Load, Speed, TraceSource, Ttl, Until};

/// Chunks on their way to a worker.
const CHUNKS: usize = 3;
/// Requests that are read before they are dealt out, at the most, and at the least where more follow.
const ROUND: std::ops::Range<usize> = 2048..65_536;
/// Kinds of commands left out that are told apart.
const LEFT_OUT_MAX: usize = 32;

/// A trace about to be replayed: the reader's side and, for each worker, its own.
#[derive(Debug)]
pub struct Replaying {
    reader: Mutex<Option<Reader>>,
    workers: Mutex<Vec<Option<Replay>>>,
    /// Commands that were not sent again, by name.
    left_out: Mutex<BTreeMap<String, u64>>,
}

#[derive(Debug)]
struct Reader {
    trace: Trace,
    /// Requests that are still wanted.
    left: u64,
    names: NumberedText,
    prefix: Vec<u8>,
    ttl_ms: u64,
    /// Whether times matter.
    is_paced: bool,
    lanes: Vec<Lane>,
    empty: Receiver<Chunk>,
    /// Of the round under way: when each request was recorded, to whom it goes, and which of his it is.
    round: Vec<(u64, usize, usize)>,
    times: Vec<u64>,
    floor_ns: u64,
}

/// The way to a worker.
#[derive(Debug)]
struct Lane {
    chunk: Chunk,
    feed: Option<SyncSender<Chunk>>,
}

impl Replaying {
    /// A replay of `trace`, which `recording` names, as `job` says.
    #[must_use]
    pub fn new(trace: Trace, recording: &TraceSource, job: &Job<'_>) -> Self {
        let load = job.load;
        let (back, empty) = channel();
        let (mut lanes, mut workers) = (Vec::new(), Vec::new());
        for _ in 0..job.crew() {
            let (feed, fed) = sync_channel(CHUNKS);
            lanes.push(Lane {
                chunk: Chunk::default(),
                feed: Some(feed),
            });
            let values = ValueSource::new(job.values, job.seed);
            workers.push(Some(worker(fed, back.clone(), recording, load, values)));
        }
        let mut reader = Reader {
            trace,
            left: match load.until {
                Until::Count(count) => count,
                Until::Elapsed(_) => u64::MAX,
            },
            names: NumberedText::new(&job.keys.name),
            prefix: recording.prefix.clone().into_bytes(),
            ttl_ms: match load.ttl {
                Ttl::After(time) => u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1),
                _ => 0,
            },
            is_paced: recording.speed != Speed::Unpaced,
            lanes,
            empty,
            round: Vec::new(),
            times: Vec::new(),
            floor_ns: 0,
        };
        // The first requests are at hand when the phase begins, or they would be late by as long as reading takes.
        let mut left_out = BTreeMap::new();
        let more = reader.go_round(&mut left_out);
        Self {
            reader: Mutex::new(more.then_some(reader)),
            workers: Mutex::new(workers),
            left_out: Mutex::new(left_out),
        }
    }

    /// The side of worker `number`, once.
    pub(in crate::drive) fn worker(&self, number: u64) -> Option<Replay> {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.get_mut(usize::try_from(number).ok()?)?.take()
    }

    /// Reads until the end of the trace or until no worker is left.
    pub(in crate::drive) fn read(&self) {
        let reader = self
            .reader
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut reader) = reader {
            let mut left_out = self.left_out();
            while reader.go_round(&mut left_out) {}
            *self.left_out.lock().unwrap_or_else(PoisonError::into_inner) = left_out;
        }
    }

    /// Commands that were not sent again, by name, and how many of each.
    #[must_use]
    pub fn left_out(&self) -> BTreeMap<String, u64> {
        self.left_out
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn worker(
    feed: Receiver<Chunk>,
    empty: Sender<Chunk>,
    recording: &TraceSource,
    load: &Load,
    values: ValueSource,
) -> Replay {
    Replay {
        feed,
        empty,
        chunk: Chunk::default(),
        next: 0,
        end: None,
        began_ns: 0,
        speed: match recording.speed {
            Speed::Times(speed) => Some(speed),
            Speed::Unpaced => None,
        },
        values,
        fills: load
            .operations
            .first()
            .is_some_and(|read| read.follow.is_some()),
        asked: (
            Recorded {
                at_ns: 0,
                operation: READ,
                size: None,
                ttl_ms: 0,
            },
            Vec::new(),
        ),
    }
}

impl Reader {
    /// Reads a round of requests and deals them out; false when that was the last.
    fn go_round(&mut self, left_out: &mut BTreeMap<String, u64>) -> bool {
        let end = self.read_round(left_out);
        self.times.clear();
        self.times
            .extend(self.round.iter().map(|(at_ns, ..)| *at_ns));
        spread(&mut self.times, self.floor_ns);
        self.floor_ns = self.times.last().copied().unwrap_or(self.floor_ns);
        for ((_, lane, place), at_ns) in self.round.iter().zip(&self.times) {
            if let Some(lane) = self.lanes.get_mut(*lane) {
                lane.chunk.set_time(*place, *at_ns);
            }
        }
        self.round.clear();
        for lane in &mut self.lanes {
            lane.chunk.end.clone_from(&end);
            if lane.chunk.len() > 0 || end.is_some() {
                lane.send(self.empty.try_recv().unwrap_or_default());
            }
        }
        end.is_none() && self.lanes.iter().any(|lane| lane.feed.is_some())
    }

    /// Reads requests until there are enough of them and a second is complete; how the trace ended, if it did.
    fn read_round(&mut self, left_out: &mut BTreeMap<String, u64>) -> Option<End> {
        while self.left > 0 {
            let before = self.round.last().map(|(at_ns, ..)| *at_ns);
            let request = match self.trace.next() {
                Ok(Some(request)) => request,
                Ok(None) => return Some(End::Reached),
                Err(error) => return Some(End::Damaged(error.to_string())),
            };
            let at_ns = request.at_ns;
            let spelling = Spelling {
                names: &self.names,
                prefix: &self.prefix,
                ttl_ms: self.ttl_ms,
            };
            match spelling.deal(request, &mut self.lanes) {
                Ok((lane, place)) => {
                    self.left -= 1;
                    self.round.push((at_ns, lane, place));
                }
                Err(name) => count(left_out, name),
            }
            let is_complete = !self.is_paced || before != Some(at_ns);
            let is_full = self.lanes.iter().any(|lane| lane.chunk.is_full());
            let read = self.round.len();
            if is_full || read >= ROUND.end || (is_complete && read >= ROUND.start) {
                return None;
            }
        }
        Some(End::Reached)
    }
}

impl Lane {
    /// Sends what is there, and goes on with `next`.
    fn send(&mut self, next: Chunk) {
        let full = std::mem::replace(&mut self.chunk, next);
        let sent = self
            .feed
            .as_ref()
            .is_some_and(|feed| feed.send(full).is_ok());
        if !sent {
            self.feed = None;
        }
    }
}

/// How keys are written.
struct Spelling<'a> {
    names: &'a NumberedText,
    prefix: &'a [u8],
    ttl_ms: u64,
}

impl Spelling<'_> {
    /// Puts a request with the worker that its key belongs to, and which of his it is; the name of a command that is
    /// left out.
    fn deal(&self, request: Request<'_>, lanes: &mut [Lane]) -> Result<(usize, usize), String> {
        match request.action {
            Action::Access(access) => {
                let lane = lane_of(&access.key, lanes.len());
                let recorded = self.recorded(request.at_ns, access);
                Ok(put(lanes, lane, recorded, |out| {
                    self.append_key(access.key, out)
                }))
            }
            Action::Command(words) => {
                let name = words.first().map_or(&[][..], Vec::as_slice);
                let shown =
                    || String::from_utf8_lossy(name.get(..32).unwrap_or(name)).to_uppercase();
                let (effect, keys) = admitted(name)
                    .filter(|_| words.len() > 1)
                    .ok_or_else(shown)?;
                let lane = lane_of(&words.get(1), lanes.len());
                let recorded = Recorded {
                    at_ns: request.at_ns,
                    operation: place_of(effect),
                    size: None,
                    ttl_ms: 0,
                };
                let spelt: Vec<Vec<u8>> = (0..)
                    .zip(words)
                    .map(|(place, word)| {
                        if keys.has(place) {
                            [self.prefix, word].concat()
                        } else {
                            word.clone()
                        }
                    })
                    .collect();
                let spelt: Vec<&[u8]> = spelt.iter().map(Vec::as_slice).collect();
                Ok(put(lanes, lane, recorded, |out| {
                    append_command(&spelt, out)
                }))
            }
        }
    }

    fn recorded(&self, at_ns: u64, access: Access<'_>) -> Recorded {
        Recorded {
            at_ns,
            operation: match access.kind {
                Kind::Get => READ,
                Kind::Set => WRITE,
                Kind::Delete => DELETE,
                Kind::Increment => INCREMENT,
            },
            size: access.size,
            ttl_ms: access
                .ttl_s
                .map_or(self.ttl_ms, |ttl_s| u64::from(ttl_s) * 1000),
        }
    }

    fn append_key(&self, key: Key<'_>, out: &mut Vec<u8>) {
        match key {
            Key::Id(number) => self.names.append(number, out),
            Key::Name(name) => {
                out.extend_from_slice(self.prefix);
                out.extend_from_slice(name);
            }
        }
    }
}

fn lane_of(key: &impl std::hash::Hash, lanes: usize) -> usize {
    if lanes <= 1 {
        return 0;
    }
    let hash = BuildHasherDefault::<DefaultHasher>::new().hash_one(key);
    (hash % lanes as u64) as usize
}

fn put(
    lanes: &mut [Lane],
    lane: usize,
    recorded: Recorded,
    write: impl FnOnce(&mut Vec<u8>),
) -> (usize, usize) {
    let Some(found) = lanes.get_mut(lane) else {
        return (lane, 0);
    };
    found.chunk.push(recorded, write);
    (lane, found.chunk.len() - 1)
}

/// Counts a command that is left out; beyond so many names, as `other`.
fn count(left_out: &mut BTreeMap<String, u64>, name: String) {
    let is_known = left_out.contains_key(&name) || left_out.len() < LEFT_OUT_MAX;
    *left_out
        .entry(if is_known { name } else { "other".to_owned() })
        .or_default() += 1;
}
