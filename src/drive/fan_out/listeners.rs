//! The side that listens: a thread with all subscribers, each a connection of its own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};

use super::message::{Push, take};
use super::publisher::tag;
use super::stamp::{Publication, Stamp};
use crate::drive::access::Access;
use crate::drive::dial::dial;
use crate::drive::encode::append_command;
use crate::drive::fault::Fault;
use crate::drive::job::Job;
use crate::drive::pace::nanoseconds;
use crate::drive::spectrum::Spectrum;
use crate::drive::stream::Stream;
use crate::drive::tally::LATENCY_MAX_NS;
use crate::drive::usage::Usage;
use crate::traffic::KeyNames;
use crate::workload::plan::{FanOut, Subscription};

/// Subscribers that are connecting at the same time.
const CONNECTING_MAX: usize = 128;
/// How often it is told what was heard.
const TICK: Duration = Duration::from_millis(100);
/// Room for what comes at a time.
const PIECE: usize = 4096;

/// What subscribers heard.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Messages of this phase.
    pub delivered: u64,
    /// Of these, those that came after a later one of the same publisher.
    pub out_of_order: u64,
    /// Messages on the same channels that somebody else had published.
    pub foreign: u64,
    /// Subscribers whose connection was lost.
    pub disconnected: u64,
    /// Nanoseconds from the due time of the publication to its delivery.
    pub from_due: Histogram<u64>,
    /// Nanoseconds from its send.
    pub from_send: Histogram<u64>,
    /// As `from_due`, coarser, to be told while it goes on.
    pub so_far: Spectrum,
    /// CPU seconds of the thread that listened.
    pub cpu_s: f64,
}

/// Subscribers that listen.
pub(in crate::drive) struct Listeners {
    thread: JoinHandle<Result<Heard, Fault>>,
    /// Takes how many deliveries are to come, once that is known.
    expected: oneshot::Sender<u64>,
    /// Tells about ten times a second what was heard so far.
    news: mpsc::Receiver<Spectrum>,
    so_far: Spectrum,
}

/// The thread's side of the talk with the one that waits for it.
struct Talk {
    /// All are subscribed.
    ready: mpsc::Sender<()>,
    news: mpsc::Sender<Spectrum>,
    expected: oneshot::Receiver<u64>,
}

/// What a subscriber needs.
struct Hearing {
    access: Access,
    origin: Instant,
    tag: u64,
}

struct Shared {
    heard: RefCell<Heard>,
    /// Something came, or a connection was lost.
    news: Notify,
}

impl Listeners {
    /// Subscribes all listeners of `job`; none where it has none.
    ///
    /// # Errors
    ///
    /// Where one of them cannot.
    pub(in crate::drive) fn open(job: &Job<'_>) -> Result<Option<Self>, Fault> {
        let Some(fan_out) = &job.load.fan_out else {
            return Ok(None);
        };
        let hearing = Hearing {
            // Every node of a cluster passes on what is published on any.
            access: job.access.alone(),
            origin: job.origin,
            tag: tag(job),
        };
        let (commands, patience) = (commands(fan_out), job.limits.drain);
        let ((ready, is_ready), (tell, news)) = (mpsc::channel(), mpsc::channel());
        let (expected, is_expected) = oneshot::channel();
        let talk = Talk {
            ready,
            news: tell,
            expected: is_expected,
        };
        let thread = thread::Builder::new()
            .name("listeners".to_owned())
            .spawn(move || listen(hearing, &commands, talk, patience))?;
        match is_ready.recv() {
            Ok(()) => Ok(Some(Self {
                thread,
                expected,
                news,
                so_far: Spectrum::default(),
            })),
            Err(_) => Err(match thread.join() {
                Ok(Err(fault)) => fault,
                _ => Fault::Panicked,
            }),
        }
    }

    /// What was heard so far.
    pub(in crate::drive) fn so_far(&mut self) -> &Spectrum {
        if let Some(latest) = self.news.try_iter().last() {
            self.so_far = latest;
        }
        &self.so_far
    }

    /// Waits until `expected` deliveries have been made, or nothing more comes; what was heard.
    ///
    /// # Errors
    ///
    /// Where the thread could not go on.
    pub(in crate::drive) fn close(self, expected: u64) -> Result<Heard, Fault> {
        drop(self.news);
        // Where nobody listens any more the thread has ended, and says why.
        let _ = self.expected.send(expected);
        self.thread.join().unwrap_or(Err(Fault::Panicked))
    }
}

/// What each subscriber sends.
fn commands(fan_out: &FanOut) -> Vec<Vec<u8>> {
    let names = KeyNames::new(&fan_out.channels);
    let name = |channel| {
        let mut name = Vec::new();
        names.append(channel, &mut name);
        name
    };
    let pattern = || {
        let before = fan_out.channels.name.before.as_bytes();
        [&escaped(before), &b"*"[..]].concat()
    };
    let command = |subscriber: u64| {
        let (word, subject): (&[u8], _) = match fan_out.by {
            Subscription::Channel => (b"SUBSCRIBE", name(subscriber % fan_out.channels.count)),
            Subscription::Shard => (b"SSUBSCRIBE", name(subscriber % fan_out.channels.count)),
            Subscription::Pattern => (b"PSUBSCRIBE", pattern()),
        };
        let mut command = Vec::new();
        append_command(&[word, &subject], &mut command);
        command
    };
    (0..u64::from(fan_out.subscribers)).map(command).collect()
}

/// A text as a pattern that it alone fits.
fn escaped(text: &[u8]) -> Vec<u8> {
    let escaped = text.iter().flat_map(|byte| {
        let is_special = b"*?[]\\".contains(byte);
        is_special.then_some(b'\\').into_iter().chain([*byte])
    });
    escaped.collect()
}

/// The thread: subscribes, listens, and leaves what was heard.
fn listen(
    hearing: Hearing,
    commands: &[Vec<u8>],
    talk: Talk,
    patience: Duration,
) -> Result<Heard, Fault> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())?;
    let hearing = Rc::new(hearing);
    let shared = Rc::new(Shared {
        heard: RefCell::new(Heard::nothing()?),
        news: Notify::new(),
    });
    runtime.block_on(async {
        for some in commands.chunks(CONNECTING_MAX) {
            subscribe(some, &hearing, &shared).await?;
        }
        let before = Usage::now();
        // Nobody waits any more only where the phase has been given up.
        let _ = talk.ready.send(());
        tokio::task::spawn_local(tell(Rc::clone(&shared), talk.news));
        if let Ok(expected) = talk.expected.await {
            shared.wait(expected, commands.len() as u64, patience).await;
        }
        let mut heard = shared.heard.borrow().clone();
        heard.cpu_s = (Usage::now() - before).cpu_s;
        Ok(heard)
    })
}

/// Tells what was heard so far, again and again, as long as somebody wants to know.
async fn tell(shared: Rc<Shared>, news: mpsc::Sender<Spectrum>) {
    loop {
        sleep(TICK).await;
        let so_far = shared.heard.borrow().so_far.clone();
        if news.send(so_far).is_err() {
            return;
        }
    }
}

/// Subscribes some at the same time, and begins to listen on their connections.
async fn subscribe(
    commands: &[Vec<u8>],
    hearing: &Rc<Hearing>,
    shared: &Rc<Shared>,
) -> Result<(), Fault> {
    let open = |command: &Vec<u8>| {
        let (hearing, command) = (Rc::clone(hearing), command.clone());
        tokio::task::spawn_local(async move { Subscriber::open(&hearing.access, &command).await })
    };
    let opening: Vec<_> = commands.iter().map(open).collect();
    for task in opening {
        let mut subscriber = task.await.map_err(|_| Fault::Panicked)??;
        let (hearing, shared) = (Rc::clone(hearing), Rc::clone(shared));
        tokio::task::spawn_local(async move {
            // However it ends, it hears nothing any more.
            let _ = subscriber.listen(&hearing, &shared).await;
            shared.heard.borrow_mut().disconnected += 1;
            shared.news.notify_one();
        });
    }
    Ok(())
}

impl Shared {
    /// Waits until so many deliveries have been made, or no subscriber is left, or nothing comes for as long as `patience`.
    async fn wait(&self, expected: u64, subscribers: u64, patience: Duration) {
        let is_over = || {
            let heard = self.heard.borrow();
            heard.delivered >= expected || heard.disconnected >= subscribers
        };
        while !is_over() {
            if timeout(patience, self.news.notified()).await.is_err() {
                return;
            }
        }
    }
}

impl Heard {
    fn nothing() -> Result<Self, Fault> {
        let histogram = || {
            Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3)
                .map_err(|error| Fault::System(std::io::Error::other(error.to_string())))
        };
        Ok(Self {
            delivered: 0,
            out_of_order: 0,
            foreign: 0,
            disconnected: 0,
            from_due: histogram()?,
            from_send: histogram()?,
            so_far: Spectrum::default(),
            cpu_s: 0.0,
        })
    }
}

/// One subscriber.
struct Subscriber {
    stream: Stream,
    /// What has come and was not read yet.
    bytes: Vec<u8>,
    /// The last message of each publisher's connection.
    last: HashMap<u32, u32>,
}

impl Subscriber {
    /// Connects and subscribes.
    async fn open(access: &Access, command: &[u8]) -> Result<Self, Fault> {
        let mut subscriber = Self {
            stream: dial(access).await?,
            bytes: Vec::with_capacity(PIECE),
            last: HashMap::new(),
        };
        let subscribing = async {
            let written = subscriber.stream.write_all(command).await;
            written.map_err(Fault::Disconnected)?;
            let flushed = subscriber.stream.flush().await;
            flushed.map_err(Fault::Disconnected)?;
            subscriber.confirmed(access).await
        };
        let within = access.timeout;
        timeout(within, subscribing)
            .await
            .unwrap_or(Err(Fault::Timeout(within)))?;
        Ok(subscriber)
    }

    /// Waits until the subscription stands.
    async fn confirmed(&mut self, access: &Access) -> Result<(), Fault> {
        loop {
            if let Some((used, push)) = take(&self.bytes)? {
                if let Push::Refused(why) = push {
                    return Err(Fault::Refused {
                        peer: access.peer.clone(),
                        why: String::from_utf8_lossy(why).into_owned(),
                    });
                }
                let stands = push == Push::Subscribed;
                self.bytes.drain(..used);
                if stands {
                    return Ok(());
                }
                continue;
            }
            self.receive().await?;
        }
    }

    async fn receive(&mut self) -> Result<(), Fault> {
        self.bytes.reserve(PIECE);
        match self.stream.read_buf(&mut self.bytes).await {
            Ok(0) => Err(Fault::Disconnected(
                std::io::ErrorKind::UnexpectedEof.into(),
            )),
            Ok(_) => Ok(()),
            Err(error) => Err(Fault::Disconnected(error)),
        }
    }

    /// Hears messages until the connection is lost.
    async fn listen(&mut self, hearing: &Hearing, shared: &Shared) -> Result<(), Fault> {
        loop {
            let now_ns = nanoseconds(hearing.origin.elapsed());
            let mut used = 0;
            {
                let mut heard = shared.heard.borrow_mut();
                while let Some((length, push)) = take(self.bytes.get(used..).unwrap_or_default())? {
                    if let Push::Message(message) = push {
                        hear(&mut heard, &mut self.last, message, hearing.tag, now_ns);
                    }
                    used += length;
                }
            }
            if used > 0 {
                self.bytes.drain(..used);
                shared.news.notify_one();
            }
            self.receive().await?;
        }
    }
}

/// Counts a message that came at `now_ns`.
fn hear(heard: &mut Heard, last: &mut HashMap<u32, u32>, message: &[u8], tag: u64, now_ns: u64) {
    let Some(stamp) = Stamp::read(message).filter(|stamp| stamp.tag == tag) else {
        heard.foreign += 1;
        return;
    };
    let Publication { connection, number } = stamp.publication;
    let last = last.entry(connection).or_default();
    heard.delivered += 1;
    heard.out_of_order += u64::from(number <= *last);
    *last = number.max(*last);
    heard.so_far.record(now_ns.saturating_sub(stamp.due_ns));
    for (latencies, since_ns) in [
        (&mut heard.from_due, stamp.due_ns),
        (&mut heard.from_send, stamp.sent_ns),
    ] {
        latencies.saturating_record(now_ns.saturating_sub(since_ns));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_out_of_turn_and_of_others_are_told() {
        let (mut heard, mut last) = (Heard::nothing().unwrap(), HashMap::new());
        let mut message = [0; 40];
        for (tag, connection, number) in [(1, 1, 1), (1, 2, 1), (1, 1, 3), (1, 1, 2), (2, 1, 4)] {
            let stamp = Stamp {
                tag,
                due_ns: 100,
                sent_ns: 150,
                publication: Publication { connection, number },
            };
            stamp.write(&mut message);
            hear(&mut heard, &mut last, &message, 1, 200);
        }
        hear(&mut heard, &mut last, b"somebody else's", 1, 200);
        assert_eq!(
            (heard.delivered, heard.out_of_order, heard.foreign),
            (4, 1, 2)
        );
        assert_eq!((heard.from_due.max(), heard.from_send.max()), (100, 50));
    }

    #[test]
    fn a_pattern_fits_its_channels_alone() {
        assert_eq!(escaped(b"cachebench:a*[b]:"), br"cachebench:a\*\[b\]:");
    }
}
